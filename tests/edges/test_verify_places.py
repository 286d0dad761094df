"""Verification of servers that keep their endpoints, or their pages, where they are not expected."""

from __future__ import annotations

import pytest

from tests.edges.speaking import Says
from tests.edges.test_verify import BAD, CHAT, FINE, NO, PLAIN, V1, statuses, verified

BARE = "/chat/completions"
PAGE = (200, "<!doctype html><html><body>hi</body></html>")


@pytest.mark.parametrize("base", ["", "/api"])
def test_chat_without_a_version(base: str) -> None:
    """It is found where /v1 is none, and its whole endpoint is the URL to use."""
    found, server = verified({base + BARE: FINE}, base, "m")
    assert (found.detected, found.recommended) == ("openai", "openai")
    assert found.recommended_url == f"{server.url}{base}{BARE}"
    assert statuses(found)["chat_completions"] == 200
    assert found.ready
    assert found.works


def test_a_listing_without_a_version_names_the_models() -> None:
    """The models it lists are asked, one after the other until one exists."""
    listing = (200, {"data": [{"id": "m"}]})
    found, server = verified({"/models": listing, BARE: BAD})
    assert (found.model, statuses(found)["models"]) == ("m", 200)
    assert dict(found.probes)["models"].url == f"{server.url}/models"


def test_a_whole_endpoint_without_a_version_stays() -> None:
    """What its owner copied is where it answers; the root would not do."""
    found, server = verified({BARE: FINE}, BARE, "m")
    assert found.recommended_url == server.url + BARE


@pytest.mark.parametrize("says", [(404, {}), (410, {}), (500, {}), PAGE])
def test_nothing_without_a_version_either(says: Says) -> None:
    """Then chat is reported where it was expected."""
    found, server = verified({BARE: says, V1: FINE}, "", "m")
    assert dict(found.probes)["chat_completions"].url == server.url + CHAT
    assert found.recommended == "responses"


def test_pages_everywhere_are_nothing() -> None:
    """A site that answers every path with a page is not ready, whatever its status says."""
    found, _ = verified(dict.fromkeys(("/v1/models", CHAT, V1, PLAIN, "/v1/messages", BARE), PAGE))
    assert (found.there, found.ready) == (False, False)
    assert {probe.error for _, probe in found.probes} == {"answered HTML"}


@pytest.mark.parametrize(
    "tags", [PAGE, (405, {}), (404, {}), (200, {"data": []}), (200, {"error": "Unexpected endpoint"})]
)
def test_a_native_preset_at_another_server(tags: Says) -> None:
    """Whatever stands where Ollama's listing was: what is there is recommended, and the preset is named."""
    row = {"preset": "ollama", "format": "ollama"}
    found, _ = verified({"/api/tags": tags, CHAT: FINE}, "", "m", **row)
    assert (found.misfit, found.recommended, found.ready) == ("ollama", "openai", True)
    assert next(iter(statuses(found))) == "listing"
    assert not dict(found.probes)["listing"].reachable


@pytest.mark.parametrize(
    ("tags", "row"),
    [
        (NO, {"preset": "ollama", "format": "ollama"}),
        ((503, {}), {"preset": "ollama", "format": "ollama"}),
        ((404, {}), {"preset": "ollama-cloud", "format": "ollama", "exact": True}),
    ],
)
def test_a_preset_is_kept(tags: Says, row: dict[str, object]) -> None:
    """A refused key and a busy server are no other program; a vendor's own address is the vendor's."""
    found, server = verified({"/api/tags": tags, CHAT: FINE}, "", "m", **row)
    assert (found.misfit, found.recommended, list(statuses(found))) == ("", "ollama", ["listing"])
    assert server.posted(CHAT) == []


def test_lmstudio_behind_the_preset_of_ollama() -> None:
    """One native program may have made way for another."""
    newer = {"models": [{"type": "llm", "key": "google/gemma-3-4b", "loaded_instances": []}]}
    row = {"preset": "ollama", "format": "ollama"}
    found, _ = verified({"/api/v1/models": (200, newer)}, "", "", **row)
    assert (found.misfit, found.recommended, found.ready) == ("ollama", "lmstudio", True)
