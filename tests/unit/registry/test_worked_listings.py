"""The worked examples of reconcile-resolve 18 on catalogs (C2-C5, C7, C10): what is listed, then merged.

A provider's answers go through its format and the registry, so that the figures are those in force. What was
never said is unknown here and no no (DESIGN ruling 15), and then a name or the format may decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from llmpool.core.config import ProviderTable, Routing
from llmpool.core.deployment import Capabilities, DeclaredModel, Deployment, ObservedModel
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import wire_format
from llmpool.formats.base import Listing
from llmpool.registry import compiled
from tests.unit.registry.layers import DEN, SKY, deployments, discovered_as, inventory, listing, registry

NAMES = ("chat", "streaming", "embeddings", "images", "thinking")


def answer(payload: Any, status: int = 200) -> Answer:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Answer(status=status, headers={}, body=body)


def listed(name: str, url: str, reply: Callable[[Call], Answer]) -> tuple[Listing, list[Call]]:
    """List what a server at *url* has, in the format *name*; return it with the calls that it took."""
    target = Target(provider="sky", url=url, key="test-key", exact=True)
    flow, calls = wire_format(name).list_models(target), list[Call]()
    try:
        call = next(flow)
        while True:
            calls.append(call)
            call = flow.send(reply(call))
    except StopIteration as end:
        return end.value, calls


def merged(name: str, url: str, *lines: Any, key: str = "data") -> dict[str, Deployment]:
    """List *lines* in one answer and merge them; by the model's name."""
    found, _ = listed(name, url, lambda _: answer({key: list(lines)}))
    return {each.model: each for each in deployments(SKY, observed={"sky": found.models}).values()}


def can(found: Deployment | ObservedModel) -> str:
    """Name what a model can for sure, of chat, streaming, embeddings, images and thinking."""
    return " ".join(name for name in NAMES if getattr(found.capabilities, name))


def ollama(shown: Mapping[str, Any], status: int = 200) -> Callable[[Call], Answer]:
    """Answer as C2 has it: one model in the tags, and what `/api/show` says of it."""
    tags = {"models": [{"name": "qwen3:8b", "size": 12345, "digest": "sha256:test"}]}
    answers = {"/api/tags": answer(tags), "/api/show": answer(shown, status)}
    return lambda call: answers.get(f"/{call.url.split('/', 3)[3]}", answer({}, 404))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["completion", "embedding"], "chat streaming embeddings"),
        (["completion", "vision"], "chat streaming images"),
        (["completion", "thinking"], "chat streaming thinking"),
        (["tools"], "chat streaming"),  # a model that chats can be streamed here, whoever calls it chat only
    ],
)
def test_c2_what_ollama_says_of_a_model(said: list[str], expected: str) -> None:
    """C2: qwen3:8b with 4096 tokens of context; `https://h/api/` is asked at `https://h/api/tags`."""
    shown = {"capabilities": said, "model_info": {"llama.context_length": 4096}}
    found, calls = listed("ollama", "https://h/api/", ollama(shown))
    assert calls[0].url == "https://h/api/tags"
    (model,) = found.models
    assert (model.name, model.size, model.digest) == ("qwen3:8b", 12345, "sha256:test")
    (deployment,) = deployments(DEN, observed={"den": found.models}).values()
    assert (can(deployment), deployment.context_window) == (expected, 4096)


def test_c2_a_model_that_cannot_be_shown_is_listed_all_the_same() -> None:
    """C2 has all false and context 0 after a 500; here that is unknown (ruling 15), and its name may tell."""
    (model,) = listed("ollama", "https://h/api/", ollama({}, 500))[0].models
    assert (model.capabilities, model.context_window) == (Capabilities(), 0)


M1 = ObservedModel(
    name="m1", capabilities=Capabilities(chat=True, streaming=True, embeddings=False), context_window=4096
)
M2 = ObservedModel(
    name="m2", capabilities=Capabilities(chat=False, streaming=False, embeddings=True), context_window=512
)
C3 = (
    DeclaredModel(id="den/m1", context_window=0, supports=(("embeddings", True),)),
    DeclaredModel(id="den/m3", context_window=8192, supports=(("chat", True),)),
)


@pytest.mark.parametrize(("word", "by_name"), [("explicit", "only by name"), ("routable", "")])
def test_c3_declared_and_observed_are_laid_over_each_other(word: str, by_name: str) -> None:
    """C3: m1 can all it was seen to and what was declared, with the window of the server; m2 is as observed.

    Auto-discovery on or off is `discovered` (ruling 6). A declared window of 0 lets the server tell, and the
    declared row is never written back: the config is its owner's (DESIGN 3.4).
    """
    seen = {"den": [M1, M2]}
    found = deployments(DEN, models=C3, observed=seen, **discovered_as(word))
    assert list(found) == ["den/m1", "den/m2", "den/m3"]
    assert can(found["den/m1"]) == "chat streaming embeddings"
    assert [each.context_window for each in found.values()] == [4096, 512, 8192]
    assert (can(found["den/m2"]), found["den/m2"].blocked) == ("embeddings", by_name)
    assert found["den/m1"].declared == C3[0]
    shown = compiled.listing_document(registry(DEN, models=C3, observed=seen), inventory(seen))["models"]
    assert [each.get("unavailable_reason") for each in shown] == [None, None, "configured, not seen upstream"]


