"""One key of the config: what it is and where that comes from; set or taken out, comments kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.config import edit, keypath, typed
from llmpool.config.keypath import Key
from llmpool.config.lines import key_lines
from llmpool.config.problems import nearest
from llmpool.config.tree import at, place_of
from llmpool.config.written import key_text, value_text
from llmpool.core.config import Budget, Config, Profile, ProviderTable, Routing
from llmpool.core.deployment import DeclaredModel
from llmpool.core.provider import Params, Preset
from llmpool.core.word import word
from llmpool.errors import ConfigInvalid, Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.setup import aliases, configfile

_OF_TABLES = {
    "providers": ProviderTable,
    "models": DeclaredModel,
    "profiles": Profile,
    "budgets": Budget,
    "routing": Routing,
}
_OF_PRESETS = ("name", "format", "url", "alternate_urls", "location", "priority", "metadata", "api_version")
_STAND_INS = (("default_model",), ("recovery_model",), ("routing", "fallbacks"))
_FINER = ("first_token_timeout", "read_timeout")  # a provider's `timeout` stands for them
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


class Setting(NamedTuple):
    """The value of a key that is in force, None when nothing is set.

    *source* is `config`, `preset` or `default`; *line* is where the config says it, *via* the key it is taken
    from where that is another one.
    """

    key: str
    value: Any
    source: str
    line: int | None = None
    via: str = ""


class Change(NamedTuple):
    """What a key was and is; a removed table is None after. *notes* are what is odd about the new value."""

    before: Setting
    after: Setting
    changed: bool
    notes: tuple[str, ...] = ()


def look(pool: Pool, name: str) -> Setting:
    """Look up a key; raises UnknownName for one that the schema, or the config, does not know."""
    key = keypath.read(name)
    text = configfile.read(pool)
    tree = configfile.tree(text) if pool.config.exists else {}
    _must_be_there(pool, key, tree)
    return _effective(pool, key, tree, text)


def put(pool: Pool, name: str, words: Sequence[str]) -> Change:
    """Set a key to what the words say; of a table, the keys they name. The rest of the file stays."""
    key = keypath.read(name)
    if key.holds_names:
        raise Misuse(
            f"{key.name} is not set as a whole", hint=f"name one: llmpool config set {key.name}.NAME ..."
        )
    if not words:
        raise Misuse(
            f"{key.name}: no value is given", hint=f"to take it out: llmpool config unset {key.name}"
        )
    value = typed.read(key.schema, words, key.name)
    if key.path[0] == "models" and len(key.path) > 1:
        _check_aliases(pool, key.path[1], value if key.is_table else {key.path[-1]: value})
    if not key.is_table:
        fields = {key.path[-1]: value}
        done = _change(pool, key, lambda text: edit.with_value(text, key.path, value), fields)
        return done._replace(notes=_nobodys(pool, value) if key.path in _STAND_INS else ())
    if not isinstance(value, dict):
        raise Misuse(
            f"{key.name} is a table", hint=f"set its keys: llmpool config set {key.name} KEY=VALUE ..."
        )
    model = key.path[0] == "models"
    return _change(
        pool,
        key,
        lambda text: (
            edit.with_model(text, key.path[1], value) if model else edit.with_table(text, key.path, value)
        ),
        value,
    )


def take(pool: Pool, name: str) -> Change:
    """Take a key out, or a whole table; what is not there stays away."""
    key = keypath.read(name)
    return _change(pool, key, lambda text: edit.without(text, key.path), None)


def lines_of_table(pool: Pool, name: str) -> int:
    """Count the lines that go with a table; 0 for a key with a value, and for what is not there."""
    key = keypath.read(name)
    text = configfile.read(pool)
    if not (key.is_table or key.holds_names):
        return 0
    return len(text.splitlines()) - len(edit.without(text, key.path).splitlines())


def _change(pool: Pool, key: Key, change: Callable[[str], str], fields: dict[str, Any] | None) -> Change:
    """Make a change that leaves a config which loads, and say what it did."""
    before = _before(pool, key)
    unchanged = False

    def changed(text: str) -> str:
        nonlocal unchanged
        after = change(text)
        unchanged = after == text
        problem = configfile.problems(pool, after)
        if problem is not None and configfile.problems(pool, text) is None:
            raise _refused(key, problem)
        return after

    configfile.change(pool, changed, paste=_by_hand(key, fields))
    text = configfile.read(pool)
    return Change(before, _effective(pool, key, configfile.tree(text), text), not unchanged)


def _nobodys(pool: Pool, value: Any) -> tuple[str, ...]:
    """Note the models that nobody is known to have, as far as the listings go, with the nearest there is."""
    dead = {name["name"]: name["nearest"] for name in pool.routing["dead"]}
    notes = []
    for ref in value if isinstance(value, list) else [value]:
        if ref in dead or not resolve.find(ref, pool.table):
            near = dead[ref] if ref in dead else "".join(resolve.nearest(ref, pool.table, 1))
            hint = f"did you mean {near}?" if near else "see them all: llmpool models list"
            notes.append(f"nobody is known to have {ref}; {hint}")
    return tuple(notes)


def _check_aliases(pool: Pool, target: str, fields: Any) -> None:
    """Refuse aliases that `models set` refuses; in a broken config nobody can tell which those are."""
    words = fields.get("aliases") if isinstance(fields, dict) else None
    if not words or configfile.problems(pool, configfile.read(pool)) is not None:
        return
    for alias in words:
        by_force = f"llmpool models set {word(target)} --alias {word(alias)} --force"
        aliases.check(pool.table, target, alias, by_force=by_force)


def _before(pool: Pool, key: Key) -> Setting:
    """Look a key up in a config that may be broken: this command may be about to mend it."""
    text = configfile.read(pool)
    if configfile.problems(pool, text) is None:
        return _effective(pool, key, configfile.tree(text), text)
    try:
        tree = configfile.tree(text)
    except ValueError:
        return Setting(key.name, None, "default")
    return Setting(key.name, at(tree, place_of(tree, key.path)), "config")


def _refused(key: Key, problem: ConfigInvalid) -> Misuse:
    """Turn the problems that a change would cause into a fault of the command."""
    found = problem.details.get("problems", [])
    if not found:
        return Misuse(
            f"{key.name}: {'; '.join(problem.lines) or problem.message}", hint="nothing was changed"
        )
    first, *others = [f"{each['key']}: {each['message']}" for each in found]
    hint = found[0]["suggestion"]
    return Misuse(
        first, lines=tuple(others), hint=f"{hint}; nothing was changed" if hint else "nothing was changed"
    )


def _by_hand(key: Key, fields: dict[str, Any] | None) -> tuple[str, ...]:
    """Say what a person does in a file that cannot be written."""
    above = key.path if key.is_table else key.path[:-1]
    header = "[[models]]" if above[:1] == ("models",) and len(above) == 2 else f"[{key_text(above)}]"
    header_lines = (header,) if above else ()
    if fields is None:
        gone = () if key.is_table else (key_text(key.path[-1:]),)
        return ("take this out of it yourself:", *header_lines, *gone)
    lines = [f"{key_text((name,))} = {value_text(value)}" for name, value in fields.items()]
    named = [f"id = {value_text(above[1])}"] if header == "[[models]]" else []
    return ("set this in it yourself:", *header_lines, *named, *lines)


def _effective(pool: Pool, key: Key, tree: dict[str, Any], text: str) -> Setting:
    """Find the value in force: the config's, the preset's, another key's that stands for it, the default."""
    place = place_of(tree, key.path)
    found = at(tree, place)
    if found is not None:
        return Setting(key.name, _plain(found, key.schema), "config", key_lines(text).get(place))
    if key.path[0] == "providers" and len(key.path) == 3:
        return _of_provider(pool, key, tree, text)
    return Setting(key.name, _default(key), "default")


