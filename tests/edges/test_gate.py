"""The gate before every call: who goes, who waits and says so, who is sent elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.chat import gate as gates
from llmpool.chat.gate import Gate
from llmpool.chat.journey import Notice
from llmpool.config.paths import Paths
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.limits import Headroom
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.provider import Provider, RateLimit
from llmpool.core.record import plain
from llmpool.pool import Pool
from llmpool.state import rates
from llmpool.usage.rates import MINUTE, Log

NOW = 1_790_000_000.0
SPENT = Headroom(what="requests", limit=60, remaining=0, resets_at=NOW + 40)


class Time:
    """A clock that only sleeping moves, and what it was asked to sleep."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []
        self.interrupts = False

    def __call__(self) -> float:
        return self.now

    monotonic = __call__

    def sleep(self, seconds: float) -> None:
        """Let time pass, or be interrupted."""
        self.slept.append(seconds)
        if self.interrupts:
            raise KeyboardInterrupt
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the gate a time of its own."""
    made = Time()
    monkeypatch.setattr(gates, "time", made)
    return made


class Door:
    """A pool with the provider `work`, and gates to its deployments."""

    def __init__(self, state: Path, time: Time) -> None:
        self.pool = Pool(Paths(state / "config.toml", state, state / "secrets.json"), {}, time)
        self.pool.__dict__["routing"] = {"rate_limits": {}}

    def limit(self, ref: str, **limits: int) -> None:
        """Set the limits of a deployment."""
        self.pool.routing["rate_limits"][ref] = plain(RateLimit(**limits))

    def gate(
        self, text: str = "hi", *, model: str = "m", key: str = "a", patience: float = 100, **rest: Any
    ) -> Gate:
        """Make a gate; *rest* are limits of the provider, and of the request."""
        asked = {name: rest.pop(name) for name in ("max_tokens",) if name in rest}
        other_keys = rest.pop("other_keys", False)
        provider = Provider(
            id="work",
            name="work",
            preset="",
            format="openai",
            format_mode="",
            url="http://x.example",
            location="cloud",
            rate_limit=RateLimit(**rest) if rest else None,
        )
        request = ChatRequest(messages=(Message(role="user", text=text),), **asked)
        ref = f"work/{model}"
        return Gate(self.pool, provider, ref, key, request, patience=patience, other_keys=other_keys)

    @property
    def log(self) -> Log:
        """What is shared of the limits."""
        return rates.read(self.pool.paths.state, "work")


@pytest.fixture
def door(tmp_path: Path, time: Time) -> Door:
    """Give a pool of one provider."""
    return Door(tmp_path, time)


def through(gate: Gate) -> list[str]:
    """Pass a gate; return what was said."""
    return [notice.text for notice in gate.enter()]


def refused(gate: Gate) -> Failure:
    """Be turned away at a gate; return why."""
    with pytest.raises(UpstreamError) as raised:
        through(gate)
    return raised.value.failure


def test_within_the_limit_nobody_waits(door: Door, time: Time) -> None:
    """What fits goes at once, silently, and is counted."""
    assert through(door.gate(rpm=2)) == through(door.gate(rpm=2)) == []
    assert (len(door.log.sent), time.slept) == (2, [])


def test_a_wait_is_said_once_and_kept(door: Door, time: Time) -> None:
    """Who must wait says what for and how long, sleeps in line, and goes when it is time."""
    through(door.gate(rpm=1))
    gate = door.gate(rpm=1)
    assert through(gate) == ["work: 1 of 1 requests this minute; waiting 61 s (Ctrl-C, or --max-wait 0)"]
    assert time.slept == [5.0] * 12 + [1.0]
    assert gate.waited == MINUTE
    assert (len(door.log.sent), door.log.sent[-1].at, door.log.waiting) == (1, NOW + MINUTE, [])


def test_too_long_a_wait_is_refused_before_anything_is_sent(door: Door, time: Time) -> None:
    """The failure is a rate limit of ours, with the wait it would take; no other key can help."""
    through(door.gate(rpm=1))
    failure = refused(door.gate(rpm=1, patience=2))
    assert failure == Failure(
        kind="rate_limit",
        message="work is at 1 of 1 requests this minute; free in 61 s",
        code="own_limit",
        retry_after=MINUTE,
        should_retry=False,
    )
    assert (len(door.log.sent), door.log.waiting, time.slept) == (1, [], [])


def test_a_deployments_own_limit_is_told_as_its_own(door: Door) -> None:
    """The limit of a deployment stops it, not its provider's others."""
    door.limit("work/m", rpm=1)
    through(door.gate())
    assert refused(door.gate(patience=0)).message == "1 of 1 requests this minute; free in 61 s"
    assert through(door.gate(model="other")) == []


def test_an_interrupted_wait_gives_its_place_back(door: Door, time: Time) -> None:
    """Ctrl-C in line, or an answer nobody wants any more, frees the place."""
    through(door.gate(rpm=1))
    time.interrupts = True
    with pytest.raises(KeyboardInterrupt):
        through(door.gate(rpm=1))
    assert door.log.waiting == []
    notices = door.gate(rpm=1).enter()
    assert isinstance(next(notices), Notice)
    assert len(door.log.waiting) == 1
    notices.close()  # type: ignore[attr-defined]
    assert door.log.waiting == []


