"""setup.charged: recorded tokens at other prices, summed in groups as exactly as one by one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool import costs
from llmpool.pool import Pool
from llmpool.pricing.book import FREE, Priced, Rates, Step, Tiers
from llmpool.registry.staleness import epoch
from llmpool.setup.charged import Counts, Spent, Till, usage_of
from tests.edges.recorded import pool_in

TIERED = Rates(
    input=Tiers(Decimal("1.25"), ((200_000, Decimal("2.5")),)),
    output=Tiers(Decimal(10), ((200_000, Decimal(15)),)),
    cache_read=Decimal("0.125"),
    cache_write=Decimal("1.5"),
    per_request=Decimal("0.005"),
)
THOUGHT = Rates(input=Decimal("0.3"), output=Decimal("2.5"), reasoning=Decimal("3.5"))
PRICES = {
    "sky/big": Priced((Step(TIERED),), "custom"),
    "sky/mid": Priced((Step(THOUGHT), Step(FREE, since=date(2027, 1, 10))), "custom"),
    "sky/flat": Priced((Step(THOUGHT),), "custom"),
    "sky/image": Priced((Step(Rates(other=(("image", Decimal("0.04")),))),), "custom"),
    "sky/none": None,
}
TIMES = ("2027-01-09T23:59:59.999Z", "2027-01-10T00:00:00.000Z")
few = st.integers(0, 400_000)
tokens = st.builds(Counts, few, few, st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 99), few)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """Open a pool that knows these prices, whatever the price book says."""
    directory: Path = tmp_path_factory.mktemp("charged")
    made = pool_in(directory)
    made.priced.update(PRICES)
    return made


@given(
    st.lists(st.tuples(st.sampled_from(["sky/big", "sky/mid", "den/small"]), st.sampled_from(TIMES), tokens))
)
def test_groups_cost_what_each_request_costs(pool: Pool, asked: list[tuple[str, str, Counts]]) -> None:
    """Tiers, a price that changed, cached tokens, odd counts: to the last digit what `usage` says."""
    till, spent, alone = Till(pool), Spent(), Decimal(0)
    for ref, at, used in asked:
        spent.add((till.rates(ref, at, used.input),), used)
        alone += costs.cost(pool, ref, usage_of(used), epoch(at)).amount or 0
    (total,), priced, unpriced = spent.costs((0,))
    assert (total, priced, unpriced) == (alone, len(asked), 0)


def test_long_prompts_and_later_days_have_their_own_rates(pool: Pool) -> None:
    """A size above the tier, and a time after the change, are charged as what holds there."""
    till = Till(pool)
    assert till.rates("sky/big", TIMES[0], 200_000) != till.rates("sky/big", TIMES[0], 200_001)
    assert till.rates("sky/mid", TIMES[0], 1) == THOUGHT
    assert till.rates("sky/mid", TIMES[1], 1) == FREE
    assert till.rates("den/small", TIMES[0], 1) == FREE


@pytest.mark.parametrize("ref", ["sky/image", "sky/none", ""])
def test_what_tokens_do_not_tell_has_no_price(pool: Pool, ref: str) -> None:
    """A price per image, none at all, or nobody: there is no rate, and nothing is taken to be free."""
    assert Till(pool).rates(ref, TIMES[0], 1) is None


def test_requests_without_a_price_at_one_end_are_counted(pool: Pool) -> None:
    """They are in the total of neither end that is asked about, but in that of ends that have one."""
    till, spent = Till(pool), Spent()
    ends = tuple(till.rates(ref, TIMES[0], 1000) for ref in ("sky/flat", "sky/none", "den/small"))
    spent.add(ends, Counts(1000, 1000))
    assert spent.costs((0, 1)) == ([Decimal(0), Decimal(0)], 0, 1)
    assert spent.costs((0, 2)) == ([Decimal("0.0028"), Decimal(0)], 1, 0)


def test_flat_prices_make_one_group(pool: Pool) -> None:
    """A thousand requests of as many sizes are added up before the price is applied."""
    till, spent = Till(pool), Spent()
    for size in range(1000):
        spent.add((till.rates("sky/flat", TIMES[0], size),), Counts(size, 1))
    groups: Any = spent._sums
    assert len(groups) == 1
