"""Time the price book: reading it, checking it, looking 10,000 models up, doing 10,000 sums.

The names are those of the book at vendors and at gateways that are not in it, known ones and such that
nobody has; each is asked for once, so that nothing is remembered.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from llmpool.core.outcome import TokenUsage
from llmpool.data.prices import document
from llmpool.pricing.lookup import Own, look_up
from llmpool.pricing.match import Book
from llmpool.pricing.total import cost
from llmpool.pricing.validate import validated

ASKED = 10_000


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--runs", type=int, default=5, help="how often; medians are printed (default 5)")


def run(options: argparse.Namespace) -> None:
    """Run it and print milliseconds of processor time."""
    whole = document()
    names = list(Book(whole).models())
    known = [(vendor if n % 2 else "", model) for n, (vendor, model) in enumerate(names)]
    chance = random.Random(1)
    unknown = [(v, f"{m}-x{n}") for n, (v, m) in enumerate(chance.choices(known, k=ASKED))]
    usage = TokenUsage(input=250_000, output=2_000, cache_read=100_000, cache_write=5_000)
    found = [priced for v, m in names if (priced := Book(whole).entry(v, m)) is not None][:1000]
    now = datetime(2026, 11, 21, tzinfo=UTC)

    def look(asked: list[tuple[str, str]]) -> None:
        book = Book(whole)
        for vendor, model in asked:
            look_up(book, Own(), provider="p", vendor=vendor, model=model)

    tasks: dict[str, Callable[[], object]] = {
        "read the document": document.__wrapped__,
        "check it": lambda: validated(whole),
        f"look up {len(known)} names of it": lambda: look(known),
        f"look up {ASKED} names like them": lambda: look(unknown),
        f"do {ASKED} sums": lambda: [cost(p.at(now), usage) for _ in range(10) for p in found],
    }
    for what, task in tasks.items():
        print(f"{what:32} {statistics.median(_once(task) for _ in range(options.runs)):8.1f} ms")


def _once(task: Callable[[], object]) -> float:
    gc.collect()
    begun = time.process_time()
    task()
    return (time.process_time() - begun) * 1000
