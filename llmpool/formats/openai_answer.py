"""Reads an answer of chat completions piece by piece, streamed or whole, and judges it at its end."""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import FailureKind, TokenUsage, UpstreamError
from llmpool.core.wire import Frame
from llmpool.formats.answer import broke_off, failed, is_error, judge_empty, lacks, tokens, with_reasoning
from llmpool.formats.base import mapping, parse_json, shown, text_of, wrong_format
from llmpool.formats.errors import failure_in, said_by
from llmpool.formats.openai_think import Thoughts

FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tools",
    "tool_use": "tools",
    "function_call": "tools",
    "content_filter": "content",
    "sensitive": "content",  # GLM's
}
FAILED_FINISHES: dict[str, tuple[FailureKind, str]] = {
    "error": ("server", "the provider broke the answer off with an error"),
    "network_error": ("server", "the provider broke the answer off with an error"),  # GLM's
    "abort": ("server", "the server gave the answer up"),  # vLLM's, SGLang's
    "insufficient_system_resource": ("overloaded", "the provider ran out of capacity"),
}
MOULDS = 16  # so many are made in vain, then no more
THINKING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")  # DeepSeek, most others, Copilot
CACHED_FIELDS = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")  # DeepSeek, Kimi, Mistral

_value_at = json.JSONDecoder().raw_decode


class Mould:
    """What two pieces of a stream have in common when they differ in nothing but their text.

    Nearly all pieces of an answer do, and reading the text alone is several times as fast as reading the rest
    of them again. A piece that is not of the mould ends it: nothing is known of those that come behind it.
    """

    def __init__(self) -> None:
        self._ahead = self._behind = ""  # of the text, its closing quote included
        self._tries = MOULDS

    def text(self, data: str) -> str:
        """Return the text of a piece of the mould; nothing when it is another or has no text."""
        if not self._ahead:
            return ""
        if not (data.startswith(self._ahead) and data.endswith(self._behind)):
            self._ahead = ""
            return ""
        if "\\u" in data and ("\\ud" in data or "\\uD" in data):  # perhaps half of a pair
            return ""
        try:
            text, end = _value_at(data, len(self._ahead) - 1)
        except ValueError:
            return ""
        self._tries = MOULDS
        return str(text) if end == len(data) - len(self._behind) else ""

    def take(self, data: str, text: str) -> None:
        """Make the mould of a piece whose text is *text*, and try whether it yields what is put into it."""
        start = data.find('"', data.rfind('"content"') + 9) + 1
        if not self._tries or not start:
            return
        self._tries -= 1  # some servers write something new into each of their pieces
        probe = "?" if text != "?" else "!"
        try:
            found, end = _value_at(data, start - 1)
            (choice, *_) = json.loads(data[:start] + probe + data[end - 1 :])["choices"]
            is_text = found == text and choice["delta"]["content"] == probe
        except (ValueError, LookupError, TypeError):
            return
        if is_text:
            self._ahead, self._behind = data[:start], data[end:]


