"""How each server is told to load and unload, and what it says is in its memory."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats.loading import LOADING, InMemory, Wish, loading
from llmpool.formats.loading_llamacpp import FIXED, LlamaCppLoading
from llmpool.formats.loading_lmstudio import TOO_OLD, LMStudioLoading
from llmpool.formats.loading_ollama import OllamaLoading
from tests.contract.lmstudio.shapes import documented
from tests.unit.formats.listed import answer
from tests.unit.formats.recordings import recorded

LM = Target(provider="lm", url="http://lm:1234/v1", key="k")
DEN = Target(provider="den", url="http://den:11434")
ROUTER = Target(provider="r", url="http://r:8080")


def play(flow: Generator[Call, Answer, Any], *answers: Answer) -> tuple[Any, list[Call]]:
    """Give *answers* to what a flow asks; return what it makes of them, and what it asked."""
    calls, rest = [next(flow)], list(answers)
    try:
        while True:
            calls.append(flow.send(rest.pop(0)))
    except StopIteration as end:
        assert not rest
        return end.value, calls


def failure(flow: Generator[Call, Answer, Any], *answers: Answer) -> Any:
    """Return the failure that a flow ends with."""
    with pytest.raises(UpstreamError) as caught:
        play(flow, *answers)
    return caught.value.failure


def body(call: Call) -> Any:
    """Return what a call sends."""
    return json.loads(call.body or b"null")


def test_lmstudio_is_told_model_and_window_and_says_what_it_loaded() -> None:
    """5.3.2: model, context_length and echo_load_config; the answer names the instance and its window."""
    found, (call,) = play(
        LMStudioLoading().load(LM, Wish("openai/gpt-oss-20b", 16384)), documented("v1-models-load")
    )
    assert (call.method, call.url) == ("POST", "http://lm:1234/api/v1/models/load")
    assert body(call) == {
        "model": "openai/gpt-oss-20b",
        "context_length": 16384,
        "echo_load_config": True,
    }
    assert ("authorization", "Bearer k") in call.headers
    assert found == InMemory("openai/gpt-oss-20b", instance="openai/gpt-oss-20b", context=16384)


@pytest.mark.parametrize("context", [0, -1])
def test_a_window_that_is_none_is_not_sent(context: int) -> None:
    """5.3: a negative length counts as 0, and 0 leaves the field out."""
    _, (call,) = play(LMStudioLoading().load(LM, Wish("m", context)), answer({"status": "loaded"}))
    assert body(call) == {"model": "m", "echo_load_config": True}


def test_lmstudio_unloads_an_instance_by_its_id() -> None:
    """5.3.1: the body has the instance's id, not the model's name; without one they are the same."""
    for instance, said in (("m:2", "m:2"), ("", "m")):
        _, (call,) = play(LMStudioLoading().unload(LM, "m", instance), documented("v1-models-unload"))
        assert call.url == "http://lm:1234/api/v1/models/unload"
        assert body(call) == {"instance_id": said}


@pytest.mark.parametrize(
    "said",
    [
        answer({"error": "Unexpected endpoint or method. (POST /api/v1/models/load)"}),
        answer({"error": "Unexpected endpoint or method. (POST /api/v1/models/load)"}, 404),
        answer({"error": "not here"}, 404),
        answer({}, 405),
    ],
)
def test_an_lmstudio_before_0_4_is_told_apart_from_a_load_that_failed(said: Answer) -> None:
    """A server that knows nothing of loading says so in several ways, one of them with status 200."""
    told = failure(LMStudioLoading().load(LM, Wish("m", 8192)), said)
    assert (told.code, told.message) == ("no_loading", TOO_OLD)


def test_a_load_that_failed_keeps_the_servers_words() -> None:
    """Not enough memory, no such model: what the server said is what is shown."""
    oom = answer({"error": {"message": "insufficient system resources", "type": "x"}}, 500)
    assert failure(LMStudioLoading().load(LM, Wish("m")), oom).message == "insufficient system resources"
    unknown = answer({"error": {"type": "model_not_found", "message": "Model 'm' not found"}}, 404)
    assert failure(LMStudioLoading().load(LM, Wish("m")), unknown).kind == "model_not_found"


def test_lmstudio_lists_every_instance_with_its_window() -> None:
    """A model that is loaded twice is in memory twice."""
    found, _ = play(LMStudioLoading().in_memory(LM), documented("v1-models-two-loaded"))
    assert found
    assert all(entry.instance and entry.context and entry.size for entry in found)
    one, _ = play(LMStudioLoading().in_memory(LM), documented("v1-models"))
    assert one == (
        InMemory("google/gemma-4-26b-a4b", instance="google/gemma-4-26b-a4b", context=4096, size=17990911801),
    )


def test_an_older_lmstudio_lists_what_is_loaded_too() -> None:
    """Before 0.4 there is one listing less."""
    old = documented("unexpected-endpoint")
    found, calls = play(LMStudioLoading().in_memory(LM), old, documented("v0-models-loaded"))
    assert [call.url.rpartition("/api/")[2] for call in calls] == ["v1/models", "v0/models"]
    assert found
    assert {entry.state for entry in found} == {"loaded"}


def test_ollama_loads_by_a_request_without_a_prompt() -> None:
    """Window and time to stay go along; what is not wished for is not sent."""
    done = answer({"model": "m", "response": "", "done": True, "done_reason": "load"})
    found, (call,) = play(OllamaLoading().load(DEN, Wish("m", 32768, 600.0)), done)
    assert (call.method, call.url) == ("POST", "http://den:11434/api/generate")
    assert body(call) == {
        "model": "m",
        "stream": False,
        "options": {"num_ctx": 32768},
        "keep_alive": 600,
    }
    assert found == InMemory("m", context=32768)
    _, (bare,) = play(OllamaLoading().load(DEN, Wish("m")), done)
    assert body(bare) == {"model": "m", "stream": False}
    _, (ever,) = play(OllamaLoading().load(DEN, Wish("m", 0, -1.0)), done)
    assert body(ever)["keep_alive"] == -1


def test_ollama_loads_a_model_that_only_embeds_by_embedding_nothing() -> None:
    """It refuses to generate, and takes the same order at its own endpoint."""
    refused = answer({"error": '"nomic-embed-text" does not support generate'}, 400)
    done = answer({"model": "e", "embeddings": []})
    _, calls = play(OllamaLoading().load(DEN, Wish("e", 2048)), refused, done)
    assert calls[1].url == "http://den:11434/api/embed"
    assert body(calls[1]) == {"model": "e", "stream": False, "options": {"num_ctx": 2048}, "input": ""}


def test_ollama_unloads_with_a_keep_alive_of_nothing() -> None:
    """Keeping a model alive for 0 seconds is how it is unloaded."""
    _, (call,) = play(OllamaLoading().unload(DEN, "m", ""), answer({"done": True, "done_reason": "unload"}))
    assert body(call) == {"model": "m", "keep_alive": 0, "stream": False}


def test_ollama_says_size_window_gpu_and_until_when() -> None:
    """Times come with any offset and nine digits, and are told in UTC."""
    ps = {
        "name": "gemma4:latest",
        "size": 6591830464,
        "size_vram": 5333539264,
        "context_length": 4096,
        "expires_at": "2025-10-17T16:47:07.933551234-07:00",
    }
    found, (call,) = play(OllamaLoading().in_memory(DEN), answer({"models": [ps, {"name": "\x1b"}, 7]}))
    assert call.url == "http://den:11434/api/ps"
    assert found == (
        InMemory(
            "gemma4:latest",
            context=4096,
            size=6591830464,
            vram=5333539264,
            until="2025-10-17T23:47:07Z",
        ),
    )


@pytest.mark.parametrize(
    "never", ["0001-01-01T00:00:00Z", "0999-12-31T23:59:59+01:00", "2026-11-22", 5, None]
)
def test_a_time_that_is_none_is_told_as_none(never: object) -> None:
    """The zero of Go's times is the year 1, which no time of ours can be written as."""
    found, _ = play(OllamaLoading().in_memory(DEN), answer({"models": [{"name": "m", "expires_at": never}]}))
    assert found == (InMemory("m"),)


