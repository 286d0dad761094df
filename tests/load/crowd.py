"""Many processes on one state directory and one config: the run, and what has to be true after it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

SHARED = ("one", "two", "three")
OLD_DAYS, OLD_LINES = 6, 40
MARK = "# a remark that nobody may lose"
MEMBER = Path(__file__).with_name("forks.py")


class Town(NamedTuple):
    """How much happens: *members* at a time, each through all *rounds*, then for so many *seconds*.

    In a round all kinds of commands are *dealt* to so many members.
    """

    members: int
    rounds: int = 0
    seconds: float = 0.0
    seed: int = 1
    dealt: int = 1

    @property
    def names(self) -> list[str]:
        """The names of the members."""
        return [f"w{number:02}" for number in range(self.members)]


class Servers:
    """The providers that all share, one for everybody's own, and the *guests*: each counts what it gave."""

    def __init__(self, guests: Iterable[str]) -> None:
        self._open = ExitStack()
        self._lock = Lock()
        self.asked: Counter[str] = Counter()
        self.input: Counter[str] = Counter()
        self.served: dict[str, list[tuple[float, int]]] = defaultdict(
            list
        )  # listings, by when they were asked
        self.at = {name: self._server(name) for name in (*SHARED, "own", *guests)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _server(self, name: str) -> FakeServer:
        def behave(number: int, _: Request) -> Behaviour:
            tokens = 5 + number % 11
            with self._lock:
                self.asked[name] += 1
                self.input[name] += tokens
            return faults.ok(f"{name} says {number}", usage=_usage(tokens))

        def listed(number: int, request: Request) -> Behaviour:
            with self._lock:
                self.served[name].append((request.at, number))
            return faults.said(200, {"object": "list", "data": [{"id": "m"}, {"id": f"listing-{number}"}]})

        return self._open.enter_context(FakeServer(("m",), behave=behave, behave_listing=listed))


class Crowd:
    """A run and its account: *lines* tell each command, the files what is left of it."""

    def __init__(self, home: Home, town: Town, servers: Servers) -> None:
        self.home, self.town, self.servers = home, town, servers
        self.before: dict[str, Any] = {}
        self.lines: list[dict[str, Any]] = []

    def run(self) -> None:
        """Furnish the home, let all begin at once, and read what they wrote down."""
        names = self.town.names
        keys = {f"KEY_{name}_{n}".upper(): f"sk-none-{name}-{n}" for name in names for n in range(1, 200)}
        self.home.env.update(keys)
        self.home.write_config(self._config(names))
        days = list(_furnish(self.home.state / "usage"))
        self.before = self._summary()
        log = self.home.dir / "log"
        log.mkdir()
        plan = {
            **self.town._asdict(),
            "state": str(self.home.state), "config": str(self.home.config), "log": str(log),
            "shared": SHARED, "old_days": days,
            "guests": [self.servers.at[f"guest-{name}"].url for name in names],
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-P", str(MEMBER)],
            input=json.dumps(plan), env=self.home.env, cwd=self.home.cwd,
            capture_output=True, encoding="utf-8", timeout=600 + self.town.seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        self.lines = [
            json.loads(line) for path in sorted(log.iterdir()) for line in path.open(encoding="utf-8")
        ]

    def of(self, *kinds: str, code: int | None = 0) -> list[dict[str, Any]]:
        """Return what was done of these kinds and ended with *code*; None is any."""
        return [
            line
            for line in self.lines
            if line["kind"] in kinds and (code is None or line.get("code") == code)
        ]

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Read all lines of `usage` or `decisions`; a torn one does not parse, an empty one is allowed."""
        paths = sorted((self.home.state / kind).glob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.open(encoding="utf-8") if line.strip()]

    def data(self, name: str) -> Any:
        """Return the data of a state file."""
        return json.loads((self.home.state / name).read_text(encoding="utf-8"))["data"]

    def _config(self, names: Iterable[str]) -> str:
        at = self.servers.at
        parts = ["# kept\n[budgets.all]", 'limit = "1000000"', 'per = "total"']
        parts += ["[policy]", 'unpriced = "allow"']
        for name in SHARED:
            parts += [provider(name, at[name].url, location="cloud"), model(f"{name}/m", quality=6)]
        for name in names:
            parts += [f"{MARK}: {name}", provider(f"own-{name}", at["own"].url, location="cloud")]
        return "\n".join(parts)

    def _summary(self) -> dict[str, Any]:
        done = self.home.pool("usage", "prices", "set", "--default", "1", "2")
        assert done.code == 0, done
        found: dict[str, Any] = self.home.pool("usage", "summary", "--since", "all", "--json").json
        return found


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "completion_tokens": 3, "total_tokens": tokens + 3}


def _furnish(usage: Path) -> Iterator[str]:
    """Write some days of usage that are long gone, and yield which."""
    usage.mkdir(parents=True, mode=0o700)
    usage.parent.chmod(0o700)
    today = datetime.now(UTC)
    for back in range(OLD_DAYS, 0, -1):
        day = (today - timedelta(days=back + 3)).strftime("%Y-%m-%d")
        with (usage / f"{day}.jsonl").open("w", encoding="utf-8") as file:
            for number in range(OLD_LINES):
                line = {
                    "id": f"old-{day}-{number}", "at": f"{day}T10:00:00.000Z",
                    "provider": "one", "model": "m", "deployment": "one/m", "success": True,
                    "input_tokens": number, "output_tokens": 1, "request_count": 1,
                    "latency_ms": 5, "cost": "0.001",
                }  # fmt: skip
                file.write(json.dumps(line) + "\n")
        yield day


def gathered(home: Home, town: Town) -> tuple[Crowd, float]:
    """Run a crowd and return it with the seconds that took."""
    with Servers(f"guest-{name}" for name in town.names) as servers:
        crowd, began = Crowd(home, town, servers), time.monotonic()
        crowd.run()
        return crowd, time.monotonic() - began


def overlap(writes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the writes of a shared value that may be the last: none began after they had ended."""
    latest = max(write["began"] for write in writes)
    return [write for write in writes if write["ended"] >= latest]


def is_counting_up(numbers: list[int]) -> bool:
    """Say whether each number is greater than the one before."""
    return all(first < second for first, second in pairwise(numbers))
