"""The format `anthropic`: `/v1/messages`, as Anthropic defined it and many others serve it.

A schema goes into `output_config.format`, which needs no beta header; models older than Opus 4.1 and Sonnet
4.5 refuse it. Prompt caching needs none either. What is left out, and when: temperature and top_p with
thinking, from version 2026-10-21 of the API on, and for models that know neither; a forced tool choice with a
budget for thinking (with `adaptive` it was recorded to work). Stop sequences go along with anything.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.deployment import ASKED_OUTPUT
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import anthropic_errors, anthropic_listing, anthropic_think, anthropic_turns
from llmpool.formats.answer import CUT_OFF, behind, ending, good, in_one_piece, paid
from llmpool.formats.anthropic_answer import Reading, usage_in
from llmpool.formats.anthropic_think import Thinking
from llmpool.formats.base import Listing, join_url, parse_json, post, with_key
from llmpool.formats.urls import ENDPOINTS, without

VERSION = "2023-06-01"
WITHOUT_SAMPLING = "2026-10-21"  # the version that refuses temperature and top_p, even at their defaults


class Anthropic:
    """Anthropic's messages protocol."""

    name = anthropic_turns.NAME
    takes_image_urls = True
    droppable = frozenset({"thinking", "temperature", "top_p", "cache", "tool_choice", "stop"})

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List `/v1/models`, page by page; beside `/anthropic` where a vendor has it there."""
        return anthropic_listing.list_models(target, _base(target), headers_of(target))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/v1/messages`; raise UpstreamError for what the protocol cannot say."""
        url = join_url(_base(target), "/v1/messages")
        framing = "sse" if request.stream else "json"
        return post(target, url, headers_of(target), _body(target, model, request), framing)

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each event carries, at once; raise UpstreamError when the answer is not a whole one.

        Behind the finish only `message_stop` is due, for three seconds of silence at most.
        """
        reading = Reading()
        try:
            for frame in frames:
                event, data = frame
                if event == "json":
                    yield from self.read_reply(in_one_piece(data))
                    return
                delta = _read(reading, event, data)
                if delta is not None:
                    yield delta
                if reading.done:
                    break
                behind(reading.finish, frames, frame, anew=delta is not None)
        except UpstreamError as error:
            if not reading.finish or error.failure.kind not in CUT_OFF:
                yield from paid(reading)
                raise  # cut off behind its finish an answer is still whole
        yield from ending(reading)

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream."""
        reading = Reading()
        yield from reading.whole(good(answer, self.read_error, anthropic_errors.failure_in))
        yield from ending(reading)

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""
        return anthropic_errors.read_error(answer)

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer."""
        return usage_in(payload) or TokenUsage()


def _read(reading: Reading, event: str, data: str) -> Delta | None:
    """Read one event; an error is told whatever it is written in, and some gateways end as OpenAI does."""
    if not data or data == "[DONE]":
        return None
    try:
        payload = parse_json(data, "an event of the stream")
    except UpstreamError:
        if event == "error":
            raise UpstreamError(anthropic_errors.failure_in(data)) from None
        raise
    return reading.event(event, payload)


def _base(target: Target) -> str:
    """Return what `/v1/messages` is appended to, whatever an owner wrote; `/anthropic` at its end stays."""
    return without(target.url, *ENDPOINTS)


def headers_of(target: Target, how: str = "x-api-key") -> tuple[tuple[str, str], ...]:
    """Return the headers of a call: the key in the way *how* says, and the version of the API."""
    headers = with_key(target, how)
    if any(name.lower() == "anthropic-version" for name, _ in headers):
        return headers
    return (*headers, ("anthropic-version", target.api_version or VERSION))


def _body(target: Target, model: str, request: ChatRequest) -> dict[str, Any]:
    wish = None if "thinking" in target.without else request.thinking
    longest = request.max_tokens or min(ASKED_OUTPUT, target.max_output or ASKED_OUTPUT)
    thinking = anthropic_think.thinking(model, wish, longest)
    system = anthropic_turns.system_text(request.messages)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": thinking.max_tokens,
        "system": [{"type": "text", "text": system}] if system else None,
        "messages": _messages(target, model, request),
        "tools": anthropic_turns.tools(request) or None,
        "stream": request.stream or None,
        "thinking": thinking.config,
        "output_config": _output(request.schema, thinking.effort) or None,
        **_settings(target, model, request, thinking),
    }
    body = {name: value for name, value in body.items() if value is not None}
    if request.cache and "cache" not in target.without:
        anthropic_turns.mark_cached(body)
    return body


def _messages(target: Target, model: str, request: ChatRequest) -> list[dict[str, Any]]:
    """Return the turns; a server that refused thinking may have meant what was sent back of it."""
    messages = request.messages
    if "thinking" in target.without:
        messages = tuple(message.replace(carry=()) if message.carry else message for message in messages)
    return anthropic_turns.turns(messages, model)


def _output(schema: dict[str, Any] | None, effort: str) -> dict[str, Any]:
    output: dict[str, Any] = {"effort": effort} if effort else {}
    if schema is not None:
        output["format"] = {"type": "json_schema", "schema": anthropic_turns.closed(schema)}
    return output


def _settings(target: Target, model: str, request: ChatRequest, thinking: Thinking) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "stop": list(request.stop) or None,
        "tool_choice": anthropic_turns.tool_choice(request, forced=not thinking.has_budget),
    }
    old_api = (target.api_version or VERSION) < WITHOUT_SAMPLING
    if old_api and not thinking.is_on and not anthropic_think.is_adaptive_only(model):
        settings |= {"temperature": request.temperature, "top_p": request.top_p}
    allowed = {name: value for name, value in settings.items() if name not in target.without}
    return {"stop_sequences" if name == "stop" else name: value for name, value in allowed.items()}
