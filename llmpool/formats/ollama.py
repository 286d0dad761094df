"""The format `ollama`: the native API of Ollama, on one's own machine or at ollama.com.

What differs from the protocols of the cloud:
- A prompt over the context is not refused but cut, its beginning first, unless a request says `truncate:
  false`. All of ours do: text of a request is never dropped in silence. Old servers (before 0.12.6) pass
  the word over; whoever counts tokens can tell when that did harm. Its neighbour `shift` is left alone: a
  request that changes it makes the server load the model anew.
- `num_ctx` is sent only where `Target.context_window` is set. It is how much the model is loaded with, so a
  figure other than that of the model in memory means waiting for it to be loaded again, and so does none
  where the server's default is another.
- `keep_alive`, how many seconds a model stays in memory after its last use, is 5 minutes unless it is said.
- Models that can think do so unless told not to, and `think: false` is accepted by all others, so it is sent
  whenever thinking was not asked for (DESIGN ruling 25). gpt-oss takes levels only, and always thinks.
- `tool_choice` has no field: `none` leaves the tools out, a name leaves out the others, the rest is the
  model's choice.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import ollama_answer, ollama_listing
from llmpool.formats.answer import ending, good, in_one_piece
from llmpool.formats.base import (
    Listing,
    join_url,
    mapping,
    parse_json,
    post,
    shown,
    text_of,
    with_key,
)
from llmpool.formats.effort import BUDGETS, level
from llmpool.formats.ollama_answer import Reading, usage_in
from llmpool.formats.urls import without

# Longest first: the first that matches is taken off.
SUFFIXES = (
    "/v1/chat/completions",
    "/api/generate",
    "/v1/models",
    "/api/chat",
    "/api/show",
    "/api/tags",
    "/api/ps",
    "/api",
    "/v1",
)


class Ollama:
    """Ollama's own protocol: `/api/chat` in JSON lines, `/api/tags` and what explains it."""

    name = ollama_answer.NAME
    takes_image_urls = False
    droppable = frozenset(
        {"thinking", "temperature", "top_p", "frequency_penalty", "presence_penalty", "stop"}
    )

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List what the server has, with what is loaded and what each model can do."""
        return ollama_listing.list_models(target, root_of(target.url))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/api/chat`; raise UpstreamError for an image that is not sent as data."""
        url = join_url(root_of(target.url), "/api/chat")
        framing = "ndjson" if request.stream else "json"
        return post(target, url, with_key(target), _body(target, model, request), framing)

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each line carries, at once; raise UpstreamError when the answer is not a whole one."""
        reading = Reading()
        for event, data in frames:
            if event == "json":
                yield from self.read_reply(in_one_piece(data))
                return
            delta = reading.line(parse_json(data, "a piece of the stream")) if data else None
            if delta is not None:
                yield delta
            if reading.done:
                break
        yield from ending(reading)

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream."""
        reading = Reading()
        delta = reading.whole(good(answer, self.read_error, ollama_answer.failure_in))
        if delta is not None:
            yield delta
        yield from ending(reading)

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""
        return ollama_answer.read_error(answer)

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer; cached tokens are part of the input here already."""
        return usage_in(payload) or TokenUsage()


def root_of(url: str) -> str:
    """Return the server's root, whichever of its addresses an owner wrote."""
    return without(url, *SUFFIXES)


def _body(target: Target, model: str, request: ChatRequest) -> dict[str, Any]:
    optional = {
        "tools": _tools(request) or None,
        "format": request.schema,
        "options": _options(target, request) or None,
        "think": None if "thinking" in target.without else _think(model, request.thinking),
        "keep_alive": target.idle_ttl or None,
    }
    body = {
        "model": model,
        "messages": _messages(request.messages),
        "stream": request.stream,
        "truncate": False,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def _options(target: Target, request: ChatRequest) -> dict[str, Any]:
    options = {
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "stop": list(request.stop) or None,
        "num_ctx": target.context_window or None,
    }
    return {name: v for name, v in options.items() if v is not None and name not in target.without}


def _think(model: str, thinking: str | None) -> bool | str:
    """Say how much to think; only gpt-oss knows levels, and older servers refuse them for all others."""
    budget = int(thinking) if thinking and thinking.isdecimal() else 0
    if thinking not in BUDGETS and not budget:
        return False
    if "gpt-oss" not in model.lower():
        return True
    if thinking in BUDGETS:
        return thinking
    return level(budget)


def _tools(request: ChatRequest) -> list[dict[str, Any]]:
    tools = [tool if "function" in tool else {"type": "function", "function": tool} for tool in request.tools]
    if request.tool_choice == "none":
        return []
    chosen = [tool for tool in tools if mapping(tool["function"]).get("name") == request.tool_choice]
    return chosen or tools


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Write the turns; a tool's result names its tool, which only the call before it knows."""
    written: list[dict[str, Any]] = []
    tool_of: dict[str, str] = {}
    for message in messages:
        calls = [_tool_call(call) for call in message.tool_calls]
        tool_of |= {call["id"]: call["function"]["name"] for call in calls if "id" in call}
        written.append(_message(message, calls, tool_of.get(message.tool_call_id, "")))
    return written


def _message(message: Message, calls: list[dict[str, Any]], tool: str) -> dict[str, Any]:
    thinking = "".join(text_of(c.get("thinking")) for c in message.carry if c.get("format") == Ollama.name)
    optional = {
        "thinking": thinking,
        "images": [_image(image.url) for image in message.images],
        "tool_calls": calls,
        "tool_name": tool,
        "tool_call_id": message.tool_call_id,
    }
    turn: dict[str, Any] = {"role": message.role, "content": message.text}
    return turn | {name: value for name, value in optional.items() if value}


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    function = mapping(call.get("function")) or call
    identity, name = text_of(call.get("id")), text_of(function.get("name"))
    written = {"function": {"name": name, "arguments": _arguments(function.get("arguments"))}}
    return {"id": identity} | written if identity else written


def _arguments(given: object) -> dict[str, Any]:
    """Return arguments as the object the API wants; what is none is kept whole as the only one."""
    value = given
    if isinstance(given, str):
        try:
            value = parse_json(given) if given.strip() else {}
        except UpstreamError:
            value = given
    if isinstance(value, dict):
        return value
    return {} if value is None else {"arguments": value}


def _image(url: str) -> str:
    """Return the bare base64 of a `data:` URL; an address cannot be sent here, and is never left out."""
    head, comma, payload = url.partition(",")
    if not head.lower().startswith("data:") or not comma:
        message = f"Ollama takes images as data only, not by their address: {shown(url, 120)}"
        raise UpstreamError(Failure(kind="bad_request", message=message))
    from urllib.parse import unquote_to_bytes

    if head.lower().endswith(";base64"):
        return "".join(unquote_to_bytes(payload).decode("utf-8", "replace").split())
    return b64encode(unquote_to_bytes(payload)).decode("ascii")
