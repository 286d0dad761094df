"""Turns a conversation into the messages, tools and schema of Anthropic (failover-cooldown 6.3, 6.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.formats.base import count, mapping, parse_json, shown, text_of

NAME = "anthropic"  # of the format, as `Message.carry` has it
CACHE = {"cache_control": {"type": "ephemeral"}}
_NO_ID = re.compile(r"[^a-zA-Z0-9_-]")
_SNAPSHOT = re.compile(r"(-latest|-0|[-@]\d{8})$")

Block = dict[str, Any]


def system_text(messages: Iterable[Message]) -> str:
    """Join what the system messages say, wherever they stand; the protocol has one place for it."""
    texts = (m.text for m in messages if m.role in ("system", "developer"))
    return "\n\n".join(text for text in texts if text.strip())


def turns(messages: Iterable[Message], model: str) -> list[Block]:
    """Return the user and assistant turns; the results of tools are a user's turn, all in a row in one.

    Blank text is refused by the API wherever it stands, so it is left out, and a turn with nothing else too.
    """
    made: list[Block] = []
    results: list[Block] = []
    for message in messages:
        if message.role == "tool":
            results.append(_result(message))
        elif message.role not in ("system", "developer"):
            made += _turn("user", results)
            results = []
            if message.role == "assistant":
                made += _turn("assistant", _assistant(message, model))
            else:
                made += _turn("user", _text(message.text) + [_image(image) for image in message.images])
    return made + _turn("user", results)


def mark_cached(body: dict[str, Any]) -> None:
    """Set the marks of prompt caching: on the system's end and on the end of the last user turn."""
    said = [turn["content"] for turn in body["messages"] if turn["role"] == "user"]
    for blocks in [body.get("system"), *said[-1:]]:
        if blocks:
            blocks[-1] |= CACHE


def tools(request: ChatRequest) -> list[Block]:
    """Return the tools in the API's shape; what is no function is none of ours (6.4)."""
    functions = (mapping(tool.get("function")) or _bare(tool) for tool in request.tools)
    return [_tool(function) for function in functions if text_of(function.get("name"))]


def tool_choice(request: ChatRequest, *, forced: bool) -> Block | None:
    """Return the choice in the API's words; none where it may not be *forced* and would."""
    word = request.tool_choice
    if not word or not request.tools:
        return None
    if word in ("auto", "none"):
        return {"type": word}
    if not forced:
        return None
    return {"type": "any"} if word == "required" else {"type": "tool", "name": word}


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return *schema* with every object of known properties closed, which the API insists on.

    What fits the closed schema fits the open one. Parts of an `allOf` stay as they are: closed, no two of
    them could be met at once.
    """
    made = {key: _within(key, value) for key, value in schema.items()}
    kinds = made.get("type")
    is_object = kinds == "object" or (isinstance(kinds, list) and "object" in kinds)
    return {"additionalProperties": False} | made if is_object and "properties" in made else made


def _within(key: str, value: Any) -> Any:
    if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
        return {name: closed(part) if isinstance(part, dict) else part for name, part in value.items()}
    if key in ("anyOf", "oneOf", "prefixItems") and isinstance(value, list):
        return [closed(part) if isinstance(part, dict) else part for part in value]
    return closed(value) if key == "items" and isinstance(value, dict) else value


def _turn(role: str, blocks: list[Block]) -> list[Block]:
    return [{"role": role, "content": blocks}] if blocks else []


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _assistant(message: Message, model: str) -> list[Block]:
    """Put a turn together as it was: what was thought stands where it stood among text and calls."""
    calls = [_tool_use(call) for call in message.tool_calls]
    blocks: list[Block] = []
    at = done = 0
    for kept in _own(message, model) if message.text.strip() or calls else ():
        end, called = max(at, count(kept.get("text"))), max(done, count(kept.get("calls")))
        blocks += _text(message.text[at:end]) + calls[done:called] + [kept["block"]]
        at, done = end, called
    return blocks + _text(message.text[at:]) + calls[done:]


def _own(message: Message, model: str) -> list[dict[str, Any]]:
    """Return what this model itself thought in a turn; another's is refused for its signature."""
    return [
        kept
        for kept in message.carry
        if kept.get("format") == NAME
        and mapping(kept.get("block")).get("type") in ("thinking", "redacted_thinking")
        and _line(text_of(kept.get("model"))) == _line(model)
    ]


def _line(model: str) -> str:
    """Return a model's name without the vendor before it and the snapshot behind it."""
    return _SNAPSHOT.sub("", model.lower().rpartition("/")[2])


def _result(message: Message) -> Block:
    """Return what a tool answered, for a turn of the user."""
    result: Block = {"type": "tool_result", "tool_use_id": _identity(message.tool_call_id)}
    if message.images:
        return result | {"content": _text(message.text) + [_image(image) for image in message.images]}
    return result | ({"content": message.text} if message.text.strip() else {})


def _tool_use(call: dict[str, Any]) -> Block:
    function = mapping(call.get("function")) or call
    name = text_of(function.get("name"))
    arguments = _arguments(name, function.get("arguments"))
    return {"type": "tool_use", "id": _identity(text_of(call.get("id"))), "name": name, "input": arguments}


def _identity(identity: str) -> str:
    """Return an id as the API takes it; other vendors' have dots and colons in them."""
    return _NO_ID.sub("_", identity) or "call"


def _arguments(name: str, given: object) -> dict[str, Any]:
    """Read a call's arguments, which other protocols write as text; raise when they are no JSON object."""
    blank = given is None or (isinstance(given, str) and not given.strip())
    try:
        told_so = json.loads(given) if isinstance(given, str) and not blank else given
        json.dumps(told_so, allow_nan=False)  # a NaN is refused, where `parse_json` would make null of it
        value = {} if blank else parse_json(given) if isinstance(given, str) else given
    except (UpstreamError, ValueError, RecursionError, TypeError):
        value = None
    if isinstance(value, dict):
        return value
    told = shown(given, 80) if isinstance(given, str) else type(given).__name__
    words = f"the arguments of the tool call `{shown(name, 80)}` are not a JSON object: {told}"
    raise UpstreamError(Failure(kind="bad_request", message=words))


def _bare(tool: dict[str, Any]) -> dict[str, Any]:
    return tool if tool.get("type", "function") in ("function", "custom") else {}


def _tool(function: dict[str, Any]) -> Block:
    schema = mapping(function.get("parameters") or function.get("input_schema"))
    described = {"description": function["description"]} if function.get("description") else {}
    whole = {"type": "object"} | schema if schema else {"type": "object", "properties": {}}
    return {"name": function["name"], **described, "input_schema": whole}


def _image(image: Image) -> Block:
    """Return an image in the API's shape; raise for a `data:` URL without data."""
    if not image.url.lower().startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    head, comma, data = image.url[5:].partition(",")
    if not comma or not data:
        words = f"the image {shown(image.url, 40)} is a data: URL without data"
        raise UpstreamError(Failure(kind="bad_request", message=words))
    kind = head.partition(";")[0].strip().lower()
    if not head.lower().endswith(";base64"):
        from base64 import b64encode
        from urllib.parse import unquote_to_bytes

        data = b64encode(unquote_to_bytes(data)).decode()
    kind = "image/jpeg" if kind == "image/jpg" else kind or "image/png"
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
