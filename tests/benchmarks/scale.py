"""Measure every command on a state directory far too large, beside a small one, each in a fresh process.

Three homes: a small pool with a short log; a large pool with a short log; the large pool with the whole log.
The last two columns say what the size of everything costs, and what the log alone does. A command that reads
what it was asked for (`lines`) may take longer with every line; any other that does with the log alone is
marked, and so is each that needs more memory than --most.
"""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks._scale_fill import PICO, Size, Truth, fill
from tests.benchmarks._scale_pool import OFTEN, configure, observe
from tests.benchmarks._scale_run import Took, took
from tests.benchmarks._scale_server import serving
from tests.support import Home

SMALL = Size(providers=5, deployments=100, records=10_000, decisions=1000)
NOISE, GROWN, GROWN_BYTES = 0.15, 1.6, 8.0  # seconds and ratio of CPU, MiB read, that tell growth from noise
_KILLED_AFTER = (3, 5, 8)  # seconds
TURNS = {"small": 100, "pool": 10_000, "scale": 10_000}


class Case(NamedTuple):
    """A command to measure; *lines* says that it reads as many lines as it is asked for."""

    args: str
    lines: bool = False
    stdin: str = ""
    ok: tuple[int, ...] = (0,)

    @property
    def name(self) -> str:
        """How it stands in the table."""
        return f"{self.args} <{self.stdin}" if self.stdin else self.args


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--records", type=int, default=10_000_000, help="of usage (default 10,000,000)")
    options.add_argument("--decisions", type=int, default=1_000_000, help="recorded (default 1,000,000)")
    options.add_argument("--providers", type=int, default=500, help="how many (default 500)")
    options.add_argument("--deployments", type=int, default=10_000, help="how many (default 10,000)")
    options.add_argument("--most", type=int, default=300, help="MiB that a command may hold (default 300)")
    options.add_argument("--only", default="", help="the commands that have this in them")
    options.add_argument("--dir", type=Path, help="where to, instead of a temporary directory; it is kept")
    options.add_argument(
        "--patience", type=int, default=3600, help="seconds a command may take (default 3600)"
    )
    options.add_argument(
        "--skip-lines", action="store_true", help="only what needs not read what it is asked for"
    )
    options.add_argument("--prune", action="store_true", help="prune in the end, and measure once more")
    options.add_argument("--runs", type=int, default=1, help="of each command, of which the least counts")


def run(options: argparse.Namespace) -> None:
    """Make the three homes, or take those of an earlier run, and print the table."""
    large = Size(options.providers, options.deployments, options.records, options.decisions)
    with ExitStack() as stack:
        directory = options.dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="llmpool-scale-"))
        )
        sizes = {"small": SMALL, "pool": large._replace(records=10_000, decisions=1000), "scale": large}
        homes = {}
        for name, size in sizes.items():
            port = stack.enter_context(serving(directory / "server", size.providers, size.deployments))
            homes[name] = _home(directory / name, name, size, port)
        _check(homes["scale"], "cold, or out of roll-ups that were there")
        print(f"{'':62}{'wall s':>9}{'CPU s':>8}{'MiB':>7}{'MiB read':>10}{'of small':>10}{'of pool':>9}")
        for case in _cases():
            if options.only in case.name and not (case.lines and options.skip_lines):
                print(_line(case, homes, options), flush=True)
        if options.prune:
            _prune(homes["scale"], options)
            for case in _cases():
                if case.args in _LEDGER and options.only in case.name:
                    print(_line(case, homes, options), flush=True)


def _home(directory: Path, name: str, size: Size, port: int) -> Home:
    """Make a home of this size, or take the one that is there; its providers are at another port then."""
    home, now = Home(directory), time.time()
    configure(home, size, port)
    told = directory / "truth.json"
    if not told.exists():
        began = time.monotonic()
        truth = fill(home.state, size, now)
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        told.write_text(json.dumps([truth.months, truth.providers, truth.latencies, until]))
        spent = time.monotonic() - began
        print(f"{name}: {size.records:,} records, {size.decisions:,} decisions in {spent:.0f} s", flush=True)
    observe(home, size, now, TURNS[name])
    prompts = 100_000 if name != "small" else 1000
    (home.cwd / "prompts.jsonl").write_text('{"query": "why is the sky blue"}\n' * prompts)
    return home


