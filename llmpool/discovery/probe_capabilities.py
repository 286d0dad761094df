"""Try a tool call, a JSON schema and an image, to know what a model can do rather than what its name says.

Yes: it did so. No: the server refused because of it, or a whole answer came without it. Anything else, an
answer cut short by its limit included, tells nothing.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.deployment import Capabilities
from llmpool.core.outcome import Failure
from llmpool.discovery.short_call import Said

CALLS = 3  # of one model, beside the first
SIDE = 64  # pixels; some servers find smaller pictures too small

Ask = Callable[[ChatRequest], Said]

TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two whole numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"capital": {"type": "string"}},
    "required": ["capital"],
    "additionalProperties": False,
}
_NAMED = {
    "tools": re.compile(r"\btools?\b|tool[_ -]?(use|call|choice)|\bfunctions?\b", re.IGNORECASE),
    "json": re.compile(r"json|schema|response_format|structured|output_format|grammar", re.IGNORECASE),
    "images": re.compile(r"image|vision|multi-?modal|picture|mmproj|content type", re.IGNORECASE),
}
_REFUSES = re.compile(
    r"not (yet )?(supported|support|available|allowed|enabled|permitted|accept|a multi)|n.t support"
    r"|unsupported|requires|cannot|can.t|unknown|unrecogni[sz]ed|unexpected|invalid|only (text|supported)"
    r"|must be a string|no endpoints found|disabled|extra (inputs|fields)",
    re.IGNORECASE,
)
_REFUSALS = (400, 404, 415, 422, 500, 501)  # llama.cpp says so with 500
_RED = re.compile(r"\b(red|rot|rouge|rojo|rosso|crimson|scarlet|maroon)\b|红|赤", re.IGNORECASE)


def capabilities(ask: Ask) -> Capabilities:
    """Try everything with *ask*, which puts a request to the model."""
    return Capabilities(chat=True, tools=tools(ask), json=structured(ask), images=images(ask))


def tools(ask: Ask) -> bool | None:
    """Try a call of a tool: one that has to be, and one that may be where the server takes no such order."""
    request = _request("Use the tool to add 2 and 3.", 200).replace(tools=(TOOL,), tool_choice="required")
    said = ask(request)
    ordered = said.left_out != "tool_choice"
    if said.failure is not None and _names_choice(said.failure):
        said, ordered = ask(request.replace(tool_choice="auto")), False
    if said.tools:
        return True
    return _without(said, "tools", counts=ordered)


def structured(ask: Ask) -> bool | None:
    """Try an answer in JSON with a field of our choice."""
    said = ask(_request("Name the capital of France, as JSON.", 60).replace(schema=SCHEMA))
    try:
        value = json.loads(said.text) if said.text else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "capital" in value:
        return True
    return _without(said, "json", counts=True)


def images(ask: Ask) -> bool | None:
    """Try a red picture: who names its colour sees; who answers something else may only have dropped it."""
    picture = Image(url=f"data:image/png;base64,{b64encode(png()).decode('ascii')}")
    question = Message(role="user", text="Which colour is this? One word.", images=(picture,))
    said = ask(_request("", 20).replace(messages=(question,)))
    if said.failure is not None:
        return _refused_for(said.failure, "images")
    return True if _RED.search(said.text) else None


def png(side: int = SIDE, colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    """Draw a square of one colour."""
    line = b"\0" + bytes(colour) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pieces = ((b"IHDR", header), (b"IDAT", zlib.compress(line * side, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in pieces
    )


def _request(text: str, most: int) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", text=text),), max_tokens=most, stream=False)


def _without(said: Said, feature: str, *, counts: bool) -> bool | None:
    """Judge an answer that did not do it; whether a whole one without it *counts* depends on the order."""
    if said.failure is not None:
        return _refused_for(said.failure, feature)
    return False if counts and said.finish == "stop" and said.text else None


def _refused_for(failure: Failure, feature: str) -> bool | None:
    """Say no where the server names the feature in its refusal, else nothing."""
    if failure.status not in _REFUSALS or failure.kind in ("auth", "quota", "rate_limit", "context_length"):
        return None
    named = _NAMED[feature]
    if failure.param and named.search(failure.param):
        return False
    return False if named.search(failure.message) and _REFUSES.search(failure.message) else None


def _names_choice(failure: Failure) -> bool:
    return failure.status in _REFUSALS and bool(
        re.search(r"tool.?choice|required", failure.param + " " + failure.message, re.IGNORECASE)
    )
