"""Who answered, where that is not who was asked for: one line, and why (DESIGN ruling 20)."""

from __future__ import annotations

from llmpool.chat.journey import Journey
from llmpool.core.routing import Decision, RoutingTable
from llmpool.registry import resolve
from llmpool.router import lineup


def told(table: RoutingTable, journey: Journey) -> tuple[str, str]:
    """Return the line to be said of who answered, and the reason; both are empty where all is as asked."""
    decision, ref = journey.decision, journey.deployment
    reason = journey.reason
    if decision.requested and not (decision.loosely or _carries(table, decision.requested, ref)):
        line = f"{ref} answered, {decision.requested} was asked for"
        reason = reason or _rejected(decision, decision.requested)
    elif ref != decision.selected:
        line = f"{ref} answered instead of {decision.selected}"
    elif decision.loosely:
        return "", reason or decision.notes[0]
    elif decision.once:
        return "", reason or decision.notes[-1]
    elif all(candidate.deployment != ref for candidate in decision.candidates):
        line, reason = f"{ref} answered", reason or "nobody else may"
    else:
        return "", reason
    return line + _part(table, decision, ref) + (f" ({reason})" if reason else ""), reason


def _carries(table: RoutingTable, name: str, ref: str) -> bool:
    return any(row.id == ref for row in resolve.find(name, table))


def _rejected(decision: Decision, name: str) -> str:
    """Say why the one asked for may not answer, as far as a single one was meant."""
    if len(decision.rejections) == 0:
        return ""
    first = next((r for r in decision.rejections if r.deployment == name), decision.rejections[0])
    return f"{first.deployment}: {', '.join(first.reasons)}"


def _part(table: RoutingTable, decision: Decision, ref: str) -> str:
    """Name the part that the config gives to one who was not among the candidates."""
    if any(candidate.deployment == ref for candidate in decision.candidates):
        return ""

    def means(name: str) -> bool:
        return bool(name) and ref in lineup.meant(name, table)

    if any(map(means, table.routing.fallbacks)):
        return ", a configured fallback"
    if means(table.recovery_model):
        return ", the recovery model"
    return ", the default model" if means(table.default_model) else ""