def _of_provider(pool: Pool, key: Key, tree: dict[str, Any], text: str) -> Setting:
    """Find what a provider has without having been told."""
    name, field = key.path[1:]
    provider = next((each for each in pool.catalog.providers if each.id == name), None)
    if provider is None:
        return Setting(key.name, _default(key), "default")
    if field == "key" and provider.key_env and "keys" not in tree["providers"].get(name, {}):
        return Setting(key.name, {"env": provider.key_env[0]}, "preset")
    value = getattr(provider, field) if field in _OF_PRESETS else None
    if (
        value
        and provider.preset
        and not (field == "priority" and value == Preset.__record_defaults__["priority"])
    ):
        return Setting(key.name, list(value) if isinstance(value, tuple) else value, "preset")
    if field in _FINER and provider.timeout is not None:
        return _via(pool, key, f"providers.{name}.timeout", tree, text)
    if field in (*_FINER, "connect_timeout"):
        return _via(pool, key, f"routing.{field}", tree, text)
    return Setting(key.name, value or _default(key), "default")


def _via(pool: Pool, key: Key, other: str, tree: dict[str, Any], text: str) -> Setting:
    return _effective(pool, keypath.read(other), tree, text)._replace(key=key.name, via=other)


def _default(key: Key) -> Any:
    """Return the default of a key as the config would write it; None where there is none."""
    head, field = key.path[0], key.path[-1]
    if len(key.path) > 3 and key.path[2] == "params":
        found = Params.__record_defaults__.get(field)
    elif head in _OF_TABLES:
        wanted = 2 if head == "routing" else 3
        found = _OF_TABLES[head].__record_defaults__.get(field) if len(key.path) == wanted else None
    else:  # the tables of one key are lifted to the top of a Config
        found = Config.__record_defaults__.get(field) if head in (field, "usage", "policy") else None
    if isinstance(found, float) and str(key.schema.get("pattern", "")).endswith("(ms|s|m|h|d)$"):
        return _duration(found)
    if isinstance(found, tuple) and key.schema.get("type") == "array":
        return list(found)
    return found if isinstance(found, (str, int, float)) and found != "" else None


def _duration(seconds: float) -> str:
    """Write a duration as the config does, in the largest unit that keeps it whole."""
    for length, unit in _UNITS:
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


def _must_be_there(pool: Pool, key: Key, tree: dict[str, Any]) -> None:
    """Refuse a provider, model, group ... that nobody configured; presets that models bring along are."""
    if key.holds_names or key.path[0] not in keypath.NAMED or len(key.path) < 2:
        return
    names = _names(tree, key.path[0])
    if key.path[0] == "providers":
        names = list(dict.fromkeys([*names, *(provider.id for provider in pool.catalog.providers)]))
    if key.path[1] not in names:
        table = key_text(key.path[:2])
        hint = nearest(key.path[1], names) or f"there are: {', '.join(names) or 'none'}"
        raise UnknownName(f"{table} is not in the config", hint=hint, details={"candidates": names[:20]})


def _names(tree: dict[str, Any], head: str) -> list[str]:
    found = tree.get(head, {})
    return [each["id"] for each in found] if head == "models" else list(found)


def _plain(value: Any, schema: dict[str, Any]) -> Any:
    """Return a value as JSON has it; an amount of money keeps its digits."""
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {key: _plain(item, inner.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, schema.get("items", {})) for item in value]
    if isinstance(value, Decimal):
        return str(value) if "string" in schema.get("type", ()) else float(value)
    return value
