"""Install, examine and remove the licence of a trial (pool-ledger-credentials 8).

The licence contains an API key, so it is kept where keys are: in the keyring, in secrets.json, or in the
variable it came from. The config says where, trial.json what it grants and how much of that is used.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from llmpool.auth import license as licences
from llmpool.auth import secrets
from llmpool.auth.license import License
from llmpool.config import edit
from llmpool.config.problems import looks_secret
from llmpool.core.provider import KeyRef
from llmpool.core.times import rfc3339
from llmpool.core.trial import TRIAL, Quota, Terms
from llmpool.errors import Misuse, NoCredential, Refused, UnusableCredential
from llmpool.pool import Pool
from llmpool.setup import configfile, given, keystore
from llmpool.state import trial
from llmpool.usage import trial as rules

VARIABLE = "LLMPOOL_TRIAL_LICENSE"
LABEL, MARK = "default", "activated"
INSTALL = "llmpool providers trial install"
_SAY_WHERE = f"a file, - for stdin, or the variable {VARIABLE}"
_KEPT_IN = {"env": {"env": VARIABLE}, "keyring": {"keyring": True}, "file": {"file": True}}


class Stands(NamedTuple):
    """How a trial stands: its terms, where they are known, its quota, and why it is over in words."""

    terms: Terms | None
    quota: Quota
    message: str = ""


def install(pool: Pool, source: str, *, plaintext: bool) -> Stands:
    """Take in a licence: keep it, name its provider in the config, begin to count or go on counting.

    Raises Misuse for what cannot be read, UnusableCredential for what is no licence of a known key, Refused
    for one whose trial is over.
    """
    _refuse_another(pool)
    text, place = _given(pool, source)
    found = licences.read(text, dict(pool.config.trial_keys))
    activated = _activated(pool, place)
    state, now = pool.paths.state, pool.clock()
    stands = trial.look(state, found.terms, found.signature, now, activated=activated == found.terms.issued)
    if activated > found.terms.issued:
        stands = stands.replace(exhausted=True, reason=rules.INVALID)
    if stands.exhausted:
        raise over(found.terms, stands)
    if place == "store":
        where = keystore.FILE if plaintext else ""
        place, _ = keystore.keep(pool, TRIAL, LABEL, text, where=where, plaintext=plaintext)
    stands = trial.start(state, found.terms, found.signature, now, activated=False)
    _mark(pool, place, found.terms.issued, plaintext=plaintext)
    configfile.change(pool, lambda config: edit.with_provider(config, TRIAL, _fields(found.terms, place)))
    return Stands(found.terms, stands)


def status(pool: Pool) -> Stands:
    """Say how the trial stands, by its licence where that can be read; no network."""
    kept = trial.read(pool.paths.state)
    try:
        found = _licence(pool)
    except NoCredential as error:
        reason = rules.INVALID if isinstance(error, UnusableCredential) else rules.NO_LICENSE
        return _without(kept, reason, error.message)
    if found is None:
        return _without(kept, rules.NO_LICENSE, "")
    if kept.terms != found.terms:
        words = f"its licence is not the one that was installed: {INSTALL}"
        return _without(kept, rules.INVALID, words)
    stands = trial.start(pool.paths.state, found.terms, found.signature, pool.clock())
    return Stands(found.terms, stands, rules.told(found.terms, stands) if stands.exhausted else "")


def remove(pool: Pool) -> list[str]:
    """Take the trial out of the config, and its licence out of where it is kept; return what stays.

    What was used stays counted, so that the same licence goes on where it was. Raises Misuse without a trial.
    """
    from llmpool.setup import leaving

    ref = _reference(pool)
    if ref is None:
        raise Misuse("no trial is installed", hint=f"{INSTALL} FILE")
    left = [keystore.let_go(pool, TRIAL, ref.label, ref.source)]
    if ref.source not in (keystore.FILE, keystore.KEYRING):
        left = [f"the licence is still in {secrets.describe(ref).removeprefix('first line of: ')}"]
    leaving.remove(pool, TRIAL)
    trial.forget_terms(pool.paths.state)
    return [line for line in left if line]


def over(terms: Terms | None, quota: Quota) -> Refused:
    """Build the error of a trial that is over; it names what to do next."""
    return Refused(
        rules.told(terms, quota),
        hint=rules.way_out(quota.reason),
        details={"code": rules.code(quota.reason), "reason": quota.reason},
    )


def document(stands: Stands, now: float) -> dict[str, Any]:
    """Write the status as `--json` prints it; nothing of the licence's key or address is in it."""
    terms, quota = stands.terms, stands.quota
    limit = terms.limit if terms else 0
    return {
        "provider": TRIAL if terms else None,
        "model": terms.model if terms else None,
        "format": terms.format if terms else None,
        "key_id": terms.kid if terms else None,
        "issued_at": rfc3339(terms.issued) if terms else None,
        "tokens_used": quota.tokens_used,
        "tokens_remaining": max(0, limit - quota.tokens_used),
        "token_limit": limit,
        "is_exhausted": quota.exhausted,
        "exhausted_reason": quota.reason or None,
        "code": rules.code(quota.reason) if quota.exhausted else None,
        "message": stands.message or None,
        "next": rules.way_out(quota.reason) if quota.exhausted else None,
        "last_updated": quota.last_updated or None,
        "expires_at": rfc3339(terms.expires) if terms and terms.expires else None,
        "is_expired": rules.is_expired(terms, now) if terms and terms.expires else None,
    }


