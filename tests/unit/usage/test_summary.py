"""Summaries of usage records (pool-ledger-credentials 1.6): totals, percentiles, money, and hostile lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.usage.summary import GROUPINGS, Summary, nearest_rank, summarize

QUICK = settings(max_examples=12)
COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def total(*records: dict[str, Any]) -> Summary:
    """Return the total of *records*."""
    return summarize(records, GROUPINGS["deployment"])[0]


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
    assert tuple(nearest_rank(ordered, percent) for percent in (50, 95, 99)) == ranks


def test_latencies_count_only_when_known() -> None:
    """1.6: a latency of 0 is unknown and touches neither average, extremes nor percentiles."""
    found = total(*({"latency_ms": ms} for ms in (0, 300, 100, 0, 201)), {})
    assert (found.min_latency_ms, found.max_latency_ms, found.avg_latency_ms) == (100, 300, 200)
    assert (found.p50_latency_ms, found.p95_latency_ms, found.p99_latency_ms) == (201, 300, 300)


def test_nothing_known_is_none_rather_than_zero() -> None:
    """Without records the counts are 0 and the figures that need one are unknown."""
    empty, groups = summarize([], GROUPINGS["model"])
    assert groups == []
    assert (empty.requests, empty.cost, empty.unpriced) == (0, Decimal(0), 0)
    assert (empty.avg_latency_ms, empty.p95_latency_ms, empty.avg_ttft_ms) == (None, None, None)
    assert empty.tokens_per_second is None


def test_requests_sum_counts_and_outcomes_count_records() -> None:
    """1.6: total requests add request_count, success and failure go up by one a record."""
    found = total({"request_count": 5, "success": True}, {"success": False}, {"request_count": 2})
    assert (found.requests, found.successful, found.failed) == (8, 1, 2)


def test_an_unknown_cost_is_unpriced_and_not_nothing() -> None:
    """Ruling 16: null, absent or unreadable adds nothing and is counted; a cost of 0 is a price."""
    found = total({"cost": "0.25"}, {"cost": "0"}, {"cost": None}, {}, {"cost": "?"})
    assert (found.cost, found.unpriced) == (Decimal("0.25"), 3)


def test_money_is_added_exactly() -> None:
    """Ten times ten cents is a dollar, and JSON carries it as a decimal string."""
    found = total(*[{"cost": "0.1"}] * 10)
    assert found.cost == 1
    assert found.as_json()["cost"] == "1.0"


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
    assert (found.failovers, found.estimated) == (2, 1)


@pytest.mark.parametrize(
    ("grouping", "names"),
    [
        ("deployment", {"den/a", ""}),
        ("provider", {"den", ""}),
        ("model", {"a", ""}),
        ("key", {"k1", "none"}),
        ("tag", {"batch", "none"}),
        ("session", {"s", "none"}),
    ],
)
def test_records_group_by_what_they_carry(grouping: str, names: set[str]) -> None:
    """Key, tag and session have a group for records without one."""
    full = {
        "deployment": "den/a",
        "provider": "den",
        "model": "a",
        "key": "k1",
        "tag": "batch",
        "session": "s",
    }
    assert {group.group for group in summarize([full, {}], GROUPINGS[grouping])[1]} == names


def test_groups_come_dearest_first_then_busiest_then_by_name() -> None:
    """What costs most is on top; ties go to the busier and then to the alphabet."""
    records = [
        {"model": "b"},
        {"model": "a"},
        {"model": "busy", "request_count": 3},
        {"model": "dear", "cost": "2"},
    ]
    groups = summarize(records, GROUPINGS["model"])[1]
    assert [group.group for group in groups] == ["dear", "busy", "a", "b"]


@pytest.mark.parametrize(
    "cost", ["NaN", "sNaN", "Infinity", "-inf", "9e999999", "1e99999999", True, [], {}, "\ud800"]
)
def test_a_cost_that_is_no_amount_is_unpriced(cost: object) -> None:
    """A line from elsewhere cannot turn every total into nonsense, nor end the run."""
    found, groups = summarize(
        [{"cost": cost}, {"cost": "1"}, {"model": "x", "cost": cost}], GROUPINGS["model"]
    )
    assert (found.cost, found.unpriced) == (1, 2)
    assert len(groups) == 2


@pytest.mark.parametrize("count", [pytest.param(10**400, id="huge"), -5, 1.5, "7", None, True, [1], {"a": 1}])
def test_a_count_that_is_none_adds_nothing(count: object) -> None:
    """Only whole numbers that a provider can have counted are added."""
    record = dict.fromkeys((*COUNTS, "latency_ms", "ttft_ms", "request_count"), count)
    found = total(record, {"latency_ms": 20, "ttft_ms": 10, "output_tokens": 1})
    assert (found.output_tokens, found.input_tokens or 0, found.requests) == (1, 0, 1)
    assert found.avg_latency_ms == 20


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = (
    *COUNTS,
    "cost",
    "latency_ms",
    "ttft_ms",
    "request_count",
    "attempts",
    "estimated",
    "success",
    *GROUPINGS,
)
HOSTILE = st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6)
HONEST = st.fixed_dictionaries(
    {
        "model": st.sampled_from("abc"),
        "cost": st.none() | st.decimals(0, 100, places=6).map(str),
        "latency_ms": st.integers(0, 10**6),
        "success": st.booleans(),
        **{name: st.integers(0, 10**7) for name in COUNTS},
    }
)


@QUICK
@given(st.lists(HOSTILE, max_size=5), st.sampled_from(sorted(GROUPINGS)))
def test_hostile_records_never_raise(records: list[dict[str, Any]], grouping: str) -> None:
    """Whatever a line holds in whatever field, a summary comes out, finite and ready for JSON."""
    found, groups = summarize(records, GROUPINGS[grouping])
    assert found.cost.is_finite()
    assert found.successful + found.failed == len(records)
    costs = [group.as_json()["cost"] for group in groups]
    assert all(cost is None or isinstance(cost, str) for cost in costs)


@QUICK
@given(st.lists(HONEST, max_size=12))
def test_sums_are_the_naive_sums(records: list[dict[str, Any]]) -> None:
    """Tokens, money, outcomes and the latency average are what plain addition gives."""
    found = total(*records)
    assert {name: getattr(found, name) for name in COUNTS} == {n: sum(r[n] for r in records) for n in COUNTS}
    assert found.cost == sum((Decimal(r["cost"]) for r in records if r["cost"] is not None), Decimal(0))
    assert found.unpriced == sum(r["cost"] is None for r in records)
    assert (found.requests, found.successful) == (len(records), sum(r["success"] for r in records))
    known = [r["latency_ms"] for r in records if r["latency_ms"]]
    assert found.avg_latency_ms == (sum(known) // len(known) if known else None)
    assert found.max_latency_ms == max(known, default=None)


@QUICK
@given(st.lists(HONEST, max_size=12))
def test_groups_partition_the_total(records: list[dict[str, Any]]) -> None:
    """Every record is in one group: the groups' sums are the total's, and names are unique."""
    found, groups = summarize(records, GROUPINGS["model"])
    for name in (*COUNTS, "requests", "successful", "failed", "unpriced", "cost"):
        assert sum(getattr(group, name) for group in groups) == getattr(found, name)
    assert len({group.group for group in groups}) == len(groups)


def test_what_nobody_reported_is_unknown_not_zero() -> None:
    """Tokens no provider counted and costs nobody knows are null; an empty span has true zeros."""
    shown = total({"success": True, "input_tokens": 3, "cost": None}).as_json()
    assert (shown["input_tokens"], shown["reasoning_tokens"], shown["cost"]) == (3, None, None)
    assert total().as_json()["cost"] == "0"
    assert total().input_tokens == 0