def test_c3_a_declared_window_stays() -> None:
    """C3: declared with 2048, m1 has 2048, whatever its server says."""
    declared = [DeclaredModel(id="den/m1", context_window=2048)]
    assert deployments(DEN, models=declared, observed={"den": [M1]})["den/m1"].context_window == 2048


def test_c4_openai_is_listed_page_by_page() -> None:
    """C4: two calls with `Bearer test-key`; gpt-5 and the embedding model with what their names tell."""
    first = answer({"data": [{"id": "gpt-5"}], "has_more": True, "last_id": "gpt-5"})
    second = answer({"data": [{"id": "text-embedding-3-small"}], "has_more": False})
    found, calls = listed(
        "openai", "https://api.openai.com/v1", lambda call: second if "after" in call.url else first
    )
    base = "https://api.openai.com/v1/models"
    assert [call.url for call in calls] == [base, f"{base}?after=gpt-5"]
    assert {dict(call.headers)["authorization"] for call in calls} == {"Bearer test-key"}
    gpt, embedder = deployments(SKY, observed={"sky": found.models}).values()
    assert (gpt.id, gpt.max_output, gpt.context_window) == ("sky/gpt-5", 128000, 0)
    assert can(gpt) == "chat streaming images thinking"  # the source infers no thinking from a name; 6.5 does
    assert can(embedder) == "embeddings"


C4 = {
    "gpt-4o": "chat streaming images",
    "gpt-4": "chat streaming",
    "o3-mini": "chat streaming thinking",
    "o4-mini": "chat streaming images thinking",
    "gpt-4o-audio-preview": "",
    "gpt-4o-search-preview": "chat streaming",
    "gpt-3.5-turbo-instruct": "",  # prompt only, which has no place here (DESIGN 3.1)
    "omni-moderation-latest": "",
    "brand-new-model": "chat streaming",
}


def test_c4_names_of_openais_models_tell_what_they_can() -> None:
    """C4: who sees, who does not chat; a family nobody knows chats."""
    found = merged("openai", "https://api.openai.com/v1", *({"id": name} for name in C4))
    assert {name: can(each) for name, each in found.items()} == C4


C5 = (
    DeclaredModel(id="sky/gpt-5:latest", context_window=1000),
    DeclaredModel(id="sky/qwen", context_window=2000),
)


def gone(seen: Mapping[str, list[ObservedModel | str]], *models: DeclaredModel) -> dict[str, str | None]:
    """Tell the reasons why deployments are not available, by id."""
    made = registry(SKY, models=models, observed=seen, routing=Routing(discovered="explicit"))
    shown = compiled.listing_document(made, inventory(seen))["models"]
    return {each["id"]: each.get("unavailable_reason") for each in shown}


def test_c5_declared_models_of_openai() -> None:
    """C5: gpt-5:latest is the observed gpt-5 with a window of 1000 and answers of 128000, and keeps its name.

    gpt-4o is there only by name. A declared model that is not listed makes no error of its provider (ruling
    15: status is derived and never filters); it says itself that it was not seen upstream.
    """
    seen: dict[str, list[ObservedModel | str]] = {"sky": ["gpt-5", "gpt-4o"]}
    assert gone(seen, *C5) == {
        "sky/gpt-4o": "only by name",
        "sky/gpt-5:latest": None,
        "sky/qwen": "configured, not seen upstream",
    }
    found = deployments(SKY, models=C5, observed=seen)["sky/gpt-5:latest"]
    assert (found.context_window, found.max_output, found.observed) == (
        1000,
        128000,
        ObservedModel(name="gpt-5"),
    )
    assert gone(seen, C5[1])["sky/qwen"] == "configured, not seen upstream"
    assert set(gone(seen).values()) == {"only by name"}


def test_c7_gemini() -> None:
    """C7: 8192 in, 2048 out, chat, embeddings and thinking; the id is provider/model without `models/`.

    One listing has it all (nothing is described one by one), so that its failure is the provider's; then the
    last good models stay, marked stale (ruling 7).
    """
    line = {
        "name": "models/gemini-flash-latest",
        "inputTokenLimit": 8192,
        "outputTokenLimit": 2048,
        "thinking": True,
        "supportedGenerationMethods": ["generateContent", "embedContent"],
    }
    found = merged("google", "https://g.test", line, key="models")["gemini-flash-latest"]
    assert (found.id, found.context_window, found.max_output) == ("sky/gemini-flash-latest", 8192, 2048)
    assert can(found) == "chat streaming embeddings thinking"
    assert found.capabilities.images is False
    with pytest.raises(UpstreamError) as broken:
        listed("google", "https://g.test", lambda _: answer({"error": {"message": "later"}}, 500))
    assert (broken.value.failure.kind, broken.value.failure.status) == ("server", 500)


