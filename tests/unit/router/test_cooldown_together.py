"""Many requests fail at once: whatever the order in which they are written down, the rests stay sane."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, Failure
from llmpool.router.cooldown import HOUR, LONGEST, NONE, Cooldown, cool_deployment, cool_key, cool_provider
from llmpool.state.health import Health

NOW = 1_795_000_000.0
ENDINGS = st.lists(
    st.tuples(
        st.sampled_from(FAILURE_KINDS),
        st.floats(0, 300),  # seconds until the next one ends
        st.floats(0, 300),  # seconds that it took
        st.none() | st.floats(0, 7200),
    ),
    max_size=30,
)


def test_what_is_nobodys_fault_takes_no_count_away() -> None:
    """Two start together, one finds the server silent, the other an empty answer: the first count stands."""
    silent = cool_deployment(NONE, Failure(kind="timeout", message=""), NOW, since=NOW - 2)
    empty = cool_deployment(silent, Failure(kind="empty", message=""), NOW + 1, since=NOW - 2)
    assert (silent.failures, empty) == (1, silent)


@given(ENDINGS)
def test_counts_and_rests_stay_in_bounds(endings: list[tuple[str, float, float, float | None]]) -> None:
    """No count falls below zero, no rest is longer than its ladder and the server say, all can be stored."""
    now, rests = NOW, {"deployment:a/m": NONE, "provider:a": NONE, "key:a/x": NONE}
    longest = HOUR
    for kind, pause, took, asked in endings:
        now += pause
        longest = max(longest, min(asked or 0.0, LONGEST))
        failure = Failure(kind=kind, message="", status=429 if kind == "rate_limit" else 0, retry_after=asked)
        rests = {
            "deployment:a/m": cool_deployment(rests["deployment:a/m"], failure, now, since=now - took),
            "provider:a": cool_provider(rests["provider:a"], failure, now),
            "key:a/x": cool_key(rests["key:a/x"], failure, now),
        }
        assert all(is_sane(rest, now, longest) for rest in rests.values())
    data = {"cooldowns": {scope: rest._asdict() for scope, rest in rests.items() if rest != NONE}}
    assert Health(data).as_data()["cooldowns"] == data["cooldowns"]


def is_sane(rest: Cooldown, now: float, longest: float) -> bool:
    """Say whether a rest is one that a sequence of failures can lead to."""
    return rest.failures >= rest.passing >= 0 and 0 <= rest.left(now) <= rest.seconds <= longest
