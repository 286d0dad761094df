"""The rules of a verification: worked examples 46, 48, 49 and 51 of pool-routing-formats."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.discovery import verify_rules as rules
from llmpool.discovery.verify_rules import Probe, Urls, Verification
from llmpool.formats.plan import Memory, plan
from tests.edges.test_state_formats import made

HOST = "https://relay.example.com"
FIVE = Urls(
    f"{HOST}/v1/models",
    f"{HOST}/v1/chat/completions",
    f"{HOST}/v1/messages",
    f"{HOST}/v1/responses",
    f"{HOST}/responses",
)


def test_where_minimax_is_asked() -> None:
    """Example 46: messages below /anthropic, all else off the root."""
    assert rules.urls("https://api.minimaxi.com/anthropic") == Urls(
        "https://api.minimaxi.com/v1/models",
        "https://api.minimaxi.com/v1/chat/completions",
        "https://api.minimaxi.com/anthropic/v1/messages",
        "https://api.minimaxi.com/v1/responses",
        "https://api.minimaxi.com/responses",
    )


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1", "/v1/", "/v1/responses", "/V1/Responses", "/responses", "/v1/messages", "/v1/models"],
)
def test_whatever_was_copied_leads_to_the_same_five(path: str) -> None:
    """Example 46: root, /v1 and whole endpoints of one host are one address."""
    made_urls = rules.urls(HOST + path)
    assert Urls(*(url.replace("/V1/Responses", "/v1/responses") for url in made_urls)) == FIVE


@pytest.mark.parametrize(
    ("path", "field", "url"),
    [
        ("/chat/completions", "chat", "/chat/completions"),
        ("/messages", "anthropic", "/messages"),
        ("/models", "models", "/models"),
        ("/anthropic/v1/messages", "anthropic", "/anthropic/v1/messages"),
        ("/anthropic/messages", "anthropic", "/anthropic/messages"),
        ("/anthropic/v1/chat/completions", "chat", "/anthropic/v1/chat/completions"),
    ],
)
def test_an_endpoint_is_used_as_it_is(path: str, field: str, url: str) -> None:
    """The family whose endpoint was given is asked there; responses hang off the root."""
    where = rules.urls(HOST + path)
    assert getattr(where, field) == HOST + url
    assert (where.responses_v1, where.responses_plain) == FIVE[3:]


def test_other_versions_are_taken_at_their_word() -> None:
    """An address that ends in /v4, or a vendor's own row, is where chat completions begin."""
    for path in ("/api/paas/v4", "/api/paas/v4/chat/completions"):
        where = rules.urls(HOST + path)
        assert where.chat == f"{HOST}/api/paas/v4/chat/completions"
        assert where.models == f"{HOST}/api/paas/v4/models"
    row = rules.urls("https://api.perplexity.ai", exact=True)
    assert row.chat == "https://api.perplexity.ai/chat/completions"
    assert row.responses_v1 == row.responses_plain == "https://api.perplexity.ai/responses"


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}, ["a", "b"]),
        ({"models": [{"name": "n", "model": "m", "id": "i"}]}, ["i", "m", "n"]),
        ({"data": ["a"], "models": ["b"]}, ["a", "b"]),
        (["a", {"id": "b"}], ["a", "b"]),
        ({"data": {"a": 1}}, []),
        ({"data": [{"id": 7}, {"id": "bad\u202e"}, None, {"id": ""}]}, []),
        ("text", []),
        (None, []),
    ],
)
def test_models_are_found_in_any_listing(listing: object, names: list[str]) -> None:
    """Objects and plain names, under `data`, `models` or neither, each name once; unusable ones never."""
    assert rules.listed_models(json.dumps(listing)) == names
    assert rules.listed_models("<html>") == []


def test_the_most_able_model_is_tried_first() -> None:
    """Example 49: the requested one alone; else by score, at last none, and never hundreds."""
    assert rules.models_to_try("x", ["a", "b"]) == ["x"]
    assert rules.models_to_try("", ["cheap-mini", "smart-pro"]) == ["smart-pro", "cheap-mini", ""]
    assert rules.models_to_try("", []) == [""]
    assert len(rules.models_to_try("", map(str, range(1000)))) == rules.MOST_CANDIDATES + 1


