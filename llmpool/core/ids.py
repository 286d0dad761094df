"""Ids: how providers, deployments and records are named (DESIGN ruling 1)."""

from __future__ import annotations

import os
import re

PROVIDER_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z"  # compiled when it is needed: hot commands need it not

_PORTS = tuple("0123456789")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: read aloud without mistakes


def is_provider_id(text: str) -> bool:
    """Whether *text* may name a provider: 1-128 letters, digits, `_`, `-`, the first alphanumeric."""
    return re.match(PROVIDER_ID, text) is not None


def is_device(name: str) -> bool:
    """Whether Windows takes a file of that name, whatever its ending, for a device."""
    stem = name.partition(".")[0].lower()
    return stem in ("con", "prn", "aux", "nul") or (stem[:3] in ("com", "lpt") and stem[3:] in _PORTS)


def split_ref(ref: str) -> tuple[str, str]:
    """Split `provider/model` at the first slash; without one the provider is empty."""
    provider, slash, model = ref.partition("/")
    return (provider, model) if slash else ("", ref)


def is_of_key(scope: str) -> bool:
    """Tell the scope of a key, `work:spare`, from a deployment whose model has a colon."""
    return ":" in scope.partition("/")[0]


def short_id(prefix: str) -> str:
    """Make an id such as `d-7f3k2m9q`: 40 random bits, easy to type and to select with a double click."""
    number = int.from_bytes(os.urandom(5), "big")
    return prefix + "-" + "".join(_ALPHABET[number >> shift & 31] for shift in range(0, 40, 5))


def usage_id() -> str:
    """Make a usage record id: `usage_` and 16 hex digits (pool-ledger-credentials 0.2)."""
    return "usage_" + os.urandom(8).hex()


def mask_key(key: str) -> str:
    """Show what may be shown of a key: stars up to 12 characters, else first 8, `...`, last 4 (ibid. 3.2)."""
    return "*" * len(key) if len(key) <= 12 else f"{key[:8]}...{key[-4:]}"


def mask_shortly(key: str) -> str:
    """Show what may be shown of a key found in another tool's settings (ibid. 3.2): `sk-s...2345`."""
    return "****" if len(key) <= 8 else f"{key[:4]}...{key[-4:]}"


def mask_legacy(key: str) -> str:
    """Mask a key as the migration of a legacy file does (ibid. 3.2): `sk-s****2345`."""
    return "****" if len(key) <= 8 else f"{key[:4]}****{key[-4:]}"


def key_digest(key: str) -> str:
    """Return what tells keys apart where they are not kept: the SHA-256 of the key, in hex (ibid. 3.2)."""
    import hashlib

    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
