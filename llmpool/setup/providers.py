"""Add a provider from one argument: a preset, an address, or an id with an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from llmpool.config import addresses, edit
from llmpool.config.keys import variable
from llmpool.config.presets import find_preset
from llmpool.config.problems import Problem, Spot
from llmpool.config.schema import PROVIDER
from llmpool.config.values import Kind
from llmpool.core.ids import is_provider_id
from llmpool.errors import Misuse, UnknownName, UpstreamFailed
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.setup import configfile, find


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

    Raises Misuse for what cannot name one, UnknownName for no preset, UpstreamFailed when nothing answers at
    an address given alone, because then nothing tells what it is.
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
    if wish.key_env:
        fields["key"] = {"env": wish.key_env}
    if wish.location:
        fields["location"] = wish.location
    configfile.change(pool, lambda text: edit.with_provider(text, name, fields))
    return name


def check(fields: Mapping[str, Any], key_env: str = "") -> None:
    """Read the values of options as the config will; raises Misuse that names the option at fault."""
    for name, value in fields.items():
        problem = _problem(PROVIDER[name].kind, value)
        if problem:
            raise Misuse(f"--{name}: {problem.message}", hint=problem.suggestion)
    if key_env and _problem(Kind(variable, {}), key_env):  # it may be the key, and is not repeated
        raise Misuse(
            "--key-env: what is given is not the name of a variable",
            hint="export NAME=..., then --key-env NAME; a key itself never goes onto the command line",
        )


def _problem(kind: Kind, value: object) -> Problem | None:
    problems: list[Problem] = []
    kind.read(value, Spot((), problems))
    return problems[0] if problems else None


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
    problem = _problem(addresses.url, url)
    if problem:
        raise Misuse(f"the address: {problem.message}", hint=problem.suggestion)
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
