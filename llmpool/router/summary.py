"""A request's way through the pool in one line: who failed, why, after how long, who was asked next.

The form is that of pool-routing-formats 11.7, the reasons are those of its 11.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmpool.core.ids import split_ref
from llmpool.core.outcome import Attempt, Failure, kind_of

_REASONS = {
    "timeout": "timeout",
    "rate_limit": "rate_limit",
    "quota": "rate_limit",
    "auth": "auth_error",
    "model_not_found": "model_not_found",
}
_LATE = (408, 504)  # statuses that say timeout by their names


def reason(failure: Failure | None) -> str:
    """Name the reason of a failed attempt; what has no name of its own is an `api_error`."""
    if failure is None:
        return "unknown"
    return _REASONS.get(failure.kind) or ("timeout" if failure.status in _LATE else "api_error")


def summary(attempts: Sequence[Attempt]) -> str:
    """Write the line; the same again with the same key is one attempt of it. Nothing tried is no line."""
    steps = _merged(attempts)
    names = [_name(step) for step in steps]
    seen = Counter(names)

    def label(place: int) -> str:
        provider, model = split_ref(steps[place].deployment)
        return f"{names[place]}:{model}" if seen[names[place]] > 1 and provider and model else names[place]

    parts = []
    for place, step in enumerate(steps):
        if step.failure is None:
            model = split_ref(step.deployment)[1]
            parts.append(f"{names[place]}[success{':' if model else ''}{model}]")
            continue
        after = place + 1 < len(steps) and steps[place + 1].deployment != step.deployment
        following = f"->{label(place + 1)}" if after else ""
        parts.append(f"{label(place)}[{reason(step.failure)},{step.latency_ms}ms]{following}")
    return " | ".join(parts)


def read(shown: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """Read attempts back from where they were shown or recorded, as far as the summary needs them."""
    return [
        Attempt(
            deployment=entry["deployment"],
            key=entry.get("key") or "",
            latency_ms=entry["latency_ms"],
            failure=None
            if entry["ok"]
            else Failure(
                kind=kind_of(entry["kind"]),
                message=entry.get("message") or "",
                status=entry.get("status") or 0,
            ),
        )
        for entry in shown
    ]


def _name(step: Attempt) -> str:
    """Name the provider, or whatever there is to call it."""
    provider, model = split_ref(step.deployment)
    return provider or model or "unknown"


def _merged(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Take repetitions for one attempt: it ended as the last of them, and took as long as all."""
    steps: list[Attempt] = []
    for attempt in attempts:
        last = steps[-1] if steps else None
        if last is not None and (last.deployment, last.key) == (attempt.deployment, attempt.key):
            steps[-1] = attempt.replace(latency_ms=last.latency_ms + attempt.latency_ms)
        else:
            steps.append(attempt)
    return steps
