"""The responses API of OpenAI: typed events, items that are added and done, and no end mark but the last."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.fakes.answers import Reply, counts, split
from tests.fakes.speak import Asked, Said, halves, typed, wrapped
from tests.fakes.speak_openai import OpenAI

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error", 503: "server_is_overloaded"}


class Responses(OpenAI):
    """`/v1/responses`, with the listing of OpenAI."""

    name = "responses"
    chat_paths = ("/v1/responses", "/responses", "/backend-api/codex/responses")
    line_start = b'event: response.created\ndata: {"'

    def complaint(self, asked: Asked) -> str:
        """Refuse the older API's words."""
        if "messages" in asked.body:
            return "Unsupported parameter: 'messages'. In the Responses API it has moved to 'input'."
        return "" if asked.body.get("input") else "Missing required parameter: 'input'."

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build a whole response."""
        return _response(reply, asked.model, [item for item, _ in _items(reply)])

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build the events up to the one that completes the response."""
        numbers = count()
        begun = _response(reply, asked.model, []) | {"status": "in_progress", "usage": None}
        opening = ({"type": f"response.{word}", "response": begun} for word in ("created", "in_progress"))
        yield b"".join(_numbered(event, numbers) for event in opening)
        for position, (item, pieces) in enumerate(_items(reply)):
            yield from _item_events(item, pieces, position, numbers)

    def end(self, reply: Reply, asked: Asked) -> bytes:
        """Complete the response, with usage; cut short by a limit it is incomplete."""
        whole = self.document(reply, asked)
        return _numbered({"type": f"response.{whole['status']}", "response": whole}, count(1000))

    def frame(self, event: Any) -> bytes:
        """Name the event as its JSON does."""
        return typed(event) if isinstance(event, dict) and "type" in event else super().frame(event)

    def error_event(self, message: str, code: str | int) -> dict[str, Any]:
        """Build the `error` event."""
        return {"type": "error", "code": _code(code), "message": message, "param": None, "sequence_number": 9}

    def error_document(self, message: str, code: str | int) -> dict[str, Any]:
        """Build a response that failed: its status is in the body alone."""
        failed = _response(Reply(), "", []) | {"status": "failed", "usage": None}
        return failed | {"error": {"code": _code(code), "message": message}}

    def unknown_model(self, model: str) -> Said:
        """Refuse a model that is not listed; this API does it with a 400."""
        return 400, self.error(f"The requested model '{model}' does not exist.", 400, code="model_not_found")


def _response(reply: Reply, model: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    reason = INCOMPLETE.get(reply.finish)
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": reply.served_as or model,
        "output": output,
        "usage": _usage(reply),
    }


def _usage(reply: Reply) -> dict[str, Any] | None:
    if reply.usage is None:
        return None
    told = counts(reply.usage)
    return {
        "input_tokens": told.input,
        "input_tokens_details": {"cached_tokens": told.cached, "cache_write_tokens": told.written},
        "output_tokens": told.output,
        "output_tokens_details": {"reasoning_tokens": told.reasoning},
        "total_tokens": told.input + told.output,
    }


def _items(reply: Reply) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield each item of the output, and the pieces its words come in."""
    if reply.thinking:
        summary = [{"type": "summary_text", "text": reply.thinking}]
        yield {"type": "reasoning", "id": "rs_fake", "summary": summary}, split(reply.thinking)
    if reply.words():
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": "".join(reply.words())}
        message = {"type": "message", "id": "msg_fake", "role": "assistant", "status": "completed"}
        yield message | {"content": [part]}, reply.words()
    for position, (name, arguments) in enumerate(reply.tool_calls):
        call = {"type": "function_call", "id": f"fc_{position + 1}", "call_id": f"call_{position + 1}"}
        whole = call | {"name": name, "arguments": arguments, "status": "completed"}
        yield whole, halves(arguments)


def _item_events(
    item: dict[str, Any], pieces: tuple[str, ...], position: int, numbers: Iterator[int]
) -> Iterator[bytes]:
    """Build the events of one item: it is added empty, its words come, and it is done."""
    at = {"item_id": item["id"], "output_index": position}
    before, kind, after = _around(item, at)
    added = {"type": "response.output_item.added", "output_index": position, "item": _unsaid(item)}
    done = {"type": "response.output_item.done", "output_index": position, "item": item}
    opened = b"".join(_numbered(event, numbers) for event in (added, *before))
    deltas = [_numbered({"type": f"{kind}.delta", **at, "delta": piece}, numbers) for piece in pieces]
    closed = b"".join(_numbered(event, numbers) for event in (*after, done))
    yield from wrapped(opened, deltas, closed)


def _around(
    item: dict[str, Any], at: dict[str, Any]
) -> tuple[list[dict[str, Any]], str, list[dict[str, Any]]]:
    """Return the events ahead of an item's words, the type of these, and the events behind them."""
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        return [], kind, [{"type": f"{kind}.done", **at, "arguments": item["arguments"]}]
    reasons = item["type"] == "reasoning"
    part = (item["summary"] if reasons else item["content"])[0]
    kind = "response.reasoning_summary_text" if reasons else "response.output_text"
    whole = "response.reasoning_summary_part" if reasons else "response.content_part"
    begins = [{"type": f"{whole}.added", **at, "part": part | {"text": ""}}]
    return (
        begins,
        kind,
        [
            {"type": f"{kind}.done", **at, "text": part["text"]},
            {"type": f"{whole}.done", **at, "part": part},
        ],
    )


def _unsaid(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as it is when it is added."""
    empty = {"content": [], "summary": [], "arguments": "", "status": "in_progress"}
    return {key: empty.get(key, value) for key, value in item.items()}


def _numbered(event: dict[str, Any], numbers: Iterator[int]) -> bytes:
    return typed(event | {"sequence_number": next(numbers)})


def _code(code: str | int) -> str:
    return code if isinstance(code, str) else CODES.get(code, "server_error")
