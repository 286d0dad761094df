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
LAYOUT = 6  # goes up with every change of what the documents hold, so that older ones are compiled anew
_OPEN, _CLOSE, _END = b',"models":[\n', b"\n]", b"\n}}\n"
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
    """Read a compiled document if it still matches its sources; one that others wrote is none."""
    content = _content(state / name, stamp)
    return None if content is None else json.loads(content)["data"]


def read_listing(state: Path, stamp: list[list[object]]) -> str | None:
    """Read the listing's entries as the JSON text they are kept in, unparsed, if it matches its sources.

    Ten thousand entries take longer to parse and to write again than all the rest of a run.
    """
    content = _content(state / LISTING, stamp)
    return None if content is None else content.partition(_OPEN)[2].removesuffix(_CLOSE + _END).decode()


def _content(path: Path, stamp: list[list[object]]) -> bytes | None:
    """Return a whole document as this version wrote it from sources with this *stamp*, else None.

    The first line has the stamps, and a checksum of all the others, so that nobody needs to look whether
    each value in them is what it should be. A broken or newer file is told as any other file's is.
    """
    try:
        content = path.read_bytes()
        head, _, body = content.partition(b"\n")
        envelope = json.loads(head + b'"":0}}')
        known = envelope["data"]
        if envelope["version"] == 1 and known["stamps"] != stamp:
            return None
        fresh = envelope["version"] == 1 and known["crc"] == zlib.crc32(body)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        fresh = False
    if not fresh:
        jsonfile.read(path)
    return content if fresh else None


def _write(path: Path, stamp: list[list[object]], body: bytes) -> None:
    """Write a document, the fields of which *body* has: an ordinary state file to every other reader."""
    rest = body + _END
    written, stamps = rfc3339(time.time()), jsonfile.encode(stamp).decode()
    head = f'{{"version":1,"written_at":"{written}","data":{{"stamps":{stamps},"crc":{zlib.crc32(rest)},\n'
    jsonfile.write_atomic(path, head.encode() + rest)


def write(
    state: Path, stamp: list[list[object]], build: Callable[[int], dict[str, dict[str, Any]]], ids: list[str]
) -> dict[str, dict[str, Any]]:
    """Write both documents; *build* gets the generation, which moves only when what it builds differs."""
    old = jsonfile.read(state / ROUTING, decode=_old)
    generation = old.get("generation", 0)
    documents = build(generation)
    if _without_stamp(old) != _without_stamp(documents[ROUTING]):
        generation += 1
        documents = build(generation)
    _write(state / ROUTING, stamp, jsonfile.encode(documents[ROUTING])[1:-1])
    facts = {name: value for name, value in documents[LISTING].items() if name != "models"}
    entries = ",\n".join(json.dumps(entry) for entry in documents[LISTING]["models"])  # one a line
    _write(state / LISTING, stamp, jsonfile.encode(facts)[1:-1] + _OPEN + entries.encode() + _CLOSE)
    jsonfile.write_atomic(state / IDS, "".join(f"{ref}\n" for ref in ids).encode())
    return documents


def _old(data: Any) -> dict[str, Any]:
    """Take what was compiled before; of what others wrote not even the generation counts."""
    known = data if isinstance(data, dict) else {}
    return known if type(known.get("generation")) is int else {}


def _without_stamp(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("stamps", "crc", "generation")}
