"""The plan of formats: the worked examples 9, 44 and 45 of pool-routing-formats, and section 8's rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.presets import presets
from llmpool.core.provider import FORMATS, Preset, Provider
from llmpool.formats import plan as plans
from llmpool.formats.plan import Memory, affinity, effective_mode, endpoint_lock, order, plan
from tests.unit.formats.test_families import made

OPENAI = made("openai", preset="openai", format="openai", exact=True, url="https://api.openai.com/v1")
ANTHROPIC = made(
    "anthropic", preset="anthropic", format="anthropic", exact=True, url="https://api.anthropic.com"
)
MINIMAX = made(
    "minimax", preset="minimax", format="anthropic", exact=True, url="https://api.minimaxi.com/anthropic"
)
GOOGLE = made(
    "google", preset="google", format="google", exact=True, url="https://generativelanguage.googleapis.com"
)
CODEX = made(
    "openai-codex",
    preset="openai-codex",
    format="responses",
    exact=True,
    url="https://chatgpt.com/backend-api/codex/responses",
)
RELAY = made()
GPT, CLAUDE = "gpt-4o", "claude-sonnet-4-5"
DEFAULT_ORDER = ("openai", "anthropic", "responses")


@pytest.mark.parametrize(
    ("provider", "codex", "claude"),
    [
        (OPENAI, 200, 300),
        (ANTHROPIC, 100, 325),
        (GOOGLE, 0, 0),
        (CODEX, 325, 300),
        (RELAY, 300, 300),
        (MINIMAX, 100, 325),
    ],
)
def test_affinity(provider: Provider, codex: int, claude: int) -> None:
    """Worked example 9: how well each speaks the tongue of a model's family; other families are all alike."""
    assert affinity(provider, "gpt-5.3-codex", plan(provider, "gpt-5.3-codex")) == codex
    assert affinity(provider, CLAUDE, plan(provider, CLAUDE)) == claude
    assert affinity(provider, GPT, plan(provider, GPT)) == 0
    assert affinity(provider, "", plan(provider, "")) == 0


def test_a_relay_that_speaks_the_format_itself_comes_first() -> None:
    """Worked example 8: an anthropic relay beats an openai one for a Claude model, 325 to 300."""
    one, other = made(format="openai"), made(format="anthropic")
    assert affinity(one, CLAUDE, plan(one, CLAUDE)) == 300
    assert affinity(other, CLAUDE, plan(other, CLAUDE)) == 325
    named = made("my-anthropic")
    assert affinity(named, CLAUDE, plan(named, CLAUDE)) == 325
    detected = plan(RELAY, CLAUDE, Memory(detected="anthropic"))
    assert affinity(RELAY, CLAUDE, detected) == 325


def test_newer_openai_models() -> None:
    """Worked example 44: OpenAI itself is asked for newer models at responses, a relay at chat."""
    assert plan(OPENAI, "gpt-5.5-preview").candidates == ("responses", "openai", "anthropic")
    assert plan(OPENAI, "gpt-5.5-preview").selected == "responses"
    assert plan(OPENAI, "gpt-5.5-preview").source == "family_default"
    assert plan(OPENAI, "gpt-5.4").selected == "openai"
    assert plan(OPENAI, "gpt-5.4").candidates == ("openai",)
    own = made(url="https://api.openai.com/v1")
    assert plan(own, "gpt-5.5-preview").candidates[0] == "responses"
    assert plan(RELAY, "gpt-5.5-preview").candidates[0] == "openai"


def test_the_rest_of_the_worked_examples() -> None:
    """Worked example 45, row by row."""
    locked = plan(MINIMAX, GPT)
    assert (locked.source, locked.candidates) == ("endpoint_lock", ("anthropic",))
    generic = made(url="https://relay.example.com/v1/responses", format="responses")
    assert plan(generic, GPT).source == "family_default"
    assert plan(generic, GPT).candidates == DEFAULT_ORDER
    codex = made(url="https://relay.example.com/backend-api/codex/responses")
    assert plan(codex, GPT).source == "endpoint_lock"
    assert plan(codex, GPT).candidates == ("responses",)
    detected = plan(RELAY, GPT, Memory(detected="anthropic"))
    assert (detected.selected, detected.source) == ("anthropic", "detected")
    assert detected.candidates == DEFAULT_ORDER
    pinned = plan(made(format="responses", format_mode="pinned"), "claude-x")
    assert (pinned.source, pinned.candidates) == ("user_pinned", ("responses",))
    remembered = plan(RELAY, GPT, Memory(provider="google"))
    assert remembered.candidates == (*DEFAULT_ORDER, "google")


def test_a_locked_endpoint_settles_it() -> None:
    """A lock is known, beats a pin, and its URL is fixed."""
    url = "https://relay.example.com/anthropic/v1/messages"
    locked = plan(made(url=url, format="openai", format_mode="pinned"), GPT, Memory("openai", "", "openai"))
    assert (locked.selected, locked.known, locked.url_mode) == ("anthropic", True, "fixed_endpoint")


