"""What Anthropic's errors mean: by `details.error_code` or type, and else as all vendors' errors do."""

from __future__ import annotations

import json

from llmpool.core.outcome import Failure, FailureKind, UpstreamError
from llmpool.core.wire import Answer
from llmpool.formats import errors
from llmpool.formats.base import mapping, parse_json, shown

# Types that an error inside a stream has instead of a status; what is not here says enough by its words.
KIND_BY_TYPE: dict[str, FailureKind] = {
    "invalid_request_error": "bad_request",
    "permission_error": "auth",
    "not_found_error": "model_not_found",
}
KIND_BY_CAUSE: dict[str, FailureKind] = {
    "enforced_spend_limit_reached": "quota",
    "contract_spend_limit_reached": "quota",
    "linked_organization_spend_limit_reached": "quota",
    "linked_organization_billing_unavailable": "quota",
    "organization_on_hold": "auth",
}


def read_error(answer: Answer) -> Failure:
    """Say what an answer that is not 2xx means."""
    failure = errors.read_error(answer)
    if "tool_choice forces" in failure.message:  # `Thinking may not be enabled when ...`: thinking may stay
        failure = failure.replace(param="tool_choice")
    try:
        return _by_cause(failure, parse_json(answer.body.decode("utf-8", "replace")))
    except UpstreamError:  # no JSON, so no cause either
        return failure


def failure_in(payload: object) -> Failure:
    """Say what an error inside a stream or a 200 means; its type is told too, there is no status to tell."""
    failure = errors.failure_in(payload)
    if failure.kind == "server":
        failure = failure.replace(kind=KIND_BY_TYPE.get(failure.code, "server"))
    words = errors.said_by(payload).message or shown(json.dumps(payload, ensure_ascii=False), 200)
    told = f"{failure.code}: {words}" if failure.code and failure.code not in words else words
    return _by_cause(failure.replace(message=told), payload)


def _by_cause(failure: Failure, payload: object) -> Failure:
    details = mapping(mapping(mapping(payload).get("error")).get("details"))
    cause = details.get("error_code")
    kind = KIND_BY_CAUSE.get(cause) if isinstance(cause, str) else None
    return failure.replace(kind=kind, code=cause) if kind else failure
