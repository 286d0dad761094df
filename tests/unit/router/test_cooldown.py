"""How long keys, deployments and providers rest: ruling 10, failover-cooldown 12, pool-routing 11.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, Failure
from llmpool.core.routing import Rest
from llmpool.router import cooldown
from llmpool.router.cooldown import NONE, Cooldown, cool_deployment, cool_key, cool_provider

NOW = 1_795_000_000.0
BUSY = Failure(kind="overloaded", message="upstream 503", status=503)
BROKEN = Failure(kind="server", message="upstream 500", status=500)


def of(kind: str, **fields: object) -> Failure:
    """Build a failure of a kind."""
    return Failure(kind=kind, message="it failed", **fields)  # type: ignore[arg-type]


def rests(cool: object, failures: list[Failure], old: Cooldown = NONE) -> list[float]:
    """Return how long the rest is after each of *failures*, a millisecond apart."""
    found = []
    for n, failure in enumerate(failures):
        now = NOW + n / 1000
        old = cool(old, failure, now)  # type: ignore[operator]
        found.append(round(old.left(now), 1))
    return found


# failover-cooldown 12


def test_g18_the_ladder_of_a_deployment() -> None:
    """G18: failures at each expiry rest 60, 300, 1500, 3600, 3600 s."""
    old, now, seconds = NONE, NOW, []
    for _ in range(5):
        old = cool_deployment(old, BROKEN, now)
        seconds.append(old.left(now))
        now = old.until
    assert seconds == [60, 300, 1500, 3600, 3600]


def test_g18_a_failure_during_a_rest_escalates_from_now() -> None:
    """Failover-cooldown 12: it counts, and the new rest begins now."""
    first = cool_deployment(NONE, BROKEN, NOW)
    second = cool_deployment(first, BROKEN, NOW + 10)
    assert (second.failures, second.until) == (2, NOW + 310)


def test_those_who_saw_the_same_trouble_make_a_rest_no_longer() -> None:
    """Twenty chains that began before the rest did are one failure: a minute from the last, not an hour."""
    rest = NONE
    for n in range(20):
        rest = cool_deployment(rest, BROKEN, NOW + n, since=NOW - 1)
    assert (rest.failures, rest.left(NOW + 19)) == (1, 60)
    later = cool_deployment(rest, BROKEN, NOW + 30, since=NOW + 25)
    assert (later.failures, later.left(NOW + 30)) == (2, 300)
    after = cool_deployment(rest, BROKEN, NOW + 90, since=NOW)
    assert (after.failures, after.left(NOW + 90)) == (2, 300)


def test_g18_a_rest_holds_to_its_last_instant() -> None:
    """G18: at exactly `until` it holds, with nothing left; 1 us later it is over; the count stays."""
    rest = cool_deployment(NONE, BROKEN, NOW)
    assert (rest.holds(NOW + 60), rest.left(NOW + 60)) == (True, 0)
    assert not rest.holds(NOW + 60.000001)
    assert cool_deployment(rest, BROKEN, NOW + 61).failures == 2


def test_g18_ladders_take_any_figures() -> None:
    """G18: base 100 ms, factor 10, at most 200 ms: ten failures rest 200 ms; later rests are no shorter."""
    short = cooldown.Ladder(1, 0.1, 10.0, 0.2)
    assert [short.seconds(n) for n in (1, 2, 10)] == [0.1, 0.2, 0.2]
    quick = cooldown.Ladder(1, 0.01, 2.0, 1.0)
    assert quick.seconds(2) > quick.seconds(1)
    assert cooldown.Ladder(1, 5.0, 2.0, 1.0).seconds(1) == 1.0  # the source leaves the first uncapped
    assert quick.seconds(10**6) == 1.0


def test_g18_what_is_an_hour_past_its_deadline_is_forgotten() -> None:
    """Ruling 10 sets when the source's gc runs: after it a failure rests a minute again."""
    third = Cooldown(NOW, 1500, "server", 3, 0, NOW - 1500)
    assert cool_deployment(third, BROKEN, NOW + 3599).left(NOW + 3599) == 3600
    assert third.is_forgotten(NOW + 3600)
    assert cool_deployment(third, BROKEN, NOW + 3600).left(NOW + 3600) == 60


