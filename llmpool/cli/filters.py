"""The filters of `models list`: the router's own requirements, applied to names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli import requests
from llmpool.cli.options import size
from llmpool.core.routing import RouteRequest
from llmpool.pool import unknown_provider
from llmpool.router import eligible

if TYPE_CHECKING:
    from llmpool.pool import Pool


def keep(
    pool: Pool,
    models: list[dict[str, Any]],
    provider: str,
    needs: str,
    local_only: bool,
    min_quality: int,
    min_context: str,
) -> list[dict[str, Any]]:
    """Keep the listed models that meet every filter; raises UnknownName for a provider nobody configured."""
    known = [str(entry["id"]) for entry in pool.table.providers]
    if provider and provider not in known:
        raise unknown_provider(provider, known)
    wanted = RouteRequest(
        needs=requests.needs(needs),
        local_only=local_only,
        min_quality=min_quality or None,
        context_size=size(min_context) if min_context else 0,
    )
    rows = [row for row in pool.table.rows if not provider or row.id.startswith(provider + "/")]
    facts = pool.facts().replace(keyless={}, stale={})
    rows = [row._replace(blocked="") for row in rows]
    met = {row.id for row in eligible.check(rows, wanted, pool.table, facts, named=True).rows}
    return [model for model in models if model["id"] in met]
