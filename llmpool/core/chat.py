"""Conversations: messages, a chat request, and the deltas an answer arrives in."""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.core.outcome import Failure, TokenUsage
from llmpool.core.record import Record


class Image(Record):
    """An image of a message: a `https:` or `data:` URL."""

    url: str


class Message(Record):
    """One turn: *role* is system, user, assistant or tool."""

    role: str
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[dict[str, Any], ...] = ()
    tool_call_id: str = ""


class ChatRequest(Record):
    """What is asked of a model, whatever format carries it."""

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool = True
    tools: tuple[dict[str, Any], ...] = ()
    schema: dict[str, Any] | None = None
    thinking: str | None = None


class ToolDelta(NamedTuple):
    """A piece of a tool call; *arguments* are appended in order."""

    position: int
    id: str
    name: str
    arguments: str


class Delta(Record):
    """A piece of an answer; the last carries *finish* and *usage*, *served_model* is the server's word."""

    text: str = ""
    thinking: str = ""
    tools: tuple[ToolDelta, ...] = ()
    finish: str = ""
    usage: TokenUsage | None = None
    served_model: str = ""
    failure: Failure | None = None