@given(st.lists(st.floats(0, 7200), min_size=1, max_size=12))
def test_a_deployments_rests_never_exceed_an_hour(gaps: list[float]) -> None:
    """However failures are spread, a rest is between a minute and an hour, and the later deadline stands."""
    old, now = NONE, NOW
    for gap in gaps:
        now += gap
        until = old.until if old.holds(now) else 0.0
        old = cool_deployment(old, BROKEN, now)
        assert old.left(now) + 1e-6 >= 60
        assert old.left(now) <= 3600 + 1e-6
        assert old.until >= until


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_only_what_is_the_servers_fault_rests_a_deployment(kind: str) -> None:
    """The request's own faults, a key's and an empty answer change nothing; a missing model is an hour."""
    seconds = {"model_not_found": 3600.0} | dict.fromkeys(
        ("rate_limit", "overloaded", "server", "connect", "timeout", "broken"), 60.0
    )
    assert cool_deployment(NONE, of(kind), NOW).left(NOW) == seconds.get(kind, 0.0)


@pytest.mark.parametrize(
    ("said", "seconds"), [(3.0, 60.0), (90.0, 90.0), (7200.0, 7200.0), (1e12, 86400.0), (-4.0, 60.0)]
)
def test_what_the_server_asks_for_is_a_floor_of_a_day_at_most(said: float, seconds: float) -> None:
    """Ruling 8: a long Retry-After rests as long; one beyond a day is nobody's allowance."""
    assert cool_deployment(NONE, of("rate_limit", retry_after=said), NOW).left(NOW) == seconds


def test_the_later_deadline_wins() -> None:
    """A short rest never cuts a longer one short; its failure still counts."""
    long = cool_deployment(NONE, of("rate_limit", retry_after=7200.0), NOW)
    after = cool_deployment(long, BROKEN, NOW + 1)
    assert (after.until, after.reason, after.failures) == (long.until, "rate_limit", 2)


# keys


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_24_a_key_rests_an_hour_when_it_is_refused_or_used_up(kind: str) -> None:
    """Row 24, by ruling 10 the key's: one 401 is an hour. A rate limit is a minute; no other is a key's."""
    seconds = {"auth": 3600.0, "quota": 3600.0, "rate_limit": 60.0}.get(kind, 0.0)
    rest = cool_key(NONE, of(kind, status=401), NOW)
    assert (rest.left(NOW), rest.reason) == (seconds, kind if seconds else "")


def test_a_key_that_was_never_sent_does_not_rest() -> None:
    """A variable that is not set is no refusal."""
    assert cool_key(NONE, of("auth"), NOW) == NONE


def test_24_a_model_that_is_not_there_rests_an_hour_by_itself() -> None:
    """Row 24, by ruling 10 the deployment's: its provider is not blamed, no key is."""
    gone = of("model_not_found", status=404)
    assert cool_deployment(NONE, gone, NOW).left(NOW) == 3600
    assert cool_provider(NONE, gone, NOW) == NONE
    assert cool_key(NONE, gone, NOW) == NONE


# providers: pool-routing-formats 11.3


def test_22_generic_failures() -> None:
    """Row 22: failures 1 and 2 none, then 30, 60, 120, 240 s, capped at 300."""
    assert rests(cool_provider, [BROKEN] * 8) == [0, 0, 30, 60, 120, 240, 300, 300]


def test_23_failures_that_pass() -> None:
    """Row 23: four 503s none, then 5, 10, 20 s, capped at 30."""
    assert rests(cool_provider, [BUSY] * 9) == [0, 0, 0, 0, 5, 10, 20, 30, 30]


def test_23_a_generic_failure_counts_the_passing_ones_too() -> None:
    """Row 23: after four that pass a single generic failure is the fifth, and rests 120 s."""
    assert rests(cool_provider, [*[BUSY] * 4, BROKEN])[-1] == 120


