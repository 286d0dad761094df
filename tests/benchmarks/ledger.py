"""Measure the ledger: appending, and summaries of many records, cold, from roll-ups, with today's tail.

Ratios are to `json.loads` alone on the same lines, CPU of one process, the collector off as in the program.
The design: an append under 1 ms, a cold summary under 2x, one from roll-ups under 50 ms, peak under 150 MiB.
Its 50 ms are of a machine on which `json.loads` took 5.3 us for such a line; as a ratio, which is the same on
every machine, they are what it takes for 9,400 lines.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.state import collect, ledger
from llmpool.usage.rollup import view_by
from llmpool.usage.span import Span
from llmpool.usage.summary import Groups
from tests.benchmarks import _rows
from tests.benchmarks._rows import Row
from tests.support import python_environment

MODELS, TAIL, APPENDS, ROLLED = 80, 1000, 500, 7
APPEND_MS, COLD, ROLLED_MS, PEAK_MIB = 1.0, 2.0, 50.0, 150.0
ANCHOR = 10 * TAIL  # lines of today, which are parsed beside each summary from roll-ups
ROLLED_RATIO = 0.94  # 50 ms to 10,000 lines of 5.3 us
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
    options.add_argument("--runs", type=int, default=1, help="rounds of the long ones (default 1)")
    options.add_argument("--measure", metavar="DIR", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Write the records, then measure in a process of its own, whose memory is the summary's alone."""
    if options.measure:
        print(json.dumps(_measure(Path(options.measure), options.runs)))
        return
    print(_rows.head())
    with tempfile.TemporaryDirectory(prefix="llmpool-ledger-") as directory:
        for row in rows(Path(directory), options.runs, records=options.records, days=options.days):
            print(_rows.line(row))


def rows(directory: Path, rounds: int, *, records: int = 1_000_000, days: int = 90) -> list[Row]:
    """Measure appending, and summaries of so many records; in a process of its own, for its memory."""
    state = directory / "state"
    took, synced = _append(directory / "appended")
    _fill(state, records, days)
    command = [sys.executable, "-m", "tests.benchmarks", "ledger", "--measure", str(state)]
    env = python_environment(directory) | {"TZ": "Europe/Berlin"}
    done = subprocess.run([*command, "--runs", str(rounds)], env=env, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    anchor = found["anchor"]
    told = f"summary of {found['lines']:,} records"
    cold = COLD if records >= 1_000_000 else None  # of fewer, writing the roll-ups is most of it
    tail = f"roll-ups, today's tail of {TAIL:,} lines"
    return [
        Row("append of a usage record, synced to the disk", APPEND_MS, "ms", took),
        Row("the same bytes by open, write, fsync alone", None, "ms", synced),
        _rows.ratios(f"{told}, cold, to json.loads", cold, found["cold"], found["parsed"]),
        _rows.ratios(f"{told}, by session (every line is read)", None, found["scanned"], found["parsed"]),
        Row(f"peak memory of the {told}", PEAK_MIB, "MiB", [found["peak"]]),
        *(Row(f"{told}, {tail}, by {by}", ROLLED_MS, "ms", values) for by, values in found["rolled"].items()),
        *(
            _rows.ratios(f"the same by {by}, to json.loads of {ANCHOR:,} lines", ROLLED_RATIO, values, anchor)
            for by, values in found["rolled"].items()
        ),
        Row("json.loads of one such line", None, "us", [1000 * took / ANCHOR for took in anchor]),
        Row("roll-ups on the disk", None, "MB", [found["size"]]),
    ]


def _append(state: Path) -> tuple[list[float], list[float]]:
    """Append records one by one, each synced to the disk, and beside it the bare system calls."""
    took, bare = [], []
    for record in _records(LAST, APPENDS, random.Random(1)):
        began = time.perf_counter()
        ledger.append(state, ledger.USAGE, record)
        took.append(1000 * (time.perf_counter() - began))
        line = json.dumps(record).encode() + b"\n"
        began = time.perf_counter()
        file = os.open(state / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, line)
        os.fsync(file)
        os.close(file)
        bare.append(1000 * (time.perf_counter() - began))
    return took, bare


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


def _records(start: int, count: int, dice: random.Random, *, seconds: int = _DAY) -> Iterator[dict[str, Any]]:
    """Make records of a day, or of some seconds of it, evenly spread."""
    for number in range(count):
        place = dice.randrange(MODELS)
        ref, latency = f"p{place % 8}/model-{place}", int(dice.lognormvariate(7.5, 0.8))
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + number * seconds // max(1, count)))
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


def _measure(state: Path, rounds: int) -> dict[str, Any]:
    import gc

    gc.disable()
    found: dict[str, Any] = {"lines": sum(1 for _ in _lines(state)), "parsed": [], "cold": [], "scanned": []}
    scan = functools.partial(collect.scan, state, Span(), now=LAST + 1, sessions=True)
    for number in range(rounds):
        shutil.rmtree(state / "usage" / "rollup", ignore_errors=True)
        before = _seconds(lambda: _parse(state))
        found["cold"].append(_seconds(lambda: _summary(state, ("deployment",))))
        if not number:
            found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found["scanned"].append(_seconds(scan))
        found["parsed"].append(
            (before + _seconds(lambda: _parse(state))) / 2
        )  # before and after: machines vary
    found["rolled"], found["anchor"] = _rolled(state)
    found["size"] = sum(path.stat().st_size for path in (state / "usage" / "rollup").iterdir()) / 1e6
    shutil.rmtree(state)
    return found


def _rolled(state: Path) -> tuple[dict[str, list[float]], list[float]]:
    """Measure summaries from roll-ups, a thousand new lines of today in front of each, and the anchor."""
    today = state / "usage" / "2026-11-21.jsonl"
    with today.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in _records(LAST, ANCHOR, random.Random(3)))
    parsed = today.read_text(encoding="utf-8").splitlines()
    _summary(state, ("deployment",))
    known = {path: path.read_bytes() for path in (today, state / "usage" / "rollup" / "2026-11-21.day")}
    took: dict[str, list[float]] = {}
    anchor: list[float] = []
    for number in range(ROLLED):
        anchor.append(1000 * _seconds(lambda: [None for line in parsed if json.loads(line) is None]))
        for by in _GROUPINGS:
            for path, content in known.items():
                path.write_bytes(content)
            with today.open("a", encoding="utf-8") as file:
                more = _records(LAST + _DAY // 2, TAIL, random.Random(4 + number), seconds=3600)
                file.writelines(json.dumps(r) + "\n" for r in more)
            took.setdefault(",".join(by), []).append(1000 * _seconds(lambda by=by: _summary(state, by)))
    return took, anchor


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
    groups = Groups(by)
    view = view_by(by)
    collect.collect(state, Span(), now=LAST + _DAY - 1, finer="day" in by, view=view, into=groups)
    groups.summaries()
