"""registry.json, routing.json and model-ids.txt: compiled from everything else, stamped with its sources."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmpool import __version__
from llmpool.state import jsonfile

ROUTING, LISTING, IDS = "routing.json", "registry.json", "model-ids.txt"
SOURCES = ("inventory.json", "policy.json", "prices.json", "catalog.json")


def stamps(config: Path, state: Path) -> list[list[object]]:
    """Take the sizes and times of everything the registry is compiled from."""
    found: list[list[object]] = [[str(config), __version__, 0], _stamp(config)]
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
    for name, document in documents.items():
        jsonfile.write(state / name, document | {"stamps": stamp})
    jsonfile.write_atomic(state / IDS, "".join(f"{ref}\n" for ref in ids).encode())
    return documents


def _without_stamp(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("stamps", "generation")}
