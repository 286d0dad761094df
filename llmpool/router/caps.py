"""Budgets as requirements: who is too dear for what is left, and who may not stand in (DESIGN ruling 17).

A deployment that costs is left out where the least that a call of it may cost is more than a budget over it
leaves; one that costs nothing never is. Who stands in then depends on the budget: under `deny` a request
that would have been paid for is refused rather than given to own machines, unless its caller asks for that;
what a plan has paid for answers. Under `local` own machines answer, and nothing else does that is not paid
for. What is forbidden here is looked at once more, to the cent and under a lock, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache

from llmpool.core.config import LEAST_ANSWER
from llmpool.core.routing import BUDGET, LOCAL, Cap, Decision, Facts, Rejection, RouteRequest, RoutingRow

ALLOW, DENY = "allow", "deny"
NO_PRICE = "its price is not known: llmpool usage prices set"
Test = Callable[[RoutingRow], str]


def tests(rows: list[RoutingRow], request: RouteRequest, facts: Facts) -> list[Test]:
    """Build the tests that the budgets of this request are; each returns a reason, or nothing."""
    caps = [cap for cap in facts.caps if cap.tag in (None, request.tag)]
    cost = cost_of(request)
    found: list[Test] = [lambda row: _unpriced(row, caps, facts.unpriced)]
    found += [_test(cap, cost) for cap in caps]
    found += [_only_local(cap) for cap in caps if cap.steps and _is_spent(cap, rows, cost)]
    if facts.denied:
        found.append(lambda row: facts.denied if is_own(row) else "")
    return found


def is_free(row: RoutingRow) -> bool:
    """Say whether a deployment costs nothing: it is local, or its prices are 0."""
    return bool(row.flags & LOCAL) or (row.input_price == 0 and row.output_price == 0)


def is_own(row: RoutingRow) -> bool:
    """Say whether a deployment is on a machine of one's own: it may not stand in unless that is asked for."""
    return bool(row.flags & LOCAL)


def is_unpriced(row: RoutingRow) -> bool:
    """Say whether nobody knows what a deployment costs."""
    return (row.input_price is None or row.output_price is None) and not row.flags & LOCAL


def is_forbidden(rejection: Rejection) -> bool:
    """Say whether budgets alone keep a deployment from answering."""
    return all(reason.startswith(f"{BUDGET} ") for reason in rejection.reasons)


def spent(facts: Facts, request: RouteRequest, rejections: list[Rejection]) -> dict[str, Cap]:
    """Name those whom budgets that refuse keep from answering, and nothing else: too little is left for them.

    A price that is not known is another matter: who costs nothing may stand in for that.
    """
    caps = [cap for cap in facts.caps if not cap.steps and cap.tag in (None, request.tag)]
    said = {f"{_says(cap)}: {cap.words}": cap for cap in caps}
    alone = [each for each in rejections if is_forbidden(each)]
    return {each.deployment: said[reason] for each in alone for reason in each.reasons if reason in said}


def priceless(rejections: list[Rejection]) -> set[str]:
    """Name those who are left out for want of a price."""
    return {each.deployment for each in rejections if any(NO_PRICE in reason for reason in each.reasons)}


def denial(cap: Cap) -> str:
    """Say why own machines do not stand in."""
    return f"{_says(cap)} refuses what would be paid for; own machines answer with --local-only"


def notes(facts: Facts, rejections: list[Rejection], rows: list[RoutingRow]) -> list[str]:
    """Say it where only what costs nothing is left of all that could answer: a budget forbids the rest."""
    if not all(map(is_free, rows)):
        return []
    reasons = {reason for each in rejections for reason in each.reasons}
    found = [cap for cap in facts.caps if cap.steps and f"{_says(cap)}: {cap.words}" in reasons]
    return [f"{_says(cap)}: {cap.words}; own machines answer" for cap in found]


def least(decision: Decision, rows: list[RoutingRow]) -> Decimal | None:
    """Return the least that the cheapest of those is reserved with whom budgets keep from answering."""
    asked = RouteRequest(
        context_size=decision.context_size, max_tokens=dict(decision.options).get("max_tokens")
    )
    out = {each.deployment for each in decision.rejections if is_forbidden(each)}
    dear = [row for row in rows if row.id in out and not is_free(row) and not is_unpriced(row)]
    return min(map(cost_of(asked), dear), default=None)


def cost_of(request: RouteRequest) -> Callable[[RoutingRow], Decimal]:
    """Return what reckons the least that a call of this request is reserved with, in USD."""
    answer = min(request.max_tokens or LEAST_ANSWER, LEAST_ANSWER)

    @cache
    def reckon(prompt: float | None, token: float | None) -> Decimal:
        millionths = Decimal(str(prompt or 0)) * request.context_size + Decimal(str(token or 0)) * answer
        return millionths / 1_000_000

    return lambda row: reckon(row.input_price, row.output_price)


def _test(cap: Cap, cost: Callable[[RoutingRow], Decimal]) -> Test:
    dear: dict[tuple[float | None, float | None], bool] = {}  # thousands of deployments have a few prices

    def test(row: RoutingRow) -> str:
        prices = row.input_price, row.output_price
        if prices not in dear:
            dear[prices] = None not in prices and prices != (0, 0) and cost(row) > cap.left
        if not dear[prices] or row.flags & LOCAL or not _is_over(cap, row):
            return ""
        return f"{_says(cap)}: {cap.words}"

    return test


def _unpriced(row: RoutingRow, caps: list[Cap], decided: str) -> str:
    """Refuse what has no price where that is decided, or where a budget over it could not be kept."""
    if decided == ALLOW or not is_unpriced(row):
        return ""
    over = next((_says(cap) for cap in caps if _is_over(cap, row)), "")
    if decided == DENY:
        over = over or f"{BUDGET} rule unpriced"
    if not over:
        return ""
    from llmpool.core.word import word

    return f"{over}: {NO_PRICE} {word(row.id)} --input USD --output USD"


def _is_spent(cap: Cap, rows: list[RoutingRow], cost: Callable[[RoutingRow], Decimal]) -> bool:
    """Say whether nothing over which a budget is can be paid out of it any more."""
    paid = [row for row in rows if not is_free(row) and not is_unpriced(row) and _is_over(cap, row)]
    return bool(paid) and all(cost(row) > cap.left for row in paid)


def _only_local(cap: Cap) -> Test:
    reason = f"{_says(cap)}: {cap.words}; only local deployments answer then"
    return lambda row: reason if not row.flags & LOCAL and is_free(row) and _is_over(cap, row) else ""


def _is_over(cap: Cap, row: RoutingRow) -> bool:
    return cap.scope in ("*", row.id) or row.id.startswith(f"{cap.scope}/")


def _says(cap: Cap) -> str:
    return f"{BUDGET} {cap.name}"
