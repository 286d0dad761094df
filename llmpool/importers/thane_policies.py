"""What was decided in Thane about models and providers: key and value in its databases (ibid. 4.3, 4.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.core.policy import STATES, Policy
from llmpool.core.text import one_line
from llmpool.formats.base import mapping, usable_name
from llmpool.importers import tables
from llmpool.importers.moved import Gathering

TABLE = "operational_state"
MODELS, RESOURCES = "model_registry_policy", "model_registry_resource_policy"
EXPERIENCE = "model_registry_experience"
_LONGEST_REASON = 500


def gather(place: Path, data: Path | None, ids: dict[str, str], gathering: Gathering) -> None:
    """Take the policies of every database at a place and in the data directory of the config."""
    for path in dict.fromkeys(_databases(place, data)):
        with tables.opened(path) as database:
            if TABLE not in tables.tables(database):
                continue
            gathering.files.append(str(path))
            experience = 0
            for row in tables.rows(database, TABLE, "namespace", "key", "value"):
                experience += row["namespace"] == EXPERIENCE
                if row["namespace"] in (MODELS, RESOURCES) and row["key"]:
                    _take(row["namespace"], row["key"], _value(row["value"]), ids, gathering)
            if experience:
                gathering.leave(
                    f"experience with {experience} model{'s' * (experience != 1)}", "llmpool gathers its own"
                )


def _databases(place: Path, data: Path | None) -> Iterator[Path]:
    if place.is_file():
        if tables.is_database(place):
            yield place.resolve()
        folders = [data] if data else []
    else:
        folders = [place, data or place / "db"]
    for folder in folders:
        if folder.is_dir():
            found = (path for path in sorted(folder.iterdir()) if path.suffix in tables.SUFFIXES)
            yield from (path.resolve() for path in found if path.is_file() and tables.is_database(path))


def _take(space: str, key: str, value: dict[str, Any], ids: dict[str, str], gathering: Gathering) -> None:
    """Take one decision: of a provider by its id, of a model by the id it has here."""
    target = key if space == RESOURCES else ids.get(key, key)
    state, routable = value.get("state"), value.get("routable")
    wrong = (state not in (None, "", *STATES)) or not (routable is None or isinstance(routable, bool))
    if wrong or not usable_name(target) or (not state and routable is None):
        gathering.leave(f"policy of {key}", "it does not say what was decided")
        return
    if space == MODELS and "/" not in target:
        gathering.leave(f"policy of {key}", "nothing says which provider has that model")
        return
    reason = value.get("reason")
    gathering.policies[target] = Policy(
        state=state or None,
        routable=routable,
        reason=one_line(reason)[:_LONGEST_REASON] if isinstance(reason, str) else "",
    )


def _value(text: str | None) -> dict[str, Any]:
    try:
        return mapping(json.loads(text or "null"))
    except (ValueError, RecursionError):
        return {}
