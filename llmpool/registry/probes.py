"""What a probe's "not configured" means: no automatic choice until the next probe, or for a week."""

from __future__ import annotations

from collections.abc import Mapping

from llmpool.core.inventory import Inventory
from llmpool.core.names import under_any
from llmpool.core.registry import Registry

HOLDS = 7 * 24 * 3600  # seconds


def verdicts(registry: Registry, inventory: Inventory) -> dict[str, str]:
    """Say of which deployments a probe found that they are not configured, and when it did."""
    probes = {
        name: {probe.model: probe for probe in seen.probes}
        for name, seen in inventory.providers.items()
        if seen.probes
    }
    found = {}
    for each in registry.deployments if probes else ():
        probe = under_any(each.model, probes.get(each.provider, {}))
        if probe and probe.available is False:
            found[each.id] = probe.at
    return found


def until(verdicts: Mapping[str, str], oldest: str, other: float | None) -> float | None:
    """Return when the first verdict that still holds is over, or the *other* time if that is sooner."""
    first = min((at for at in verdicts.values() if at >= oldest), default=None)
    if first is None:
        return other
    from datetime import datetime

    over = datetime.fromisoformat(first).timestamp() + HOLDS + 1
    return over if other is None else min(over, other)


def absent(verdicts: Mapping[str, str], oldest: str) -> dict[str, str]:
    """Give the reasons of the verdicts that still hold: those from *oldest* on, a time in RFC 3339."""
    return {name: f"not configured there (probed {at[:10]})" for name, at in verdicts.items() if at >= oldest}
