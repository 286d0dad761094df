"""Windows as far as llmpool can tell: `python -m tests.compat.windows FILE` runs commands, in one process.

FILE holds `[[WORD, ...], ...]`, a list for each command line; `[[code, stdout, stderr], ...]` takes its
place. What llmpool imports has none of the modules, functions and constants that Python has not on Windows,
and what only Windows has; `sys.platform` and `os.name` say so. What others wrote sees the machine as it is.
So whatever of llmpool is run takes its branch for Windows, or falls over.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import json
import os
import sys
import traceback
import types
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

MODULES = ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
NAMES = {
    "os": """
        chown chroot fchdir fchmod fchown fdatasync fork forkpty fpathconf fstatvfs getegid geteuid getgid
        getgroups getloadavg getpgid getpgrp getpriority getresuid getsid getuid initgroups killpg lchown
        mkfifo mknod nice openpty pathconf posix_fadvise posix_fallocate posix_spawn pread preadv pwrite
        pwritev readv register_at_fork sched_getaffinity sched_yield sendfile setegid seteuid setgid setpgid
        setsid setuid statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4 writev
        O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG
    """,
    "signal": """
        SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2
        SIGWINCH alarm pthread_kill pthread_sigmask setitimer siginterrupt sigwait
    """,
    "socket": "AF_UNIX SO_REUSEPORT",
    "select": "epoll poll",
    "time": "clock_gettime tzset",
    "mmap": "MAP_POPULATE MAP_PRIVATE MAP_SHARED PROT_READ",
    "sys": "",
}
"""What Python has not on Windows: its manual says `Availability: Unix`."""


def msvcrt() -> Any:
    """Return what llmpool has of msvcrt: one byte, locked for everybody else, at once or not at all."""

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert (os.lseek(descriptor, 0, os.SEEK_CUR), count) == (0, 1)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_UN if mode == made.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None

    made: Any = types.ModuleType("msvcrt")
    made.LK_UNLCK, made.LK_LOCK, made.LK_NBLCK, made.locking = 0, 1, 2, locking
    return made


class Seen:
    """A module without some of its names, and with others; what is set in it is set in the module."""

    def __init__(self, whole: types.ModuleType, without: str, changed: dict[str, Any]) -> None:
        vars(self).update(_whole=whole, _without=frozenset(without.split()), **changed)

    def __getattr__(self, name: str) -> Any:
        if name in self._without:
            raise AttributeError(f"module {self._whole.__name__!r} has no {name!r} on Windows")
        return getattr(self._whole, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._whole, name, value)


def move_in() -> None:
    """Have llmpool import what there is on Windows; to be called before any of it is imported."""
    changed: dict[str, dict[str, Any]] = {
        "os": {"name": "nt", "open": _open, "O_BINARY": 0},
        "sys": {"platform": "win32"},
    }
    seen = {name: Seen(import_module(name), gone, changed.get(name, {})) for name, gone in NAMES.items()}
    there = {"msvcrt": msvcrt(), **seen}
    usual = builtins.__import__

    def imported(name: str, scope: Any = None, *rest: Any, **others: Any) -> Any:
        if (scope or {}).get("__name__", "").partition(".")[0] != "llmpool":
            return usual(name, scope, *rest, **others)
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r} on Windows", name=name)
        return there.get(name) or usual(name, scope, *rest, **others)

    builtins.__import__ = imported


def _open(path: Any, flags: int, mode: int = 0o777) -> int:
    """Open as Windows does: no directory."""
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return os.open(path, flags, mode)


class Stream(io.TextIOWrapper):
    """A pipe as Python opens it on Windows, where the code page is not UTF-8."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="cp1252", newline="\r\n")

    def told(self) -> str:
        """Return what was written."""
        self.flush()
        raw: Any = self.buffer
        return str(raw.getvalue().decode("utf-8", "backslashreplace"))


def run(words: list[str]) -> tuple[int, str, str]:
    """Run a command line and return its exit code, and what it wrote to both streams."""
    from llmpool.cli.app import run as command

    out, err = Stream(), Stream()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = command(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        except Exception:  # as `--traceback` leaves it
            traceback.print_exc()
            code = 1
    return int(code), out.told(), err.told()


def main(file: Path) -> None:
    """Run the command lines of *file*, and put there what came of them."""
    lines = json.loads(file.read_bytes())
    move_in()
    file.write_text(json.dumps([run(words) for words in lines]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
