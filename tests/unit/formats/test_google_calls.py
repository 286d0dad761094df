"""The format google writes calls: what is sent, where to, and where the key goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.wire import Target
from llmpool.formats import wire_format

GOOGLE = wire_format("google")
TARGET = Target(provider="p", url="https://g.example", key="k-1")
HI = Message(role="user", text="hi")
MODEL = "gemini-2.0-flash"
WEATHER = {"name": "get_weather", "description": "w", "parameters": {"type": "object"}, "strict": True}


def body(request: ChatRequest, model: str = MODEL, target: Target = TARGET) -> dict[str, Any]:
    """Return the body that *request* is sent as."""
    sent: dict[str, Any] = json.loads(GOOGLE.chat_call(target, model, request).body or b"")
    return sent


def ask(*messages: Message, **more: Any) -> ChatRequest:
    """Make a request of *messages*, or one that says hi."""
    return ChatRequest(messages=messages or (HI,), **more)


def contents(*messages: Message, model: str = MODEL) -> list[dict[str, Any]]:
    """Return the turns that *messages* are sent as."""
    turns: list[dict[str, Any]] = body(ask(*messages), model)["contents"]
    return turns


def called(identity: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    """Make a tool call."""
    return {"id": identity, "name": name, "arguments": arguments}


def result(identity: str, text: str) -> Message:
    """Make a tool's result."""
    return Message(role="tool", text=text, tool_call_id=identity)


def test_a_plain_request_sends_what_is_set_and_nothing_else() -> None:
    """Servers refuse fields they do not know, so unset ones stay out."""
    assert body(ask()) == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_the_key_goes_in_a_header_and_never_in_the_address() -> None:
    """Addresses end up in logs; this differs from `?key=` of pool-routing-formats 6.3 on purpose."""
    call = GOOGLE.chat_call(TARGET, MODEL, ask())
    assert dict(call.headers)["x-goog-api-key"] == "k-1"
    assert "k-1" not in call.url
    assert "k-1" not in repr(call)
    owner = TARGET.replace(headers=(("X-Goog-Api-Key", "mine"), ("x-team", "a")))
    names = [(name.lower(), value) for name, value in GOOGLE.chat_call(owner, MODEL, ask()).headers]
    assert [pair for pair in names if pair[0] == "x-goog-api-key"] == [("x-goog-api-key", "mine")]
    assert dict(GOOGLE.chat_call(TARGET.replace(auth="bearer"), MODEL, ask()).headers)["authorization"]


