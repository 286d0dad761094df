"""Requirements: who may answer at all, with every reason (DESIGN rulings 3, 5, 6, 15; 6.4).

Requirements filter ahead of every strategy and bind fallbacks too; none is ever dropped. What is unknown of
a deployment passes only where nothing known passes, and the decision says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from llmpool.core.config import ANSWER, Group
from llmpool.core.deployment import CAPABILITIES
from llmpool.core.routing import (
    DECLARED,
    HARD,
    LOCAL,
    TOOLS_OFF,
    Facts,
    Rejection,
    RouteRequest,
    RoutingRow,
    RoutingTable,
)

if TYPE_CHECKING:
    from decimal import Decimal

_BIT = {name: 1 << place for place, name in enumerate(CAPABILITIES)}
_MISSING = {
    "tools": "missing tool support",
    "streaming": "missing streaming support",
    "images": "missing image support",
    "chat": "not a chat model",
}
NOT_LOCAL = "not local"
NO_LIMIT = "price unknown, so --max-cost cannot be kept"
TOO_SMALL = "context window too small"
ONLY_BY_NAME = "only by name"  # why a deployment that nobody declared or promoted is not chosen automatically
RESTS = "inactive by policy"  # likewise of one that its owner set inactive
# Tokens any window is taken to hold when the size is only our own estimate (the source's default window);
# otherwise every model of a vendor that lists no windows would lose to any model that has one.
ASSUMED_WINDOW = 8192
DEFAULT_MAX_TOKENS = ANSWER  # what an answer may cost at worst when the caller sets no limit (ruling 17)


Test = Callable[[RoutingRow], str]


class Verdict(NamedTuple):
    """What the requirements leave: rows that meet them, the others' reasons, and remarks for the decision."""

    rows: list[RoutingRow]
    rejections: list[Rejection]
    notes: list[str]


def check(
    rows: list[RoutingRow],
    request: RouteRequest,
    table: RoutingTable,
    facts: Facts,
    named: bool,
    *,
    by_config: bool = False,
) -> Verdict:
    """Filter *rows*; *named* rows were asked for by name, so what only bars automatic choice is lifted.

    Where it was the config that named them (*by_config*: fallbacks, default and recovery model), policy
    binds them as it binds any automatic choice (ruling 3).
    """
    tests = _tests(request, table, facts, named)
    if facts.caps or facts.unpriced == "deny":
        from llmpool.router import caps

        tests += caps.tests(rows if named and not by_config else table.rows, request, facts)
    if by_config:
        tests.append(lambda row: "" if row.blocked in ("", ONLY_BY_NAME) or row.flags & HARD else row.blocked)
    verdict = _settle(*_judged(rows, request, tests))
    if facts.caps and verdict.rows:
        from llmpool.router import caps

        verdict.notes.extend(caps.notes(facts, verdict.rejections, verdict.rows))
    if request.group and not named and not verdict.rows:
        from llmpool.router import groups

        verdict.notes.append(groups.why_empty(_group(request, table), table, facts))
    return verdict


def sharing_a_name(rows: list[RoutingRow]) -> list[RoutingRow]:
    """Bar those set inactive where others carry the name too: nobody asked for just them (ruling 19).

    Others that may not answer even by name are none.
    """
    resting = {row.id for row in rows if row.blocked.startswith(RESTS)}
    if all(row.id in resting or row.flags & HARD for row in rows):
        return rows
    return [row._replace(flags=row.flags | HARD) if row.id in resting else row for row in rows]


def _judged(
    rows: list[RoutingRow], request: RouteRequest, tests: list[Test]
) -> tuple[list[RoutingRow], list[tuple[RoutingRow, str]], list[Rejection]]:
    """Sort rows into those that meet every test, those of which something is not known, and the rejected."""
    needed, size = sum(_BIT[name] for name in {*request.needs, "chat"}), takes(request)
    doubtful = request.context_size > (0 if request.stated else ASSUMED_WINDOW)
    known: list[RoutingRow] = []
    unknown: list[tuple[RoutingRow, str]] = []
    rejections = []
    for row in rows:
        reasons = [reason for test in tests if (reason := test(row))]
        lacks = row.no & needed
        if lacks:
            reasons[:0] = _missing(row, lacks)
        tight = 0 < row.window < size
        if tight:
            reasons.append(TOO_SMALL)
        if reasons:
            rejections.append(Rejection(row.id, tuple(reasons), *((size, row.window) if tight else ())))
        elif needed & ~(row.yes | row.no) or (doubtful and not row.window):  # then there is what to name
            unknown.append((row, _unsure(row, needed, doubtful)))
        else:
            known.append(row)
    return known, unknown, rejections


