"""Writes a chat as the body of chat completions; what is not set is not sent, for servers refuse what is new.

Thinking is an effort here. What no field can say is left to the server: a budget becomes the nearest effort,
and `off` is `none` where that is needed and understood: at vendors of SAYS_OFF, as recordings show, and on
servers of one's own (llama.cpp, LM Studio, vLLM). The old reasoning models of OpenAI, o1-mini and o1-preview,
refuse several fields; they are asked like any other, and their refusals remembered.
"""

from __future__ import annotations

from typing import Any

from llmpool.core.chat import ChatRequest, Message
from llmpool.core.wire import Target
from llmpool.formats.base import mapping
from llmpool.formats.effort import level
from llmpool.formats.openai_answer import THINKING_FIELDS

EFFORTS = ("minimal", "low", "medium", "high")
CHOICES = ("auto", "none", "required")
MAX_FIELDS = ("max_tokens", "max_completion_tokens")
# Where models think unless told `none`: a host, and what their names contain.
SAYS_OFF = (("groq.com", "qwen3"), ("cerebras.ai", "zai-glm"))


def body(target: Target, model: str, request: ChatRequest) -> dict[str, Any]:
    """Build the body; what *target* is known to refuse stays out of it."""
    without = target.without
    thoughts = "thinking" not in without
    sent: dict[str, Any] = {"model": model, "messages": [_message(m, thoughts) for m in request.messages]}
    if request.stream:
        sent["stream"] = True
        if "stream_options" not in without:
            sent["stream_options"] = {"include_usage": True}
    optional = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "stop": list(request.stop) or None,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request.tool_choice) if request.tools else None,
        "response_format": _response_format(request.schema),
        "reasoning_effort": effort(request.thinking) or off(target, model, request) if thoughts else None,
    }
    sent |= {name: value for name, value in optional.items() if value is not None and name not in without}
    if request.max_tokens is not None:
        sent[max_tokens_field(target)] = request.max_tokens
    return sent


def max_tokens_field(target: Target) -> str:
    """Name the field for the most tokens of an answer; where it was refused, the other of its two names."""
    field = target.max_tokens_field
    if "max_tokens" not in target.without:
        return field
    return next((name for name in MAX_FIELDS if name != field), field)


def effort(thinking: str | None) -> str | None:
    """Return the effort by name; a budget in tokens becomes the nearest name, for it has no field here."""
    if thinking is None or thinking in EFFORTS or not thinking.isdecimal():
        return thinking if thinking in EFFORTS else None
    budget = int(thinking)
    return level(budget) if budget else None


def off(target: Target, model: str, request: ChatRequest) -> str | None:
    """Return the word for not thinking, where that was asked for and the server knows one."""
    if request.thinking not in ("off", "0"):
        return None
    from urllib.parse import urlsplit

    from llmpool.core.hosts import is_near

    host = urlsplit(target.url).hostname or ""
    known = any(f".{host}".endswith(f".{domain}") and name in model.lower() for domain, name in SAYS_OFF)
    return "none" if known or is_near(host) else None


def is_closed(schema: object) -> bool:
    """Whether a schema says everything about its objects, as strictness demands: all fields, all required."""
    if isinstance(schema, list):
        return all(map(is_closed, schema))
    if not isinstance(schema, dict):
        return True
    fields = schema.get("properties", {})
    if schema.get("type") == "object" or "properties" in schema:
        required = schema.get("required", [])
        if schema.get("additionalProperties") is not False or not isinstance(fields, dict):
            return False
        if not isinstance(required, list) or [name for name in fields if name not in required]:
            return False
    return all(map(is_closed, schema.values()))


def image_parts(message: Message) -> list[dict[str, Any]]:
    """Write the text, if there is any, and the images behind it."""
    text = [{"type": "text", "text": message.text}] if message.text else []
    return text + [{"type": "image_url", "image_url": {"url": image.url}} for image in message.images]


def _message(message: Message, thoughts: bool) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        turn["content"] = image_parts(message)
    if message.tool_calls:
        kept = _carried(message)
        extra = mapping(kept.get("extra_content"))
        turn["content"] = turn["content"] or None
        turn["tool_calls"] = [_with_extra(_tool_call(call), extra) for call in message.tool_calls]
        turn |= {name: kept[name] for name in THINKING_FIELDS if thoughts and name in kept}
    if message.tool_call_id:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def _carried(message: Message) -> dict[str, Any]:
    """Return what this format wants back with a turn that called tools."""
    return next((carried for carried in message.carry if carried.get("format") == "openai"), {})


def _with_extra(call: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    identity = call.get("id")
    if isinstance(identity, str) and identity in extra:
        return call | {"extra_content": extra[identity]}
    return call


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """Return *tool* as the API wants it; a bare function is wrapped."""
    return tool if "function" in tool or "type" in tool else {"type": "function", "function": tool}


def _tool_choice(choice: str) -> str | dict[str, Any] | None:
    if not choice or choice in CHOICES:
        return choice or None
    return {"type": "function", "function": {"name": choice}}


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    if "function" in call:
        return {"type": "function"} | call
    function = {"name": call.get("name", ""), "arguments": call.get("arguments", "")}
    return {"type": "function", "id": call.get("id", ""), "function": function}


def _response_format(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask for JSON of this schema; strictly where the schema is closed."""
    if schema is None:
        return None
    strict = {"strict": True} if is_closed(schema) else {}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema} | strict}
