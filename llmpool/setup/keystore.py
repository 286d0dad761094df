"""Keep keys where references to them look: the system's keyring, or secrets.json beside the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmpool.auth import secrets
from llmpool.pool import Pool
from llmpool.state import jsonfile, shape

Keys = dict[tuple[str, str], str]  # by provider and label


def put_into_keyring(keys: Keys) -> None:
    """Put *keys* into the keyring; raises UnusableCredential at the first that it does not take."""
    for (provider, label), key in keys.items():
        secrets.put_into_keyring(provider, label, key)


def put_into_file(pool: Pool, keys: Keys) -> None:
    """Write *keys* into secrets.json, which nobody else may read; those that are there already stay."""

    def add(known: dict[str, dict[str, str]]) -> Any:
        for (provider, label), key in keys.items():
            known.setdefault(provider, {})[label] = key
        return {"keys": known}

    if keys:
        jsonfile.update(pool.paths.secrets, add, precious=True, decode=_keys)


def _keys(data: Any) -> dict[str, dict[str, str]]:
    found: Mapping[str, Any] = {} if data is None else shape.mapping(shape.mapping(data).get("keys", {}))
    return {
        provider: {label: shape.text(key) for label, key in shape.mapping(labels).items()}
        for provider, labels in found.items()
    }
