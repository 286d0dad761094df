"""Terminals inside the test's own process: streams that say they are one, of any width and encoding."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from unittest import mock

from tests.streams import Streams


class _Tty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


class Terminals(Streams):
    """The streams of a run whose stdout and stderr are terminals; no program could tell."""

    encoding = "utf-8"

    def __enter__(self) -> Self:
        super().__enter__()
        for name in ("stdout", "stderr"):
            setattr(sys, name, _Tty(self._files[name], encoding=self.encoding, write_through=True))
        return self


@contextmanager
def terminals(encoding: str = "utf-8") -> Iterator[None]:
    """Run what `Home.here` runs on terminals."""
    made = type("Encoded", (Terminals,), {"encoding": encoding})
    with mock.patch("tests.support.Streams", made):
        yield
