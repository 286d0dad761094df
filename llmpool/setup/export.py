"""The config and what was decided, as one file for another machine. Keys stay, or travel sealed.

The file is TOML: the config's text as it is, comments included, the policies, the owner's prices, and the
sealed keys if any. These are bound to all the rest: who changes an address in the file cannot have a key sent
to it. Usage records may follow behind the TOML (`carried_usage`).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from shlex import join
from typing import Any, NamedTuple

from llmpool import __version__
from llmpool.config.paths import refuse_own
from llmpool.config.problems import without_secrets
from llmpool.core.provider import KeyRef
from llmpool.core.times import rfc3339
from llmpool.errors import Misuse, NoCredential
from llmpool.pool import Pool
from llmpool.setup import carried_usage, configfile, policyfile
from llmpool.setup.keystore import Keys
from llmpool.setup.usage_export import Exported as Records
from llmpool.setup.usage_export import Tell
from llmpool.state import policy, prices
from llmpool.state.newfile import new_file

FORMAT, VERSION = "llmpool export", 1
USAGE = "jsonl"  # how usage records are written behind it
_KEPT = ("keyring", "file")
_ABOUT = "# Made by `llmpool config export`. On the other machine: llmpool init --from THIS_FILE\n\n"


class KeyPlace(NamedTuple):
    """A key that the config names: whose, where it comes from, and *why* it did not travel if it should."""

    provider: str
    label: str
    source: str
    env: str = ""
    why: str = ""


class Exported(NamedTuple):
    """An export's text, and what is in it; *hidden* counts what looked like a key outside of a value.

    With *usage* the usage records belong behind the text; they are not held.
    """

    text: str
    providers: int
    policies: int
    carried: list[KeyPlace]
    staying: list[KeyPlace]
    hidden: int
    usage: bool = False


def key_places(pool: Pool) -> list[KeyPlace]:
    """List the keys that the config names, and the variables of presets that need nothing else.

    A disabled key is one of them where llmpool keeps it: it is enabled again some day, on either machine.
    """
    found = []
    for provider in pool.catalog.providers:
        refs = provider.keys
        if not refs and provider.needs_key and provider.key_env:
            name = next((n for n in provider.key_env if pool.env.get(n, "").strip()), provider.key_env[0])
            refs = (KeyRef(label="default", source="env", env=name),)
        named = (ref for ref in refs if ref.enabled or ref.source in _KEPT)
        found += [KeyPlace(provider.id, ref.label, ref.source, ref.env) for ref in named]
        found += [KeyPlace(provider.id, f"header {name}", "env", env) for name, env in provider.header_env]
    return found


def check(pool: Pool, target: str = "") -> None:
    """Raise what is wrong with the config, or with the file to write, before anybody is asked for anything.

    A directory that is not there is a slip of the finger: none is made.
    """
    _ = pool.catalog
    directory = Path(target).expanduser().parent
    if not directory.is_dir():
        raise Misuse(
            f"there is no directory {directory}",
            hint=f"make it first: {join(['mkdir', '-p', str(directory)])}",
        )
    if target:
        refuse_own(pool.paths, Path(target))
    if not pool.config.exists:
        raise Misuse(f"there is nothing to export: {pool.paths.config} does not exist", hint="llmpool init")


def can_seal(pool: Pool) -> bool:
    """Whether there is a key that llmpool itself keeps; variables and commands are not sealed."""
    return any(place.source in _KEPT for place in key_places(pool))


def export(pool: Pool, passphrase: str | None = None, *, usage: bool = False) -> Exported:
    """Write the export; with a passphrase the keys that llmpool keeps are sealed into it.

    With *usage* it says that records follow, which `pour` writes behind it.
    Raises ConfigInvalid for a config that would not load on the other machine either.
    """
    check(pool)
    text, hidden = without_secrets(configfile.read(pool))
    policies = policy.read(pool.paths.state)
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    document |= {"made_at": rfc3339(pool.clock()), "made_by": f"llmpool {__version__}", "config": text}
    if policies:
        document["policies"] = [_without_none(entry) for entry in policyfile.entries(policies)]
    if own := prices.document(prices.read(pool.paths.state)):
        document["prices"] = own
    if usage:
        document["usage"] = USAGE
    keys, places = _kept_keys(pool) if passphrase is not None else ({}, key_places(pool))
    if keys and passphrase is not None:
        document["sealed"] = _sealed(keys, passphrase, document)
    carried = [place for place in places if (place.provider, place.label) in keys]
    staying = [place for place in places if place not in carried]
    text = _written(document) + (f"{carried_usage.BEGIN}\n" if usage else "")
    return Exported(text, len(pool.catalog.providers), len(policies), carried, staying, hidden, usage)


def is_free(target: str) -> bool:
    """Say whether an export may take the place of what is there: nothing, another export, a pipe."""
    path = Path(target).expanduser()
    return not path.is_file() or _is_export(path)


def save(pool: Pool, done: Exported, target: str, tell: Tell = lambda _: None) -> Records | None:
    """Write an export into a file, for its owner alone, which has all of it or stays as it was."""
    with new_file(Path(target).expanduser(), replace=True, follow=False) as write:
        return pour(pool, done, write, tell)


def pour(
    pool: Pool, done: Exported, write: Callable[[str], object], tell: Tell = lambda _: None
) -> Records | None:
    """Write an export, the usage records last, where they belong to it; return what came of those."""
    write(done.text)
    return carried_usage.write(pool, write, tell) if done.usage else None


def _is_export(path: Path) -> bool:
    """Say whether a file was made here; one that cannot be read is another's."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ABOUT)) == _ABOUT.encode()
    except OSError:
        return False


def bound(document: dict[str, Any]) -> bytes:
    """Return the digest of what an export says besides its sealed keys."""
    rest = {name: value for name, value in document.items() if name != "sealed"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode()).digest()


def _kept_keys(pool: Pool) -> tuple[Keys, list[KeyPlace]]:
    """Read the keys that llmpool itself keeps; one that cannot be read stays, with the reason."""
    from llmpool.auth import secrets

    keys: Keys = {}
    places = []
    for place in key_places(pool):
        why = ""
        if place.source in _KEPT:
            ref = KeyRef(label=place.label, source=place.source)
            try:
                keys[place.provider, place.label] = secrets.read_key(
                    ref, place.provider, pool.env, pool.paths.secrets
                )
            except NoCredential as error:  # the others travel all the same
                why = error.told
        places.append(place._replace(why=why))
    return keys, places


def _sealed(keys: Keys, passphrase: str, document: dict[str, Any]) -> str:
    from llmpool.auth import sealed

    rows = [[provider, label, key] for (provider, label), key in sorted(keys.items())]
    return sealed.seal(json.dumps({"keys": rows}).encode(), passphrase, bound(document))


def _written(document: dict[str, Any]) -> str:
    """Write the document; the config's text over many lines, where that says the same.

    No line of it is the one that usage records follow.
    """
    import tomli_w

    text = _ABOUT + tomli_w.dumps(document, multiline_strings=True)
    same = tomllib.loads(text) == document  # a multi-line text does not keep every kind of line end
    same = same and carried_usage.BEGIN not in text
    return text if same else _ABOUT + tomli_w.dumps(document)


def _without_none(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}
