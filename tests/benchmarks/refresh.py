"""Measure a refresh of many providers: 200 ms each but for a few that hang, and the memory it takes.

Wall time as a ratio to the time-out, which is what a hung provider costs (the design allows 1.5x); peak
memory of the whole process for 100 and for 300 providers, of which the second may not be much more. What is
held of a provider is its listing, so that three models each say little and many a lot.
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import _installed
from tests.benchmarks._installed import Program
from tests.benchmarks._process import cost
from tests.benchmarks._rows import Row
from tests.fakes.server import FakeServer
from tests.support import Home, provider

SERVERS = 8
BUDGET, FLAT = 1.5, 1.5


class Cost(NamedTuple):
    """What one refresh took: seconds of wall time, the most memory it held in MiB, and its exit code."""

    wall: float
    peak: float
    code: int


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--providers", default="100,300", help="how many are configured, comma-separated")
    options.add_argument("--hung", type=int, default=5, help="how many of them never answer (default 5)")
    options.add_argument("--models", type=int, default=3, help="models of each (default 3)")
    options.add_argument("--timeout", type=float, default=5.0, help="seconds (default 5)")


def run(options: argparse.Namespace) -> None:
    """Measure every size and print the table."""
    program = _installed.here()
    print(f"{options.hung} hang, the others 200 ms; time-out {options.timeout:g} s; {options.models} models")
    print(f"{'providers':>10}{'wall':>9}{'ratio':>8}{'budget':>8}{'peak MiB':>10}{'exit':>6}")
    for count in map(int, options.providers.split(",")):
        spent = _measured(program, count, options.hung, options.models, options.timeout)
        ratio = spent.wall / options.timeout
        print(
            f"{count:>10}{spent.wall:>7.1f} s{ratio:>7.2f}x{BUDGET:>7.1f}x{spent.peak:>10.1f}{spent.code:>6}"
        )


def rows(program: Program, rounds: int, *, timeout: float = 5.0, hung: int = 5, models: int = 3) -> list[Row]:
    """Measure a hundred providers, and three times as many, whose memory may not be much more."""
    costs: dict[int, list[Cost]] = {100: [], 300: []}
    for _ in range(rounds):
        for count, found in costs.items():
            found.append(_measured(program, count, hung, models, timeout))
    few, many = costs[100], costs[300]
    flat = [large.peak / small.peak for large, small in zip(many, few, strict=True)]
    walls = [spent.wall / timeout for spent in few]
    wrong = {spent.code for spent in few} - {9}
    if wrong:
        return [Row("refresh", note=f"it ended with {wrong}, not 9")]
    return [
        Row(f"refresh, 95 of 200 ms and {hung} hung, to the time-out", BUDGET, values=walls),
        Row("peak memory of that", None, "MiB", [spent.peak for spent in few]),
        Row("the same of 300 providers, to that of 100", FLAT, values=flat),
    ]


def _measured(program: Program, count: int, hung: int, models: int, timeout: float) -> Cost:
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="llmpool-refresh-"))
        names = [f"m{n}" for n in range(models)]
        servers = [stack.enter_context(FakeServer(names, delay=0.2)) for _ in range(SERVERS)]
        dead = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(hung)]
        home = Home(Path(directory))
        good = count - hung
        tables = [provider(f"p{n}", servers[n % SERVERS].url) for n in range(good)]
        tables += [
            provider(f"h{n}", f"http://127.0.0.1:{each.getsockname()[1]}/v1") for n, each in enumerate(dead)
        ]
        home.write_config(*tables)
        return _cost(program, home, "refresh", "--timeout", f"{timeout:g}s", "--json")


def _cost(program: Program, home: Home, *args: str) -> Cost:
    """Run llmpool and ask the kernel what it took; its time is that of the whole process."""
    began = time.monotonic()
    spent = cost(program.llmpool(*args), program.env(home), home.cwd)
    return Cost(time.monotonic() - began, spent.peak, spent.code)
