"""The format anthropic puts conversations into its own shape, and loses nothing on the way."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import wire_format

ANTHROPIC = wire_format("anthropic")
TARGET = Target(provider="p", url="https://h", key="k")
PIXEL = base64.b64encode(b"\x89PNG").decode()


def body(*messages: Message, model: str = "claude-3-5-haiku", **more: Any) -> dict[str, Any]:
    """Return the body of the call that puts *messages* to a model, not streamed."""
    request = ChatRequest(messages=messages, **{"stream": False} | more)
    sent: dict[str, Any] = json.loads(ANTHROPIC.chat_call(TARGET, model, request).body or b"")
    return sent


def turns(*messages: Message, **more: Any) -> list[dict[str, Any]]:
    """Return the turns that *messages* become."""
    made: list[dict[str, Any]] = body(*messages, **more)["messages"]
    return made


def user(text: str = "hi", **more: Any) -> Message:
    return Message(role="user", text=text, **more)


def assistant(text: str = "", *calls: dict[str, Any], **more: Any) -> Message:
    return Message(role="assistant", text=text, tool_calls=calls, **more)


def call(identity: str, arguments: Any = "{}", name: str = "exec") -> dict[str, Any]:
    return {"id": identity, "name": name, "arguments": arguments}


def result(identity: str, text: str, **more: Any) -> Message:
    return Message(role="tool", tool_call_id=identity, text=text, **more)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_a_conversation_with_a_tool_has_the_shape_of_g3() -> None:
    """Worked example G3, but for its cache mark: that is set only when asked for (DESIGN ruling 25)."""
    sent = body(
        Message(role="system", text="You are helpful."),
        user("Hello"),
        assistant("Hi there"),
        user("Use a tool"),
        assistant("", call("tc1", '{"cmd":"ls"}')),
        result("tc1", "file1\nfile2"),
    )
    assert sent == {
        "model": "claude-3-5-haiku",
        "max_tokens": 16384,
        "system": [text("You are helpful.")],
        "messages": [
            {"role": "user", "content": [text("Hello")]},
            {"role": "assistant", "content": [text("Hi there")]},
            {"role": "user", "content": [text("Use a tool")]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "tc1", "name": "exec", "input": {"cmd": "ls"}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "tc1", "content": "file1\nfile2"}],
            },
        ],
    }
    assert list(sent) == ["model", "max_tokens", "system", "messages"]


def test_results_in_a_row_are_one_turn() -> None:
    """Worked example G4: the results go together, what the user says then is a turn of its own."""
    made = turns(
        user(),
        assistant("", call("tc1"), call("tc2")),
        result("tc1", "r1"),
        result("tc2", "r2"),
        user("Now?"),
    )
    assert [turn["role"] for turn in made] == ["user", "assistant", "user", "user"]
    assert [block["content"] for block in made[2]["content"]] == ["r1", "r2"]
    assert made[3]["content"] == [text("Now?")]


def test_system_messages_are_joined_wherever_they_stand() -> None:
    """Of two system messages G4 keeps the last; the advice is followed instead: nothing said is dropped."""
    sent = body(Message(role="system", text="A"), user(), Message(role="system", text="B"), assistant("x"))
    assert sent["system"] == [text("A\n\nB")]
    made = turns(result("a", "1"), Message(role="system", text="B"), result("b", "2"))
    assert len(made) == 1
    assert "system" not in body(Message(role="system", text=" "), user())
    assert body(Message(role="developer", text="D"), user())["system"] == [text("D")]


def test_empty_arguments_are_none_at_all() -> None:
    """G4: a call without arguments has an empty input."""
    for empty in ("", "  ", None, {}):
        (turn,) = turns(assistant("", call("c", empty)))
        assert turn["content"][0]["input"] == {}
    nested = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    (turn,) = turns(assistant("", nested))
    assert turn["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]


@pytest.mark.parametrize(
    "arguments", ["{bad", "3", "[1]", '"x"', '{"a": NaN}', '{"a": 1e400}', "[" * 5000, [1]]
)
def test_arguments_that_are_no_object_never_leave(arguments: Any) -> None:
    """G4: the request is refused before anything is sent, and says which call it is about."""
    with pytest.raises(UpstreamError, match="`exec` are not a JSON object") as raised:
        turns(assistant("", call("c", arguments)))
    assert raised.value.failure.kind == "bad_request"


def test_blank_text_is_not_sent() -> None:
    """The API refuses blank text blocks, so they are left out, and turns that have nothing else."""
    made = turns(user(" \n"), user("a"), assistant(""), assistant("", call("c")), result("c", ""))
    assert [len(turn["content"]) for turn in made] == [1, 1, 1]
    assert made[2]["content"] == [{"type": "tool_result", "tool_use_id": "c"}]


def test_text_comes_before_the_calls_of_its_turn() -> None:
    """A turn may speak and call."""
    (turn,) = turns(assistant("I look", call("c")))
    assert [block["type"] for block in turn["content"]] == ["text", "tool_use"]


def test_ids_of_other_vendors_are_made_valid_on_both_sides() -> None:
    """A call and its result still name each other."""
    made = turns(assistant("", call("functions.f:0")), result("functions.f:0", "x"))
    assert made[0]["content"][0]["id"] == made[1]["content"][0]["tool_use_id"] == "functions_f_0"


IMAGES = [
    ("https://h/a.png", {"type": "url", "url": "https://h/a.png"}),
    (f"data:image/png;base64,{PIXEL}", {"type": "base64", "media_type": "image/png", "data": PIXEL}),
    (f"data:image/jpg;base64,{PIXEL}", {"type": "base64", "media_type": "image/jpeg", "data": PIXEL}),
    ("DATA:image/png,%89PNG", {"type": "base64", "media_type": "image/png", "data": PIXEL}),
]


@pytest.mark.parametrize(("url", "source"), IMAGES)
def test_images_are_translated(url: str, source: dict[str, Any]) -> None:
    """The source dropped them; here they follow the text, in a tool's result too."""
    image = {"type": "image", "source": source}
    (turn,) = turns(user("what?", images=(Image(url=url),)))
    assert turn["content"] == [text("what?"), image]
    (turn,) = turns(result("c", "", images=(Image(url=url),)))
    assert turn["content"][0]["content"] == [image]


