"""registry.json, routing.json and model-ids.txt: compiled from everything else, stamped with its sources."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmpool import __version__
from llmpool.core.times import rfc3339
from llmpool.state import jsonfile

ROUTING, LISTING, IDS = "routing.json", "registry.json", "model-ids.txt"
LAYOUT = 2  # goes up with every change of what the documents hold, so that older ones are compiled anew
_TAIL = "]}}"
SOURCES = ("inventory.json", "policy.json", "prices.json", "catalog.json")


def stamps(config: Path, state: Path) -> list[list[object]]:
    """Take the sizes and times of everything the registry is compiled from."""
    found: list[list[object]] = [[str(config), __version__, LAYOUT], _stamp(config)]
    return found + [_stamp(state / name) for name in SOURCES]


def _stamp(path: Path) -> list[object]:
    try:
        seen = os.stat(path)  # noqa: PTH116 - one call, on every run
    except OSError:
        return [path.name, 0, 0]
    return [path.name, seen.st_size, seen.st_mtime_ns]


def read(state: Path, name: str, stamp: list[list[object]]) -> dict[str, Any] | None:
    """Read a compiled document if it still matches its sources."""
    data = jsonfile.read(state / name)
    return data if isinstance(data, dict) and data.get("stamps") == stamp else None


def read_listing(state: Path, stamp: list[list[object]]) -> str | None:
    """Read the listing's entries as the JSON text they are kept in, unparsed, if it matches its sources.

    Ten thousand entries take longer to parse and to write again than all the rest of a run.
    """
    try:
        head, _, rest = (state / LISTING).read_text(encoding="utf-8").partition("\n")
        known = json.loads(head + _TAIL)["data"]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # missing, foreign or damaged: it is compiled anew
    body = rest.removesuffix("\n" + _TAIL + "\n")
    fresh = known.get("stamps") == stamp and known.get("crc") == zlib.crc32(body.encode())
    return body if fresh else None


def _write_listing(state: Path, document: dict[str, Any]) -> None:
    """Write the listing one entry a line, an ordinary state file to every other reader."""
    body = ",\n".join(json.dumps(entry) for entry in document["models"])
    facts = {name: value for name, value in document.items() if name != "models"}
    data = json.dumps(facts | {"crc": zlib.crc32(body.encode())})
    written = rfc3339(time.time())
    head = f'{{"version": 1, "written_at": "{written}", "data": {data[:-1]}, "models": ['
    jsonfile.write_atomic(state / LISTING, f"{head}\n{body}\n{_TAIL}\n".encode())


def write(
    state: Path, stamp: list[list[object]], build: Callable[[int], dict[str, dict[str, Any]]], ids: list[str]
) -> dict[str, dict[str, Any]]:
    """Write both documents; *build* gets the generation, which moves only when what it builds differs."""
    old = jsonfile.read(state / ROUTING) or {}
    generation = int(old.get("generation", 0))
    documents = build(generation)
    if _without_stamp(old) != _without_stamp(documents[ROUTING]):
        generation += 1
        documents = build(generation)
    jsonfile.write(state / ROUTING, documents[ROUTING] | {"stamps": stamp})
    _write_listing(state, documents[LISTING] | {"stamps": stamp})
    jsonfile.write_atomic(state / IDS, "".join(f"{ref}\n" for ref in ids).encode())
    return documents


def _without_stamp(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("stamps", "generation")}
