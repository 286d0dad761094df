"""Conversations: messages, a chat request, and the deltas an answer arrives in."""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.core.outcome import Failure, TokenUsage
from llmpool.core.record import Record


class Image(Record):
    """An image of a message: a `https:` or `data:` URL."""

    url: str


class Message(Record):
    """One turn: *role* is system, user, assistant or tool.

    A tool call is `{"id", "name", "arguments"}`, arguments as JSON text, or as OpenAI nests it. *carry* holds
    what a format wants back with this turn as it came (signed thinking, say), each with the format's name in
    `format`; other formats pass it over.
    """

    role: str
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[dict[str, Any], ...] = ()
    tool_call_id: str = ""
    carry: tuple[dict[str, Any], ...] = ()


class ChatRequest(Record):
    """What is asked of a model, whatever format carries it.

    *tools* are OpenAI function tools, wrapped or bare; *tool_choice* is auto, none, required or a name.
    *thinking* is off, low, medium, high or a number of tokens; None leaves it to the format, which is off
    where it can be. *cache* asks for prompt-cache marks where a format has them.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stream: bool = True
    tools: tuple[dict[str, Any], ...] = ()
    schema: dict[str, Any] | None = None
    thinking: str | None = None
    tool_choice: str = ""
    stop: tuple[str, ...] = ()
    cache: bool = False


class ToolDelta(NamedTuple):
    """A piece of a tool call; *arguments* are appended in order."""

    position: int
    id: str
    name: str
    arguments: str


class Delta(NamedTuple):
    """A piece of an answer; the last carries *finish* and *usage*, *served_model* is the server's word.

    *finish* is stop, length, tools or content; *carry* is what `Message.carry` of the next turn should hold.
    There are thousands of them in an answer, and a tuple is made fastest.
    """

    text: str = ""
    thinking: str = ""
    tools: tuple[ToolDelta, ...] = ()
    finish: str = ""
    usage: TokenUsage | None = None
    served_model: str = ""
    failure: Failure | None = None
    carry: tuple[dict[str, Any], ...] = ()

    def replace(self, **changes: Any) -> Delta:
        """Return the same piece with *changes*."""
        return self._replace(**changes)