def routed(name: str, modality: str, **more: Any) -> dict[str, Any]:
    """Make a line of OpenRouter's."""
    return {"id": name, "architecture": {"modality": modality}} | more


def test_c7_openrouter() -> None:
    """C7: of 128000 the top provider takes 64000 and answers with 8192; pictures alone are no model."""
    top = {"context_length": 64000, "max_completion_tokens": 8192}
    found = merged(
        "openai",
        "https://openrouter.ai/api/v1",
        routed("deepseek/chat", "text->text", context_length=128000, top_provider=top),
        routed("a/sees", "text+image->text"),
        routed("a/draws-too", "text->text+image"),
        routed("a/draws", "text->image"),
    )
    told = {name: (can(each), each.capabilities.images) for name, each in found.items()}
    assert told == {
        "deepseek/chat": ("chat streaming", False),
        "a/sees": ("chat streaming images", True),
        "a/draws-too": ("chat streaming", False),
    }
    assert (found["deepseek/chat"].context_window, found["deepseek/chat"].max_output) == (64000, 8192)


def test_c7_mistral() -> None:
    """C7: pixtral sees as it says, an embedding model only embeds, and no capabilities are no vision."""
    found = merged(
        "openai",
        "https://api.mistral.ai/v1",
        {"id": "pixtral-12b", "capabilities": {"completion_chat": True, "vision": True}},
        {"id": "mistral-embed", "capabilities": {"completion_chat": False}, "max_context_length": 8192},
        {"id": "mistral-large", "max_context_length": 131072, "max_tokens": 4096},
    )
    assert {name: can(each) for name, each in found.items()} == {
        "pixtral-12b": "chat streaming images",
        "mistral-embed": "embeddings",
        "mistral-large": "chat streaming",
    }
    assert (found["mistral-large"].context_window, found["mistral-large"].max_output) == (131072, 4096)


def test_c7_anthropic() -> None:
    """C7: 200000 in, 64000 out, sees and thinks as it says; nothing said is a no for who has no such name."""
    able = {"image_input": {"supported": True}, "thinking": {"supported": True}}
    found = merged(
        "anthropic",
        "https://api.anthropic.com",
        {"id": "first", "max_input_tokens": 200000, "max_tokens": 64000, "capabilities": able},
        {"id": "second"},
    )
    assert (found["first"].context_window, found["first"].max_output) == (200000, 64000)
    assert (can(found["first"]), can(found["second"])) == (
        "chat streaming images thinking",
        "chat streaming",
    )


def test_c7_vllm() -> None:
    """C7: qwen3:32b with a window of 32768 chats and does not embed.

    An empty list is a listing: its provider is well and has nothing (ruling 1 calls such a listing healthy),
    which `models list` and the issues of `providers list` say in place of the source's error.
    """
    found = merged("openai", "http://h:8000/v1", {"id": "qwen3:32b", "max_model_len": 32768})["qwen3:32b"]
    assert (found.context_window, can(found)) == (32768, "chat streaming")
    empty, _ = listed("openai", "http://h:8000/v1", lambda _: answer({"object": "list", "data": []}))
    assert empty == Listing((), 0, base=empty.base)
    assert deployments(SKY, observed={"sky": empty.models}) == {}


@pytest.mark.parametrize(
    ("owner", "model", "observed"),
    [(ProviderTable(id="openai"), "gpt-5", None), (DEN, "Qwen/Qwen3-32B", True)],
)
def test_c10_the_owners_word_on_thinking_goes_before_what_was_observed(
    owner: ProviderTable, model: str, *, observed: bool | None
) -> None:
    """C10: declared true it thinks, declared false an observed true is suppressed; vision is said beside it.

    A name is exact in case (ruling 1), where the source's providers were not.
    """
    line = ObservedModel(name=model, capabilities=Capabilities(chat=True, thinking=observed))
    for word in (True, False):
        for more in ((), (("images", True),)):
            declared = DeclaredModel(id=f"{owner.id}/{model}", supports=(("thinking", word), *more))
            (found,) = deployments(owner, models=[declared], observed={owner.id: [line]}).values()
            assert found.capabilities.thinking is word
            assert found.capabilities.images is True or not more


def test_c7_a_failed_listing_keeps_what_was_there() -> None:
    """C7 has a failure empty its provider; here its models stay (ruling 7), and nobody is called gone."""
    failed = listing("sky", ["a"], error="later", stale_since="2026-11-21T03:44:00Z")
    made = registry(SKY, observed={"sky": ["a"]})
    (shown,) = compiled.listing_document(made, inventory({}).replace(providers={"sky": failed}))["models"]
    assert (shown["available"], shown["stale_since"]) == (True, "2026-11-21T03:44:00Z")
