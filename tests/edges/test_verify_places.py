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


@pytest.mark.parametrize("name", ["ollama", "lmstudio", "google"])
@pytest.mark.parametrize("says", [(402, {"error": {"message": "pay"}}), (503, {}), NO])
def test_the_owners_format_stands_while_its_listing_is_only_busy(name: str, says: Says) -> None:
    """No other format is recommended for a moment's trouble, and what its listing said has a line."""
    listing = {"ollama": "/api/tags", "lmstudio": "/api/v1/models", "google": "/v1beta/models"}[name]
    found, _ = verified({listing: says, CHAT: FINE}, "", "m", format=name)
    assert (found.recommended == name) is (name != "google")
    assert next(iter(statuses(found).items())) == ("listing", says[0])


def test_the_owners_format_gives_way_to_what_is_there() -> None:
    """Where its listing is not, what answers is recommended, and the listing has its line all the same."""
    found, _ = verified({CHAT: FINE}, "", "m", format="ollama")
    assert (found.recommended, found.ready) == ("openai", True)
    assert next(iter(statuses(found))) == "listing"


ODD = (200, {"code": 401, "message": "bad token"})


def test_an_error_in_a_good_answer_proves_no_key() -> None:
    """Some gateways write their refusals with status 200; that is no answer, and no key that works."""
    found, _ = verified({"/v1/models": (200, {"data": [{"id": "m"}]}), CHAT: ODD}, "", "m")
    assert (found.works, found.shut, statuses(found)["chat_completions"]) == (False, True, 401)
    assert dict(found.probes)["chat_completions"].error == "bad token"
    found, _ = verified({"/v1/models": ODD, CHAT: ODD}, "", "m")
    assert (found.refused, found.works, found.ready) == (True, False, False)
    busy = (200, {"base_resp": {"status_code": 1004, "status_msg": "login fail"}, "choices": None})
    found, _ = verified({CHAT: busy}, "", "m")
    assert (found.works, found.ready, dict(found.probes)["chat_completions"].error) == (
        False,
        False,
        "login fail",
    )


def test_an_address_below_the_root_of_ollama() -> None:
    """It is asked as Ollama, and the root is what to use, where everything else of it is too."""
    tags = {"models": [{"name": "a:latest", "model": "a:latest"}]}
    for end in ("/api", "/api/tags", "/api/chat"):
        found, server = verified({"/api/tags": (200, tags), CHAT: FINE}, end)
        assert (found.recommended, found.recommended_url, found.ready) == ("ollama", server.url, True)
        assert list(statuses(found)) == ["listing"]


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
