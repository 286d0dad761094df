"""Read a file of secrets: never through a link, never one of somebody else's, never one others may read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from llmpool.core.word import word
from llmpool.errors import UnusableCredential

MOST = 1 << 20


def read_private(path: Path, *, most: int = MOST) -> bytes:
    """Return the bytes of *path*; raises FileNotFoundError, and UnusableCredential that says what to run."""
    try:
        # a FIFO would wait for a writer: O_NONBLOCK opens it at once, and it is refused below
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        _refuse_foreign(path, os.fstat(descriptor))
        content = _content(descriptor, most)
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise UnusableCredential(f"{path} is too large for a file of keys", hint=f"look at {path}")
    return content


def _content(descriptor: int, most: int) -> bytes:
    """Read to the end, or one byte beyond *most*."""
    content = b""
    while len(content) <= most and (more := os.read(descriptor, most + 1 - len(content))):
        content += more
    return content


def refuse_exposed(path: Path) -> None:
    """Raise UnusableCredential where *path* is there and must not be trusted; a missing one is fine."""
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISLNK(seen.st_mode):
        raise _is_link(path)
    _refuse_foreign(path, seen)


def _refuse_foreign(path: Path, seen: os.stat_result) -> None:
    """Refuse what is no file, somebody else's, or open to others."""
    if not stat.S_ISREG(seen.st_mode):
        raise UnusableCredential(f"{path} is no file", hint="move what is there out of the way")
    if os.name != "posix":
        return  # there the directory's access list protects it, and modes say nothing
    if seen.st_uid != os.getuid():
        raise UnusableCredential(
            f"{path} belongs to another user (uid {seen.st_uid}), so it is refused",
            hint=f"sudo chown {os.getuid()} {word(path)}",
        )
    if stat.S_IMODE(seen.st_mode) & 0o077:
        raise UnusableCredential(
            f"{path} may be read by others, so it is refused", hint=f"chmod 600 {word(path)}"
        )


def _unreadable(path: Path, error: OSError) -> UnusableCredential:
    if error.errno == errno.ELOOP or (error.errno == errno.EMLINK and path.is_symlink()):
        return _is_link(path)
    hint = f"chmod 600 {word(path)}" if error.errno == errno.EACCES else f"look at {path}"
    return UnusableCredential(f"{path} cannot be read: {error.strerror}", hint=hint)


def _is_link(path: Path) -> UnusableCredential:
    return UnusableCredential(
        f"{path} is a symbolic link, which is not followed to keys",
        hint=f"put the file itself there, mode 600: mv {word(_target(path))} {word(path)}",
    )


def _target(path: Path) -> Path:
    try:
        return path.parent / path.readlink()
    except OSError:
        return path
