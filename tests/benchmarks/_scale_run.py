"""Run a command in a fresh process and ask the kernel what it took: time, memory, bytes read and written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

LIMIT_GB = 6  # memory that a command may ask for: one that wants more is not bounded, and spares the machine

# A process starts out with its parent's peak memory, so a parent with next to nothing starts the command. It
# is looked at when it has ended and before it is waited for: only then are its counts of bytes complete.
_LAUNCHER = """
import os, resource, signal, sys, time
limit, patience, out, error = int(sys.argv[1]) << 30, int(sys.argv[2]), *sys.argv[3:5]
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
to = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
files = [(os.POSIX_SPAWN_OPEN, 1, out, to, 0o600), (os.POSIX_SPAWN_OPEN, 2, error, to, 0o600)]
began = time.monotonic()
child = os.posix_spawn(sys.argv[5], sys.argv[5:], os.environ, file_actions=files)
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(patience)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
wall = time.monotonic() - began
try:
    with open(f"/proc/{child}/io") as file:
        counts = dict(line.split(": ") for line in file.read().splitlines())
except OSError:
    counts = {}
_, status, used = os.wait4(child, 0)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, counts.get("rchar", 0), status)
"""


class Took(NamedTuple):
    """What a process took: seconds, MiB at most, MiB read by calls, its exit code, and what it said."""

    wall: float
    cpu: float
    peak: float
    read: float
    code: int
    said: str = ""


def took(
    args: tuple[str, ...],
    env: Mapping[str, str],
    cwd: Path,
    *,
    stdin: Path | None = None,
    out: Path | None = None,
    patience: int = 3600,
) -> Took:
    """Run `llmpool` *args*, for so many seconds at most; what it prints goes to *out*, or nowhere."""
    error = cwd / "stderr.txt"
    told = (str(LIMIT_GB), str(patience), str(out or os.devnull), str(error))
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *told, sys.executable, "-m", "llmpool", *args]
    with (stdin or Path(os.devnull)).open("rb") as file:
        done = subprocess.run(
            launcher, stdin=file, capture_output=True, text=True, env=env, cwd=cwd, check=True
        )
    wall, cpu, peak, read, status = done.stdout.split()
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    code = os.waitstatus_to_exitcode(int(status))
    said = error.read_text(errors="replace")[-300:]
    return Took(float(wall), float(cpu), int(peak) / unit, int(read) / (1 << 20), code, said)
