"""Which formats a provider is asked in, and in which order (pool-routing-formats 8)."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from llmpool.core.provider import Provider
from llmpool.formats.families import (
    CLAUDE,
    DEFAULT,
    family,
    is_newer_at_openai,
    preferred,
    third_party,
)

MOST_TRIED = 4
AUTO, PINNED = "auto", "pinned"

# What a vendor speaks, by preset; all others speak openai.
CANONICAL = {
    "anthropic": "anthropic",
    "minimax": "anthropic",
    "google": "google",
    "ollama": "ollama",
    "ollama-cloud": "ollama",
    "lmstudio": "lmstudio",
    "google-antigravity": "cloudcode",
    "google-gemini-cli": "cloudcode",
    "github-copilot": "copilot",
    "openai-codex": "responses",
}
_LOCKS = (("/responses", "responses"), ("/messages", "anthropic"), ("/anthropic", "anthropic"))
# At an address of the owner's these are just where somebody copied the URL from.
GENERIC = ("/responses", "/v1/responses", "/messages", "/v1/messages")


class Memory(NamedTuple):
    """The formats remembered for a provider and a model; empty where nothing is.

    *model* worked for this model, *provider* for the whole provider, *detected* is what a detection found.
    """

    model: str = ""
    provider: str = ""
    detected: str = ""


NOTHING = Memory()


class Plan(NamedTuple):
    """How a model is asked at a provider.

    *selected* is asked first; *candidates* are in order of preference and need not begin with it. *source*
    is `user_pinned`, `endpoint_lock`, `model_memory`, `detected` or `family_default`. *known*:
    *selected* is more than a guess. *url_mode* is `root`, `detected_endpoint` or `fixed_endpoint`. *native*
    is what the provider itself is thought to speak.
    """

    selected: str
    candidates: tuple[str, ...]
    source: str
    known: bool
    url_mode: str = "root"
    native: str = ""


def plan(provider: Provider, model: str, memory: Memory = NOTHING, url: str = "") -> Plan:
    """Plan the formats for *model*; *url* is where the provider was found, when not at its configured URL."""
    url_mode = "detected_endpoint" if url else "root"
    native = provider.format or memory.detected or canonical(provider)
    locked = endpoint_lock(provider, url)
    if locked:
        return Plan(locked, (locked,), "endpoint_lock", True, "fixed_endpoint", native)
    if effective_mode(provider, url) == AUTO:
        return _auto(provider, model, memory, url)._replace(url_mode=url_mode, native=native)
    explicit = provider.format_mode == PINNED
    if not explicit and is_newer_at_openai(provider, model, url):
        candidates = _candidates(provider, model, memory, url)
        return Plan(candidates[0], candidates, "family_default", False, url_mode, native)
    source = "user_pinned" if explicit else "family_default"
    return Plan(native, (native,), source, explicit, url_mode, native)


def order(planned: Plan) -> tuple[str, ...]:
    """List the formats to try in turn: the selected one, then the other candidates, four at most."""
    return tuple(dict.fromkeys((planned.selected, *planned.candidates)))[:MOST_TRIED]


def effective_mode(provider: Provider, url: str = "") -> str:
    """Say whether a provider's format may be found out (`auto`) or is settled (`pinned`)."""
    if provider.format_mode in (AUTO, PINNED):
        return provider.format_mode
    if endpoint_lock(provider, url):
        return PINNED
    return AUTO if third_party(provider) else PINNED


def endpoint_lock(provider: Provider, url: str = "") -> str:
    """Return the format that the path of the URL settles, or nothing."""
    try:
        path = urlsplit(url or provider.url).path.strip().lower().rstrip("/")
    except ValueError:
        return ""
    if third_party(provider) and path in GENERIC:
        return ""
    return next((name for suffix, name in _LOCKS if path.endswith(suffix)), "")


def canonical(provider: Provider) -> str:
    """Return the format a provider's vendor is known for."""
    return CANONICAL.get(provider.preset, "openai")


def affinity(provider: Provider, model: str, planned: Plan) -> int:
    """Score how well a provider's way of speaking suits *model* (pool-routing-formats 5.2)."""
    kind = family(model)
    if not model.strip() or kind == DEFAULT:
        return 0
    wanted = preferred(provider, model)
    first = planned.candidates[0]
    score = (len(wanted) - wanted.index(first)) * 100 if first in wanted else 0
    own, mark = ("anthropic", "anthropic") if kind == CLAUDE else ("responses", "codex")
    return score + 25 * (planned.native == own or mark in provider.id.lower())


def _auto(provider: Provider, model: str, memory: Memory, url: str) -> Plan:
    detected = memory.detected or _told(provider, model, url)
    if memory.model:
        candidates = _candidates(provider, model, memory, url, memory.model)
        return Plan(memory.model, candidates, "model_memory", True)
    if detected:
        return Plan(detected, _candidates(provider, model, memory, url, detected), "detected", True)
    candidates = _candidates(provider, model, memory, url)
    return Plan(candidates[0], candidates, "family_default", False)


def _told(provider: Provider, model: str, url: str) -> str:
    """Return the format that counts as detected because somebody said so.

    Either the owner, beside `format_mode = "auto"`, or the preset of a vendor whose URL was replaced.
    """
    if provider.format_mode == AUTO:
        return provider.format
    return provider.format if provider.preset and not is_newer_at_openai(provider, model, url) else ""


def _candidates(
    provider: Provider, model: str, memory: Memory, url: str, selected: str = ""
) -> tuple[str, ...]:
    known = (selected, memory.detected, memory.provider, provider.format, canonical(provider))
    wanted = (*preferred(provider, model, url), *known)
    return tuple(dict.fromkeys(name for name in wanted if name))
