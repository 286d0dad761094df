"""Verification against real servers: worked examples 47 to 49 of pool-routing-formats."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.wire import Target
from llmpool.discovery.verify import candidate, candidate_at, verify
from llmpool.discovery.verify_rules import Verification
from llmpool.errors import Misuse
from llmpool.net.client import Client
from tests.edges.speaking import Asked, Says, Speaking
from tests.support import closed_port

CHAT, V1, PLAIN, MESSAGES = "/v1/chat/completions", "/v1/responses", "/responses", "/v1/messages"
BAD = (400, {"error": {"message": "not like that"}})
NO = (401, {"error": {"message": "a key, please"}})
FINE = (200, {"id": "x", "status": "completed"})
LEGACY = (400, {"error": {"message": "Unsupported legacy protocol. Use /v1/responses."}})
UNKNOWN = (404, {"error": {"code": "model_not_found", "message": "no such model"}})


def verified(
    paths: dict[str, Says], base: str = "", model: str = "", **fields: Any
) -> tuple[Verification, Speaking]:
    """Verify a server with these paths, at its root or at *base*."""
    with Speaking(paths) as server, Client() as client:
        provider = candidate(server.url + base).replace(**fields)
        target = Target(provider="p", url=server.url + base, key="k-123", auth=provider.auth)
        found = verify(client, provider, target, model=model, progress=lambda text: None)
    return found, server


def statuses(found: Verification) -> dict[str, int]:
    """Give the status of each probe by its name."""
    return {name: probe.status for name, probe in found.probes}


def test_minimax() -> None:
    """Example 47: messages 401, the rest 404: anthropic, at the URL with /anthropic."""
    found, server = verified({"/anthropic/v1/messages": NO}, "/anthropic")
    assert (found.detected, found.recommended) == ("anthropic", "anthropic")
    assert found.recommended_url == f"{server.url}/anthropic"
    assert found.refused
    assert not found.ready


def test_how_messages_are_asked() -> None:
    """Example 47: a plain host gets x-api-key and no Authorization there, and Bearer everywhere else."""
    _, server = verified({MESSAGES: NO, CHAT: NO})
    asked = server.posted(MESSAGES)[-1]
    assert asked.headers["x-api-key"] == "k-123"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in asked.headers
    assert asked.body == {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "ping"}]}],
        "max_tokens": 8,
    }
    assert server.posted(CHAT)[-1].headers["authorization"] == "Bearer k-123"


def test_a_server_for_responses_only() -> None:
    """Example 48: chat sends people to responses, which answers: responses, at its own endpoint."""
    found, server = verified({CHAT: LEGACY, V1: FINE}, "/v1", "gpt-4o")
    assert found.responses_only
    assert (found.detected, found.recommended) == ("responses", "responses")
    assert found.recommended_url == f"{server.url}/v1/responses"
    assert found.responses_status == "completed"
    assert found.chat_error == "Unsupported legacy protocol. Use /v1/responses."
    assert dict(found.profile)["tool_call_mode"] == "full_native"


def test_both_answer() -> None:
    """Example 48: gpt-4o-mini is best asked at chat whatever was detected, a codex model at responses."""
    both: dict[str, Says] = {CHAT: FINE, V1: FINE, PLAIN: FINE}
    found, server = verified(both, "", "gpt-4o-mini")
    assert (found.detected, found.recommended) == ("responses", "openai")
    assert found.recommended_url == server.url
    assert found.source == "detected"
    assert verified(both, "", "gpt-5.3-codex")[0].recommended == "responses"


def test_claude_is_asked_in_its_own_words() -> None:
    """Example 48: messages answer 400 for a Claude model: anthropic."""
    found, _ = verified({CHAT: FINE, MESSAGES: BAD}, "", "claude-3-7-sonnet")
    assert found.recommended == "anthropic"
    assert found.ready


def test_a_page_is_no_endpoint() -> None:
    """Example 48: /responses that serves HTML is not reachable, and the line says why."""
    page = (200, "<!doctype html><html><body>hi</body></html>")
    found, _ = verified({CHAT: FINE, PLAIN: page})
    probe = dict(found.probes)["responses_plain"]
    assert (probe.status, probe.reachable, probe.error) == (200, False, "answered HTML")


def test_models_are_tried_until_one_exists() -> None:
    """Example 49: smart-pro exists nowhere, so cheap-mini is asked, and messages with that one too."""

    def say(asked: Asked) -> tuple[int, Any]:
        return UNKNOWN if asked.model == "smart-pro" else FINE

    listing = (200, {"data": [{"id": "cheap-mini"}, {"id": "smart-pro"}]})
    found, server = verified({"/v1/models": listing, CHAT: say, V1: say, PLAIN: say})
    assert found.model == "cheap-mini"
    for path in (CHAT, V1, PLAIN):
        pinged = [asked.model for asked in server.posted(path) if not is_detection(asked)]
        assert pinged == ["smart-pro", "cheap-mini"]
    assert server.posted(MESSAGES)[-1].model == "cheap-mini"


def is_detection(asked: Asked) -> bool:
    """Whether a question is one of the detection's, which names models nobody listed."""
    return asked.model in ("gpt-4o-mini", "o4-mini", "claude-3-5-haiku-20241022")


