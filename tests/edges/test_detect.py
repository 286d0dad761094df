"""Detection by probing: worked example 43 of pool-routing-formats, and what servers do to mislead it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.credentials import takes_bearer
from llmpool.discovery.detect import Detected, detect, exists, look_at_all, supported
from llmpool.discovery.detect import Seen as Looked
from llmpool.discovery.detect_calls import CANDIDATES, headers_for, joined
from llmpool.net.client import Client
from tests.edges.speaking import Asked, Says, Speaking
from tests.support import closed_port

BAD = (400, {"error": {"message": "no such thing as a ping"}})
NO = (401, {"error": {"message": "a key, please"}})
FINE = (200, {"ok": True})
PAGE = (200, "<!doctype html>\n<html><head><title>Sign in</title></head></html>")
LEGACY = (400, {"error": {"message": "unsupported legacy protocol: use /v1/responses instead"}})
CODEX = "/backend-api/codex/responses"


def found(paths: dict[str, Says], base: str = "", **more: Any) -> tuple[Detected, Speaking]:
    """Detect what a server with these paths speaks, asked at its root or at *base*."""
    with Speaking(paths, **more) as server, Client() as client:
        return detect(client, Target(provider="p", url=server.url + base, key="k-123")), server


def test_chat_answers() -> None:
    """Example 43: chat 400 and the plain one 405 are openai, two paths, tools and images: 19 points."""
    detected, _ = found({"/v1/chat/completions": BAD, "/chat/completions": (405, {})})
    assert detected == Detected("openai", "", (("openai", 19),))


def test_a_lone_codex_path() -> None:
    """Example 43: one path that answers 400 is 17 points; elsewhere than at its vendor the URL stays."""
    detected, server = found({CODEX: BAD})
    assert detected == Detected("responses", server.url, (("responses", 17),))


def test_a_server_that_answers_at_responses_only() -> None:
    """Example 43: a chat path that sends people to /v1/responses is none; the base keeps its /v1."""
    detected, server = found({"/v1/chat/completions": LEGACY, "/v1/responses": BAD}, "/v1")
    assert (detected.format, detected.url) == ("responses", f"{server.url}/v1")


class Stub:
    """A client that reaches nobody: it answers from a table of paths, everything else is not there."""

    def __init__(self, paths: dict[str, tuple[int, Any]]) -> None:
        self.paths = paths

    def send(self, call: Call) -> Answer:
        """Answer as the table says."""
        path = call.url.partition("://")[2].partition("/")[2]
        status, said = self.paths.get(f"/{path}", (404, {}))
        return Answer(status=status, headers={}, body=json.dumps(said).encode())


@pytest.mark.parametrize("host", ["chatgpt.com", "chat.openai.com", "openai.com"])
def test_the_vendor_of_codex(host: str) -> None:
    """Example 43: at its own hosts the whole endpoint is where to ask."""
    detected = detect(Stub({CODEX: BAD}), Target(provider="p", url=f"https://{host}"))  # type: ignore[arg-type]
    assert (detected.format, detected.url) == ("responses", f"https://{host}{CODEX}")


def test_a_generic_path_at_the_vendor_proposes_nothing() -> None:
    """Only its special path is an endpoint of its own."""
    stub: Any = Stub({"/v1/responses": BAD, CODEX: (410, {})})
    assert detect(stub, Target(provider="p", url="https://openai.com/")).url == "https://openai.com"


def test_messages_are_anthropic() -> None:
    """A server that knows messages alone speaks Anthropic's protocol."""
    assert found({"/v1/messages": NO})[0] == Detected("anthropic", "", (("anthropic", 17),))


def test_google_is_found_by_its_listing() -> None:
    """A listing is asked for, not a prompt; its features are tried at a model of its own."""
    generate = "/v1beta/models/gemini-1.5-flash:generateContent"
    detected, server = found({"/v1beta/models": (200, {"models": []}), generate: BAD})
    assert detected == Detected("google", "", (("google", 17),))
    listings = [asked for asked in server.asked if asked.path == "/v1beta/models"]
    assert [asked.method for asked in listings] == ["GET"]
    assert listings[0].headers["x-goog-api-key"] == "k-123"
    assert listings[0].headers["authorization"] == "Bearer k-123"
    assert not [asked for asked in server.asked if "k-123" in asked.path]