@pytest.mark.parametrize(
    ("url", "lock"),
    [
        ("https://h.example/v1/responses", ""),
        ("https://h.example/RESPONSES/", ""),
        ("https://h.example/messages", ""),
        ("https://h.example/v1/messages", ""),
        ("https://h.example/api/v1/responses", "responses"),
        ("https://h.example/api/Messages", "anthropic"),
        ("https://h.example/anthropic/", "anthropic"),
        ("https://h.example/v1/chat/completions", ""),
        ("https://h.example/v1", ""),
        ("https://h.example/v1beta", ""),
        ("https://h.example", ""),
        ("https://responses", ""),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_which_paths_lock(url: str, lock: str) -> None:
    """A path that ends in an endpoint locks, but at an owner's address a bare one is just a copied URL."""
    assert endpoint_lock(made(url=url)) == lock
    assert endpoint_lock(made(), url) == lock


def test_a_vendors_bare_endpoint_locks() -> None:
    """The exception is for owners' addresses only."""
    assert endpoint_lock(made(preset="groq", exact=True, url="https://h.example/v1/responses")) == "responses"


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({}, "auto"),
        ({"format": "openai"}, "auto"),
        ({"format_mode": "pinned"}, "pinned"),
        ({"format_mode": "auto", "preset": "groq", "exact": True}, "auto"),
        ({"preset": "groq", "format": "openai", "exact": True}, "pinned"),
        ({"preset": "groq", "format": "openai"}, "auto"),
        ({"preset": "ollama", "format": "ollama"}, "pinned"),
        ({"preset": "lmstudio", "format": "lmstudio"}, "pinned"),
        ({"preset": "embedded", "format": "openai", "url": ""}, "pinned"),
        ({"url": "https://h.example/anthropic"}, "pinned"),
    ],
)
def test_the_effective_mode(fields: dict[str, Any], mode: str) -> None:
    """What the owner says, else whether the address is the owner's own word."""
    assert effective_mode(made(**fields)) == mode


def test_a_pinned_provider_without_a_format() -> None:
    """A pin with nothing to pin takes what was detected, else what the vendor is known for."""
    empty = made(format_mode="pinned")
    assert plan(empty, GPT, Memory(detected="anthropic")).candidates == ("anthropic",)
    assert plan(empty, GPT).candidates == ("openai",)
    assert plan(empty, GPT).known
    vendor = made(preset="google", exact=True)
    assert (plan(vendor, GPT).selected, plan(vendor, GPT).known) == ("google", False)


def test_what_worked_for_a_model_comes_first() -> None:
    """A model's memory beats the detection; both are known."""
    remembered = plan(RELAY, GPT, Memory(model="responses", detected="anthropic"))
    assert (remembered.selected, remembered.source) == ("responses", "model_memory")
    assert remembered.known
    assert order(remembered) == ("responses", "openai", "anthropic")


def test_four_formats_at_most_are_tried() -> None:
    """The selected one first, then by preference, none twice."""
    crowded = plan(made(format="google"), GPT, Memory(model="ollama", detected="lmstudio"))
    assert crowded.candidates == (*DEFAULT_ORDER, "ollama", "lmstudio", "google")
    assert order(crowded) == ("ollama", *DEFAULT_ORDER)


def test_a_format_beside_auto_is_where_to_begin() -> None:
    """`format_mode = "auto"` with a format begins with it; so does the preset of a vendor at another URL."""
    told = plan(made(format="anthropic", format_mode="auto"), GPT)
    assert (told.selected, told.source, told.candidates) == ("anthropic", "detected", DEFAULT_ORDER)
    gateway = made(preset="anthropic", format="anthropic", url="https://gw.example")
    assert plan(gateway, GPT).selected == "anthropic"
    own = made("openai", preset="openai", format="openai", url="https://api.openai.com/v1")
    assert plan(own, "gpt-5.5-preview").selected == "responses"


def test_a_url_found_elsewhere_counts() -> None:
    """The lock, the host and the URL mode are those of the URL in use."""
    assert plan(RELAY, GPT, url="https://two.example").url_mode == "detected_endpoint"
    assert plan(RELAY, GPT).url_mode == "root"
    assert plan(RELAY, GPT, url="https://two.example/x/messages").selected == "anthropic"
    assert plan(RELAY, "gpt-5.5-preview", url="https://api.openai.com").selected == "responses"


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.id)
def test_vendors_have_a_canonical_format(preset: Preset) -> None:
    """What a vendor is known for is what its preset says; openai where there is none."""
    assert plans.canonical(made(preset=preset.id)) == preset.format
    assert plans.canonical(made(preset="")) == "openai"


FORMAT = st.sampled_from(("", *FORMATS))


@given(
    st.builds(
        made,
        preset=st.sampled_from(("", "openai", "ollama", "groq", "embedded")),
        format=FORMAT,
        format_mode=st.sampled_from(("", "auto", "pinned")),
        exact=st.booleans(),
        url=st.text(),
    ),
    st.text(),
    st.builds(Memory, FORMAT, FORMAT, FORMAT),
    st.text(),
)
def test_every_plan_is_one(provider: Provider, model: str, memory: Memory, url: str) -> None:
    """Whatever is configured and remembered: formats that exist, none twice, the selected one among them."""
    made_plan = plan(provider, model, memory, url)
    assert made_plan.selected in made_plan.candidates
    assert set(made_plan.candidates) <= set(FORMATS)
    assert len(set(made_plan.candidates)) == len(made_plan.candidates)
    assert order(made_plan)[0] == made_plan.selected
    assert 1 <= len(order(made_plan)) <= 4
    if made_plan.source in ("model_memory", "detected"):
        assert effective_mode(provider, url) == "auto"
