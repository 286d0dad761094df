"""Everything that is known of one deployment, and where each value comes from."""

from __future__ import annotations

from typing import Any

from llmpool.core.record import plain
from llmpool.pool import Pool
from llmpool.registry import benchmarks, dead, resolve
from llmpool.registry.compiled import default_ids, listed
from llmpool.registry.grounds import grounds
from llmpool.registry.provenance import provenance
from llmpool.state import inventory


def shown(pool: Pool, ref: str) -> dict[str, Any]:
    """Return the listing entry of *ref* with what each source says; raises UnknownName, AmbiguousName."""
    row = resolve.one(ref, pool.table)
    found = next(each for each in pool.registry.deployments if each.id == row.id)
    provider, told = pool.provider(found.provider), pool.told(found)
    seen = dead.listing_of(provider, inventory.read(pool.paths.state))
    absent, default = pool.facts().absent.get(found.id, ""), found.id in default_ids(pool.registry)
    entry = listed(found, seen, absent, default=default)
    by = provenance(found, told) | grounds(found, provider, told, pool.config)
    scored = benchmarks.benchmark(pool.official, provider, found.model)
    gone = [name for name in pool.routing["dead"] if name["target"] == found.id]
    return entry | {
        "origin": {name: ground["from"] for name, ground in by.items()},
        "provenance": by,
        "observed": plain(told.observed),
        "declared": plain(told.declared),
        "catalog": plain(told.catalog),
        "vendored": plain(told.facts),
        "probe": plain(told.probe),
        "benchmark": scored._asdict() if scored else None,
        **({"dead": gone} if gone else {}),
    }