def test_most_points_win_and_the_first_of_equals() -> None:
    """Two paths beat one; among equals the order is openai, responses, anthropic, google."""
    both = {"/v1/responses": BAD, "/responses": BAD, "/v1/chat/completions": BAD}
    detected, _ = found(both)
    assert detected.scores == (("openai", 17), ("responses", 19))
    assert detected.format == "responses"
    assert found({"/v1/chat/completions": BAD, "/v1/messages": BAD})[0].format == "openai"


def test_features_count_unless_they_are_refused() -> None:
    """4 for tools, 3 for images; a body that says it knows neither takes them away."""

    def chat(asked: Any) -> tuple[int, Any]:
        return (400, {"error": "unknown field: tools"}) if "tools" in asked.body else BAD

    assert found({"/v1/chat/completions": chat})[0].scores == (("openai", 13),)
    blind = (400, {"error": "Invalid image, and model does not support tools"})
    assert found({"/v1/chat/completions": blind})[0].scores == (("openai", 10),)
    assert found({"/v1/chat/completions": (500, {})})[0].scores == (("openai", 10),)


def test_only_pings_are_sent() -> None:
    """No prompt but `ping`, one token at most, and features only where a path exists."""
    _, server = found({"/v1/chat/completions": FINE})
    posted = [asked for asked in server.asked if asked.method == "POST"]
    for asked in posted:
        assert asked.body.get("max_tokens", asked.body.get("max_output_tokens")) == 1
        assert "ping" in json.dumps(asked.body)
    assert len(server.posted("/v1/chat/completions")) == 3
    assert len(server.posted("/v1/messages")) == 1
    assert not [asked for asked in posted if "tools" in asked.body and asked.path != "/v1/chat/completions"]


def test_keys_go_the_way_of_each_format() -> None:
    """Bearer, but `x-api-key` with a version for messages; what the owner set is left alone."""
    _, server = found({"/v1/chat/completions": BAD})
    chat, messages = server.posted("/v1/chat/completions")[0], server.posted("/v1/messages")[0]
    assert chat.headers["authorization"] == "Bearer k-123"
    assert messages.headers["x-api-key"] == "k-123"
    assert messages.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in messages.headers
    own = (("X-Api-Key", "mine"), ("Anthropic-Version", "2024-10-22"))
    assert (
        headers_for(Target(provider="p", url="https://h.example", key="k", headers=own), "anthropic") == own
    )


def test_minimax_takes_a_bearer_key() -> None:
    """Its messages endpoint wants no x-api-key, at either of its hosts."""
    target = Target(provider="p", url="https://api.minimax.io/anthropic", key="k")
    assert headers_for(target, "anthropic") == (
        ("authorization", "Bearer k"),
        ("anthropic-version", "2023-06-01"),
    )
    other = Target(provider="p", url="https://minimax.io.example", key="k")
    assert headers_for(other, "anthropic")[0] == ("x-api-key", "k")
    assert not takes_bearer("https://notminimax.io/anthropic")


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://h.example", "/v1/messages", "https://h.example/v1/messages"),
        ("https://h.example/v1", "/v1/messages", "https://h.example/v1/messages"),
        ("https://h.example/v1/", "/messages", "https://h.example/v1/messages"),
        ("https://h.example/v1/responses", "/v1/responses", "https://h.example/v1/responses"),
        ("https://h.example/v", "/v1/messages", "https://h.example/v/v1/messages"),
        ("https://h.example/openai/v1", "/v1/messages", "https://h.example/openai/v1/messages"),
        ("https://h.example/openai/v1/", "/v1beta/models", "https://h.example/openai/v1/v1beta/models"),
        ("https://h.example/v1/chat/completions", "/v1/messages", "https://h.example/v1/messages"),
        ("https://h.example/a/v1/responses", "/chat/completions", "https://h.example/a/v1/chat/completions"),
        ("https://h.example:8/a/b", "/responses", "https://h.example:8/a/b/responses"),
    ],
)
def test_paths_are_joined_once(base: str, path: str, url: str) -> None:
    """A version that the base has already is not doubled."""
    assert joined(base, path) == url


