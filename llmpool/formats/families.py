"""What a model's name and a provider's address tell about the formats to try (pool-routing-formats 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from llmpool.core.names import normalised
from llmpool.core.provider import Provider

CLAUDE, RESPONSES, DEFAULT = "claude", "responses", "default"

PREFERRED = {
    CLAUDE: ("anthropic", "openai", "responses"),
    RESPONSES: ("responses", "openai", "anthropic"),
    DEFAULT: ("openai", "anthropic", "responses"),
}
# Formats of one program or vendor each: whoever speaks one does not speak the others at the same address.
NATIVE = ("ollama", "lmstudio", "cloudcode", "copilot")

# What OpenAI itself is known to answer at chat completions: the tables of pool-routing-formats 3.2 and 3.3.
# Any other model of theirs is taken for a newer one, and those are asked at the responses endpoint first.
CHAT_MODELS = frozenset(
    {
        "gpt-5.4",
        "gpt-5.4-mini",
        "gpt-5.4-nano",
        "gpt-5.4-pro",
        "gpt-5-mini",
        "gpt-5-nano",
        "gpt-oss-120b",
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4-turbo",
        "o1",
        "o1-mini",
        "o3-mini",
    }
)
_FIRST_PARTY_HOSTS = ("openai.com", "chatgpt.com")
_FIRST_PARTY_PRESETS = ("openai", "openai-codex")

# Plain substrings, quirks included: `gemini` and `minimax` contain `mini`.
_BONUSES = (
    ("gpt-5", 520),
    ("o3", 480),
    ("o1", 430),
    ("opus", 420),
    ("reasoner", 380),
    ("thinking", 360),
    ("sonnet", 320),
    ("pro", 220),
    ("max", 210),
    ("ultra", 180),
    ("plus", 120),
    ("codex", 95),
    ("coder", 60),
    ("codestral", 60),
    ("turbo", 50),
    ("haiku", 40),
    ("mini", -180),
    ("nano", -200),
    ("lite", -150),
    ("flash", -130),
    ("spark", -120),
    ("small", -100),
    ("tiny", -100),
)
_NO_VERSION = 1000  # a digit run from here on is a date or a size
_DIGITS = re.compile("[0-9]+")


def family(model: str) -> str:
    """Say which family's habits a model has: `claude`, `responses` or `default`."""
    name = normalised(model)
    if "responses" in name or "codex" in name or name == "gpt-5.4-pro" or name.startswith("gpt-5.4-pro-"):
        return RESPONSES
    return CLAUDE if any(word in name for word in ("claude", "sonnet", "opus", "haiku")) else DEFAULT


def preferred(provider: Provider, model: str, url: str = "") -> tuple[str, ...]:
    """List the formats a model is best asked in, best first; *url* is where its provider was found."""
    kind = family(model)
    if is_newer_at_openai(provider, model, url):
        kind = RESPONSES
    return PREFERRED[kind]


def is_newer_at_openai(provider: Provider, model: str, url: str = "") -> bool:
    """Say whether OpenAI itself is asked for a model that no table of its chat models has."""
    name = normalised(model)
    return (
        bool(name)
        and family(name) != RESPONSES
        and name not in CHAT_MODELS
        and is_openai_itself(provider, url)
    )


def is_openai_itself(provider: Provider, url: str = "") -> bool:
    """Say whether a provider is OpenAI, by its host; a gateway that goes by the name of `openai` is not."""
    if provider.exact and provider.preset in _FIRST_PARTY_PRESETS:
        return True
    return any(_is_openai_host(host(place)) for place in (url, provider.url) if place)


def _is_openai_host(name: str) -> bool:
    return name in _FIRST_PARTY_HOSTS or name.endswith(".openai.com")


def host(url: str) -> str:
    """Return the host of *url* in lower case, without port and the dot that may end it."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def third_party(provider: Provider) -> bool:
    """Say whether a provider's address is its owner's word rather than a vendor's row.

    True without a preset, and with one whose URL the owner replaced: a gateway may speak anything. A preset
    of a native format keeps that wherever it runs: Ollama in the next room is still Ollama. The embedded
    server has no URL at all and is our own.
    """
    if not provider.preset:
        return True
    return bool(provider.url) and not provider.exact and provider.format not in NATIVE


def intelligence(model: str) -> int:
    """Guess from its name alone how much a model can do; only orders what a verification tries."""
    name = normalised(model)
    runs = (int(run) for run in _DIGITS.findall(name) if len(run) < 9)
    versions = [number for number in runs if number < _NO_VERSION]
    version = sum(number * weight for number, weight in zip(versions, (100, 10, 1), strict=False))
    return version + sum(points for word, points in _BONUSES if word in name)


def by_intelligence(models: Iterable[str]) -> list[str]:
    """Sort models by their guessed ability, best first; equals keep their order."""
    return sorted(models, key=intelligence, reverse=True)