@pytest.mark.parametrize(
    ("status", "text", "unknown"),
    [
        (404, '{"error": {"code": "model_not_found"}}', True),
        (400, "Unknown Model: x", True),
        (422, "the model x was not found", True),
        (404, "The model `x` does not exist.", True),
        (404, "404 page not found", False),
        (404, "Not Found", False),
        (401, "model not found", False),
        (200, "model not found", False),
        (500, "no such model", False),
    ],
)
def test_what_says_there_is_no_such_model(status: int, text: str, unknown: bool) -> None:
    """A status that may say so, and words that do."""
    assert rules.is_unknown_model(status, text) is unknown


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 405])
def test_reachable(status: int) -> None:
    """Good answers, and complaints about the question or the key."""
    assert rules.is_reachable(status)


@pytest.mark.parametrize("status", [0, 301, 404, 410, 422, 429, 500, 503])
def test_not_reachable(status: int) -> None:
    """All others show no endpoint that works."""
    assert not rules.is_reachable(status)


@pytest.mark.parametrize(
    ("said", "model", "error"),
    [
        ({"error": {"message": "no"}}, "m", "no"),
        ({"message": "no"}, "m", "no"),
        ({"error": "no"}, "m", ""),
        ({"error": {"message": 7}, "message": ["x"]}, "m", ""),
        ({"error": {"message": "Model is required"}}, "", ""),
        ({"error": {"message": "Model is required"}}, "m", "Model is required"),
        ({"error": {"message": "缺少模型"}}, "", ""),
        ({"error": {"message": "x" * 300}}, "m", "x" * 177 + "..."),
        ({"error": {"message": "a\u202e\nb"}}, "m", "a b"),
        ([1], "m", ""),
    ],
)
def test_chat_error(said: object, model: str, error: str) -> None:
    """Example 49: what chat complains of, unless it is only that no model was named."""
    assert rules.chat_error(json.dumps(said), model) == error


def test_responses_status() -> None:
    """The status the answer names, else its complaint."""
    assert rules.responses_status('{"status": "incomplete"}', "m") == "incomplete"
    assert rules.responses_status('{"status": 200, "error": {"message": "no"}}', "m") == "no"
    assert rules.responses_status("no JSON", "m") == ""


def probes(**statuses: int) -> dict[str, Probe]:
    """Make probes with these statuses at the URLs they have at the test's host."""
    urls = {
        "models": FIVE.models,
        "chat_completions": FIVE.chat,
        "anthropic_messages": FIVE.anthropic,
        "responses_v1": FIVE.responses_v1,
        "responses_plain": FIVE.responses_plain,
        "listing": f"{HOST}/api/tags",
    }
    return {
        name: Probe(urls[name], status, rules.is_reachable(status), status in (401, 403))
        for name, status in statuses.items()
    }


@pytest.mark.parametrize(
    ("model", "detected", "statuses", "only", "wanted"),
    [
        ("gpt-4o", "openai", {"chat_completions": 400, "responses_v1": 200}, True, "responses"),
        ("gpt-4o", "openai", {"chat_completions": 400, "responses_v1": 404}, True, "openai"),
        ("gpt-4o-mini", "responses", {"chat_completions": 200, "responses_v1": 200}, False, "openai"),
        ("gpt-5.3-codex", "openai", {"chat_completions": 200, "responses_v1": 200}, False, "responses"),
        (
            "claude-3-7-sonnet",
            "openai",
            {"chat_completions": 200, "anthropic_messages": 400},
            False,
            "anthropic",
        ),
        ("gpt-4o", "google", {"listing": 200}, False, "google"),
        ("gpt-4o", "google", {"listing": 200, "chat_completions": 404}, False, "google"),
        ("gpt-4o", "ollama", {"listing": 200}, False, "ollama"),
        ("gpt-4o", "anthropic", {"chat_completions": 404}, False, "anthropic"),
        ("gpt-4o", "", {}, False, "openai"),
    ],
)
def test_the_recommended_format(
    model: str, detected: str, statuses: dict[str, int], only: bool, wanted: str
) -> None:
    """Example 48: the first of the plan that answers; a chat that sends people to responses does not."""
    planned = plan(made(), model, Memory(detected=detected))
    assert rules.recommended(planned, detected, probes(**statuses), responses_only=only) == wanted


@pytest.mark.parametrize(
    ("name", "base", "statuses", "url"),
    [
        ("responses", HOST, {"responses_v1": 200, "responses_plain": 200}, f"{HOST}/v1/responses"),
        ("responses", HOST, {"responses_v1": 404, "responses_plain": 400}, f"{HOST}/responses"),
        ("responses", f"{HOST}/v1", {}, HOST),
        ("openai", f"{HOST}/v1/chat/completions", {}, HOST),
        ("openai", f"{HOST}/api/v1/", {}, f"{HOST}/api"),
        ("anthropic", f"{HOST}/anthropic", {}, f"{HOST}/anthropic"),
        ("anthropic", f"{HOST}/anthropic/v1/messages", {}, f"{HOST}/anthropic"),
        ("anthropic", f"{HOST}/Anthropic/messages", {}, f"{HOST}/Anthropic"),
        ("anthropic", f"{HOST}/v1/messages", {}, HOST),
        ("google", HOST, {}, HOST),
    ],
)
def test_the_recommended_url(name: str, base: str, statuses: dict[str, int], url: str) -> None:
    """The endpoint for responses, /anthropic where it was, the root for all others."""
    assert rules.recommended_url(name, base, probes(**statuses)) == url


