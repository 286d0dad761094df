"""Add a provider from one argument: a preset, an address, or an id with an address; change and remove one."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from llmpool.auth import keyfile
from llmpool.config import addresses, edit
from llmpool.config.presets import find_preset, presets
from llmpool.core.config import ProviderTable
from llmpool.core.ids import is_provider_id
from llmpool.core.near import meant, near
from llmpool.core.provider import KeyRef, Preset
from llmpool.errors import Misuse, UnknownName, UpstreamFailed
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.setup import (
    configfile,
    dedupe,
    find,
    key_changes,
    key_refs,
    keys,
    keystore,
    leaving,
    provider_edit,
)
from llmpool.setup.keys import Given, Stored
from llmpool.setup.provider_edit import Changed, check, problem
from llmpool.state import keys as known_keys
from llmpool.state import logins


class Wish(NamedTuple):
    """What the command line says of a provider to add; empty means not said."""

    name: str
    url: str = ""
    format: str = ""
    key_env: str = ""
    location: str = ""
    force: bool = False
    key: Given = Given()
    keep: str = ""
    plaintext: bool = False


class Added(NamedTuple):
    """A provider that was added, and its key, if one came with it."""

    name: str
    key: Stored | None = None


def add_with_key(pool: Pool, wish: Wish) -> Added:
    """Write a provider into the config, and keep the key that came with it.

    Raises what `add` raises, and what `keys.store` raises; then the provider is not there.
    """
    if wish.key.key and wish.key_env:
        raise Misuse("the key is given in more than one way", hint="--key-env VAR, or --key-stdin, not both")
    if not wish.key.key:
        return Added(add(pool, wish))
    wish = wish._replace(key=Given(keys.checked(wish.key.key)))
    name = add(pool, wish)
    try:
        kept = keys.store(pool, name, wish.key.key, where=wish.keep, plaintext=wish.plaintext)
    except BaseException:
        configfile.change(pool, lambda text: edit.without_provider(text, name))
        raise
    return Added(name, kept)


def change(
    pool: Pool,
    name: str,
    wish: provider_edit.Wish,
    given: Given,
    *,
    keep: str,
    plaintext: bool,
    dry_run: bool,
) -> tuple[Changed, Stored | None]:
    """Change a provider in the config, and keep another key of its, in the place of the one it has.

    Raises what `provider_edit.change` and `keys.store` raise, and Misuse for one of several keys. Without the
    key the rest is not changed either: the old one would go to the new address. Till the new one is kept the
    old is disabled, for a keyring may take its time, and others use the provider meanwhile.
    """
    if not given.key:
        return provider_edit.change(pool, name, wish, dry_run=dry_run), None
    refs = pool.provider(name).keys
    _refuse_unclear(name, wish, len(refs), dry_run=dry_run)
    key = Given(keys.checked(given.key))
    rests = refs[0].label if refs and refs[0].enabled and provider_edit.moves(wish) else ""
    empty = _is_empty(wish)
    done = Changed((), ()) if empty else provider_edit.change(pool, name, wish, dry_run=True, rests=rests)
    try:
        if done.steps:
            done = provider_edit.change(pool, name, wish, rests=rests)
        stored = _with_another_key(pool, name, key, keep=keep, plaintext=plaintext)
    except BaseException:  # an interrupt may come behind the write
        if not _has_key(pool, name, key.key):  # a new key is for the new address alone
            provider_edit.take_back(pool, name, done)
        _wake(pool, name, rests)
        raise
    _wake(pool, name, rests)
    return done, stored


def _wake(pool: Pool, name: str, label: str) -> None:
    """Enable a key that was disabled for the time of a change; one that is gone meanwhile needs nothing."""
    if label and label in key_refs.labels(configfile.read(pool), name):
        key_changes.switch(pool, name, label, on=True)


def _has_key(pool: Pool, name: str, key: str) -> bool:
    """Say whether a provider has a key, where the config looks for it by now."""
    pool.forget()
    return any(keys.readable(pool, name, ref) == key for ref in pool.provider(name).keys)


def _with_another_key(pool: Pool, name: str, key: Given, *, keep: str, plaintext: bool) -> Stored:
    """Keep the only key of a provider, in the place of the one it has."""
    if not pool.provider(name).keys:
        return keys.store(pool, name, key.key, where=keep, plaintext=plaintext)
    return key_changes.replace(
        pool, name, "", key, where=keep, plaintext=plaintext, verify=False, progress=lambda _: None
    ).stored


def remove(pool: Pool, name: str) -> list[str]:
    """Take a provider out of the config, and its keys and accounts out of where llmpool keeps them.

    Returns what could not be done, with the way out. Raises UnusableCredential for a secrets.json that is
    refused, and then nothing is changed.
    """
    pool.forget()  # its owner was asked: a key that came meanwhile goes as well
    refs = key_changes.stored(pool, name)
    if any(ref.source == keystore.FILE for ref in refs):
        keyfile.read(pool.paths.secrets)
    for ref in refs:
        known_keys.forget(pool.paths.state, name, ref.label)
    leaving.remove(pool, name)
    left = [keystore.give_back(pool, name, ref.label, ref.source) for ref in refs]
    if logged_in(pool, name):
        from llmpool import accounts

        accounts.end(pool, name, [login.id for login in logins.of(pool.paths.state, name)])
    return list(filter(None, left))


def logged_in(pool: Pool, name: str) -> list[str]:
    """Name the accounts of a provider, as people know them."""
    return [login.email or login.id for login in logins.of(pool.paths.state, name)]


def _refuse_unclear(name: str, wish: provider_edit.Wish, several: int, *, dry_run: bool) -> None:
    """Refuse a key where it is not clear what becomes of it, before anything is written."""
    if dry_run:
        raise Misuse("--dry-run shows changes of the config, and no key", hint="leave one of the two out")
    if wish.key_env or any(field.partition(".")[0] in ("key", "keys") for field in wish.unset):
        raise Misuse("the key is given in more than one way", hint="--key-env VAR, or --key-stdin, not both")
    if several > 1:
        raise Misuse(
            f"{name} has {several} keys, so it is not clear which is meant",
            hint=f"llmpool providers keys replace {name} LABEL    one more: providers keys add {name}",
        )


def _is_empty(wish: provider_edit.Wish) -> bool:
    return wish == provider_edit.Wish()


def add(pool: Pool, wish: Wish) -> str:
    """Write a provider into the config, but for a key that is to be kept, and return its id.

    Raises Misuse for what cannot name one and for a server that is there under another id, UnknownName for
    no preset, UpstreamFailed when nothing answers at an address given alone, because then nothing tells what
    it is.
    """
    said = {"url": wish.url, "format": wish.format, "location": wish.location}
    check({name: value for name, value in said.items() if value}, wish.key_env)
    taken = {table.id for table in pool.config.providers}
    if "://" in wish.name or (":" in wish.name and not wish.url):
        name, fields = _from_address(pool, wish, taken)
    else:
        name, fields = wish.name, _from_name(wish)
    if not is_provider_id(name):
        raise Misuse(
            f"{name!r} cannot name a provider", hint="letters, digits, - and _; give it one: add ID --url URL"
        )
    _refuse_taken(name, taken)
    _refuse_double(pool, wish, name, fields)
    if wish.key_env:
        fields["key"] = {"env": wish.key_env}
    if wish.location:
        fields["location"] = wish.location

    def added(text: str) -> str:
        _refuse_taken(name, configfile.tree(text).get("providers", {}))  # by somebody else, just now
        return edit.with_provider(text, name, fields)

    configfile.change(pool, added)
    return name


def _refuse_taken(name: str, taken: Container[str]) -> None:
    """Refuse the id of a provider that is there: its key would be sent to the new address."""
    if name in taken:
        raise Misuse(f"{name} is configured already", hint=f"llmpool providers show {name}")


def _refuse_double(pool: Pool, wish: Wish, name: str, fields: dict[str, Any]) -> None:
    """Refuse what is configured under another id already, unless it is forced; raises Misuse with that id."""
    if wish.force:
        return
    keys = (KeyRef(label="default", source="env", env=wish.key_env),) if wish.key_env else ()
    known = dedupe.double_of(pool, ProviderTable(id=name, keys=keys, **fields))
    if known is None:
        return
    state, way = ("", "show") if known.enabled else (", disabled,", "enable")
    raise Misuse(
        f"{known.id}{state} is that server already: {known.url}",
        hint=f"llmpool providers {way} {known.id}    to add it once more: --force",
    )


def _from_name(wish: Wish) -> dict[str, Any]:
    """Fill the table of `add PRESET`, or of `add ID --url URL`."""
    preset = find_preset(wish.name)
    if preset is None and not wish.url:
        close = near(wish.name, presets(), most=1)
        raise UnknownName(
            f'"{wish.name}" is no preset, and no address was given',
            hint=f"{meant(close)}   llmpool providers presets lists them; or: add ID --url URL".strip(),
            details={"candidates": close},
        )
    fields: dict[str, Any] = {}
    if wish.url:
        fields["url"] = wish.url
    if wish.format:
        fields["format"] = wish.format
    return fields


def _from_address(pool: Pool, wish: Wish, taken: set[str]) -> tuple[str, dict[str, Any]]:
    """Find out what answers at an address, and name it after its host."""
    url = wish.name if "://" in wish.name else f"http://{wish.name}"
    wrong = problem(addresses.url, url)
    if wrong:
        raise Misuse(f"the address: {wrong.message}", hint=wrong.suggestion)
    _refuse_double(pool, wish, "that-address", {"url": url})  # before anybody is asked
    key = wish.key.key or (pool.env.get(wish.key_env, "").strip() if wish.key_env else "")
    with Client(offline=pool.offline) as client:
        found = find.server(client, url, key=key)
        if isinstance(found, str):
            found = find.by_asking(client, url, key) or found
    if isinstance(found, str):
        if not wish.force:
            raise UpstreamFailed(
                f"nothing that lists models answers at {url}: {found}",
                hint="is it running? does it want a key (--key-env VAR)? to add it all the same: --force",
            )
        found = find.ServerFound("", url, 0)
    fields: dict[str, Any] = {"url": found.url}
    if wish.format or (found.format and not found.preset):
        fields["format"] = wish.format or found.format
    elif find_preset(found.preset):
        fields["preset"] = found.preset
    name = host_name(url, found.preset)
    return next(n for n in (name, *(f"{name}-{k}" for k in range(2, 100))) if n not in taken), fields


def host_name(url: str, preset: str) -> str:
    """Name a provider: `den` for den.lan, the preset for this machine, `host-1-2-3-4` for a bare address."""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0].strip("[]").lower()
    if host in ("localhost", "127.0.0.1", "", "::1"):
        return preset or "server"
    if host.replace(".", "").isdigit():
        return "host-" + host.replace(".", "-")
    first = host.removeprefix("api.").removeprefix("www.").partition(".")[0]
    return first if is_provider_id(first) else preset or "server"


def matching_presets(text: str) -> list[Preset]:
    """List the presets with *text* in an id, a name, a variable or the URL; upper case does not matter."""
    wanted = text.strip().lower()
    return [row for row in presets().values() if any(wanted in each.lower() for each in _told_by(row))]


def _told_by(row: Preset) -> tuple[str, ...]:
    return (row.id, *row.aliases, row.name, row.url, row.website, *row.env)
