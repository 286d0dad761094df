"""Reads an answer of the responses endpoint, event by event or whole, and judges it at its end."""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import TokenUsage, UpstreamError
from llmpool.formats.answer import broke_off, failed, judge_empty, lacks, tokens, with_reasoning
from llmpool.formats.base import mapping, shown, text_of, wrong_format
from llmpool.formats.errors import failure_in

TEXT = "response.output_text.delta"
REFUSAL = "response.refusal.delta"
THINKING = (
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning.delta",
    "response.reasoning_summary.delta",
)
ENDED = ("response.completed", "response.incomplete", "response.done")
FAILED = ("response.failed", "response.error", "error")
CANCELLED = ("cancelled", "canceled")
KEPT_OF_REASONING = ("type", "id", "summary", "content", "encrypted_content")


class Reading:
    """An answer being read. Every event names its own type; what is not known here is passed over.

    Whatever reads it raises UpstreamError for what is no answer.
    """

    def __init__(self) -> None:
        self.done = False
        self._finish = ""
        self._model = ""
        self._usage: TokenUsage | None = None
        self._text = False
        self._thinking = False
        self._calls: list[str] = []  # their ids, by position
        self._position_of: dict[tuple[str, object], int] = {}  # however an event names a call
        self._has_arguments: set[int] = set()
        self._reasoning: dict[str, dict[str, Any]] = {}  # the model's thoughts, sealed, to be sent back

    @property
    def usage(self) -> TokenUsage | None:
        """What the answer cost, as far as it is told."""
        return self._usage

    def chunk(self, event: str, payload: object) -> Delta | None:
        """Read an event; None when it has nothing to show."""
        if not isinstance(payload, dict):
            raise wrong_format("an event of the stream is not a JSON object")
        kind = payload.get("type") or event
        if kind == TEXT:  # nearly all events of nearly all streams
            text = payload.get("delta")
            if text and isinstance(text, str):
                self._text = True
                return Delta(text=text)
            return None
        if kind == REFUSAL:
            return self._shown(text_of(payload.get("delta")), "")
        if kind in THINKING:
            return self._shown("", text_of(payload.get("delta")))
        if kind in FAILED or payload.get("error") or payload.get("object") == "error":
            self._usage = usage_in(payload) or self._usage
            raise UpstreamError(failure_in(_blamed(payload)))
        if kind in ENDED:
            return self._ended(mapping(payload.get("response")))
        return self._about_an_item(str(kind), payload)

    def whole(self, payload: object) -> Delta | None:
        """Read an answer that came in one piece."""
        if not isinstance(payload, dict) or not isinstance(payload.get("output"), list):
            raise lacks(payload, "the answer has no `output`")
        return self._ended(payload)

    def last(self) -> Delta:
        """Return the last Delta, with usage and finish; raise UpstreamError when this was no whole answer."""
        if not self.done:
            raise broke_off()
        if not self._text and not self._calls:
            hidden = self._usage is not None and bool(self._usage.reasoning)
            judge_empty(self._finish, thinking=self._thinking or hidden)
        return Delta(
            finish=self._finish or ("tools" if self._calls else "stop"),
            usage=self._usage,
            served_model=self._model,
            carry=self._carry(),
        )

    def _carry(self) -> tuple[dict[str, Any], ...]:
        """Return what belongs to a turn that calls tools: the thoughts that led to the calls."""
        items = self._reasoning.values() if self._calls else ()
        return tuple({"format": "responses", "item": item} for item in items)

    def _about_an_item(self, kind: str, payload: dict[str, Any]) -> Delta | None:
        """Read the events that build items; text and thoughts have come in their deltas by then."""
        index = payload.get("output_index")
        if kind == "response.output_item.added":
            item = mapping(payload.get("item"))
            return self._call(item, index, "") if item.get("type") == "function_call" else None
        if kind == "response.output_item.done":
            item = mapping(payload.get("item"))
            self._keep(item)
            is_call = item.get("type") == "function_call"
            return self._call(item, index, _arguments(item)) if is_call else None
        if kind == "response.function_call_arguments.delta":
            return self._arguments(payload, text_of(payload.get("delta")))
        if kind == "response.function_call_arguments.done":
            return self._arguments(payload, _arguments(payload), whole=True)
        if kind == "response.reasoning_summary_part.added" and self._thinking:
            return Delta(thinking="\n\n")
        return None

    def _call(self, item: dict[str, Any], index: object, arguments: str) -> Delta | None:
        """Begin a call, or complete one whose arguments did not come piece by piece."""
        identity = text_of(item.get("call_id")) or text_of(item.get("id"))
        keys = [("call", identity)] * bool(identity) + _keys(index, item.get("id"))
        position = next((self._position_of[key] for key in keys if key in self._position_of), None)
        begins = position is None
        if position is None:
            position = len(self._calls)
            self._calls.append(identity or f"call_{position}")
        self._position_of |= dict.fromkeys(keys, position)
        if position in self._has_arguments:
            arguments = ""
        if arguments:
            self._has_arguments.add(position)
        if not begins and not arguments:
            return None
        name = text_of(item.get("name")) if begins else ""
        return Delta(tools=(ToolDelta(position, self._calls[position], name, arguments),))

    def _arguments(self, payload: dict[str, Any], piece: str, *, whole: bool = False) -> Delta | None:
        """Add a piece to the call that an event means: by its place, else its item, else the latest.

        What is told as a *whole* has come before, unless no pieces did.
        """
        keys = _keys(payload.get("output_index"), payload.get("item_id"))
        latest = -1 if whole and keys else len(self._calls) - 1
        position = next((self._position_of[key] for key in keys if key in self._position_of), latest)
        if position < 0 or not piece or (whole and position in self._has_arguments):
            return None
        self._has_arguments.add(position)
        return Delta(tools=(ToolDelta(position, self._calls[position], "", piece),))

    def _ended(self, response: dict[str, Any]) -> Delta | None:
        """Read the whole response: how it ended, and what did not come before."""
        self._model = shown(response["model"], 200) if isinstance(response.get("model"), str) else ""
        self._usage = usage_in(response) or self._usage
        status = response.get("status")
        if status == "failed":
            raise UpstreamError(failure_in(_blamed({"response": response})))
        if status in CANCELLED:
            raise failed("broken", "the provider cancelled the answer")
        if status == "incomplete":
            reason = mapping(response.get("incomplete_details")).get("reason")
            self._finish = "content" if reason == "content_filter" else "length"
        self.done = True
        output = response.get("output")
        return self._items([mapping(item) for item in output] if isinstance(output, list) else [])

    def _items(self, items: list[dict[str, Any]]) -> Delta | None:
        """Show of the finished items what no event has shown."""
        text, thinking = "", ""
        tools: list[ToolDelta] = []
        had_text, had_thinking = self._text, self._thinking
        for place, item in enumerate(items):
            self._keep(item)
            kind = item.get("type")
            if kind == "message" and not had_text:
                text += _said(item.get("content"))
            elif kind == "reasoning" and not had_thinking:
                thought = text_of(item.get("summary")) or text_of(item.get("content"))
                thinking += "\n\n" * bool(thinking and thought) + thought
            elif kind == "function_call":
                delta = self._call(item, place, _arguments(item))
                tools += delta.tools if delta else ()
        if not text and not thinking and not tools:
            return None
        delta = self._shown(text, thinking)
        return delta.replace(tools=tuple(tools)) if delta else Delta(tools=tuple(tools))

    def _shown(self, text: str, thinking: str) -> Delta | None:
        self._text, self._thinking = self._text or bool(text), self._thinking or bool(thinking)
        return Delta(text=text, thinking=thinking) if text or thinking else None

    def _keep(self, item: dict[str, Any]) -> None:
        """Keep a thought that can be sent back: sealed, or in plain words; a mere reference is of no use."""
        if item.get("type") == "reasoning" and (item.get("encrypted_content") or item.get("content")):
            kept = {name: item[name] for name in KEPT_OF_REASONING if item.get(name) is not None}
            self._reasoning[text_of(item.get("id")) or str(len(self._reasoning))] = {"summary": []} | kept


