"""Take in what another machine has exported: checked as a whole first, then written, twice without harm."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.config import edit
from llmpool.core.policy import Policy
from llmpool.core.provider import KeyRef
from llmpool.errors import ConfigInvalid, Misuse, NoCredential, StateUnusable
from llmpool.importers.usage_source import Raw
from llmpool.pool import Pool
from llmpool.pricing.lookup import Own
from llmpool.setup import carried_usage, configfile, given, keys, keystore, policyfile, restore_keys
from llmpool.setup.export import FORMAT, USAGE, VERSION, KeyPlace, bound, key_places
from llmpool.setup.keystore import Keys
from llmpool.state import policy, prices

_HINT = "make one on the old machine: llmpool config export pool.llmpool"


class Export(NamedTuple):
    """An export as it was read; nothing of it is trusted yet but its shape.

    *usage* are its records, None where it has none; they are read as they are taken from it.
    """

    name: str
    config: str
    policies: dict[str, Policy]
    prices: Own
    sealed: str
    bound: bytes
    usage: Iterator[Raw] | None = None


class Plan(NamedTuple):
    """What would be written: the config, and keys by where they go; *replaces* another config.

    *over* are keys that take the place of another one here.
    """

    export: Export
    config: str
    into_keyring: Keys
    into_file: Keys
    replaces: bool
    over: tuple[tuple[str, str], ...] = ()


class Restored(NamedTuple):
    """What came, and what has to be done here: *backup* is where the old config is kept, if there was one.

    *missing* are the keys that are not here: variables not set, keys not stored.
    """

    written: bool
    backup: Path | None
    policies: int
    stored: list[tuple[str, str]]
    missing: list[KeyPlace]


@contextmanager
def opened(source: str) -> Iterator[Export]:
    """Give an export from a file, or from stdin where *source* is `-`; raises Misuse, StateUnusable.

    Its usage records can be taken from it until the end of the block.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(given.opened(source))
            content, line = carried_usage.head(file, given.MOST)
        except OSError as error:
            raise given.unreadable(source, error, _HINT) from None
        name = given.called(source)
        export = _read(name, given.decoded(content, source, _HINT), has_usage=line > 0)
        yield export._replace(usage=carried_usage.lines(name, file, line)) if line else export


