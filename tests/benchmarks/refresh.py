"""Measure a refresh of many providers: 200 ms each but for a few that hang, and the memory it takes.

Wall time as a ratio to the time-out, which is what a hung provider costs (the design allows 1.5x); peak
memory of the whole process for 100 and for 300 providers, of which the second may not be much more. What is
held of a provider is its listing, so that three models each say little and many a lot.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.startup import LAUNCHER
from tests.fakes.server import FakeServer
from tests.support import Home, provider

SERVERS = 8
BUDGET = 1.5


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
    print(f"{options.hung} hang, the others 200 ms; time-out {options.timeout:g} s; {options.models} models")
    print(f"{'providers':>10}{'wall':>9}{'ratio':>8}{'budget':>8}{'peak MiB':>10}{'exit':>6}")
    for count in map(int, options.providers.split(",")):
        cost = _measured(count, options)
        ratio = cost.wall / options.timeout
        print(f"{count:>10}{cost.wall:>7.1f} s{ratio:>7.2f}x{BUDGET:>7.1f}x{cost.peak:>10.1f}{cost.code:>6}")


def _measured(count: int, options: argparse.Namespace) -> Cost:
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="llmpool-refresh-"))
        models = [f"m{n}" for n in range(options.models)]
        servers = [stack.enter_context(FakeServer(models, delay=0.2)) for _ in range(SERVERS)]
        hung = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(options.hung)]
        home = Home(Path(directory))
        good = count - options.hung
        tables = [provider(f"p{n}", servers[n % SERVERS].url) for n in range(good)]
        tables += [
            provider(f"h{n}", f"http://127.0.0.1:{each.getsockname()[1]}/v1") for n, each in enumerate(hung)
        ]
        home.write_config(*tables)
        return _cost(home, "refresh", "--timeout", f"{options.timeout:g}s", "--json")


def _cost(home: Home, *args: str) -> Cost:
    """Run llmpool and ask the kernel what it took; its time is that of the whole process."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, sys.executable, "-m", "llmpool", *args]
    began = time.monotonic()
    done = subprocess.run(
        launcher,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=home.env,
        cwd=home.cwd,
        check=True,
    )
    wall = time.monotonic() - began
    _, peak, status = done.stdout.split()
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(wall, int(peak) / unit, os.waitstatus_to_exitcode(int(status)))
