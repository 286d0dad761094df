"""What names and addresses tell about formats (pool-routing-formats 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.provider import Provider
from llmpool.formats import families


def made(id: str = "relay", **fields: Any) -> Provider:  # noqa: A002 - the field's own name
    """Make a provider at an address of its owner's, unless *fields* say otherwise."""
    base: dict[str, Any] = {"name": id, "preset": "", "format": "", "format_mode": "", "location": "cloud"}
    return Provider(id=id, **(base | {"url": "https://relay.example.com"} | fields))


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("gpt-5.3-codex", "responses"),
        ("codex-claude", "responses"),
        ("some-responses-model", "responses"),
        ("gpt-5.4-pro", "responses"),
        ("gpt-5.4-pro-2026-03-05", "responses"),
        ("gpt-5.4-prototype", "default"),
        ("openai/gpt-5.4-pro", "responses"),
        ("claude-sonnet-4-5", "claude"),
        ("anthropic/my-Opus", "claude"),
        ("haiku", "claude"),
        ("gpt-4o", "default"),
        ("claude/gpt-4o", "default"),
        ("", "default"),
    ],
)
def test_a_name_has_a_family(model: str, kind: str) -> None:
    """Responses-native names are looked for first, in the name without its vendor."""
    assert families.family(model) == kind


def test_each_family_has_its_order() -> None:
    """A relay is asked in the order its model's family prefers."""
    relay = made()
    assert families.preferred(relay, "claude-x") == ("anthropic", "openai", "responses")
    assert families.preferred(relay, "gpt-5.3-codex") == ("responses", "openai", "anthropic")
    assert families.preferred(relay, "gpt-5.5-preview") == ("openai", "anthropic", "responses")


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("gpt-5.5-preview", "responses"),
        ("GPT-4.1", "responses"),
        ("claude-sonnet-4-5", "responses"),
        ("gpt-5.4", "openai"),
        ("openai/gpt-4o-mini", "openai"),
        ("gpt-oss-120b", "openai"),
        ("gpt-5-mini", "openai"),
        ("", "openai"),
        ("  ", "openai"),
    ],
)
def test_openai_is_asked_for_newer_models_at_responses(model: str, first: str) -> None:
    """What no table of chat models has is newer than the tables; a Claude name is none of theirs either."""
    openai = made("openai", preset="openai", format="openai", exact=True, url="https://api.openai.com/v1")
    assert families.preferred(openai, model)[0] == first


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.OpenAI.com./v1", True),
        ("https://chat.openai.com", True),
        ("https://chatgpt.com/backend-api/codex/responses", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://openai.com", True),
        ("https://openai.com.example.net", False),
        ("https://notopenai.com", False),
        ("https://my.openai.azure.com/openai/v1", False),
        ("https://chatgpt.com.evil.example", False),
        ("http://[::1", False),
    ],
)
def test_openai_is_known_by_its_host(url: str, own: bool) -> None:
    """The host says whether it is OpenAI itself; look-alikes and addresses nobody can read do not."""
    assert families.is_openai_itself(made(url=url)) is own
    assert families.is_openai_itself(made(), url) is own


def test_a_gateway_is_not_openai_by_its_name() -> None:
    """The preset counts at the vendor's own address only: a gateway called `openai` may speak anything."""
    assert not families.is_openai_itself(made("openai", preset="openai", url="http://127.0.0.1:4000/v1"))
    assert families.is_openai_itself(
        made("mine", preset="openai", exact=True, url="https://api.openai.com/v1")
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"format": "ollama"}, True),
        ({"preset": "groq", "format": "openai", "exact": True}, False),
        ({"preset": "openai", "format": "openai"}, True),
        ({"preset": "anthropic", "format": "anthropic"}, True),
        ({"preset": "vllm", "format": "openai"}, True),
        ({"preset": "ollama", "format": "ollama", "exact": True}, False),
        ({"preset": "ollama", "format": "ollama"}, False),
        ({"preset": "lmstudio", "format": "lmstudio"}, False),
        ({"preset": "ollama", "format": "openai"}, True),
        ({"preset": "embedded", "format": "openai", "url": ""}, False),
    ],
)
def test_who_is_a_third_party(fields: dict[str, Any], expected: bool) -> None:
    """Without a preset, or at another URL than the preset's; native formats are the same everywhere."""
    assert families.third_party(made(**fields)) is expected


@pytest.mark.parametrize(
    ("model", "score"),
    [
        ("gpt-5.3-codex", 1145),
        ("gpt-5.3-codex-spark", 1025),
        ("gpt-4o-mini", 220),
        ("claude-sonnet-4-5", 770),
        ("claude-opus-4-5-20251101", 870),
        ("o3-mini", 600),
        ("gemini-2.5-pro", 290),
        ("smart-pro", 220),
        ("cheap-mini", -180),
        ("vendor/cheap-mini", -180),
        ("x-1-2-3-4", 123),
        ("x-1000-2", 200),
        ("x-" + "9" * 5000, 0),
        ("", 0),
    ],
)
def test_intelligence_is_guessed_from_a_name(model: str, score: int) -> None:
    """Worked example 21: version figures, and points for every word the name contains."""
    assert families.intelligence(model) == score


def test_the_most_able_are_tried_first() -> None:
    """Equals keep the order they came in."""
    assert families.by_intelligence(["b", "cheap-mini", "a", "smart-pro"]) == [
        "smart-pro",
        "b",
        "a",
        "cheap-mini",
    ]


@given(st.text(), st.text())
def test_no_name_and_no_address_is_too_odd(model: str, url: str) -> None:
    """Whatever is configured or listed, the rules answer."""
    provider = made(url=url)
    assert families.preferred(provider, model) in families.PREFERRED.values()
    assert families.intelligence(model) == families.intelligence(model.upper().lower())
    assert isinstance(families.third_party(provider), bool)
