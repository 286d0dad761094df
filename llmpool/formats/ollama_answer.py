"""Reads an answer of Ollama's `/api/chat`, line by line or whole, and its errors, mostly plain text."""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer
from llmpool.formats import errors
from llmpool.formats.answer import broke_off, failed, judge_empty, lacks
from llmpool.formats.base import count, mapping, parse_json, shown, text_of, wrong_format
from llmpool.formats.openai_think import Thoughts

NAME = "ollama"
FINISHES = {"length": "length", "tool_calls": "tools", "content_filter": "content"}
SILENT = {"load": "loaded", "unload": "unloaded"}


class Reading:
    """An answer being read. Its last line is finish and end mark in one, so without it nothing is whole.

    Whatever reads it raises UpstreamError for what is no answer.
    """

    def __init__(self) -> None:
        self.done = False
        self._reason = ""
        self._model = ""
        self._usage: TokenUsage | None = None
        self._text = False
        self._thought: list[str] = []
        self._thoughts = Thoughts()  # models whose template knows no thinking write it into the text
        self._calls = 0

    @property
    def usage(self) -> TokenUsage | None:
        """What the answer cost, as far as it is told."""
        return self._usage

    def line(self, payload: object) -> Delta | None:
        """Read one line; None when it has nothing to show."""
        if not isinstance(payload, dict):
            raise wrong_format("a piece of the stream is not a JSON object")
        if payload.get("error"):
            raise UpstreamError(failure_in(payload))
        if isinstance(payload.get("message"), str):  # a gateway's error: of Ollama's own it is an object
            raise lacks(payload, "there is no answer", "server")
        return self._read(payload)

    def whole(self, payload: object) -> Delta | None:
        """Read an answer that came in one piece; it is finished, whatever it says of that."""
        if not isinstance(payload, dict) or not isinstance(payload.get("message"), dict):
            raise lacks(payload, "the answer has no `message`")
        delta = self._read(payload)
        self.done = True
        return delta

    def last(self) -> Delta:
        """Return the last Delta, with usage and finish; raise UpstreamError when this was no whole answer."""
        if not self.done:
            raise broke_off()
        if self._reason == "error":
            raise failed("server", "the server broke the answer off with an error")
        finish = FINISHES.get(self._reason, "tools" if self._calls else "stop")
        thinking, text = self._thoughts.rest(cut=finish != "stop")
        self._thought += [thinking] if thinking else []
        if not self._text and not text and not self._calls:
            if self._reason in SILENT:
                raise failed("empty", f"the answer is empty: a model was only {SILENT[self._reason]}")
            judge_empty(finish, thinking=bool(self._thought))
        return Delta(
            text=text,
            thinking=thinking,
            finish=finish,
            usage=self._usage,
            served_model=self._model,
            carry=self._carry(),
        )

    def _carry(self) -> tuple[dict[str, Any], ...]:
        """Keep the thoughts ahead of a tool call: the model goes on from them when the result is there."""
        if not self._calls or not self._thought:
            return ()
        return ({"format": NAME, "thinking": "".join(self._thought)},)

    def _read(self, payload: dict[str, Any]) -> Delta | None:
        if not self._model:
            model = payload.get("model")
            self._model = shown(model, 200) if isinstance(model, str) else ""
        if payload.get("done") is True:
            self.done = True
            reason = payload.get("done_reason")
            self._reason = reason if isinstance(reason, str) else ""
            self._usage = usage_in(payload)
        return self._delta(mapping(payload.get("message")))

    def _delta(self, message: dict[str, Any]) -> Delta | None:
        thinking, text = self._told_apart(text_of(message.get("thinking")), text_of(message.get("content")))
        calls = message.get("tool_calls")
        tools = tuple(self._tool(c) for c in calls if isinstance(c, dict)) if isinstance(calls, list) else ()
        if not text and not thinking and not tools:
            return None
        self._text = self._text or bool(text)
        if thinking:
            self._thought.append(thinking)
        return Delta(text=text, thinking=thinking, tools=tools)

    def _told_apart(self, thinking: str, text: str) -> tuple[str, str]:
        """Look for thinking at the beginning of the text, unless it has its own place here."""
        if self._thoughts.decided or not (thinking or text):
            return thinking, text
        if not thinking:
            return self._thoughts.split(text)
        before, held = self._thoughts.rest(cut=True)
        return before + thinking, held + text

    def _tool(self, call: dict[str, Any]) -> ToolDelta:
        """Read a tool call, which always comes whole; its arguments are an object here, text elsewhere."""
        function, position = mapping(call.get("function")), self._calls
        self._calls += 1
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps(mapping(arguments), ensure_ascii=False)
        identity = text_of(call.get("id")) or f"call_{position}"
        return ToolDelta(position, identity, text_of(function.get("name")), arguments)


def usage_in(payload: object) -> TokenUsage | None:
    """Return the token counts of an answer, None when it has none.

    No prompt has 0 tokens: a 0 is written by those that do not count, and left out by those that do.
    """
    fields = mapping(payload)
    sent, said = count(fields.get("prompt_eval_count")), count(fields.get("eval_count"))
    if not sent and not said:
        return None
    cached = fields.get("prompt_eval_cached_count")
    known = isinstance(cached, int) and not isinstance(cached, bool) and 0 <= cached <= sent
    return TokenUsage(input=sent or None, output=said or None, cache_read=cached if known else None)


def read_error(answer: Answer) -> Failure:
    """Say what an answer that is not 2xx means: unpack what is packed in it, and show where to sign in."""
    payload = _object(answer.body.decode("utf-8", "replace"))
    inner = payload.get("error")
    if isinstance(inner, str) and _object(inner):  # the model's own server said it, quoted whole
        answer = answer.replace(body=inner.encode("utf-8", "replace"))
    failure = errors.over_the_window(errors.read_error(answer))
    place = payload.get("signin_url")
    if failure.kind == "auth" and isinstance(place, str) and place.startswith("https://"):
        failure = failure.replace(message=f"{failure.message} (sign in: {shown(place, 300)})")
    return failure


def failure_in(payload: dict[str, Any]) -> Failure:
    """Say what an error inside an answer with status 200 means."""
    inner = payload.get("error")
    packed = _object(inner) if isinstance(inner, str) else {}
    return errors.over_the_window(errors.failure_in(packed or payload))


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object that *text* is, or nothing."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        return mapping(parse_json(text))
    except UpstreamError:
        return {}
