"""Add a provider from one argument: a preset, an address, or an id with an address."""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.config import addresses, edit
from llmpool.config.presets import find_preset, presets
from llmpool.core.config import ProviderTable
from llmpool.core.ids import is_provider_id
from llmpool.core.provider import KeyRef, Preset
from llmpool.errors import Misuse, UnknownName, UpstreamFailed
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.setup import configfile, dedupe, find
from llmpool.setup.provider_edit import check, problem


class Wish(NamedTuple):
    """What the command line says of a provider to add; empty means not said."""

    name: str
    url: str = ""
    format: str = ""
    key_env: str = ""
    location: str = ""
    force: bool = False


def add(pool: Pool, wish: Wish) -> str:
    """Write a provider into the config and return its id.

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
    if name in taken:
        raise Misuse(f"{name} is configured already", hint=f"llmpool providers show {name}")
    _refuse_double(pool, wish, name, fields)
    if wish.key_env:
        fields["key"] = {"env": wish.key_env}
    if wish.location:
        fields["location"] = wish.location
    configfile.change(pool, lambda text: edit.with_provider(text, name, fields))
    return name


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
        raise UnknownName(
            f'"{wish.name}" is no preset, and no address was given',
            hint="llmpool providers presets lists them; or: add ID --url URL",
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
    key = pool.env.get(wish.key_env, "").strip() if wish.key_env else ""
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
    name = _host_name(url, found.preset)
    return next(n for n in (name, *(f"{name}-{k}" for k in range(2, 100))) if n not in taken), fields


def _host_name(url: str, preset: str) -> str:
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
