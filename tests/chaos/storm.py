"""Many processes against that weather, and what came of it: the run, its account, its figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos import weather
from tests.chaos.weather import Weather
from tests.support import Home, Result

WAYS = (("--json",), ("--no-stream",), ("--on-break", "restart"), ("--json",))


class Ran(NamedTuple):
    """One process: the prompt's number, how it was asked, when it began and ended, how it ended."""

    number: int
    way: tuple[str, ...]
    began: float
    ended: float
    result: Result


class Storm:
    """All that is left after a run; *workers* processes ran at a time."""

    def __init__(self, home: Home, world: Weather, workers: int, ran: list[Ran]) -> None:
        self.home, self.world, self.workers, self.ran = home, world, workers, ran
        self.ended = time.time()
        self.usage = list(records(home.state / "usage"))
        self.decisions = list(records(home.state / "decisions"))
        self.health = json.loads((home.state / "health.json").read_text())["data"]

    @property
    def attempts(self) -> list[int]:
        """How many attempts each prompt took."""
        return [len(decision["outcome"]["attempts"]) for decision in self.decisions]

    def failures(self) -> list[str]:
        """Describe every prompt that was not answered with its own answer, whole and once."""
        unlucky = self.unlucky()
        return [
            f"prompt {ran.number} {' '.join(ran.way)}: {ran.result!r}"
            for ran in self.ran
            if ran.number not in unlucky and (ran.result.code or not _is_whole(ran))
        ]

    def unlucky(self) -> set[int]:
        """Name the prompts that came while the good one rested, and got its one stumble at their only try.

        Who rests is asked a single time: that is all there was to be had.
        """
        failed = {ran.number for ran in self.ran if ran.result.code == 7}
        tried: dict[int, int] = {}
        for _, kind, number in self.world.played[self.world.good]:
            tried[number] = tried.get(number, 0) + (1 if kind == "hiccup" else 2)
        return {number for number in failed if tried.get(number) == 1}

    def recorded_once(self) -> list[str]:
        """Describe what the two logs lack or have twice."""
        ids = [record["id"] for record in self.usage]
        told = [decision["outcome"]["usage_id"] for decision in self.decisions]
        named = [(record["decision_id"], record["id"]) for record in self.usage]
        linked = [(decision["id"], decision["outcome"]["usage_id"]) for decision in self.decisions]
        shown = [(ran.result.json["decision_id"], ran.result.json["usage_id"]) for ran in self._in_json()]
        count = len(self.ran)
        wrong = {
            "usage lines": len(ids) != count,
            "usage ids": len(set(ids)) != count,
            "decision lines": len(told) != count,
            "decision ids": len({first for first, _ in linked}) != count,
            "links": sorted(named) != sorted(linked),
            "ids in documents": not set(shown) <= set(linked) or len(set(shown)) != len(shown),
            "successes": sum(record["success"] for record in self.usage) != count - len(self.unlucky()),
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]

    def least(self) -> int:
        """Return what must be asked at least: each prompt once, and each deployment that fails once."""
        return len(self.ran) + sum(len(self.world.refs(name)) for name in self.world.bad)

    def requests(self, name: str) -> list[float]:
        """List when a server was asked, in seconds of the run."""
        began = min(ran.began for ran in self.ran)
        return [at - began for at, _, _ in self.world.played[name]]

    def storms(self) -> list[str]:
        """Name the failing servers that got more requests in a minute than the rests allow.

        A deployment rests a minute at least after its last failure, so that in one minute each process may
        run into it once, before the first of them has failed: with each key, and as often as is retried.
        """
        return [
            f"{name}: {most} requests in a minute"
            for name in self.world.bad
            if (most := weather.per_minute(self.requests(name))) > self.allowed(name)
        ]

    def allowed(self, name: str) -> int:
        """Return how many requests in a minute are no storm yet."""
        return self.workers * len(self.world.refs(name)) * len(weather.KEYS) * 3

    def figures(self) -> Iterator[str]:
        """Yield the figures, a line each."""
        attempts, count = self.attempts, len(self.ran)
        answered = count - len(self.failures()) - len(self.unlucky())
        took = max(ran.ended for ran in self.ran) - min(ran.began for ran in self.ran)
        yield (
            f"seed {self.world.seed}: {count} prompts, {self.workers} at a time, {took:.0f} s;"
            f" {self.world.good} is the good one; {answered} answered, {len(self.unlucky())} unlucky"
        )
        spread = sorted(attempts)
        yield (
            f"attempts: {sum(attempts)} in all, {sum(attempts) / count:.2f} a prompt,"
            f" median {spread[count // 2]}, at most {spread[-1]}; the least there could be: {self.least()}"
        )
        for name in weather.FORMATS:
            times = self.requests(name)
            rests = {
                scope.removeprefix(f"deployment:{name}/").replace(f"{name}/", ""): f"{entry['seconds']:.0f}s"
                for scope, entry in weather.scopes(self.health["cooldowns"], name).items()
                if entry["until"]
            }
            yield (
                f"{name:10}{len(times):>5} requests, at most {weather.per_minute(times)} in a minute"
                f" ({self.allowed(name)} would be a storm),"
                f" {len({ran for _, _, ran in self.world.played[name]})} prompts; rests {rests or 'nowhere'}"
            )
            yield f"{'':10}{weather.kinds(self.world.played[name])}"

    def _in_json(self) -> list[Ran]:
        return [ran for ran in self.ran if ran.way == ("--json",) and not ran.result.code]


def run(home: Home, world: Weather, *, prompts: int, workers: int, routing: tuple[str, ...] = ()) -> Storm:
    """Ask *prompts* questions, *workers* at a time, each by a process of its own."""
    home.write_config(world.config(*routing))
    home.env.update(world.env)

    def ask(number: int) -> Ran:
        way, began = WAYS[number % len(WAYS)], time.time()
        result = home.pool("chat", *way, weather.prompt(number), timeout=120)
        return Ran(number, way, began, time.time(), result)

    with ThreadPoolExecutor(workers) as workers_:
        ran = list(workers_.map(ask, range(prompts)))
    return Storm(home, world, workers, ran)


def records(directory: Path) -> Iterator[Any]:
    """Read every line of a log; a torn one does not parse, an empty one is allowed."""
    for path in sorted(directory.glob("*.jsonl")):
        yield from (json.loads(line) for line in path.open(encoding="utf-8") if line.strip())


def _is_whole(ran: Ran) -> bool:
    if ran.way == ("--json",):
        return bool(ran.result.json["text"] == weather.answer(ran.number))
    return weather.whole(ran.result.out, ran.number, restarts="restart" in ran.way)