def test_an_image_without_data_is_refused_here() -> None:
    """A torn `data:` URL is told before anything is sent."""
    for url in ("data:image/png;base64", "data:image/png;base64,"):
        with pytest.raises(UpstreamError, match="without data"):
            turns(user(images=(Image(url=url),)))


def thought(words: str, model: str = "claude-sonnet-4-5-20250929", **place: int) -> dict[str, Any]:
    block = {"type": "thinking", "thinking": words, "signature": "s"}
    return {"format": "anthropic", "model": model, "block": block} | place


def test_what_was_thought_comes_first_in_its_turn() -> None:
    """A turn goes back with its signed thinking ahead of what it said and called."""
    carry = (thought("hm"), {"format": "openai", "reasoning_content": "x"})
    (turn,) = turns(assistant("a", call("c"), carry=carry), model="claude-sonnet-4-5")
    assert [block["type"] for block in turn["content"]] == ["thinking", "text", "tool_use"]
    assert turn["content"][0] == carry[0]["block"]


def test_what_was_thought_in_between_stays_in_between() -> None:
    """Models that think between blocks get them back in the order they came."""
    carry = (thought("one"), thought("two", text=2, calls=0), thought("three", text=4, calls=1))
    (turn,) = turns(assistant("ab\n\ncd", call("c"), call("d"), carry=carry), model="claude-sonnet-4-5")
    shown = [block.get("thinking") or block.get("text") or block["id"] for block in turn["content"]]
    assert shown == ["one", "ab", "two", "c", "three", "cd", "d"]


