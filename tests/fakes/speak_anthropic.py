"""The messages API of Anthropic, in the shapes of its documentation and of public recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.fakes.answers import Reply, counts, split
from tests.fakes.speak import (
    Asked,
    Said,
    Speaker,
    behind,
    halves,
    name_of,
    number,
    page_of,
    parsed,
    query_of,
    rows_of,
    typed,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.exchange import Request

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
FINISHES = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class Anthropic(Speaker):
    """`/v1/messages` and `/v1/models`, which lists 20 at a time unless asked for more."""

    name = "anthropic"
    chat_paths = ("/v1/messages", "/anthropic/v1/messages")
    listing_paths = ("/v1/models", "/anthropic/v1/models")

    def addressed(self, headers: Mapping[str, str]) -> bool:
        """Tell by the version header, which nobody else has."""
        return "anthropic-version" in headers

    def admits(self, request: Request, key: str) -> bool:
        """Take the key as `x-api-key` or as a bearer."""
        return request.headers.get("x-api-key") == key or super().admits(request, key)

    def refusal(self, request: Request) -> Said:
        """Refuse a key."""
        return 401, self.error("invalid x-api-key", 401)

    def missing(self, request: Request) -> str:
        """Insist on a version."""
        return "" if "anthropic-version" in request.headers else "anthropic-version: header is required"

    def complaint(self, asked: Asked) -> str:
        """Insist on what the API insists on: a limit, no empty text, the system prompt apart."""
        if not isinstance(asked.body.get("max_tokens"), int):
            return "max_tokens: Field required"
        messages = asked.body.get("messages") or []
        if not messages:
            return "messages: at least one message is required"
        if any(turn.get("role") not in ("user", "assistant") for turn in messages):
            return "messages: Unexpected role. The Messages API accepts a top-level `system` parameter"
        if any(_is_empty(turn.get("content")) for turn in messages):
            return "messages: text content blocks must be non-empty"
        return ""

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List a page, after the id named."""
        asked = query_of(request)
        rows = rows_of(models, _row)
        start = behind(rows, asked.get("after_id"))
        size = min(number(asked.get("limit"), 20), most or 1000, 1000)
        page = page_of(rows, start, size)
        ends = [name_of(row) for row in (page.rows[:1] + page.rows[-1:])] or [None, None]
        return {"data": page.rows, "has_more": bool(page.following), "first_id": ends[0], "last_id": ends[-1]}

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build a whole message."""
        return _message(reply, asked.model) | {
            "content": [whole for whole, _ in _blocks(reply)],
            "stop_reason": _finish(reply),
            "usage": _usage(reply) | _output(reply),
        }

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build the events up to `message_delta`, which has the stop reason and the output tokens."""
        counted = _usage(reply) and _usage(reply) | {"output_tokens": 1}
        begun = _message(reply, asked.model) | {"usage": counted}
        yield typed({"type": "message_start", "message": begun}) + typed({"type": "ping"})
        for index, (whole, deltas) in enumerate(_blocks(reply)):
            at = {"index": index}
            start = typed({"type": "content_block_start", **at, "content_block": _unsaid(whole)})
            pieces = [typed({"type": "content_block_delta", **at, "delta": delta}) for delta in deltas]
            yield from wrapped(start, pieces, typed({"type": "content_block_stop", **at}))
        if reply.finish:
            delta = {"stop_reason": _finish(reply), "stop_sequence": None}
            yield typed({"type": "message_delta", "delta": delta, "usage": _output(reply)})

    def end(self, reply: Reply, asked: Asked) -> bytes:
        """Stop the message."""
        return typed({"type": "message_stop"})

    def frame(self, event: Any) -> bytes:
        """Name the event as its JSON does."""
        return typed(event) if isinstance(event, dict) and "type" in event else super().frame(event)

    def error(self, message: str, status: int, *, code: str = "", param: str = "") -> dict[str, Any]:
        """Build the error envelope; a parameter is named in the message alone."""
        kind = code or TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
        words = f"{param}: {message}" if param else message
        return {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_fake"}

    def error_event(self, message: str, code: str | int) -> dict[str, Any]:
        """Build the `error` event."""
        named = {"code": code} if isinstance(code, str) else {}
        return self.error(message, code if isinstance(code, int) else 500, **named)

    def unknown_model(self, model: str) -> Said:
        """Refuse a model that is not listed."""
        return 404, self.error(f"model: {model}", 404)

    def nowhere(self, request: Request) -> Said:
        """Answer a path that is not there."""
        return 404, self.error("Not Found", 404)


def _row(model: str, extras: dict[str, Any]) -> dict[str, Any]:
    said = {"type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z"}
    return said | extras


def _message(reply: Reply, model: str) -> dict[str, Any]:
    said = {"id": "msg_fake", "type": "message", "role": "assistant", "model": reply.served_as or model}
    return said | {"content": [], "stop_reason": None, "stop_sequence": None}


def _blocks(reply: Reply) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield each content block as a whole and as the deltas that make it up."""
    if reply.thinking:
        deltas = [{"type": "thinking_delta", "thinking": word} for word in split(reply.thinking)]
        signed = {"type": "signature_delta", "signature": "c2lnbmVk"}
        yield {"type": "thinking", "thinking": reply.thinking, "signature": "c2lnbmVk"}, [*deltas, signed]
    if reply.words():
        deltas = [{"type": "text_delta", "text": word} for word in reply.words()]
        yield {"type": "text", "text": "".join(reply.words())}, deltas
    for position, (name, arguments) in enumerate(reply.tool_calls):
        call = {"type": "tool_use", "id": f"toolu_{position + 1}", "name": name}
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in ("", *halves(arguments))]
        yield call | {"input": parsed(arguments)}, deltas


def _unsaid(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block as it begins: typed and named, and empty."""
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) for key, value in block.items()}


def _usage(reply: Reply) -> dict[str, Any]:
    """Count the input: what came from the cache or went into it is counted apart here."""
    if reply.usage is None:
        return {}
    told = counts(reply.usage)
    hour = told.written_1h
    return {
        "input_tokens": told.input - told.cached - told.written,
        "cache_read_input_tokens": told.cached,
        "cache_creation_input_tokens": told.written,
        "cache_creation": {
            "ephemeral_5m_input_tokens": told.written - hour,
            "ephemeral_1h_input_tokens": hour,
        },
    }


def _output(reply: Reply) -> dict[str, Any]:
    if reply.usage is None:
        return {}
    told = counts(reply.usage)
    thought = {"output_tokens_details": {"thinking_tokens": told.reasoning}} if told.reasoning else {}
    return {"output_tokens": told.output, **thought}


def _finish(reply: Reply) -> str | None:
    return FINISHES.get(reply.finish, reply.finish) or None


def _is_empty(content: Any) -> bool:
    if isinstance(content, str):
        return not content.strip()
    blocks = content if isinstance(content, list) else []
    return any(block.get("type") == "text" and not block.get("text") for block in blocks)
