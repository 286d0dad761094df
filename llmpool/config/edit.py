"""Change a config's text and keep its comments and layout; tomlkit is loaded only here."""

from __future__ import annotations

from typing import Any

from llmpool.errors import ConfigInvalid


def with_provider(text: str, name: str, fields: dict[str, Any]) -> str:
    """Return *text* with the table `[providers.NAME]` added at its end, or its fields set where it exists."""
    import tomlkit

    document = _parse(text)
    providers = document.get("providers")
    if providers is not None and name in providers:
        _set(providers[name], fields)
        return str(tomlkit.dumps(document))
    table = tomlkit.table()
    for key, value in fields.items():
        table.add(key, _inline(value))
    fragment = tomlkit.document()
    parent = tomlkit.table(is_super_table=True)
    parent.add(name, table)
    fragment.add("providers", parent)
    return _ending_in_a_gap(text) + str(tomlkit.dumps(fragment))


def _set(table: Any, fields: dict[str, Any]) -> None:
    """Set fields of a table; new ones go after its last key, before comments that lead to the next table."""
    body, tail = table.value.body, []
    while body and body[-1][0] is None:
        tail.append(body.pop()[1])
    for key, value in fields.items():
        table[key] = _inline(value)
    for item in reversed(tail):
        table.add(item)


def with_model(text: str, ref: str, fields: dict[str, Any]) -> str:
    """Return *text* with fields set in the `[[models]]` table of *ref*, which is added where there is none.

    Aliases are added to those that are there.
    """
    import tomlkit

    document = _parse(text)
    for table in document.get("models", ()):
        if table.get("id") == ref:
            aliases = [*table.get("aliases", ()), *fields.get("aliases", ())]
            _set(table, fields | ({"aliases": list(dict.fromkeys(aliases))} if aliases else {}))
            return str(tomlkit.dumps(document))
    lines = [f"{key} = {tomlkit.item(value).as_string()}" for key, value in {"id": ref, **fields}.items()]
    return _ending_in_a_gap(text) + "\n".join(["[[models]]", *lines]) + "\n"


def _ending_in_a_gap(text: str) -> str:
    return text + ("" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n")


def without_provider(text: str, name: str) -> str:
    """Return *text* without the table `[providers.NAME]`."""
    import tomlkit

    document = _parse(text)
    providers = document.get("providers")
    if providers is not None:
        providers.pop(name, None)
    return str(tomlkit.dumps(document))


def _inline(value: Any) -> Any:
    """Write small tables on one line, as people do: key = { env = "X" }."""
    import tomlkit

    if not isinstance(value, dict):
        return value
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _parse(text: str) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigInvalid(f"the config cannot be edited: {error}", hint="llmpool config check") from None