class Reading:
    """An answer being read: what has come so far decides whether its end is one.

    Whatever reads it raises UpstreamError for what is no answer.
    """

    def __init__(self) -> None:
        self.done = False
        self.finish = ""
        self._model = ""
        self._usage: TokenUsage | None = None
        self._text = False
        self._thinking = False
        self._odd: dict[str, Any] | None = None  # a piece that says something, but not as an answer does
        self._plain = False  # no thinking is looked for in the text any more
        self._thoughts = Thoughts()
        self._thought: dict[str, list[str]] = {}  # the server's field -> its pieces, to be sent back
        self._extra: dict[str, Any] = {}  # a call's id -> what the server wants to see with it again
        self._calls: list[str] = []  # their ids, by position
        self._whole: set[int] = set()  # positions of those whose arguments came in one piece
        self._position_of: dict[int, int] = {}  # the server's index -> our position
        self._mould = Mould()

    @property
    def usage(self) -> TokenUsage | None:
        """What the answer cost, as far as it is told."""
        return self._usage

    def text(self, frame: Frame) -> str:
        """Return the text of a frame that is like the last one, but for that; nothing of any other."""
        event, data = frame
        return "" if event else self._mould.text(data)

    def frame(self, frame: Frame) -> Delta | None:
        """Read a frame of a stream; None when it has nothing to show."""
        event, data = frame
        if not data:
            return None
        payload = parse_json(data, "a piece of the stream")
        delta = self.chunk(event, payload)
        is_plain = self._plain and not event and not self.finish
        if delta is not None and is_plain and _is_text_alone(payload, delta):
            self._mould.take(data, delta.text)
        return delta

    def chunk(self, event: str, payload: object) -> Delta | None:
        """Read a piece of a stream; None when it has nothing to show."""
        if not isinstance(payload, dict):
            raise wrong_format("a piece of the stream is not a JSON object")
        if event == "error" or is_error(payload):
            raise UpstreamError(failure_in(payload))
        return self._read(payload, "delta")

    def whole(self, payload: object) -> Delta | None:
        """Read an answer that came in one piece; it is finished, whatever it says of that."""
        if not isinstance(payload, dict) or not isinstance(payload.get("choices"), list):
            raise lacks(payload, "the answer has no `choices`")
        delta = self._read(payload | {"choices": _as_one(payload["choices"])}, "message")
        self.done = True
        return delta

    def last(self) -> Delta:
        """Return the last Delta, with usage and finish; raise UpstreamError when this was no whole answer."""
        if self._odd is not None and not self.finish and not (self._text or self._calls):
            raise lacks(self._odd, "there is no answer", "server")
        if not self.done and not self.finish:
            raise broke_off()
        thinking, text = self._thoughts.rest(cut=self.finish == "length" or bool(self._calls))
        self._text, self._thinking = self._text or bool(text), self._thinking or bool(thinking)
        if not self._text and not self._calls:
            hidden = self._usage is not None and bool(self._usage.reasoning)
            judge_empty(self.finish, thinking=self._thinking or hidden)
        return Delta(
            text=text,
            thinking=thinking,
            finish="tools" if self._calls and self.finish in ("", "stop") else self.finish or "stop",
            usage=self._usage,
            served_model=self._model,
            carry=self._carry(),
        )

    def _carry(self) -> tuple[dict[str, Any], ...]:
        """Return what belongs to a turn that calls tools: some servers refuse its results without it."""
        if not self._calls or not (self._thought or self._extra):
            return ()
        thought = {field: "".join(pieces) for field, pieces in self._thought.items()}
        return ({"format": "openai"} | thought | ({"extra_content": self._extra} if self._extra else {}),)

    def _read(self, payload: dict[str, Any], key: str) -> Delta | None:
        if not self._model:
            model = payload.get("model")
            self._model = shown(model, 200) if isinstance(model, str) else ""
        if payload.get("usage") or "x_groq" in payload:
            self._usage = usage_in(payload) or self._usage
        choices = payload.get("choices")
        if not choices:
            self._odd = self._odd or (payload if said_by(payload).message else None)
            return None
        if not isinstance(choices, list) or not isinstance(choices[0], dict):
            raise wrong_format("`choices` is not a list of objects")
        choice = choices[0]
        if choice.get("error"):  # OpenRouter's, of a provider that gave up behind it
            raise UpstreamError(failure_in({"error": choice["error"]}))
        piece = choice.get(key)
        delta = self._delta(piece) if isinstance(piece, dict) else None
        if choice.get("finish_reason"):
            self._finished(choice["finish_reason"])
            self._usage = self._usage or usage_in(choice)  # Kimi says it here
        return delta

    def _delta(self, piece: dict[str, Any]) -> Delta | None:
        content = piece.get("content")
        # nearly all pieces of nearly all streams
        if content and self._plain and len(piece) == 1 and isinstance(content, str):
            self._text = True
            return Delta(text=content)
        thinking, text = self._thinking_in(piece), text_of(content)
        if not self._plain and (text or thinking):
            thinking, text = self._told_apart(thinking, text)
        text = text or text_of(piece.get("refusal"))
        calls = piece.get("tool_calls")
        tools = self._tools(calls) if isinstance(calls, list) and calls else ()
        if not text and not thinking and not tools:
            return None
        self._text = self._text or bool(text)
        self._thinking = self._thinking or bool(thinking)
        return Delta(text=text, thinking=thinking, tools=tools)

    def _told_apart(self, thinking: str, text: str) -> tuple[str, str]:
        """Look for thinking in the text, unless it has a place of its own here."""
        if thinking:
            before, held = self._thoughts.rest(cut=True)
            thinking, text = before + thinking, held + text
        else:
            thinking, text = self._thoughts.split(text)
        self._plain = self._thoughts.decided
        return thinking, text

    def _thinking_in(self, piece: dict[str, Any]) -> str:
        """Return the thinking that has a place of its own: a field, or parts of the content (Mistral)."""
        for field in THINKING_FIELDS:
            thinking = text_of(piece.get(field))
            if thinking:
                self._thought.setdefault(field, []).append(thinking)
                return thinking
        content = piece.get("content")
        parts = content if isinstance(content, list) else ()
        return "".join(text_of(mapping(part).get("thinking")) for part in parts)

    def _tools(self, calls: list[Any]) -> tuple[ToolDelta, ...]:
        return tuple(self._tool(call) for call in calls if isinstance(call, dict))

    def _tool(self, call: dict[str, Any]) -> ToolDelta:
        function = mapping(call.get("function"))
        name, arguments = text_of(function.get("name")), function.get("arguments")
        if isinstance(arguments, dict):  # some servers forget to write it as text
            arguments = json.dumps(arguments, ensure_ascii=False)
        piece = text_of(arguments)
        before = len(self._calls)
        position = self._position(call.get("index"), text_of(call.get("id")), name, piece)
        if position == before and _is_object(piece):
            self._whole.add(position)
        if call.get("extra_content"):  # Google's signatures
            self._extra[self._calls[position]] = call["extra_content"]
        return ToolDelta(position, self._calls[position], name, piece)

    def _position(self, index: object, identity: str, name: str, piece: str) -> int:
        """Say which call a piece belongs to. Some servers number none of them, some call every one 0."""
        key = index if isinstance(index, int) else -1
        position = self._position_of.get(key)
        if position is None or (name and self._is_another(position, key, identity, piece)):
            position = len(self._calls)
            self._calls.append(identity or f"call_{position}")
        self._position_of[key] = position
        return position

    def _is_another(self, position: int, key: int, identity: str, piece: str) -> bool:
        """Say whether what has a name begins a call though one has this key already; not all have ids."""
        if identity:
            return self._calls[position] != identity
        return key == -1 or (bool(piece) and position in self._whole)

    def _finished(self, reason: object) -> None:
        word = reason.lower() if isinstance(reason, str) else ""
        if word in FAILED_FINISHES:
            raise failed(*FAILED_FINISHES[word])
        self.finish = FINISHES.get(word, "stop")


