"""In every format there is: what a conversation holds is in the call, all of it, once, and in its order."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.wire import Target
from llmpool.formats import FORMATS, wire_format

PICTURE = "aGFsbG8="
TARGET = Target(provider="p", url="https://h.example", key="k")
CALLS = (
    {"id": "c1", "name": "look", "arguments": '{"at": "<arguments 1>"}'},
    {"id": "c2", "name": "look", "arguments": '{"at": "<arguments 2>"}'},
)
TALK = (
    Message(role="system", text="<system 1>"),
    Message(role="user", text="<user 1>", images=(Image(url=f"data:image/png;base64,{PICTURE}"),)),
    Message(role="assistant", text="<answer 1>", tool_calls=CALLS),
    Message(role="tool", text="<result 1>", tool_call_id="c1"),
    Message(role="tool", text="<result 2>", tool_call_id="c2"),
    Message(role="user", text="<user 2>"),
    Message(role="user", text="<user 3>"),
    Message(role="assistant", text="<answer 2>"),
    Message(role="system", text="<system 2>"),
    Message(role="user", text="<user 4>"),
)
IN_ORDER = [
    *("<user 1>", "<answer 1>", "<arguments 1>", "<arguments 2>", "<result 1>", "<result 2>"),
    *("<user 2>", "<user 3>", "<answer 2>", "<user 4>"),
]
every_format = pytest.mark.parametrize("name", FORMATS)


def written(name: str, *messages: Message, stream: bool = True) -> str:
    """Return the body of the call that asks in the format *name*."""
    request = ChatRequest(messages=messages, stream=stream)
    call = wire_format(name).chat_call(TARGET, "m", request)
    return json.dumps(json.loads(call.body or b""), ensure_ascii=False)


@every_format
@pytest.mark.parametrize("stream", [True, False])
def test_a_conversation_goes_out_whole(name: str, stream: bool) -> None:
    """Each text once, the picture once, both calls with their arguments; system texts may come first."""
    body = written(name, *TALK, stream=stream)
    marks = re.findall(r"<[a-z]+ \d>", body)
    assert [mark for mark in marks if "system" not in mark] == IN_ORDER
    assert sorted(mark for mark in marks if "system" in mark) == ["<system 1>", "<system 2>"]
    assert body.count(PICTURE) == 1
    assert body.count('"look"') >= 2


@every_format
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=1, max_size=5))
def test_whatever_is_said_is_sent(name: str, texts: list[str]) -> None:
    """Quotes, controls, emoji: the turns that come out of the body are those that went in."""
    marked = [f"[{text}]" for text in texts]
    turns = [Message(role=("user", "assistant")[n % 2], text=text) for n, text in enumerate(marked)]
    body = written(name, *turns)
    places = [body.find(json.dumps(text, ensure_ascii=False)[1:-1]) for text in marked]
    assert -1 not in places
    said = iter(_texts(json.loads(body)))
    assert all(text in said for text in marked)


def _texts(value: object) -> list[str]:
    """List all texts of a JSON value, in order."""
    if isinstance(value, str):
        return [value]
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in inner for text in _texts(part)]
