"""First set-up: look, write a commented config, say what was found; safe to run twice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from llmpool.config.presets import presets
from llmpool.config.written import value_text
from llmpool.embedded import fetch
from llmpool.net.address import canonical
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.setup import configfile, find
from llmpool.setup.providers import host_name

if TYPE_CHECKING:
    from llmpool.setup.bringing import Step
    from llmpool.setup.import_survey import Entry

EMBEDDED_MODEL = "smollm2-135m"
OPTIONAL, IDLE = "optional = true", 'idle_ttl = "5m"'

HEADER = """\
# Your pool. After a change: llmpool config check
# API keys never stand in this file; it names the place that holds them:
#   key = { env = "OPENAI_API_KEY" }
#   key = { command = ["pass", "show", "openai"] }
#   key = { keyring = true }

@defaults@

# [routing]
# strategy = "score"          # score | value | priority | cost | latency | round_robin
# fallbacks = []              # asked when everything better failed
# auto_min_quality = 4        # weaker found models answer only as a last resort

# [[models]]                  # your own ratings; what you leave out is filled in
# id = "provider/model"
# quality = 6                 # 0-10
# aliases = ["small"]
"""

TASTES = {
    "mine": ("your own machines first", "local_first = true"),
    "value": ("what is worth its price", "local_first = false"),
    "best": ("the best, whatever it costs", "local_first = false\n\n[routing]\nauto_min_quality = 7"),
}


class Findings(NamedTuple):
    """What a look around found, how much was looked at, and which named places did not answer."""

    keys: list[find.KeyFound]
    servers: list[find.ServerFound]
    variables: int = 0
    places: int = 0
    silent: tuple[tuple[find.Place, str], ...] = ()


class Added(NamedTuple):
    """A provider that set-up wrote, and why it knows of it."""

    provider: str
    because: str


def look(pool: Pool) -> Findings:
    """Look at key variables and server addresses; only servers on this machine or named by variables."""
    rows = presets()
    wanted = find.places(pool.env, rows)
    with Client(offline=pool.offline) as client:
        seen = find.servers(client, wanted)
    found = [answer for _, answer in seen if isinstance(answer, find.ServerFound)]
    keys = find.keys(pool.env, rows)
    keyed = {canonical(key.url) for key in keys if key.url}  # asked with their keys, once they are configured
    unheard = [
        (place, why)
        for place, why in seen
        if place.variable and isinstance(why, str) and canonical(place.url) not in keyed
    ]
    silent = (*find.unspeakable(pool.env, rows), *unheard)
    variables = sum(len(row.env) for row in rows.values())
    return Findings(keys, found, variables, len(wanted), silent)


def write(pool: Pool, findings: Findings, *, embedded: bool, taste: str = "mine") -> list[Added]:
    """Add what was found to the config and return it; what is configured already stays as it is."""
    known = {table.id for table in pool.config.providers}
    used = {canonical(provider.url) for provider in pool.catalog.providers}
    programs = {
        canonical(server.url) for server in findings.servers if server.preset not in _vendors(findings)
    }
    keys = [key for key in findings.keys if key.preset.id not in known and canonical(key.url) not in programs]
    blocks = [_key_block(key) for key in keys]
    used |= {canonical(key.url) for key in keys if key.url}
    for server in findings.servers:
        wanted = host_name(server.url, server.preset)
        name = _free_name(wanted, known | {added.provider for added, _ in blocks})
        if canonical(server.url) not in used:
            blocks.append(_server_block(name, server))
    if embedded and "embedded" not in known:
        blocks.append(_embedded_block())

    def edit(text: str) -> str:
        start = text or HEADER.replace("@defaults@", TASTES[taste][1])
        return _with_blocks(start, {added.provider: block for added, block in blocks})

    if blocks:
        configfile.change(pool, edit)
    return [added for added, _ in blocks]


def _with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """Append the blocks of providers that are not there; where providers stand in one line, into that."""
    from llmpool.config import edit

    there = configfile.tree(text).get("providers", {})
    new = {name: block for name, block in blocks.items() if name not in there}
    after = text + "".join(f"\n{block}" for block in new.values())
    try:
        tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        for name, block in new.items():
            text = edit.with_provider(text, name, tomllib.loads(block)["providers"][name])
        return text
    return after


def elsewhere(pool: Pool) -> list[Entry]:
    """List the keys and addresses in other tools' settings that are not here yet; nobody is called."""
    from llmpool.setup.import_survey import survey

    return [each for each in survey(pool, accounts=False).entries if each.importable and not each.repeats]


def take_over(pool: Pool, entries: Iterable[Entry]) -> list[Step]:
    """Bring in what other tools have, once their owner has said so."""
    from llmpool.setup.bringing import bring
    from llmpool.setup.import_targets import wanted

    return bring(pool, [wanted(each.found, each.target) for each in entries])


def _vendors(findings: Findings) -> set[str]:
    """Name the vendors whose keys were found: a server called after one is not a program that is known."""
    return {"", *(key.preset.id for key in findings.keys)}


def _key_block(key: find.KeyFound) -> tuple[Added, str]:
    name = key.preset.id
    head, at = f"[providers.{name}]", f"url = {value_text(key.url)}\n" if key.url else ""
    block = f'{head:30}# {key.preset.name}\n{at}key = {{ env = "{key.variable}" }}\n'
    return Added(name, key.variable), block


def _server_block(name: str, server: find.ServerFound) -> tuple[Added, str]:
    what = f'preset = "{server.preset}"' if server.preset else f'format = "{server.format}"'
    lines = [
        f"[providers.{name}]",
        *([what] if server.preset or server.format else []),
        f'url = "{server.url}"',
        f"{OPTIONAL:30}# its absence is no failure of refresh",
    ]
    return Added(name, server.url), "\n".join(lines) + "\n"


def _embedded_block() -> tuple[Added, str]:
    lines = (
        f"# llama.cpp inside llmpool; fetch a model: llmpool models pull embedded/{EMBEDDED_MODEL}",
        "[providers.embedded]",
        f"{IDLE:30}# how long a model stays loaded after its last use",
    )
    return Added("embedded", "inside llmpool"), "\n".join(lines) + "\n"


def _free_name(wanted: str, taken: set[str]) -> str:
    names = [wanted, *(f"{wanted}-{n}" for n in range(2, 100))]
    return next(name for name in names if name not in taken)


def can_embed() -> bool:
    """Say whether the extra `embedded` is installed."""
    return fetch.is_available()


def embedded_is_there(pool: Pool) -> bool:
    """Say whether a model for the embedded provider is on disk."""
    return bool(fetch.installed(pool.paths.state))
