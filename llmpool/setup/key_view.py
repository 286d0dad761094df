"""The keys of providers as they stand: where each is, whether it is used, how often; never the key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmpool.auth import keyfile
from llmpool.auth.secrets import describe
from llmpool.core.ids import mask_key
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.times import rfc3339, span
from llmpool.core.trial import TRIAL
from llmpool.errors import NoCredential
from llmpool.pool import Pool
from llmpool.router import cooldown
from llmpool.setup.trial import MARK
from llmpool.state import keys as known_keys
from llmpool.state import logins

_SHORTLY = ("label", "from", "state", "reason", "mask", "asked", "usage_count", "last_used", "resting_until")


def rows(pool: Pool, name: str = "") -> list[dict[str, Any]]:
    """Describe the keys of one provider, or of all; no network, and no program is run."""
    names = [pool.provider(name).id] if name else [entry["id"] for entry in pool.routing["providers"]]
    known = known_keys.read(pool.paths.state)
    return [row for each in names for row in _of_provider(pool, pool.provider(each), known)]


def loose(pool: Pool, name: str = "") -> list[tuple[str, str]]:
    """Name the keys in secrets.json, by provider and label, that the config does not name.

    Tokens of accounts and what a trial has noted there are no keys.
    """
    if not pool.paths.secrets.exists():
        return []
    try:
        held = keyfile.labels(pool.paths.secrets)
    except NoCredential as error:
        pool.warnings.append(f"{error.message}; {error.hint}")
        return []
    named = {(table.id, ref.label) for table in pool.config.providers for ref in table.keys}
    every = [(provider, label) for provider, labels in held.items() for label in labels]
    return [
        key
        for key in every
        if key not in named
        and name in ("", key[0])
        and not key[1].startswith(logins.ID)
        and key != (TRIAL, MARK)
    ]


def shortly(pool: Pool, name: str) -> list[dict[str, Any]]:
    """Describe the keys of one provider in the few fields that belong beside everything else about it."""
    turns = _turns(pool.provider(name).key_rotation, found := rows(pool, name))
    told = zip(found, turns, strict=True)
    return [{name: turn if name == "asked" else row[name] for name in _SHORTLY} for row, turn in told]


def _turns(rotation: str, found: list[dict[str, Any]]) -> Iterator[str | None]:
    """Say for each key when it is asked with: the first that is to be had wins, unless they take turns."""
    usable = [row for row in found if row["state"] == "ok"]
    for row in found:
        if row["state"] != "ok":
            yield None
        elif rotation == "first" or len(usable) == 1:
            yield "first" if row is usable[0] else "when others fail"
        else:
            yield "in turn"


def _of_provider(pool: Pool, provider: Provider, known: known_keys.Keys) -> list[dict[str, Any]]:
    refs = [(ref, True) for ref in provider.keys] or [(ref, False) for ref in _of_preset(provider, pool)]
    return [_row(pool, provider, ref, known, configured=configured) for ref, configured in refs]


def _of_preset(provider: Provider, pool: Pool) -> list[KeyRef]:
    """Name the preset's variable that counts where no key is configured."""
    found = [KeyRef(label=name, source="env", env=name) for name in provider.key_env if pool.env.get(name)]
    return found[:1]


def _row(
    pool: Pool, provider: Provider, ref: KeyRef, known: known_keys.Keys, *, configured: bool
) -> dict[str, Any]:
    use = known.uses.get(provider.id, {}).get(ref.label, known_keys.Use())
    seen = known.known.get(provider.id, {}).get(ref.label)
    live = pool.env.get(ref.env, "").strip() if ref.source == "env" else ""
    state, reason, until = _state(pool, provider, ref, live)
    return {
        "provider": provider.id,
        "label": ref.label,
        "source": ref.source,
        "from": describe(ref),
        "configured": configured,
        "enabled": ref.enabled,
        "state": state,
        "reason": reason or None,
        "resting_until": until or None,
        "mask": mask_key(live) if live else (seen.mask or None) if seen else None,
        "usage_count": use.times,
        "last_used": rfc3339(use.last_used) if use.last_used else None,
        "added_at": rfc3339(seen.since) if seen else None,
        "replaced": [
            {"mask": past.mask, "until": rfc3339(past.until)} for past in reversed(seen.past if seen else ())
        ],
    }


def _state(pool: Pool, provider: Provider, ref: KeyRef, live: str) -> tuple[str, str, str]:
    """Say whether a key is used, why not, and until when it rests."""
    if not ref.enabled:
        return "disabled", "", ""
    if ref.source == "env" and not live:
        return "not set", f"{ref.env} is not set", ""
    if ref.source == "file" and not _is_in_file(pool, provider.id, ref.label):
        return "not set", f"{pool.paths.secrets.name} has none", ""
    entry = pool.health.cooldowns.get(cooldown.of_key(provider.id, ref.label))
    now = pool.clock()
    left = cooldown.read(entry).left(now) if entry else 0.0
    if entry and left:
        words = f"{cooldown.why(cooldown.read(entry).reason)}, rests {span(left)} more"
        return "resting", words, rfc3339(now + left)
    return "ok", "", ""


def _is_in_file(pool: Pool, provider: str, label: str) -> bool:
    """Say whether secrets.json has a key; one that may not be read is told of elsewhere, and counts."""
    try:
        return label in keyfile.labels(pool.paths.secrets).get(provider, ())
    except NoCredential:
        return True
