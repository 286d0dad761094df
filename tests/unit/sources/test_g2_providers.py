"""What a config of providers becomes: failover-cooldown G2, case by case, under the rulings on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmpool.config.load import loads
from llmpool.config.presets import presets
from llmpool.core.provider import Provider
from llmpool.errors import ConfigInvalid
from llmpool.registry.catalog import build_catalog
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider


def made(text: str) -> dict[str, Provider]:
    """Build the providers of a config."""
    catalog = build_catalog(loads(text, Path("config.toml")), presets())
    return {each.id: each for each in catalog.providers}


def test_g2_each_table_is_a_provider_and_there_are_no_others() -> None:
    """The source adds a Copilot provider to any three; here nothing is there that nobody configured."""
    three = made(
        "[providers.anthropic]\nkey = { env = 'A' }\n[providers.openai]\nkey = { env = 'B' }\n"
        "[providers.custom]\nurl = 'http://c.example/v1'\nkey = { env = 'C' }\n"
    )
    assert set(three) == {"anthropic", "openai", "custom"}
    assert three["openai"].url == "https://api.openai.com/v1"
    assert (three["custom"].url, three["custom"].format) == ("http://c.example/v1", "")


def test_g2_a_name_nobody_knows_needs_an_address() -> None:
    """The source warns and asks OpenAI; ruling 1: there is no silent default, so the config is refused."""
    words = r"\[providers\.unknown\]: has neither url nor preset, and its id is no preset"
    with pytest.raises(ConfigInvalid) as refused:
        made("[providers.unknown]\nkey = { env = 'K' }\n")
    assert re.search(words, refused.value.lines[0])


@pytest.mark.parametrize(("env", "missing"), [({}, True), ({"ANTHROPIC_API_KEY": "sk-1"}, False)])
def test_g2_a_vendor_without_a_key_takes_no_part(home: Home, env: dict[str, str], missing: bool) -> None:
    """A table is enough with the key's variable; without it there is a reason, and no warning elsewhere."""
    home.write_config("[providers.anthropic]\n", model("anthropic/claude-opus-4-6"))
    decision = home.here("route", "hi", "--json", env=env).json["decision"]
    rejected = {each["deployment"]: each["reasons"] for each in decision.get("rejections", ())}
    if missing:
        assert rejected["anthropic/claude-opus-4-6"] == ["no key: ANTHROPIC_API_KEY is not set"]
    else:
        assert (decision["selected"], rejected) == ("anthropic/claude-opus-4-6", {})


def test_g2_a_server_of_ones_own_is_called_without_a_made_up_key(home: Home, server: FakeServer) -> None:
    """The source sends `Bearer no-key`; ruling 5: a provider with its own URL is called without one."""
    home.write_config(provider("den", server.url, preset="groq", format=None), model("den/m"))
    assert home.here("chat", "hi").code == 0
    assert "authorization" not in server.chats[0].headers


def test_g2_a_vendor_is_never_asked_without_its_key(home: Home) -> None:
    """Ruling 5: only a preset that needs a key ends with 5, and nothing is sent."""
    home.write_config("[providers.groq]\n", model("groq/m"))
    result = home.here("chat", "hi", "-m", "groq/m", "--force")
    assert result.code == 5
    assert "GROQ_API_KEY" in result.err
