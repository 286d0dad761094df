"""Measure what a decision costs inside a process, JSON included, over more and more candidates.

CPU of each decision of a batch: the least, which no neighbour weighs on, and the median. The design allows
5 ms for 1,000 candidates and asks that it be linear: the last column is microseconds per candidate, which
should not grow down the table. The lines named batch are whole processes, their start included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.config.paths import find_paths
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.pool import Pool
from llmpool.router.cooldown import Cooldown
from llmpool.router.explain import SHOWN, decision_json
from llmpool.state import health
from tests.benchmarks import _installed
from tests.benchmarks._installed import Program
from tests.benchmarks._process import cost, well
from tests.benchmarks._rows import Row
from tests.benchmarks.startup import PROVIDERS, declared
from tests.support import Home

BUDGET_MS, BUDGET_AT = 5.0, 1000
FEWER, LINEAR = 200, 7.0  # candidates to compare with, and how many times as long five times as many may take
LINE = json.dumps({"query": "compare a and b", "context_size": 900, "hints": {"quality_floor": "5"}}) + "\n"
CASES: dict[str, dict[str, Any]] = {
    "score": {},
    "priority": {"strategy": "priority"},
    "cost": {"strategy": "cost"},
    "latency": {"strategy": "latency"},
    "round_robin": {"strategy": "round_robin"},
    "score, half is rejected": {"min_quality": 5},
    "score, --max-cost": {"max_cost": "0.01"},
}
RESTING = "score, one in ten rests"


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--deployments", default="250,500,1000,2000", help="how many, comma-separated")
    options.add_argument("--decisions", type=int, default=1000, help="of each batch (default 1000)")


def run(options: argparse.Namespace) -> None:
    """Measure every case and size and print the table."""
    sizes = [int(size) for size in options.deployments.split(",")]
    print(f"{options.decisions} decisions each; the design: {BUDGET_MS:g} ms for {BUDGET_AT:,} candidates")
    print(f"{'':26}{'candidates':>11}{'least':>10}{'median':>10}{'each':>10}")
    with tempfile.TemporaryDirectory(prefix="llmpool-route-") as directory:
        homes = {size: declared(Path(directory) / str(size), size) for size in sizes}
        for name, wanted in CASES.items():
            count = options.decisions if name == "score" else max(1, options.decisions // 10)
            for size, home in homes.items():
                print(_line(name, size, sorted(_decided(_pool(home), wanted, count))), flush=True)
        for size, home in homes.items():
            print(_line("batch, score", size, [_batch(home, options.decisions)]), flush=True)
        for size, home in homes.items():
            _rest(home, range(0, size, 10))
            took = sorted(_decided(_pool(home), {}, max(1, options.decisions // 10)))
            print(_line(RESTING, size, took), flush=True)


def rows(program: Program, directory: Path, rounds: int) -> list[Row]:
    """Measure a decision as the rest of a batch of 101 when that of a batch of one is taken off."""
    took: dict[int, list[float]] = {}
    for size in (FEWER, BUDGET_AT):
        home = declared(directory / f"decide-{size}", size)
        command = program.llmpool("route", "--batch", "-", "--json")
        for number in range(rounds + 1):
            one, more = (well(command, program.env(home), home.cwd, given=LINE * n).cpu for n in (1, 101))
            if number:
                took.setdefault(size, []).append(10 * (more - one))
    few, many = took[FEWER], took[BUDGET_AT]
    linear = [large / small for large, small in zip(many, few, strict=True)]
    best = min(many) / min(few)
    return [
        Row(f"a decision among {BUDGET_AT:,}, JSON included", BUDGET_MS, "ms", many),
        Row(f"the same to one among {FEWER} (linear: 5)", LINEAR, values=linear, best=best),
    ]


def _line(name: str, size: int, took: list[float]) -> str:
    """Write a line of the table out of the milliseconds that each decision took."""
    least, median = min(took), statistics.median(took)
    over = " over" if size == BUDGET_AT and median > BUDGET_MS else ""
    return f"{name:26}{size:>11,}{least:>7.2f} ms{median:>7.2f} ms{1000 * median / size:>7.2f} us{over}"


def _decided(pool: Pool, wanted: dict[str, Any], count: int) -> Iterator[float]:
    """Decide so often, as a batch does, and yield the milliseconds of CPU of each."""
    decide(pool, RouteRequest(query="warm up"))  # what is read once is read
    for number in range(count):
        began = time.process_time()
        request = RouteRequest(query=_query(number), context_size=500 + number, **wanted)
        choice = decide(pool, request)
        json.dumps({"schema": 1, "decision": decision_json(choice.decision, SHOWN) | {"difficulty": None}})
        yield 1000 * (time.process_time() - began)


def _batch(home: Home, count: int) -> float:
    """Run `route --batch` over so many lines and return the milliseconds of CPU of each."""
    lines = home.dir / "lines.jsonl"
    lines.write_text("".join(json.dumps({"query": _query(number)}) + "\n" for number in range(count)))
    command = _installed.here().llmpool("route", "--json", "--batch", str(lines))
    return 1000 * cost(command, home.env, home.cwd).cpu / count


def _query(number: int) -> str:
    return f"Explain in {number} words why the sky is blue"


def _pool(home: Home) -> Pool:
    return Pool(find_paths(home.env), home.env, time.time)


def _rest(home: Home, numbers: range) -> None:
    """Let the deployments of these numbers rest for an hour."""
    now = time.time()
    rest = Cooldown(now + 3600, 3600, "server", 1, 0, now)._asdict()
    scopes = [f"deployment:p{number % PROVIDERS}/m{number}" for number in numbers]
    health.update(home.state, lambda state: state.cooldowns.update(dict.fromkeys(scopes, rest)))
