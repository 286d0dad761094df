"""Look at what other tools on this machine have, and say of each find whether it can be had here and how.

Nothing is written and nobody is asked. A file that cannot be read is told, and hides no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from llmpool.config.keys import variable
from llmpool.config.values import Kind
from llmpool.core.ids import key_digest
from llmpool.errors import LlmpoolError
from llmpool.importers import aichat, codex
from llmpool.importers import home as homes
from llmpool.importers.found import BEARER, TOKEN, Found, Login, Tool, key_of, vendor_of
from llmpool.importers.home import Home
from llmpool.importers.tools import BY_VARIABLE, LOGINS, TOOLS
from llmpool.net.address import canonical
from llmpool.pool import Pool
from llmpool.setup.import_targets import Target, target
from llmpool.setup.provider_edit import problem
from llmpool.state import keys as known_keys

ACCOUNTS = {  # a kind of login: the provider that it belongs to
    "antigravity": "google-antigravity",
    "copilot": "github-copilot",
    "codex": "openai-codex",
    "gemini-cli": "google-gemini-cli",
}


class Entry(NamedTuple):
    """One find and what it comes to: *why* it is not importable, the tool whose find it *repeats*."""

    found: Found
    target: Target
    importable: bool
    why: str = ""
    imported: bool = False
    repeats: str = ""


class Account(NamedTuple):
    """A login of another tool, and the provider that it belongs to."""

    login: Login
    provider: str


class Seen(NamedTuple):
    """A tool that was looked for: its file or where that might be, and which of its variables are set."""

    tool: Tool
    path: Path | None
    searched: tuple[Path, ...]
    error: str
    variables: tuple[tuple[str, bool], ...]


class Survey(NamedTuple):
    """Everything that was found, the logins among it, and every tool that was looked for."""

    entries: tuple[Entry, ...]
    accounts: tuple[Account, ...]
    tools: tuple[Seen, ...]
    problems: tuple[str, ...] = ()


def survey(
    pool: Pool, home: Home | None = None, *, more: Iterable[Found] = (), accounts: bool = True
) -> Survey:
    """Look at every tool; *home* is whose, this user's where none is given. *more* is listed behind them.

    Without *accounts* no login is looked for, which spares the copy of a database.
    """
    home = home or homes.here(pool.env)
    seen, found, problems = [], [], []
    for tool, reader in TOOLS.values():
        paths = home.paths(tool.places)
        path, error = homes.there(paths), ""
        try:
            found += reader(tool, path) if path else []
        except LlmpoolError as failed:
            error = failed.message
        variables = tuple((name, _is_set(home, name)) for name in (*tool.key_env, *tool.url_env))
        seen.append(Seen(tool, path, tuple(paths), error, variables))
    try:
        found += codex.providers(home)
    except LlmpoolError as failed:
        problems.append(failed.message)
    logins = tuple(_accounts(home, problems, {each.error for each in seen})) if accounts else ()
    found = [each for each in _with_variables(home, found) if _says_something(each)]
    return Survey(tuple(judged(pool, [*found, *more])), logins, tuple(seen), tuple(dict.fromkeys(problems)))


def judged(pool: Pool, found: Iterable[Found]) -> Iterator[Entry]:
    """Say of each find what it becomes, whether it can, and whether it is there or was listed already."""
    present, listed = _present(pool), dict[tuple[str, str], str]()
    here = {table.id: table.url for table in pool.config.providers}
    urls = {each.id: each.url for each in reversed(pool.catalog.providers) if each.id in here}
    servers = {canonical(url): name for name, url in urls.items()}
    ids: dict[str, str] = {}
    for each in map(_unmistaken, found):
        aim = _placed(target(each), here, servers, ids)
        key = each.key or pool.env.get(each.key_env, "").strip()
        digest = key_digest(key) if key else ""
        had = present.get(digest, "") if digest else ""
        if not key and not each.key_env and not aim.why and canonical(aim.url) in servers:
            had = aim.provider
        why = f"{had} has it" if had else _only_proxy(each) or aim.why or _taken(aim, urls)
        repeats = listed.setdefault((aim.provider, digest), each.tool) if digest else each.tool
        yield Entry(each, aim, not why, why, bool(had), repeats if repeats != each.tool else "")


def _placed(aim: Target, here: dict[str, str | None], servers: dict[str, str], ids: dict[str, str]) -> Target:
    """Give a find with an address the id that the server has here, or one that no other find has.

    Of two ids of the server its own comes first, so that what was brought in once is found again.
    """
    same = canonical(aim.url)
    if not aim.fields or (aim.provider in here and canonical(here[aim.provider] or "") == same):
        return aim
    names = (aim.provider, *(f"{aim.provider}-{number}" for number in range(2, 100)))
    free = next((name for name in names if ids.setdefault(name, same) == same), aim.provider)
    return aim._replace(provider=servers.get(same, free))


def _unmistaken(found: Found) -> Found:
    """Take what stands where a variable is named, and cannot be the name of one, for the key itself."""
    if not found.key_env or not problem(Kind(variable, {}), found.key_env):
        return found
    return found.replace(key=key_of(found.key_env), key_env="")


def _only_proxy(found: Found) -> str:
    """Say that a tool has nothing but a proxy of its own, which is used when it is asked for."""
    has = found.key or found.key_env or found.url
    return "" if has or not found.proxy else f"its proxy: llmpool providers import {found.tool} --proxy"


def _taken(aim: Target, urls: dict[str, str]) -> str:
    """Say that the id is another server's, which is not overwritten, nor given a key that is not its own."""
    url = urls.get(aim.provider)
    if url is None or canonical(url) == canonical(aim.url):
        return ""
    return f"{aim.provider} is configured with another address: {url}"