def test_the_router_answers_an_order_before_it_is_carried_out() -> None:
    """llama.cpp says success at once; its listing says how far it has come."""
    way = LlamaCppLoading()
    found, calls = play(
        way.load(ROUTER, Wish("tiny-chat")), recorded("llama-router/01-models-before"), _load()
    )
    assert [call.url for call in calls] == ["http://r:8080/v1/models", "http://r:8080/models/load"]
    assert body(calls[1]) == {"model": "tiny-chat"}
    assert found.state == "loading"
    under_way, _ = play(way.look(ROUTER, "tiny-chat"), recorded("llama-router/05-models-loading"))
    assert under_way.state == "loading"
    there, _ = play(way.look(ROUTER, "tiny-chat"), recorded("llama-router/07-models-two-loaded"))
    assert there == InMemory("tiny-chat", context=2048, size=755456)


def _load() -> Answer:
    return recorded("llama-router/04-load")


def test_a_model_that_the_router_has_loaded_is_not_ordered_again() -> None:
    """One that is loaded, or was loaded in between, is what was wanted."""
    way = LlamaCppLoading()
    _, calls = play(way.load(ROUTER, Wish("tiny-chat")), recorded("llama-router/07-models-two-loaded"))
    assert len(calls) == 1
    before, again = recorded("llama-router/01-models-before"), recorded("llama-router/09-load-again")
    found, _ = play(way.load(ROUTER, Wish("tiny-chat")), before, again)
    assert found.state == "loading"


