"""Add a key to a provider: kept where keys are kept, referred to by the config, told apart by its digest.

The label is claimed in the config first, under its lock, so that two who add at once never take the same
place of the keyring; what cannot be kept then gives its label back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from llmpool.auth import keyfile, secrets
from llmpool.config.presets import find_preset
from llmpool.config.problems import is_dense, looks_secret
from llmpool.core.ids import key_digest, mask_key
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.word import word
from llmpool.errors import LlmpoolError, Misuse, NoCredential, UnknownName, UnusableCredential
from llmpool.pool import Pool
from llmpool.setup import configfile, key_places, key_refs, keystore
from llmpool.state import keys as known_keys

LONGEST = 1 << 16
_MOMENT = 60.0  # seconds within which a key that was learnt is kept
_LABEL = re.compile(r"[^\W_](?:[\w.:@ -]{0,62}[\w.:@-])?", re.ASCII)
HERE = {keystore.KEYRING: {"keyring": True}, keystore.FILE: {"file": True}}


class Stored(NamedTuple):
    """A key that is there now: its label, where it is kept, and whether it was there before.

    *where* is keyring, file, env or command; *notes* is what its owner should know besides.
    """

    label: str
    where: str
    existing: bool
    mask: str = ""
    notes: tuple[str, ...] = ()


class Claim(NamedTuple):
    """A label that was claimed for a key, and the config's text before and after that."""

    label: str
    before: str
    after: str


class Given(NamedTuple):
    """A key as it was given: itself, or a reference to where it is: `{"env": NAME}`, `{"command": [...]}`."""

    key: str = ""
    reference: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        return f"Given({dict(self.reference)})"


def add(
    pool: Pool, provider: str, given: Given, *, label: str = "", where: str = "", plaintext: bool = False
) -> Stored:
    """Add a key that is kept by llmpool, or a reference to one that is kept elsewhere."""
    if given.reference:
        return refer(pool, provider, given.reference, label=label)
    return store(pool, provider, given.key, label=label, where=where, plaintext=plaintext)


def store(
    pool: Pool, provider: str, key: str, *, label: str = "", where: str = "", plaintext: bool = False
) -> Stored:
    """Keep a key and refer to it in the config; one that the provider has already is named instead.

    *where* is `keyring`, `file`, or empty for the keyring if it takes the key, the file if not; *plaintext*
    is the owner's word that it may lie there as it is. Raises Misuse for what is no key or no label, for a
    label that another key has, and where the owner's word is missing; UnusableCredential where it cannot be
    kept; UnknownName for no such provider.
    """
    key = checked(key)
    _check_label(label)
    before = provider_of(pool, provider)
    key_places.look_again(pool, before)
    if double := existing(pool, provider, key):
        return double
    where = keystore.FILE if plaintext and not where else where
    if lost := _lost_before(pool, provider, key):
        return _keep_again(pool, provider, lost, key, where=where or lost.source, plaintext=plaintext)
    planned = where or keystore.KEYRING
    beside = key_places.beside(pool, provider, label, key, where)
    claim = _claim(pool, provider, label, HERE[planned], beside)
    label, kept = claim.label, ""
    try:
        if other := _learn_new(pool, provider, label, key):
            _give_back(pool, provider, claim)
            return existing(pool, provider, key) or Stored(other, "", existing=True)
        kept, notes = keystore.keep(pool, provider, label, key, where=where, plaintext=plaintext)
        if kept != planned:
            configfile.change(pool, lambda text: key_refs.changed(text, provider, label, HERE[kept]))
    except BaseException as error:
        with suppress(LlmpoolError):
            _give_back(pool, provider, claim)
        with suppress(LlmpoolError):
            if kept or not isinstance(error, LlmpoolError):  # an interrupt may come behind the keeping
                _let_go(pool, provider, label, key)
        raise
    return Stored(label, kept, existing=False, mask=mask_key(key), notes=(*notes, *_notes(pool, before, key)))


