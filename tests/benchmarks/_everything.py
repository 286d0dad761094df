"""The default run: every figure of the design beside its anchor, then the peers, in one table."""

from __future__ import annotations

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import _installed, _rows, chat, ledger, peers, refresh, route, startup, streaming
from tests.benchmarks._installed import Program
from tests.benchmarks._process import Failed
from tests.benchmarks._rows import Row

RESULTS = Path(__file__).with_name("RESULTS.md")
BEGIN, END = "<!-- figures: written by `python -m tests.benchmarks --write` -->", "<!-- end of figures -->"


class Rounds(NamedTuple):
    """How often each thing is measured."""

    startup: int = 15
    decision: int = 7
    chat: int = 15
    stream: int = 15
    late: int = 7
    refresh: int = 2
    ledger: int = 2
    records: int = 1_000_000
    peers: int = 3


QUICK = Rounds(5, 2, 5, 2, 3, 1, 1, 100_000, 1)


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of the default run."""
    options.add_argument("--quick", action="store_true", help="fewer rounds and records: two minutes")
    options.add_argument("--write", action="store_true", help="write the table into RESULTS.md")
    options.add_argument("--peers", metavar="DIR", help="where `peers --install DIR` has put the peers")
    options.add_argument("--only", metavar="WORDS", default="", help="only parts such as startup,chat")


def run(options: argparse.Namespace) -> None:
    """Measure all of it, print the table as it grows, and write it down where that is asked for."""
    rounds, began = QUICK if options.quick else Rounds(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="llmpool-benchmarks-") as name:
        directory = Path(name)
        program = _installed.installed(directory / "venv")
        about = [*_about(program), *peers.about(options.peers)]
        print("\n".join(about), "", _rows.head(), sep="\n", flush=True)
        found: list[Row] = []
        for part, measure in _parts(program, directory, rounds, options.peers):
            if not options.only or part in options.only.split(","):
                for row in _measured(part, measure):
                    found.append(row)
                    print(_rows.line(row), flush=True)
    ended = _ended(found, time.monotonic() - began)
    print(f"\n{ended}")
    if options.write:
        write(RESULTS, [*about, "", *_rows.markdown(found), "", ended])


def _parts(
    program: Program, directory: Path, rounds: Rounds, other: str | None
) -> Iterator[tuple[str, Callable[[], Iterable[Row]]]]:
    """Yield every part of the table by name, quick ones first."""
    yield "startup", lambda: startup.rows(program, directory / "startup", rounds.startup)
    yield "route", lambda: route.rows(program, directory / "route", rounds.decision)
    yield "chat", lambda: chat.rows(program, directory / "chat", rounds.chat)
    yield "streaming", lambda: streaming.rows(program, directory / "streaming", rounds.stream, rounds.late)
    yield "refresh", lambda: refresh.rows(program, rounds.refresh)
    yield "ledger", lambda: ledger.rows(directory / "ledger", rounds.ledger, records=rounds.records)
    yield "peers", lambda: peers.rows(program, directory / "peers", rounds.peers, other)


def _measured(part: str, measure: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    try:
        yield from measure()
    except Failed as error:
        yield Row(part, note=f"no figure: {error}")


def _about(program: Program) -> Iterator[str]:
    """Say what is measured, and on what."""
    yield f"llmpool {_installed.version()}, {program.about}; {time.strftime('%Y-%m-%d', time.gmtime())}"
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield f"{python}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}"


def _ended(found: list[Row], took: float) -> str:
    judged = [row for row in found if row.holds is not None]
    over = [row.what for row in judged if not row.holds]
    told = f"not held: {'; '.join(over)}" if over else "all held"
    return f"{len(judged)} figures with a budget, {told}; measured in {took / 60:.1f} minutes"


def write(path: Path, lines: list[str]) -> None:
    """Put the lines in the place of those between the marks."""
    text = path.read_text(encoding="utf-8")
    told = "\n".join([BEGIN, "", *(f"{line}  " if n < 2 else line for n, line in enumerate(lines)), "", END])
    made, count = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: told, text, flags=re.DOTALL)
    if not count:
        raise SystemExit(f"{path.name} has no place for the figures: {BEGIN}")
    path.write_text(made, encoding="utf-8")
