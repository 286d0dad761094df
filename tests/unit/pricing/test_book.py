"""Prices as values: when a step holds, what JSON says of it, and what the sums do with odd counts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import TokenUsage
from llmpool.pricing.book import RATES, Priced, Rates, Step, Tiers, plain, read_priced
from llmpool.pricing.total import cost

AMOUNTS = st.decimals(0, 1000, places=6)
RATE = st.none() | AMOUNTS | st.builds(Tiers, AMOUNTS, st.tuples(st.tuples(st.integers(0, 10**6), AMOUNTS)))
OTHER = st.lists(
    st.tuples(st.sampled_from(["image", "second"]), AMOUNTS), max_size=2, unique_by=lambda o: o[0]
)
ALL_RATES = st.builds(Rates, **dict.fromkeys(RATES, RATE), other=OTHER.map(tuple))
TIMES = st.times().map(lambda moment: moment.replace(microsecond=0))
STEPS = st.builds(
    Step, ALL_RATES, st.none() | st.dates(date(2020, 1, 1)), st.none() | st.tuples(TIMES, TIMES)
)
NIGHT = (time(22), time(6, 30))


@given(st.lists(STEPS, min_size=1, max_size=4).map(tuple), st.text(max_size=5), st.text(max_size=5))
def test_every_price_reads_back(steps: tuple[Step, ...], matched: str, version: str) -> None:
    """Through JSON, amounts by value: what is written without a zero at its end is the same amount."""
    priced = Priced(steps, "book", matched, version)
    assert read_priced(json.loads(json.dumps(priced.as_data()))) == priced


@given(ALL_RATES)
def test_nothing_used_costs_only_the_request(rates: Rates) -> None:
    """A request may cost something by itself, and several as often."""
    each = cost(rates, TokenUsage())
    assert cost(rates, TokenUsage(), 3) == 3 * each
    assert cost(rates, TokenUsage(), 0) == 0


COUNTS = st.none() | st.integers(0, 10**7)
FIELDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")


@given(ALL_RATES, st.builds(TokenUsage, **dict.fromkeys(FIELDS, COUNTS)))
def test_no_count_of_a_server_makes_a_cost_negative(rates: Rates, usage: TokenUsage) -> None:
    """More cached than there is, more thought than said: what is left over is nothing, not less."""
    assert cost(rates, usage) >= 0


def test_a_tier_holds_for_all_tokens_of_a_longer_prompt() -> None:
    """And not for a prompt of exactly its start; cached tokens make a prompt longer too."""
    rates = Rates(
        input=Tiers(Decimal(1), ((200_000, Decimal(2)), (400_000, Decimal(3)))),
        output=Tiers(Decimal(10), ((200_000, Decimal(20)),)),
        cache_read=Decimal("0.1"),
    )
    million = 1_000_000
    for prompt, read, output, expected in [
        (200_000, 0, 100, (200_000 + 1_000)),
        (200_001, 0, 100, (400_002 + 2_000)),
        (200_001, 200_000, 0, (2 + 20_000)),
        (400_001, 0, 0, 1_200_003),
    ]:
        usage = TokenUsage(input=prompt, output=output, cache_read=read)
        assert cost(rates, usage) * million == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-05-01T12:00:00", 1),  # none holds: the first of all
        ("2026-06-01T00:00:00Z", 4),
        ("2026-05-31T23:59:59.999999Z", 3),  # by night
        ("2026-06-01T01:59:59+02:00", 3),  # that is 23:59:59 in May
        ("2026-06-01T02:00:00+02:00", 4),  # midnight, from June on: the last that holds
        ("2026-06-01T06:29:59.999999Z", 4),
        ("2026-06-01T06:30:00Z", 2),
        ("2026-06-01T22:00:00Z", 4),
    ],
)
def test_the_last_step_that_holds_counts(moment: str, expected: int) -> None:
    """Dates and times of day are UTC; a window may go over midnight, and ends just before its end."""
    june = date(2026, 6, 1)
    steps = (
        Step(Rates(input=Decimal(1)), date(2027, 1, 1)),
        Step(Rates(input=Decimal(2)), june),
        Step(Rates(input=Decimal(3)), None, NIGHT),
        Step(Rates(input=Decimal(4)), june, NIGHT),
    )
    assert Priced(steps, "book").at(datetime.fromisoformat(moment)).input == expected


def test_the_flat_view_shows_the_base_tier() -> None:
    """It says that there are more tiers, since when it holds, and what matched."""
    rates = Rates(
        input=Tiers(Decimal("1.50"), ((1000, Decimal(2)),)), output=Decimal("1E-7"), cache_write=Decimal(2)
    )
    priced = Priced((Step(rates, date(2026, 3, 13)),), "book", "maker/model", "data 1")
    shown = priced.price(datetime(2026, 11, 21, tzinfo=UTC))
    assert shown is not None
    assert shown.as_dict() == {
        "input": "1.5",
        "output": "0.0000001",
        "source": "book",
        "cache_read": None,
        "cache_write": "2",
        "matched": "maker/model",
        "valid_from": "2026-03-13",
        "tiers": True,
    }


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("10", "10"), ("1.50", "1.5"), ("1E+2", "100"), ("0.00", "0"), ("2E-9", "0.000000002")],
)
def test_amounts_are_spelt_plainly(amount: str, text: str) -> None:
    """No exponent, no zeros that say nothing."""
    assert plain(Decimal(amount)) == text
