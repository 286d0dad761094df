"""Change a provider's table in the config: every field of it, parts of tables and members of lists."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from llmpool.config import edit
from llmpool.config.keys import variable
from llmpool.config.problems import Problem, Spot, nearest
from llmpool.config.schema import PROVIDER
from llmpool.config.tree import at
from llmpool.config.values import Kind
from llmpool.core.config import ProviderTable
from llmpool.core.provider import Params, RateLimit
from llmpool.errors import Misuse
from llmpool.pool import Pool
from llmpool.router import cooldown
from llmpool.setup import configfile, key_refs, leaving
from llmpool.state import health, inventory
from llmpool.state import keys as known_keys

PARTS = {"rate_limit": RateLimit.__record_fields__, "params": Params.__record_fields__}
_TABLE_OF = {part: table for table, parts in PARTS.items() for part in parts}
_NOT_TAKEN_OUT = ("enabled",)


class Lists(NamedTuple):
    """What is added to the lists of a provider and taken from them."""

    allow: tuple[str, ...] = ()
    disallow: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    no_urls: tuple[str, ...] = ()


class Wish(NamedTuple):
    """What the command line says: *fields* and parts of tables by name, headers, lists, and what goes.

    *headers* are `NAME=VALUE`, *header_envs* `NAME=VARIABLE`; *unset* names fields, parts or `headers.NAME`.
    """

    fields: Mapping[str, Any] = {}
    key_env: str = ""
    headers: tuple[str, ...] = ()
    header_envs: tuple[str, ...] = ()
    lists: Lists = Lists()
    unset: tuple[str, ...] = ()


class Step(NamedTuple):
    """One key below the provider's table that gets a value, or is taken out where that is None."""

    path: tuple[str, ...]
    value: Any

    def __str__(self) -> str:
        name = ".".join(self.path)
        return f"{name} is unset" if self.value is None else f"{name} is {_shown(self.value)}"


class Changed(NamedTuple):
    """What was changed of a provider, and the difference to the file as it was.

    *before* and *after* are the texts of the whole config, by which it is taken back.
    """

    steps: tuple[Step, ...]
    difference: tuple[str, ...]
    before: str = ""
    after: str = ""


def change(pool: Pool, name: str, wish: Wish, *, dry_run: bool = False, rests: str = "") -> Changed:
    """Write *wish* into the config, or only show what that would change; raises Misuse, UnknownName.

    What was found out at the address of before is forgotten with it: another server is there. *rests* is the
    label of a key that is disabled by the same write, of which the difference says nothing.
    """
    before = pool.provider(name)

    def steps(text: str) -> tuple[Step, ...]:
        tables = configfile.parsed(pool, text).providers
        table = next((table for table in tables if table.id == name), ProviderTable(id=name))
        found = tuple(_steps(table, wish))
        if not found:
            raise Misuse("nothing to change", hint="llmpool providers set -h")
        _refuse_both(found)
        return found

    done = _changed(pool, name, steps, dry_run=dry_run, rests=rests)
    if wish.key_env and before.keys and before.keys[0].env != wish.key_env and not dry_run:
        label = before.keys[0].label
        known_keys.outdate(pool.paths.state, name, label, pool.clock())
        health.wake(pool.paths.state, cooldown.of_key(name, label))  # which was the old key's rest
        pool.forget()
    if pool.provider(name).url != before.url:
        leaving.forget(pool, [name])
        inventory.forget_tried(pool.paths.state, [name])
    return done


def apply(pool: Pool, name: str, steps: tuple[Step, ...], *, dry_run: bool = False) -> Changed:
    """Take *steps* in the table of a provider; comments and layout stay."""
    return _changed(pool, name, lambda _text: steps, dry_run=dry_run)


def _changed(
    pool: Pool, name: str, steps: Callable[[str], tuple[Step, ...]], *, dry_run: bool, rests: str = ""
) -> Changed:
    """Take the steps that belong to the config's text as it is then."""
    done = Changed((), ())

    def stepped(text: str) -> str:
        nonlocal done
        before, taken = text, steps(text)
        for step in taken:
            path = ("providers", name, *step.path)
            text = _without(text, path) if step.value is None else edit.with_value(text, path, step.value)
        after = key_refs.switched(text, name, rests, on=False) if rests else text
        done = Changed(taken, difference(before, text), before, after)
        return after

    if dry_run:
        configfile.check(pool, stepped(configfile.read(pool)))  # a preview refuses what the run would
    else:
        configfile.change(pool, stepped)
    return done


def take_back(pool: Pool, name: str, done: Changed) -> None:
    """Set what was changed to what it was; what others have changed in the config since then stays."""

    def undone(now: str) -> str:
        if now == done.after:  # the key that rests is awake again with it
            return done.before
        old = configfile.tree(done.before)
        for step in done.steps if name in configfile.tree(now).get("providers", {}) else ():
            path = ("providers", name, *step.path)
            value = at(old, path)
            now = _without(now, path) if value is None else edit.with_value(now, path, value)
        return now

    configfile.change(pool, undone)


def _without(text: str, path: tuple[str, ...]) -> str:
    """Take a key out, and a table of the provider that has no other."""
    text, (_, name, *above, _) = edit.without(text, path), path
    left = configfile.tree(text)["providers"][name].get(above[0]) if above else None
    return edit.without(text, path[:-1]) if left == {} else text


def moves(wish: Wish) -> bool:
    """Say whether a wish is about the addresses that keys go to."""
    named = {*wish.fields, *(name.replace("-", "_") for name in wish.unset)}
    return bool(named & {"url", "alternate_urls", "preset"} or wish.lists.urls or wish.lists.no_urls)


