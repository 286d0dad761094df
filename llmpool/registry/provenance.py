"""Where each value of a deployment comes from, and what the other sources say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmpool.core.deployment import CAPABILITIES, DeclaredModel, Deployment, ModelFacts, ObservedModel
from llmpool.registry.capabilities import Told

Said = Mapping[str, Any]


def provenance(deployment: Deployment, told: Told) -> dict[str, dict[str, Any]]:
    """Give each field's effective `value`, its source as `from`, and what each source that knows it says."""
    sources = {
        "declared": _declared(told.declared),
        "learnt": {"context_window": told.learnt or None},
        "probed": told.probe.capabilities.as_dict() if told.probe else {},
        "loaded": {"context_window": (told.observed.loaded_context or None) if told.observed else None},
        "observed": _observed(told.observed),
        "maximum": {"context_window": (told.observed.max_context or None) if told.observed else None},
        "catalog": _tabled(told.catalog),
        "vendored": _tabled(told.facts),
    }
    origin = dict(deployment.origin)
    return {
        name: {"value": value, "from": origin[name]}
        | {source: said[name] for source, said in sources.items() if said.get(name) is not None}
        for name, value in _effective(deployment).items()
    }


def _effective(deployment: Deployment) -> dict[str, Any]:
    """List the fields that have several sources; what is unknown is None."""
    sizes = {
        "context_window": deployment.context_window or None,
        "max_output": deployment.max_output or None,
    }
    return sizes | deployment.ratings.as_dict() | deployment.capabilities.as_dict()


def _declared(model: DeclaredModel | None) -> Said:
    if model is None:
        return {}
    return model.as_dict() | {"context_window": model.context_window or None} | dict(model.supports)


def _observed(model: ObservedModel | None) -> Said:
    if model is None:
        return {}
    sizes = {"context_window": model.context_window or None, "max_output": model.max_output or None}
    return sizes | model.capabilities.as_dict()


def _tabled(facts: ModelFacts | None) -> Said:
    if facts is None:
        return {}
    sizes = {"context_window": facts.context_window or None, "max_output": facts.max_output or None}
    return sizes | {name: getattr(facts.capabilities, name) for name in CAPABILITIES}
