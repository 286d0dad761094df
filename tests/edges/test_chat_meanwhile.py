"""The time in which nothing comes is used to get ready for what comes."""

from __future__ import annotations

from pathlib import Path

from llmpool.chat.manners import Manners, Pace
from llmpool.chat.run import chat
from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from tests.edges.failing import Bench
from tests.fakes import faults


def test_it_is_told_when_a_call_has_left_and_before_anything_of_an_answer_is_read(tmp_path: Path) -> None:
    """So what shows the answer is ready for its first word; each call that leaves tells it."""
    came: list[str] = []
    with Bench(tmp_path, "[routing]\nmax_retries = 1", den=[faults.status(503)]) as bench:
        pool, pace = bench.pool(), Pace(sleep=bench.sleep)
        choice = decide(pool, RouteRequest(query="hi", model="den/m"))
        request = ChatRequest(messages=(Message(role="user", text="hi"),))
        manners = Manners(meanwhile=lambda: came.append("left"))
        events = chat(pool, request, choice, manners, pace)
        next(event for event in events if isinstance(event, Delta) and event.text)
        assert came == ["left", "left"]
        list(events)
    assert came == ["left", "left"]
