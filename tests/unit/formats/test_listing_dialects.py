"""A line of a listing is read in whichever dialect it is written: sizes, abilities, what is for use."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import collect, wire_format
from tests.unit.formats.listed import collected, run
from tests.unit.formats.recordings import recorded

TARGET = Target(provider="p", url="http://h:1/v1")


def lines(*fields: dict[str, Any]) -> list[ObservedModel]:
    """Read lines called a, b, c."""
    return list(collected([{"id": name} | one for name, one in zip("abcdefgh", fields, strict=False)]).models)


def line(**fields: Any) -> ObservedModel:
    """Read one line."""
    (model,) = lines(fields)
    return model


def models_of(name: str) -> dict[str, ObservedModel]:
    """Read a recorded listing."""
    return {m.name: m for m in run(wire_format("openai").list_models(TARGET), recorded(name)).listing.models}


WINDOWS = [
    ({"max_model_len": 8}, 8),
    ({"context_length": 8, "max_model_len": 9}, 9),
    ({"context_window": 8}, 8),
    ({"max_context_length": 8, "context_length": 9}, 8),
    ({"top_provider": {"context_length": 8}, "context_length": 9}, 8),
    ({"top_provider": {"context_length": None}, "context_length": 9}, 9),
    ({"meta": {"n_ctx_train": 8}}, 8),
    ({"limits": {"max_input_tokens": 8}}, 8),
    ({"capabilities": {"limits": {"max_context_window_tokens": 8, "max_prompt_tokens": 7}}}, 8),
    ({"capabilities": {"limits": {"max_prompt_tokens": 7}}}, 7),
    ({"status": {"args": ["--ctx-size", "8"]}, "meta": {"n_ctx_train": 9}}, 8),
    ({"status": {"args": ["--ctx-size", "0"]}, "meta": {"n_ctx_train": 9}}, 9),
    ({"status": {"args": ["--ctx-size"]}}, 0),
    ({"context_length": "8"}, 0),
    ({"context_length": True}, 0),
    ({"context_length": -8, "meta": [], "architecture": 3, "supported_parameters": "tools"}, 0),
    ({}, 0),
]


@pytest.mark.parametrize(("fields", "window"), WINDOWS)
def test_the_context_is_found_under_every_name(fields: dict[str, Any], window: int) -> None:
    """Vendors agree on no name for it, and nonsense is unknown."""
    assert line(**fields).context_window == window


OUTPUTS = [
    ({"top_provider": {"max_completion_tokens": 8}, "max_tokens": 9}, 8),
    ({"max_completion_tokens": 8}, 8),
    ({"max_output_tokens": 8, "max_tokens": 9}, 8),
    ({"max_tokens": 9}, 9),
    ({"limits": {"max_output_tokens": 8}}, 8),
    ({"max_output_tokens": 8.5}, 0),
]


@pytest.mark.parametrize(("fields", "most"), OUTPUTS)
def test_the_longest_answer_is_found_under_every_name(fields: dict[str, Any], most: int) -> None:
    """OpenRouter, Groq, Mistral and GitHub each call it something else."""
    assert line(**fields).max_output == most


ABILITIES = [
    ({"type": "embeddings"}, {"chat": False, "embeddings": True, "tools": False}),
    ({"type": "embedding"}, {"chat": False, "embeddings": True}),
    ({"type": "image"}, {"chat": False, "embeddings": False}),
    ({"type": "rerank"}, {"chat": False, "embeddings": False}),
    ({"type": "vlm"}, {"chat": True, "images": True, "embeddings": None}),
    ({"type": "llm"}, {"chat": True, "images": None}),
    ({"type": "chat"}, {"chat": True}),
    ({"type": "language"}, {"chat": None}),
    ({"type": "llm", "capabilities": ["tool_use"]}, {"chat": True, "tools": True}),
    ({"type": "llm", "capabilities": []}, {"tools": None}),
    (
        {
            "capabilities": {"completion_chat": True, "function_calling": True, "vision": False},
            "type": "base",
        },
        {"chat": True, "tools": True, "images": False},
    ),
    ({"capabilities": {"completion_chat": False, "vision": True}}, {"chat": False, "images": False}),
    (
        {"id": "mistral-embed", "capabilities": {"completion_chat": False}},
        {"chat": False, "embeddings": True},
    ),
    (
        {"capabilities": ["streaming", "tool-calling", "reasoning"], "supported_input_modalities": ["image"]},
        {"streaming": True, "tools": True, "thinking": True, "images": True, "chat": None},
    ),
    ({"supported_output_modalities": ["embeddings"]}, {"chat": False, "embeddings": True}),
    ({"architecture": {"modality": "text+image->text"}}, {"chat": True, "images": True}),
    ({"architecture": {"modality": "text->text"}}, {"chat": True, "images": False}),
    (
        {"id": "openai/text-embedding-3", "architecture": {"output_modalities": ["embeddings"]}},
        {"chat": False, "embeddings": True},
    ),
    ({"id": "a/embedder", "architecture": {"modality": "text->text"}}, {"chat": False, "embeddings": True}),
    (
        {"architecture": {"output_modalities": ["text"]}, "supported_parameters": ["tools", "reasoning"]},
        {"chat": True, "tools": True, "thinking": True, "json": False},
    ),
    ({"supported_parameters": ["structured_outputs"]}, {"json": True, "tools": False, "chat": None}),
    ({"supported_endpoints": ["/responses"]}, {"chat": False}),
    ({"supported_endpoints": ["/responses", "/chat/completions"]}, {"chat": None}),
    ({"supported_endpoints": ["/v1/chat/completions"]}, {"chat": None}),
    ({"owned_by": "llamacpp", "architecture": {"output_modalities": ["text"]}}, {"chat": None}),
]


@pytest.mark.parametrize(("fields", "expected"), ABILITIES)
def test_abilities_are_read_in_every_dialect(
    fields: dict[str, Any], expected: dict[str, bool | None]
) -> None:
    """Yes and no are taken where they are said; the rest stays unknown."""
    said = line(**fields).capabilities.as_dict()
    assert expected == {name: said[name] for name in expected}


def test_a_name_alone_tells_the_listing_nothing() -> None:
    """What the server does not say stays unknown here; names are judged by the registry alone."""
    for model in lines({"id": "text-embedding-3-small"}, {"id": "gpt-5", "object": "model", "owned_by": "x"}):
        assert model.capabilities == Capabilities()


NOT_OFFERED: list[dict[str, Any]] = [
    {"active": False},
    {"model_picker_enabled": False},
    {"architecture": {"modality": "text->image"}},
    {"architecture": {"output_modalities": ["image", "audio"]}},
]


@pytest.mark.parametrize("fields", NOT_OFFERED)
def test_models_that_are_switched_off_or_answer_in_pictures_are_counted_not_listed(
    fields: dict[str, Any],
) -> None:
    """A pool of them would be of no use; the count says that they were there."""
    listing = collected([{"id": "a"} | fields, {"id": "b"}])
    assert ([m.name for m in listing.models], listing.skipped) == (["b"], 1)


STATES = [
    ({"state": "not-loaded"}, "not-loaded"),
    ({"status": {"value": "unloaded"}, "owned_by": "llamacpp", "meta": {"n_ctx": 5}}, "unloaded"),
    ({"owned_by": "llamacpp", "meta": {"n_ctx": 5}}, "loaded"),
    ({"owned_by": "llamacpp"}, ""),
    ({"owned_by": "vllm", "max_model_len": 5}, "loaded"),
    ({"owned_by": "me"}, ""),
]


@pytest.mark.parametrize(("fields", "state"), STATES)
def test_what_a_local_server_has_in_memory_is_told(fields: dict[str, Any], state: str) -> None:
    """llama.cpp and vLLM list what they have loaded; others say so or do not."""
    assert line(**fields).state == state


def test_lm_studio_tells_what_is_loaded_and_with_what_window() -> None:
    """The documented listing of its API v0."""
    models = models_of("documented/lmstudio-v0-models")
    gemma = models["google/gemma-4-26b-a4b"]
    assert (gemma.state, gemma.context_window, gemma.max_context) == ("loaded", 4096, 262144)
    assert (gemma.publisher, gemma.family, gemma.quantization) == ("google", "gemma4", "Q4_K_M")
    embedder = models["text-embedding-nomic-embed-text-v1.5"].capabilities
    assert (embedder.chat, embedder.embeddings) == (False, True)


def test_openrouter_says_what_its_models_take() -> None:
    """Modalities and parameters become capabilities; a text model there chats."""
    model = models_of("aimock/openrouter-models")["ok-model"]
    assert (model.context_window, model.max_output) == (128000, 16384)
    can = model.capabilities
    assert (can.chat, can.tools, can.thinking, can.json, can.images) == (True, True, True, False, False)


def abilities(**fields: Any) -> tuple[object, ...]:
    """Read a line; return its window, and whether it chats, calls tools, sees and thinks."""
    model = line(**fields)
    can = model.capabilities
    return model.context_window, can.chat, can.tools, can.images, can.thinking


def test_abilities_are_read_in_the_words_of_each_vendor() -> None:
    """Fireworks, Moonshot, DeepInfra, Novita, Venice, Vercel: what is not told stays unknown."""
    chats = {"supports_chat": True, "supports_image_input": False, "supports_tools": True}
    assert abilities(context_length=131072, **chats) == (131072, True, True, False, None)
    assert abilities(supports_chat=False, kind="FLUMINA_BASE_MODEL") == (0, False, False, False, False)
    embeds = line(supports_chat=False, kind="EMBEDDING_MODEL").capabilities
    assert (embeds.chat, embeds.embeddings) == (False, True)
    kimi = {"supports_image_in": True, "supports_reasoning": True}
    assert abilities(type="model", context_length=262144, **kimi) == (262144, None, None, True, True)
    told = {"context_length": 32768, "tags": ["vision", "reasoning"]}
    assert abilities(metadata=told) == (32768, None, None, True, True)
    assert abilities(context_size=64000, features=["function-calling"]) == (64000, None, True, None, None)
    spec = {"supportsFunctionCalling": True, "supportsVision": False, "supportsReasoning": True}
    venice = {"availableContextTokens": 32768, "capabilities": spec}
    assert abilities(type="text", model_spec=venice) == (32768, None, True, False, True)
    assert abilities(type="language", tags=["tool-use", "vision"]) == (0, None, True, True, None)


def test_what_an_organisation_has_switched_off_at_copilot_is_not_listed() -> None:
    """It is picked by nobody and refused when it is called."""
    lines = [{"id": "on", "policy": {"state": "enabled"}}, {"id": "off", "policy": {"state": "disabled"}}]
    assert [model.name for model in collected(lines).models] == ["on"]


def test_unusable_lines_are_skipped_and_counted() -> None:
    """Names with escapes, blank, too long, doubled or missing are not models; one with slashes is."""
    bad: list[Any] = ["", " ", "a\x1b[31m", "a\nb", "a\u202eb", "x" * 10_000, 3, None, "m", "a\ud83d"]
    listing = collected([{"id": "m"}, {"id": "a/b/c"}, *({"id": name} for name in bad), 5, {}])
    assert ([m.name for m in listing.models], listing.skipped) == (["m", "a/b/c"], 12)


def test_a_hundred_thousand_lines_are_the_limit_over_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server cannot fill the memory with names; the rule is tried with a thousand."""
    assert collect.MAX_MODELS == 100_000
    monkeypatch.setattr(collect, "MAX_MODELS", 1000)
    page = [{"id": str(n)} for n in range(1000)]
    assert len(collected(page).models) == 1000
    with pytest.raises(UpstreamError):
        collected(page, [{"id": "one"}])


def test_words_of_a_server_are_cut_and_cleaned() -> None:
    """No field of a line brings control characters or novels into the inventory."""
    model = line(type="a\x1b[31mb", publisher="x" * 1000, arch=3)
    assert (model.kind, len(model.publisher), model.family) == ("a [31mb", 80, "")
