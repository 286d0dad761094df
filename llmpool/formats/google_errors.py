"""What Google's errors mean beyond their status: details tell a minute's limit from a day's, and how long."""

from __future__ import annotations

import re
from typing import Any

from llmpool.core.outcome import Failure, FailureKind, UpstreamError
from llmpool.core.wire import Answer
from llmpool.formats import errors
from llmpool.formats.base import mapping, parse_json, shown

KIND_BY_REASON: dict[str, FailureKind] = {
    "API_KEY_INVALID": "auth",
    "API_KEY_SERVICE_BLOCKED": "auth",
    "SERVICE_DISABLED": "auth",
    "ACCESS_TOKEN_EXPIRED": "auth",
    "BILLING_DISABLED": "quota",
    "QUOTA_EXHAUSTED": "quota",
    "RATE_LIMIT_EXCEEDED": "rate_limit",
    "MODEL_CAPACITY_EXHAUSTED": "overloaded",
}
NEUTRAL = {"stop_sequences": "stop", "tool_config": "tool_choice", "function_calling_config": "tool_choice"}
HOUR = 3600

_NONE_LEFT = re.compile(r"limit: 0(?![\d.])|per day\b", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:retry in|resets? (?:in|after)) ((?:\d{1,9}(?:\.\d+)?(?:h|ms|m|s)){1,4})", re.IGNORECASE
)
_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,12})?)\d*(h|ms|m|s)")
_UNKNOWN_NAME = re.compile(r'Unknown name \\?"(\w+)')
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def read_error(answer: Answer) -> Failure:
    """Say what an answer that is not 2xx means, and when to come back if it told."""
    failure = errors.read_error(answer)
    try:
        payload = parse_json(answer.body.decode("utf-8", "replace").strip())
    except UpstreamError:
        return failure
    return _judged(failure, payload)


def failure_in(payload: object) -> Failure:
    """Say what an error inside an answer with status 200 means."""
    return _judged(errors.failure_in(payload), payload)


def _judged(failure: Failure, payload: object) -> Failure:
    """Correct *failure* by what the error's details say."""
    outer = payload[0] if isinstance(payload, list) and payload else payload
    error = mapping(mapping(outer).get("error"))
    message = error.get("message")
    text = message[:8000] if isinstance(message, str) else ""
    details = _details(error)
    spent = failure.kind in ("quota", "rate_limit") and _is_spent(details, text)
    wait = failure.retry_after or _wait(details, text)
    kind = "quota" if spent else _kind(failure, error, details, text, wait)
    if spent and (wait or 0) < HOUR:
        wait = None  # said of another limit: a day's allowance is not back in seconds
    return failure.replace(kind=kind, retry_after=wait, param=failure.param or _param(details, text))


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [mapping(detail) for detail in details] if isinstance(details, list) else []


def _is_spent(details: list[dict[str, Any]], text: str) -> bool:
    """Whether waiting is useless: a day's allowance is used up, or there is none at all."""
    quotas = _listed(details, "violations")
    words = [quota.get(name) for quota in quotas for name in ("quotaId", "quotaMetric")]
    limits = [quota.get("quotaValue") for quota in quotas]
    limits += [mapping(detail.get("metadata")).get("quota_limit_value") for detail in details]
    a_day = any(isinstance(word, str) and "perday" in word.lower() for word in words)
    return a_day or "0" in limits or _NONE_LEFT.search(text) is not None


def _kind(
    failure: Failure, error: dict[str, Any], details: list[dict[str, Any]], text: str, wait: float | None
) -> FailureKind:
    reasons = [detail.get("reason") for detail in details]
    found = next((KIND_BY_REASON[r] for r in reasons if isinstance(r, str) and r in KIND_BY_REASON), None)
    if found:
        return found
    if failure.kind == "quota" and failure.status == 429 and (wait or _listed(details, "violations")):
        return "rate_limit"  # its words speak of quota and billing even when a minute is all it takes
    if (
        failure.status == 404
        and error.get("status") == "NOT_FOUND"
        and "method not found" not in text.lower()
    ):
        return "model_not_found"
    return failure.kind


def _listed(details: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    lists = [detail.get(name) for detail in details]
    return [mapping(item) for some in lists if isinstance(some, list) for item in some]


def _wait(details: list[dict[str, Any]], text: str) -> float | None:
    """Return the seconds to wait: from RetryInfo, else the quota's reset, else the message."""
    told = [detail.get("retryDelay") for detail in details]
    told += [mapping(detail.get("metadata")).get("quotaResetDelay") for detail in details]
    found = _WAIT.search(text)
    told.append(found[1] if found else None)
    return next((seconds for delay in told if isinstance(delay, str) and (seconds := _seconds(delay))), None)


def _seconds(delay: str) -> float | None:
    pieces = _PIECE.findall(delay[:80])
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces) or None


def _param(details: list[dict[str, Any]], text: str) -> str:
    """Name the parameter an error is about, in snake_case, when it names one: `generation_config` is none."""
    fields = [item.get("field") for item in _listed(details, "fieldViolations")]
    unknown = _UNKNOWN_NAME.search(text)
    leaves = [field.rsplit(".", 1)[-1] for field in fields if isinstance(field, str) and "." in field]
    name = unknown[1] if unknown else next(iter(leaves), "")
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", shown(name, 80)).lower()
    return NEUTRAL.get(snake, snake)