def test_a_prompt_that_can_never_pass_is_told_at_once(door: Door) -> None:
    """A prompt larger than the tokens of a minute is refused with figures; waiting would not help."""
    failure = refused(door.gate("word " * 400, tpm=100))
    assert (failure.kind, failure.code, failure.retry_after) == ("unusable", "own_limit", None)
    assert failure.message == (
        "about 500 tokens are more than its limit of 100 a minute (rate_limit of work)"
    )


@pytest.mark.parametrize(
    ("limits", "reckoned"),
    [({}, 1025), ({"max_tokens": 30}, 31), ({"tpm": 500}, 500), ({"tpd": 700, "max_tokens": 9000}, 700)],
)
def test_a_request_is_reckoned_with_room_for_its_answer(
    door: Door, limits: dict[str, int], reckoned: int
) -> None:
    """Prompt and answer count; room for an answer alone makes no request impossible."""
    through(door.gate("hi", **({"rpm": 9} | limits)))
    assert door.log.sent[0].tokens == reckoned


@pytest.mark.parametrize(
    ("failure", "usage", "tokens"),
    [
        (None, TokenUsage(input=7, output=5), [12]),
        (None, TokenUsage(input=7, output=5, estimated=True), [1025]),
        (None, None, [1025]),
        (Failure(kind="rate_limit", message="", status=429), None, [0]),
        (Failure(kind="broken", message=""), None, [1025]),
        (Failure(kind="cancelled", message=""), None, [1025]),
        (Failure(kind="connect", message=""), None, []),
        (Failure(kind="timeout", message="", code="connect_timeout"), None, []),
        (Failure(kind="unusable", message=""), None, []),
    ],
)
def test_how_a_call_ended_corrects_its_count(
    door: Door, failure: Failure | None, usage: TokenUsage | None, tokens: list[int]
) -> None:
    """The server's count replaces the reckoned one; a refusal had no tokens; what never arrived is gone."""
    gate = door.gate(tpm=5000)
    through(gate)
    gate.leave(failure, usage)
    assert [entry.tokens for entry in door.log.sent] == tokens
    gate.leave(failure, usage)
    assert [entry.tokens for entry in door.log.sent] == tokens


def test_every_call_of_an_attempt_counts(door: Door) -> None:
    """A call that is repeated without a refused parameter is a second request, the first had no tokens."""
    gate = door.gate(rpm=2, tpm=5000)
    through(gate)
    through(gate)
    gate.leave(None, TokenUsage(input=7, output=5))
    assert [entry.tokens for entry in door.log.sent] == [0, 12]
    assert refused(door.gate(rpm=2, patience=0)).kind == "rate_limit"


def test_a_call_that_left_late_is_stamped(door: Door, time: Time) -> None:
    """A minute counts from when a request really left, where connecting took a while."""
    gate = door.gate(rpm=1)
    through(gate)
    time.now += 0.2
    gate.sent()
    assert door.log.sent[0].at == NOW
    time.now += 2
    gate.sent()
    gate.leave(None, TokenUsage(input=1, output=1))
    assert door.log.sent[0].at == NOW + 2.2


def test_a_vendors_word_holds_the_next_call(door: Door, time: Time) -> None:
    """What an answer's headers say is known to the next request, and over when they say so."""
    gate = door.gate(rpm=60)
    through(gate)
    gate.leave(None, None, [SPENT])
    failure = refused(door.gate(rpm=60, patience=10))
    assert failure.message == "0 requests left by its own word; free in 40 s"
    assert (failure.param, failure.retry_after) == ("key", 40)
    assert through(door.gate(rpm=60, key="b")) == []
    assert through(door.gate(rpm=60)) == [
        "work/m: 0 requests left by its own word; waiting 40 s (Ctrl-C, or --max-wait 0)"
    ]
    assert time.now == NOW + 40


def test_with_another_key_a_vendors_word_is_not_waited_for(door: Door) -> None:
    """A word about one key sends the caller on to the next; a limit of the owner's is waited for."""
    gates.hear(door.pool, "work/m", "a", [SPENT])
    assert refused(door.gate(other_keys=True)).param == "key"
    through(door.gate(rpm=1, key="b"))
    assert len(through(door.gate(rpm=1, key="c", other_keys=True))) == 1


def test_only_a_word_of_little_left_is_remembered_without_limits(door: Door) -> None:
    """A provider without limits has no log as long as its headers are content."""
    gates.hear(door.pool, "work/m", "a", [SPENT.replace(remaining=30)])
    assert not rates.path_of(door.pool.paths.state, "work").exists()
    assert through(door.gate()) == []
    assert not rates.path_of(door.pool.paths.state, "work").exists()


def test_a_directory_that_refuses_costs_a_warning(door: Door, tmp_path: Path) -> None:
    """Where the log cannot be kept the call goes on, and that is said once."""
    (tmp_path / "rates").write_text("in the way")
    for _ in range(2):
        gate = door.gate(rpm=1)
        assert through(gate) == []
        gate.leave(None)
    assert len(door.pool.warnings) == 1
    assert door.pool.warnings[0].startswith("the rate limits of work are not kept: cannot")
