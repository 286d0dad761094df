"""Tool calls that a model writes as text: the six shapes, and all that is none of them."""

from __future__ import annotations

import json

import pytest

from llmpool.core.chat import ChatRequest, Delta, Message, ToolDelta
from llmpool.formats.written_calls import Watch, WrittenCall, watch
from tests.unit.formats.reading import parse

NAMES = ("add", "add_all", "now")
ADD = '{"name": "add", "arguments": {"a": 1}}'
NOW = '{"name": "now", "arguments": {}}'
CALLED, CALLED_NOW = WrittenCall("add", '{"a": 1}'), WrittenCall("now", "{}")
TOOLS = tuple({"type": "function", "function": {"name": name}} for name in NAMES)
ASKED = ChatRequest(messages=(Message(role="user", text="add"),), tools=TOOLS)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (ADD, [CALLED]),
        (f"\n  {ADD}\n", [CALLED]),
        (f"[{ADD}, {NOW}]", [CALLED, CALLED_NOW]),
        (f"{ADD}\n{NOW}", [CALLED, CALLED_NOW]),
        (f"{ADD}; {NOW}", [CALLED, CALLED_NOW]),
        (f"<tool_call>\n{ADD}\n</tool_call>", [CALLED]),
        (f"<tool_call>{ADD}</tool_call>\n<tool_call>{NOW}</tool_call>", [CALLED, CALLED_NOW]),
        (f"<tool_call>{ADD}", [CALLED]),
        (f"```json\n{ADD}\n```", [CALLED]),
        (f"```\n[{ADD}]\n```\n", [CALLED]),
        (f"```tool_call\n{ADD}\n```", [CALLED]),
        ('add {"a": 1}', [CALLED]),
        ('add\n{"a": 1}\nnow {}', [CALLED, CALLED_NOW]),
        ('add_all {"a": 1}', [WrittenCall("add_all", '{"a": 1}')]),
    ],
)
def test_each_shape_is_read_whole(text: str, calls: list[WrittenCall]) -> None:
    """One object, an array, several in a row, tagged, fenced, and a name ahead of its arguments."""
    assert parse(text, NAMES) == (calls, "")


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('{"name": "add", "parameters": {"a": 1}}', CALLED),
        ('{"arguments": {"a": 1}, "name": "add"}', CALLED),
        ('{"name": "add", "arguments": "{\\"a\\": 1}"}', CALLED),
        ('{"function": "add", "parameters": {"a": 1}}', CALLED),
        ('{"type": "function", "name": "add", "parameters": {"a": 1}}', CALLED),
        ('{"id": "c9", "name": "add", "arguments": {"a": 1}}', WrittenCall("add", '{"a": 1}', "c9")),
        (
            '{"id": "c9", "type": "function", "function": {"name": "add", "arguments": "{}"}}',
            WrittenCall("add", "{}", "c9"),
        ),
        ('{"name": "add", "arguments": {"t": "} \\"]{ é"}}', WrittenCall("add", '{"t": "} \\"]{ é"}')),
        ('{"name": "add", "arguments": {"t": "a\nb"}}', WrittenCall("add", '{"t": "a\\nb"}')),
        ('{"name": "add", "arguments": {"t": "\\ud83d"}}', WrittenCall("add", '{"t": "\\ud83d"}')),
    ],
)
def test_a_call_is_written_in_many_ways(text: str, call: WrittenCall) -> None:
    """Arguments go by two names, bare or packed as text; a call may come as OpenAI wraps it."""
    assert parse(text, NAMES) == ([call], "")


@pytest.mark.parametrize("opener", ["<tool_call>", "```json\n", "```tool_call\n"])
def test_a_sentence_may_stand_ahead_of_a_tag_or_a_json_fence(opener: str) -> None:
    """It stays the answer's text, an earlier fence of another language with it."""
    said = "I <b>add</b>:\n```python\n1 + 1\n```\n"
    assert parse(f"{said}{opener}{ADD}", NAMES) == ([CALLED], said)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "hello",
            "add",
            "add ",
            "add 1 and 2",
            "addition {}",
            "now",
            "<",
            "<tool_call>",
            "```",
            "[]",
        ),
        *("{}", "[1] says so", "{]", '{"a": 1}', '{"name": "Bob", "age": 5}', '["add"]', "[[]]"),
        '{"name": "rm", "arguments": {}}',  # nobody offered it
        f'[{ADD}, {{"name": "rm", "arguments": {{}}}}]',  # all or none
        f'{ADD}\n{{"name": "rm", "arguments": {{}}}}',
        f'<tool_call>{ADD}</tool_call><tool_call>{{"name": "rm", "arguments": {{}}}}</tool_call>',
        '{"name": "add"}',
        '{"name": "add", "arguments": [1]}',
        '{"name": "add", "arguments": "[1]"}',
        '{"name": "add", "arguments": "x"}',
        '{"name": "add", "arguments": null}',
        '{"name": "add", "arguments": {}, "parameters": {}}',
        '{"name": "add", "arguments": {}, "why": "it asked"}',  # a word of it would be lost
        '{"name": "add", "arguments": {"a": 1, "a": 2}}',
        '{"name": "add", "arguments": {"a": 1e999}}',
        '{"name": "add", "arguments": {"a": NaN}}',
        '{"name": "add", "arguments": {"a": ' + "9" * 5000 + "}}",
        '{"name": "add", "arguments": {"a": 1}',  # cut off
        '{"name": 1, "arguments": {}}',
        '{"id": 1, "name": "add", "arguments": {}}',
        '{"type": "object", "name": "add", "arguments": {}}',
        '{"function": {"name": "add", "arguments": {}, "x": 1}}',
        '{"function": {"name": "add", "arguments": {}}, "name": "add"}',
        '{"name": "add", "arguments": ' + '{"a": ' * 100 + "1" + "}" * 101,
        '{"name": "add", "arguments": ' + json.dumps('{"a": ' * 101 + "1" + "}" * 101) + "}",
        f"{ADD} would add them",
        f"Sure: {ADD}",
        f"Write `<tool_call>{ADD}</tool_call>` to add.",
        f"Such as:\n```json\n{ADD}\n```\nand so on",
        f"Such as:\n```\n{ADD}\n```",
        f"```python\n{ADD}\n```",
        f"```jsonc\n{ADD}\n```",
        f"{ADD} or so <tool_call>{NOW}</tool_call>",  # half of it would be done
    ],
)
def test_what_is_not_a_call_as_a_whole_stays_text(text: str) -> None:
    """Not one character of it is lost."""
    assert parse(text, NAMES) == ([], text)


