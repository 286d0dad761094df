"""Time Markdown on its way to a terminal: a megabyte in parts of a token, against writing it raw.

The answers after the first two are what a model gone wrong or a hostile server may send: none may take long.
The least of all runs is printed, which no neighbour weighs on.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator

from llmpool.cli.markdown import Markdown
from llmpool.core.text import clean

SIZE = 1_000_000
PROSE = "The quick brown fox jumps over the lazy dog, then on to an **important** place, which `is` here.\n\n"
MIXED = (
    f"## Heading\n\n{PROSE}1. one\n   - two with [a link](https://example.org/a_b)\n\n> quoted *words*\n\n"
    "```python\nfor x in range(10):\n    print(x * 2)\n```\n\n| a | b |\n|---|--:|\n| `x` | 1.25 |\n\n"
)
ANSWERS = {
    "prose": PROSE,
    "a bit of everything": MIXED,
    "one line": "lorem ipsum dolor sit amet ",
    "a word without end": "x",
    "Chinese": "中文文本没有空格、所以。",
    "backticks": "`",
    "lone stars": "*a ",
    "lone brackets": "[a](b(",
    "quotes in quotes": ">",
    "empty lines": "\n",
    "rows without a table": "| a\n",
}


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--runs", type=int, default=3, help="how often; the least is printed (default 3)")
    options.add_argument("--token", type=int, default=4, help="characters of a part (default 4)")


def run(options: argparse.Namespace) -> None:
    """Run it and print seconds of processor time for a megabyte."""
    print(f"{'seconds for 1 MB':24}{'raw':>8}{'plain':>8}{'colour':>8}")
    for name, text in {**ANSWERS, "a long table": ""}.items():
        whole = (text * (SIZE // len(text) + 1))[:SIZE] if text else _table()
        parts = [whole[at : at + options.token] for at in range(0, len(whole), options.token)]
        ways: list[Callable[[list[str]], Iterator[str]]] = [_raw, _plain, _colored]
        times = (min(_once(way, parts) for _ in range(options.runs)) for way in ways)
        print(f"{name:24}" + "".join(f"{seconds:8.2f}" for seconds in times), flush=True)


def _table() -> str:
    rows = (f"| row {n} | `cell` | **other** words in a cell of it |\n" for n in range(20_000))
    return "|a|b|c|\n|-|-|-|\n" + "".join(rows)


def _raw(parts: list[str]) -> Iterator[str]:
    return map(clean, parts)


def _plain(parts: list[str]) -> Iterator[str]:
    return map(Markdown(80, color=False).feed, parts)


def _colored(parts: list[str]) -> Iterator[str]:
    return map(Markdown(80, color=True).feed, parts)


def _once(way: Callable[[list[str]], Iterator[str]], parts: list[str]) -> float:
    with open(os.devnull, "w") as out:
        begun = time.process_time()
        for text in way(parts):
            out.write(text)
            out.flush()
        return time.process_time() - begun
