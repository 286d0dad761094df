"""Measure what starting the program costs, as ratios to `python -c pass` of the same environment.

CPU (user and system) of whole processes; each round measures the empty program and then every command, and
the figure is the median over the rounds of the ratio within a round, so that a busy neighbour weighs on both.
Budgets are those of the design; they hold for an installed wheel, whose modules are compiled.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support import CODE, Home, model, provider

PROVIDERS = 10
BUDGETS = {("route", 1000): 8, ("route", 10_000): 12, ("models", 1000): 8, ("models", 10_000): 13}
COMPLETED_AMONG = 5000
PEAK_MIB = 40

# A process starts out with its parent's peak memory, so a parent with next to nothing starts the command.
LAUNCHER = """
import os, sys
quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(child, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, status)
"""


class Case(NamedTuple):
    """A command to measure, where, and the ratio it may cost; None where the design names none."""

    name: str
    args: tuple[str, ...]
    home: Home
    budget: float | None
    env: Mapping[str, str] = {}


class Cost(NamedTuple):
    """What one process took: seconds of CPU, the most memory it held in MiB, and its exit code."""

    cpu: float
    peak: float
    code: int


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--deployments", default="1000,10000", help="how many are declared, comma-separated")
    options.add_argument("--runs", type=int, default=9, help="rounds per figure (default 9)")


def run(options: argparse.Namespace) -> None:
    """Measure every case and print the table."""
    program = _program()
    print(f"{' '.join(program)}, llmpool from {CODE}, medians of {options.runs} rounds")
    sizes = [int(size) for size in options.deployments.split(",")]
    with tempfile.TemporaryDirectory(prefix="llmpool-startup-") as directory:
        homes = {size: declared(Path(directory) / str(size), size) for size in {*sizes, COMPLETED_AMONG}}
        print(f"{'':34}{'ratio':>9}{'budget':>9}{'peak MiB':>11}{'budget':>9}")
        for case in _cases(homes, sizes):
            print(_line(case, program, options.runs), flush=True)


def _program() -> list[str]:
    """Prefer the console script of this environment: it is what people start."""
    script = Path(sys.executable).with_name("llmpool")
    return [str(script)] if script.exists() else [sys.executable, "-m", "llmpool"]


def declared(directory: Path, size: int) -> Home:
    """Make a home that declares *size* deployments over ten providers, where nothing listens."""
    home = Home(directory)
    tables = [provider(f"p{n}", "http://127.0.0.1:9/v1") for n in range(PROVIDERS)]
    tables += [
        model(
            f"p{n % PROVIDERS}/m{n}",
            speed=n % 10,
            quality=n * 7 % 10,
            cost_tier=n % 4,
            context_window=32768,
        )
        for n in range(size)
    ]
    home.write_config(*tables)
    return home


def _cases(homes: Mapping[int, Home], sizes: list[int]) -> Iterator[Case]:
    small = homes[sizes[0]]
    yield Case("--version", ("--version",), small, 2)
    yield Case("--help", ("--help",), small, 8)
    for size in sizes:
        commands = {"route": ("route", "hello", "--json"), "models": ("models", "list", "--json")}
        for name, args in commands.items():
            yield Case(f"{' '.join(args)}, {size:,}", args, homes[size], BUDGETS.get((name, size)))
    asked = {
        "_LLMPOOL_COMPLETE": "complete_bash",
        "COMP_WORDS": "llmpool route -m p1/",
        "COMP_CWORD": "3",
    }
    yield Case(f"completion of an id, {COMPLETED_AMONG:,}", (), homes[COMPLETED_AMONG], 6, asked)


def _line(case: Case, program: list[str], runs: int) -> str:
    """Measure *case* and write its line; a command that fails has no figure."""
    command, env = [*program, *case.args], {**case.home.env, **case.env}
    warm = cost(command, env, case.home.cwd)
    if warm.code:
        return f"{case.name:34}{f'exit {warm.code}':>9}"
    ratios, peaks = [], []
    for _ in range(runs):
        empty = cost([sys.executable, "-c", "pass"], case.home.env, case.home.cwd)
        full = cost(command, env, case.home.cwd)
        ratios.append(full.cpu / empty.cpu)
        peaks.append(full.peak)
    budget = f"{case.budget:.0f}x" if case.budget is not None else "-"
    peak_budget = str(PEAK_MIB) if case.args[:1] == ("route",) else "-"
    ratio, peak = f"{statistics.median(ratios):.1f}x", f"{statistics.median(peaks):.1f}"
    return f"{case.name:34}{ratio:>9}{budget:>9}{peak:>11}{peak_budget:>9}"


def cost(command: list[str], env: Mapping[str, str], cwd: Path) -> Cost:
    """Run *command* and ask the kernel what it took, children included."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    nothing = subprocess.DEVNULL
    done = subprocess.run(
        launcher, stdin=nothing, capture_output=True, text=True, env=env, cwd=cwd, check=True
    )
    cpu, peak, status = done.stdout.split()
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(float(cpu), int(peak) / unit, os.waitstatus_to_exitcode(int(status)))
