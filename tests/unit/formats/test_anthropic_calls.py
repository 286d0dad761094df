"""The format anthropic builds calls as its API takes them: where they go, with what key, saying what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.wire import Answer, Target
from llmpool.formats import wire_format
from llmpool.formats.refused import refused
from tests.contract.anthropic.recordings import exchange

ANTHROPIC = wire_format("anthropic")
TARGET = Target(provider="p", url="https://api.anthropic.com", key="k-1")
HELLO = (Message(role="user", text="hello"),)
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {}}}


def body(model: str = "claude-sonnet-4-5", target: Target = TARGET, **more: Any) -> dict[str, Any]:
    """Return the body of a call; not streamed, unless *more* says so."""
    request = ChatRequest(**{"messages": HELLO, "stream": False} | more)
    sent: dict[str, Any] = json.loads(ANTHROPIC.chat_call(target, model, request).body or b"")
    return sent


def headers(target: Target = TARGET, *, stream: bool = False) -> dict[str, str]:
    """Return the headers of a call."""
    return dict(ANTHROPIC.chat_call(target, "m", ChatRequest(messages=HELLO, stream=stream)).headers)


ADDRESSES = [
    ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/messages", "https://api.anthropic.com/v1/messages"),
    ("https://api.minimaxi.com/anthropic", "https://api.minimaxi.com/anthropic/v1/messages"),
    ("https://api.minimaxi.com/anthropic/", "https://api.minimaxi.com/anthropic/v1/messages"),
    ("https://api.minimaxi.com/anthropic/v1", "https://api.minimaxi.com/anthropic/v1/messages"),
    ("https://api.minimaxi.com/anthropic/v1/messages", "https://api.minimaxi.com/anthropic/v1/messages"),
    ("https://api.minimaxi.com/anthropic/messages", "https://api.minimaxi.com/anthropic/v1/messages"),
    ("https://h/v1/chat/completions", "https://h/v1/messages"),
    ("https://h/v1/responses", "https://h/v1/messages"),
    ("https://h/v1/models", "https://h/v1/messages"),
    ("https://h/zen/v1?tenant=a", "https://h/zen/v1/messages?tenant=a"),
]


@pytest.mark.parametrize(("url", "expected"), ADDRESSES)
def test_every_way_to_write_the_address_leads_to_the_messages(url: str, expected: str) -> None:
    """`/v1` is never doubled and `/anthropic` never lost."""
    call = ANTHROPIC.chat_call(TARGET.replace(url=url), "m", ChatRequest(messages=HELLO))
    assert (call.method, call.url) == ("POST", expected)


def test_the_key_goes_into_its_header() -> None:
    """Anthropic's own header, or a bearer's where the target says so; never both, never the URL."""
    sent = headers()
    assert (sent["x-api-key"], sent["anthropic-version"]) == ("k-1", "2023-06-01")
    assert "authorization" not in sent
    minimax = headers(TARGET.replace(auth="bearer"))
    assert minimax["authorization"] == "Bearer k-1"
    assert "x-api-key" not in minimax
    assert "x-api-key" not in headers(TARGET.replace(key=""))
    own = headers(TARGET.replace(headers=(("X-Api-Key", "mine"), ("Anthropic-Version", "2025-01-01"))))
    assert (own["X-Api-Key"], own["Anthropic-Version"]) == ("mine", "2025-01-01")
    assert "x-api-key" not in own
    assert "anthropic-version" not in own


def test_streams_are_asked_for_as_streams() -> None:
    """`stream` is there only when it is true, and the call says how its answer is cut."""
    assert headers(stream=True)["accept"] == "text/event-stream"
    assert headers()["accept"] == "application/json"
    assert body(stream=True)["stream"] is True
    assert "stream" not in body()


def test_what_is_not_set_is_not_sent() -> None:
    """But for the limit of tokens, which the API insists on."""
    assert set(body()) == {"model", "max_tokens", "messages"}
    assert body()["max_tokens"] == 16384
    assert body(max_tokens=7)["max_tokens"] == 7


def test_settings_are_forwarded() -> None:
    """The source forwarded none of these."""
    sent = body(temperature=0.0, top_p=0.5, stop=("a", "b"), tools=(TOOL,), tool_choice="required")
    assert (sent["temperature"], sent["top_p"], sent["stop_sequences"]) == (0.0, 0.5, ["a", "b"])
    assert sent["tool_choice"] == {"type": "any"}


CHOICES = [
    ("auto", {"type": "auto"}),
    ("none", {"type": "none"}),
    ("required", {"type": "any"}),
    ("f", {"type": "tool", "name": "f"}),
]


@pytest.mark.parametrize(("word", "choice"), CHOICES)
def test_tool_choices_have_the_api_s_words(word: str, choice: dict[str, str]) -> None:
    """None without tools, which the API refuses; a budget for thinking forbids to force one."""
    assert body(tools=(TOOL,), tool_choice=word)["tool_choice"] == choice
    assert "tool_choice" not in body(tool_choice=word)
    forced = choice["type"] in ("any", "tool")
    assert ("tool_choice" not in body(tools=(TOOL,), tool_choice=word, thinking="low")) == forced
    effort = body("claude-opus-4-6", tools=(TOOL,), tool_choice=word, thinking="high")
    assert effort["tool_choice"] == choice
    recorded = exchange("claude/opus-4-6-effort").request
    assert recorded["tool_choice"] == {"type": "any"}
    assert {name: recorded[name] for name in ("thinking", "output_config")} == {
        name: effort[name] for name in ("thinking", "output_config")
    }


def test_thinking_goes_without_temperature() -> None:
    """The API refuses temperature and top_p then; stop sequences it takes."""
    sent = body(temperature=0.2, top_p=0.5, stop=("a",), thinking="low")
    assert not {"temperature", "top_p"} & set(sent)
    assert sent["stop_sequences"] == ["a"]


def test_the_api_of_october_2026_takes_no_temperature() -> None:
    """It answers 400 even at default values, so they stay here."""
    new = TARGET.replace(api_version="2026-10-21")
    assert not {"temperature", "top_p"} & set(body(target=new, temperature=1.0, top_p=1.0))
    assert headers(new)["anthropic-version"] == "2026-10-21"
    assert "temperature" in body(target=TARGET.replace(api_version="2026-10-20"), temperature=1.0)
    assert "temperature" not in body("claude-opus-5", temperature=1.0)


REFUSED = [
    ("thinking", "thinking"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("tool_choice", "tool_choice"),
    ("stop", "stop_sequences"),
    ("cache", "cache_control"),
]


@pytest.mark.parametrize(("name", "field"), REFUSED)
def test_what_was_refused_is_left_out(name: str, field: str) -> None:
    """Each word of `Target.without` has its field, and all of them are said to be droppable."""
    wanted = {"tools": (TOOL,), "tool_choice": "auto", "stop": ("a",), "cache": True}
    wanted |= {"thinking": "low"} if name == "thinking" else {"temperature": 1.0, "top_p": 1.0}
    assert f'"{field}"' in json.dumps(body(**wanted))
    assert f'"{field}"' not in json.dumps(body(target=TARGET.replace(without=(name,)), **wanted))
    assert ANTHROPIC.droppable == {name for name, _ in REFUSED}


# level or budget, model, limit -> thinking, limit, effort. Rows of worked example G5 say so; DESIGN ruling 25
# overrules it where it thinks without being asked (claude 4-6) and where it takes `high` for no level.
THINKING = [
    (None, "claude-opus-4-6", None, None, 16384, None),  # G5: yes, 8192
    (None, "claude-sonnet-4.6", None, None, 16384, None),  # G5
    ("off", "claude-opus-4-6", None, None, 16384, None),  # G5
    ("4096", "claude-sonnet", None, 4096, 16384, None),  # G5
    ("8192", "claude-sonnet-4-20250514", 1000, 8192, 12288, None),  # G5
    ("16384", "x", None, 16384, 20480, None),  # G5
    ("high", "claude-opus-4-6", None, "adaptive", 16384, "high"),  # G5: no
    ("low", "claude-sonnet-4-5", None, 2048, 16384, None),
    ("medium", "claude-haiku-4-5-20251001", None, 8192, 16384, None),
    ("high", "claude-opus-4-5", None, 24576, 28672, None),
    ("high", "claude-3-7-sonnet-20250219", 30000, 24576, 30000, None),
    ("low", "MiniMax-M2.7", 2048, 2048, 6144, None),
    ("8", "claude-sonnet-4-5", None, 1024, 16384, None),
    ("8", "tiny", 50, 8, 50, None),
    ("0", "claude-sonnet-4-5", None, None, 16384, None),
    ("huge", "claude-sonnet-4-5", None, None, 16384, None),
    ("3000", "claude-sonnet-4-6", None, 3000, 16384, None),
    ("low", "anthropic/claude-sonnet-4.6", 100, "adaptive", 100, "low"),
    ("medium", "claude-opus-4-7", None, "summarized", 16384, "medium"),
    ("3000", "claude-opus-4.8", 100, "summarized", 100, "medium"),
    ("2048", "claude-opus-5", None, "summarized", 16384, "low"),
    ("99999", "us.anthropic.claude-sonnet-5-5-v1", None, "summarized", 16384, "high"),
    ("high", "claude-haiku-5-5", None, "summarized", 16384, "high"),
    ("high", "claude-fable-5-1", None, "summarized", 16384, "high"),
    ("high", "claude-mythos-preview", None, "summarized", 16384, "high"),
    (None, "claude-sonnet-5", None, "disabled", 16384, None),  # ruling 25: unless asked for
    ("off", "claude-sonnet-5", None, "disabled", 16384, None),
    ("off", "claude-opus-5", None, "disabled", 16384, None),
    ("off", "claude-haiku-5-5", None, "disabled", 16384, None),
    ("off", "claude-sonnet-5-5", None, "between_tools", 16384, None),
    ("off", "claude-opus-5-5", None, None, 16384, None),
    ("off", "claude-fable-5", None, None, 16384, None),
]
CONFIGS: dict[object, dict[str, Any]] = {
    "adaptive": {"type": "adaptive"},
    "summarized": {"type": "adaptive", "display": "summarized"},
    "disabled": {"type": "disabled"},
    "between_tools": {"type": "between_tools"},
}


@pytest.mark.parametrize(("wish", "model", "limit", "thinks", "sent_limit", "effort"), THINKING)
def test_each_family_is_told_to_think_in_its_own_way(
    wish: str | None, model: str, limit: int | None, thinks: object, sent_limit: int, effort: str | None
) -> None:
    """Budgets up to 4.6, efforts from 4.6 on; the limit is raised only where a budget would use it up."""
    sent = body(model, thinking=wish, max_tokens=limit)
    config = CONFIGS.get(thinks)
    if isinstance(thinks, int):
        config = {"type": "enabled", "budget_tokens": thinks}
    assert config == sent.get("thinking")
    assert sent_limit == sent["max_tokens"]
    assert effort == sent.get("output_config", {}).get("effort")


def test_a_refusal_to_think_is_recognised_and_heeded() -> None:
    """Worked example G6: a 400 that speaks of thinking drops it from the next call, nothing else does."""

    def refusal(status: int, message: str) -> str:
        payload = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        answer = Answer(status=status, headers={}, body=json.dumps(payload).encode())
        return refused(ANTHROPIC.read_error(answer), ANTHROPIC.droppable)

    assert refusal(400, "This model cannot think") == "thinking"
    assert refusal(500, "This model cannot think") == ""
    assert refusal(400, "max_tokens must be positive") == ""
    assert refusal(400, "temperature: Extra inputs are not permitted") == "temperature"
    assert refusal(400, "Thinking may not be enabled when tool_choice forces tool use.") == "tool_choice"
    assert refusal(400, "messages.1.content.0: Invalid `signature` in `thinking` block") == "carry"
    block = {"type": "thinking", "thinking": "hm", "signature": "s"}
    turn = Message(role="assistant", text="a", carry=({"format": "anthropic", "model": "m", "block": block},))
    sent = body("m", TARGET.replace(without=("thinking",)), messages=(*HELLO, turn), thinking="8192")
    assert "thinking" not in json.dumps(sent)
    assert sent["max_tokens"] == 16384


def test_a_schema_goes_into_the_output_s_format() -> None:
    """Objects are closed, as the API insists; what it says besides stays."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "a": {
                "type": "array",
                "items": {"type": "object", "properties": {"properties": {"type": "string"}}},
            },
            "b": {"anyOf": [{"$ref": "#/$defs/c"}, {"type": ["object", "null"], "properties": {}}]},
            "d": {"type": "object"},
            "e": {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            "f": {"allOf": [{"type": "object", "properties": {}}], "enum": [{"type": "object"}]},
        },
        "$defs": {"c": {"type": "object", "properties": {}, "required": []}},
    }
    before = json.dumps(schema)
    output = body(schema=schema)["output_config"]
    assert output["format"]["type"] == "json_schema"
    sent = output["format"]["schema"]
    assert json.dumps(schema) == before
    shut = {"additionalProperties": False}
    assert sent == schema | shut | {
        "properties": {
            "a": {"type": "array", "items": schema["properties"]["a"]["items"] | shut},
            "b": {"anyOf": [{"$ref": "#/$defs/c"}, {"type": ["object", "null"], "properties": {}} | shut]},
            **{name: schema["properties"][name] for name in "def"},
        },
        "$defs": {"c": {"type": "object", "properties": {}, "required": []} | shut},
    }


