"""What a deployment can do and hold, and who says so: the layers of DESIGN ruling 15, the strongest first.

Owner's override, probe, observation, the provider's `supports_*`, catalog and vendored table, name rules, the
format. Of the two tables the vendored one is believed first, unless the owner asked for the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from llmpool.core.deployment import CAPABILITIES, Capabilities, DeclaredModel, ModelFacts, ObservedModel
from llmpool.core.inventory import Probe
from llmpool.core.provider import Provider
from llmpool.registry import kinds

UNKNOWN = "unknown"


class Told(NamedTuple):
    """What each source tells of one deployment; None where it tells nothing.

    *learnt* is the window that its server named when a prompt was too long, 0 where it never did.
    """

    declared: DeclaredModel | None = None
    probe: Probe | None = None
    observed: ObservedModel | None = None
    facts: ModelFacts | None = None
    catalog: ModelFacts | None = None
    by_catalog: bool = False
    learnt: int = 0

    def tables(self) -> list[tuple[str, ModelFacts]]:
        """List what tables tell, the stronger first."""
        told = [("vendored", self.facts)] if self.facts is not None else []
        if self.catalog is not None:
            told.insert(0 if self.by_catalog else len(told), ("catalog", self.catalog))
        return told


def decide(provider: Provider, model: str, told: Told) -> tuple[Capabilities, dict[str, str]]:
    """Decide each capability, and name the source of each.

    What its own name says of a model counts only while nobody stronger denies that it chats at all.
    """
    layers = _layers(provider, told)
    said = next((chat for _, layer in layers if (chat := layer.get("chat")) is not None), None)
    talks = kinds.is_text_model(model) if said is None else said
    family, families = (told.observed.family, told.observed.families) if told.observed else ("", ())
    layers.append(("name", _by_name(model, family, families, talks=talks)))
    layers.append(("format", {"streaming": talks, "tools": talks}))
    values: dict[str, bool | None] = dict.fromkeys(CAPABILITIES)
    origin = dict.fromkeys(CAPABILITIES, UNKNOWN)
    for source, layer in reversed(layers):
        for name, value in layer.items():
            if value is not None and name in values:
                values[name] = value
                origin[name] = source
    return Capabilities(**values), origin


def _layers(provider: Provider, told: Told) -> list[tuple[str, Mapping[str, bool | None]]]:
    """List what was told, by whom, the strongest first; sources that tell nothing are left out."""
    layers: list[tuple[str, Mapping[str, bool | None]]] = []
    if told.declared and told.declared.supports:
        layers.append(("config", dict(told.declared.supports)))
    if told.probe:
        layers.append(("probed", told.probe.capabilities.as_dict()))
    if told.observed:
        layers.append(("observed", told.observed.capabilities.as_dict()))
    supported = {
        "tools": provider.supports_tools,
        "streaming": provider.supports_streaming,
        "images": provider.supports_images,
    }
    layers.append(("provider", supported))
    layers += [(name, facts.capabilities.as_dict()) for name, facts in told.tables()]
    return layers


@lru_cache(4096)  # a hundred providers have the same few hundred models
def _by_name(model: str, family: str, families: tuple[str, ...], *, talks: bool) -> Mapping[str, bool | None]:
    """Read a name; what does not talk has none of a talking model's abilities (pool-routing-formats 6.7)."""
    embeds = kinds.is_embedding(model) or None
    if not talks:
        return {"chat": False, "images": False, "thinking": False, "json": False, "embeddings": embeds}
    return {
        "chat": True,
        "tools": kinds.calls_tools(model),
        "images": kinds.sees_images(model, family, families),
        "thinking": kinds.thinks(model),
        "json": kinds.writes_json(model),
        "embeddings": embeds,
    }


def window(told: Told, elsewhere: int) -> tuple[int, str]:
    """Decide the context window; *elsewhere* is the one declared for the same model at another provider.

    Of what was observed the loaded window is the real one, then what the server runs with, then the most.
    What its server named when a prompt was too long is learnt, where all of these say more or nothing.
    """
    seen = told.observed
    if told.declared and told.declared.context_window:
        return told.declared.context_window, "config"
    choices = (
        ("loaded", seen.loaded_context if seen else 0),
        ("observed", seen.context_window if seen else 0),
        ("maximum", seen.max_context if seen else 0),
        *((name, facts.context_window) for name, facts in told.tables()),
        ("config of the same model", elsewhere),
    )
    tokens, source = next(((tokens, source) for source, tokens in choices if tokens), (0, UNKNOWN))
    return (told.learnt, "learnt") if told.learnt and not 0 < tokens <= told.learnt else (tokens, source)


def longest(model: str, told: Told) -> tuple[int, str]:
    """Decide how long an answer may be: observed, from a table, then by name for OpenAI's own."""
    choices = (
        ("observed", told.observed.max_output if told.observed else 0),
        *((name, facts.max_output) for name, facts in told.tables()),
        ("name", kinds.max_output(model)),
    )
    return next(((tokens, source) for source, tokens in choices if tokens), (0, UNKNOWN))