@pytest.mark.parametrize("status", [429, 502, 503, 504, 529])
def test_25_statuses_that_pass(status: int) -> None:
    """Row 25: these count on the ladder of what passes; so does overload, whatever its status."""
    assert rests(cool_provider, [of("server", status=status)] * 5) == [0, 0, 0, 0, 5]
    assert rests(cool_provider, [of("overloaded", status=500)] * 5) == [0, 0, 0, 0, 5]


def test_25_success_starts_anew_and_other_errors_are_generic() -> None:
    """Row 25: a success takes the counts with it; what is no passing trouble has the normal threshold."""
    assert rests(cool_provider, [BUSY, BUSY])[-1] == 0
    assert rests(cool_provider, [of("broken")] * 3) == [0, 0, 30]


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_a_provider_is_not_blamed_for_what_is_not_its_fault(kind: str) -> None:
    """Nothing is counted for a request's own faults, a key's, a model's, or an answer without content."""
    own = ("rate_limit", "overloaded", "server", "connect", "timeout", "broken", "wrong_format")
    assert cool_provider(NONE, of(kind), NOW).failures == (kind in own)


def test_a_long_wait_asked_for_a_model_does_not_rest_its_provider() -> None:
    """A Retry-After belongs to the deployment and the key it was said to."""
    limited = of("rate_limit", status=429, retry_after=600.0)
    assert rests(cool_provider, [limited] * 5) == [0, 0, 0, 0, 5]


def test_counts_below_the_threshold_are_forgotten_too() -> None:
    """Two failures in the morning and one in the evening are not three."""
    two = Cooldown(failures=2, at=NOW)
    assert cool_provider(two, BROKEN, NOW + 3599).left(NOW + 3599) == 30
    assert cool_provider(two, BROKEN, NOW + 3600).failures == 1


# clocks


@pytest.mark.parametrize(("back", "left"), [(0, 60), (1, 60), (59, 60), (61, 0), (86400, 0), (10**9, 0)])
def test_a_clock_set_back_cannot_stretch_a_rest(back: float, left: float) -> None:
    """failover-cooldown 12: what is left is never more than it was; a rest from far ahead is over."""
    rest = cool_deployment(NONE, BROKEN, NOW)
    assert rest.left(NOW - back) == left
    assert rest.holds(NOW - back) is (left > 0)


def test_a_clock_set_forward_ends_a_rest_and_its_entry_is_dropped() -> None:
    """A jump ahead ends rests; set right again, what was written meanwhile neither holds nor stays."""
    assert not cool_deployment(NONE, BROKEN, NOW).holds(NOW + 10**6)
    ahead = cool_deployment(NONE, BROKEN, NOW + 10**6)
    assert not ahead.holds(NOW)
    assert ahead.is_forgotten(NOW)


# who rests, by what is stored


class Row:
    """As much of a routing row as is looked at."""

    def __init__(self, ref: str) -> None:
        self.id = ref


ROWS = [Row("a/m"), Row("a/n"), Row("b/m"), Row("ab/m")]


def stored(**entries: Cooldown) -> dict[str, dict[str, object]]:
    """Store cooldowns under scopes written with `_` for `:` and `__` for `/`."""
    return {name.replace("__", "/").replace("_", ":", 1): rest._asdict() for name, rest in entries.items()}


def who(entries: dict[str, dict[str, object]], **keys: list[str]) -> cooldown.Rests:
    """Say who rests."""
    return cooldown.rests(entries, keys, ROWS, NOW)  # type: ignore[arg-type]


def test_nobody_rests_by_counts_alone() -> None:
    """An entry below its threshold, or one that is over, keeps nobody from anything."""
    found = who(
        stored(provider_a=Cooldown(failures=2, at=NOW), deployment_a__m=Cooldown(NOW - 1, 60, "server"))
    )
    assert found == ({}, {}, {})


