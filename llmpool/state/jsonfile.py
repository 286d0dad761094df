"""One JSON file of state: read without a lock, changed under one, never seen half written (DESIGN 3.5).

Every such file is an envelope, `{"version", "written_at", "data"}`. `read` is on the path of every command,
so what only writing or trouble needs is imported there.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from llmpool.errors import Busy, LaterState, StateUnusable

STALE_AFTER = 3600.0  # seconds after which a file that is being written is one that nobody writes
MOST_BYTES = 256 << 20  # of a file; a pool of 10,000 deployments has 5 MB
_NUMBER = 8  # digits behind the process id in the name of a file that is being written
_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP)
_REPLACE_TRIES = 10 if sys.platform == "win32" else 1

T = TypeVar("T")
_FOREIGN = (TypeError, KeyError, AttributeError, ValueError, IndexError, RecursionError, OverflowError)
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class _Corrupt(Exception):
    """The content is not an envelope, or holds something else; the text says how."""


def _as_it_is(data: Any) -> Any:
    """Decode nothing."""
    return data


def _to_stderr(message: str) -> None:
    """Write a warning where a person sees it and a pipe does not."""
    sys.stderr.write(f"warning: {message}\n")


_warning_hooks: list[Callable[[str], None]] = [_to_stderr]


def on_warning(hook: Callable[[str], None]) -> Callable[[str], None]:
    """Send warnings to *hook*, each is one line, and return who heard them before: stderr, at first."""
    before, _warning_hooks[0] = _warning_hooks[0], hook
    return before


def warn(message: str) -> None:
    """Tell the person, in one line, what went wrong and was survived."""
    _warning_hooks[0](message.replace("\n", " "))


def read(
    path: Path,
    *,
    version: int = 1,
    precious: bool = False,
    decode: Callable[[Any], T] = _as_it_is,
) -> T:
    """Return the data in *path* as *decode* makes it of JSON; it gets None when there is no such file.

    Takes no lock, because a rename is atomic. Corrupt is what is no envelope, and what *decode* cannot read.
    It is set aside: then observations go on with a warning and as if there were no file, *precious* ones
    (decisions, money) raise, and go on raising until their owner has put a copy back or deleted what was
    set aside: a run that forgot a policy could do what it forbade. A newer version is refused and not
    touched; the data of an older one is decoded as it is.
    """
    try:
        content = _content(path)
        if content is None and precious:
            _refuse_to_forget(path)
        return _unwrap(content, path, version, decode)
    except _Corrupt as fault:
        reason = str(fault)
    return _look_again(path, version, reason, decode, precious=precious)


def update(
    path: Path,
    fn: Callable[[T], Any],
    *,
    version: int = 1,
    precious: bool = False,
    wait: float = 10.0,
    decode: Callable[[Any], T] = _as_it_is,
) -> Any:
    """Replace the data in *path* by `fn(data)`, alone and on the newest data, and return it.

    *fn* gets what *decode* makes of the data, or of None when there is no file. Nothing is written when
    what it returns is what the file already holds; an old value that it changed in place counts as changed.
    Raises Busy where the lock is not free within *wait* seconds, StateUnusable for what cannot be read or
    written, and what `read` raises.
    """
    from llmpool.state.lock import locked

    with locked(path, wait=wait):
        content, old = _load_locked(path, version, decode, precious=precious, writing=True)
        new = fn(old)
        encoded = encode(new)
        if not _holds(content, encoded, version):
            write_atomic(path, _envelope(encoded, version))
        return new


def encode(value: Any) -> bytes:
    """Return *value* as compact JSON on one line."""
    try:
        return _compact.encode(value).encode()
    except UnicodeEncodeError:  # half a surrogate pair, as broken servers send: only its escape is UTF-8
        return _ascii.encode(value).encode()


def write_atomic(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put *content* at *path* so that everyone sees the old file or the new one, even after a power cut.

    Missing directories are made 0700; the file gets *mode*, whatever the umask. A symbolic link at *path*
    is itself replaced, not its target. When it raises the old file is there and nothing else; after a crash a
    `.NAME.*.tmp` may be, which a later write in that directory removes once it is an hour old.
    """
    from llmpool.state.lock import open_private, unusable

    temporary = temporary_of(path)
    try:
        descriptor = open_private(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            if mode != 0o600:  # the umask may have taken some of it
                temporary.chmod(mode)
            _fill(descriptor, content)
            replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unusable(path, error) from error
    settle(path)


def settle(path: Path) -> None:
    """Make a name survive a power cut; an error is told only: who took it for unwritten would count twice."""
    try:
        sync_directory(path.parent)
    except OSError as error:
        warn(f"{path} is written, but a power cut may undo that: {error.strerror}")
    remove_leftovers(path.parent)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of *content*; one os.write may take less, on a disk that is nearly full."""
    rest = memoryview(content)
    while rest:
        written = os.write(descriptor, rest)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[written:]


def sync_directory(directory: Path) -> None:
    """Make a rename or a new name in *directory* survive a power cut, where the platform can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def _content(path: Path) -> bytes | None:
    """Return the bytes of *path*, None when it is missing; what no state comes near is not read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _Corrupt(f"larger than {MOST_BYTES >> 20} MiB")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        from llmpool.state.lock import unusable

        raise unusable(path, error, "read") from error


def _unwrap(content: bytes | None, path: Path, version: int, decode: Callable[[Any], T] = _as_it_is) -> T:
    """Return the data in the envelope, decoded; raise for a newer version or for what is something else."""
    if content is None:
        return decode(None)
    data = _data(content, path, version)
    try:
        return decode(data)
    except _FOREIGN as error:
        raise _Corrupt("it holds something else") from error


def _data(content: bytes, path: Path, version: int) -> Any:
    """Return the data in the envelope as it is."""
    try:
        envelope = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise _Corrupt("not JSON") from error
    if not isinstance(envelope, dict):
        raise _Corrupt("not a JSON object")
    written = envelope.get("version")
    if type(written) is not int or written < 1:
        raise _Corrupt("no version")
    if written > version:
        raise LaterState(path, written, version)
    if "data" not in envelope:
        raise _Corrupt("no data")
    return envelope["data"]


def _look_again(path: Path, version: int, reason: str, decode: Callable[[Any], T], *, precious: bool) -> T:
    """Read once more, now under the lock: whoever wrote meanwhile has made the file whole."""
    from contextlib import ExitStack

    from llmpool.state.lock import locked

    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path))
        except (Busy, StateUnusable) as error:
            _report(path, reason, f"it stays where it is ({error.message})", fatal=precious)
            return decode(None)
        if not path.exists():
            _report(path, reason, "another process has set it aside", fatal=precious)
            return decode(None)
        return _load_locked(path, version, decode, precious=precious, writing=False)[1]


def _load_locked(
    path: Path, version: int, decode: Callable[[Any], T], *, precious: bool, writing: bool
) -> tuple[bytes | None, T]:
    """Return content and data of *path*; what is corrupt is set aside, and never written over."""
    try:
        content = _content(path)
        if content is None and precious:
            _refuse_to_forget(path)
        return content, _unwrap(content, path, version, decode)
    except _Corrupt as fault:
        reason = str(fault)
    try:
        ending, fatal = f"set aside as {_set_aside(path).name}", precious
    except OSError as error:
        ending, fatal = f"it cannot be set aside ({error.strerror})", precious or writing
    _report(path, reason, ending, fatal=fatal)
    return None, decode(None)


def _refuse_to_forget(path: Path) -> None:
    """Raise when *path* is missing because it was set aside, and nobody has settled that since."""
    aside = max(path.parent.glob(f"{path.name}.corrupt-*"), default=None)
    if aside is not None:
        raise StateUnusable(
            f"{path} was corrupt and is set aside as {aside.name}; what it decided is not known",
            hint=f"put a good copy in its place as {path.name}, or delete {aside} to go on without",
        )


def _set_aside(path: Path) -> Path:
    """Rename *path*, under its lock, to a name that says when it was found corrupt."""
    name = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside = path.with_name(name)
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{name}-{number}")
    return path.rename(aside)


def _report(path: Path, reason: str, ending: str, *, fatal: bool) -> None:
    """Warn about a corrupt file, or raise where going on without it would forget a decision."""
    message = f"{path} is corrupt ({reason}): {ending}"
    if not fatal:
        warn(f"{message}; going on without it")
        return
    hint = f"put a good copy in its place as {path.name}, or delete what was set aside to go on without"
    raise StateUnusable(message, hint=hint)


def _envelope(encoded: bytes, version: int) -> bytes:
    """Return the file's content around the encoded data."""
    from llmpool.core.times import rfc3339

    return b'{"version":%d,"written_at":"%s","data":%s}\n' % (version, rfc3339(time.time()).encode(), encoded)


def _holds(content: bytes | None, encoded: bytes, version: int) -> bool:
    """Tell whether the file already says just this, the time of writing apart."""
    if content is None:
        return encoded == b"null"
    return content.startswith(b'{"version":%d,' % version) and content.endswith(b'","data":%s}\n' % encoded)


def _fill(descriptor: int, content: bytes) -> None:
    """Write, sync and close; only after that may the file take its name."""
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(temporary: Path, path: Path) -> None:
    """Rename over *path*; on Windows that fails for as long as somebody reads it."""
    for left in reversed(range(_REPLACE_TRIES)):
        try:
            temporary.replace(path)
        except PermissionError:
            if not left:
                raise
            time.sleep(0.05)
        else:
            return


def remove_leftovers(directory: Path) -> None:
    """Remove what writers that were killed left in *directory* over an hour ago, whatever they wrote."""
    from contextlib import suppress

    limit = time.time() - STALE_AFTER
    with suppress(OSError):  # the write is done, and a leftover does no harm: the next write tries again
        for entry in directory.iterdir():
            if is_leftover(entry.name) and entry.lstat().st_mtime < limit:
                entry.unlink(missing_ok=True)


def is_leftover(name: str) -> bool:
    """Tell whether a file has the name of one that is being written here: `.NAME.PID-NUMBER.tmp`."""
    if not (name[0] == "." and name.endswith(".tmp")):
        return False
    pid, _, number = name[:-4].rpartition(".")[2].partition("-")
    return pid.isdigit() and len(number) == _NUMBER


def temporary_of(path: Path) -> Path:
    """Return under which name a new *path* is written."""
    return path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(_NUMBER // 2).hex()}.tmp")
