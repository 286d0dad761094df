"""Long-run success and latency of a deployment, and the few points they are worth (6.6, 6.9)."""

from __future__ import annotations

from llmpool.core.routing import Experience, RuleHit

# Milliseconds; the first row that holds counts. 8001 to 14999 is ordinary and moves nothing.
_FAST, _OK, _SLUGGISH, _SLOW = 4000, 8000, 15000, 30000


def hits(seen: Experience, latency_counts: bool) -> tuple[RuleHit, ...]:
    """Return the rules that experience fires; nothing when they cancel out, as the source records none."""
    found = []
    surplus = seen.successes - seen.failures
    if surplus > 0:
        found.append(RuleHit("experience_reliability_bonus", min(surplus, 6)))
    elif surplus < 0:
        found.append(RuleHit("experience_reliability_penalty", -min(-2 * surplus, 12)))
    if latency_counts and seen.avg_latency_ms > 0:
        found.extend(_latency(seen.avg_latency_ms))
    return tuple(found) if sum(hit.points for hit in found) else ()


def _latency(milliseconds: int) -> list[RuleHit]:
    if milliseconds <= _FAST:
        return [RuleHit("experience_latency_fast", 4)]
    if milliseconds <= _OK:
        return [RuleHit("experience_latency_ok", 2)]
    if milliseconds >= _SLOW:
        return [RuleHit("experience_latency_slow", -8)]
    if milliseconds >= _SLUGGISH:
        return [RuleHit("experience_latency_sluggish", -4)]
    return []


def record(seen: Experience, success: bool, latency_ms: int, tokens: int) -> Experience:
    """Fold one outcome in: counts up by one, averages as running integer means (6.9)."""
    n = seen.successes + seen.failures + 1
    return Experience(
        seen.successes + success,
        seen.failures + (not success),
        _mean(seen.avg_latency_ms, latency_ms, n),
        _mean(seen.avg_tokens, tokens, n),
    )


def _mean(average: int, value: int, n: int) -> int:
    return value if n <= 1 else (average * (n - 1) + value) // n
