"""The format lmstudio lists models: its newest listing first, the older ones where the server lacks it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import FAILURE_KINDS, UpstreamError
from llmpool.core.wire import Answer, Target
from llmpool.formats import collect, wire_format
from llmpool.formats.base import Listing
from llmpool.formats.lmstudio import root_of
from tests.contract.lmstudio.shapes import documented

TARGET = Target(provider="p", url="http://h:1234/v1", key="k")
PATHS = ["http://h:1234/api/v1/models", "http://h:1234/api/v0/models", "http://h:1234/v1/models"]
UNEXPECTED = documented("unexpected-endpoint")
EMBEDS = Capabilities(
    chat=False, streaming=False, tools=False, images=False, thinking=False, json=False, embeddings=True
)
CHATS = Capabilities(chat=True, streaming=True, json=True, embeddings=False)


def answer(payload: object, status: int = 200) -> Answer:
    """Make an answer of *payload*."""
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


def listed(*answers: Answer, target: Target = TARGET) -> tuple[Listing, list[str]]:
    """Run a listing against *answers*; return it and the addresses asked."""
    flow = wire_format("lmstudio").list_models(target)
    urls, coming = [], iter(answers)
    try:
        call = next(flow)
        while True:
            urls.append(call.url)
            assert dict(call.headers)["authorization"] == "Bearer k"
            call = flow.send(next(coming))
    except StopIteration as end:
        return end.value, urls


def v1(**fields: Any) -> ObservedModel:
    """Read a model of the newest listing."""
    (model,) = listed(answer({"models": [{"key": "m"} | fields]}))[0].models
    return model


def v0(**fields: Any) -> ObservedModel:
    """Read a model of the older listing."""
    (model,) = listed(UNEXPECTED, answer({"data": [{"id": "m"} | fields]}))[0].models
    return model


def test_the_newest_listing_tells_all_of_a_model() -> None:
    """A loaded model has the window it was loaded with; any other could have its maximum."""
    listing, urls = listed(documented("v1-models"))
    gemma, deepseek, nomic = listing.models
    assert urls == PATHS[:1]
    assert gemma == ObservedModel(
        name="google/gemma-4-26b-a4b",
        kind="llm",
        family="gemma4",
        publisher="google",
        compatibility_type="gguf",
        parameter_size="26B-A4B",
        quantization="Q4_K_M",
        state="loaded",
        capabilities=CHATS.replace(tools=True, images=True, thinking=True),
        context_window=4096,
        max_context=262144,
        loaded_context=4096,
        loaded_instance="google/gemma-4-26b-a4b",
        size=17990911801,
    )
    assert (deepseek.state, deepseek.context_window, deepseek.loaded_instance) == ("", 131072, "")
    assert deepseek.capabilities == CHATS.replace(tools=True, images=False, thinking=True)
    assert (nomic.kind, nomic.capabilities, nomic.parameter_size) == ("embedding", EMBEDS, "")


def test_what_was_loaded_meanwhile_counts_as_loaded() -> None:
    """The window asked for at loading is the window."""
    listing, _ = listed(documented("v1-models-two-loaded"))
    assert [(m.state, m.loaded_context) for m in listing.models] == [
        ("loaded", 4096),
        ("loaded", 8192),
        ("", 0),
    ]


def test_the_older_listing_tells_less() -> None:
    """Version 0.3 has another shape, and no size; an unknown path is answered with 200 there."""
    listing, urls = listed(UNEXPECTED, documented("v0-models-loaded"))
    qwen, llama, nomic, gemma, *_ = listing.models
    assert urls == PATHS[:2]
    assert qwen == ObservedModel(
        name="qwen2-vl-7b-instruct",
        kind="vlm",
        family="qwen2_vl",
        publisher="mlx-community",
        compatibility_type="mlx",
        quantization="4bit",
        state="not-loaded",
        capabilities=CHATS.replace(images=True),
        context_window=32768,
        max_context=32768,
    )
    assert llama.capabilities == CHATS
    assert (nomic.kind, nomic.capabilities) == ("embeddings", EMBEDS)
    assert (gemma.state, gemma.context_window, gemma.max_context) == ("loaded", 4096, 262144)
    assert listed(UNEXPECTED, documented("v0-models"))[0].models == listing.models[:3]


def test_the_oldest_listing_tells_names() -> None:
    """Nothing is made up beyond them."""
    listing, urls = listed(UNEXPECTED, UNEXPECTED, answer({"data": [{"id": "a", "object": "model"}]}))
    assert (listing, urls) == (Listing((ObservedModel(name="a"),), 0), PATHS)


MISSING = [
    UNEXPECTED,
    answer({"error": "UNEXPECTED ENDPOINT OR METHOD. (GET /x)"}),
    answer({"error": {"message": "Unexpected endpoint or method."}}, 400),
    answer({"error": {"message": "model listing not found"}}, 404),
    answer({}, 405),
    answer({}, 501),
    answer({}),
    answer([]),
    answer({"models": {}}),
    Answer(status=404, headers={}, body=b"<html>"),
    Answer(status=200, headers={}, body=b"<!doctype html>"),
]


@pytest.mark.parametrize("missing", MISSING)
def test_a_listing_that_is_not_there_leads_to_the_next(missing: Answer) -> None:
    """Servers say in many ways that they know nothing of an address."""
    assert listed(missing, documented("v0-models"))[1] == PATHS[:2]
    with pytest.raises(UpstreamError) as raised:
        listed(missing, missing, missing)
    assert raised.value.failure.kind == "wrong_format"


STOPS = [
    (
        answer({"error": {"message": "An LM Studio API token is required", "code": "invalid_api_key"}}, 401),
        "auth",
    ),
    (answer({"error": {"message": "no"}}, 403), "auth"),
    (answer({}, 500), "server"),
    (Answer(status=502, headers={}, body=b"<html>"), "server"),
    (answer({"error": {"message": "slow down"}}, 429), "rate_limit"),
    (answer({"error": "rate limit exceeded"}), "rate_limit"),
    (Answer(status=200, headers={}, body=b'{"models": [{"key'), "wrong_format"),
]


@pytest.mark.parametrize(("stop", "kind"), STOPS)
def test_any_other_failure_is_final(stop: Answer, kind: str) -> None:
    """A listing that was refused or torn is not replaced by one that tells less."""
    with pytest.raises(UpstreamError) as raised:
        listed(stop)
    assert kind == raised.value.failure.kind


INSTANCES = [
    ([("a", 4096), ("b", 8192), ("c", 8192)], ("loaded", 8192, "b", 8192)),
    ([("a", 0), ("b", 2048)], ("loaded", 2048, "b", 2048)),
    ([("a", None)], ("loaded", 0, "a", 9000)),
    ([], ("", 0, "", 9000)),
]


@pytest.mark.parametrize(("instances", "expected"), INSTANCES)
def test_the_largest_loaded_window_counts(
    instances: list[tuple[str, Any]], expected: tuple[str, int, str, int]
) -> None:
    """Of equal ones the first; one that does not tell its window is loaded all the same."""
    lines = [{"id": name, "config": {"context_length": window}} for name, window in instances]
    model = v1(loaded_instances=lines, max_context_length=9000)
    assert expected == (model.state, model.loaded_context, model.loaded_instance, model.context_window)


ABILITIES = [
    ({"vision": True, "trained_for_tool_use": False}, CHATS.replace(images=True, tools=False)),
    ({"reasoning": {"allowed_options": ["on"]}}, CHATS.replace(thinking=True)),
    ({"reasoning": {"allowed_options": ["off"]}}, CHATS.replace(thinking=False)),
    ({"reasoning": {"allowed_options": []}}, CHATS.replace(thinking=False)),
    ({"reasoning": True, "vision": "yes", "trained_for_tool_use": 1}, CHATS),
    (None, CHATS),
]


@pytest.mark.parametrize(("own", "expected"), ABILITIES)
def test_abilities_are_what_the_server_says(own: object, expected: Capabilities) -> None:
    """Yes and no are its words; anything else is unknown."""
    assert expected == v1(type="llm", capabilities=own).capabilities


def test_the_older_listing_names_tools_since_0_3_16() -> None:
    """A list says yes or no, none says nothing."""
    assert v0(type="llm", capabilities=["tool_use"]).capabilities.tools is True
    assert v0(type="llm", capabilities=[]).capabilities.tools is False
    assert v0(type="llm").capabilities.tools is None


@pytest.mark.parametrize(
    ("kind", "chat"),
    [
        ("llm", True),
        (" VLM ", True),
        ("", True),
        ("news", True),
        (None, True),
        ("Embedding", False),
        ("embeddings", False),
        ("rerank", False),
        ("transcription", False),
        ("speech", False),
    ],
)
def test_kinds_that_do_not_chat_are_known(kind: object, chat: bool) -> None:
    """Whatever is not one of them can be talked to."""
    for model in (v1(type=kind), v0(type=kind)):
        assert (model.capabilities.chat, model.capabilities.streaming, model.capabilities.json) == (chat,) * 3
        embeds = model.capabilities.embeddings
        assert embeds is (str(kind).lower().startswith("embed") if model.kind else None)


def test_names_are_usable_and_counted_once() -> None:
    """What cannot be named, or comes again, is skipped and counted."""
    lines = [{"key": name} for name in ("a", "a", "", "b\n", None, 5, "x" * 513, "pub/m@q4")]
    listing, _ = listed(answer({"models": [*lines, 3]}))
    assert [model.name for model in listing.models] == ["a", "pub/m@q4"]
    assert listing.skipped == 7


def test_a_listing_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model over the limit (100,000) is too many."""
    monkeypatch.setattr(collect, "MAX_MODELS", 1000)
    lines = [{"id": f"m{i}"} for i in range(1001)]
    with pytest.raises(UpstreamError, match="more than 1,000 models"):
        listed(UNEXPECTED, UNEXPECTED, answer({"data": lines}))


