"""A batch under kill -9: what is in the journal is never asked again, and the end is that of any other."""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, model, provider

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9")


def asked(request: Request) -> str:
    """Return the prompt of a request; nothing of one whose sender was killed while it sent it."""
    try:
        return str(request.json["messages"][-1]["content"])
    except ValueError:
        return ""


def echo(_number: int, request: Request) -> Behaviour:
    """Answer with the prompt."""
    return faults.ok(f"you said {asked(request)}")


def written(path: Path) -> dict[int, dict[str, Any]]:
    """Return the whole lines of a file of answers, by number."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {each["line"]: each for each in map(json.loads, lines)}


class Chaos:
    """A batch that is killed again and again, against a server that knows what it was asked."""

    def __init__(self, home: Home, server: FakeServer, count: int, jobs: int) -> None:
        self.home, self.server, self.count, self.jobs = home, server, count, jobs
        self.answers = home.cwd / "answers.jsonl"
        self.part = home.cwd / "answers.jsonl.part"
        self.source = home.cwd / "prompts.jsonl"
        self.source.write_text("".join(json.dumps({"prompt": f"q{n}"}) + "\n" for n in range(1, count + 1)))
        home.write_config(provider("den", server.url), model("den/m"))
        server.behave(echo)
        assert home.here("models", "list").code == 0  # the registry is compiled

    def start(self) -> Any:
        """Start the batch, or go on with it."""
        options = ("-o", str(self.answers), "--jobs", str(self.jobs), "--max-wait", "30s")
        return self.home.start("chat", "--batch", str(self.source), *options)

    def killed_after(self, seconds: float) -> None:
        """Run the batch, kill it after so long, and check that no line of the journal was asked again."""
        safe = {f"q{number}" for number in written(self.part)}
        before = len(self.server.chats)
        child = self.start()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=10)
        again = {asked(request) for request in self.server.chats[before:]}
        assert not safe & again

    def finished(self) -> None:
        """Let the batch end, and check that all is there, in order, and recorded."""
        safe, before = {f"q{number}" for number in written(self.part)}, len(self.server.chats)
        result = end_of(self.start(), timeout=300)
        assert result.code == 0, result
        assert not safe & {asked(request) for request in self.server.chats[before:]}
        lines = [json.loads(line) for line in self.answers.read_text().splitlines()]
        assert [(each["line"], each["text"]) for each in lines] == [
            (n, f"you said q{n}") for n in range(1, self.count + 1)
        ]
        assert not self.part.exists()
        ids = Counter(each["usage_id"] for each in lines)
        recorded = Counter(self.recorded())
        assert all(recorded[each] == 1 for each in ids), "an answer without its record"
        assert set(recorded.values()) == {1}

    def recorded(self) -> list[str]:
        """Return the ids of all usage records."""
        files = (self.home.state / "usage").glob("*.jsonl")
        return [json.loads(line)["id"] for path in files for line in path.read_text().splitlines() if line]


def test_kill_9_loses_nothing_and_asks_nothing_twice(home: Home, server: FakeServer) -> None:
    """Killed at five moments, a batch of 120 ends as any other; only what was under way is asked anew."""
    server.delay = 0.02
    chaos = Chaos(home, server, 120, 4)
    for seconds in (0.3, 0.45, 0.5, 0.6, 0.7):
        chaos.killed_after(seconds)
    chaos.finished()
    assert len(server.chats) <= 120 + 5 * 4
    assert {asked(request) for request in server.chats} - {""} == {f"q{n}" for n in range(1, 121)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_9_at_forty_moments(home: Home, server: FakeServer) -> None:
    """Wherever it hits: while lines are read, answers kept, the file put in order."""
    chaos, dice = Chaos(home, server, 1000, 8), random.Random(8)
    for _ in range(40):
        if chaos.answers.exists():
            break
        chaos.killed_after(0.2 + dice.random() * 0.8)
    chaos.finished()
    assert len(server.chats) <= 1000 + 40 * 8


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_lines_with_eight_jobs(home: Home, server: FakeServer) -> None:
    """Each is asked once and recorded once, and the answers are in order."""
    chaos = Chaos(home, server, 1000, 8)
    chaos.finished()
    assert Counter(map(asked, server.chats)) == Counter({f"q{n}": 1 for n in range(1, 1001)})
    assert len(chaos.recorded()) == 1000


def test_eight_jobs_are_eight_prompts_under_way(home: Home, server: FakeServer) -> None:
    """A server that answers nobody before it was asked by eight does answer, and is never asked by nine."""
    eight = threading.Barrier(8)

    def together(exchange: Exchange) -> None:
        eight.wait(timeout=60)
        echo(0, exchange.record)(exchange)

    chaos = Chaos(home, server, 16, 8)
    server.behave([together] * 16)
    chaos.finished()
    assert server.peak == 8