ADDRESSES = [
    "https://g.example",
    "https://g.example/",
    "https://g.example/v1beta",
    "https://g.example/v1beta/models/",
    "https://g.example/v1beta/openai",
    "https://g.example/v1beta/openai/chat/completions",
    "https://g.example/v1",
    "https://g.example/v1/models",
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_every_address_an_owner_may_write_means_the_same(url: str) -> None:
    """Root, version, listing or the OpenAI-compatible path: the paths of this format hang off the root."""
    target = TARGET.replace(url=url)
    streamed = GOOGLE.chat_call(target, MODEL, ask())
    assert (streamed.method, streamed.framing) == ("POST", "sse")
    base = "https://g.example/v1beta/models/gemini-2.0-flash"
    assert streamed.url == f"{base}:streamGenerateContent?alt=sse"
    whole = GOOGLE.chat_call(target, MODEL, ask(stream=False))
    assert (whole.url, whole.framing) == (f"{base}:generateContent", "json")


def test_an_address_keeps_its_path_and_its_query() -> None:
    """A gateway's own path and parameters stay; the API version is a provider setting."""
    target = TARGET.replace(url="https://gate.example/a/google/?x=1", api_version="v1alpha", verify_tls=False)
    call = GOOGLE.chat_call(target, MODEL, ask())
    path = "/a/google/v1alpha/models/gemini-2.0-flash:streamGenerateContent"
    assert call.url == f"https://gate.example{path}?x=1&alt=sse"
    assert not call.verify_tls


NAMES = [
    ("models/gemini-2.5-pro", "models/gemini-2.5-pro"),
    ("tunedModels/mine-7", "tunedModels/mine-7"),
    ("a/b c?d#e:f", "models/a%2Fb%20c%3Fd%23e%3Af"),
    ("../../secret", "models/..%2F..%2Fsecret"),
    ("ü\ud800", "models/%C3%BC%3F"),
]


@pytest.mark.parametrize(("model", "path"), NAMES)
def test_a_model_name_stays_one_step_of_the_path(model: str, path: str) -> None:
    """Whatever a name holds, it names a model of this server and nothing else."""
    url = GOOGLE.chat_call(TARGET, model, ask(stream=False)).url
    assert url == f"https://g.example/v1beta/{path}:generateContent"


def test_every_option_has_its_field() -> None:
    """Each option is sent under the name the API has for it."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    sent = body(
        ask(max_tokens=5, temperature=0.0, top_p=0.5, stop=("x", "y"), schema=schema, tools=(WEATHER,))
    )
    assert sent["generationConfig"] == {
        "maxOutputTokens": 5,
        "temperature": 0.0,
        "topP": 0.5,
        "stopSequences": ["x", "y"],
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }
    declared = {"name": "get_weather", "description": "w", "parametersJsonSchema": {"type": "object"}}
    assert sent["tools"] == [{"functionDeclarations": [declared]}]
    assert body(ask(tools=({"type": "function", "function": WEATHER},)))["tools"] == sent["tools"]


CHOICES = [
    ("auto", {"mode": "AUTO"}),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ("get_weather", {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
]


@pytest.mark.parametrize(("choice", "sent"), CHOICES)
def test_a_tool_choice_is_a_mode(choice: str, sent: dict[str, Any]) -> None:
    """One tool by name is the mode that must call, of one name; without tools there is nothing to choose."""
    asked = ask(tools=(WEATHER,), tool_choice=choice)
    assert body(asked)["toolConfig"] == {"functionCallingConfig": sent}
    assert "toolConfig" not in body(ask(tool_choice=choice))


def test_what_a_server_refused_is_left_out() -> None:
    """The neutral names a provider refused before are not sent again; tools and a schema always are."""
    request = ask(
        temperature=0.5,
        top_p=0.5,
        stop=("x",),
        tools=(WEATHER,),
        tool_choice="required",
        thinking="low",
        schema={"type": "object"},
        max_tokens=7,
    )
    sent = body(request, target=TARGET.replace(without=(*sorted(GOOGLE.droppable), "max_tokens")))
    assert set(sent) == {"contents", "tools", "generationConfig"}
    assert set(sent["generationConfig"]) == {"maxOutputTokens", "responseMimeType", "responseJsonSchema"}


def test_system_messages_are_one_instruction() -> None:
    """They are joined by an empty line, wherever they stand."""
    system = [Message(role="system", text=text) for text in ("be brief", "", "be kind")]
    sent = body(ask(*system[:2], HI, system[2]))
    assert sent["systemInstruction"] == {"parts": [{"text": "be brief\n\nbe kind"}]}
    assert len(sent["contents"]) == 1


def test_a_model_without_instructions_reads_them_first() -> None:
    """Gemma up to 3 refuses a system instruction; its text leads the first turn instead of getting lost."""
    system = Message(role="system", text="be brief")
    sent = body(ask(system, HI), "gemma-3-27b-it")
    assert sent == {"contents": [{"role": "user", "parts": [{"text": "be brief"}, {"text": "hi"}]}]}
    begun = body(ask(system, Message(role="assistant", text="a")), "models/gemma-3n-e4b-it")
    assert [turn["role"] for turn in begun["contents"]] == ["user", "model"]
    assert "systemInstruction" in body(ask(system, HI), "gemma-4-31b-it")


def test_images_are_sent_as_data() -> None:
    """Data of either encoding is base64 for the API; an address goes as it is, the text comes first."""
    urls = (
        "data:image/webp;base64,QUI=",
        "data:image/svg+xml,%3Csvg/%3E",
        "data:;base64,QQ==",
        "https://i/x",
    )
    message = Message(role="user", text="see", images=tuple(Image(url=url) for url in urls))
    assert not GOOGLE.takes_image_urls
    assert contents(message)[0]["parts"] == [
        {"text": "see"},
        {"inlineData": {"mimeType": "image/webp", "data": "QUI="}},
        {"inlineData": {"mimeType": "image/svg+xml", "data": "PHN2Zy8+"}},
        {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
        {"fileData": {"fileUri": "https://i/x"}},
    ]


def test_results_go_back_under_the_name_of_their_call_in_one_turn() -> None:
    """Objects go as they are, other text as a result; ids go along unless they are of our making."""
    turns = contents(
        Message(role="assistant", text="so", tool_calls=(called("call_0", "f"), called("toolu_1", "g", ""))),
        result("call_0", '{"c": 7}'),
        result("toolu_1", "[1]"),
        HI,
        Message(role="assistant", tool_calls=(called("call_0", "h", '{"x": 1}'),)),
        result("call_0", "{broken"),
    )
    assert [turn["role"] for turn in turns] == ["model", "user", "user", "model", "user"]
    assert turns[0]["parts"][1:] == [
        {"functionCall": {"name": "f", "args": {}}},
        {"functionCall": {"name": "g", "args": {}, "id": "toolu_1"}},
    ]
    assert turns[1]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"c": 7}}},
        {"functionResponse": {"name": "g", "response": {"result": "[1]"}, "id": "toolu_1"}},
    ]
    assert turns[3]["parts"] == [{"functionCall": {"name": "h", "args": {"x": 1}}}]
    assert turns[4]["parts"] == [{"functionResponse": {"name": "h", "response": {"result": "{broken"}}}]


def test_odd_tool_calls_lose_nothing() -> None:
    """Nested calls are read as OpenAI writes them; arguments that are no object are kept as text."""
    nested = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1]"}}
    (turn,) = contents(Message(role="assistant", tool_calls=(nested,)))
    assert turn["parts"] == [{"functionCall": {"name": "f", "args": {"arguments": "[1]"}, "id": "c"}}]
    (orphan,) = contents(result("lost", "42"))
    fields = {"name": "lost", "response": {"result": "42"}, "id": "lost"}
    assert orphan["parts"] == [{"functionResponse": fields}]


def test_an_empty_turn_is_not_sent() -> None:
    """The API refuses a turn without parts."""
    assert contents(Message(role="user"), HI, Message(role="assistant")) == contents(HI)


ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
TEXTS = st.text(max_size=20)
CALLS = st.fixed_dictionaries({"id": TEXTS, "name": TEXTS, "arguments": TEXTS})
MESSAGES = st.builds(
    lambda role, text, calls, identity, carry: Message(
        role=role,
        text=text,
        tool_calls=tuple(calls) if role == "assistant" else (),
        tool_call_id=identity if role == "tool" else "",
        carry=tuple(carry),
    ),
    ROLES,
    TEXTS,
    st.lists(CALLS, max_size=2),
    TEXTS,
    st.lists(
        st.fixed_dictionaries(
            {
                "format": st.just("google"),
                "at": st.integers(-3, 9) | TEXTS,
                "part": st.fixed_dictionaries(
                    {"text": TEXTS, "thoughtSignature": TEXTS}, optional={"thought": st.booleans()}
                ),
            }
        ),
        max_size=3,
    ),
)


def said(turns: list[dict[str, Any]]) -> str:
    """Join the text of *turns*, tool results included, thoughts left out."""
    found = []
    for part in (part for turn in turns for part in turn["parts"]):
        if "text" in part and not part.get("thought"):
            found.append(part["text"])
        if "functionResponse" in part:
            found.append(part["functionResponse"]["response"].get("result", ""))
    return "".join(found)


@given(st.lists(MESSAGES, max_size=5))
def test_no_conversion_loses_or_reorders_text(messages: list[Message]) -> None:
    """Every turn's text arrives whole and in order, whatever is carried along with it."""
    sent = body(ask(*messages, HI))
    spoken = [m.text for m in messages if m.role != "system"]
    assert said(sent["contents"]) == "".join(spoken).encode("utf-8", "replace").decode() + "hi"
    system = "\n\n".join(m.text for m in messages if m.role == "system" and m.text)
    assert sent.get("systemInstruction", {"parts": [{"text": ""}]})["parts"] == [{"text": system}]