def _present(pool: Pool) -> dict[str, str]:
    """Return the providers of the pool by the digests of their keys, as far as these can be told."""
    found: dict[str, str] = {}
    known = known_keys.read(pool.paths.state).known
    for provider in pool.catalog.providers:
        names = [ref.env for ref in provider.keys if ref.source == "env"] or list(provider.key_env)
        values = (pool.env.get(name, "").strip() for name in names)
        digests = [key_digest(value) for value in values if value]
        digests += [
            known[provider.id][ref.label].digest
            for ref in provider.keys
            if ref.label in known.get(provider.id, {})
        ]
        for digest in digests:
            found.setdefault(digest, provider.id)
    return found


def _with_variables(home: Home, found: Iterable[Found]) -> Iterator[Found]:
    """Yield the finds with what variables say: a key that is set there comes before one in a file.

    A tool that was not found is listed all the same where its variables are set, as somebody uses it.
    """
    plain = set()
    for each in found:
        if each.source != "config" or each.tool not in BY_VARIABLE or each.wanted:
            yield _of_aichat(home, each) if each.tool == aichat.AICHAT.id else each
        else:
            plain.add(each.tool)
            yield _by_variable(home, TOOLS[each.tool][0], each)
    for name in BY_VARIABLE:
        tool = TOOLS[name][0]
        blank = Found(tool=tool.id, name=tool.name, source="env", format=tool.format)
        if name not in plain and (made := _by_variable(home, tool, blank)) is not blank:
            yield made.replace(label=f"Imported from {tool.id}")


def _by_variable(home: Home, tool: Tool, found: Found) -> Found:
    """Return a find with the first key variable that is set; an address goes to the keys of its vendor."""
    name = next((each for each in tool.key_env if _is_set(home, each)), "")
    if not name:
        return found
    vendor = vendor_of(name, home.env[name].strip()) or tool.provider
    url = next((home.env[n] for n in tool.url_env if vendor_of(n) == vendor and _is_set(home, n)), "")
    url = url.strip() or (found.url if found.provider in ("", vendor) else "")
    auth = BEARER if name == TOKEN else ""
    return found.replace(source="env", provider=vendor, url=url, key="", key_env=name, auth=auth)


def _of_aichat(home: Home, found: Found) -> Found:
    """Return a client of aichat with the variable that aichat reads where no key is written down."""
    if found.key or found.key_env:
        return found
    name = next((each for each in aichat.variables(found) if _is_set(home, each)), "")
    return found.replace(source="env", key_env=name) if name else found


def _says_something(found: Found) -> bool:
    return bool(found.key or found.key_env or found.url or found.proxy)


def _accounts(home: Home, problems: list[str], told: set[str]) -> Iterator[Account]:
    for kind, read in LOGINS.items():
        try:
            login = read(home)
        except LlmpoolError as failed:
            problems += [failed.message] if failed.message not in told else []
            continue
        if login:
            yield Account(login, ACCOUNTS[kind])


def _is_set(home: Home, name: str) -> bool:
    return bool(home.env.get(name, "").strip())