def takes(request: RouteRequest) -> int:
    """Return the window a request takes: its size and the answer its caller allows; a stated size is both."""
    return request.context_size + (0 if request.stated else request.max_tokens or 0)


def _settle(
    known: list[RoutingRow], unknown: list[tuple[RoutingRow, str]], rejections: list[Rejection]
) -> Verdict:
    """Let the unknown in only where nothing known is left."""
    if known or not unknown:
        rejections += [
            Rejection(row.id, (f"{what} unknown, and others are known to do",)) for row, what in unknown
        ]
        return Verdict(known, rejections, [])
    doubts = sorted({what for _, what in unknown})
    return Verdict(
        [row for row, _ in unknown], rejections, [f"not known of the candidates: {', '.join(doubts)}"]
    )


def _missing(row: RoutingRow, lacks: int) -> list[str]:
    if lacks & _BIT["tools"] and row.flags & TOOLS_OFF:
        first = ["tool use disabled for this deployment"]
        lacks &= ~_BIT["tools"]
    else:
        first = []
    return first + [
        _MISSING.get(name, f"missing {name} support") for name in CAPABILITIES if lacks & _BIT[name]
    ]


def _unsure(row: RoutingRow, needed: int, doubtful: bool) -> str:
    """Name what is needed and not known of a deployment; *doubtful* is a context that may not fit."""
    open_bits = needed & ~(row.yes | row.no)
    names = [name for name in CAPABILITIES if open_bits & _BIT[name]]
    if doubtful and not row.window:
        names.append("context window")
    return ", ".join(names)


def _tests(request: RouteRequest, table: RoutingTable, facts: Facts, named: bool) -> list[Test]:
    """Build the tests this request needs; each returns a reason, or nothing."""
    names = [str(provider["id"]) for provider in table.providers]
    tests: list[Test] = [lambda row: row.blocked if row.blocked and (not named or row.flags & HARD) else ""]
    if facts.keyless:
        tests.append(lambda row: facts.keyless.get(names[row.provider], ""))
    if facts.stale and not named:
        tests.append(lambda row: "" if row.flags & DECLARED else facts.stale.get(names[row.provider], ""))
    if facts.absent and not named:
        tests.append(lambda row: facts.absent.get(row.id, ""))
    tests += _place(request)
    if request.min_quality is not None:
        tests.append(_quality(request.min_quality))
    if request.max_cost is not None:
        tests.append(_cost(request, request.max_cost, table))
    if request.exclude:
        gone = frozenset(request.exclude)
        tests.append(lambda row: "excluded" if row.id in gone or names[row.provider] in gone else "")
    if request.group:
        tests.append(_member(_group(request, table), names))
    return tests


def _place(request: RouteRequest) -> list[Test]:
    """Return the one rule that `--local-only` and mode local are, or its mirror for mode cloud."""
    if request.local_only or request.mode == "local":
        return [lambda row: "" if row.flags & LOCAL else NOT_LOCAL]
    if request.mode == "cloud":
        return [lambda row: "not cloud" if row.flags & LOCAL else ""]
    return []


def _quality(least: int) -> Test:
    return lambda row: f"quality {row.quality} below {least}" if row.quality < least else ""


def _cost(request: RouteRequest, limit: str, table: RoutingTable) -> Test:
    """Compare the worst case, all of the prompt and the longest answer, with the owner's limit."""
    from decimal import Decimal  # a millisecond, only where money is compared

    most = Decimal(limit)
    tokens_out = request.max_tokens or DEFAULT_MAX_TOKENS

    def test(row: RoutingRow) -> str:
        price = dearest(row, table, request.context_size)
        if price is None:
            return NO_LIMIT
        worst = price[0] + price[1] * tokens_out
        return f"could cost {worst:.4f} USD, over {most}" if worst > most else ""

    return test


def dearest(row: RoutingRow, table: RoutingTable, size: int) -> tuple[Decimal, Decimal] | None:
    """Return what a prompt of *size* tokens costs at worst, and a token of its answer; None: nobody knows."""
    from decimal import Decimal

    if row.input_price is None or row.output_price is None:
        return None
    base = [0, row.input_price, row.output_price, 0]
    _, sent, got, each = next((s for s in reversed(table.dear.get(row.id, ())) if size > s[0]), base)
    return Decimal(str(sent)) * size / 1_000_000 + Decimal(str(each)), Decimal(str(got)) / 1_000_000


def _member(group: Group, names: list[str]) -> Test:
    from llmpool.router import groups

    def test(row: RoutingRow) -> str:
        provider = names[row.provider]
        inside = groups.has(group, provider, row.id[len(provider) + 1 :])
        return "" if inside else f"not in group {group.name}"

    return test


def _group(request: RouteRequest, table: RoutingTable) -> Group:
    return next(group for group in table.groups if group.name == request.group)
