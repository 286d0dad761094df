"""The inventory: the last observation of each provider, errors and staleness included."""

from __future__ import annotations

from llmpool.core.deployment import ObservedModel
from llmpool.core.record import Record


class ProviderInventory(Record):
    """What one provider last said. *fetched_at* is the last success, *stale_since* the failure after it.

    Times are RFC 3339 UTC, empty when unset; *skipped* counts lines that could not be used.
    """

    provider: str
    attempted_at: str
    fetched_at: str = ""
    models: tuple[ObservedModel, ...] = ()
    error: str = ""
    error_kind: str = ""
    stale_since: str = ""
    latency_ms: int = 0
    skipped: int = 0


class Inventory(Record):
    """Every provider's last observation."""

    providers: dict[str, ProviderInventory]
