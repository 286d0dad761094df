"""Which files the program opens: counted by Python itself, whatever opens them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_listening: list[tuple[str, set[str]]] = []
_installed: list[bool] = []


def _hear(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _listening and isinstance(args[0], str | bytes):
        path = os.fsdecode(args[0])
        for folder, found in _listening:
            if path.startswith(folder):
                found.add(path.removeprefix(folder))


@contextmanager
def opened(folder: Path) -> Iterator[set[str]]:
    """Gather the names of the files under *folder* that are opened meanwhile, without those of locks."""
    if not _installed:
        sys.addaudithook(_hear)  # it stays for good, and hears nothing when nobody asks
        _installed.append(True)
    found: set[str] = set()
    _listening.append((f"{folder}{os.sep}", found))
    try:
        yield found
    finally:
        _listening.pop()
        found -= {name for name in found if name.endswith((".lock", os.sep))}
