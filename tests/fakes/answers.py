"""What a fake server is to say, and how OpenAI would write it: a listing, an answer, a stream, an error.

A Reply is the same for every format. Its `finish` and `usage` are in OpenAI's words (`stop`, `length`,
`tool_calls`, `content_filter`; `prompt_tokens` and so on); the speakers put both into their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from llmpool.core.record import Record

USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


class Reply(Record):
    """An answer to a chat. *served_as* is the model the server names, empty for the one asked for."""

    text: str = "hello there"
    thinking: str = ""
    thinking_field: str = "reasoning_content"
    tool_calls: tuple[tuple[str, str], ...] = ()
    finish: str = "stop"
    usage: Mapping[str, Any] | None = None
    served_as: str = ""
    done: bool = True
    pieces: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        """Cut the text as it will be streamed: at *pieces*, else before each word."""
        return self.pieces or split(self.text)


class Counts(NamedTuple):
    """Tokens of a Reply's usage; *cached* and *written* are part of the input, *reasoning* of the output."""

    input: int
    output: int
    cached: int
    written: int
    written_1h: int
    reasoning: int


def counts(usage: Mapping[str, Any]) -> Counts:
    """Read OpenAI's usage; `cache_write_1h_tokens` is no word of its, but others count it."""
    inputs = usage.get("prompt_tokens_details") or {}
    outputs = usage.get("completion_tokens_details") or {}
    return Counts(
        usage.get("prompt_tokens", 0),
        usage.get("completion_tokens", 0),
        inputs.get("cached_tokens", 0),
        inputs.get("cache_write_tokens", 0),
        inputs.get("cache_write_1h_tokens", 0),
        outputs.get("reasoning_tokens", 0),
    )


def listing(models: Iterable[Any]) -> dict[str, Any]:
    """Build the answer of `/v1/models`; a row given as a mapping keeps all it says, any other its shape."""
    common = {"object": "model", "created": 1_700_000_000, "owned_by": "fake"}
    rows = [{"id": row} if isinstance(row, str) else row for row in models]
    return {"object": "list", "data": [common | row if isinstance(row, dict) else row for row in rows]}


def error(message: str, *, kind: str = "server_error", code: str | int | None = None) -> dict[str, Any]:
    """Build an error object as OpenAI's servers send it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def document(reply: Reply, model: str) -> dict[str, Any]:
    """Build the answer to a chat that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or "".join(reply.pieces)}
    if reply.thinking:
        message[reply.thinking_field] = reply.thinking
    if reply.tool_calls:
        message["content"] = message["content"] or None
        message["tool_calls"] = [_call(n, *call) for n, call in enumerate(reply.tool_calls)]
    choice = {"index": 0, "message": message, "finish_reason": reply.finish or None}
    answer = {**_envelope("chat.completion", reply, model), "choices": [choice]}
    return answer if reply.usage is None else {**answer, "usage": dict(reply.usage)}


def events(reply: Reply, model: str, *, with_usage: bool) -> Iterable[dict[str, Any]]:
    """Build the chunks of a streamed answer, the end mark not included."""
    yield _chunk(reply, model, {"role": "assistant", "content": ""})
    for piece in split(reply.thinking):
        yield _chunk(reply, model, {reply.thinking_field: piece})
    for piece in reply.words():
        yield _chunk(reply, model, {"content": piece})
    for position, call in enumerate(reply.tool_calls):
        for delta in _call_deltas(position, *call):
            yield _chunk(reply, model, {"tool_calls": [delta]})
    if reply.finish:
        yield _chunk(reply, model, {}, finish=reply.finish)
    if with_usage and reply.usage is not None:
        yield {
            **_envelope("chat.completion.chunk", reply, model),
            "choices": [],
            "usage": dict(reply.usage),
        }


def sse(event: Any) -> bytes:
    """Frame one event for a stream; text goes out as it is."""
    data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def split(text: str) -> tuple[str, ...]:
    """Cut *text* before each word."""
    first, *rest = text.split(" ")
    return (first, *(" " + word for word in rest)) if text else ()


def _envelope(kind: str, reply: Reply, model: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": 1_700_000_000,
        "model": reply.served_as or model,
    }


def _chunk(reply: Reply, model: str, delta: dict[str, Any], *, finish: str = "") -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish or None}
    return {**_envelope("chat.completion.chunk", reply, model), "choices": [choice]}


def _call(position: int, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"call_{position + 1}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _call_deltas(position: int, name: str, arguments: str) -> Iterable[dict[str, Any]]:
    """Cut a call as servers do: id and name first, then the arguments in two pieces."""
    yield {"index": position, **_call(position, name, "")}
    half = len(arguments) // 2
    for piece in (arguments[:half], arguments[half:]):
        yield {"index": position, "function": {"arguments": piece}}
