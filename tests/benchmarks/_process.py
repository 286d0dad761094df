"""What a process took: started by next to nothing, asked of the kernel when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# A process starts out with its parent's peak memory, so a parent with next to nothing starts the command.
LAUNCHER = """
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(child, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, status)
"""


class Cost(NamedTuple):
    """What one process took: seconds of CPU, the most memory it held in MiB, and its exit code."""

    cpu: float
    peak: float
    code: int


class Failed(Exception):
    """A command that is to be measured did not end well."""


def cost(command: Sequence[str], env: Mapping[str, str], cwd: Path, *, given: str | None = None) -> Cost:
    """Run *command* and ask the kernel what it took, children included; *given* is its standard input."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    source = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    done = subprocess.run(launcher, capture_output=True, text=True, env=env, cwd=cwd, check=True, **source)
    cpu, peak, status = done.stdout.split()
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(float(cpu), int(peak) / unit, os.waitstatus_to_exitcode(int(status)))


def well(command: Sequence[str], env: Mapping[str, str], cwd: Path, *, given: str | None = None) -> Cost:
    """Measure a command that must end with 0."""
    spent = cost(command, env, cwd, given=given)
    if spent.code:
        raise Failed(f"{' '.join(command[1:])[:70]}: exit {spent.code}")
    return spent


def wall(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """Return the seconds that a command took on the clock; it must end with 0."""
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    done = subprocess.run(command, stdin=quiet, capture_output=True, env=env, cwd=cwd, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Failed(f"{' '.join(command[1:])[:70]}: exit {done.returncode} {told}")
    return took
