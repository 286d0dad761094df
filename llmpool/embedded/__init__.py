"""The embedded provider: llama.cpp's own server on loopback, and the model files it serves.

Everything lies in `embedded/` of the state directory: `models/NAME.gguf`, and for each server NAME a start
lock (`NAME.start`), a lock its process holds for life (`NAME.run`), where it listens (`NAME.json`), when it
was last used (`NAME.used`) and its log (`NAME.log`). Directories are 0700 and files 0600.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmpool.errors import Misuse, StateUnusable

SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "LICENSE")
"""What is in the names of variables that hold secrets: no child is given one that has no use for it."""

_CAREFULLY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def is_name(text: str) -> bool:
    """Whether *text* may name an embedded model: it becomes a file name."""
    return _NAME.match(text) is not None


def check_name(name: str) -> str:
    """Return *name*; raises Misuse when it cannot name an embedded model."""
    if is_name(name):
        return name
    msg = f"{name!r} cannot name an embedded model"
    raise Misuse(
        msg, hint="use up to 64 lower-case letters, digits, '.', '_' and '-', a letter or digit first"
    )


def is_available() -> bool:
    """Whether the extra `embedded` is installed, where it can be used; nothing is imported to find out."""
    import importlib.util

    return os.name == "posix" and importlib.util.find_spec("xllamacpp") is not None


def embedded_dir(state: Path) -> Path:
    """Return the directory of everything embedded."""
    return state / "embedded"


def models_dir(state: Path) -> Path:
    """Return the directory of the model files."""
    return embedded_dir(state) / "models"


def model_file(state: Path, name: str) -> Path:
    """Return where the model *name* lies once it is installed."""
    return models_dir(state) / f"{name}.gguf"


def make_private_dirs(state: Path) -> None:
    """Make the directories of the embedded provider, closed to everyone else; raises StateUnusable."""
    try:
        wanted = models_dir(state)
        # one by one: `parents=True` would leave the parents to the umask
        for directory in [parent for parent in reversed(wanted.parents) if not parent.exists()] + [wanted]:
            directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        msg = f"cannot make {models_dir(state)}: {error.strerror}"
        raise StateUnusable(msg, hint="check who owns the state directory (--state)") from error
    check_private(state)


def check_private(state: Path) -> None:
    """Raise StateUnusable where others could put a model, or the address of a server, into the directory."""
    if os.name != "posix":
        return  # there the directory's access list protects it, and modes say nothing
    for directory in (embedded_dir(state), models_dir(state)):
        try:
            seen = directory.stat()
        except FileNotFoundError:
            return
        if os.getuid() and seen.st_uid not in (os.getuid(), 0):
            fact = f"belongs to another user (uid {seen.st_uid}), so nothing in it is used"
            raise StateUnusable(f"{directory} {fact}", hint="move it away, or choose another: --state")
        if seen.st_mode & 0o022:
            from llmpool.core.word import word

            fact = "may be written by others, so nothing in it is used"
            raise StateUnusable(f"{directory} {fact}", hint=f"chmod go-w {word(directory)}")


@contextmanager
def in_words(state: Path) -> Iterator[None]:
    """Raise StateUnusable for what the system says of the directory: a disk that is full, say."""
    try:
        yield
    except OSError as error:
        msg = f"cannot use {error.filename or embedded_dir(state)}: {error.strerror or error}"
        raise StateUnusable(msg, hint="check the disk, and who owns the state directory (--state)") from error


def open_private(path: Path, flags: int) -> int:
    """Open *path* as a descriptor, made 0600 when it is new; a symbolic link is not followed."""
    return os.open(path, flags | _CAREFULLY, 0o600)


def write_private(path: Path, data: bytes) -> None:
    """Replace *path* as a whole: readers see the old bytes or the new ones."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with os.fdopen(open_private(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_held(path: Path) -> bool:
    """Say whether somebody has the lock *path* alone; it is not changed, and nothing stays locked."""
    if os.name != "posix":
        return False  # to look would take the lock itself
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def try_lock(path: Path) -> int | None:
    """Take the lock of *path* and return its descriptor, or None when somebody else holds it."""
    import fcntl  # where there is none, there is no host either

    descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