def test_ollama_needs_no_prompt() -> None:
    """Its own listing settles it; nothing is posted, at /v1 neither."""
    tags = {"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest"}]}
    for base in ("", "/v1"):
        detected, server = found({"/api/tags": (200, tags), "/v1/chat/completions": FINE}, base)
        assert detected == Detected("ollama")
        assert {asked.method for asked in server.asked} == {"GET"}
    assert found({"/api/tags": (200, {"models": []})})[0].format == "ollama"
    assert found({"/api/tags": (200, {"models": None})})[0].format == "ollama"


def test_lmstudio_by_either_listing() -> None:
    """The newer listing has keys and types, the older one states; unknown paths answer 200 with an error."""
    unknown = (200, {"error": "Unexpected endpoint or method. (GET /x)"})
    newer = {"models": [{"type": "llm", "key": "google/gemma-3-4b", "loaded_instances": []}]}
    older = {"data": [{"id": "m", "type": "llm", "state": "loaded", "compatibility_type": "gguf"}]}
    assert found({"/api/v1/models": (200, newer)}, otherwise=unknown)[0] == Detected("lmstudio")
    assert found({"/api/v0/models": (200, older)}, otherwise=unknown)[0] == Detected("lmstudio")


@pytest.mark.parametrize("end", ["/api", "/api/tags", "/api/chat", "/api/v0", "/api/v1/models"])
def test_a_native_server_is_known_by_any_of_its_addresses(end: str) -> None:
    """What people copy from their own documentation leads to the same server as its root."""
    tags = {"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest"}]}
    keys = {"models": [{"type": "llm", "key": "google/gemma-3-4b", "loaded_instances": []}]}
    assert found({"/api/tags": (200, tags)}, end)[0] == Detected("ollama")
    assert (
        found({"/api/v1/models": (200, keys), f"{end}/v1/chat/completions": FINE}, end)[0].format
        == "lmstudio"
    )


@pytest.mark.parametrize(
    "paths",
    [
        {"/api/tags": (200, {"models": [{"name": "m"}], "object": "list", "data": [{"id": "m"}]})},
        {"/api/tags": (200, {"data": []})},
        {"/api/tags": (200, {"models": "many"})},
        {"/api/tags": (200, {"models": ["m"]})},
        {"/api/tags": PAGE},
        {"/api/tags": (200, [1])},
        {"/api/tags": (500, {"models": []})},
        {"/api/v1/models": (200, {"data": [{"id": "openai/gpt-4o", "pricing": {}}]})},
        {"/api/v1/models": (200, {"models": [{"name": "m"}]})},
        {"/api/v0/models": (200, {"data": []})},
        {"/api/v0/models": (200, {"data": [{"id": "m", "type": "llm"}]})},
    ],
)
def test_look_alikes_are_none(paths: dict[str, Says]) -> None:
    """llama.cpp answers Ollama's listing, gateways answer LM Studio's path: neither is what it seems."""
    assert found(paths | {"/v1/chat/completions": BAD})[0].format == "openai"


@pytest.mark.parametrize("says", [NO, FINE, (405, {}), (502, {"error": "bad gateway"}), (400, {}), (429, {})])
def test_who_answers_alike_everywhere_tells_nothing(says: Says) -> None:
    """A login in front of every path hides what is behind it: openai is a guess, without points."""
    assert found({}, otherwise=says)[0] == Detected("openai")


@pytest.mark.parametrize(
    "says", [PAGE, (404, {}), (410, {}), (302, ""), (200, {"error": "Unexpected endpoint"})]
)
def test_what_is_no_answer(says: Says) -> None:
    """Pages, redirects and well-mannered refusals show no endpoint."""
    assert found({}, otherwise=says)[0] == Detected("openai")


