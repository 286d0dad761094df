"""Reads an answer of Anthropic's messages block by block, streamed or whole, and judges it at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import TokenUsage, UpstreamError
from llmpool.formats.answer import broke_off, judge_empty, lacks, tokens
from llmpool.formats.anthropic_errors import failure_in
from llmpool.formats.anthropic_turns import NAME
from llmpool.formats.base import mapping, shown, text_of, wrong_format

FINISHES = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "content",
}


class _Block:
    """A block that has begun: what it said so far, and how much of the answer came before it."""

    __slots__ = ("calls", "fields", "kind", "pieces", "position", "text")

    def __init__(self, kind: str, fields: dict[str, Any], text: int, calls: int) -> None:
        self.kind = kind
        self.fields = fields
        self.pieces: list[str] = []
        self.position = -1  # of a tool call
        self.text = text
        self.calls = calls


class Reading:
    """An answer being read: what has come so far decides whether its end is one.

    Whatever reads it raises UpstreamError for what is no answer.
    """

    def __init__(self) -> None:
        self.done = False
        self.finish = ""
        self._model = ""
        self._usage: dict[str, Any] = {}
        self._text = 0  # characters so far
        self._thought = False
        self._calls: list[str] = []  # their ids, by position
        self._blocks: dict[int, _Block] = {}  # those that have not ended, by the server's index
        self._reason = ""  # what a refusal says of itself

    @property
    def usage(self) -> TokenUsage | None:
        """What the answer cost, as far as it is told."""
        return counted(self._usage)

    def event(self, name: str, payload: object) -> Delta | None:
        """Read an event of a stream, by its own `type` or else by its name; None when it shows nothing."""
        if not isinstance(payload, dict):
            raise wrong_format("an event of the stream is not a JSON object")
        kind = text_of(payload.get("type")) or name
        if kind == "content_block_delta":  # nearly all of nearly all streams
            return self._piece(_index(payload), mapping(payload.get("delta")))
        if kind == "error" or payload.get("error"):
            raise UpstreamError(failure_in(payload))
        if kind == "content_block_start":
            return self._begin(_index(payload), mapping(payload.get("content_block")))
        if kind == "content_block_stop":
            return self._end(_index(payload))
        if kind == "message_start":
            self._envelope(mapping(payload.get("message")))
        elif kind == "message_delta":
            self._envelope({"usage": payload.get("usage")} | mapping(payload.get("delta")))
        self.done = self.done or kind == "message_stop"
        return None

    def whole(self, payload: object) -> Iterator[Delta]:
        """Read an answer that came in one piece; it is finished, whatever it says of that."""
        content = mapping(payload).get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        if not isinstance(payload, dict) or not isinstance(content, list):
            raise lacks(payload, "the answer has no `content`")
        self._envelope(payload)
        for index, block in enumerate(content):
            for delta in (self._begin(index, mapping(block)), self._end(index)):
                if delta is not None:
                    yield delta
        self.done = True

    def last(self) -> Delta:
        """Return the last Delta, with usage and finish; raise UpstreamError when this was no whole answer."""
        if not self.done and not self.finish:
            raise broke_off()
        if not self._text and not self._calls:
            blame = f": {self._reason}" if self._reason and self.finish == "content" else ""
            judge_empty(self.finish, thinking=self._thought, why=blame)
        ends = [delta for delta in map(self._end, tuple(self._blocks)) if delta is not None]
        return Delta(
            tools=tuple(tool for delta in ends for tool in delta.tools),
            carry=tuple(kept for delta in ends for kept in delta.carry),
            finish=self.finish or ("tools" if self._calls else "stop"),
            usage=self.usage,
            served_model=self._model,
        )

    def _envelope(self, message: dict[str, Any]) -> None:
        """Read what stands around the blocks: the model, the tokens, and why the answer ended."""
        model, reason = message.get("model"), message.get("stop_reason")
        if isinstance(model, str) and not self._model:
            self._model = shown(model, 200)
        if isinstance(reason, str) and reason:
            self.finish = FINISHES.get(reason, "stop")
        details = mapping(message.get("stop_details"))
        told = text_of(details.get("explanation") or details.get("category"))
        self._reason = self._reason or shown(told, 200)
        # The counts of a stream are of all that came so far; some servers repeat those they know as 0.
        usage = mapping(message.get("usage")).items()
        self._usage |= {name: n for name, n in usage if n or (n is not None and name not in self._usage)}

    def _begin(self, index: int, fields: dict[str, Any]) -> Delta | None:
        """Read what a block begins with; one of a kind that is none of ours is passed over to its end."""
        kind = fields.get("type")
        if kind == "text":
            return self._say(text_of(fields.get("text")))
        if kind not in ("thinking", "redacted_thinking", "tool_use"):
            return None
        block = self._blocks[index] = _Block(kind, fields, self._text, len(self._calls))
        if kind == "tool_use":
            block.position = len(self._calls)
            self._calls.append(text_of(fields.get("id")) or f"call_{block.position}")
            name = text_of(fields.get("name"))
            return Delta(tools=(ToolDelta(block.position, self._calls[-1], name, ""),))
        self._thought = True
        return self._think(block, text_of(fields.get("thinking")))

    def _piece(self, index: int, delta: dict[str, Any]) -> Delta | None:
        kind = delta.get("type")
        if kind == "text_delta":
            return self._say(text_of(delta.get("text")))
        block = self._blocks.get(index)
        if kind == "thinking_delta":
            return self._think(block, text_of(delta.get("thinking")) or text_of(delta.get("text")))
        if block is None:
            return None
        if kind == "signature_delta":
            block.fields = block.fields | {"signature": delta.get("signature")}
        if kind != "input_json_delta" or block.position < 0:
            return None
        block.pieces.append(text_of(delta.get("partial_json")))
        return Delta(tools=(ToolDelta(block.position, self._calls[block.position], "", block.pieces[-1]),))

    def _say(self, text: str) -> Delta | None:
        self._text += len(text)
        return Delta(text=text) if text else None

    def _think(self, block: _Block | None, text: str) -> Delta | None:
        if block is not None:
            block.pieces.append(text)
        self._thought = self._thought or bool(text)
        return Delta(thinking=text) if text else None

    def _end(self, index: int) -> Delta | None:
        """Read the end of a block: arguments that never came in pieces, or what is to be sent back."""
        block = self._blocks.pop(index, None)
        if block is None:
            return None
        if block.kind == "tool_use":
            if "".join(block.pieces).strip():
                return None
            arguments = _arguments(block.fields.get("input"))
            return Delta(tools=(ToolDelta(block.position, self._calls[block.position], "", arguments),))
        kept = _kept(block)
        if kept is None:
            return None
        place = {"format": NAME, "model": self._model, "text": block.text, "calls": block.calls}
        return Delta(carry=(place | {"block": kept},))


def usage_in(payload: object) -> TokenUsage | None:
    """Return the token counts of an answer or of a stream's first event, None when it has none."""
    fields = mapping(payload)
    return counted(mapping(fields.get("usage")) or mapping(mapping(fields.get("message")).get("usage")))