def _as_one(choices: list[Any]) -> list[Any]:
    """Join several choices: nobody asks for more than one, so they are its parts, as Copilot's of Claude."""
    if len(choices) < 2 or not isinstance(choices[0], dict):
        return choices
    messages = [mapping(mapping(choice).get("message")) for choice in choices]
    said = next((message for message in messages if text_of(message.get("content"))), messages[0])
    lists = [message.get("tool_calls") for message in messages]
    calls = [call for some in lists if isinstance(some, list) for call in some]
    return [choices[0] | {"message": said | {"tool_calls": calls}}]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_text_alone(payload: dict[str, Any], delta: Delta) -> bool:
    """Say whether a piece that was read says nothing but the text of *delta*."""
    if not delta.text or delta.thinking or delta.tools or payload.get("usage") or "x_groq" in payload:
        return False
    choice = payload["choices"][0]
    return not choice.get("finish_reason") and choice["delta"].get("content") == delta.text


def usage_in(payload: object) -> TokenUsage | None:
    """Return the token counts of an answer, None when it has none; only whole numbers count.

    No prompt has 0 tokens: zeros alone are written by those that do not count, and behind true figures too.
    """
    fields = mapping(payload)
    usage = fields.get("usage") or mapping(fields.get("x_groq")).get("usage")
    if not isinstance(usage, dict) or not usage:
        return None
    inputs = mapping(usage.get("prompt_tokens_details"))
    outputs = mapping(usage.get("completion_tokens_details"))
    caches = [tokens(inputs.get("cached_tokens")), *(tokens(usage.get(name)) for name in CACHED_FIELDS)]
    cached = next((n for n in caches if n is not None), None)
    sent, reasoning = tokens(usage.get("prompt_tokens")), tokens(outputs.get("reasoning_tokens"))
    said, total = tokens(usage.get("completion_tokens")), tokens(usage.get("total_tokens"))
    if 0 == sent == (said or 0) == (total or 0):
        return None
    written = tokens(inputs.get("cache_write_tokens"))
    stored = cached or written or tokens(usage.get("cache_creation_input_tokens"))  # gateways to Claude
    said, reasoning = with_reasoning(said, reasoning, sent, total, stored)
    return TokenUsage(
        input=sent,
        output=said,
        cache_read=cached,
        cache_write=written,
        reasoning=reasoning,
    )