def test_a_page_beside_an_endpoint() -> None:
    """A site that answers pages for unknown paths does not hide the endpoint it has."""
    detected, _ = found({"/v1/messages": BAD}, otherwise=PAGE)
    assert detected == Detected("anthropic", "", (("anthropic", 17),))
    denied = (403, "<html><body>no</body></html>")
    assert found({"/v1/responses": denied, "/v1/messages": BAD})[0].format == "anthropic"


def test_a_model_that_is_not_there_shows_its_endpoint() -> None:
    """Servers like vLLM answer 404 for a model they do not have; that is no missing path."""
    vllm = (404, {"object": "error", "message": "The model `gpt-4o-mini` does not exist.", "code": 404})
    assert found({"/v1/chat/completions": vllm})[0] == Detected("openai", "", (("openai", 10),))
    gone = (404, {"type": "error", "error": {"message": "model: claude-3-5-haiku-20241022"}})
    assert found({"/v1/messages": gone})[0].format == "anthropic"
    echo = (404, {"error": "Cannot GET /v1/models"})
    assert found({"/v1/models": echo, "/v1/messages": BAD})[0].scores == (("anthropic", 17),)


def test_a_door_that_wants_another_key_hides_nothing() -> None:
    """A server that checks Bearer keys ahead of paths says 401 to other keys: that is no other format."""

    def say(asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("authorization") != "Bearer k-123":
            return NO
        return BAD if asked.path == "/v1/chat/completions" else (404, {})

    assert found({}, otherwise=say)[0] == Detected("openai", "", (("openai", 17),))


def test_an_endless_answer_shows_no_endpoint() -> None:
    """No API answers one token with a quarter of a mebibyte; a long listing is one."""
    page = (200, {"padding": "p" * 300_000})
    assert found({"/v1/chat/completions": page, "/v1/messages": BAD})[0].format == "anthropic"
    lines = {"models": [{"name": f"m{n}", "padding": "p" * 100} for n in range(10_000)]}
    assert found({"/api/tags": (200, lines)})[0].format == "ollama"


def test_nobody_is_there() -> None:
    """When nothing listens, the reason is told after the first round and nothing is posted."""
    with Client() as client:
        detected = detect(client, Target(provider="p", url=f"http://127.0.0.1:{closed_port()}"))
    assert detected.format == "openai"
    assert detected.failure is not None
    assert detected.failure.kind == "connect"


def test_who_answers_nothing_is_not_asked_on() -> None:
    """Three listings without an answer in 4 seconds are enough."""
    asked: list[Call] = []

    class Hung:
        def send(self, call: Call) -> Answer:
            asked.append(call)
            raise UpstreamError(Failure(kind="timeout", message="no answer within 4 s"))

    detected = detect(Hung(), Target(provider="p", url="http://h.example"))  # type: ignore[arg-type]
    assert detected.failure is not None
    assert [call.method for call in asked] == ["GET", "GET", "GET"]
    assert {call.timeouts.first_token for call in asked} == {4.0}


def test_a_hung_path_is_no_answer() -> None:
    """A probe that fails counts as a path that is not there."""
    failed = Looked(failure=Failure(kind="timeout", message="no answer within 4 s"))
    assert not any(exists(c.format, failed) or supported(c.format, failed) for c in CANDIDATES)


def test_equal_questions_are_asked_once() -> None:
    """Where two paths are one URL it is asked once, and both count."""
    detected, server = found({"/v1/chat/completions": BAD}, "/v1")
    assert detected.scores == (("openai", 19),)
    assert len(server.posted("/v1/chat/completions")) == 3


def test_results_keep_their_places() -> None:
    """Side by side or not, each call gets its own result; a failure is a result too."""

    class Odd:
        def send(self, call: Call) -> Answer:
            if call.url.endswith("2"):
                raise UpstreamError(Failure(kind="broken", message="gone"))
            return Answer(status=int(call.url[-1]), headers={}, body=b"")

    calls = [Call(method="GET", url=f"http://h/{n}") for n in (1, 2, 3, 1)]
    seen = look_at_all(Odd(), calls)  # type: ignore[arg-type]
    assert [each.status for each in seen] == [1, 0, 3, 1]
    assert seen[1].failure is not None