def test_a_url_that_the_detection_came_upon() -> None:
    """Where the usual responses endpoints do not answer, the one that was found is used."""
    codex = "https://chatgpt.com/backend-api/codex/responses"
    assert rules.recommended_url("responses", "https://chatgpt.com", {}, codex) == codex
    assert rules.recommended_url("responses", f"{HOST}/v1", {}, f"{HOST}/v1") == HOST


@pytest.mark.parametrize(
    ("statuses", "ready", "refused"),
    [
        ({"models": 200, "chat_completions": 401}, True, False),
        ({"models": 400}, False, False),
        ({"models": 401, "chat_completions": 405}, True, False),
        ({"models": 404, "anthropic_messages": 400}, True, False),
        ({"models": 404, "responses_v1": 200}, True, False),
        ({"listing": 200}, True, False),
        ({"listing": 405}, False, False),
        ({"models": 401, "chat_completions": 403, "responses_v1": 404}, False, True),
        ({"models": 404, "chat_completions": 500}, False, False),
        ({}, False, False),
    ],
)
def test_ready_or_refused(statuses: dict[str, int], ready: bool, refused: bool) -> None:
    """Ready with a listing or an endpoint for questions; refused when all that is there wants a key."""
    found = Verification(url=HOST, probes=tuple(probes(**statuses).items()))
    assert (found.ready, found.refused) == (ready, refused)


def test_a_bad_question_is_ready_but_a_bad_key_is_not() -> None:
    """A 400 counts, unless it is about the key, as Google's is."""
    fine = Verification(url=HOST, probes=(("chat_completions", Probe(FIVE.chat, 400, True)),))
    key = Verification(url=HOST, probes=(("chat_completions", Probe(FIVE.chat, 400, True, True)),))
    assert (fine.ready, fine.refused) == (True, False)
    assert (key.ready, key.refused) == (False, True)


@pytest.mark.parametrize(
    ("name", "location", "only", "profile"),
    [
        ("openai", "cloud", True, ("full_native", True, True, True, 65536)),
        ("responses", "cloud", False, ("full_native", True, True, True, 65536)),
        ("openai", "local", False, ("lite_native", False, True, True, 32768)),
        ("anthropic", "cloud", False, ("lite_native", False, True, True, 32768)),
        ("google", "cloud", False, ("lite_native", False, True, True, 32768)),
        ("copilot", "cloud", False, ("lite_native", False, True, True, 32768)),
        ("cloudcode", "cloud", False, ("lite_native", False, True, True, 32768)),
        ("lmstudio", "local", False, ("lite_native", False, True, True, 32768)),
        ("ollama", "local", False, ("exec_only", False, False, False, 0)),
        ("ollama", "cloud", False, ("exec_only", False, False, False, 0)),
        ("", "local", False, ("exec_only", False, False, False, 0)),
        ("", "cloud", False, ("text_only", False, False, False, 8192)),
        ("telepathy", "cloud", False, ("text_only", False, False, False, 8192)),
    ],
)
def test_the_capability_profile(name: str, location: str, only: bool, profile: tuple[object, ...]) -> None:
    """Example 51 and section 10's table, row by row."""
    found = dict(rules.capability_profile(name, made(location=location), responses_only=only))
    assert tuple(found.values())[:5] == profile
    assert (found["supports_vision"], found["supports_audio"]) == (False, False)


def test_a_provider_that_is_named_for_its_eyes() -> None:
    """The id tells of vision."""
    for name in ("my-vision-box", "gpt-4o", "Gemini"):
        assert dict(rules.capability_profile("openai", made(name)))["supports_vision"] is True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["data", "id", "error", "message"]), inner)
    ),
)


@given(JSON, st.text())
def test_no_answer_is_too_odd(said: object, model: str) -> None:
    """Whatever a server says, names that come out of it are usable and nothing breaks."""
    text = json.dumps(said)
    assert all(name.strip() for name in rules.listed_models(text))
    assert len(rules.chat_error(text, model)) <= rules.MOST_ERROR
    assert isinstance(rules.responses_status(text, model), str)
