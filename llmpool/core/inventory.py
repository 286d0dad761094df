"""The inventory: the last observation of each provider, errors and staleness included."""

from __future__ import annotations

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.names import spellings
from llmpool.core.record import Record


class Probe(Record):
    """What a probe of one model found. *available* None: it could not tell (busy, refused, unreachable).

    *at* is RFC 3339 UTC; *capabilities* are those that were really tried.
    """

    model: str
    at: str
    available: bool | None = None
    status: int = 0
    error: str = ""
    latency_ms: int = 0
    capabilities: Capabilities = Capabilities()


class ToldWindow(Record):
    """The window a server named when a prompt was too long for it. *at* is RFC 3339 UTC."""

    model: str
    at: str
    tokens: int


class ProviderInventory(Record):
    """What one provider last said. *fetched_at* is the last success, *stale_since* the failure after it.

    Times are RFC 3339 UTC, empty when unset; *skipped* counts lines that could not be used. *probes* outlive
    observations: a refresh keeps them, the next probe of a model replaces its own; so do *windows*, until a
    listing tells better, or another address is asked than *url*.
    """

    provider: str
    attempted_at: str
    url: str = ""
    fetched_at: str = ""
    models: tuple[ObservedModel, ...] = ()
    error: str = ""
    error_kind: str = ""
    stale_since: str = ""
    latency_ms: int = 0
    skipped: int = 0
    probes: tuple[Probe, ...] = ()
    windows: tuple[ToldWindow, ...] = ()


class Inventory(Record):
    """Every provider's last observation."""

    providers: dict[str, ProviderInventory]

    def observed(self, provider: str, model: str) -> ObservedModel | None:
        """Return what was last seen of a model, in any spelling; None where it was never listed."""
        entry, names = self.providers.get(provider), spellings(model)
        return next((line for line in entry.models if line.name in names), None) if entry else None
