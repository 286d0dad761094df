"""ANTHROPIC_AUTH_TOKEN of other tools: a gateway takes it as a bearer token, and so it is sent from here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmpool import credentials
from llmpool.core.wire import Timeouts
from llmpool.credentials import Credential
from llmpool.formats import anthropic
from llmpool.setup import imports
from llmpool.setup.imports import Wish
from tests.edges.importing import CURSOR_KEY, ON_FILE, SETTINGS, Place

TOKEN, URL = "tok-gateway-0123456789", "https://gw.test"
CLAUDE = ".claude/settings.json"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a home without anything in it."""
    return Place(tmp_path)


def brought(place: Place, source: str, text: str = "") -> dict[str, Any]:
    """Bring in a source and return the one provider that it made."""
    pool, wish = place.pool, Wish(source)
    imports.carry_out(pool, imports.plan(pool, wish, text), ON_FILE, wish=wish)
    [table] = tomllib.loads(place.paths.config.read_text())["providers"].values()
    return dict(table)


def test_a_token_of_claude_code_is_sent_as_one(place: Place) -> None:
    """The config says `auth = "bearer"`, and calls have the header Authorization and no x-api-key."""
    place.put(CLAUDE, {"env": {"ANTHROPIC_AUTH_TOKEN": TOKEN, "ANTHROPIC_BASE_URL": URL}})
    table = brought(place, "claude-code")
    assert (table["format"], table["auth"], table["url"]) == ("anthropic", "bearer", URL)
    provider = place.pool.provider("custom-claude-code")
    target = credentials.target(provider, Credential("a", TOKEN), Timeouts())
    headers = dict(anthropic.headers_of(target))
    assert (headers["authorization"], "x-api-key" in headers) == (f"Bearer {TOKEN}", False)


@pytest.mark.parametrize(
    "content",
    [
        {"env": {"ANTHROPIC_API_KEY": TOKEN, "ANTHROPIC_BASE_URL": URL}},
        {"env": {"ANTHROPIC_API_KEY": TOKEN, "ANTHROPIC_AUTH_TOKEN": "t-2345678", "ANTHROPIC_BASE_URL": URL}},
        {"api_key": "k-12345678", "env": {"ANTHROPIC_AUTH_TOKEN": TOKEN, "ANTHROPIC_BASE_URL": URL}},
    ],
    ids=("a key", "a key and a token", "a key at the top"),
)
def test_a_key_of_claude_code_is_sent_as_its_format_does(place: Place, content: Any) -> None:
    """What is no token, or came before it, is sent in the format's own way."""
    place.put(CLAUDE, content)
    assert "auth" not in brought(place, "claude-code")


@pytest.mark.parametrize(("last", "auth"), [("ANTHROPIC_AUTH_TOKEN", "bearer"), ("ANTHROPIC_API_KEY", None)])
def test_the_later_of_two_in_an_extension_says_how(place: Place, last: str, auth: str | None) -> None:
    """The later of key and token is the one (7.7), and is sent as what it is."""
    names = ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", last]
    values = [TOKEN, CURSOR_KEY, URL, TOKEN]
    pairs = [{"name": name, "value": value} for name, value in zip(names, values, strict=True)]
    place.put(SETTINGS, {"claudeCode.environmentVariables": pairs})
    assert brought(place, "cursor").get("auth") == auth


def test_cc_switch_and_dotenv_have_tokens_too(place: Place, tmp_path: Path) -> None:
    """Lines and `.env` files with the token's name make the same provider."""
    text = f"ANTHROPIC_AUTH_TOKEN={TOKEN}\nANTHROPIC_BASE_URL={URL}\n"
    path = place.put("p/.env", text)
    assert brought(place, "cc-switch", text)["auth"] == "bearer"
    place.paths.config.write_text("")
    (tmp_path / "b").mkdir()
    table = brought(Place(tmp_path / "b"), str(path))
    assert (table["auth"], table["url"], table["format"]) == ("bearer", URL, "anthropic")


def test_a_token_in_a_variable_is_found(tmp_path: Path) -> None:
    """Who exports the token and the address has the provider, which refers to the variable."""
    place = Place(tmp_path, ANTHROPIC_AUTH_TOKEN=TOKEN, ANTHROPIC_BASE_URL=URL)
    table = brought(place, "claude-code")
    assert (table["auth"], table["key"]["env"], table["url"]) == ("bearer", "ANTHROPIC_AUTH_TOKEN", URL)
