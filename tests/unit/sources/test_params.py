"""Parameters that an owner sets for a provider, and what a caller says instead (pool-routing-formats 2.3)."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

PARAMS = {"temperature": 0.25, "top_p": 0.5, "max_tokens": 2048}

# where each format has them: temperature, top_p, longest answer
PLACES = {
    "openai": ("temperature", "top_p", "max_tokens"),
    "anthropic": ("temperature", "top_p", "max_tokens"),
    "responses": ("temperature", "top_p", "max_output_tokens"),
    "google": ("generationConfig.temperature", "generationConfig.topP", "generationConfig.maxOutputTokens"),
    "ollama": ("options.temperature", "options.top_p", "options.num_predict"),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_providers_parameters_are_sent_unless_the_caller_says_otherwise(home: Home, name: str) -> None:
    """In every format: what the caller leaves open is the owner's, what he says is his own."""
    with FakeServer(["m"], speaks=[name]) as server:
        url = server.url if name in ("openai", "responses") else server.url.removesuffix("/v1")
        home.write_config(provider("p", url, format=name, params=PARAMS), model("p/m"))
        asked = ("chat", "hi", "-m", "p/m", "--force")
        assert home.here(*asked).code == 0
        assert home.here(*asked, "--temperature", "0", "--max-tokens", "64").code == 0
        theirs, own = ([at(chat.json, place) for place in PLACES[name]] for chat in server.chats)
    assert theirs == [0.25, 0.5, 2048]
    assert own == [0, 0.5, 64]


def at(body: object, place: str) -> object:
    """Return what a body has at a place."""
    for step in place.split("."):
        assert isinstance(body, dict)
        body = body[step]
    return body


def test_what_nobody_set_is_not_sent(home: Home, server: FakeServer) -> None:
    """2.3: unset means the model's own default, which is no figure of ours."""
    home.write_config(provider("den", server.url), model("den/m"))
    assert home.here("chat", "hi").code == 0
    assert not {"temperature", "top_p", "max_tokens"} & server.chats[0].json.keys()


PENALTIES = {"frequency_penalty": 0.5, "presence_penalty": -1}

# where each format has them; the protocols of Anthropic and of the responses endpoint have none
PLACES_OF_PENALTIES = {
    "openai": ("frequency_penalty", "presence_penalty"),
    "google": ("generationConfig.frequencyPenalty", "generationConfig.presencePenalty"),
    "ollama": ("options.frequency_penalty", "options.presence_penalty"),
    "anthropic": (),
    "responses": (),
}


@pytest.mark.parametrize("name", PLACES_OF_PENALTIES)
def test_penalties_are_sent_where_the_format_has_them(home: Home, name: str) -> None:
    """Both between -2 and 2; elsewhere a call is sent without, for there is no field to put them in."""
    with FakeServer(["m"], speaks=[name]) as server:
        url = server.url if name in ("openai", "responses") else server.url.removesuffix("/v1")
        home.write_config(provider("p", url, format=name, params=PENALTIES), model("p/m"))
        assert home.here("chat", "hi", "-m", "p/m", "--force").code == 0
        (sent,) = server.chats
    places = PLACES_OF_PENALTIES[name]
    assert [at(sent.json, place) for place in places] == [0.5, -1][: len(places)]
    assert ("enalty" in sent.body.decode()) is bool(places)
