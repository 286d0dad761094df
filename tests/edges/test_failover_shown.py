"""Answers that end in the middle, and who is said to have answered (rulings 9 and 20)."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.chat import served
from llmpool.chat.journey import Delta, Done, Journey, Notice
from llmpool.chat.run import Manners, chat
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.config import Routing
from llmpool.core.outcome import Failure
from llmpool.core.routing import Candidate, Decision, Rejection, RouteRequest, RoutingTable
from llmpool.decide import decide
from llmpool.errors import Exit, UpstreamFailed
from tests.edges.failing import Bench, failing
from tests.fakes import faults
from tests.fakes.answers import Reply
from tests.fakes.exchange import Exchange

TORN = "closed the connection in the middle of its answer"
RESTART = Manners(on_break="restart")
UNSEEN = Manners(shows=False)


def stalled(exchange: Exchange) -> None:
    """Say a word, then nothing more."""
    exchange.begin_stream()
    for event in list(exchange.speaker.events(Reply(), exchange.asked))[:2]:
        exchange.chunk(event)
    exchange.sleep(30)


@pytest.mark.parametrize("how", ["drop", "clean", "reset"])
def test_what_was_shown_stays_and_nobody_talks_over_it(tmp_path: Path, how: str) -> None:
    """Ruling 9: no failover after the first shown character; a seam, exit 7, and a record of what came."""
    with Bench(tmp_path, a=[faults.cut(2, how=how)], b=()) as bench:
        came = bench.ask()
        assert (came.shown[-1:], came.seams, bench.calls("b")) == (["hello"], 1, [0])
        assert isinstance(came.error, UpstreamFailed)
        assert (came.error.kind, came.error.exit_code) == ("broke_off", Exit.FAILED)
        assert came.error.message.startswith("a/m broke off: ")
        record = bench.usage()[0]
        assert (record["success"], record["output_tokens"], record["estimated"]) == (False, 2, True)
        assert record["error"] == "broken"
        assert bench.rest("deployment:a/m") == 60


@pytest.mark.parametrize("fault", [faults.error_in_stream(after=2), faults.malformed(after=2)])
def test_errors_in_the_middle_are_breaks_too(tmp_path: Path, fault: faults.Behaviour) -> None:
    """An overload said inside a stream, and an event that is no JSON, end a shown answer as a cut does."""
    with Bench(tmp_path, a=[fault], b=()) as bench:
        came = bench.ask()
        assert (came.text, came.seams, bench.calls("b")) == ("hello", 1, [0])
        assert came.error is not None


def test_silence_in_the_middle_of_a_shown_answer(tmp_path: Path) -> None:
    """A read time-out is a break: what came stays."""
    with Bench(tmp_path, a=[stalled], b=()) as bench:
        bench.configure(a={"read_timeout": "300ms"})
        came = bench.ask()
        assert (came.text, came.seams, bench.calls("b")) == ("hello", 1, [0])
        assert came.error is not None
        assert came.error.message.endswith("fell silent for 0.3 s in the middle of its answer")


def test_restart_starts_over_elsewhere(tmp_path: Path) -> None:
    """--on-break restart: the seam is marked, quiet or not, and another answers from the start."""
    with Bench(tmp_path, a=[faults.cut(2)], b=()) as bench:
        came = bench.ask(manners=RESTART)
        assert (came.text, came.by, bench.calls()) == ("helloby b", "b/m", [1, 1])
        assert came.warnings == [
            f"a/m broke off: 127.0.0.1:{bench.servers['a'].port}: {TORN}; b/m starts over"
        ]
        assert came.journey is not None
        assert came.journey.answer == "by b"
        attempts = bench.decisions()[0]["outcome"]["attempts"]
        assert (attempts[0]["output_tokens"], attempts[0]["estimated"]) == (2, True)
        assert "output_tokens" not in attempts[1]


def test_restart_with_nobody_else_asks_the_same_again(tmp_path: Path) -> None:
    """When there is no elsewhere a whole answer is worth another call."""
    with Bench(tmp_path, a=[faults.cut(2)]) as bench:
        came = bench.ask(manners=RESTART)
        assert (came.text, came.waits) == ("helloby a", [0.5])


@pytest.mark.parametrize("stream", [True, False])
def test_what_nobody_saw_is_asked_elsewhere_without_a_word_lost(tmp_path: Path, stream: bool) -> None:
    """Ruling 9: with --json, --no-stream, --schema nothing was shown, so failover goes on."""
    with Bench(tmp_path, a=failing(faults.cut(2)), b=()) as bench:
        came = bench.ask(manners=UNSEEN, stream=stream)
        assert (came.by, came.seams) == ("b/m", 0)
        assert came.journey is not None
        assert came.journey.answer == "by b"


def test_thinking_that_is_not_shown_binds_nobody(tmp_path: Path) -> None:
    """The first *shown* character counts: a break in hidden thoughts goes on elsewhere, in shown ones not."""
    thought = faults.cut(2, thinking="let me see")
    with Bench(tmp_path, a=failing(thought), b=()) as bench:
        assert bench.ask().by == "b/m"
        bench.now += 3700
        assert bench.ask(manners=Manners(shows_thinking=True)).seams == 1


def test_an_interrupted_answer_is_recorded_as_far_as_it_came(tmp_path: Path) -> None:
    """Whoever stops listening leaves a record: interrupted, what was streamed, nobody blamed."""
    with Bench(tmp_path, a=[faults.slow(between=0.05)]) as bench:
        pool = bench.pool()
        choice = decide(pool, RouteRequest(query="hi"))
        events = chat(pool, ChatRequest(messages=(Message(role="user", text="hi"),)), choice, Manners())
        for event in events:
            if isinstance(event, Delta) and event.text:
                break
        events.close()  # type: ignore[attr-defined]
        record = bench.usage()[0]
        assert (record["interrupted"], record["error"], record["success"]) == (True, "cancelled", False)
        assert record["output_tokens"] >= 1
        assert bench.health().experience == {}


def test_events_come_in_order(tmp_path: Path) -> None:
    """Deltas and notices, then Done with the record's id; nothing after it."""
    with Bench(tmp_path, a=[faults.status(503)]) as bench:
        pool = bench.pool()
        choice = decide(pool, RouteRequest(query="hi"))
        request = ChatRequest(messages=(Message(role="user", text="hi"),))
        kinds = [type(event) for event in chat(pool, request, choice, Manners())]
        assert kinds[0] is Notice
        assert kinds[-1] is Done
        assert kinds.count(Done) == 1


