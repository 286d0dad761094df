"""Run the program that prints a key, and take its first line: password managers, `gh auth token`, a script.

It runs in a process group of its own, so that what it has started ends with it when it takes too long; stdin
is empty, and what it says on stderr is nobody's. Its line counts once it has ended with 0; what it has left
running in the background is not waited for.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import IO

from llmpool.errors import UnusableCredential

SECONDS = 10.0  # a password manager that needs longer is waiting for somebody
MOST = 65536  # bytes of a first line
_SHORT = 60  # characters; a longer PATH would drown the fact
_CRON = "without a desktop: llmpool doctor --cron"
_ELSEWHERE = (
    "~/.local/bin", "~/bin", "~/go/bin", "~/.cargo/bin", "/usr/local/bin", "/opt/homebrew/bin", "/snap/bin"
)  # fmt: skip
_OURS = re.compile(
    r"LLMPOOL_(STATE_KEY|TRIAL_LICENSE|OAUTH_\w+_CLIENT_SECRET)"
)  # secrets of no other program
_running: set[subprocess.Popen[bytes]] = set()


def first_line(words: Sequence[str], env: Mapping[str, str], what: str) -> str:
    """Run *words* and return the first line printed; *what* names it in what goes wrong.

    Raises UnusableCredential for a program that cannot be run, fails, or takes longer than ten seconds.
    """
    process = _started(words, env, what)
    _running.add(process)
    try:
        line = _awaited(process, what)
    except BaseException:
        _end(process)
        raise
    finally:
        _running.discard(process)
    if process.returncode:
        raise UnusableCredential(
            f"{what} {_ending(process.returncode)}", hint=f"run it in a terminal to see why;  {_CRON}"
        )
    if len(line) == MOST:
        raise UnusableCredential(
            f"{what} prints a line that is no key, it is so long", hint=f"see {words[0]}"
        )
    return line.decode("utf-8", "replace").rstrip("\r\n")


def for_others(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that another program is started with: all but what keeps our own secrets."""
    return {name: value for name, value in env.items() if not _OURS.fullmatch(name)}


def _started(words: Sequence[str], env: Mapping[str, str], what: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=for_others(env),
            process_group=0 if os.name == "posix" else None,
        )
    except FileNotFoundError:
        fact, hint = _absent(words[0], env)
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        fact, hint = getattr(error, "strerror", None) or type(error).__name__, "give its full path"
    raise UnusableCredential(f"{what} cannot be run: {fact}", hint=f"{hint};  {_CRON}")


def _absent(name: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Say why a program is not found, and where it is if that is not hard to guess."""
    if Path(name).name != name:
        return "there is no such file", "correct its path: llmpool config edit"
    beyond = os.pathsep.join(str(Path(place).expanduser()) for place in _ELSEWHERE)
    found = shutil.which(name, path=beyond)
    path = env.get("PATH", "")
    short = f" ({path})" if len(path) <= _SHORT else ""
    return f"it is not in PATH{short}", f"give its full path{': ' + found if found else ''}"


def _awaited(process: subprocess.Popen[bytes], what: str) -> bytes:
    """Return the first line of a process that has ended, in time."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    end = monotonic() + SECONDS
    with suppress(Empty, subprocess.TimeoutExpired):
        line = lines.get(timeout=SECONDS)
        process.wait(timeout=max(end - monotonic(), 0.0))
        return line
    raise UnusableCredential(
        f"{what} did not answer in {SECONDS:g} s, so it was ended",
        hint=f"it may be waiting for a passphrase: run it in a terminal once;  {_CRON}",
    )


def _read(stdout: IO[bytes], lines: SimpleQueue[bytes]) -> None:
    """Hand on the first line, and take the rest, or a long one would keep the program from ending."""
    with stdout, suppress(OSError):
        lines.put(stdout.readline(MOST))
        while stdout.read1(MOST):  # type: ignore[attr-defined]  # a pipe is buffered
            pass


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code}"
    return f"ended with {code}"


@atexit.register
def _end_all() -> None:
    """Leave nobody behind when a run is interrupted, whichever thread was waiting."""
    for process in list(_running):
        _end(process)
