"""Measure the ledger: appending, and summaries of many records, cold, from roll-ups, with today's tail.

Ratios are to `json.loads` alone on the same lines, CPU of one process, the collector off as in the program.
The design: an append under 1 ms, a cold summary under 2x, one from roll-ups under 50 ms, peak under 150 MiB.
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.state import collect, ledger
from llmpool.usage.span import Span
from llmpool.usage.summary import summarize
from tests.support import python_environment

MODELS, TAIL, APPENDS = 80, 1000, 500
LAST = 1_795_219_200  # 2026-11-21T00:00:00Z; the days before it are full, today has the tail
_DAY = 86_400
_GROUPINGS: tuple[tuple[str, ...], ...] = (
    ("deployment",),
    ("provider",),
    ("key", "tag"),
    ("month",),
    ("day",),
)


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--records", type=int, default=1_000_000, help="how many (default 1,000,000)")
    options.add_argument("--days", type=int, default=90, help="over how many days (default 90)")
    options.add_argument("--measure", metavar="DIR", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Write the records, then measure in a process of its own, whose memory is the summary's alone."""
    if options.measure:
        _measure(Path(options.measure))
        return
    with tempfile.TemporaryDirectory(prefix="llmpool-ledger-") as directory:
        state = Path(directory) / "state"
        _append(Path(directory) / "appended")
        _fill(state, options.records, options.days)
        command = [sys.executable, "-m", "tests.benchmarks", "ledger", "--measure", str(state)]
        subprocess.run(command, env=python_environment(Path(directory)) | {"TZ": "Europe/Berlin"}, check=True)


def _append(state: Path) -> None:
    """Append records one by one, each synced to the disk, and print what one takes."""
    took = []
    for record in _records(LAST, APPENDS, random.Random(1)):
        began = time.perf_counter()
        ledger.append(state, ledger.USAGE, record)
        took.append(1000 * (time.perf_counter() - began))
    print(f"append: median {statistics.median(took):.3f} ms, 95 % in {sorted(took)[-APPENDS // 20]:.3f} ms")


def _fill(state: Path, count: int, days: int) -> None:
    """Write so many records over so many full days."""
    (state / "usage").mkdir(parents=True)
    dice = random.Random(7)
    for number in range(days):
        each = count // days + (number < count % days)
        start = LAST - (days - number) * _DAY
        day = time.strftime("%Y-%m-%d", time.gmtime(start))
        with (state / "usage" / f"{day}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(r, separators=(",", ":")) + "\n" for r in _records(start, each, dice))


def _records(start: int, count: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    """Make the records of a day, evenly spread."""
    for number in range(count):
        place = dice.randrange(MODELS)
        ref, latency = f"p{place % 8}/model-{place}", int(dice.lognormvariate(7.5, 0.8))
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + number * _DAY // max(1, count)))
        yield {
            "id": f"usage_{dice.getrandbits(64):016x}",
            "at": f"{at}.{number % 1000:03}Z",
            "provider": f"p{place % 8}",
            "model": f"model-{place}",
            "deployment": ref,
            "success": dice.random() > 0.03,
            "input_tokens": dice.randrange(20, 9000),
            "output_tokens": dice.randrange(1, 900),
            "cache_read_tokens": dice.randrange(20),
            "request_count": 1,
            "latency_ms": latency,
            "ttft_ms": latency // 3,
            "key": dice.choice("ab"),
            "decision_id": f"d-{dice.getrandbits(32):08x}",
            "complexity": "simple",
            "selected": ref,
            "attempts": 1 + (dice.random() < 0.05),
            "price_source": "book",
            "cost": None if dice.random() < 0.02 else f"{dice.random() / 50:.9f}",
        }


def _measure(state: Path) -> None:
    import gc

    gc.disable()
    lines = sum(1 for _ in _lines(state))
    cold, parsed = _against_parsing(state, lambda: _summary(state, ("deployment",)))
    print(f"{lines:,} lines; json.loads alone: {parsed:.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"cold, roll-ups written: {cold:.2f} s, {cold / parsed:.2f}x; peak {peak // 1024} MiB")
    scan = functools.partial(collect.scan, state, Span(), now=LAST + 1, sessions=True)
    scanned, parsed = _against_parsing(state, scan)
    print(f"by session, every line: {scanned:.2f} s, {scanned / parsed:.2f}x")
    with (state / "usage" / "2026-11-21.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in _records(LAST, 10 * TAIL, random.Random(3)))
    _summary(state, ("deployment",))
    with (state / "usage" / "2026-11-21.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in _records(LAST + _DAY // 2, TAIL, random.Random(4)))
    first = 1000 * _seconds(lambda: _summary(state, ("deployment",)))
    print(f"{TAIL:,} new lines today: {first:.1f} ms")
    for by in _GROUPINGS:
        took = sorted(1000 * _seconds(lambda by=by: _summary(state, by)) for _ in range(7))
        print(f"from roll-ups, by {','.join(by):12} least {took[0]:6.1f} ms, median {took[3]:6.1f} ms")
    size = sum(path.stat().st_size for path in (state / "usage" / "rollup").iterdir())
    print(f"roll-ups: {size / 1e6:.1f} MB")
    shutil.rmtree(state)


def _against_parsing(state: Path, work: Any) -> tuple[float, float]:
    """Return what work takes, and what parsing takes, on average before and after: machines vary."""
    before = _seconds(lambda: _parse(state))
    took = _seconds(work)
    return took, (before + _seconds(lambda: _parse(state))) / 2


def _seconds(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _lines(state: Path) -> Iterator[str]:
    for path in sorted((state / "usage").glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield from file


def _parse(state: Path) -> None:
    for line in _lines(state):
        json.loads(line)


def _summary(state: Path, by: tuple[str, ...]) -> None:
    found = collect.collect(state, Span(), now=LAST + _DAY - 1, finer="day" in by)
    summarize(found.blocks, by)
