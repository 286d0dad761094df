"""Work out again what recorded requests cost, at the prices known today for the time they were sent.

It is a view; applied, each day file is replaced as a whole while others go on appending, and what a request
was said to have cost at first stays beside the new figure.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from llmpool import budgets, costs
from llmpool.pool import Pool
from llmpool.registry.staleness import epoch
from llmpool.state import jsonl, ledger
from llmpool.state.rewrite import revise
from llmpool.usage.cost import cost_fields, usage_of
from llmpool.usage.span import Span

Heard = Callable[[int, int], object]  # is told how many days are done, and of how many

ZERO = Decimal(0)
PAID = ("plan", "trial")  # sources of a price of 0 that only the owner may raise afterwards


def _nobody(_done: int, _total: int) -> None:
    """Tell nobody."""


class Sums:
    """What the requests of a deployment cost as recorded and as of now.

    *unpriced* had no cost and *unknown* have none now either; *kept* have one that no price of today can
    check, and count with it on both sides.
    """

    def __init__(self, deployment: str = "") -> None:
        self.deployment = deployment
        self.records = self.changed = self.unpriced = self.unknown = self.kept = 0
        self.old = self.new = ZERO

    def add(self, old: Decimal | None, new: Decimal | None) -> None:
        """Count one record."""
        self.records += 1
        self.changed += new is not None and new != old
        self.unpriced += old is None
        self.unknown += old is None and new is None
        self.kept += old is not None and new is None
        self.old += old or ZERO
        self.new += (old or ZERO) if new is None else new

    def as_json(self) -> dict[str, Any]:
        """Show the sums as `--json` does; a cost that is not known for any of them is null."""
        told = {"deployment": self.deployment} if self.deployment else {}
        amounts: dict[str, Any] = {
            "old": f"{self.old:f}" if self.unpriced < self.records else None,
            "new": f"{self.new:f}" if self.unknown < self.records else None,
            "difference": f"{self.new - self.old:f}" if self.unknown < self.records else None,
        }
        counts = ("records", "changed", "unpriced", "unknown", "kept")
        return told | amounts | {name: getattr(self, name) for name in counts}


class Report(NamedTuple):
    """What came of it: sums over all, and by deployment, the largest difference first.

    *applied* counts the records that were rewritten, None where nothing was to be; *bad* lines are left out.
    """

    total: Sums
    deployments: tuple[Sums, ...]
    bad: int = 0
    applied: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Show the report as `--json` does."""
        total = self.total.as_json() | {"bad_lines": self.bad, "applied": self.applied}
        return total | {"models": [each.as_json() for each in self.deployments]}


def view(pool: Pool, span: Span, heard: Heard = _nobody) -> Report:
    """Compare the costs recorded in a span with today's prices; changes nothing."""
    total, groups, local = Sums(), dict[str, Sums](), costs.locals_of(pool)
    place = {day.stem: number for number, day in enumerate(_days(pool, span))}
    reading = ledger.Reading(pool.paths.state, ledger.USAGE, span.first[:10], _last_day(span))
    for record in reading:
        heard(place.get(record["at"][:10], 0), len(place))
        if not span.holds(record["at"].removesuffix("Z")):
            continue
        ref = _deployment(record)
        group = groups.setdefault(ref, Sums(ref or "unknown"))
        old, new = _amount(record), _again(pool, local, ref, record).amount
        total.add(old, new)
        group.add(old, new)
    ordered = sorted(groups.values(), key=lambda sums: (-abs(sums.new - sums.old), sums.deployment))
    return Report(total, tuple(ordered), reading.bad)


def apply(pool: Pool, span: Span, heard: Heard = _nobody) -> int:
    """Rewrite the costs that are others now, day by day, and return how many; raises StateUnusable."""
    days, changed, under_way = _days(pool, span), 0, False
    change = _changing(pool, span)
    try:
        for number, day in enumerate(days):
            heard(number, len(days))
            under_way = True
            changed += revise(day, change)
            under_way = False
    finally:
        if changed or under_way:  # some days are others by then
            budgets.recount(pool)
    return changed


def _days(pool: Pool, span: Span) -> list[Path]:
    return list(jsonl.iter_days(pool.paths.state / ledger.USAGE, span.first[:10], _last_day(span)))


def _last_day(span: Span) -> str:
    return span.end[:10] or "9999-12-31"


def _changing(pool: Pool, span: Span) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    local = costs.locals_of(pool)

    def change(record: dict[str, Any]) -> dict[str, Any] | None:
        if not ledger.is_dated(record) or not span.holds(str(record["at"]).removesuffix("Z")):
            return None
        return _changed(record, _again(pool, local, _deployment(record), record))

    return change


def _changed(record: dict[str, Any], now: costs.Cost) -> dict[str, Any] | None:
    """Return the record with the cost of now, None where that is the one it has or none is known."""
    if now.amount is None or now.amount == _amount(record):
        return None
    first = {"cost_original": record.get("cost")}
    if record.get("price_source"):
        first["price_source_original"] = record["price_source"]
    kept = first | {
        name: record[name] for name in ("cost_original", "price_source_original") if name in record
    }
    rest = {name: value for name, value in record.items() if name not in ("price_source", "price_dated")}
    return rest | cost_fields(*now) | kept


def _again(pool: Pool, local: Container[str], ref: str, record: dict[str, Any]) -> costs.Cost:
    """Work the cost out; a success without counts has none, and what was free then was free."""
    lost = _amount(record, "lost_cost")
    if lost is None and record.get("lost_tokens"):
        return costs.Cost()
    found = _alone(pool, local, ref, record)
    return found if found.amount is None or not lost else found._replace(amount=found.amount + lost)


def _alone(pool: Pool, local: Container[str], ref: str, record: dict[str, Any]) -> costs.Cost:
    """Work out what the answer cost, without what attempts lost that broke off before."""
    free = record.get("price_source")
    if free == "local":
        return costs.Cost(ZERO, free)
    usage = usage_of(record)
    counted = usage.input is not None or usage.output is not None
    if not ref or (record.get("success") and not counted):
        return costs.Cost()
    told = record.get("request_count")
    requests = (told if type(told) is int and told > 0 else 1) if counted else 0
    found = costs.cost(pool, ref, usage, epoch(record["at"]), requests=requests, local=local)
    return costs.Cost(ZERO, free) if free in PAID and found.source != "custom" else found


def _deployment(record: dict[str, Any]) -> str:
    """Name the deployment of a record; imported ones may have it in two parts only."""
    ref, provider, model = (record.get(name) for name in ("deployment", "provider", "model"))
    if isinstance(ref, str) and ref:
        return ref
    return f"{provider}/{model}" if isinstance(provider, str) and isinstance(model, str) else ""


def _amount(record: dict[str, Any], name: str = "cost") -> Decimal | None:
    """Read the cost of a record; what is no amount is an unknown one."""
    try:
        amount = Decimal(str(record.get(name)))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