def test_one_endpoint_that_knows_the_model_is_enough() -> None:
    """Only when all three say that there is no such model is another tried."""
    listing = (200, {"data": [{"id": "a"}, {"id": "b"}]})
    found, server = verified({"/v1/models": listing, CHAT: UNKNOWN, V1: UNKNOWN, PLAIN: FINE})
    assert found.model == "a"
    assert [asked.model for asked in server.posted(CHAT) if not is_detection(asked)] == ["a"]


def test_without_models_none_is_named() -> None:
    """Example 49: bodies leave the model out, and that it is missing is no complaint."""
    found, server = verified({CHAT: (400, {"error": {"message": "model is required"}})})
    assert (found.model, found.chat_error) == ("", "")
    asked = [each for each in server.posted(CHAT) if not is_detection(each)]
    assert [each.body for each in asked] == [
        {"messages": [{"role": "user", "content": "ping"}], "max_tokens": 8}
    ]
    assert found.ready


def test_a_requested_model_is_the_only_one() -> None:
    """With -m no other model is asked, found or not."""
    listing = (200, {"data": [{"id": "a"}]})
    found, server = verified({"/v1/models": listing, CHAT: UNKNOWN, V1: UNKNOWN, PLAIN: UNKNOWN}, "", "mine")
    assert found.model == "mine"
    assert [asked.model for asked in server.posted(CHAT) if not is_detection(asked)] == ["mine"]


def test_every_probe_is_reported() -> None:
    """Each endpoint with its URL, status and what it said, cut at 180 characters."""
    found, server = verified({"/v1/models": NO, CHAT: (400, {"error": {"message": "x" * 500}})})
    assert list(dict(found.probes)) == [
        "models", "chat_completions", "responses_v1", "responses_plain", "anthropic_messages",
    ]  # fmt: skip
    assert statuses(found) == {
        "models": 401, "chat_completions": 400, "responses_v1": 404, "responses_plain": 404,
        "anthropic_messages": 404,
    }  # fmt: skip
    probe = dict(found.probes)["chat_completions"]
    assert probe.url == server.url + CHAT
    assert probe.error == "x" * 177 + "..."
    document = found.as_json()
    assert document["probes"]["models"] == {
        "url": f"{server.url}/v1/models", "status": 401, "reachable": True, "error": "a key, please",
    }  # fmt: skip
    assert (document["ready"], document["recommended_format"]) == (True, "openai")


def test_nobody_is_there() -> None:
    """An address where nothing listens is told once, with its reason, and quickly."""
    url = f"http://127.0.0.1:{closed_port()}"
    with Client() as client:
        found = verify(client, candidate(url), Target(provider="p", url=url), progress=lambda text: None)
    assert [(name, probe.status) for name, probe in found.probes] == [("models", 0)]
    assert dict(found.probes)["models"].error == "connection refused"
    assert not found.there
    assert not found.refused


