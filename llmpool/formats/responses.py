"""The format `responses`: OpenAI's `/responses`, stateless. All of a conversation is sent, nothing is stored.

The system messages a conversation begins with are its instructions; later ones stay where they are. Thoughts
of turns that called tools go back as they came, sealed. `stop` is not in the API, but some servers take it:
it is sent, and the refusal of the others remembered. The endpoint of Codex (chatgpt.com) refuses
`max_output_tokens` and answers streams only.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import errors, urls
from llmpool.formats.answer import ending, good, in_one_piece, paid
from llmpool.formats.base import Listing, mapping, parse_json, post, with_key
from llmpool.formats.openai_body import CHOICES, effort, is_closed, off
from llmpool.formats.responses_answer import Reading, usage_in

ENDPOINT = "/responses"
STREAMS_ONLY = "/backend-api/codex/responses"  # that one refuses to answer in one piece
LEAST_TOKENS = 16  # the API refuses a lower limit
REASONS = re.compile(r"(^|/)(o\d|gpt-5|codex)(?!.*chat)")
SEALED = "reasoning.encrypted_content"


class Responses:
    """The protocol of OpenAI's responses endpoint."""

    name = "responses"
    takes_image_urls = True
    droppable = frozenset(
        {"temperature", "top_p", "thinking", "summary", "max_tokens", "stop", "tool_choice", "stream"}
    )

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List `/models` beside the endpoint, as `openai` does."""
        from llmpool.formats.openai_listing import list_models

        return (yield from list_models(target))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/responses`; an address that ends in it is used as it is."""
        url = urls.openai_endpoint(target.url, ENDPOINT, exact=target.exact)
        if url.endswith(STREAMS_ONLY) or "stream" in target.without:
            request = request.replace(stream=url.endswith(STREAMS_ONLY))
        framing = "sse" if request.stream else "json"
        return post(target, url, with_key(target), _body(target, model, request), framing)

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each event carries, at once; raise UpstreamError when the answer is not a whole one."""
        reading = Reading()
        try:
            for event, data in frames:
                if event == "json":
                    yield from self.read_reply(in_one_piece(data))
                    return
                if data == "[DONE]":
                    break
                if not data:
                    continue
                delta = reading.chunk(event, parse_json(data, "an event of the stream"))
                if delta is not None:
                    yield delta
                if reading.done:
                    break
        except UpstreamError:
            yield from paid(reading)
            raise
        yield from ending(reading)

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream."""
        reading = Reading()
        try:
            delta = reading.whole(good(answer))
        except UpstreamError:
            yield from paid(reading)
            raise
        if delta is not None:
            yield delta
        yield from ending(reading)

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""
        return errors.read_error(answer)

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer; cached tokens are part of the input here already."""
        return usage_in(payload) or TokenUsage()


def _body(target: Target, model: str, request: ChatRequest) -> dict[str, Any]:
    without = target.without
    thoughts = "thinking" not in without
    level = effort(request.thinking) if thoughts else None
    told = {} if "summary" in without else {"summary": "auto"}
    reasoning = {"effort": level} | told if level else None
    none = off(target, model, request) if thoughts else None
    instructions, rest = _instructions(request.messages)
    limit = None if request.max_tokens is None else max(request.max_tokens, LEAST_TOKENS)
    optional = {
        "instructions": instructions or None,
        "stream": request.stream or None,
        "max_output_tokens": None if "max_tokens" in without else limit,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request.tool_choice) if request.tools else None,
        "text": _format(request.schema),
        "reasoning": {"effort": none} if none else reasoning,
        "include": [SEALED] if thoughts and _comes_sealed(model, level, request) else None,
    }
    items = [item for message in rest for item in _items(message, thoughts)]
    body = {"model": model, "input": items, "store": False}
    return body | {
        name: value for name, value in optional.items() if value is not None and name not in without
    }


def _comes_sealed(model: str, level: str | None, request: ChatRequest) -> bool:
    """Whether to ask for thoughts that can be sent back; models that have none refuse the question."""
    return level is not None or bool(request.tools and REASONS.search(model.lower()))


def _instructions(messages: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """Take the system messages off the beginning, unless there is nothing else; a picture is no text."""
    start = next((n for n, message in enumerate(messages) if message.role != "system" or message.images), 0)
    return "\n\n".join(message.text for message in messages[:start] if message.text), messages[start:]


def _items(message: Message, thoughts: bool) -> Iterator[dict[str, Any]]:
    """Write one turn: an assistant's is its thoughts, its text and its calls, in this order."""
    if message.role == "tool":
        output = _parts(message) if message.images else message.text
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": output}
        return
    if thoughts:
        yield from (
            c["item"] for c in message.carry if c.get("format") == "responses" and mapping(c.get("item"))
        )
    if message.text or message.images or not message.tool_calls:
        content = _parts(message) if message.images else message.text
        yield {"type": "message", "role": message.role, "content": content}
    for call in message.tool_calls:
        yield _call(call)


def _parts(message: Message) -> list[dict[str, Any]]:
    text = [{"type": "input_text", "text": message.text}] if message.text else []
    return text + [{"type": "input_image", "image_url": image.url} for image in message.images]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = mapping(call.get("function")) or call
    return {
        "type": "function_call",
        "call_id": call.get("id", ""),
        "name": function.get("name", ""),
        "arguments": function.get("arguments") or "{}",
    }


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a tool without its wrapping. Not to be strict has to be said; other kinds go as they are."""
    function = tool.get("function")
    if not isinstance(function, dict):
        if "type" in tool and tool["type"] != "function":
            return tool
        function = tool
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    strict = {"type": "function", "parameters": parameters, "strict": is_closed(parameters)}
    return strict | {name: value for name, value in function.items() if name not in ("type", "parameters")}


def _tool_choice(choice: str) -> str | dict[str, Any] | None:
    if not choice or choice in CHOICES:
        return choice or None
    return {"type": "function", "name": choice}


def _format(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask for JSON of this schema; strictly where the schema is closed."""
    if schema is None:
        return None
    return {
        "format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": is_closed(schema)}
    }