ENDS = "", "/", "/v1", "/v1/", "/api", "/api/v0", "/api/v1", "/api/v1/models", "/v1/chat/completions"


@pytest.mark.parametrize(
    "end", [*ENDS, "/api/v0/models", "/v1/models", "/api/v0/chat/completions", "/api/v1/chat"]
)
def test_whichever_address_of_a_server_is_given_its_root_is_found(end: str) -> None:
    """Owners copy addresses from anywhere; a query stays."""
    assert root_of(f"http://h:1234{end}") == "http://h:1234"
    assert root_of(f"http://h/lm{end}?t=1") == "http://h/lm?t=1"


FIELDS = (
    "key id models data type capabilities loaded_instances config context_length quantization name error "
    "reasoning allowed_options max_context_length loaded_context_length state publisher params_string"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=6)
    ),
    max_leaves=25,
)
LINES = st.lists(
    st.dictionaries(st.sampled_from(FIELDS.split()), JSON).map(lambda f: {"key": "a", "id": "b"} | f)
)


@settings(max_examples=30)  # twenty milliseconds each
@given(LINES.map(lambda lines: {"models": lines, "data": lines}) | JSON, st.integers(0, 2))
def test_no_listing_is_too_odd_to_read(payload: object, rung: int) -> None:
    """Junk is skipped or refused; what is listed has the types of a model."""
    listing, ended = Listing((), 0), "cancelled"
    try:
        listing, _ = listed(*[UNEXPECTED] * rung, *[answer(payload)] * 3)
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
    for model in listing.models:
        texts = (model.name, model.kind, model.family, model.publisher, model.state, model.loaded_instance)
        assert all(isinstance(value, str) for value in (*texts, model.quantization, model.parameter_size))
        counts = (model.context_window, model.max_context, model.loaded_context, model.size)
        assert all(type(value) is int and value >= 0 for value in counts)