def test_who_rests_and_why_is_told() -> None:
    """Providers and deployments are told apart, each with its time and its words."""
    found = who(
        stored(
            provider_b=Cooldown(NOW + 30, 30, "server", 3, 0, NOW),
            deployment_a__m=Cooldown(NOW + 60, 60, "rate_limit", 1, 0, NOW),
        )
    )
    assert found.cooling == {"b": "rests after a server error, again at 2026-11-18T11:07:10Z"}
    assert found.free_at == {"b": NOW + 30}
    words = "rests after a rate limit, again at 2026-11-18T11:07:40Z"
    assert found.resting == {"a/m": Rest(NOW + 60, words)}


def test_only_the_time_that_a_rate_limit_named_counts_as_told() -> None:
    """Told is until the vendor's moment, though the rest may be longer; a limit without one tells nothing."""
    limited = of("rate_limit", retry_after=20.0)
    rest = cool_deployment(NONE, limited, NOW)
    assert (rest.left(NOW), rest.is_told(NOW + 19), rest.is_told(NOW + 20)) == (60, True, False)
    assert cool_deployment(rest, BROKEN, NOW + 10).is_told(NOW + 19)
    for other in (of("rate_limit"), of("overloaded", retry_after=20.0)):
        assert not cool_deployment(NONE, other, NOW).is_told(NOW)
    assert not cool_provider(NONE, limited, NOW).told
    assert not rest.is_told(NOW - 3600)  # the clock was set back: the rest is over, its word with it
    assert who(stored(deployment_a__m=rest)).resting["a/m"].told


def test_a_provider_all_of_whose_keys_were_refused_has_nobody_to_send() -> None:
    """Its deployments rest until the first key is free, but not those of one whose name begins alike."""
    entries = stored(
        key_a__x=Cooldown(NOW + 100, 3600, "auth", 1, 0, NOW),
        key_a__y=Cooldown(NOW + 50, 3600, "quota", 1, 0, NOW),
        deployment_a__m=Cooldown(NOW + 70, 60, "server", 1, 0, NOW),
    )
    found = who(entries, a=["x", "y"], b=["z"])
    assert {ref: rest.until for ref, rest in found.resting.items()} == {"a/m": NOW + 60, "a/n": NOW + 50}
    assert found.resting["a/n"].why == "key y is used up, again at 2026-11-18T11:07:30Z"
    assert found.resting["a/m"].why.startswith("rests after a server error, again at ")
    assert {(rest.told, rest.refused) for rest in found.resting.values()} == {(False, True)}


def test_a_key_that_is_awake_or_only_too_fast_keeps_its_provider_in() -> None:
    """One usable key is enough; a rate limit may be that of one model."""
    refused = Cooldown(NOW + 100, 3600, "auth", 1, 0, NOW)
    fast = Cooldown(NOW + 20, 60, "rate_limit", 1, 0, NOW)
    assert not who(stored(key_a__x=refused), a=["x", "y"]).resting
    assert not who(stored(key_a__x=fast), a=["x"]).resting
    assert not who(stored(key_a__old=refused), a=["new"]).resting


def test_an_older_file_is_still_read() -> None:
    """The fields of the first version, its reasons in words, are a rest as any."""
    entry = {"until": NOW + 41.0, "seconds": 120.0, "reason": "recent timeout"}
    assert cooldown.rests({"provider:a": entry}, {}, [], NOW).cooling == {
        "a": "rests after recent timeout, again at 2026-11-18T11:07:21Z"
    }


@pytest.mark.parametrize(
    ("scope", "belongs"),
    [
        ("provider:a", True),
        ("provider:ab", False),
        ("deployment:a/m", True),
        ("deployment:a/b/c", True),
        ("deployment:ab/m", False),
        ("key:a/k", True),
        ("key:b/a", False),
    ],
)
def test_what_belongs_to_a_provider(scope: str, belongs: bool) -> None:
    """Itself, its keys and its deployments, and nobody else's."""
    assert cooldown.belongs(scope, "a") is belongs
