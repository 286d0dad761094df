"""Replace, remove, enable and disable a provider's keys; what a removal touches is told before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from llmpool.auth import keyfile, secrets
from llmpool.auth.secrets import describe
from llmpool.core.ids import mask_key
from llmpool.core.provider import KeyRef, Provider
from llmpool.errors import Misuse, NoCredential, UnknownName, UpstreamFailed
from llmpool.pool import Pool
from llmpool.router import cooldown
from llmpool.setup import configfile, key_places, key_refs, key_view, keys, keystore
from llmpool.setup.keys import Given, Stored
from llmpool.state import health
from llmpool.state import keys as known_keys

Progress = Callable[[str], None]
_STORES = (keystore.KEYRING, keystore.FILE)
_VARIABLE = "NEW_KEY"  # what a key that is only tried is called


class Replaced(NamedTuple):
    """What came of a replacement: *stored* is where the key is now, *before* the mask of the old one.

    *left* says what could not be taken out of where the old one was kept.
    """

    stored: Stored
    before: str = ""
    verified: bool = False
    left: str = ""


def the_one(pool: Pool, name: str, label: str) -> KeyRef:
    """Return a configured key; without a label the only one. Raises UnknownName, Misuse."""
    refs = pool.provider(name).keys
    if not label and len(refs) == 1:
        return refs[0]
    found = next((ref for ref in refs if ref.label == label), None)
    if found is not None:
        return found
    labels = [ref.label for ref in refs]
    if not refs and (variable := next(filter(pool.env.get, pool.provider(name).key_env), "")):
        raise UnknownName(
            f"{name} has no key of its own: {variable} is used, which belongs to its preset",
            hint=f"to make it one: llmpool providers keys add {name} --env {variable}",
        )
    if not label and refs:
        raise Misuse(f"{name} has {len(refs)} keys, so say which", hint=f"its keys: {', '.join(labels)}")
    raise key_refs.unknown(name, label or key_refs.SINGLE, labels)


def replace(
    pool: Pool,
    name: str,
    label: str,
    given: Given,
    *,
    where: str = "",
    plaintext: bool = False,
    verify: bool = True,
    progress: Progress,
) -> Replaced:
    """Put another key in the place of one: verified first, then swapped; the old one's mask is kept.

    It goes where the old one was kept, unless *where* says otherwise. Raises NoCredential when the provider
    refuses it, UpstreamFailed when nothing answers there, and what `keys.store` raises; then all is as it
    was.
    """
    ref = the_one(pool, name, label)
    key = _key_of(pool, name, given, needed=verify)
    if key and (double := keys.existing(pool, name, key)) and not _moves(ref, given, where, double):
        return Replaced(double)
    wished = where or (keystore.FILE if plaintext else ref.source if ref.source in _STORES else "")
    if not given.reference and wished != ref.source:
        key_places.refuse_taken(pool, name, ref.label, key, wished)
    provider = pool.provider(name)
    if verify:
        check(pool, provider, key, progress)
    key_places.look_again(pool, provider)
    the_one(pool, name, ref.label)  # it may be gone by now
    before = _learn_old(pool, name, ref)
    notes: tuple[str, ...] = ()
    if given.reference:
        kept, reference = next(iter(given.reference)), given.reference
    else:
        kept, notes = keystore.keep(pool, name, ref.label, key, where=wished, plaintext=plaintext)
        reference = keys.HERE[kept]
    try:
        configfile.change(pool, lambda text: key_refs.changed(text, name, ref.label, reference))
    except BaseException:  # or the label went while the key was tried
        keystore.give_back(pool, name, ref.label, kept)
        raise
    left = keystore.let_go(pool, name, ref.label, ref.source) if kept != ref.source else ""
    if key:
        keys.learn(pool, name, ref.label, key)
    else:  # the old one is not there any more, so it can be added again
        known_keys.outdate(pool.paths.state, name, ref.label, pool.clock())
    _let_it_work(pool, name, ref.label)
    stored = Stored(ref.label, kept, existing=False, mask=mask_key(key) if key else "", notes=notes)
    return Replaced(stored, before, verify, left)


def check(pool: Pool, provider: Provider, key: str, progress: Progress) -> None:
    """Ask the provider with a key that is kept nowhere yet; raises unless it takes it."""
    from llmpool.discovery.verify_ways import verify_provider

    trying = Pool(pool.paths, {**pool.env, _VARIABLE: key}, pool.clock, offline=pool.offline)
    anyway = "to swap it without asking: --no-verify"
    found = verify_provider(trying, provider, key_env=_VARIABLE, progress=progress)
    if found.refused or found.shut:
        raise NoCredential(
            f"{provider.id} refuses the new key; the old one stays", hint=f"is it the right one?  {anyway}"
        )
    if not found.ready:
        raise UpstreamFailed(
            f"{provider.id} does not answer, so nobody knows whether the new key works; the old one stays",
            hint=anyway,
        )


def switch(pool: Pool, name: str, label: str, *, on: bool) -> bool:
    """Enable or disable a key in the config; say whether that changed anything."""
    ref = the_one(pool, name, label)
    configfile.change(pool, lambda text: key_refs.switched(text, name, ref.label, on=on))
    return ref.enabled != on


def hangs_on(pool: Pool, name: str, ref: KeyRef, *, gone: bool = True) -> list[str]:
    """Say what a key carries that is about to go, or (not *gone*) to be disabled."""
    if (name, ref.label) in key_view.loose(pool):
        return [f"this config does not name it; it is deleted from {describe(ref)}, for others too"]
    provider = pool.provider(name)
    return [*_calls(pool, provider, ref), *_named(pool, name, ref), *(_kept(pool, name, ref) if gone else ())]


def remove(pool: Pool, name: str, ref: KeyRef) -> str:
    """Take a key out of the config and out of where llmpool keeps it; return what could not be done.

    Raises UnusableCredential for a secrets.json that is refused, and then nothing is changed.
    """
    if ref.source == keystore.FILE:
        keyfile.read(pool.paths.secrets)
    known_keys.forget(pool.paths.state, name, ref.label)  # ahead of the change, which frees the label
    if (name, ref.label) not in key_view.loose(pool):
        configfile.change(pool, lambda text: key_refs.removed(text, name, ref.label))
    left = keystore.give_back(pool, name, ref.label, ref.source)
    _let_it_work(pool, name, ref.label)
    return left


def to_remove(pool: Pool, name: str, label: str) -> KeyRef:
    """Return the key to remove: a configured one, or one that only secrets.json has; raises UnknownName."""
    if (name, label) in key_view.loose(pool):
        return KeyRef(label=label, source=keystore.FILE, enabled=False)
    return the_one(pool, name, label)


def stored(pool: Pool, name: str) -> list[KeyRef]:
    """List the keys of a provider that llmpool keeps: in secrets.json, and those it put into the keyring."""
    known = known_keys.read(pool.paths.state).known.get(name, {})
    mine = [ref for ref in pool.provider(name).keys if ref.source in _STORES]
    return [ref for ref in mine if ref.source == keystore.FILE or ref.label in known]


def _key_of(pool: Pool, name: str, given: Given, *, needed: bool) -> str:
    """Return the new key; one behind a reference is read, and must be readable where it is *needed*."""
    if not given.reference:
        return keys.checked(given.key)
    ref = keys.reference_of(given.reference)
    if needed:
        return secrets.read_key(ref, name, pool.env, pool.paths.secrets)
    return keys.readable(pool, name, ref)


def _moves(ref: KeyRef, given: Given, where: str, double: Stored) -> bool:
    """Say whether the same key is only to be kept elsewhere."""
    wanted = next(iter(given.reference)) if given.reference else where
    return double.label == ref.label and bool(wanted) and wanted != ref.source


def _learn_old(pool: Pool, name: str, ref: KeyRef) -> str:
    """See to it that the old key is known, so that it becomes the past of the new; return its mask."""
    known = known_keys.read(pool.paths.state).known.get(name, {}).get(ref.label)
    if known and known.digest:
        return known.mask
    old = keys.readable(pool, name, ref) if ref.source != "command" else ""
    if old:
        keys.learn(pool, name, ref.label, old)
    return mask_key(old) if old else ""


def _let_it_work(pool: Pool, name: str, label: str) -> None:
    """Forget that the key before rested."""
    health.wake(pool.paths.state, cooldown.of_key(name, label))
    pool.forget()


def _calls(pool: Pool, provider: Provider, ref: KeyRef) -> Iterator[str]:
    """Say what calls of the provider go with afterwards."""
    others = [key for key in provider.keys if key.label != ref.label]
    usable = [key.label for key in others if key.enabled]
    if usable or not ref.enabled:
        return
    if others:
        yield f"its other keys are disabled ({', '.join(key.label for key in others)}): its calls will fail"
    elif variable := next((each for each in provider.key_env if pool.env.get(each)), ""):
        yield f"it is the only key; {variable} is set, and counts then"
    elif provider.needs_key:
        yield f"it is the only key: calls of {provider.id} will fail"
    else:
        yield f"it is the only key: {provider.id} will be called without one"


def _named(pool: Pool, name: str, ref: KeyRef) -> Iterator[str]:
    for budget in pool.config.budgets:
        if budget.scope == f"{name}:{ref.label}":
            yield f"[budgets.{budget.name}] is about it, and stays"


def _kept(pool: Pool, name: str, ref: KeyRef) -> Iterator[str]:
    """Say what becomes of the key itself, and of what was counted of it."""
    use = known_keys.read(pool.paths.state).uses.get(name, {}).get(ref.label)
    if use and use.times:
        yield f"its count of uses goes ({use.times}); usage records stay"
    if ref.source in _STORES:
        yield f"the key itself is deleted from {describe(ref)}"
    else:
        yield f"the key itself stays where it is: {describe(ref)}"
