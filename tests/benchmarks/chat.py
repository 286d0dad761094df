"""Measure one streamed chat against a server that answers at once, next to a bare httpx script, in turn.

Wall time of whole processes, the median of the ratios round by round; and the same in CPU, which tells more
on a machine that does other things too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks import _installed, _rows
from tests.benchmarks._installed import Program
from tests.benchmarks._process import wall, well
from tests.benchmarks._rows import Row
from tests.fakes.server import FakeServer
from tests.support import Home, provider

BUDGET = 1.1
BARE = """
import json, sys
import httpx

asked = {"model": "m", "stream": True, "stream_options": {"include_usage": True},
         "messages": [{"role": "user", "content": "hi"}]}
with httpx.Client() as client, client.stream("POST", sys.argv[1], json=asked) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                print(choice["delta"].get("content", ""), end="", flush=True)
"""


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--runs", type=int, default=15, help="rounds (default 15)")


def run(options: argparse.Namespace) -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="llmpool-chat-") as directory:
        print(_rows.head())
        for row in rows(_installed.here(), Path(directory), options.runs):
            print(_rows.line(row))


def rows(program: Program, directory: Path, rounds: int) -> list[Row]:
    """Ask with both in each round, once by the clock and once by CPU."""
    with FakeServer(["m"]) as server:
        home = Home(directory)
        home.write_config(provider("a", server.url))
        env = program.env(home)
        well(program.llmpool("refresh"), env, home.cwd)
        ours = program.llmpool("chat", "-m", "a/m", "hi")
        bare = program.run(BARE, f"{server.url}/chat/completions")
        took = [
            (
                wall(ours, env, home.cwd),
                wall(bare, env, home.cwd),
                well(ours, env, home.cwd),
                well(bare, env, home.cwd),
            )
            for _ in range(rounds + 1)
        ][1:]
    clock, bare_clock, costs, bare_costs = zip(*took, strict=True)
    cpu, bare_cpu = ([spent.cpu for spent in each] for each in (costs, bare_costs))
    return [
        _rows.ratios("chat, wall time to a bare httpx script", BUDGET, clock, bare_clock),
        _rows.ratios("chat, CPU to that of the script", None, cpu, bare_cpu),
        Row("peak memory of chat", None, "MiB", [spent.peak for spent in costs]),
        Row("peak memory of the script", None, "MiB", [spent.peak for spent in bare_costs]),
    ]
