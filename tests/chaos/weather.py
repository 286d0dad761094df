"""Five providers in five formats, of which one works: what each is asked goes wrong by chance, by a seed.

A prompt names its number, and only the good provider says that number's answer, so that an answer that is
torn, doubled, or another prompt's is seen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from email.utils import formatdate
from random import Random
from threading import Lock
from typing import Any, Self

from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import model, provider

FORMATS = ("openai", "anthropic", "ollama", "google", "responses")
KEYS = ("one", "two")
WORDS = "a whole answer, with its beginning, its middle and its end"
_NUMBER = re.compile(rb"prompt (\d+)\.")


def prompt(number: int) -> str:
    """Write prompt *number*."""
    return f"This is prompt {number}. What is the answer?"


def answer(number: int) -> str:
    """Write what the good provider says to prompt *number*."""
    return f"{number}: {WORDS} ({number})"


def number_of(request: Request) -> int:
    """Read which prompt a request carries."""
    found = _NUMBER.search(request.body)
    assert found is not None, request.body[:200]
    return int(found[1])


def _throttled(random: Random) -> Behaviour:
    """Refuse for being too fast, with any of the ways to say how long to wait, or none."""
    ways: list[dict[str, str]] = [
        {},
        {},
        {"Retry-After": "1"},
        {"Retry-After": "20"},
        {"retry-after-ms": "300"},
        {"Retry-After": formatdate(time.time() + 30, usegmt=True)},
    ]
    return faults.status(429, random.choice(ways))


def _cut(random: Random) -> Behaviour:
    """Break an answer off anywhere, in any way."""
    return faults.cut(random.randrange(3), random.choice(("drop", "clean", "reset")))


FAULTS: tuple[tuple[int, str, Callable[[Random], Behaviour]], ...] = (
    (5, "429", _throttled),
    (3, "500", lambda _: faults.status(500)),
    (3, "503", lambda r: faults.status(503, r.choice(({}, {"Retry-After": "5"})))),
    (1, "529", lambda _: faults.status(529)),
    (3, "reset", lambda _: faults.reset()),
    (1, "closed", lambda _: faults.close()),
    (3, "stall", lambda _: faults.hang(60)),
    (1, "late", lambda _: faults.slow(first=60)),
    (1, "halting", lambda _: faults.slow(between=60)),
    (5, "cut", _cut),
    (2, "malformed", lambda r: faults.malformed(r.randrange(3))),
    (1, "half", lambda _: faults.half_json()),
    (1, "error in 200", lambda r: faults.error_in_stream(r.randrange(3))),
    (2, "page", lambda r: faults.html(r.choice((200, 200, 502)))),
    (1, "empty", lambda _: faults.empty()),
    (1, "expired", lambda _: faults.status(401)),
    (1, "forbidden", lambda _: faults.status(403)),
    (1, "spent", lambda _: faults.status(402)),
)


class Weather:
    """The servers of one run: `good` names the one that works.

    *hiccup* is how often even that one fails, once for a prompt at most; *seconds* is how long it may take
    before it begins. *skip* leaves kinds of faults out.
    """

    def __init__(
        self, seed: int, *, hiccup: float = 0.0, seconds: float = 0.2, skip: tuple[str, ...] = ()
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.hiccup, self.seconds = hiccup, seconds
        self.faults = [fault for fault in FAULTS if fault[1] not in skip]
        self.good = self.random.choice(FORMATS)
        self.models = {name: tuple(f"m{n}" for n in range(self.random.randint(1, 2))) for name in FORMATS}
        # The good one comes last, so that the others are asked whenever they may be.
        self.ratings = {name: 4 if name == self.good else self.random.randint(5, 9) for name in FORMATS}
        self.played: dict[str, list[tuple[float, str, int]]] = {name: [] for name in FORMATS}
        self.servers: dict[str, FakeServer] = {}
        self._hiccups: set[int] = set()  # the prompts that had theirs
        self._lock = Lock()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for name in FORMATS:
            made = FakeServer(self.models[name], speaks=(name,), behave=self._script(name))
            self.servers[name] = self._open.enter_context(made)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def bad(self) -> list[str]:
        """The providers that do not work."""
        return [name for name in FORMATS if name != self.good]

    @property
    def env(self) -> Mapping[str, str]:
        """The variables that hold the keys: two of every provider."""
        return {f"KEY_{name}_{key}".upper(): f"secret-{name}-{key}" for name in FORMATS for key in KEYS}

    def config(self, *routing: str, seconds: int = 2) -> str:
        """Write the config: time-outs of so many seconds, every model declared, *routing* beside them.

        The good one never stalls, and has all the time that a busy machine takes.
        """
        limits = [f'{name}_timeout = "{seconds}s"' for name in ("connect", "first_token", "read")]
        tables = ["[routing]", *limits, *routing]
        for name, server in self.servers.items():
            keys = [{"label": key, "env": f"KEY_{name}_{key}".upper()} for key in KEYS]
            patience = "120s" if name == self.good else None
            tables.append(
                provider(name, server.root, format=name, location="cloud", keys=keys, timeout=patience)
            )
            tables += [model(f"{name}/{each}", quality=self.ratings[name]) for each in self.models[name]]
        return "\n".join(tables)

    def refs(self, name: str) -> list[str]:
        """List the deployments of a provider."""
        return [f"{name}/{each}" for each in self.models[name]]

    def most_attempts(self, retries: int = 2) -> int:
        """Return how many attempts a prompt may take at worst: every key of every deployment, repeated."""
        return sum(len(self.refs(name)) for name in FORMATS) * len(KEYS) * (1 + retries)

    def _script(self, name: str) -> Callable[[int, Request], Behaviour]:
        def behave(_: int, request: Request) -> Behaviour:
            with self._lock:
                kind, does = self._chosen(name, request)
                self.played[name].append((request.at, kind, number_of(request)))
            return does

        return behave

    def _chosen(self, name: str, request: Request) -> tuple[str, Behaviour]:
        random = self.random
        if name != self.good:
            weights = [weight for weight, _, _ in self.faults]
            _, kind, make = random.choices(self.faults, weights)[0]
            return kind, make(random)
        number = number_of(request)
        if number not in self._hiccups and random.random() < self.hiccup:
            self._hiccups.add(number)
            return "hiccup", faults.status(503, random.choice(({}, {"Retry-After": "3"})))
        text = answer(number)
        if random.random() < 0.2:
            return "slow", faults.slow(first=random.uniform(0, self.seconds), text=text)
        return "good", faults.ok(text)


def per_minute(times: list[float]) -> int:
    """Return the most of *times* that fall into any one minute."""
    times = sorted(times)
    first, most = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def kinds(played: list[tuple[float, str, int]]) -> dict[str, int]:
    """Count what was played, by kind."""
    counted: dict[str, int] = {}
    for _, kind, _ in played:
        counted[kind] = counted.get(kind, 0) + 1
    return dict(sorted(counted.items()))


def whole(out: str, number: int, *, restarts: bool) -> bool:
    """Say whether stdout is the answer to prompt *number* and nothing else but what broke off before it."""
    *before, last = out.removesuffix("\n").split("\n")
    said = "hello there"
    return (
        out.endswith("\n")
        and last == answer(number)
        and (restarts or not before)
        and all(line and said.startswith(line.strip()) for line in before)
    )


def scopes(cooldowns: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    """Return the cooldowns of a provider, its deployments and its keys."""
    return {
        scope: entry
        for scope, entry in cooldowns.items()
        if scope.partition(":")[2] == name or scope.partition(":")[2].startswith(f"{name}/")
    }


def unsound(cooldowns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the cooldowns that no sequence of failures can have led to."""
    lengths = {
        "deployment": {0, 60, 300, 1500, 3600},
        "provider": {0, 5, 10, 20, 30, 60, 120, 240, 300},
        "key": {60, 3600},
    }
    return [
        f"{scope}: {entry}"
        for scope, entry in cooldowns.items()
        if entry["seconds"] not in lengths[scope.partition(":")[0]]
        or not entry["failures"] >= entry["passing"] >= 0
        or not entry["failures"]
        or entry["until"] - entry["at"] > entry["seconds"]
    ]