def _check(home: Home, when: str) -> None:
    """Compare the summary of all there is with what was counted while it was written; chats came later."""
    truth, until = _truth(home.dir)
    args = ("usage", "summary", "--since", "all", "--until", until, "--by", "month", "--json")
    told = json.loads(home.pool(*args, timeout=3600).out)
    months = {each["group"]: each for each in (*told["groups"], told["total"] | {"group": "total"})}
    wanted = {**truth.months, "total": truth.total()}
    wrong = [
        f"{month} {name}: {_figure(months[month], name)}, counted {counts[name]}"
        for month, counts in wanted.items()
        for name in ("requests", "failed", "unpriced", "input_tokens", "output_tokens", "cost")
        if _figure(months[month], name) != counts[name]
    ]
    wrong += [
        f"p{percent}: {told['total'][f'p{percent}_latency_ms']}, counted {truth.percentile(percent)}"
        for percent in (50, 95, 99)
        if told["total"][f"p{percent}_latency_ms"] != truth.percentile(percent)
    ]
    total = truth.total()
    print(
        f"{when}: {total['requests']:,} records, {len(months)} sums {'; '.join(wrong) or 'all exact'}",
        flush=True,
    )


def _figure(group: dict[str, Any], name: str) -> int:
    """Return a figure of a summary as it was counted: money in whole numbers."""
    return int(Decimal(group[name]) * PICO) if name == "cost" else int(group[name])


def _truth(directory: Path) -> tuple[Truth, str]:
    months, providers, latencies, until = json.loads((directory / "truth.json").read_text())
    truth = Truth(
        {name: Counter(counts) for name, counts in months.items()},
        {name: Counter(counts) for name, counts in providers.items()},
        Counter({int(value): count for value, count in latencies.items()}),
    )
    return truth, until


def _prune(home: Home, options: argparse.Namespace) -> None:
    """Prune all but a month, killed again and again before it is done; look whether all is exact."""
    args = ("usage", "prune", "--keep", "30d", "--yes")
    for seconds in _KILLED_AFTER:
        each = took(args, home.env, home.cwd, patience=seconds)
        days = len(list((home.state / "usage").glob("*.jsonl")))
        print(f"prune killed after {seconds} s (exit {each.code}): {days} days have lines", flush=True)
    last = took(args, home.env, home.cwd, patience=options.patience)
    days = len(list((home.state / "usage").glob("*.jsonl")))
    print(
        f"prune: {last.wall:.1f} s, CPU {last.cpu:.1f} s, {last.peak:.0f} MiB, exit {last.code}; {days} days"
    )
    _check(home, "pruned")


def _cases() -> Iterator[Case]:
    """Name every command: those that read a little first, those that read all of the log last."""
    for args in _POOL:
        yield Case(args)
    for args in ("doctor", "doctor --offline"):
        yield Case(args, ok=(0, 9))
    for args in _SESSIONS:
        yield Case(args, ok=(0, 6))  # no window is long enough for the long session, and it says so
    yield Case("route --batch - --json", stdin="prompts.jsonl")
    for args in _LEDGER:
        yield Case(args)
    for args in _LINES:
        yield Case(args, lines=True)


