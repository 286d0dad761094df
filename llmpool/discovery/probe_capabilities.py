"""Try a tool call, a JSON schema and an image, to know what a model can do rather than what its name says.

Yes: it did so. No, which takes the model out of every request that needs it: the server refused in words that
name it, or a whole answer came without it though it was ordered in words that bind the server (`_binds`).
Anything else, an answer cut short by its limit included, tells nothing.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from secrets import choice
from typing import Any, NamedTuple

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.deployment import Capabilities
from llmpool.core.outcome import Failure
from llmpool.core.provider import Provider
from llmpool.discovery.short_call import Said
from llmpool.registry.catalog import is_private

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
# Formats in which an order binds whoever takes it, and the vendor at whom alone it does: others imitate
# `responses` and `anthropic` and pass over what they do not have. Left out are `ollama`, which has no word
# for a call that has to be and whose cloud passes schemas over, and `lmstudio`, spoken by nobody's cloud.
_BINDING = {
    **dict.fromkeys(("openai", "copilot", "google", "cloudcode"), ""),
    "responses": "openai",
    "anthropic": "anthropic",
}


class Colour(NamedTuple):
    """A colour that a picture may have, and the words for it."""

    rgb: tuple[int, int, int]
    words: str


COLOURS = (
    Colour((200, 30, 30), r"\b(red|rot|rouge|rojo|rosso|crimson|scarlet|maroon)\b|红|紅|赤"),
    Colour((30, 150, 50), r"\b(green|grün|vert|verde)\b|绿|綠|緑"),
    Colour((30, 60, 200), r"\b(blue|blau|bleu|azul|blu|navy)\b|蓝|藍|青"),
    Colour((245, 220, 20), r"\b(yellow|gelb|jaune|amarillo|giallo)\b|黄|黃"),
    Colour((250, 130, 0), r"\b(orange|naranja|arancione)\b|橙|橘|オレンジ"),
    Colour((130, 40, 160), r"\b(purple|violet|lila|violett|morado|púrpura|viola)\b|紫"),
)
"""Enough of them that a guess is seldom right, and none that is easily taken for another."""

Pick = Callable[[Sequence[Colour]], Colour]


def capabilities(ask: Ask, provider: Provider, pick: Pick = choice) -> Capabilities:
    """Try everything with *ask*, which puts a request to a model of *provider*."""
    return Capabilities(
        chat=True, tools=tools(ask, provider), json=structured(ask, provider), images=images(ask, pick)
    )


def tools(ask: Ask, provider: Provider) -> bool | None:
    """Try a call of a tool: one that has to be, and one that may be where the server takes no such order."""
    request = _request("Use the tool to add 2 and 3.", 200).replace(tools=(TOOL,), tool_choice="required")
    said = ask(request)
    if said.failure is not None and _names_choice(said.failure):
        said = ask(request.replace(tool_choice=""))
    if said.tools:
        return True
    return _without(said, "tools", ordered=_binds(said, "tool_choice", provider))


def structured(ask: Ask, provider: Provider) -> bool | None:
    """Try an answer in JSON with a field of our choice."""
    said = ask(_request("Name the capital of France, as JSON.", 60).replace(schema=SCHEMA))
    try:
        value = json.loads(said.text) if said.text else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "capital" in value:
        return True
    return _without(said, "json", ordered=_binds(said, "schema", provider))


def images(ask: Ask, pick: Pick = choice) -> bool | None:
    """Try a picture of the colour that *pick* picks: who names it, and no other colour, sees.

    Who answers something else tells nothing: the server may have dropped the picture.
    """
    colour = pick(COLOURS)
    picture = Image(url=f"data:image/png;base64,{b64encode(png(colour=colour.rgb)).decode('ascii')}")
    question = Message(role="user", text="Which colour is this? One word.", images=(picture,))
    said = ask(_request("", 20).replace(messages=(question,)))
    if said.failure is not None:
        return _refused_for(said.failure, "images")
    named = [each for each in COLOURS if re.search(each.words, said.text, re.IGNORECASE)]
    return True if named == [colour] else None


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


def _binds(said: Said, order: str, provider: Provider) -> bool:
    """Say whether an answer that goes against *order* shows that the model cannot do it.

    The call must have said it, in a format that binds its servers, and to no server of one's own: llama.cpp
    takes `required` and waits for the model to begin a call, and passes over schemas in two of its formats.
    """
    vendor = _BINDING.get(said.format)
    if order not in said.carried or vendor is None or (vendor and provider.preset != vendor):
        return False
    return provider.location != "local" and not is_private(provider.url)


def _without(said: Said, feature: str, *, ordered: bool) -> bool | None:
    """Judge an answer that did not do it; a whole one without it is a no where it was *ordered*."""
    if said.failure is not None:
        return _refused_for(said.failure, feature)
    return False if ordered and said.finish == "stop" and said.text else None


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