def test_without_tools_nothing_is_a_call() -> None:
    """Names that nobody offered are nobody's, an empty one included."""
    assert parse(ADD, ()) == ([], ADD)
    assert parse('{"name": "", "arguments": {}}', ("add",)) == ([], '{"name": "", "arguments": {}}')


def test_text_is_held_back_only_while_it_may_become_a_call() -> None:
    """As soon as it cannot be one it is let go, and what follows passes as it comes."""

    def shown(*pieces: str) -> list[str]:
        watching = Watch(NAMES)
        return [watching.feed(piece) for piece in pieces]

    assert shown("{", '"', "res", 'ult": 1', "}") == ["", "", '{"res', 'ult": 1', "}"]
    assert shown('{"name": "', "ad", "e", 'le"}') == ["", "", '{"name": "ade', 'le"}']
    assert shown("[", "1", "] a") == ["", "[1", "] a"]
    assert shown("a", "dd", " 1") == ["", "", "add 1"]
    assert shown("ok <", "b>", " <tool_", "bar") == ["ok ", "<b>", " ", "<tool_bar"]
    assert shown("so: ```", "json", "\n{", '"x"', ": 1}") == ["so: ", "", "", '```json\n{"x"', ": 1}"]
    assert shown("so: ```", "py", "thon") == ["so: ", "```py", "thon"]
    assert shown(ADD, "\n", "So", " be it") == ["", "", f"{ADD}\nSo", " be it"]
    assert shown("hello", " ", "there") == ["hello", " ", "there"]


def test_the_last_piece_brings_the_calls() -> None:
    """They are numbered as native ones are, and the answer finishes for tools."""
    watching = Watch(NAMES)
    halves = (Delta("One moment. <tool_"), Delta(f"call>{ADD}", thinking="hm"), Delta(NOW, finish="stop"))
    first, second, last = map(watching.piece, halves)
    assert (first, second) == (Delta("One moment. "), Delta(thinking="hm"))
    calls = (ToolDelta(0, "call_0", "add", '{"a": 1}'), ToolDelta(1, "call_1", "now", "{}"))
    assert last == Delta(tools=calls, finish="tools")
    assert watching.give_up() == ""


@pytest.mark.parametrize(
    ("finish", "told"), [("stop", "tools"), ("length", "length"), ("content", "content")]
)
def test_an_answer_that_was_cut_says_so_all_the_same(finish: str, told: str) -> None:
    """Whatever comes after a limit would have been, the calls ahead of it are whole."""
    assert Watch(NAMES).piece(Delta(ADD, finish=finish)).finish == told


def test_a_native_call_makes_text_of_what_was_written() -> None:
    """Whoever calls natively means its text as text: nothing is called twice."""
    watching, call = Watch(NAMES), ToolDelta(0, "x", "add", "{}")
    assert watching.piece(Delta(ADD[:9])) == Delta()
    assert watching.piece(Delta(ADD[9:12], tools=(call,))) == Delta(ADD[:12], tools=(call,))
    assert watching.piece(Delta(ADD[12:], finish="tools")) == Delta(ADD[12:], finish="tools")


def test_what_breaks_off_is_given_back() -> None:
    """It was paid for, though nobody saw it."""
    watching = Watch(NAMES)
    assert (watching.feed("  " + ADD[:20]), watching.feed("\\")) == ("", "")
    assert (watching.give_up(), watching.give_up()) == (f"  {ADD[:20]}\\", "")


@pytest.mark.parametrize(
    ("wire", "model", "change", "listens"),
    [
        ("openai", "qwen3:8b", {}, True),
        ("ollama", "gemma3", {}, True),
        ("lmstudio", "mistral-small", {}, True),
        ("openai", "anthropic/Claude-4", {}, False),
        ("ollama", "gpt-oss:20b", {}, False),
        *((wire, "m", {}, False) for wire in ("anthropic", "google", "responses", "cloudcode", "copilot")),
        ("openai", "m", {"schema": {"type": "object"}}, False),
        ("openai", "m", {"tool_choice": "none"}, False),
        ("openai", "m", {"tools": ({"name": "add"},)}, True),
        ("openai", "m", {"tools": ()}, True),  # and takes nothing
    ],
)
def test_who_is_listened_to(wire: str, model: str, change: dict[str, object], listens: bool) -> None:
    """Formats whose servers may miss a call, and no family that calls natively everywhere (7.9)."""
    watching = watch(wire, model, ASKED.replace(**change))
    assert (watching is not None) == listens
    if watching is not None:
        expected = [CALLED] if change.get("tools", TOOLS) else []
        assert parse_with(watching, ADD) == expected


def parse_with(watching: Watch, text: str) -> list[WrittenCall]:
    """Return the calls of *text*."""
    watching.feed(text)
    return watching.end()[0]
