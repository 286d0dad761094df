"""Lets a run of the program inside the test's own process have streams of its own."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

from llmpool.state import jsonfile


class Streams:
    """Files in the place of the three streams, and all that a run changes of its process put back."""

    def __init__(self, stdin: str | bytes | None) -> None:
        self._files: dict[str, Any] = {name: tempfile.TemporaryFile() for name in ("stdout", "stderr")}  # noqa: SIM115
        self._files["stdin"] = Path(os.devnull).open("rb") if stdin is None else tempfile.TemporaryFile()  # noqa: SIM115
        if stdin is not None:
            self._files["stdin"].write(stdin.encode() if isinstance(stdin, str) else stdin)
            self._files["stdin"].seek(0)

    def __enter__(self) -> Self:
        self._hook = jsonfile._warning_hooks[0]
        self._signals = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        self._real = {name: getattr(sys, name) for name in self._files}
        opened = {
            n: io.TextIOWrapper(f, encoding="utf-8", write_through=True) for n, f in self._files.items()
        }
        self._held = opened  # a run may let go of one, which would close its file
        for name, stream in opened.items():
            setattr(sys, name, stream)
        return self

    def __exit__(self, *_error: object) -> None:
        jsonfile.on_warning(self._hook)
        for each, action in self._signals.items():
            signal.signal(each, action)
        for name, stream in self._real.items():
            setattr(sys, name, stream)
        for file in self._files.values():
            file.close()

    def read(self, name: str) -> bytes:
        """Return what was written to a stream."""
        self._files[name].seek(0)
        return bytes(self._files[name].read())