def test_a_model_that_would_not_load_at_the_router_is_a_failure() -> None:
    """The order succeeds all the same; the status says how it ended."""
    told = failure(
        LlamaCppLoading().look(ROUTER, "missing-file"), recorded("llama-router/18-models-after-failure")
    )
    assert (told.kind, "exit code 1" in told.message) == ("server", True)


def test_the_router_unloads_and_lists_what_is_left() -> None:
    """A model that is not running is one that is unloaded."""
    way, listed = LlamaCppLoading(), recorded("llama-router/07-models-two-loaded")
    for said in ("llama-router/12-unload", "llama-router/19-unload-not-loaded"):
        _, calls = play(way.unload(ROUTER, "tiny-chat", ""), listed, recorded(said))
        assert (calls[1].url, body(calls[1])) == ("http://r:8080/models/unload", {"model": "tiny-chat"})
    found, _ = play(way.in_memory(ROUTER), listed)
    assert [entry.name for entry in found] == ["tiny-chat", "tiny-think"]


def test_a_server_of_one_model_is_told_nothing() -> None:
    """llama.cpp with one model, vLLM and others keep what they were started with, and say what that is."""
    one = answer({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096}]})
    assert failure(LlamaCppLoading().load(ROUTER, Wish("m")), one).message == FIXED
    assert failure(LlamaCppLoading().unload(ROUTER, "m", ""), one).message == FIXED
    found, _ = play(LlamaCppLoading().in_memory(ROUTER), one)
    assert [(entry.name, entry.context) for entry in found] == [("m", 4096)]


def test_which_formats_can_load() -> None:
    """Three servers are told to load; the protocols of the cloud have no word for it."""
    assert sorted(LOADING) == ["lmstudio", "ollama", "openai"]
    assert [loading(name) for name in ("anthropic", "google", "responses", "copilot")] == [None] * 4
    assert [loading(name).takes_context for name in sorted(LOADING)] == [True, True, False]  # type: ignore[union-attr]


FIELDS = (
    "models data key id name status value loaded_instances config context_length size size_vram expires_at "
    "instance_id load_config state"
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS.split()),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JUNK, st.sampled_from(sorted(LOADING)))
def test_no_junk_raises_anything_but_an_upstream_error(junk: Any, name: str) -> None:
    """Wrong types in every place of an answer are told or passed over, never stumbled over."""
    way = loading(name)
    assert way is not None
    for flow in (way.load(LM, Wish("m", 1)), way.unload(LM, "m", ""), way.in_memory(LM)):
        try:
            flow.send(None)
            while True:
                flow.send(answer(junk))
        except (StopIteration, UpstreamError):
            continue
