"""TARGET of a policy: the providers and deployments that a name or a pattern means, gone ones included."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Any

from llmpool.core.ids import is_provider_id, split_ref
from llmpool.core.names import fits, spellings
from llmpool.core.near import meant, near
from llmpool.errors import UnknownName
from llmpool.pool import Pool
from llmpool.registry import resolve

_WILD = "*?["
NEAR = 0.8  # how alike a name must be to one that is listed before it counts as a slip of the finger


def is_pattern(text: str) -> bool:
    """Say whether *text* has a wildcard: then it is a pattern, even where a model is called just that."""
    return any(mark in text for mark in _WILD)


def literal(target: str) -> str:
    """Write a target so that it means itself alone, whatever marks its name has."""
    return "".join(f"[{mark}]" if mark in _WILD else mark for mark in target)


def known(pool: Pool, decided: Collection[str]) -> list[str]:
    """List every id there is, and those *decided* about that are not there now, in order."""
    ids = {entry["id"] for entry in pool.routing["providers"]}
    ids |= {spelled(row.id, decided) for row in pool.table.rows}
    return sorted(ids | set(decided))


def spelled(target: str, decided: Collection[str]) -> str:
    """Return *target* as the policy of it has it: `a` and `a:latest` are one model (ruling 18)."""
    return next((known for known in spellings(target) if known in decided), target)


def is_there(pool: Pool, target: str) -> bool:
    """Say whether a provider is configured, or a deployment listed or declared, as things stand."""
    entries = pool.routing["providers"]
    same = spellings(target)
    return any(entry["id"] == target for entry in entries) or any(row.id in same for row in pool.table.rows)


def matching(pattern: str, ids: Iterable[str], *, see: str = "llmpool models list") -> list[str]:
    """List the *ids* that a pattern means; raises UnknownName when it means none.

    `open*` means providers; with a slash it means deployments, whose two halves must each match: `*/llama*`.
    A model that is called just like the pattern is one of them.
    """
    provider, slash, model = pattern.partition("/")
    ids = list(ids)
    found = [
        each
        for each in ids
        if each == pattern
        or (
            bool(slash) == ("/" in each)
            and fnmatchcase(each.partition("/")[0], provider)
            and (not slash or fits(each.partition("/")[2], model))
        )
    ]
    if found:
        return found
    hint = f"see them all: {see}"
    if not slash and any(fits(split_ref(each)[1], pattern) for each in ids if "/" in each):
        hint = f"without a slash it means providers; models of any provider: '*/{pattern}'"
    raise UnknownName(f'nothing matches "{pattern}"', hint=hint, details={"candidates": []})


def one(pool: Pool, ref: str, decided: Collection[str], *, force: bool = False) -> tuple[str, str]:
    """Return the id that *ref* means, and a note when nobody lists it.

    Policies may be about what is not there (ruling 1), but a slip of the finger must not pass for a decision:
    an id close to one that its healthy provider lists, or of a provider nobody configured, wants *force*.
    Raises UnknownName, AmbiguousName.
    """
    key = spelled(ref, decided)
    providers = {entry["id"]: entry for entry in pool.routing["providers"]}
    if key in decided or key in providers:
        return key, ""
    if resolve.find(ref, pool.table):
        return spelled(resolve.one(ref, pool.table).id, decided), ""
    provider, slash, model = ref.partition("/")
    if force and ref.isprintable() and is_provider_id(provider) and bool(slash) == bool(model):
        return ref, f"{ref} is not there now; it holds when it is"
    if provider not in providers or not model or not model.isprintable():
        raise _unknown(ref, providers, pool)
    return ref, _unlisted(providers[provider], model, pool)


def _unlisted(entry: dict[str, Any], model: str, pool: Pool) -> str:
    """Note that a provider does not list a model; raises UnknownName when it lists one much like it."""
    name = entry["id"]
    healthy = entry.get("fetched_at") and not entry.get("stale_since")
    if not healthy:
        return f"{name}/{model} is not known at {name} yet; it holds when it is"
    names = {split_ref(row.id)[1]: row.id for row in pool.table.rows if split_ref(row.id)[0] == name}
    close = [names[each] for each in near(model, names, alike=NEAR)]
    if close:
        raise UnknownName(f"{name} does not list {model}", hint=meant(close), details={"candidates": close})
    return f"{name} does not list {model} now; it holds when it does"


def _unknown(ref: str, providers: Collection[str], pool: Pool) -> UnknownName:
    """Build the error for what is neither a provider nor a model."""
    close = near(ref, providers) + resolve.nearest(ref, pool.table)
    hint = meant(close, f"providers: {', '.join(providers) or 'none'}")
    return UnknownName(f'no provider or model "{ref}" is known', hint=hint, details={"candidates": close})
