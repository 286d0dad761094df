"""When `refresh --if-stale` asks a provider again (reconcile-resolve 8, example C9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.inventory import ProviderInventory
from llmpool.core.times import rfc3339
from llmpool.registry.staleness import epoch, is_due

T0 = 1_800_000_000.0
HOUR = 3600.0


def seen(*, asked: float, answered: float | None = None, error: str = "") -> ProviderInventory:
    """Build an observation out of seconds after T0; never answered where *answered* is None."""
    fetched = "" if answered is None else rfc3339(T0 + answered)
    return ProviderInventory(
        provider="den", attempted_at=rfc3339(T0 + asked), fetched_at=fetched, error=error
    )


def test_c9_the_boundary_and_what_a_refresh_stamps() -> None:
    """C9 with 15 s: the first call runs, t0+7.5 does not, t0+15 does; asked at t0+16: t0+30 no, t0+31 yes."""
    assert is_due(None, T0, 15)
    first = seen(asked=0, answered=0)
    assert [is_due(first, T0 + t, 15) for t in (0, 7.5, 14, 15)] == [False, False, False, True]
    explicit = seen(asked=16, answered=16)
    assert [is_due(explicit, T0 + t, 15) for t in (30, 31)] == [False, True]


@pytest.mark.parametrize(
    ("entry", "after", "due"),
    [
        (seen(asked=0, answered=0), 5 * HOUR - 1, False),
        (seen(asked=0, answered=0), 5 * HOUR, True),
        (seen(asked=0, error="refused"), 14, False),
        (seen(asked=0, error="refused"), 15, True),
        (seen(asked=HOUR, answered=0, error="refused"), HOUR + 60, True),
        (seen(asked=HOUR, answered=0, error="refused"), HOUR + 14, False),
        (seen(asked=HOUR, answered=HOUR), 0, True),
        (ProviderInventory(provider="den", attempted_at=""), 0, True),
    ],
    ids=[
        "a second short of the limit",
        "at the limit",
        "failed a moment ago",
        "failed 15 s ago",
        "failed since its last answer",
        "failed a moment ago since its last answer",
        "the clock was set back",
        "probed, never listed",
    ],
)
def test_who_is_due_after_five_hours(entry: ProviderInventory, after: float, due: bool) -> None:
    """An answer counts for so long, a failure for 15 s, a time to come not at all."""
    assert is_due(entry, T0 + after, 5 * HOUR) is due


def test_a_limit_shorter_than_a_moment_is_kept() -> None:
    """`--if-stale 5s` means 5 s, and nothing at all always asks."""
    assert [is_due(seen(asked=0, answered=0), T0 + t, 5) for t in (4, 5)] == [False, True]
    assert is_due(seen(asked=0, answered=0), T0, 0)
    assert is_due(seen(asked=0, error="refused"), T0, 0)


@given(
    st.integers(0, 10**7),
    st.integers(0, 10**6),
    st.floats(1, 10**7, allow_nan=False),
    st.booleans(),
)
def test_once_due_a_provider_stays_due(after: int, more: int, within: float, failed: bool) -> None:
    """Time alone never makes an observation fresh again."""
    entry = seen(asked=0, answered=0, error="refused" if failed else "")
    assert is_due(entry, T0 + after + more, within) >= is_due(entry, T0 + after, within)


def test_times_are_read_as_they_are_written() -> None:
    """Writing and reading a time are one another's opposite, to the second."""
    assert epoch(rfc3339(T0)) == T0