def usage_in(payload: object) -> TokenUsage | None:
    """Return the token counts of an answer or of the event that ends it, None when there are none."""
    fields = mapping(payload)
    usage = fields.get("usage") or mapping(fields.get("response")).get("usage")
    if not isinstance(usage, dict) or not usage:
        return None
    inputs = mapping(usage.get("input_tokens_details"))
    outputs = mapping(usage.get("output_tokens_details"))
    sent, reasoning = tokens(usage.get("input_tokens")), tokens(outputs.get("reasoning_tokens"))
    said, total = tokens(usage.get("output_tokens")), tokens(usage.get("total_tokens"))
    cached = tokens(inputs.get("cached_tokens"))
    said, reasoning = with_reasoning(said, reasoning, sent, total, cached)
    return TokenUsage(
        input=sent,
        output=said,
        cache_read=cached,
        cache_write=tokens(inputs.get("cache_write_tokens")),
        reasoning=reasoning,
    )


def _keys(index: object, item: object) -> list[tuple[str, object]]:
    """List the names of a call, the surest first: some servers change the ids of items as they go."""
    places: list[tuple[str, object]] = [("place", index)] if isinstance(index, int) else []
    return places + ([("item", item)] if isinstance(item, str) and item else [])


def _arguments(item: dict[str, Any]) -> str:
    arguments = item.get("arguments")
    return json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else text_of(arguments)


def _said(content: object) -> str:
    """Join the parts of a message; a refusal is what the model says, too."""
    if not isinstance(content, list):
        return text_of(content)
    parts = (mapping(part) for part in content)
    return "".join(text_of(part.get("text")) or text_of(part.get("refusal")) for part in parts)


def _blamed(payload: dict[str, Any]) -> dict[str, Any]:
    """Find the error object: in the event, in its response, or the event itself."""
    error = payload.get("error") or mapping(payload.get("response")).get("error")
    if error:
        return {"error": error}
    return {name: value for name, value in payload.items() if name not in ("type", "response")}