@pytest.mark.parametrize(
    ("model", "goes_back"),
    [
        ("claude-sonnet-4-5", True),
        ("anthropic/Claude-Sonnet-4-5", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-4-5", False),
        ("claude-sonnet-4", False),
        ("MiniMax-M2.7", False),
    ],
)
def test_another_model_does_not_get_to_see_it(model: str, *, goes_back: bool) -> None:
    """A signature is good for the model that made it, by whatever of its names, and refused by others."""
    (turn,) = turns(assistant("a", carry=(thought("hm"),)), model=model)
    assert goes_back == (turn["content"][0]["type"] == "thinking")


def test_thinking_alone_is_no_turn() -> None:
    """The API takes no turn that only thinks."""
    assert turns(assistant("", carry=(thought("hm"),)), model="claude-sonnet-4-5") == []


def test_tools_have_the_api_s_shape() -> None:
    """Wrapped or bare; without parameters they take an empty object; what is no function is left out."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    tools = (
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}},
        {"name": "g", "parameters": {"properties": {}}},
        {"type": "function", "name": "h", "parameters": None, "description": ""},
        {"type": "web_search", "name": "w"},
        {"type": "function"},
    )
    assert body(user(), tools=tools)["tools"] == [
        {"name": "f", "description": "d", "input_schema": schema},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {"name": "h", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "tools" not in body(user(), tools=tools[3:])


def test_cache_marks_stand_where_the_prompt_ends_and_only_when_asked_for() -> None:
    """The system's end and the last user turn are marked (DESIGN ruling 25: in sessions)."""
    mark = {"cache_control": {"type": "ephemeral"}}
    said = (Message(role="system", text="s"), user("a"), assistant("b"), user("c"))
    assert "cache_control" not in json.dumps(body(*said))
    sent = body(*said, cache=True)
    assert sent["system"] == [text("s") | mark]
    assert sent["messages"][2]["content"] == [text("c") | mark]
    assert "cache_control" not in json.dumps(sent["messages"][:2])
    made = body(assistant("", call("c")), result("c", "x"), assistant("y"), cache=True)["messages"]
    assert made[1]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert body(assistant("only"), cache=True)["messages"][0]["content"] == [text("only")]


WORDS = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
BLOCKS = st.fixed_dictionaries({"type": st.sampled_from(["thinking", "redacted_thinking", "text"])})
CARRY = st.fixed_dictionaries(
    {"format": st.sampled_from(["anthropic", "openai"]), "model": st.just("m"), "block": BLOCKS | JSON},
    optional={"text": st.integers(), "calls": JSON},
)
MESSAGES = st.lists(
    st.builds(
        Message,
        role=st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"]),
        text=WORDS,
        images=st.lists(st.builds(Image, url=st.sampled_from([i[0] for i in IMAGES])), max_size=1).map(tuple),
        tool_calls=st.lists(
            st.fixed_dictionaries(
                {"id": WORDS, "name": WORDS, "arguments": st.dictionaries(WORDS, JSON).map(json.dumps)}
            ),
            max_size=2,
        ).map(tuple),
        tool_call_id=WORDS,
        carry=st.lists(CARRY, max_size=2).map(tuple),
    ),
    max_size=6,
)
VALID = {"text": "text", "image": "source", "tool_use": "input", "tool_result": "tool_use_id"}


def said(blocks: list[dict[str, Any]]) -> str:
    """Join all text of *blocks*, the results of tools included."""
    parts = [
        block.get("text") or block.get("content") or "" for block in blocks if block.get("type") in VALID
    ]
    return "".join(part if isinstance(part, str) else said(part) for part in parts)


def solid(words: str) -> str:
    """Return *words* without blanks, which the API refuses where they stand alone."""
    return "".join(words.split()).encode("utf-8", "replace").decode()


@settings(max_examples=30)  # twenty milliseconds each
@given(MESSAGES)
def test_nothing_said_is_lost_whatever_the_conversation(messages: list[Message]) -> None:
    """Roles are two, no block is empty, every word arrives, in its order."""
    sent = body(*messages, model="m")
    assert {turn["role"] for turn in sent["messages"]} <= {"user", "assistant"}
    for turn in sent["messages"]:
        assert turn["content"]
        for block in turn["content"]:
            kind = block.get("type")
            assert kind in ("thinking", "redacted_thinking") or VALID[kind] in block
            assert kind != "text" or block["text"].strip()
    heard = [m for m in messages if m.role not in ("system", "developer")]
    assert solid("".join(m.text for m in heard)) == solid(
        "".join(said(t["content"]) for t in sent["messages"])
    )
    told = [m for m in messages if m.role in ("system", "developer")]
    assert solid("".join(m.text for m in told)) == solid(said(sent.get("system", [])))
    calls = [block for t in sent["messages"] for block in t["content"] if block.get("type") == "tool_use"]
    spoken = [c for m in heard if m.role == "assistant" for c in m.tool_calls]
    assert [json.loads(c["arguments"]) for c in spoken] == [block["input"] for block in calls]
