"""Which keys of another pool come along, and under which labels: told apart by their digests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from llmpool.config.problems import looks_secret
from llmpool.core.config import ProviderTable
from llmpool.core.ids import key_digest, mask_key
from llmpool.core.provider import KeyRef
from llmpool.importers.moved import Key
from llmpool.net.address import canonical
from llmpool.pool import Pool
from llmpool.setup import keys

_LABEL = re.compile(r"[^\W_](?:[\w.:@ -]{0,62}[\w.:@-])?", re.ASCII)


class Order(NamedTuple):
    """A key to keep under a label of a provider, or the variable that has it; *mask* may be shown."""

    provider: str
    label: str
    key: str
    env: str
    enabled: bool
    mask: str

    def __repr__(self) -> str:
        return f"Order({self.provider!r}, {self.label!r})"  # it carries the key

    def reference(self, where: str) -> dict[str, Any]:
        """Return how the config refers to it, where it is kept in *where*."""
        place: dict[str, Any] = {"env": self.env} if self.env else dict(keys.HERE[where])
        return place if self.enabled else place | {"enabled": False}


def _nowhere(_label: str) -> bool:
    return False


def orders(
    provider: str, wanted: Iterable[Key], taken: set[str], *, lies: Callable[[str], object] = _nowhere
) -> list[Order]:
    """Return an order for each different key; *taken* are the labels that are used, and are added to.

    *lies* says of a label whether something is kept under it that nothing here names; a key that is only
    referred to is kept nowhere, and does not ask.
    """
    made: dict[str, Order] = {}
    for key in wanted:
        mark = key.env or key_digest(key.key)
        if mark in made:
            continue
        label = _label(key.label, taken, _nowhere if key.env else lies)
        taken.add(label)
        mask = "" if key.env else key.mask or mask_key(key.key)
        made[mark] = Order(provider, label, key.key, key.env, key.enabled, mask)
    return list(made.values())


def _label(wanted: str, taken: set[str], lies: Callable[[str], object]) -> str:
    """Return the label that a key had, where it can be one and is free; else the next that is."""
    good = wanted if _LABEL.fullmatch(wanted) and not looks_secret(wanted) else ""
    numbered = (f"{good[:58]} {number}" for number in range(2, 1000)) if good else map(str, range(2, 1000))
    free = (name for name in (good or "default", *numbered) if name not in taken and not lies(name))
    return str(next(free))


def missing(pool: Pool, table: ProviderTable, wanted: Iterable[Key]) -> list[Key]:
    """Return the keys that a configured provider has not."""
    return [key for key in wanted if not _has(pool, table, key)]


def _has(pool: Pool, table: ProviderTable, key: Key) -> bool:
    if key.env:
        return key.env in [ref.env for ref in table.keys] or key.env in pool.provider(table.id).key_env
    if keys.existing(pool, table.id, key.key):
        return True
    variables = pool.provider(table.id).key_env
    return any(pool.env.get(name, "").strip() == key.key for name in variables)


def is_keyless(pool: Pool, name: str) -> bool:
    """Tell whether a configured provider has no key, not even in its preset's variable."""
    provider = pool.provider(name)
    bare = [KeyRef(label="default", source="env", env=variable) for variable in provider.key_env]
    return not provider.keys and not any(keys.readable(pool, name, ref) for ref in bare)


def is_same_server(pool: Pool, name: str, url: str) -> bool:
    """Tell whether a configured provider is where a key was sent before: keys go nowhere else."""
    return canonical(pool.provider(name).url) == canonical(url)
