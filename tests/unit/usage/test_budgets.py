"""The arithmetic of budgets: no interleaving of calls spends and reserves more than a limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.config import Budget
from llmpool.usage import budgets as rules
from llmpool.usage.budgets import Count, Granted, Lease, Ran, Short, Tally, Wish

NOW = 1_795_000_000.0  # Wednesday 18 November 2026, 11:06 UTC
CONFIG = [1, 2]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    """Live in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield ZoneInfo("Europe/Berlin")
    monkeypatch.undo()
    time.tzset()


def budget(limit: str = "10", per: str = "day", **fields: Any) -> Budget:
    """Build a budget."""
    return Budget(name=fields.pop("name", "b"), limit=limit, per=per, **fields)


def fresh(*budgets: Budget, now: float = NOW) -> Tally:
    """Return a tally in which nothing is spent."""
    return rules.take_in(Tally({}, [], []), budgets, {}, now, CONFIG)


def wish(tokens: int = 100, least: int = 100, *, ref: str = "work/m", key: str = "a", tag: str = "") -> Wish:
    """Wish for an answer at a cent a token."""
    return Wish(ref, key, tag, Decimal(0), Decimal("0.01"), tokens, least)


def take(tally: Tally, wanted: Wish, *budgets: Budget, name: str = "l1", now: float = NOW) -> Granted | Short:
    """Ask for a lease."""
    return rules.grant(tally, budgets, wanted, name, now)


