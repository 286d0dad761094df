"""Listing an address nobody knows anything about: one protocol after the other (pool-routing-formats 6.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.discovery.listing import Found, first_that_answers
from llmpool.net.client import Client
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, provider

LITELLM = {"big": {"mode": "chat", "max_input_tokens": 9000}, "small": {"mode": "embedding"}}
NOTHING = {"object": "list", "data": []}


@pytest.fixture
def client() -> Iterator[Client]:
    """Open a client for one test."""
    with Client() as client:
        yield client


def found(client: Client, server: FakeServer, *, nearby: bool = False, end: str = "") -> Found:
    """List what is at the address of *server*."""
    target = Target(provider="p", url=server.root + end, key="k")
    return first_that_answers(client, target, nearby=nearby, seconds=20.0)


def names(listed: Found) -> list[str]:
    """Name the models."""
    return [model.name for model in listed.listing.models]


@pytest.mark.parametrize("nearby", [True, False])
@pytest.mark.parametrize("speaks", ["openai", "anthropic", "google", "ollama"])
def test_whoever_answers_is_the_format(client: Client, speaks: str, nearby: bool) -> None:
    """Not a prompt is sent for it."""
    with FakeServer(["a"], speaks=(speaks,)) as server:
        listed = found(client, server, nearby=nearby)
        assert (listed.format, names(listed), server.chats) == (speaks, ["a"], [])


@pytest.mark.parametrize(("nearby", "told"), [(True, "lmstudio"), (False, "openai")])
def test_a_server_of_ones_own_is_asked_in_its_own_words_first(
    client: Client, nearby: bool, told: str
) -> None:
    """LM Studio answers as OpenAI too, but tells more in its own way; far away nobody runs one."""
    with FakeServer(["a"], speaks=("lmstudio",)) as server:
        assert found(client, server, nearby=nearby).format == told


@pytest.mark.parametrize(
    ("end", "path"),
    [("", "/model/info"), ("", "/v1/model/info"), ("/v1", "/model/info"), ("/v1", "/models/info")],
)
def test_a_litellm_proxy_without_a_listing_of_its_own(client: Client, end: str, path: str) -> None:
    """The names are the keys of an object, wherever the proxy has it; it is spoken to as OpenAI."""
    with FakeServer(speaks=("cloudcode",), routes={path: {"data": LITELLM}}) as server:
        listed = found(client, server, end=end)
    assert (listed.format, names(listed)) == ("openai", ["big", "small"])
    assert (listed.listing.models[0].context_window, listed.listing.models[1].capabilities.chat) == (
        9000,
        False,
    )


def test_an_empty_listing_does_not_end_the_search(client: Client) -> None:
    """Somebody else may have models; where nobody has, that nobody has is no failure."""
    tags = {"models": [{"name": "a:latest", "model": "a:latest"}]}
    with FakeServer(speaks=("cloudcode",), routes={"/v1/models": NOTHING, "/api/tags": tags}) as server:
        listed = found(client, server)
        assert (listed.format, names(listed)) == ("ollama", ["a:latest"])
    with FakeServer(speaks=("cloudcode",), routes={"/v1/models": NOTHING}) as server:
        assert found(client, server) == Found("openai", found(client, server).listing)
        assert names(found(client, server)) == []


@pytest.mark.parametrize(
    ("routes", "kind", "words"),
    [
        ({}, "wrong_format", "no listing in any format (openai: "),
        ({"/model/info": faults.status(401)}, "auth", ""),
        ({"/v1/models": faults.status(401)}, "auth", ""),
        ({"/v1/models": faults.status(429)}, "rate_limit", ""),
    ],
)
def test_where_nobody_answers_the_most_telling_failure_is_told(
    client: Client, routes: dict[str, Any], kind: str, words: str
) -> None:
    """A refused key says more than pages that are not there, of which all are named."""
    with FakeServer(speaks=("cloudcode",), routes=routes) as server, pytest.raises(UpstreamError) as raised:
        found(client, server)
    assert (raised.value.failure.kind, words in raised.value.failure.message) == (kind, True)


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (Failure(kind="connect", message="refused"), 1),
        (Failure(kind="timeout", message="late", code="connect_timeout"), 1),
        (Failure(kind="wrong_format", message="gone", code="redirect"), 1),
        (Failure(kind="timeout", message="silent", code="first_token_timeout"), 6),
    ],
)
def test_where_nobody_is_nobody_is_asked_again(failure: Failure, asked: int) -> None:
    """An address that swallows connections would otherwise cost a time-out for each protocol."""

    class Nobody(Client):
        sent = 0

        def send(self, call: Call) -> Answer:
            """Fail as the wire does."""
            self.sent += 1
            raise UpstreamError(failure)

    nobody = Nobody()
    with pytest.raises(UpstreamError) as raised:
        first_that_answers(nobody, Target(provider="p", url="http://h"), nearby=True, seconds=20.0)
    assert (nobody.sent, raised.value.failure.kind) == (asked, failure.kind)


def test_openrouters_free_profile_lists_what_is_free(home: Home) -> None:
    """By the name's ending or by prices of nothing; what costs and what does not say is left out."""
    free, priced = {"prompt": "0", "completion": "0"}, {"prompt": "0.000001", "completion": "0"}
    lines = [
        {"id": "openai/gpt-oss-20b:free"},
        {"id": "qwen/qwen3-14b", "pricing": free},
        {"id": "openai/gpt-5", "pricing": priced},
        {"id": "who/knows"},
    ]
    with FakeServer(lines) as server:
        home.write_config(
            provider("orf", server.url, preset="openrouter-free", format=None, key={"env": "ORF"}),
            provider("or", server.url, preset="openrouter", format=None, key={"env": "ORF"}),
        )
        assert home.here("refresh", env={"ORF": "k"}).code == 0
        listed = home.here("models", "list", "--json").json["models"]
    ids = [each["id"] for each in listed]
    assert [each for each in ids if each.startswith("orf/")] == [
        "orf/openai/gpt-oss-20b:free",
        "orf/qwen/qwen3-14b",
    ]
    assert len([each for each in ids if each.startswith("or/")]) == 4
