"""trial.json: how much of a trial is used, sealed with its licence's signature (pool-ledger-credentials 8.2).

The quota is a text that only whoever has the licence can write: base64url of its JSON, a dot, base64url of an
HMAC over the text before the dot. Beside it, unsealed, stand the issue time of the licence, by which a newer
one is noticed, and its terms, for commands that load neither the licence nor what proves it; a call goes by
the licence itself. Neither the licence nor its key is ever kept here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.trial import OVER, Quota, Terms
from llmpool.errors import StateUnusable
from llmpool.state import jsonfile, shape
from llmpool.usage import trial as rules

NAME = "trial.json"
_PART = re.compile(r"[A-Za-z0-9_-]+")
_REASON = re.compile(r"[a-z_]{0,64}")


class Kept(NamedTuple):
    """What the file holds; *sealed* is empty where there is none."""

    terms: Terms | None = None
    issued: int = 0
    sealed: str = ""


def read(state: Path) -> Kept:
    """Read the file as it is, unproven; raises StateUnusable where it is corrupt or was."""
    return jsonfile.read(state / NAME, precious=True, decode=_kept)


def terms(state: Path) -> Terms | None:
    """Return the terms a trial was installed with; None where they are not known."""
    try:
        return read(state).terms
    except StateUnusable:
        return None  # whoever is routed to it is told, see `barred`


def barred(state: Path, now: float) -> str:
    """Say why routing refuses the trial, by what its state says; empty where it does not."""
    try:
        kept = read(state)
    except StateUnusable as error:
        return OVER + error.message
    stands = rules.standing(kept.terms, glimpse(kept.sealed), now)
    return rules.told(kept.terms, stands) if stands.exhausted else ""


def way_out(state: Path, now: float) -> str:
    """Name what to do where routing refuses the trial."""
    kept = read(state)
    return rules.way_out(rules.standing(kept.terms, glimpse(kept.sealed), now).reason)


def start(state: Path, terms: Terms, signature: bytes, now: float, *, activated: bool = True) -> Quota:
    """Say how the trial of a licence stands, and keep it where it stands differently than it did.

    *activated*: this very licence was installed here before, so there must be a state of it.
    """
    known = read(state)
    stands = rules.started(terms, _found(known, signature, activated=activated), now)
    if stands.reason == rules.EXPIRED or (known.terms == terms and stands == opened(known.sealed, signature)):
        return stands

    def change(kept: Kept) -> Quota:
        return rules.started(terms, _found(kept, signature, activated=activated), now)

    return _update(state, terms, signature, change)


def look(state: Path, terms: Terms, signature: bytes, now: float, *, activated: bool) -> Quota:
    """Say how the trial of a licence would stand, and keep nothing."""
    return rules.started(terms, _found(read(state), signature, activated=activated), now)


def count(state: Path, terms: Terms, signature: bytes, tokens: int, now: float) -> Quota:
    """Add the tokens of a request to what is used, and return how the trial stands then."""

    def change(kept: Kept) -> Quota:
        stands = rules.started(terms, _found(kept, signature, activated=True), now)
        return rules.counted(stands, terms, tokens, now)

    return _update(state, terms, signature, change)


def forget_terms(state: Path) -> None:
    """Forget what the licence granted; what was used stays, so that the same licence goes on where it was."""

    def change(kept: Kept) -> Any:
        return None if not kept.sealed else _as_data(kept._replace(terms=None))

    jsonfile.update(state / NAME, change, precious=True, decode=_kept)


def seal(quota: Quota, signature: bytes) -> str:
    """Write a quota as the text that *signature* seals."""
    fields = {
        "tokens_used": quota.tokens_used,
        "exhausted": quota.exhausted,
        **({"exhausted_reason": quota.reason} if quota.reason else {}),
        "last_updated": quota.last_updated,
        "hwm": quota.hwm,
        "license_iat": quota.issued,
    }
    text = _encoded(json.dumps(fields, separators=(",", ":")).encode())
    return f"{text}.{_encoded(_mac(text, signature))}"


def opened(sealed: str, signature: bytes) -> Quota | None:
    """Return the quota in a sealed text; None where it was sealed with another signature, or changed."""
    text, dot, mac = sealed.partition(".")
    given = _decoded(mac) if dot else None
    if given is None or not hmac.compare_digest(given, _mac(text, signature)):
        return None
    return glimpse(sealed)


def glimpse(sealed: str) -> Quota | None:
    """Return the quota in a sealed text without proof; None where there is none in it."""
    content = _decoded(sealed.partition(".")[0])
    try:
        return None if content is None else _quota(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _update(state: Path, terms: Terms, signature: bytes, change: Callable[[Kept], Quota]) -> Quota:
    """Change the quota under the lock; where a newer licence has come meanwhile, its state stays."""
    made: list[Quota] = []

    def write(kept: Kept) -> Any:
        made[:] = [change(kept)]
        if kept.issued > terms.issued:
            return _as_data(kept)
        return _as_data(Kept(terms, terms.issued, seal(made[0], signature)))

    jsonfile.update(state / NAME, write, precious=True, decode=_kept)
    return made[0]


def _found(kept: Kept, signature: bytes, *, activated: bool) -> rules.Found:
    quota = opened(kept.sealed, signature)
    issued = quota.issued if quota else kept.issued  # what is sealed counts for more
    return rules.Found(quota, issued, missing=not kept.sealed, activated=activated)


def _mac(text: str, signature: bytes) -> bytes:
    key = signature[:32] if len(signature) >= 32 else hashlib.sha256(signature).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    if not _PART.fullmatch(text) or len(text) % 4 == 1:
        return None
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _quota(data: Any) -> Quota:
    found = shape.fields(data, _QUOTA)
    return Quota(
        tokens_used=found["tokens_used"],
        exhausted=found["exhausted"],
        reason=found.get("exhausted_reason", ""),
        last_updated=found.get("last_updated", ""),
        hwm=found["hwm"],
        issued=found["license_iat"],
    )


def _kept(data: Any) -> Kept:
    found = shape.fields({} if data is None else data, _FIELDS)
    return Kept(found.get("terms"), found.get("license_iat", 0), found.get("sealed", ""))


def _terms(value: Any) -> Terms | None:
    return None if value is None else Terms(**shape.entries({"": value}, _TERMS)[""])


def _as_data(kept: Kept) -> dict[str, Any]:
    granted = None if kept.terms is None else kept.terms.as_dict()
    return {"terms": granted, "license_iat": kept.issued, "sealed": kept.sealed}


def _reason(value: Any) -> str:
    if not _REASON.fullmatch(shape.text(value)):
        raise ValueError("not a reason")
    return shape.text(value)


_QUOTA: dict[str, Callable[[Any], Any]] = {
    "tokens_used": shape.whole,
    "exhausted": shape.flag,
    "exhausted_reason": _reason,
    "last_updated": shape.moment,
    "hwm": shape.whole,
    "license_iat": shape.whole,
}
_TERMS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("kid", "url", "format", "model"), shape.text),
    **dict.fromkeys(("limit", "issued", "expires"), shape.whole),
}
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "terms": _terms,
    "license_iat": shape.whole,
    "sealed": shape.text,
}