@pytest.mark.parametrize(
    ("per", "now", "begins", "ends"),
    [
        ("day", (2026, 11, 18, 12), (2026, 11, 18), (2026, 11, 19)),
        ("day", (2026, 3, 29, 12), (2026, 3, 29), (2026, 3, 30)),  # a day of 23 hours
        ("day", (2026, 10, 25, 2, 30), (2026, 10, 25), (2026, 10, 26)),  # one of 25
        ("day", (2026, 12, 31, 23, 59), (2026, 12, 31), (2027, 1, 1)),
        ("week", (2026, 11, 18, 12), (2026, 11, 16), (2026, 11, 23)),
        ("week", (2027, 1, 1), (2026, 12, 28), (2027, 1, 4)),
        ("month", (2026, 2, 28, 23), (2026, 2, 1), (2026, 3, 1)),
        ("month", (2026, 12, 1), (2026, 12, 1), (2027, 1, 1)),
    ],
)
def test_periods_begin_and_end_at_local_midnight(
    berlin: ZoneInfo, per: str, now: tuple[int, ...], begins: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    """Days, weeks from Monday on, and months are those of the wall's calendar, summer time included."""

    def at(*parts: int) -> float:
        return datetime(*parts, tzinfo=berlin).timestamp()  # type: ignore[misc]

    assert rules.starts(per, at(*now)) == at(*begins)
    assert rules.ends(per, at(*now)) == at(*ends)


def test_the_whole_of_time_never_resets() -> None:
    """A total budget counts from the first record on."""
    assert rules.starts("total", NOW) == 0.0
    assert rules.ends("total", NOW) is None
    assert rules.reset(rules.standing(fresh(budget(per="total")), budget(per="total"), NOW), NOW) == (
        "it never resets"
    )


@pytest.mark.parametrize(
    ("scope", "tag", "covered"),
    [
        ("*", None, True),
        ("work", None, True),
        ("work/m:8b", None, True),
        ("work:spare", None, True),
        ("work:main", None, False),
        ("wor", None, False),
        ("work/m", None, False),
        ("*", "batch", True),
        ("*", "other", False),
    ],
)
def test_what_a_budget_is_over(scope: str, tag: str | None, covered: bool) -> None:
    """Everything, a provider, a deployment or a key, and of these what carries its tag."""
    assert rules.covers(budget(scope=scope, tag=tag), "work/m:8b", "spare", "batch") is covered


def test_a_call_is_shortened_to_what_is_left() -> None:
    """Where the worst case is too dear, down to the fewest tokens that are of use; then it is refused."""
    daily = budget("1.50")
    tally = fresh(daily)
    got = take(tally, wish(400, 50), daily)
    assert isinstance(got, Granted)
    assert (got.tokens, got.by, got.lease.amount) == (150, "b", Decimal("1.50"))
    refused = take(tally, wish(400, 50), daily)
    assert isinstance(refused, Short)
    assert refused.busy  # nothing is spent: others hold it
    rules.settle(tally, [daily], got.lease, Decimal("1.20"))
    refused = take(tally, wish(400, 50), daily)
    assert isinstance(refused, Short)
    assert not refused.busy
    assert rules.fact(refused.standing) == "$1.20 of $1.50 spent today"


def test_the_tightest_of_several_budgets_binds() -> None:
    """A call is reserved in each budget over it, and has what the tightest affords."""
    day, month = budget("10", name="day"), budget("2", "month", name="month")
    tally = fresh(day, month)
    got = take(tally, wish(400), day, month)
    assert isinstance(got, Granted)
    assert (got.tokens, got.by) == (200, "month")
    assert [rules.standing(tally, each, NOW).left for each in (day, month)] == [Decimal(8), Decimal(0)]


def test_who_waits_for_one_budget_is_not_held_up_by_a_spent_one() -> None:
    """Where one budget is spent and of another too much is reserved, waiting is in vain."""
    day, month = budget("1", name="day"), budget("1", "month", name="month")
    tally = fresh(day, month)
    tally.leases.append(Lease("x", NOW, "work/m", "a", "", Decimal("0.5")))
    tally.counts["month *"] = Count(rules.starts("month", NOW), Decimal(1))
    refused = take(tally, wish(100), day, month)
    assert isinstance(refused, Short)
    assert (refused.standing.budget.name, refused.busy) == ("month", False)


def test_a_budget_that_only_warns_counts_and_never_refuses() -> None:
    """Its spending may exceed its limit."""
    soft = budget("0", on_exceed="warn")
    tally = fresh(soft)
    got = take(tally, wish(), soft)
    assert isinstance(got, Granted)
    rules.settle(tally, [soft], got.lease, Decimal(3))
    assert rules.standing(tally, soft, NOW).spent == Decimal(3)


def test_a_lease_ends_after_ten_minutes_and_a_clock_set_back_does_not_keep_it() -> None:
    """Whoever was killed holds nothing longer; a lease from the future began now."""
    daily = budget()
    lease = Lease("x", NOW, "work/m", "a", "", Decimal(1))
    tally = fresh(daily)._replace(leases=[lease])
    assert rules.take_in(tally, [daily], {}, NOW + 599, CONFIG).leases == [lease]
    assert rules.take_in(tally, [daily], {}, NOW + 600, CONFIG).leases == []
    earlier = NOW - 3600
    assert rules.take_in(tally, [daily], {}, earlier, CONFIG).leases == [lease._replace(at=earlier)]


def test_what_ran_before_a_budget_was_set_is_its_first_count() -> None:
    """By its scope and its tag; the count holds until its period or the config is another."""
    daily, tagged = budget(), budget(per="month", scope="work", tag="batch", name="t")
    ran = [
        Ran("work/m", "a", "", Decimal(1)),
        Ran("work/n", "", "batch", Decimal("0.25")),
        Ran("other/m", "a", "batch", Decimal(8)),
    ]
    found = {
        rules.name_of(each): rules.seed(each, rules.starts(each.per, NOW), ran) for each in (daily, tagged)
    }
    assert {name: count.spent for name, count in found.items()} == {
        "day *": Decimal("9.25"),
        "month work batch": Decimal("0.25"),
    }
    tally = rules.take_in(Tally({}, [], []), [daily, tagged], found, NOW, CONFIG)
    assert rules.missing(tally, [daily, tagged], NOW, CONFIG) == []
    assert rules.missing(tally, [daily, tagged], NOW + 86400, CONFIG) == [daily]
    assert rules.missing(tally, [daily, tagged], NOW, [3, 4]) == [daily, tagged]  # somebody edited


def test_of_two_counts_the_higher_is_true() -> None:
    """The running count knows attempts that no record has, the ledger calls made without the budget."""
    daily = budget()
    since = rules.starts("day", NOW)
    tally = Tally({"day *": Count(since, Decimal(2))}, [], CONFIG)
    for seed, spent in ((Decimal(1), Decimal(2)), (Decimal(3), Decimal(3))):
        after = rules.take_in(tally, [daily], {"day *": Count(since, seed)}, NOW, CONFIG)
        assert after.counts["day *"].spent == spent


def test_a_new_day_begins_with_nothing_spent() -> None:
    """The count of yesterday is not today's; one of a budget that is gone goes when the config is another."""
    daily = budget()
    tally = fresh(daily, budget(scope="other"))
    tally.counts["day *"] = tally.counts["day *"]._replace(spent=Decimal(9))
    today = Count(rules.starts("day", NOW + 86400), Decimal(0))
    later = rules.take_in(tally, [daily], {}, NOW + 86400, CONFIG)
    assert later.counts == tally.counts | {"day *": today}
    assert rules.take_in(tally, [daily], {}, NOW + 86400, [3, 4]).counts == {"day *": today}


BUDGETS = (
    budget("3", name="all"),
    budget("1", "month", name="work", scope="work"),
    budget("0.7", "total", name="key", scope="work:a"),
    budget("1.1", "week", name="tag", tag="t"),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "settle", "drop", "wait"]),
        st.integers(0, 7),  # whose turn it is
        st.integers(1, 120),  # tokens that are wished for
        st.integers(0, 100),  # the part of its reservation that a call costs, in percent
        st.sampled_from(["work/m", "work/n", "other/m"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["", "t"]),
    ),
    max_size=60,
)


