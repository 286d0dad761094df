"""Writes a chat request as the body of `generateContent`."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.names import normalised
from llmpool.core.outcome import UpstreamError
from llmpool.formats.base import mapping, parse_json
from llmpool.formats.google_carry import UNSIGNED, signed_calls, spoken
from llmpool.formats.google_thinking import thinking_config, thinks_in_levels

OUR_ID = re.compile(r"call_\d+")  # given by us to a call that had none: the server must not see it
MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_WITHOUT_SYSTEM = re.compile(r"^gemma-[123](?!\d)")  # they refuse a system instruction


def body_of(model: str, request: ChatRequest, carrier: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the body that puts *request* to *model*; *carrier* is the format whose signatures go along.

    What *without* names is left out; a name of ours in it that has no field here means nothing.
    """
    contents = _contents(model, request.messages, carrier)
    system = "\n\n".join(m.text for m in request.messages if m.role == "system" and m.text)
    if system and _WITHOUT_SYSTEM.match(normalised(model)):
        _put_first(contents, {"text": system})
        system = ""
    optional = {
        "systemInstruction": {"parts": [{"text": system}]} if system else None,
        "tools": _tools(request.tools),
        "toolConfig": _tool_config(request) if "tool_choice" not in without else None,
        "generationConfig": _config(model, request, without),
    }
    return {"contents": contents} | {name: value for name, value in optional.items() if value}


def _put_first(contents: list[dict[str, Any]], part: dict[str, Any]) -> None:
    if contents and contents[0]["role"] == "user":
        contents[0]["parts"].insert(0, part)
    else:
        contents.insert(0, {"role": "user", "parts": [part]})


def _config(model: str, request: ChatRequest, without: tuple[str, ...]) -> dict[str, Any]:
    schema = request.schema
    fields: dict[str, dict[str, Any]] = {
        "": {"maxOutputTokens": request.max_tokens},
        "temperature": {"temperature": request.temperature},
        "top_p": {"topP": request.top_p},
        "frequency_penalty": {"frequencyPenalty": request.frequency_penalty},
        "presence_penalty": {"presencePenalty": request.presence_penalty},
        "stop": {"stopSequences": list(request.stop) or None},
        "schema": {
            "responseMimeType": None if schema is None else "application/json",
            "responseJsonSchema": schema,
        },
        "thinking": {"thinkingConfig": thinking_config(model, request.thinking)},
    }
    wanted = [pair for name, some in fields.items() if name not in without for pair in some.items()]
    return {name: value for name, value in wanted if value is not None}


def _tools(tools: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [_declaration(tool) for tool in tools]}] if tools else []


def _declaration(tool: dict[str, Any]) -> dict[str, Any]:
    function = mapping(tool.get("function")) or tool
    fields = {
        "name": function.get("name", ""),
        "description": function.get("description") or None,
        "parametersJsonSchema": function.get("parameters") or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tool_config(request: ChatRequest) -> dict[str, Any] | None:
    choice = request.tool_choice
    if not choice or not request.tools:
        return None
    named = {} if choice in MODES else {"allowedFunctionNames": [choice]}
    return {"functionCallingConfig": {"mode": MODES.get(choice, "ANY")} | named}


def _contents(model: str, messages: tuple[Message, ...], carrier: str) -> list[dict[str, Any]]:
    """Return the turns; results that follow one another are one turn, as their calls were."""
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}  # of the tools that were called, by the ids of the calls
    before = ""
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "assistant":
            parts = _answered(model, message, carrier, names)
        else:
            parts = _result(message, names) if message.role == "tool" else _texts(message)
        parts += [_image(image) for image in message.images]
        if parts and before == message.role == "tool":
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
            before = message.role
    return contents


def _texts(message: Message) -> list[dict[str, Any]]:
    return [{"text": message.text}] if message.text else []


def _answered(model: str, message: Message, carrier: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return a turn of the model's; the names of its calls are noted in *names*."""
    parts, signed = spoken(message, carrier), signed_calls(message, carrier)
    for number, given in enumerate(message.tool_calls):
        function = mapping(given.get("function")) or given
        name, identity = str(function.get("name", "")), str(given.get("id") or "")
        names[identity] = name
        part = signed.get(number, {})
        if mapping(part.get("functionCall")).get("name") != name:
            call = {"name": name, "args": _arguments(function.get("arguments"))}
            part = {"functionCall": call | _identity(identity)}
            if number == 0 and thinks_in_levels(model):
                part["thoughtSignature"] = UNSIGNED
        parts.append(part)
    return parts


def _identity(identity: str) -> dict[str, str]:
    return {} if not identity or OUR_ID.fullmatch(identity) else {"id": identity}


def _arguments(value: object) -> dict[str, Any]:
    """Return arguments as the object the API wants; what is none is not lost."""
    if isinstance(value, dict):
        return value
    found = _object(value) if isinstance(value, str) else None
    return found if found is not None else {"arguments": value} if value else {}


def _result(message: Message, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return the result of a tool call under the tool's name; a call nobody made goes by its id."""
    identity = message.tool_call_id
    found = _object(message.text)
    response = {"result": message.text} if found is None else found
    fields = {"name": names.get(identity) or identity or "tool", "response": response}
    return [{"functionResponse": fields | _identity(identity)}]


def _object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that *text* is, or None."""
    try:
        value = parse_json(text) if text.lstrip()[:1] == "{" else None
    except UpstreamError:
        return None
    return value if isinstance(value, dict) else None


def _image(image: Image) -> dict[str, Any]:
    """Return an image as data; an address, which only some models fetch, goes as it is."""
    if not image.url.startswith("data:"):
        return {"fileData": {"fileUri": image.url}}
    kind, _, data = image.url.removeprefix("data:").partition(",")
    if not kind.endswith(";base64"):
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    mime = kind.split(";", 1)[0] or "image/png"
    return {"inlineData": {"mimeType": mime, "data": data}}
