"""Write down how a request ended: one usage line, one decision line, the health of who was asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmpool.chat.journey import Journey
from llmpool.core.chat import ChatRequest
from llmpool.core.ids import split_ref, usage_id
from llmpool.core.outcome import Attempt, TokenUsage
from llmpool.core.routing import Experience
from llmpool.core.times import rfc3339_ms
from llmpool.errors import Busy, StateUnusable
from llmpool.pool import Pool
from llmpool.router import experience, explain
from llmpool.router import failure as rules
from llmpool.state import health, ledger
from llmpool.usage.cost import cost, counted, token_fields


def record(pool: Pool, request: ChatRequest, journey: Journey) -> None:
    """Record a request that somebody was asked; a directory that refuses costs a warning, not the answer."""
    pool.keep_lessons()
    if not journey.attempts:
        return
    journey.usage = usage_or_estimate(request, journey)
    usage = usage_record(pool, journey)
    decision = decision_record(journey, usage)
    try:
        ledger.append(pool.paths.state, ledger.USAGE, usage)
        ledger.append(pool.paths.state, ledger.DECISIONS, decision)
        health.update(pool.paths.state, lambda state: _learn(state, journey, pool.clock()))
        if journey.headroom:
            _keep_headroom(pool, journey)
    except (StateUnusable, Busy) as error:
        pool.warnings.append(f"not recorded: {error.message}")


def _keep_headroom(pool: Pool, journey: Journey) -> None:
    from llmpool.state import limits

    for (provider, key), entries in journey.headroom.items():
        limits.update(pool.paths.state, provider, key, entries, pool.clock())


def usage_or_estimate(request: ChatRequest, journey: Journey) -> TokenUsage:
    """Take the server's count of a request, or an estimate."""
    got = journey.answer + "".join(journey.thinking)
    return counted(journey.usage, request, got, success=journey.success)


def usage_record(pool: Pool, journey: Journey) -> dict[str, Any]:
    """Build the usage line; unknown values are left out, an unknown cost is null."""
    provider, model = split_ref(journey.deployment)
    usage = journey.usage or TokenUsage()
    journey.cost, source = cost_of(pool, journey)
    journey.usage_id = usage_id()
    failure = journey.attempts[-1].failure
    line: dict[str, Any] = {
        "id": journey.usage_id,
        "at": rfc3339_ms(pool.clock()),
        "provider": provider,
        "model": model,
        "deployment": journey.deployment,
        "success": journey.success,
        **token_fields(usage),
        "request_count": 1,
        "latency_ms": journey.latency_ms,
        "ttft_ms": journey.ttft_ms,
        "key": None if journey.key == "none" else journey.key,
        "decision_id": journey.decision.id,
        "requested": journey.decision.requested or None,
        "selected": journey.decision.selected,
        "tag": journey.tag or None,
        "session": journey.session or None,
        "error": failure.kind if failure else None,
        "interrupted": journey.interrupted or None,
        "attempts": len(journey.attempts),
        "price_source": source,
    }
    kept = {name: value for name, value in line.items() if value is not None}
    return kept | {"cost": None if journey.cost is None else str(journey.cost)}


def cost_of(pool: Pool, journey: Journey) -> tuple[Decimal | None, str | None]:
    """Return what the answer cost in USD and by which price; None where no price is known."""
    row = next((row for row in pool.table.rows if row.id == journey.deployment), None)
    return cost(row.input_price, row.output_price, journey.usage) if row is not None else (None, None)


def decision_record(journey: Journey, usage: dict[str, Any]) -> dict[str, Any]:
    """Build the decision line: the decision with its outcome, features only, the best 50 candidates."""
    decision = journey.decision
    line = explain.decision_json(decision)
    line["outcome"] = {
        "success": journey.success,
        "served_by": journey.deployment,
        "attempts": [attempt.as_json() for attempt in journey.attempts],
        "latency_ms": journey.latency_ms,
        "ttft_ms": journey.ttft_ms,
        "tokens": (usage.get("input_tokens") or 0) + (usage.get("output_tokens") or 0),
        "usage_id": usage["id"],
    }
    return line


def _learn(state: health.Health, journey: Journey, now: float) -> None:
    """Fold the attempts into contacts, cooldowns, latency and experience (6.9, ruling 10)."""
    for attempt in journey.attempts:
        _learn_attempt(state, attempt, _tokens(journey) if attempt.failure is None else 0, now)
    decision = journey.decision
    if decision.turn:
        state.cursors[decision.turn] = state.cursors.get(decision.turn, 0) + 1


def _learn_attempt(state: health.Health, attempt: Attempt, tokens: int, now: float) -> None:
    failure, provider = attempt.failure, split_ref(attempt.deployment)[0]
    if failure and not rules.was_sent(failure):
        return
    seen = state.experience.get(attempt.deployment, Experience())
    state.experience[attempt.deployment] = experience.record(
        seen, failure is None, attempt.latency_ms, tokens
    )
    kind = rules.contact_kind(failure) if failure else ""
    state.contact[provider] = {"at": now, "kind": kind, "message": failure.message if failure else ""}
    old = state.latency.get(provider, 0.0)
    sample = float(attempt.latency_ms) * (2 if failure else 1)
    state.latency[provider] = sample if not old else round(0.7 * old + 0.3 * sample, 1)
    if failure is None:
        state.cooldowns.pop(f"provider:{provider}", None)
    elif reason := rules.COOLING.get(kind):
        until = {"until": now + rules.COOLDOWN_SECONDS, "seconds": rules.COOLDOWN_SECONDS, "reason": reason}
        state.cooldowns[f"provider:{provider}"] = until


def _tokens(journey: Journey) -> int:
    usage = journey.usage or TokenUsage()
    return (usage.input or 0) + (usage.output or 0)
