"""Declare what the owner knows of a deployment, in the config, and take it back."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from llmpool.config import edit
from llmpool.config.presets import find_preset
from llmpool.core.deployment import ALSO_TYPED, CAPABILITIES, DeclaredModel
from llmpool.core.ids import split_ref
from llmpool.core.word import word
from llmpool.errors import Misuse, UnknownName
from llmpool.formats.base import usable_name
from llmpool.pool import Pool, unknown_provider
from llmpool.registry import resolve
from llmpool.setup import aliases, configfile, targets

ALL = "all"  # takes the whole table away


def declare(
    pool: Pool,
    ref: str,
    fields: Mapping[str, Any],
    unset: Sequence[str] = (),
    no_alias: Sequence[str] = (),
    *,
    force: bool = False,
) -> tuple[str, str]:
    """Set fields of one deployment in the config and take others back; returns its id, and a note if any.

    *unset* names fields, or `all`; *no_alias* names aliases. A table with nothing but its id left goes too.
    What would not load again is refused, and so are a name much like one that its provider lists and an alias
    that hides a model, unless by *force*.
    """
    if not (fields or unset or no_alias):
        raise Misuse("nothing to declare", hint="llmpool models set -h")
    target, note = _target(pool, ref, force=force)
    for alias in fields.get("aliases", ()):
        aliases.check(pool.table, target, alias, force=force)
    emptied = False

    def change(text: str) -> str:
        nonlocal emptied
        before = text
        models = configfile.parsed(pool, text).models
        declared = next((model for model in models if model.id == target), None)
        gone, left = _gone(target, declared, unset), _left(target, declared, no_alias)
        if ALL in unset:
            text = edit.without_model(text, target)
        elif gone:
            text = edit.with_model(text, target, gone)
        if no_alias and not (ALL in unset or "aliases" in gone):
            text = edit.with_model(text, target, {"aliases": None})
            text = edit.with_model(text, target, {"aliases": left}) if left else text
        if emptied := not fields and _is_bare(text, target):
            text = edit.without_model(text, target)
        text = edit.with_model(text, target, fields) if fields else text
        _refuse_invalid(pool, before, text)
        return text

    configfile.change(pool, change)
    return target, note or (f"nothing more is declared of {target}" if emptied else "")


def declared(pool: Pool, ref: str) -> dict[str, Any]:
    """Return what the config declares of a deployment, as its table has it; empty where that is gone."""
    models = tomllib.loads(configfile.read(pool)).get("models", ())
    return next((dict(model) for model in models if model.get("id") == ref), {})


def _is_bare(text: str, target: str) -> bool:
    """Say whether the table of a model has nothing but its id; `pull = false` is nothing either."""
    models = tomllib.loads(text).get("models", ())
    nothing = ({"id": target}, {"id": target, "pull": False})
    return any(table in nothing for table in models)


def _refuse_invalid(pool: Pool, before: str, after: str) -> None:
    """Refuse what would break a config that loads: the command is at fault, not the file."""
    problem = configfile.problems(pool, after)
    if problem is None or configfile.problems(pool, before) is not None:
        return
    found = problem.details.get("problems", [])
    told = [f"{_option(each['key'])}: {each['message']}" for each in found]
    first, *others = told or [problem.message]
    remedy = next((each["suggestion"] for each in found), "")
    hint = f"{remedy}; nothing was changed" if remedy else "nothing was changed"
    raise Misuse(first, lines=tuple(others), hint=hint) from problem


def _option(key: str) -> str:
    """Name the option that sets a key such as `models[0].quality`; the key, where there is none."""
    name = key.rpartition(".")[2].partition("[")[0]
    if name.startswith("supports_"):
        return f"--supports {name.removeprefix('supports_')}"
    option = {"aliases": "alias"}.get(name, name).replace("_", "-")
    return f"--{option}" if key.startswith("models[") and "." in key else key


def _target(pool: Pool, ref: str, *, force: bool) -> tuple[str, str]:
    """Return the id that *ref* means, and a note for one that nobody lists yet.

    A `provider/model` may be declared before it is there (ruling 1), at a provider that is configured or that
    its key alone brings along.
    """
    provider, model = split_ref(ref)
    configured = [entry["id"] for entry in pool.routing["providers"]]
    if resolve.find(ref, pool.table) or not (provider and model and usable_name(ref)):
        return resolve.one(ref, pool.table).id, ""
    if provider in configured:
        try:
            return targets.one(pool, ref, (), force=force)
        except UnknownName as error:
            error.hint += "    or as it is spelled: --force"
            raise
    return ref, _brought_along(provider, model, configured)


def _brought_along(provider: str, model: str, configured: list[str]) -> str:
    """Note that declaring a model brings its provider along, which only a preset with an address can be."""
    preset, error = find_preset(provider), unknown_provider(provider, configured)
    if preset is None:
        raise error
    if preset.id != provider:
        error.hint = f"did you mean {preset.id}/{model}?"
        raise error
    if not (preset.needs_key and preset.url):
        error.hint = f"first: llmpool providers add {provider}"
        raise error
    return f"{provider} is not configured; this brings it along, and a key is all it needs"


def _gone(target: str, declared: DeclaredModel | None, unset: Sequence[str]) -> dict[str, None]:
    """Return the declared fields to take out; raises UnknownName for one that is not declared."""
    if unset and declared is None:
        raise UnknownName(f"nothing of {target} is declared", hint=f"llmpool models show {word(target)}")
    known, keys = _declared(declared), {_key(name): name for name in unset if name != ALL}
    for key, name in keys.items():
        if key not in known:
            what = ", ".join(known) or "nothing but its id"
            raise UnknownName(f"{name} of {target} is not declared", hint=f"declared: {what}")
    return dict.fromkeys(keys)


def _declared(declared: DeclaredModel | None) -> list[str]:
    """List the fields of a model's table, as the config spells them."""
    if declared is None:
        return []
    plain = [n for n, value in declared.as_dict().items() if n not in ("id", "supports") and value]
    zeros = [n for n in ("quality", "speed", "cost_tier", "context_window") if getattr(declared, n) == 0]
    return [*plain, *zeros, *(f"supports_{name}" for name, _ in declared.supports)]


def _key(name: str) -> str:
    """Spell a field as the config does: `context-window` and `tools` are typed as well."""
    key = name.strip().replace("-", "_")
    able = ALSO_TYPED.get(key, key)
    return {"alias": "aliases"}.get(key, f"supports_{able}" if able in CAPABILITIES else key)


def _left(target: str, declared: DeclaredModel | None, no_alias: Sequence[str]) -> list[str]:
    """Return the aliases that stay; raises UnknownName for one that was never there."""
    aliases = declared.aliases if declared else ()
    for alias in no_alias:
        if alias not in aliases:
            known = ", ".join(aliases) or "none"
            raise UnknownName(f'"{alias}" is no alias of {target}', hint=f"its aliases: {known}")
    return [alias for alias in aliases if alias not in no_alias]