def refer(pool: Pool, provider: str, reference: Mapping[str, Any], *, label: str = "") -> Stored:
    """Refer to a key that is kept elsewhere: `{"env": NAME}` or `{"command": [WORD, ...]}`.

    It is read once, where it can be, so that one that is there already is noticed.
    """
    _check_label(label)
    before = provider_of(pool, provider)
    ref = reference_of(reference)
    key, fault = _tried(pool, provider, ref)
    if double := _same_reference(pool, provider, ref) or (existing(pool, provider, key) if key else None):
        return double
    claim = _claim(pool, provider, label, reference)
    if key and (other := _learn_new(pool, provider, claim.label, key)):
        _give_back(pool, provider, claim)
        return Stored(other, ref.source, existing=True)
    notes = (*fault, *_notes(pool, before, key))
    return Stored(claim.label, ref.source, existing=False, mask=mask_key(key) if key else "", notes=notes)


def provider_of(pool: Pool, name: str) -> Provider:
    """Look up the provider that gets a key; a preset that nobody has added yet names the way."""
    try:
        return pool.provider(name)
    except UnknownName as error:
        if find_preset(name):
            error.hint = f"add it first: llmpool providers add {name}    with its key: --key-stdin"
        raise


def checked(key: str) -> str:
    """Return a key without the blanks around it; raises Misuse for what is none, and never repeats it."""
    found = key.strip()
    if not found:
        raise Misuse("the key is empty; nothing was changed")
    if not found.isprintable() or not found.isascii() or " " in found or len(found) > LONGEST:
        raise Misuse(
            "what was given is no key: it has a blank, a line break or another character that no key has",
            hint="give the key alone, on one line",
        )
    return found


def reference_of(reference: Mapping[str, Any]) -> KeyRef:
    """Return a reference as the config reads it."""
    command = tuple(reference.get("command", ()))
    source = next(name for name in ("env", "command", "keyring", "file") if name in reference)
    return KeyRef(label="new", source=source, env=str(reference.get("env", "")), command=command)


def existing(pool: Pool, provider: str, key: str) -> Stored | None:
    """Return the key of a provider that is this one, told by its digest; None where it has none such."""
    digest = key_digest(key)
    known = known_keys.read(pool.paths.state).known.get(provider, {})
    held = keyfile.labels(pool.paths.secrets).get(provider, ())
    for ref in pool.provider(provider).keys:
        if ref.source == keystore.FILE and ref.label not in held:
            continue  # claimed by a run that was stopped before it kept the key
        seen = known[ref.label].digest if ref.label in known else ""
        is_near = ref.source in ("env", "file") or (ref.source == "keyring" and seen in ("", digest))
        live = readable(pool, provider, ref) if is_near else ""
        if not live and ref.source == keystore.KEYRING and is_lost(pool, provider, ref):
            continue
        if live and seen and key_digest(live) != seen:
            learn(pool, provider, ref.label, live)  # somebody else has changed it since
        if (key_digest(live) if live else seen) == digest:
            return Stored(ref.label, ref.source, existing=True, mask=mask_key(key))
    return None


def readable(pool: Pool, provider: str, ref: KeyRef) -> str:
    """Read a key where that can be done; empty where not."""
    with suppress(NoCredential):
        return secrets.read_key(ref, provider, pool.env, pool.paths.secrets)
    return ""


def is_lost(pool: Pool, provider: str, ref: KeyRef) -> bool:
    """Say whether nothing is where llmpool kept a key: the keyring was cleared, the file deleted."""
    if ref.source not in HERE:
        return False
    try:
        secrets.read_key(ref, provider, pool.env, pool.paths.secrets)
    except UnusableCredential:
        return False  # it is locked, which is another thing
    except NoCredential:
        return True
    return False


def _lost_before(pool: Pool, provider: str, key: str) -> KeyRef | None:
    """Return the reference to just this key that leads nowhere, but not one that is being kept now."""
    known = known_keys.read(pool.paths.state).known.get(provider, {})
    before = pool.clock() - _MOMENT
    same = {label for label, each in known.items() if each.digest == key_digest(key) and each.since < before}
    refs = (ref for ref in pool.provider(provider).keys if ref.label in same)
    return next((ref for ref in refs if is_lost(pool, provider, ref)), None)


def _keep_again(pool: Pool, provider: str, ref: KeyRef, key: str, *, where: str, plaintext: bool) -> Stored:
    """Keep a key that was lost, under the label that it had."""
    kept, notes = keystore.keep(pool, provider, ref.label, key, where=where, plaintext=plaintext)
    if kept != ref.source:
        configfile.change(pool, lambda text: key_refs.changed(text, provider, ref.label, HERE[kept]))
    return Stored(ref.label, kept, existing=False, mask=mask_key(key), notes=notes)


