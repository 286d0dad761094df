"""What a refresh changed: models added, gone, loaded or unloaded, provider by provider."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.core.inventory import Inventory, ProviderInventory


class Change(NamedTuple):
    """The difference between two observations of one provider."""

    provider: str
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    unloaded: tuple[str, ...] = ()
    failed: str = ""
    recovered: bool = False

    def __bool__(self) -> bool:
        return any(self[1:])


def diff(old: Inventory, new: Inventory) -> list[Change]:
    """Compare two inventories; providers without a difference are left out."""
    changes = (_change(name, old.providers.get(name), new.providers[name]) for name in sorted(new.providers))
    return [change for change in changes if change]


def _change(name: str, old: ProviderInventory | None, new: ProviderInventory) -> Change:
    before = {model.name: model for model in old.models} if old else {}
    after = {model.name: model for model in new.models}
    both = before.keys() & after.keys()
    was = {model for model in both if before[model].state == "loaded"}
    now = {model for model in both if after[model].state == "loaded"}
    return Change(
        provider=name,
        added=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - after.keys())),
        loaded=tuple(sorted(now - was)),
        unloaded=tuple(sorted(was - now)),
        failed=new.error if not old or new.error != old.error else "",
        recovered=bool(old and old.error and not new.error),
    )
