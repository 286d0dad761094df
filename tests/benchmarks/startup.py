"""Measure what starting the program costs, as ratios to `python -c pass` of the same environment.

CPU (user and system) of whole processes; each round measures the empty program and then every command, and
the figure is the median over the rounds of the ratio within a round, so that a busy neighbour weighs on all.
Budgets are those of the design; they hold for an installed wheel, whose modules are compiled.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import _installed, _rows
from tests.benchmarks._installed import Program
from tests.benchmarks._process import LAUNCHER, Cost, cost, well
from tests.benchmarks._rows import Row
from tests.support import Home, model, provider

__all__ = ["LAUNCHER", "PROVIDERS", "cost", "declared"]

PROVIDERS = 10
BUDGETS = {("route", 1000): 8, ("route", 10_000): 12, ("models", 1000): 8, ("models", 10_000): 13}
COMPLETED_AMONG = 5000
PEAK_MIB = 40
COMMANDS = {"route": ("route", "hello", "--json"), "models": ("models", "list", "--json")}
TYPER = """
import typer
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
@app.command()
def nothing() -> None: ...
app()
"""


class Case(NamedTuple):
    """A command to measure, where, and the ratio it may cost; None where the design names none."""

    name: str
    command: list[str]
    home: Home
    budget: float | None
    env: Mapping[str, str] = {}
    peak_budget: float | None = None


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--deployments", default="1000,10000", help="how many are declared, comma-separated")
    options.add_argument("--runs", type=int, default=9, help="rounds per figure (default 9)")


def run(options: argparse.Namespace) -> None:
    """Measure every case and print the table."""
    program = _installed.here()
    print(f"{program.about}, medians of {options.runs} rounds\n{_rows.head()}")
    sizes = [int(size) for size in options.deployments.split(",")]
    with tempfile.TemporaryDirectory(prefix="llmpool-startup-") as directory:
        for row in rows(program, Path(directory), options.runs, sizes):
            print(_rows.line(row), flush=True)


def rows(program: Program, directory: Path, rounds: int, sizes: list[int] | None = None) -> list[Row]:
    """Measure every case in each round, next to the empty program."""
    sizes = sizes or [1000, 10_000]
    homes = {size: declared(directory / str(size), size) for size in {*sizes, COMPLETED_AMONG}}
    cases = list(_cases(program, homes, sizes))
    empty = Case("python -c pass", program.run("pass"), homes[sizes[0]], None)
    for home in homes.values():
        well(program.llmpool("models", "list", "--json"), program.env(home), home.cwd)
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds + 1):
        for case in [empty, *cases]:
            spent = well(case.command, program.env(case.home) | dict(case.env), case.home.cwd)
            if number:  # the first round warms what is read
                costs.setdefault(case.name, []).append(spent)
    return list(_figures(empty, cases, costs))


def _figures(empty: Case, cases: list[Case], costs: Mapping[str, list[Cost]]) -> Iterator[Row]:
    anchor = [spent.cpu for spent in costs[empty.name]]
    middle = sorted(anchor)[len(anchor) // 2]
    yield Row("the anchor: python -c pass, CPU", unit="ms", values=[1000 * cpu for cpu in anchor])
    yield Row("its noise, round by round to its median", values=[cpu / middle for cpu in anchor])
    for case in cases:
        yield _rows.ratios(case.name, case.budget, [spent.cpu for spent in costs[case.name]], anchor)
    for case in cases:
        if case.peak_budget:
            values = [spent.peak for spent in costs[case.name]]
            yield Row(f"peak memory of {case.name}", case.peak_budget, "MiB", values)
    yield Row("peak memory of python -c pass", None, "MiB", [spent.peak for spent in costs[empty.name]])


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


def _cases(program: Program, homes: Mapping[int, Home], sizes: list[int]) -> Iterator[Case]:
    small = homes[sizes[0]]
    yield Case("a bare Typer no-op", program.run(TYPER), small, None)
    for size in sizes:
        for name, args in COMMANDS.items():
            told = f"{' '.join(args)}, {size:,} deployments"
            peak = PEAK_MIB if name == "route" else None
            budget = BUDGETS.get((name, size))
            yield Case(told, program.llmpool(*args), homes[size], budget, peak_budget=peak)
    yield Case("--version", program.llmpool("--version"), small, 2)
    yield Case("--help", program.llmpool("--help"), small, 8)
    asked = {"_LLMPOOL_COMPLETE": "complete_bash", "COMP_WORDS": "llmpool route -m p1/", "COMP_CWORD": "3"}
    told = f"completion of a model id among {COMPLETED_AMONG:,}"
    yield Case(told, program.llmpool(), homes[COMPLETED_AMONG], 6, asked)
