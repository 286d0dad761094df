"""Checks of files and disk: who else may read or write them, whether we may, and how much room is left."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from llmpool.core.text import few
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted
from llmpool.state.jsonfile import STALE_AFTER

AREA = "files"
MOST_LOOKED_AT = 20_000  # entries of the state directory
LITTLE, ALMOST_NONE = 200 << 20, 10 << 20  # bytes left
_OTHERS, _OTHERS_WRITE = 0o077, 0o022


def permissions(case: Case) -> Iterator[Finding]:
    """Look at secrets, config and state: closed to others, open to us."""
    yield from _secrets(case.paths.secrets)
    yield from _key_files(case.paths.secrets.parent)
    yield from _config(case.paths.config)
    yield from _state(case.paths.state)


def _secrets(path: Path) -> Iterator[Finding]:
    """Refused by every command unless it is a plain file of ours that nobody else may read."""
    try:
        seen = path.lstat()
    except OSError:
        return  # there is none, or the config beside it cannot be read either
    if stat.S_ISLNK(seen.st_mode):
        mend = f"cp --remove-destination {quoted(path.resolve(), path)} && chmod 600 {quoted(path)}"
        yield Finding(ERROR, AREA, str(path), "is a symbolic link, so its keys are refused", mend)
    elif not stat.S_ISREG(seen.st_mode):
        mend = quoted("mv", path, f"{path}.away")
        yield Finding(ERROR, AREA, str(path), "is no plain file, so it can hold no keys", mend)
    elif _is_foreign(seen):
        mend = quoted("sudo", "chown", str(os.getuid()), path)
        yield Finding(ERROR, AREA, str(path), "belongs to another user, so its keys are refused", mend)
    elif os.name == "posix" and stat.S_IMODE(seen.st_mode) & _OTHERS:
        mend = quoted("chmod", "600", path)
        fact = f"may be read by others ({_mode(seen)}), so its keys are refused"
        yield Finding(ERROR, AREA, str(path), fact, mend)


def _key_files(folder: Path) -> Iterator[Finding]:
    """Look at the files beside the config that a key is in by their name."""
    for path in sorted(folder.glob("*.key")):
        seen = _look(path)
        if (
            seen
            and stat.S_ISREG(seen.st_mode)
            and os.name == "posix"
            and stat.S_IMODE(seen.st_mode) & _OTHERS
        ):
            fact = f"may be read by others ({_mode(seen)})"
            yield Finding(ERROR, AREA, str(path), fact, quoted("chmod", "600", path))


def _config(path: Path) -> Iterator[Finding]:
    """Whoever may write the config may have us run commands and send keys where they like."""
    for place in (path, path.parent):
        try:
            seen = place.stat()
        except OSError:
            continue  # a missing one is no fault, an unreadable one is a problem of the config
        if not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
            continue  # likewise
        if (
            os.name == "posix"
            and stat.S_IMODE(seen.st_mode) & _OTHERS_WRITE
            and not seen.st_mode & stat.S_ISVTX
        ):
            refused = place == path and seen.st_mode & stat.S_IWOTH
            what = "no key is used" if refused else "commands in the config run as you"
            fact, mend = f"may be written by others ({_mode(seen)}): {what}", quoted("chmod", "go-w", place)
            yield Finding(ERROR if refused else WARNING, AREA, str(place), fact, mend)
        elif _is_foreign(seen) and seen.st_uid != 0:
            fact = "belongs to another user: commands in the config run as you"
            mend = quoted("sudo", "chown", str(os.getuid()), place)
            yield Finding(WARNING, AREA, str(place), fact, mend)


def _state(state: Path) -> Iterator[Finding]:
    """Look at the state directory, which holds prompts and answers: ours alone, and writable."""
    if not os.path.lexists(state):
        yield from _makeable(state)
    elif not state.is_dir():
        yield Finding(ERROR, AREA, str(state), "is no directory", quoted("mv", state, f"{state}.away"))
    elif not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        mend = quoted("chmod", "u+rwx", state)
        yield Finding(ERROR, AREA, str(state), "may not be read and written by this user", mend)
    else:
        yield from _inside(state)


def _makeable(state: Path) -> Iterator[Finding]:
    """Say whether a state directory that is not there yet could be made."""
    above = next(parent for parent in state.parents if os.path.lexists(parent))
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        mend = "export LLMPOOL_STATE_DIR=$HOME/.local/state/llmpool"
        yield Finding(ERROR, AREA, str(state), f"cannot be made: {above} may not be written", mend)


def _inside(state: Path) -> Iterator[Finding]:
    """Look at the directory and what is in it; one finding for all that is open, however much that is."""
    entries = [state, *islice(_walk(state), MOST_LOOKED_AT)]
    seen = [(path, found) for path in entries if (found := _look(path)) and not stat.S_ISLNK(found.st_mode)]
    others = [path for path, found in seen if os.name == "posix" and stat.S_IMODE(found.st_mode) & _OTHERS]
    foreign = [path for path, found in seen if _is_foreign(found)]
    ours = {path for path, _ in seen}.difference(foreign)
    shut = [path for path, found in seen if path in ours and not found.st_mode & stat.S_IRUSR]
    if others:
        severity = WARNING if state in others else NOTE  # behind a closed door nobody sees them
        fact = f"{_some(others, state)} may be read or written by others"
        yield Finding(severity, AREA, str(state), fact, quoted("chmod", "-R", "go-rwx", state))
    if foreign:
        fact = f"{_some(foreign, state)} {_belongs(foreign)} to another user"
        yield Finding(ERROR, AREA, str(state), fact, quoted("sudo", "chown", "-R", str(os.getuid()), state))
    if shut:
        fact = f"{_some(shut, state)} may not be read by this user"
        yield Finding(ERROR, AREA, str(state), fact, quoted("chmod", "-R", "u+rwX", state))
    yield from _leftovers(state)


def _leftovers(state: Path) -> Iterator[Finding]:
    """Crashed writers leave files behind, which nothing reads."""
    limit = time.time() - STALE_AFTER
    left = [path for path in sorted(state.rglob(".*.tmp")) if (seen := _look(path)) and seen.st_mtime < limit]
    if left:
        fact = f"{_some(left, state)}: left behind by a run that was killed while writing"
        yield Finding(NOTE, AREA, str(state), fact, quoted("rm", "--", *left))


def space(case: Case) -> Iterator[Finding]:
    """Look how much room the disk of the state directory has."""
    place = case.paths.state
    while not os.path.exists(place):  # noqa: PTH110 - the other one raises where it may not look
        place = place.parent
    total, _, free = shutil.disk_usage(place)
    inodes = os.statvfs(place) if hasattr(os, "statvfs") else None
    if total and free < LITTLE:
        severity = ERROR if free < ALMOST_NONE else WARNING
        fact = f"only {free >> 20} MB are free: usage and decisions cannot be kept when it is full"
        yield Finding(severity, "disk", str(place), fact, quoted("du", "-sh", case.paths.state))
    if inodes and inodes.f_files and not inodes.f_favail:
        yield Finding(ERROR, "disk", str(place), "the disk takes no more files", quoted("df", "-i", place))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield everything below a directory; what may not be entered is passed over."""
    for here, folders, files in os.walk(folder):
        yield from (Path(here, name) for name in sorted((*folders, *files)))


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None  # gone meanwhile


def _is_foreign(seen: os.stat_result) -> bool:
    return os.name == "posix" and seen.st_uid != os.getuid()


def _mode(seen: os.stat_result) -> str:
    return f"mode {stat.S_IMODE(seen.st_mode):04o}"


def _some(paths: list[Path], state: Path) -> str:
    """Name the first of some files, and how many more there are."""
    return few(["the directory itself" if path == state else path.name for path in paths], 1)


def _belongs(paths: list[Path]) -> str:
    return "belongs" if len(paths) == 1 else "belong"