_POOL = (
    "--version",
    "--help",
    "completion bash",
    "config check",
    "config show --json",
    "config export",
    "providers list",
    "providers list --json",
    "providers show p2 --json",
    "providers limits --offline",
    "providers keys list",
    "providers presets",
    "models list",
    "models list --json",
    "models list --json --registry",
    "models list --local-only --needs tools --min-quality 5",
    "models show p2/m2 --json",
    "models show alias-20",
    "policy show",
    "policy show --json",
    "policy export",
    "policy show p2/m2",
    "policy budget list",
    "policy set p2/m2 --state flagged --reason again",
    "route hello",
    "route hello --json",
    "route hello --all --json",
    "route hello -m alias-20",
    "route hello --strategy cost --json",
    "route hello --record",
    "refresh --if-stale 1d",
    "refresh --quiet",
)
_SESSIONS = (
    "chat hello --no-log",
    "chat hello --json",
    "chat hello --no-log -m alias-20",
    f"chat --session {OFTEN} more",
    "chat -c again",
    f"chat --session {OFTEN} --dry-run more",
    "chat --list",
    f"chat --show {OFTEN}",
    f"chat --export {OFTEN}",
)
_LEDGER = (
    "route --last",
    "usage",
    "usage --json",
    "usage summary --by day",
    "usage summary --by provider",
    "usage summary --by key,tag",
    "usage summary --since today",
    "usage summary --since 30d --by day",
    "usage summary --plot",
    "usage summary --tag batch",
    "usage list",
    "usage list --json",
    "usage list --since 1d --limit 20",
    "usage decisions",
    "usage decisions --json --limit 20",
    "usage prices list",
    "usage prices show p2/m2 --json",
    "usage prune --dry-run --keep 30d",
)
_LINES = (
    "usage summary --since all --by month",
    "usage summary --since all --by provider",
    "usage summary --since all --by deployment",
    "usage summary --since all --by key,tag",
    "usage summary --since all --by day",
    "usage summary --since all --by day,model --csv",
    "usage summary --by session",
    "usage summary --since all --by session",
    "usage list --tag nobody",
    "usage list --since all --failed --limit 20",
    "usage list --limit 0 --jsonl",
    "usage list --limit 0",
    "usage decisions --reason nobody --since all",
    "usage decisions --limit 0 --jsonl",
    "usage reprice",
    "usage reprice --since all",
    "usage export --format jsonl",
    "usage export --format csv",
    "usage export --format otlp",
    "policy simulate --strategy cost --since 1d",
    "route --id d-nobody",
)


def _line(case: Case, homes: dict[str, Home], options: argparse.Namespace) -> str:
    """Measure a command in all homes and write its line."""
    found = {name: _best(case, home, options) for name, home in homes.items()}
    small, pool, scale = (found[name] for name in ("small", "pool", "scale"))
    marks = [*_marks(case, pool, scale, options.most)]
    failed = next((each for each in found.values() if each.code not in case.ok), None)
    if failed and failed.code == -signal.SIGKILL:
        marks.append(f"stopped after {failed.wall:.0f} s")
    elif failed:
        marks.append(f"exit {failed.code} {failed.said.strip()[-120:]}")
    return (
        f"{case.name:62}{scale.wall:>9.2f}{scale.cpu:>8.2f}{scale.peak:>7.0f}{scale.read:>10.1f}"
        f"{scale.cpu / small.cpu:>9.1f}x{scale.cpu / pool.cpu:>8.1f}x  {'; '.join(marks)}"
    )


def _best(case: Case, home: Home, options: argparse.Namespace) -> Took:
    """Run a command so often, and take the run of the least CPU."""
    stdin, args = home.cwd / case.stdin if case.stdin else None, tuple(case.args.split())
    runs = [
        took(args, home.env, home.cwd, stdin=stdin, patience=options.patience) for _ in range(options.runs)
    ]
    return min(runs, key=_cpu)


def _cpu(each: Took) -> float:
    return each.cpu


def _marks(case: Case, pool: Took, scale: Took, most: int) -> Iterator[str]:
    """Say what is not bounded."""
    if not case.lines and scale.cpu > GROWN * pool.cpu and scale.cpu - pool.cpu > NOISE:
        yield "GROWS"
    if not case.lines and scale.read - pool.read > GROWN_BYTES:
        yield "READS THE LOG"
    if scale.peak > most:
        yield "MEMORY"
