"""A request on its way: pieces become an answer, and each attempt starts from nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llmpool.chat import journey as journeys
from llmpool.chat.journey import Journey
from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import Failure, TokenUsage
from llmpool.core.routing import Decision


class Clock:
    """A clock that the test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the journey's clock into the test's hands."""
    made = Clock()
    monkeypatch.setattr(journeys, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


def started(deployment: str = "den/a", key: str = "none") -> Journey:
    """Return a journey whose first attempt has begun."""
    decision = Decision(
        id="d-1",
        at="",
        selected=deployment,
        strategy="score",
        mode="auto",
        complexity="simple",
        intent="general",
        candidates=(),
        rejections=(),
        reasoning="",
        no_eligible=False,
    )
    made = Journey(decision)
    made.start_attempt(deployment, key)
    return made


def test_text_and_thinking_are_kept_apart_and_in_order() -> None:
    """The answer is its text pieces joined; what the model thought is no part of it."""
    made = started()
    for delta in (
        Delta(thinking="hm"),
        Delta(text="Hel"),
        Delta(text="lo", thinking="!"),
        Delta(finish="stop"),
    ):
        made.take(delta)
    assert made.answer == "Hello"
    assert "".join(made.thinking) == "hm!"


def test_pieces_of_a_tool_call_become_one() -> None:
    """Id and name come once, arguments piece by piece, and two calls never mix."""
    made = started()
    pieces = [
        ToolDelta(0, "call_1", "weather", ""),
        ToolDelta(0, "", "", '{"city":'),
        ToolDelta(1, "call_2", "time", "{"),
        ToolDelta(0, "", "", ' "Oslo"}'),
        ToolDelta(1, "", "", "}"),
    ]
    for piece in pieces:
        made.take(Delta(tools=(piece,)))
    assert made.tools == {
        0: {"id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
        1: {"id": "call_2", "name": "time", "arguments": "{}"},
    }


def test_several_pieces_in_one_delta_are_all_taken() -> None:
    """Whole calls that arrive together are all there."""
    made = started()
    made.take(Delta(tools=(ToolDelta(0, "a", "f", "{}"), ToolDelta(1, "b", "g", "[]"))))
    assert [call["name"] for call in made.tools.values()] == ["f", "g"]


@pytest.mark.parametrize(
    "first", [Delta(text="x"), Delta(thinking="x"), Delta(tools=(ToolDelta(0, "", "f", ""),))]
)
def test_the_first_content_stops_the_clock(clock: Clock, first: Delta) -> None:
    """Time to first token is that of text, thinking or a tool call, whichever is first, and stays."""
    made = started()
    clock.now += 0.25
    made.take(Delta(served_model="m"))
    made.take(Delta(usage=TokenUsage(input=3)))
    assert made.ttft_ms is None
    clock.now += 0.25
    made.take(first)
    clock.now += 5
    made.take(first)
    assert made.ttft_ms == 500


def test_the_last_word_on_usage_finish_and_model_counts() -> None:
    """A later piece replaces what an earlier one said; silence replaces nothing."""
    made = started()
    made.take(Delta(served_model="m", usage=TokenUsage(input=3)))
    made.take(Delta(text="x"))
    made.take(Delta(finish="stop", usage=TokenUsage(input=3, output=5)))
    made.take(Delta())
    assert (made.served_model, made.finish, made.usage) == ("m", "stop", TokenUsage(input=3, output=5))


def test_a_new_attempt_forgets_the_old(clock: Clock) -> None:
    """Nothing of a failed attempt is left in the answer, its figures or its clock."""
    made = started("den/a", "k1")
    clock.now += 1
    made.take(
        Delta(
            text="half",
            thinking="t",
            tools=(ToolDelta(0, "a", "f", "{"),),
            finish="stop",
            usage=TokenUsage(output=1),
            served_model="m",
        )
    )
    made.end_attempt(Failure(kind="broken", message="it broke"))
    clock.now += 1
    made.start_attempt("sky/b", "k2")
    assert (made.deployment, made.key) == ("sky/b", "k2")
    assert (made.answer, made.thinking, made.tools) == ("", [], {})
    assert (made.usage, made.finish, made.served_model, made.ttft_ms) == (None, "", "", None)
    clock.now += 0.5
    assert made.elapsed() == 500


def test_attempts_are_listed_with_their_own_latency(clock: Clock) -> None:
    """Each attempt is kept with who, which key, how long and how it ended; success is the last one's."""
    made = started("den/a", "k1")
    clock.now += 2
    failure = Failure(kind="connect", message="refused")
    made.end_attempt(failure)
    assert not made.success
    made.start_attempt("sky/b", "k2")
    clock.now += 0.75
    made.end_attempt(None)
    assert made.success
    assert made.latency_ms == 750
    assert [(a.deployment, a.key, a.latency_ms, a.failure) for a in made.attempts] == [
        ("den/a", "k1", 2000, failure),
        ("sky/b", "k2", 750, None),
    ]


def test_the_reason_names_who_failed_first() -> None:
    """Ruling 20: when another one answered, the first that failed and its words are the reason."""
    made = started("den/a")
    assert made.reason == ""
    made.end_attempt(Failure(kind="connect", message="refused"))
    made.start_attempt("sky/b", "none")
    made.end_attempt(None)
    assert made.reason == "den/a: refused"


def test_a_retry_that_helped_needs_no_reason() -> None:
    """The same deployment with another key, or the same again, is who was asked."""
    made = started("den/a", "k1")
    made.end_attempt(Failure(kind="auth", message="refused"))
    made.start_attempt("den/a", "k2")
    made.end_attempt(None)
    assert made.reason == ""
