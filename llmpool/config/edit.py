"""Change a config's text and keep its comments and layout. Every function takes the text and returns the new.

A path is a tuple of keys: `("routing", "mode")`, `("groups", "family", "providers")`; a model is named by its
id: `("models", "den/qwen3:8b", "quality")`. A value is what TOML can say; None in *fields* takes a key out.

with_value(text, path, value)         one key set; the tables on the way are made
without(text, path)                   one key, or a whole table, taken out, if it is there
with_table(text, path, fields)        a table added at the end, or these fields set where it exists
with_provider / without_provider (text, name[, fields])
with_model(text, ref, fields)         aliases are added to those that are there; without_model(text, ref)

What comes out is parsed and compared with what was meant before anybody gets it, comments included. All raise
ConfigInvalid for a text that is no TOML, or where no command can make the change.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmpool.config import splice
from llmpool.config.scan import TABLES_OF_TABLES, KeyPath, Mark, comments, scan
from llmpool.config.tree import at, model_index, place_of
from llmpool.config.written import key_text, value_text
from llmpool.errors import ConfigInvalid

Names = tuple[str | int, ...]


def with_value(text: str, path: Names, value: Any) -> str:
    """Return *text* with the key at *path* set to *value*."""
    tree = _parse(text)
    if path[0] == "models" and len(path) > 2 and model_index(tree, path[1]) is None:
        text = with_model(text, str(path[1]), {})
        tree = _parse(text)
    place = place_of(tree, path)
    if _same(at(tree, place), _read_back(value)):
        return text
    ways = iter(list(_ways(text, tree, place, value)))  # while the tree still says what the text does
    return _checked(text, path, ways, lambda wanted: _set(wanted, place, _read_back(value)), tree)


def without(text: str, path: Names) -> str:
    """Return *text* without the key or table at *path*; the comments stay."""
    tree = _parse(text)
    place = place_of(tree, path)
    if at(tree, place) is None:
        return text
    ways = iter(
        (
            lambda: splice.cut(text, place),
            lambda: splice.cut(text, place[:1]),  # the last of `models = [...]`
            # a provider that was only dotted keys stays one, without them
            lambda: splice.appended(splice.cut(text, place), f"[{key_text(place[:-1])}]", {}),
        )
    )
    return _checked(text, path, ways, lambda wanted: _drop(wanted, place), tree)


def with_table(text: str, path: Names, fields: Mapping[str, Any]) -> str:
    """Return *text* with the table at *path* added at its end, or its fields set where it exists."""
    tree = _parse(text)
    given = {key: value for key, value in fields.items() if value is not None}
    if at(tree, place_of(tree, path)) is None:
        ways: Iterator[Callable[[], str]] = iter(
            (
                lambda: splice.appended(text, f"[{key_text(path)}]", given),
                lambda: splice.put(text, path, given),
            )
        )
        return _checked(text, path, ways, lambda wanted: _set(wanted, path, _read_back(given)), tree)
    for key, value in fields.items():
        text = without(text, (*path, key)) if value is None else with_value(text, (*path, key), value)
    return text


def with_provider(text: str, name: str, fields: Mapping[str, Any]) -> str:
    """Return *text* with the table `[providers.NAME]` added at its end, or its fields set where it exists."""
    return with_table(text, ("providers", name), fields)


def without_provider(text: str, name: str) -> str:
    """Return *text* without the table `[providers.NAME]`."""
    return without(text, ("providers", name))


def with_model(text: str, ref: str, fields: Mapping[str, Any]) -> str:
    """Return *text* with fields set in the `[[models]]` table of *ref*, which is added where there is none.

    Aliases are added to those that are there; None takes a field out.
    """
    tree = _parse(text)
    place = model_index(tree, ref)
    if place is None:
        given = {key: value for key, value in fields.items() if value is not None}
        if _mark(text, ("models",)) is not None:  # `models = [...]` takes no table beside it
            return with_value(text, ("models",), [*tree["models"], {"id": ref} | given])
        return splice.appended(text, "[[models]]", {"id": ref} | given)
    wanted = dict(fields)
    if fields.get("aliases"):
        before = tree["models"][place].get("aliases", [])
        wanted["aliases"] = list(dict.fromkeys([*before, *fields["aliases"]]))
    return with_table(text, ("models", ref), wanted)


def without_model(text: str, ref: str) -> str:
    """Return *text* without the `[[models]]` table of *ref*."""
    return without(text, ("models", ref))


def _ways(text: str, tree: dict[str, Any], place: KeyPath, value: Any) -> Iterator[Callable[[], str]]:
    """List the ways to write a value, the one that changes least first."""
    mark = _mark(text, place)
    if mark is not None:
        before = at(tree, place)
        if isinstance(before, list) and isinstance(value, (list, tuple)):
            yield from _array_ways(text, mark, before, _read_back(value), list(value))
        yield lambda: splice.replaced(text, mark, value)
    yield lambda: splice.put(splice.cut(text, place), place, value)


def _array_ways(
    text: str, mark: Mark, before: list[Any], after: list[Any], value: list[Any]
) -> Iterator[Callable[[], str]]:
    """List the ways to change an array in its place: items behind it, or items out of it."""
    if before and len(after) > len(before) and _same(after[: len(before)], before):
        yield lambda: splice.extended(text, mark, value[len(before) :])
    elif (gone := _left_out(before, after)) is not None:
        yield lambda: splice.without_members(text, mark, gone)


def _left_out(before: list[Any], after: list[Any]) -> list[int] | None:
    """Return which items are gone, when nothing else happened to an array."""
    gone, kept = [], 0
    for index, item in enumerate(before):
        if kept < len(after) and _same(after[kept], item):
            kept += 1
        else:
            gone.append(index)
    return None if kept < len(after) or not after else gone


def _mark(text: str, place: KeyPath) -> Mark | None:
    """Return the mark of a key with a value of its own; a table under a header or in dotted keys has none."""
    found = [mark for mark in scan(text).marks if mark.path == place and mark.kind != "header"]
    return found[0] if len(found) == 1 else None


def _checked(
    text: str,
    path: Names,
    ways: Iterator[Callable[[], str]],
    change: Callable[[Any], None],
    wanted: dict[str, Any],
) -> str:
    """Return the first of *ways* that says what is meant and keeps every comment."""
    change(wanted)
    kept = comments(text)
    for way in ways:
        after = way()
        if _same(_pruned(_loads(after)), _pruned(wanted)) and comments(after) == kept:
            return after
    raise ConfigInvalid(
        f"{key_text(path)} stands in the config in a way that no command can edit",
        hint="change it by hand: llmpool config edit",
    )


def _pruned(tree: Any, above: KeyPath = ()) -> Any:
    """Leave out tables without keys, which say nothing unless their name does, as that of a provider."""
    if isinstance(tree, list):
        return [_pruned(value, (*above, place)) for place, value in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    inner = {key: _pruned(value, (*above, key)) for key, value in tree.items()}
    telling = len(above) == 1 and above[0] in TABLES_OF_TABLES
    return {key: value for key, value in inner.items() if value != {} or telling}


def _same(one: Any, other: Any) -> bool:
    """Whether two parsed values say the same; 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _set(tree: Any, place: KeyPath, value: Any) -> None:
    for key in place[:-1]:
        tree = tree[key] if isinstance(key, int) else tree.setdefault(key, {})
        if not isinstance(tree, (dict, list)):
            raise ConfigInvalid(
                f"{key_text(place[:-1])} is not a table in the config", hint="llmpool config check"
            )
    tree[place[-1]] = value


def _drop(tree: Any, place: KeyPath) -> None:
    inner = at(tree, place[:-1])
    del inner[place[-1]]
    if place[0] == "models" and len(place) == 2 and not inner:
        del tree["models"]


def _read_back(value: Any) -> Any:
    """Return *value* as it is parsed once it is written."""
    return _parse(f"value = {value_text(value)}")["value"]


def _loads(text: str) -> dict[str, Any] | None:
    """Parse *text*, numbers as they are written; None when it is no TOML."""
    try:
        return tomllib.loads(text, parse_float=_Number)
    except (ValueError, RecursionError):
        return None


def _parse(text: str) -> dict[str, Any]:
    tree = _loads(text)
    if tree is None:
        raise ConfigInvalid("the config is no TOML, so it cannot be edited", hint="llmpool config check")
    return tree


class _Number(str):
    """A number that need not be whole, as it is written."""

    __slots__ = ()
