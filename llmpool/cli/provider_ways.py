"""How a provider is asked, in words: its format and why, where, and what it was found to be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.output import words
from llmpool.formats import plan as plans

if TYPE_CHECKING:
    from llmpool.core.provider import Provider
    from llmpool.pool import Pool

_WHY = {
    "user_pinned": "pinned by the config",
    "endpoint_lock": "the URL ends in its path",
    "model_memory": "what worked for the model",
    "detected": "detected",
    "family_default": "as the model's family is best asked; the first that works is remembered",
}


def how_asked(pool: Pool, provider: Provider) -> dict[str, Any]:
    """Tell the plan of a provider's calls: where, in which format and why, and what it is asked without."""
    memories, now = pool.memories, pool.clock()
    endpoint = memories.endpoint(provider)
    planned = plans.plan(provider, "", memories.memory(provider, "", now), url=endpoint)
    why = _WHY.get(planned.source, planned.source)
    if planned.source == "family_default" and len(planned.candidates) == 1:
        why = "its preset's own"
    if planned.source == "detected" and provider.format:
        why = "its preset's or the config's own, others if that is not there"
    refused = {
        deployment.partition("/")[2]: names
        for deployment in memories.refusals
        if deployment.partition("/")[0] == provider.id and (names := memories.refused(deployment, now))
    }
    return {
        "format": planned.selected,
        "format_why": why,
        "formats_in_turn": list(plans.order(planned)),
        "endpoint": endpoint or memories.base(provider) or None,
        "formats_learnt": [f"{model}: {name}" for model, name in sorted(_learnt(pool, provider).items())],
        "can": _profile(memories.profile(provider)),
        "asked_without": [f"{model}: {', '.join(names)}" for model, names in sorted(refused.items())],
    }


def _learnt(pool: Pool, provider: Provider) -> dict[str, str]:
    """Return the format that worked for each model, where that is known of models one by one."""
    memories, now = pool.memories, pool.clock()
    start = f"{provider.id} "
    names = {key.split(" ", 2)[2] for key in memories.models if key.startswith(start)}
    known = {name: memories.memory(provider, name, now).model for name in names}
    served = {name: memories.alias(provider, name, now) for name in names}
    return {
        name: f"{wire}, answered by {served[name]}" if served[name] else wire
        for name, wire in known.items()
        if wire
    }


def _profile(profile: dict[str, Any]) -> list[str]:
    """Show what a verification found a provider able to do."""
    return [f"{name.removeprefix('supports_')} {words(value)}" for name, value in profile.items()]


def kind(pool: Pool, provider: Provider) -> str:
    """Name what a provider is: its preset's name, else the format it speaks."""
    if provider.preset:
        from llmpool.config.presets import presets

        return presets()[provider.preset].name
    known = pool.memories.detected_format(provider) or provider.format
    return f"speaks {known}" if known else "lists as OpenAI does"


def limits(pool: Pool, provider: Provider) -> list[str]:
    """Show how long a call of this provider may take, and its parts."""
    from llmpool.credentials import timeouts_of

    found = timeouts_of(provider, pool.table)
    parts = {
        "connect": found.connect,
        "first token": found.first_token,
        "read": found.read,
        "total": found.total,
    }
    return [f"{what} {limit:g} s" for what, limit in parts.items() if limit]
