"""How large a request is taken to be (catalog-registry-router 5.4)."""

from __future__ import annotations

from llmpool.chat.sizes import needed
from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.text import tokens
from llmpool.usage.cost import IMAGE

HELLO = Message(role="user", text="hello")


def test_all_that_is_sent_counts() -> None:
    """5.4: text at four bytes a token, an image 1536, calls and schemas as JSON, ids of results as text."""
    assert needed(ChatRequest(messages=(HELLO,))) == 2
    system = Message(role="system", text="x" * 400)
    assert needed(ChatRequest(messages=(system, HELLO, HELLO))) == 104
    picture = HELLO.replace(images=(Image(url="https://x.test/a.png"), Image(url="data:image/png;base64,AA")))
    assert needed(ChatRequest(messages=(picture,))) == 2 + 2 * IMAGE == 3074
    tool = {"name": "f", "parameters": {"type": "object"}}
    assert needed(ChatRequest(messages=(HELLO,), tools=(tool,))) == 2 + tokens(
        '{"name": "f", "parameters": {"type": "object"}}'
    )
    assert needed(ChatRequest(messages=(HELLO,), schema={"type": "object"})) == 2 + tokens(
        '{"type": "object"}'
    )
    called = Message(role="assistant", tool_calls=({"id": "c1", "name": "f", "arguments": "{}"},))
    result = Message(role="tool", text="done", tool_call_id="call_123")
    whole = tokens('{"id": "c1", "name": "f", "arguments": "{}"}') + tokens("done") + tokens("call_123")
    assert needed(ChatRequest(messages=(called, result))) == whole


def test_letters_beyond_ascii_count_as_they_are_sent() -> None:
    """A schema in another script is no longer for being written in escapes."""
    tool = {"description": "длинное описание"}
    size = len('{"description": "длинное описание"}'.encode())
    assert needed(ChatRequest(messages=(HELLO,), tools=(tool,))) == 2 + -(-size // 4)


def test_the_answer_comes_on_top() -> None:
    """Its limit is no part of what is sent."""
    assert needed(ChatRequest(messages=(HELLO,), max_tokens=9000)) == 2
