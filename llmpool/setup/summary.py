"""The summary of what was used: out of roll-ups, or of all lines where these are needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.core.outcome import TokenUsage
from llmpool.core.routing import RoutingRow
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.setup.records import Whose
from llmpool.state import collect, localdays, unread
from llmpool.usage.rollup import Who, view_by
from llmpool.usage.span import PERIODS, Span
from llmpool.usage.summary import GROUPINGS, Groups, Summary

if TYPE_CHECKING:
    from llmpool.pricing.book import Rates


class Wanted(Whose):
    """What a summary is of, and by which groupings."""

    by: tuple[str, ...] = ("deployment",)

    @property
    def needs_lines(self) -> bool:
        """Whether no roll-up has it: sessions are in the lines alone."""
        return "session" in self.by or bool(self.session)


class Best(NamedTuple):
    """The best-rated deployment that has a price."""

    deployment: str
    quality: int


class Report(NamedTuple):
    """A summary: the total, the groups, today's part, the best model; and what is to be said about it.

    *bad* counts lines that are no records; *rounded* names pruned days that count as a whole though the span
    has a part of them, *lost* those whose sums cannot be read.
    """

    total: Summary
    groups: list[Summary]
    today: Summary | None
    best: Best | None
    bad: int
    rounded: list[str]
    lost: list[str]
    budgets: str = ""
    budget_documents: tuple[dict[str, Any], ...] = ()


def summary(pool: Pool, wanted: Wanted) -> Report:
    """Add up what was used; nothing is asked of the network, and nothing but roll-ups is written."""
    now, state = pool.clock(), pool.paths.state
    groups = Groups(wanted.by, _chosen(wanted.filters), localdays.today(now))
    if wanted.needs_lines:
        _tell(pool, unread.words(state, wanted.span, lines=True))
        found = collect.scan(state, wanted.span, now=now, sessions=True, into=groups)
    else:
        finer = any(name in PERIODS and name != "month" for name in wanted.by)
        view = view_by((*wanted.by, *wanted.filters))
        _tell(pool, unread.words(state, wanted.span, view, finer=finer))
        found = collect.collect(state, wanted.span, now=now, finer=finer, view=view, into=groups)
    total, summaries = groups.summaries()
    best = _best(pool)
    price = _pricing(best, total)
    return Report(
        total=price(total),
        groups=[price(group) for group in summaries],
        today=groups.today() if _has_today(wanted.span, now) else None,
        best=best[0] if best else None,
        bad=found.bad,
        rounded=found.rounded,
        lost=found.lost,
    )._replace(**_budgets(pool, told=_reaches_today(wanted.span, now)))


def _tell(pool: Pool, text: str) -> None:
    """Tell what a person has to wait for, if there is anything."""
    if text:
        pool.tell(text)


def _budgets(pool: Pool, *, told: bool) -> dict[str, Any]:
    """Tell how the budgets stand now, in words where that is to be *told*, and in full."""
    from llmpool.setup.budgets import budgets_json, budgets_line

    try:
        line = budgets_line(pool) if told else None
        return {"budgets": line or "", "budget_documents": tuple(budgets_json(pool))}
    except LlmpoolError:  # a config that cannot be read is no reason not to know what was spent
        return {}


def _chosen(filters: dict[str, str]) -> Callable[[Who], bool] | None:
    if not filters:
        return None
    return lambda who: all(GROUPINGS[name](who) == value for name, value in filters.items())


def _has_today(span: Span, now: float) -> bool:
    """Tell whether a span has all of today in it, as far as that has come."""
    begun = span.first <= localdays.moment(localdays.start(localdays.today(now)))
    return begun and (not span.end or span.end > localdays.moment(now))


def _reaches_today(span: Span, now: float) -> bool:
    """Tell whether a span has anything of today in it; how budgets stand now is told beside no other."""
    return not span.end or span.end > localdays.moment(localdays.start(localdays.today(now)))


def _best(pool: Pool) -> tuple[Best, Rates] | None:
    """Find the best-rated deployment that costs something, the cheapest of several as good, and its rates.

    What is free, or paid by a plan, says nothing of what the same would have cost.
    """
    from llmpool import costs

    try:
        priced = [row for row in pool.table.rows if None not in (row.input_price, row.output_price)]
        known = [row for row in priced if row.input_price or row.output_price]
        row = min(known, key=_rank, default=None)
        price = costs.price_of(pool, row.id) if row else None
    except LlmpoolError:  # likewise
        return None
    rates = price.at(datetime.fromtimestamp(pool.clock(), UTC)) if price else None
    return (Best(row.id, row.quality), rates) if row and rates and rates.by_tokens else None


def _rank(row: RoutingRow) -> tuple[int, float, str]:
    return -row.quality, (row.input_price or 0) + (row.output_price or 0), row.id


def _pricing(found: tuple[Best, Rates] | None, total: Summary) -> Callable[[Summary], Summary]:
    """Return what prices the tokens of a summary at the best model, sums as they are.

    A rate that depends on the size of a prompt is that of the average one.
    """
    if found is None:
        return lambda each: each
    from llmpool.pricing.book import Tiers
    from llmpool.pricing.total import cost as reckoned

    average, rates = (total.input_tokens or 0) // max(1, total.requests), found[1]
    level: dict[str, Any] = {
        name: rate.at(average) for name, rate in rates._asdict().items() if isinstance(rate, Tiers)
    }
    flat = rates._replace(**level)
    return lambda each: each.replace(best_cost=reckoned(flat, _tokens(each), each.requests))


def _tokens(each: Summary) -> TokenUsage:
    names = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")
    return TokenUsage(**{name: getattr(each, f"{name}_tokens") for name in names})
