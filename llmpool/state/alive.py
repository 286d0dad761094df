"""Tells the living from the dead: processes named so that others can say later whether they still run."""

from __future__ import annotations

import os
from pathlib import Path

_LONGEST = 20  # digits; int() has a limit, and a process far fewer


def myself() -> str:
    """Name this process by its machine, its number and its start."""
    return f"{_machine()} {os.getpid()} {_start(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Say whether the process of that name may be alive; one that cannot be looked at from here may be."""
    machine, _, rest = owner.partition(" ")
    pid, _, start = rest.partition(" ")
    if machine != _machine() or not start or not pid.isdecimal() or len(pid) > _LONGEST:
        return True
    return _start(int(pid)) == start


def _machine() -> str:
    """Name what a process number means something in: this boot, and the name space of this process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116 - nothing else asks for a Path
    except (OSError, ValueError):
        return "-"


def _start(pid: int) -> str:
    """Return when a process began, as Linux counts; empty when it is gone, and on other systems."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""
