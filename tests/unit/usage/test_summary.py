"""Summaries of usage records (pool-ledger-credentials 1.6): totals, percentiles, money, and hostile lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.usage.fold import MOST, Fold
from llmpool.usage.rollup import TOKENS
from llmpool.usage.runs import run_of, spread
from llmpool.usage.summary import BY, GROUPINGS, Summary
from tests.summing import summarize

QUICK = settings(max_examples=25, deadline=None)
AT = "2026-11-21T12:00:00.000Z"


def around(moment: str) -> tuple[str, str, str]:
    """Tell of UTC days as if they were local ones."""
    return f"{moment[:10]}T", f"{moment[:10]}U", moment[:10]


def summed(records: list[dict[str, Any]], *by: str) -> tuple[Summary, list[Summary]]:
    """Add up *records*, which need no time of their own."""
    fold = Fold(around, sessions=True)
    fold.extend([record] for record in [{"at": AT} | record for record in records])
    return summarize([fold.days()], by)


def total(*records: dict[str, Any]) -> Summary:
    """Return the total of *records*."""
    return summed(list(records))[0]


@pytest.mark.parametrize(
    ("n", "ranks"),
    [
        (0, (None, None, None)),
        (1, (1, 1, 1)),
        (2, (1, 2, 2)),
        (3, (2, 3, 3)),
        (20, (10, 19, 20)),
        (21, (11, 20, 21)),
        (100, (50, 95, 99)),
        (101, (51, 96, 100)),
    ],
)
def test_percentiles_are_by_nearest_rank(n: int, ranks: tuple[int | None, ...]) -> None:
    """The value at rank ceil(p/100 x n) of the values in order; none without values."""
    ordered = list(range(1, n + 1))
    assert tuple(spread([run_of(ordered)], (50, 95, 99)).percentiles) == ranks


@QUICK
@given(st.lists(st.lists(st.integers(0, 5000), max_size=400), max_size=9), st.integers(1, 100))
def test_percentiles_of_runs_are_those_of_all_values(runs: list[list[int]], percent: int) -> None:
    """Several sorted runs, long and short, have the percentile of their values in one list."""
    ordered = sorted(value for run in runs for value in run)
    expected = ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None
    assert spread([run_of(sorted(run)) for run in runs], [percent]).percentiles == [expected]


@pytest.mark.parametrize(
    ("latencies", "p95"),
    [
        (range(1, 101), 95),
        (range(10, 201, 10), 190),
        (range(1, 22), 20),
        ([5], 5),
        ([0, 0, 120], 120),
        ([], None),
    ],
    ids=["1..100", "10..200", "1..21", "5", "0,0,120", "none"],
)
def test_example_18(latencies: Any, p95: int | None) -> None:
    """Example 18: p95 by nearest rank; of nothing it is unknown rather than 0 (DESIGN 3.2)."""
    assert total(*({"latency_ms": ms} for ms in latencies)).p95_latency_ms == p95


def test_example_17() -> None:
    """Example 17: five records add up, with p95 as the specification advises."""
    records = [
        {
            "input_tokens": 1000,
            "output_tokens": 500,
            "latency_ms": ms,
            "cost": "0.05",
            "success": ms != 400,
        }
        for ms in (200, 250, 300, 350, 400)
    ]
    found = total(*records)
    assert (found.input_tokens, found.output_tokens, found.requests) == (5000, 2500, 5)
    assert (found.successful, found.failed, found.cost) == (4, 1, Decimal("0.25"))
    assert (found.avg_latency_ms, found.min_latency_ms, found.max_latency_ms) == (300, 200, 400)
    assert found.p95_latency_ms == 400


def test_example_19() -> None:
    """Example 19: two models of two providers are two groups; what is timed there is a span here."""
    records = [
        {"deployment": "openai/gpt-4", "input_tokens": 1000, "output_tokens": 500},
        {"deployment": "openai/gpt-4", "input_tokens": 2000, "output_tokens": 1000},
        {"deployment": "anthropic/claude-3", "input_tokens": 1500, "output_tokens": 750},
    ]
    groups = {group.group: group for group in summed(records, "deployment")[1]}
    assert set(groups) == {"openai/gpt-4", "anthropic/claude-3"}
    first = groups["openai/gpt-4"]
    assert (first.input_tokens, first.output_tokens, first.requests) == (3000, 1500, 2)


def test_times_count_only_when_known() -> None:
    """1.6: a time of 0 is unknown and touches neither average, extremes nor percentiles; so does 50 days."""
    found = total(*({"latency_ms": ms, "ttft_ms": ms} for ms in (0, 300, 100, 0, 201, 1 << 32)), {})
    assert (found.min_latency_ms, found.max_latency_ms, found.avg_latency_ms) == (100, 300, 200)
    assert (found.p50_latency_ms, found.p95_latency_ms, found.p99_latency_ms) == (201, 300, 300)
    assert (found.min_ttft_ms, found.max_ttft_ms, found.avg_ttft_ms) == (100, 300, 200)
    assert (found.p50_ttft_ms, found.p95_ttft_ms, found.p99_ttft_ms) == (201, 300, 300)


def test_nothing_known_is_none_rather_than_zero() -> None:
    """Without records the counts are 0 and the figures that need one are unknown."""
    empty, groups = summed([], "model")
    assert groups == []
    assert (empty.requests, empty.cost, empty.unpriced, empty.input_tokens) == (0, Decimal(0), 0, 0)
    assert (empty.avg_latency_ms, empty.p95_latency_ms, empty.avg_ttft_ms) == (None, None, None)
    assert (empty.tokens_per_second, empty.success_rate, empty.failover_rate) == (None, None, None)
    assert empty.as_json()["cost"] == "0"


def test_requests_sum_counts_and_outcomes_count_records() -> None:
    """1.6: total requests add request_count, success and failure go up by one a record."""
    found = total({"request_count": 5, "success": True}, {"success": False}, {"request_count": 2})
    assert (found.requests, found.successful, found.failed, found.success_rate) == (8, 1, 2, 0.3333)


def test_an_unknown_cost_is_unpriced_and_not_nothing() -> None:
    """Ruling 16: null, absent or unreadable adds nothing and is counted; a cost of 0 is a price."""
    found = total({"cost": "0.25"}, {"cost": "0"}, {"cost": None}, {}, {"cost": "?"})
    assert (found.cost, found.unpriced) == (Decimal("0.25"), 3)


def test_money_is_added_exactly() -> None:
    """Ten times ten cents is a dollar, no digit is lost between large and small, and JSON has no exponent."""
    found = total(*[{"cost": "0.1"}] * 10)
    assert found.cost == 1
    assert found.as_json()["cost"] == "1.0"
    far = total({"cost": "99999999999999"}, {"cost": "1E-40"}, {"cost": "1.5E-7"})
    assert far.as_json()["cost"] == "99999999999999.0000001500000000000000000000000000000001"


def test_speed_is_tokens_over_the_time_they_streamed() -> None:
    """Output over latency less time to first token, where both are known."""
    found = total(
        {"latency_ms": 1500, "ttft_ms": 500, "output_tokens": 40},
        {"latency_ms": 9000, "output_tokens": 999},
        {"latency_ms": 100, "ttft_ms": 100, "output_tokens": 999},
    )
    assert (found.tokens_per_second, found.avg_ttft_ms) == (40.0, 300)


def test_failovers_and_estimates_are_counted() -> None:
    """More than one attempt is a failover; an estimated count says so in the total."""
    found = total({"attempts": 1}, {"attempts": 2, "estimated": True}, {"attempts": 3}, {})
    assert (found.failovers, found.estimated, found.failover_rate) == (2, 1, 0.5)


@pytest.mark.parametrize(
    ("grouping", "names"),
    [
        ("deployment", {"den/a", ""}),
        ("provider", {"den", ""}),
        ("model", {"a", ""}),
        ("key", {"k1", "none"}),
        ("tag", {"batch", "none"}),
        ("session", {"s", "none"}),
        ("day", {"2026-11-21"}),
        ("week", {"2026-W47"}),
        ("month", {"2026-11"}),
    ],
)
def test_records_group_by_what_they_carry(grouping: str, names: set[str]) -> None:
    """Key, tag and session have a group for records without one; weeks are those of ISO 8601."""
    names_of = "deployment=den/a provider=den model=a key=k1 tag=batch session=s"
    full = dict(each.split("=") for each in names_of.split())
    assert {group.group for group in summed([full, {}], grouping)[1]} == names


def test_a_group_says_what_it_is() -> None:
    """Several groupings make one group of each pair, told in words and by name; time comes in order."""
    records = [
        {"at": "2026-11-21T00:00:00Z", "model": "a", "cost": "1"},
        {"at": "2026-11-20T00:00:00Z", "model": "b"},
        {"at": "2026-11-21T09:00:00Z", "model": "b", "cost": "2"},
    ]
    groups = summed(records, "day", "model")[1]
    assert [group.group for group in groups] == ["2026-11-20 b", "2026-11-21 b", "2026-11-21 a"]
    assert groups[0].as_json()["keys"] == {"day": "2026-11-20", "model": "b"}


def test_groups_come_dearest_first_then_busiest_then_by_name() -> None:
    """What costs most is on top; ties go to the busier and then to the alphabet."""
    records = [
        {"model": "b"},
        {"model": "a"},
        {"model": "busy", "request_count": 3},
        {"model": "dear", "cost": "2"},
    ]
    assert [group.group for group in summed(records, "model")[1]] == ["dear", "busy", "a", "b"]


@pytest.mark.parametrize(
    "cost",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "-1",
        "9e999999",
        "1e99999999",
        "1E15",
        "1E-150",
        "",
        "1,2",
        True,
        1,
        [],
        {},
        "\ud800",
    ],
    ids=repr,
)
def test_a_cost_that_is_no_amount_is_unpriced(cost: object) -> None:
    """A line from elsewhere cannot turn every total into nonsense, nor end the run."""
    found, groups = summed([{"cost": cost}, {"cost": "1"}, {"model": "x", "cost": cost}], "model")
    assert (found.cost, found.unpriced) == (1, 2)
    assert len(groups) == 2


@pytest.mark.parametrize(
    "count", [pytest.param(10**400, id="huge"), MOST, -5, 1.5, "7", None, True, [1], {"a": 1}], ids=repr
)
def test_a_count_that_is_none_adds_nothing(count: object) -> None:
    """Only whole numbers that somebody can have counted are added; a record is one request at least."""
    record = dict.fromkeys((*TOKENS, "latency_ms", "ttft_ms", "request_count"), count)
    found = total(record, {"latency_ms": 20, "ttft_ms": 10, "output_tokens": 1})
    assert (found.output_tokens, found.input_tokens or 0, found.requests) == (1, 0, 2)
    assert found.avg_latency_ms == 20


def test_a_name_that_is_none_is_no_name() -> None:
    """A list, a number or true where a name should be is a record of nobody, not the end of the run."""
    records = [{"deployment": odd} for odd in ([1], {"a": 1}, 1, True, None)]
    (group,) = summed(records, "deployment")[1]
    assert (group.group, group.requests) == ("", 5)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = (
    *(*TOKENS, "cost", "latency_ms", "ttft_ms", "request_count", "attempts", "estimated", "success"),
    *GROUPINGS,
)
HOSTILE = st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6)


@QUICK
@given(st.lists(HOSTILE, max_size=5), st.sampled_from(BY))
def test_hostile_records_never_raise(records: list[dict[str, Any]], grouping: str) -> None:
    """Whatever a line holds in whatever field, a summary comes out, and each record is in one group."""
    found, groups = summed(records, grouping)
    assert found.cost.is_finite()
    assert found.successful + found.failed == len(records)
    for name in ("requests", "successful", "failed", "unpriced", "cost", "failovers"):
        assert sum(getattr(group, name) for group in groups) == getattr(found, name)
    assert len({group.group for group in groups}) == len(groups)
    costs = [group.as_json()["cost"] for group in groups]
    assert all(cost is None or isinstance(cost, str) for cost in costs)


def test_what_nobody_reported_is_unknown_not_zero() -> None:
    """Tokens no provider counted and costs nobody knows are null; an empty span has true zeros."""
    shown = total({"success": True, "input_tokens": 3, "cost": None}).as_json()
    assert (shown["input_tokens"], shown["reasoning_tokens"], shown["cost"]) == (3, None, None)