def test_a_quota_is_no_bad_key() -> None:
    """A 403 about money is reachable, but neither ready nor a key to replace."""
    spent = (403, {"error": {"message": "insufficient_user_quota"}})
    found, _ = verified({CHAT: spent})
    assert (found.ready, found.refused, found.there) == (False, False, True)


def test_a_bad_key_may_come_as_a_400() -> None:
    """Google's way of saying it counts as a refused key."""
    bad = (400, {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}})
    found, _ = verified({CHAT: bad})
    assert (found.ready, found.refused) == (False, True)


def test_ollama_is_asked_no_question() -> None:
    """Its listing says all; a question would load a model."""
    found, server = verified({"/api/tags": (200, {"models": []}), CHAT: FINE}, "/v1")
    assert (found.detected, found.recommended, found.recommended_url) == ("ollama", "ollama", server.url)
    assert statuses(found) == {"listing": 200}
    assert found.ready
    assert {asked.method for asked in server.asked} == {"GET"}


def test_lmstudio_is_asked_for_the_older_listing_too() -> None:
    """Its own listing is tried at each of its paths; the one that answers is reported."""
    older = {"data": [{"id": "m", "type": "llm", "state": "loaded", "compatibility_type": "gguf"}]}
    found, _ = verified({"/api/v0/models": (200, older)})
    assert found.recommended == "lmstudio"
    assert dict(found.probes)["listing"].url.endswith("/api/v0/models")
    assert found.ready


def test_google_is_recommended_where_nothing_else_answers() -> None:
    """A relay of Google's protocol has no other endpoints; its listing shows that it is there."""
    generate = "/v1beta/models/gemini-1.5-flash:generateContent"
    found, _ = verified({"/v1beta/models": (200, {"models": [{"name": "models/g"}]}), generate: FINE})
    assert (found.detected, found.recommended) == ("google", "google")
    assert statuses(found)["listing"] == 200
    assert found.ready


def test_a_vendors_row_is_taken_at_its_word() -> None:
    """No detection; an exact URL is where its paths begin, and the field for tokens is the vendor's."""
    listing = (200, {"data": [{"id": "m"}]})
    found, server = verified(
        {"/api/v4/models": listing, "/api/v4/chat/completions": FINE},
        "/api/v4",
        preset="glm",
        format="openai",
        exact=True,
        max_tokens_field="max_completion_tokens",
    )
    assert (found.detected, found.recommended, found.source) == ("openai", "openai", "family_default")
    assert statuses(found)["chat_completions"] == 200
    assert server.posted("/api/v4/chat/completions")[0].body["max_completion_tokens"] == 8
    assert len(server.asked) == 5 - 1  # models, chat, messages; both responses URLs are one


def test_anthropic_lists_its_models_in_its_own_way() -> None:
    """At a vendor that wants x-api-key the listing is asked with that."""

    def models(asked: Asked) -> tuple[int, Any]:
        return (200, {"data": [{"id": "claude-x"}]}) if asked.headers.get("x-api-key") == "k-123" else NO

    row = {"preset": "anthropic", "format": "anthropic", "exact": True}
    found, _ = verified({"/v1/models": models, MESSAGES: FINE}, "", "", **row)
    assert (found.model, found.ready, found.recommended) == ("claude-x", True, "anthropic")


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://h.example/v1/", "https://h.example/v1"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_an_address_as_people_type_it(typed: str, url: str) -> None:
    """A scheme may be missing, a slash may be too many."""
    assert candidate_at(typed).url == url


@pytest.mark.parametrize(
    "typed", ["", "https://", "https://u:p@h.example", "https://h example", "ftp://h", "http://h:99999"]
)
def test_what_is_no_address(typed: str) -> None:
    """What the config would refuse is refused here, with the same words."""
    with pytest.raises(Misuse):
        candidate_at(typed)