# who answered


def journey(*tried: str, **decided: object) -> Journey:
    """Return a journey through deployments, all but the last failing; `a/m` leads unless told otherwise."""
    fields: dict[str, object] = {
        "selected": "a/m",
        "candidates": tuple(Candidate(ref, 1, ()) for ref in ("a/m", "b/m")),
        "rejections": (),
    } | decided
    made = Journey(
        Decision(
            id="d", at="", strategy="score", mode="auto", complexity="simple", intent="general",
            reasoning="", no_eligible=False, **fields,
        )  # type: ignore[arg-type]
    )  # fmt: skip
    for n, ref in enumerate(tried):
        made.start_attempt(ref, "k")
        last = n == len(tried) - 1
        made.end_attempt(None if last else Failure(kind="server", message=f"{ref} is down", status=500))
    return made


TABLE = RoutingTable(
    generation=1,
    providers=({"id": "a"}, {"id": "b"}),
    rows=[],
    aliases={"spare": "f/m"},
    default_model="d/m",
    recovery_model="r/m",
    local_first=True,
    routing=Routing(fallbacks=("spare",)),
    profiles=(),
    groups=(),
)


@pytest.mark.parametrize(
    ("tried", "decided", "line", "reason"),
    [
        (("a/m",), {}, "", ""),
        (("a/m", "b/m"), {}, "b/m answered instead of a/m (a/m: a/m is down)", "a/m: a/m is down"),
        (
            ("a/m", "f/m"),
            {},
            "f/m answered instead of a/m, a configured fallback (a/m: a/m is down)",
            "a/m: a/m is down",
        ),
        (
            ("a/m", "r/m"),
            {},
            "r/m answered instead of a/m, the recovery model (a/m: a/m is down)",
            "a/m: a/m is down",
        ),
        (
            ("d/m",),
            {"selected": "d/m", "candidates": ()},
            "d/m answered, the default model (nobody else may)",
            "nobody else may",
        ),
        (
            ("b/m",),
            {
                "selected": "b/m",
                "requested": "x/pinned",
                "rejections": (Rejection("x/pinned", ("no key: X is not set",)),),
            },
            "b/m answered, x/pinned was asked for (x/pinned: no key: X is not set)",
            "x/pinned: no key: X is not set",
        ),
        (
            ("a/m",),
            {"once": True, "notes": ("first", "a/m is tried all the same")},
            "",
            "a/m is tried all the same",
        ),
        (
            ("a/m",),
            {"loosely": True, "requested": "n", "notes": ("a/m resembles it",)},
            "",
            "a/m resembles it",
        ),
    ],
)
def test_who_answered_is_said_with_the_reason(
    tried: tuple[str, ...], decided: dict[str, object], line: str, reason: str
) -> None:
    """Ruling 20: one line, and why; what the decision itself says (soonest free, loose) is not said twice."""
    assert served.told(TABLE, journey(*tried, **decided)) == (line, reason)
