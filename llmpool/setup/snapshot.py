"""Take a snapshot of the registry as it is now, with its summary."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from llmpool.pool import Pool
from llmpool.registry import snapshot
from llmpool.state import catalog, inventory, policy


def taken(pool: Pool, only: Container[str] | None = None) -> dict[str, Any]:
    """Return the snapshot of all deployments, or of those in *only*, and the summary of the whole pool."""
    registry = pool.registry.replace(generation=pool.routing["generation"])
    seen, decided = inventory.read(pool.paths.state), policy.read(pool.paths.state)
    shown = None if only is None else [each for each in registry.deployments if each.id in only]
    summary = snapshot.summary(registry, seen, decided, pool.facts().cooling) | {"catalog": _catalog(pool)}
    return snapshot.snapshot(registry, seen, decided, shown) | {"summary": summary}


def _catalog(pool: Pool) -> dict[str, Any]:
    """Say where the catalog of vendors' models is from; the one built in counts alone until a download."""
    stored = catalog.read(pool.paths.state)
    return {
        "etag": stored.etag or None,
        "last_updated_at": stored.last_updated_at or None,
        "source_url": stored.source_url or None,
        "fallback_in_use": not stored.last_updated_at,
    }