def _read(name: str, text: str, *, has_usage: bool) -> Export:
    """Read what stands before the usage records."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        raise Misuse(f"{name} is no export of llmpool", hint=_HINT) from None
    version = document.get("version")
    if document.get("format") != FORMAT or type(version) is not int or version < 1:
        raise Misuse(f"{name} is no export of llmpool", hint=_HINT)
    if version > VERSION:
        message = f"{name} is of version {version}; this llmpool knows version {VERSION}"
        raise StateUnusable(message, hint="upgrade llmpool on this machine")
    if document.get("usage") != (USAGE if has_usage else None):
        raise carried_usage.damaged(name, "it says otherwise of usage records than is in it")
    return Export(
        name,
        _text(document, "config", name),
        _policies(document, name),
        _prices(document, name),
        _text(document, "sealed", name, ""),
        bound(document),
    )


def unsealed(export: Export, passphrase: str) -> Keys:
    """Open the sealed keys; raises NoCredential for a wrong passphrase and for a changed file."""
    from llmpool.auth import sealed

    content = sealed.opened(export.sealed, passphrase, export.bound)
    try:
        rows = json.loads(content)["keys"]
        found = {(str(provider), str(label)): str(key) for provider, label, key in rows}
    except (ValueError, KeyError, TypeError):
        raise NoCredential(
            "what is sealed here are no keys of llmpool", hint="--no-keys leaves them"
        ) from None
    return found


def check(pool: Pool, export: Export) -> None:
    """Read the config in an export as one of this machine; raises ConfigInvalid with every problem."""
    problem = configfile.problems(pool, export.config)
    if problem is None:
        return
    where = str(pool.paths.config)
    raise ConfigInvalid(
        f"the config in {export.name} does not load here, so nothing was changed",
        lines=tuple(line.replace(where, export.name) for line in problem.lines) or (problem.message,),
        hint="mend it on the old machine, or install the same version of llmpool here",
    )


def plan(pool: Pool, export: Export, coming: Keys, *, plaintext: bool) -> Plan:
    """Plan where everything goes; nothing is written yet.

    A key goes where the config looks for it: the keyring, or secrets.json, which holds it in the clear where
    there is no state key, and so needs *plaintext*; with that a key that is meant for the keyring goes there
    too, and the config says so. Raises Misuse where a key of this machine would go to another address.
    """
    check(pool, export)
    sources = _sources(export, coming)
    into_file = {name: key for name, key in coming.items() if plaintext or sources[name] == "file"}
    if into_file and not plaintext and keystore.state_box(pool) is None:
        raise Misuse(
            f"{len(into_file)} of the keys would lie in the clear in {pool.paths.secrets} (mode 0600)",
            hint="say so: --plaintext; or leave the keys behind: --no-keys",
        )
    into_keyring = {name: key for name, key in coming.items() if name not in into_file}
    config = _pointing_at_file(export.config, [name for name in into_file if sources[name] == "keyring"])
    restore_keys.refuse_misled(pool, export.config, coming)
    over = (*_others(pool, keystore.KEYRING, into_keyring), *_others(pool, keystore.FILE, into_file))
    return Plan(export, config, into_keyring, into_file, configfile.read(pool) not in ("", config), over)


def _others(pool: Pool, source: str, coming: Keys) -> Iterator[tuple[str, str]]:
    """Name the keys in whose place another one is kept here."""
    for (provider, label), key in coming.items():
        here = keys.readable(pool, provider, KeyRef(label=label, source=source))
        if here not in ("", key):
            yield provider, label


def carry_out(pool: Pool, plan: Plan) -> Restored:
    """Store the keys, write the config (what stood there is kept beside it), then lay the policies over.

    Where the config cannot be written the keys that lay there are put back: others would go to their address.
    """
    same = configfile.read(pool) == plan.config
    with restore_keys.put_back(pool, plan.into_keyring, plan.into_file, plan.config):
        try:
            keystore.put_into_keyring(plan.into_keyring)
        except NoCredential as error:
            error.hint = "keep the keys in secrets.json (0600): --plaintext; or leave them behind: --no-keys"
            raise
        keystore.put_into_file(pool, plan.into_file)
        paste = (f"the new text is in {plan.export.name}",)
        backup = configfile.change(pool, lambda _: plan.config, paste=paste, backup=True)
    policies = plan.export.policies
    before = policy.read(pool.paths.state) if policies else {}
    if any(before.get(name) != each for name, each in policies.items()):
        policy.update(pool.paths.state, lambda known: known | policies)
        pool.forget()
    mine = plan.export.prices
    if mine.custom or mine.default:
        prices.update(pool.paths.state, lambda known: _laid_over(known, mine))
        pool.forget()
    for (provider, label), key in (plan.into_keyring | plan.into_file).items():
        keys.learn(pool, provider, label, key)
    stored = [*plan.into_keyring, *plan.into_file]
    return Restored(not same, backup, len(policies), stored, _missing(pool))


def _text(document: dict[str, Any], field: str, name: str, default: str | None = None) -> str:
    value = document.get(field, default)
    if not isinstance(value, str):
        raise Misuse(f"{name} is damaged: {field} is no text", hint="export it again on the old machine")
    return value


def _policies(document: dict[str, Any], name: str) -> dict[str, Policy]:
    """Read the policies as `policy apply` does."""
    rows = {"schema": policyfile.SCHEMA, "policies": document.get("policies", [])}
    return policyfile.read(json.dumps(rows, default=str), name)


def _prices(document: dict[str, Any], name: str) -> Own:
    try:
        return prices.decoded(document.get("prices", {}))
    except (TypeError, ValueError, KeyError):
        raise Misuse(
            f"{name} is damaged: its prices are none", hint="export it again on the old machine"
        ) from None


def _laid_over(known: Own, mine: Own) -> Own:
    return Own(custom={**known.custom, **mine.custom}, default=mine.default or known.default)


def _sources(export: Export, coming: Keys) -> dict[tuple[str, str], str]:
    """Return where the exported config looks for each key; one that it does not name is no key of it."""
    from llmpool.config.load import loads

    config = loads(export.config, Path(export.name))
    found = {(table.id, ref.label): ref.source for table in config.providers for ref in table.keys}
    strange = [name for name in coming if found.get(name) not in ("keyring", "file")]
    if strange:
        raise Misuse(f"{export.name} is damaged: it seals a key that its config does not name", hint=_HINT)
    return found


def _pointing_at_file(text: str, names: list[tuple[str, str]]) -> str:
    """Rewrite references to the keyring into ones to secrets.json."""
    for provider, label in names:
        table = tomllib.loads(text)["providers"][provider]
        if "key" in table:
            text = edit.with_value(text, ("providers", provider, "key"), _in_file(table["key"]))
            continue
        keys = [
            _in_file(ref) if ref.get("label", str(place)) == label else ref
            for place, ref in enumerate(table["keys"], 1)
        ]
        text = edit.with_value(text, ("providers", provider, "keys"), keys)
    return text


def _in_file(ref: dict[str, Any]) -> dict[str, Any]:
    return {("file" if name == "keyring" else name): value for name, value in ref.items()}


def _missing(pool: Pool) -> list[KeyPlace]:
    """List the keys that the config names and this machine does not have, without running any program."""
    from llmpool.auth import secrets

    found = []
    for place in key_places(pool):
        if place.source == "env":
            gone = not pool.env.get(place.env, "").strip()
        elif place.source == "command":
            continue  # it is run when the provider is asked, and says what is wrong with it
        else:
            ref = KeyRef(label=place.label, source=place.source)
            try:
                gone = not secrets.read_key(ref, place.provider, pool.env, pool.paths.secrets)
            except NoCredential:
                gone = True
        found += [place] if gone else []
    return found