def counted(usage: dict[str, Any]) -> TokenUsage | None:
    """Return the counts of a `usage` in our terms, None when it has none.

    Anthropic counts cached tokens beside the input, we count them inside it (DESIGN ruling 16).
    """
    if not usage:
        return None
    kept = mapping(usage.get("cache_creation"))
    hour, minutes = tokens(kept.get("ephemeral_1h_input_tokens")), kept.get("ephemeral_5m_input_tokens")
    fresh, read = tokens(usage.get("input_tokens")), tokens(usage.get("cache_read_input_tokens"))
    written = tokens(usage.get("cache_creation_input_tokens"))
    if written is None and kept:
        written = (hour or 0) + (tokens(minutes) or 0)
    return TokenUsage(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        output=tokens(usage.get("output_tokens")),
        cache_read=read,
        cache_write=written,
        cache_write_1h=hour,
        reasoning=tokens(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


def _kept(block: _Block) -> dict[str, Any] | None:
    """Return a block of thinking as the server wants it back; without its signature it has no use for it."""
    if block.kind == "redacted_thinking":
        data = block.fields.get("data")
        return {"type": block.kind, "data": data} if isinstance(data, str) and data else None
    signature = block.fields.get("signature")
    if not isinstance(signature, str) or not signature:
        return None
    return {"type": block.kind, "thinking": "".join(block.pieces), "signature": signature}


def _arguments(given: object) -> str:
    """Write arguments that came as a JSON value."""
    return given if isinstance(given, str) and given else json.dumps(given or {}, ensure_ascii=False)


def _index(payload: dict[str, Any]) -> int:
    index = payload.get("index")
    return index if isinstance(index, int) else -1