def test_effort_and_schema_share_a_place() -> None:
    """A model may be asked to think and to answer in JSON."""
    output = body("claude-opus-4-7", schema={"type": "object"}, thinking="high")["output_config"]
    assert output == {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}}


def _asked(name: str) -> dict[str, Any]:
    """Return what was asked in a recording, without its `stream: false`, which says nothing."""
    request = exchange(name).request
    return request if request["stream"] else {k: v for k, v in request.items() if k != "stream"}


def test_the_bodies_are_those_the_api_was_recorded_to_accept() -> None:
    """Written by another client, answered with 200: a budget, an effort, a schema, a stop, an image."""
    question = (Message(role="user", text="What is 2+2?"),)
    effort = _asked("claude/opus-5-adaptive") | {"output_config": {"effort": "high"}}  # recorded with `xhigh`
    assert body("claude-opus-5", messages=question, max_tokens=4096, thinking="high") == effort
    adaptive = body("claude-opus-4-6", messages=question, max_tokens=4096, thinking="high")
    assert adaptive == _asked("claude/opus-4-6-adaptive") | {"output_config": {"effort": "high"}}
    recorded = _asked("claude/thinking-stream")
    said = (Message(role="user", text=recorded["messages"][0]["content"][0]["text"]),)
    budget = body("claude-sonnet-4-0", messages=said, max_tokens=4096, thinking="1024", stream=True)
    assert budget == recorded
    recorded = _asked("claude/stop-sequence")
    said = (Message(role="user", text=recorded["messages"][0]["content"][0]["text"]),)
    assert body(messages=said, max_tokens=1024, stop=("Paris",)) == recorded
    recorded = _asked("claude/schema")
    said = (Message(role="user", text=recorded["messages"][0]["content"][0]["text"]),)
    schema = recorded["output_config"]["format"]["schema"]
    assert body(messages=said, max_tokens=4096, schema=schema) == recorded
    recorded = _asked("claude/image-url")
    words, image = recorded["messages"][0]["content"]
    said = (Message(role="user", text=words["text"], images=(Image(url=image["source"]["url"]),)),)
    assert body("claude-haiku-4-5", messages=said, max_tokens=4096) == recorded
