"""Thousands of prompts by one batch in that weather, and what came of it beside the least there could be.

The least is worked out from what the servers saw. Nobody can know that a deployment fails without asking it,
so that each is asked once in each of its rests; and once more for every key that is found to be refused.
Whatever else a failing server was asked is told apart: the same prompt again (a repetition, or the other
key), or another prompt that was under way before the first had failed.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.chaos import weather
from tests.chaos.storm import records
from tests.support import Home, Result

OF_KEYS = ("expired", "forbidden", "spent")
RESTS = (60.0, 300.0, 1500.0, 3600.0)  # of a deployment, after so many failures in a row


class Asked(NamedTuple):
    """What a server was asked: when, of which deployment, by which key, for which prompt; and what it did."""

    at: float
    ref: str
    key: str
    number: int
    kind: str


class Account(NamedTuple):
    """Why failing servers were asked: to find out who fails, and which keys do; and what was too much."""

    found: int = 0
    keys: int = 0
    again: int = 0
    under_way: int = 0


def account(asked: Iterable[Asked]) -> Account:
    """Tell apart why failing servers were *asked*."""
    rests: dict[str, tuple[float, int]] = {}  # until when at least, after how many failures
    seen: set[tuple[str, int]] = set()
    refused: set[str] = set()
    counted: Counter[str] = Counter()
    for each in sorted(asked):
        until, failures = rests.get(each.ref, (0.0, 0))
        if each.kind in OF_KEYS and each.key not in refused:
            refused.add(each.key)
            counted["keys"] += 1
        elif (each.ref, each.number) in seen:
            counted["again"] += 1
        elif each.at < until:
            counted["under_way"] += 1
        else:
            rests[each.ref] = (each.at + RESTS[min(failures, len(RESTS) - 1)], failures + 1)
            counted["found"] += 1
        seen.add((each.ref, each.number))
    return Account(**counted)


class Flood:
    """All that is left after a batch of *count* prompts."""

    def __init__(self, home: Home, count: int, result: Result, seconds: float) -> None:
        self.home, self.count, self.result, self.seconds = home, count, result, seconds
        self.answers = {int(each["id"]): each for each in result.documents}
        self.usage = list(records(home.state / "usage"))
        self.decisions = list(records(home.state / "decisions"))

    @property
    def attempts(self) -> int:
        """How many attempts all prompts took."""
        return sum(len(decision["outcome"]["attempts"]) for decision in self.decisions)

    def wrong(self, texts: dict[int, str]) -> list[str]:
        """Describe every prompt that has not its own answer, whole and once, or is not recorded once."""
        found = [
            f"prompt {number}: {json.dumps(self.answers.get(number))[:400]}"
            for number in range(self.count)
            if self.answers.get(number, {}).get("text") != texts[number]
        ]
        linked = Counter((decision["id"], decision["outcome"]["usage_id"]) for decision in self.decisions)
        billed = Counter((record["decision_id"], record["id"]) for record in self.usage)
        told = Counter((each.get("decision_id"), each.get("usage_id")) for each in self.answers.values())
        if not linked == billed == told or any(times > 1 for times in told.values()):
            found.append(f"{len(linked)} decisions, {len(billed)} records, {len(told)} answers")
        return found

    def figures(self, asked: list[Asked]) -> Iterator[str]:
        """Yield the figures; *asked* is what the failing servers were."""
        told = account(asked)
        least = self.count + told.found + told.keys
        whole = sum("text" in each for each in self.answers.values())
        yield f"{self.count} prompts, {whole} answered, in {self.seconds:.0f} s"
        yield (
            f"attempts: {self.attempts}, {self.attempts / self.count:.4f} a prompt; the least there could be"
            f" {least} ({self.attempts / least:.3f}x):"
            f" {told.found} to find out who fails, {told.keys} which keys"
        )
        yield f"too much: {told.again} of the same prompt again, {told.under_way} that were under way"


def ask(home: Home, prompts: list[str], *more: str, jobs: int, env: dict[str, str] | None = None) -> Flood:
    """Answer all *prompts* by one batch with *more* options, so many at a time."""
    lines = [json.dumps({"id": str(number), "query": text}) for number, text in enumerate(prompts)]
    began = time.monotonic()
    batch = ("chat", "--batch", "-", "--jobs", str(jobs), "--json", *more)
    result = home.pool(*batch, stdin="\n".join(lines) + "\n", env=env, timeout=1800)
    return Flood(home, len(prompts), result, time.monotonic() - began)


def asked_of(world: weather.Weather) -> list[Asked]:
    """List what the failing servers of a weather were asked."""
    return [
        Asked(request.at, f"{name}/{_model(request)}", f"{name} {_key(request)}", number, kind)
        for name in world.bad
        for request, (_, kind, number) in zip(world.servers[name].chats, world.played[name], strict=True)
    ]


def _model(request: Any) -> str:
    in_path = request.path.partition("/models/")[2].partition(":")[0]
    return in_path or str(request.json["model"])


def _key(request: Any) -> str:
    names = ("authorization", "x-api-key", "x-goog-api-key")
    return next((request.headers[name] for name in names if name in request.headers), "")
