"""ZimaOS: providers from files or SQLite, prices, settings, logins, and the settings from before its pool.

A place is the directory of its pool (`providers.json`, `pricing.json`, `models/`), the data directory above
it (`provider_settings.json`, `providers/oauth_tokens.json`), a SQLite database, or one of these files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.errors import Misuse
from llmpool.formats.base import mapping
from llmpool.importers import files, tables, zimaos_legacy, zimaos_provider, zimaos_rest
from llmpool.importers.moved import Gathering, Moved, Opened
from llmpool.importers.zimaos_provider import Row
from llmpool.importers.zimaos_time import instant

SOURCE = "zimaos"
LEGACY = "provider_settings.json"
_HINT = "name its data directory, its pool's directory, or a file of it: providers.json, a SQLite database"


class _Found(NamedTuple):
    """A file, and what it is: providers, pricing, config, models, tokens, legacy or database."""

    path: Path
    kind: str


def read(place: Path, opened: Opened) -> Moved:
    """Read all that ZimaOS keeps at a place; raises Misuse where nothing of it is there."""
    found = list(_found(place))
    if not found:
        raise Misuse(f"nothing of ZimaOS is in {place}", hint=_HINT)
    gathering, rows = Gathering(), list[Row]()
    for each in found:
        gathering.files.append(str(each.path))
        rows += _READERS[each.kind](each.path, gathering)
    zimaos_provider.gather(_newest(rows), gathering, opened)
    _leave({each.path.parent for each in found}, gathering)
    zimaos_rest.settle(gathering, opened)
    return gathering.moved(SOURCE)


def _leave(folders: set[Path], gathering: Gathering) -> None:
    """Name what is there and comes along by another way, or not at all."""
    for folder in sorted(folders):
        if (folder / "usage").is_dir():
            gathering.leave("records of usage", f"llmpool usage import {folder}")
        if (folder / ".trial_state").is_file():
            gathering.leave(
                "what a trial has used", "a trial comes from its licence: llmpool providers trial"
            )


def _found(place: Path) -> Iterator[_Found]:
    """Look for its files at a place and one directory further in."""
    if place.is_file():
        yield _Found(place, _kind(place))
        return
    if not place.is_dir():
        raise Misuse(f"{place} does not exist", hint=_HINT)
    for folder in (
        place,
        *sorted(path for path in _inside(place) if path.is_dir() and not path.is_symlink()),
    ):
        for name, kind in _BY_NAME.items():
            if (folder / name).is_file() and (name != "config.json" or (folder / "providers.json").is_file()):
                yield _Found(folder / name, kind)
        if (folder / "providers.json").is_file():
            yield from (_Found(path, "models") for path in sorted((folder / "models").glob("*.json")))
        yield from (_Found(path, "database") for path in _databases(folder))


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise Misuse(f"cannot read {folder}: {error.strerror}", hint=_HINT) from None


def _databases(folder: Path) -> Iterator[Path]:
    for path in sorted(_inside(folder)):
        if path.suffix in tables.SUFFIXES and path.is_file() and tables.is_database(path):
            with tables.opened(path) as database:
                mine = tables.tables(database) & {"pp_providers", "oauth_tokens"}
            if mine:
                yield path


def _kind(path: Path) -> str:
    """Tell what one file is, by its name, its first bytes or its contents."""
    if tables.is_database(path):
        return "database"
    if path.name in _BY_NAME:
        return _BY_NAME[path.name]
    content = files.json_with_comments(path)
    if "tokens" in content:
        return "tokens"
    entries = [mapping(entry) for entry in mapping(content.get("providers")).values()]
    if not entries:
        raise Misuse(f"{path} is no file of ZimaOS", hint=_HINT)
    return "providers" if any("provider" in entry for entry in entries) else "legacy"


def _providers(path: Path, _gathering: Gathering) -> Iterator[Row]:
    content = files.json_with_comments(path)
    for name, value in mapping(content.get("providers")).items():
        entry = mapping(value)
        secrets = entry.get("api_keys")
        yield Row(
            name,
            mapping(entry.get("provider")),
            secrets if isinstance(secrets, list) else [],
            mapping(entry.get("oauth_secrets")),
        )


def _database(path: Path, gathering: Gathering) -> Iterator[Row]:
    """Read what a database has of providers, models, prices, settings and logins."""
    with tables.opened(path) as database:
        there = tables.tables(database)
        if "pp_providers" in there:
            columns = ("id", "data", "api_keys", "oauth_secrets")
            found = (_row(row, gathering) for row in tables.rows(database, "pp_providers", *columns))
            yield from (row for row in found if row)
        if "pp_models" in there:
            for row in tables.rows(database, "pp_models", "provider_id", "data"):
                zimaos_rest.models(row["provider_id"] or "", _value(row["data"]), gathering)
        for table, take in (("pp_pricing", zimaos_rest.pricing), ("pp_config", zimaos_rest.config)):
            for row in tables.rows(database, table, "data") if table in there else ():
                take(mapping(_value(row["data"])), gathering)
        if "oauth_tokens" in there:
            for row in tables.rows(database, "oauth_tokens", *zimaos_rest.TOKEN):
                zimaos_rest.token("", row, gathering)


def _row(row: dict[str, Any], gathering: Gathering) -> Row | None:
    """Read a row of a provider; one that is damaged is left alone, as ZimaOS itself does."""
    data = _value(row["data"])
    if not isinstance(data, dict):
        gathering.leave(f"provider {row['id'] or ''}", "its row in the database is damaged")
        return None
    secrets = _value(row["api_keys"])
    return Row(
        row["id"] or "",
        data,
        secrets if isinstance(secrets, list) else [],
        mapping(_value(row["oauth_secrets"])),
    )


def _value(text: str | None) -> Any:
    return zimaos_rest.parsed(text or "null")


def _newest(rows: list[Row]) -> list[Row]:
    """Keep one row of each provider, the one changed last, where files and a database both have it."""
    kept: dict[str, Row] = {}
    for row in rows:
        name = row.id.strip()
        before = kept.get(name)
        if before is None or instant(row.provider.get("updated_at")) > instant(
            before.provider.get("updated_at")
        ):
            kept[name] = row._replace(id=name)
    return list(kept.values())


def _pricing(path: Path, gathering: Gathering) -> tuple[Row, ...]:
    zimaos_rest.pricing(files.json_with_comments(path), gathering)
    return ()


def _config(path: Path, gathering: Gathering) -> tuple[Row, ...]:
    zimaos_rest.config(files.json_with_comments(path), gathering)
    return ()


def _models(path: Path, gathering: Gathering) -> tuple[Row, ...]:
    zimaos_rest.models(path.stem, zimaos_rest.parsed(files.text(path)), gathering)
    return ()


def _tokens(path: Path, gathering: Gathering) -> tuple[Row, ...]:
    for key, value in mapping(files.json_with_comments(path).get("tokens")).items():
        zimaos_rest.token(key.partition(":")[0], mapping(value), gathering)
    return ()


def _legacy(path: Path, gathering: Gathering) -> tuple[Row, ...]:
    zimaos_legacy.gather(files.json_with_comments(path), gathering)
    gathering.legacy = str(path)
    return ()


_BY_NAME = {
    LEGACY: "legacy",
    "providers.json": "providers",
    "pricing.json": "pricing",
    "config.json": "config",
    "oauth_tokens.json": "tokens",
}
_READERS: dict[str, Any] = {
    "providers": _providers,
    "pricing": _pricing,
    "config": _config,
    "models": _models,
    "tokens": _tokens,
    "legacy": _legacy,
    "database": _database,
}