def _tried(pool: Pool, provider: str, ref: KeyRef) -> tuple[str, tuple[str, ...]]:
    """Read a key once; return it, or what is wrong with it now."""
    try:
        return secrets.read_key(ref, provider, pool.env, pool.paths.secrets), ()
    except NoCredential as error:
        fact = (
            error.message.removeprefix(f"{provider}: ")
            .replace(f' of key "{ref.label}"', "")
            .replace(f' (key "{ref.label}")', "")
        )
        return "", (f"it cannot be had now: {fact}",)


def _notes(pool: Pool, before: Provider, key: str) -> Iterator[str]:
    """Say what a key changes that was not asked for, or does not change."""
    variable = next((name for name in before.key_env if pool.env.get(name)), "")
    if variable and not before.keys and pool.env[variable].strip() != key:
        way = f"llmpool providers keys add {before.id} --env {variable}"
        yield f"{variable} is set, and no longer used; to use it too: {way}"
    if not before.enabled:
        yield f"{before.id} is disabled; to let it take part: llmpool providers enable {before.id}"


def _same_reference(pool: Pool, provider: str, new: KeyRef) -> Stored | None:
    """Return the key that comes from just there already."""
    for ref in pool.provider(provider).keys:
        if (ref.source, ref.env, ref.command) == (new.source, new.env, new.command):
            return Stored(ref.label, ref.source, existing=True)
    return None


def _check_label(label: str) -> None:
    like_a_key = looks_secret(label) or is_dense(label)
    if label and (like_a_key or not _LABEL.fullmatch(label)):  # it may be the key: not repeated
        raise Misuse(
            "what was given cannot be the label of a key",
            hint="up to 64 letters, digits, blanks and . : @ - _, as in --label team-a",
        )


def _claim(
    pool: Pool, provider: str, label: str, reference: Mapping[str, Any], beside: tuple[str, ...] = ()
) -> Claim:
    """Write a reference into the config under *label*, or under one that is free and none of *beside*."""
    claimed = Claim(label, "", "")

    def claim(text: str) -> str:
        nonlocal claimed
        taken = key_refs.labels(text, provider)
        if label in taken:
            raise Misuse(
                f'{provider} has another key "{label}"',
                hint=f"llmpool providers keys replace {provider} {word(label)}"
                "    or give it another: --label",
            )
        free = label or key_refs.free_label(text, provider, beside)
        claimed = Claim(free, text, key_refs.added(text, provider, free, reference))
        return claimed.after

    try:
        configfile.change(pool, claim)
    except BaseException:  # an interrupt may come behind the write
        if claimed.after and configfile.read(pool) == claimed.after:
            _give_back(pool, provider, claimed)
        raise
    known_keys.forget(pool.paths.state, provider, claimed.label)  # of one that was taken out by hand
    return claimed


def _give_back(pool: Pool, provider: str, claim: Claim) -> None:
    """Forget what was learnt under a claimed label, then free it: from then on others may claim it.

    A config that nobody has changed meanwhile is again what it was, to the last byte: whoever has changed
    more than the key goes by that.
    """

    def freed(text: str) -> str:
        return claim.before if text == claim.after else key_refs.removed(text, provider, claim.label)

    with suppress(LlmpoolError):  # a digest alone does no harm
        known_keys.forget(pool.paths.state, provider, claim.label)
    configfile.change(pool, freed)


def _let_go(pool: Pool, provider: str, label: str, key: str) -> None:
    """Take a key out of wherever it was kept already, under a label that nothing names."""
    for source in HERE:
        if readable(pool, provider, KeyRef(label=label, source=source)) == key:
            keystore.give_back(pool, provider, label, source)


def learn(pool: Pool, provider: str, label: str, key: str) -> None:
    """Remember a key by its digest, and the one it replaces."""
    known_keys.learn(pool.paths.state, provider, label, _known(pool, key))


def _learn_new(pool: Pool, provider: str, label: str, key: str) -> str:
    """Remember a key that was just claimed; return the label under which somebody else has added the same.

    Whoever has learnt has claimed before, so the config as it is then names all who may have been faster.
    """
    return known_keys.learn(
        pool.paths.state,
        provider,
        label,
        _known(pool, key),
        among=lambda: key_refs.labels(configfile.read(pool), provider),
    )


def _known(pool: Pool, key: str) -> known_keys.Known:
    return known_keys.Known(key_digest(key), mask_key(key), pool.clock())