def difference(before: str, after: str) -> tuple[str, ...]:
    """Show what an edit changes in the config, line by line, as `diff -u` does."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=1)
    return tuple(lines)


def check(fields: Mapping[str, Any], key_env: str = "") -> None:
    """Read the values of options as the config will; raises Misuse that names the option at fault."""
    for name, value in fields.items():
        table = _TABLE_OF.get(name)
        found = problem(PROVIDER[table or name].kind, {name: value} if table else value)
        if found:
            raise Misuse(f"--{name.replace('_', '-')}: {found.message}", hint=found.suggestion)
    if key_env and problem(Kind(variable, {}), key_env):  # it may be the key, and is not repeated
        raise Misuse(
            "--key-env: what is given is not the name of a variable",
            hint="export NAME=..., then --key-env NAME; a key itself never goes onto the command line",
        )


def problem(kind: Kind, value: object) -> Problem | None:
    """Return what the config would say against a value, None when it would take it."""
    problems: list[Problem] = []
    kind.read(value, Spot((), problems))
    return problems[0] if problems else None


def _steps(provider: ProviderTable, wish: Wish) -> Iterator[Step]:
    check(wish.fields, wish.key_env)
    for name, value in wish.fields.items():
        yield Step((_TABLE_OF[name], name) if name in _TABLE_OF else (name,), value)
    if wish.key_env:
        if any(name.partition(".")[0] in ("key", "keys") for name in wish.unset):
            raise Misuse("--key-env and --unset key contradict one another")
        yield from _key_steps(provider, wish.key_env)
    yield from _header_steps(wish)
    yield from _list_steps(provider, wish.lists)
    for name in wish.unset:
        yield Step(_known_path(name), None)


def _refuse_both(steps: tuple[Step, ...]) -> None:
    """Raise Misuse for what would be set and taken out: without its new list all models were allowed."""
    for gone in (step for step in steps if step.value is None):
        for each in steps:
            if each.value is not None and each.path[: len(gone.path)] == gone.path:
                name = ".".join(each.path)
                raise Misuse(
                    f"{name} would be set and taken out, which contradict one another",
                    hint="two commands: first --unset, then the new value",
                )


def _key_steps(provider: ProviderTable, key_env: str) -> Iterator[Step]:
    """Name the variable of the key, which keeps its label; several keys are not thrown away for one."""
    if len(provider.keys) > 1:
        labels = ", ".join(key.label for key in provider.keys)
        raise Misuse(
            f"{provider.id} has {len(provider.keys)} keys ({labels}), so --key-env does not say which",
            hint="change them in the config, or take them all out first: --unset keys",
        )
    yield Step(("keys",), None)
    label = provider.keys[0].label if provider.keys else key_refs.SINGLE
    kept = {} if label == key_refs.SINGLE else {"label": label}
    yield Step(("key",), {**kept, "env": key_env})


def _header_steps(wish: Wish) -> Iterator[Step]:
    """Read headers; what looks like a secret is taken from a variable only, and never repeated here."""
    for option, given, made in (
        ("--header", wish.headers, lambda value: value),
        ("--header-env", wish.header_envs, lambda value: {"env": value}),
    ):
        for text in given:
            name, equals, value = text.partition("=")
            if not equals or not name:
                raise Misuse(f"{option} is NAME=VALUE", hint=f"write {option} X-Team=search")
            content = made(value)
            found = problem(PROVIDER["headers"].kind, {name: content})
            if found:
                raise Misuse(f"{option}: {found.message}", hint="a secret: --header-env NAME=VARIABLE")
            yield Step(("headers", name), content)


def _list_steps(provider: ProviderTable, lists: Lists) -> Iterator[Step]:
    for name, before, more, fewer in (
        ("allowed_models", provider.allowed_models, lists.allow, lists.disallow),
        ("alternate_urls", provider.alternate_urls, lists.urls, lists.no_urls),
    ):
        unknown = [each for each in fewer if each not in before]
        if unknown:
            there = f"there is: {', '.join(before)}" if before else "the list is empty"
            raise Misuse(f'"{unknown[0]}" is not in {name} of {provider.id}', hint=there)
        after = [each for each in dict.fromkeys((*before, *more)) if each not in fewer or each in more]
        found = problem(PROVIDER[name].kind, after)
        if found:
            raise Misuse(f"{name}: {found.message}", hint=found.suggestion)
        if name == "allowed_models" and fewer and not after:
            raise Misuse(
                f"without its last pattern {provider.id} would be allowed all its models",
                hint=f"all: --unset allowed_models    none: llmpool providers disable {provider.id}",
            )
        if more or fewer:
            yield Step((name,), after or None)


def _known_path(name: str) -> tuple[str, ...]:
    """Read the name of a field to take out: `url`, `rpm`, `rate_limit.rpm`, `headers.X-Team`."""
    bare = name.replace("-", "_")
    if bare in _TABLE_OF:
        return (_TABLE_OF[bare], bare)
    if bare in PROVIDER and bare not in _NOT_TAKEN_OUT:
        return (bare,)
    table, dot, part = name.partition(".")
    if dot and part and (table == "headers" or part in PARTS.get(table, ())):
        return (table, part)
    known = [*PROVIDER, *_TABLE_OF]
    hint = nearest(bare, known) or f"known: {', '.join(known)}"
    raise Misuse(f'--unset: "{name}" is no field of a provider', hint=hint)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return f"in the variable {value['env']}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