@given(STEPS)
def test_never_more_is_spent_and_reserved_than_the_limit(steps: list[Any]) -> None:
    """However calls of several processes interleave, each budget holds as long as each keeps to its lease."""
    tally, held, now = fresh(*BUDGETS), dict[int, Granted](), NOW
    for number, (what, who, tokens, percent, ref, key, tag) in enumerate(steps):
        if what == "take" and who not in held:
            got = take(
                tally, wish(tokens, 1, ref=ref, key=key, tag=tag), *BUDGETS, name=f"l{number}", now=now
            )
            if isinstance(got, Granted):
                assert 1 <= got.tokens <= tokens
                held[who] = got
        elif what == "settle" and who in held:
            lease = held.pop(who).lease
            rules.settle(tally, BUDGETS, lease, lease.amount * percent / 100)
        elif what == "drop":
            held.pop(who, None)  # killed: its lease is left behind
        elif what == "wait":
            now += tokens
            tally = rules.take_in(tally, BUDGETS, {}, now, CONFIG)
        for each in BUDGETS:
            stands = rules.standing(tally, each, now)
            assert stands.spent + stands.reserved <= stands.limit
            assert stands.left == stands.limit - stands.spent - stands.reserved
        if any(now - one.lease.at >= 600 for one in held.values()):
            break  # who answers for longer than its lease may exceed it; the next test has the figures


def test_who_answers_for_longer_than_its_lease_is_charged_the_truth() -> None:
    """The limit is exceeded then, and nobody is let in until it is not."""
    daily = budget("1")
    tally = fresh(daily)
    first = take(tally, wish(100), daily)
    assert isinstance(first, Granted)
    tally = rules.take_in(tally, [daily], {}, NOW + 601, CONFIG)
    second = take(tally, wish(100), daily, name="l2", now=NOW + 601)
    assert isinstance(second, Granted)
    for got in (first, second):
        rules.settle(tally, [daily], got.lease, Decimal("1.5"))
    stands = rules.standing(tally, daily, NOW + 601)
    assert (stands.spent, stands.reserved, stands.left) == (Decimal(3), Decimal(0), Decimal(0))
    assert isinstance(take(tally, wish(100), daily, name="l3"), Short)


@pytest.mark.parametrize(
    ("limit", "spent", "worst", "wanted"),
    [
        ("5", "4.98", "0.5", "10"),
        ("3", "900", "0.5", "1536"),
        ("0.0001", "0", "0.0026", "0.0032"),
        ("0", "0", "0.5", "1"),
    ],
)
def test_the_higher_limit_that_is_proposed_would_let_something_pass(
    limit: str, spent: str, worst: str, wanted: str
) -> None:
    """It is doubled until it is more than what is spent and what the call may cost."""
    stands = rules.Standing(budget(limit), Decimal(spent), Decimal(0), 0.0, None)
    assert rules.higher(stands, Decimal(worst)) == wanted


@pytest.mark.parametrize(
    ("was", "now", "wanted"),
    [
        ((NOW, "3"), (NOW, "3"), (NOW, "1")),
        ((NOW, "3"), (NOW, "3.5"), (NOW, "1.5")),  # settled while the ledger was read
        ((NOW, "3"), (NOW, "2"), (NOW, "1")),  # counted anew by another meanwhile
        (None, (NOW, "0.5"), (NOW, "1")),
        ((NOW, "3"), (NOW + 9, "0.5"), (NOW + 9, "0.5")),  # the next period has begun
    ],
)
def test_a_count_made_anew_keeps_what_was_settled_meanwhile(
    was: tuple[float, str] | None, now: tuple[float, str], wanted: tuple[float, str]
) -> None:
    """It may not have been in the ledger when that was read."""
    before, tally = (
        Tally({"day *": Count(each[0], Decimal(each[1]))} if each else {}, [], CONFIG) for each in (was, now)
    )
    after = rules.recounted(tally, before, {"day *": Count(NOW, Decimal(1))})
    assert after.counts == {"day *": Count(wanted[0], Decimal(wanted[1]))}
