"""A copy of the state files to read in: what is corrupt is set aside there, and compiled there, not at home.

The readers of state files set aside what they cannot read, and opening a pool compiles the registry. A doctor
changes nothing, so it has them work on copies in a directory that goes away with it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.errors import LlmpoolError, StateUnusable
from llmpool.state import jsonfile, tokens

COPIED = ("*.json", "rates/*")
_COMPILED = ("registry.json", "routing.json", "costs.json")
_READ_BY = (
    *("inventory", "policy", "health", "formats", "keys", "accounts", "catalog", "limits", "downloads"),
    *("prices", "price_book", "budgets", "trial", "logins", "quotas", "history"),
)
_REASON = re.compile(r" is corrupt \((.*?)\):")


class Fault(NamedTuple):
    """What is wrong with a state file. *precious*: no command goes on without it; *newer*: it is not broken.

    *told* is the reader's own message where it says it best.
    """

    name: str
    reason: str
    precious: bool = False
    newer: bool = False


@contextmanager
def copied(state: Path) -> Iterator[tuple[Path, list[Fault], list[str]]]:
    """Copy the state files; give the directory and what is wrong with them, which is taken out of it.

    The list at the end has what readers find corrupt among the rest as long as it is open: `fault_of` reads
    it. Raises OSError where there is no place for copies.
    """
    with tempfile.TemporaryDirectory(prefix="llmpool-doctor-") as folder, _warnings() as heard:
        copy = Path(folder)
        _copy(state, copy)
        faults = _faults(copy, heard)
        heard.clear()
        yield copy, faults, heard


def _copy(state: Path, copy: Path) -> None:
    """Copy contents and times: by these the compiled registry knows that it is fresh."""
    for pattern in COPIED:
        for path in sorted(state.glob(pattern)):
            with suppress(OSError):  # whoever may not be read is found among the permissions
                if path.is_file() and path.name != tokens.NAME:  # secrets are copied nowhere
                    target = copy / path.relative_to(state)
                    target.parent.mkdir(mode=0o700, exist_ok=True)
                    shutil.copyfile(path, target)
                    shutil.copystat(path, target)
                    target.chmod(0o600)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect what the readers would tell a person, for it speaks of the copies."""
    heard: list[str] = []
    before = jsonfile.on_warning(heard.append)
    try:
        yield heard
    finally:
        jsonfile.on_warning(before)


def _faults(copy: Path, heard: list[str]) -> list[Fault]:
    readers = _readers()
    found = []
    for path in sorted(copy.glob("*.json")):
        if path.name not in (*readers, *_COMPILED):
            continue  # not one of ours
        fault = _fault(path, readers.get(path.name) or _plainly(path), heard)
        if fault:
            found.append(fault)
            for left in (path, *copy.glob(f"{path.name}.corrupt-*")):
                left.unlink(missing_ok=True)
    return found


def _plainly(path: Path) -> Callable[[Path], Any]:
    """Read a file of which no more is known than that it is a state file."""
    return lambda _state: jsonfile.read(path)


def _readers() -> dict[str, Callable[[Path], Any]]:
    """Find who reads which file; they know what must be in it."""
    modules = [import_module(f"llmpool.state.{name}") for name in _READ_BY]
    return {module.NAME: module.read for module in modules}


def _fault(path: Path, reader: Callable[[Path], Any], heard: list[str]) -> Fault | None:
    """Read a file as its reader does, and say what was wrong."""
    heard.clear()
    try:
        reader(path.parent)
    except StateUnusable as error:
        newer = " is of version " in error.message
        fact = error.message.partition(" is of ")[2] if newer else _reason(error.message)
        return Fault(path.name, fact, precious=not newer, newer=newer)
    except LlmpoolError as error:
        return Fault(path.name, error.message.replace(str(path.parent), "."))
    return Fault(path.name, _reason(heard[0])) if heard and not path.exists() else None


def fault_of(copy: Path, message: str) -> Fault:
    """Return the fault that a reader of the copies has warned of."""
    path = Path(message.partition(" is corrupt ")[0])
    return Fault(str(path.relative_to(copy)) if path.is_relative_to(copy) else path.name, _reason(message))


def _reason(message: str) -> str:
    found = _REASON.search(message)
    return found[1] if found else "it cannot be read"