def _without(kept: trial.Kept, reason: str, words: str) -> Stands:
    """Say how a trial stands whose licence cannot be had: exhausted, and nothing of it is known for sure."""
    quota = Quota(exhausted=True, reason=reason)
    return Stands(None, quota, words or rules.told(kept.terms, quota))


def _given(pool: Pool, source: str) -> tuple[str, str]:
    """Read the licence, and say how it is kept: `store`, `env`, or as it is, where the config points at it.

    What was typed in its place on the command line is refused and not repeated.
    """
    if licences.looks_like_one(source) or looks_secret(source):
        raise Misuse(
            "a licence contains a key and never goes onto the command line", hint=f"put it into {_SAY_WHERE}"
        )
    if source:
        text = given.read(source, f"give {_SAY_WHERE}").strip()
        return text, "store"
    if pool.env.get(VARIABLE, "").strip():
        return pool.env[VARIABLE].strip(), "env"
    ref = _reference(pool)
    if ref is None:
        raise Misuse("no licence was given", hint=f"give {_SAY_WHERE}")
    return secrets.read_key(ref, TRIAL, pool.env, pool.paths.secrets), ""


def _refuse_another(pool: Pool) -> None:
    """Refuse to turn a provider that has its own address into that of a trial."""
    taken = next((table for table in pool.config.providers if table.id == TRIAL), None)
    if taken is not None and taken.preset != TRIAL:
        raise Misuse(
            f"[providers.{TRIAL}] is another provider; a trial needs that id",
            hint="give the other one a new id: llmpool config edit",
        )


def _reference(pool: Pool) -> KeyRef | None:
    """Return where the config says the licence is."""
    tables = (table for table in pool.config.providers if table.preset == TRIAL)
    return next((table.keys[0] for table in tables), None)


def _licence(pool: Pool) -> License | None:
    """Read and prove the licence that the config points at; None where it points at none."""
    ref = _reference(pool)
    if ref is None:
        return None
    text = secrets.read_key(ref, TRIAL, pool.env, pool.paths.secrets)
    return licences.read(text, dict(pool.config.trial_keys))


def _activated(pool: Pool, place: str) -> int:
    """Return when the licence was issued that was installed here last, as noted beside it; else 0."""
    found = [0]
    for source in () if place == "env" else (keystore.KEYRING, keystore.FILE):
        with suppress(NoCredential):
            ref = KeyRef(label=MARK, source=source)
            text = secrets.read_key(ref, TRIAL, pool.env, pool.paths.secrets)
            found += [int(text)] if text.isdecimal() and len(text) < 20 else []
    return max(found)


def _mark(pool: Pool, place: str, issued: int, *, plaintext: bool) -> None:
    """Note beside the licence that it was installed: a state that is deleted is missed then."""
    marks = {(TRIAL, MARK): str(issued)}
    if place == keystore.FILE:
        keystore.put_into_file(pool, marks, plaintext=plaintext)
    elif place == keystore.KEYRING:
        with suppress(NoCredential):
            keystore.put_into_keyring(marks)


def _fields(terms: Terms, place: str) -> dict[str, Any]:
    """Fill the table of the config; the name is another with every licence, so that all is compiled anew."""
    name = f"Trial, licence {terms.kid} of {rfc3339(terms.issued)}"
    return {"preset": TRIAL, "name": name} | ({"key": _KEPT_IN[place], "keys": None} if place else {})
