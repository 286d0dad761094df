"""registry.json, routing.json, costs.json, model-ids.txt: compiled from all else, stamped with its sources.

The first two carry the registry's generation and its essence in their first line, so that either tells them
when the other is gone or broken; with both gone the generation begins at 1 again. Whoever writes holds the
lock of `registry` while it reads the last generation and puts both files in place, and writes only what is
compiled of the sources as they are then: no generation is ever used twice or goes back.
"""

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
from llmpool.errors import Busy
from llmpool.state import jsonfile

ROUTING, LISTING, COSTS, IDS = "routing.json", "registry.json", "costs.json", "model-ids.txt"
LAYOUT = 15  # goes up with every change of what the documents hold, so that older ones are compiled anew
_LOCK = "registry"
_OPEN, _CLOSE, _END = b'"models":[\n', b"\n]", b"\n}}\n"
_HEAD_BYTES = 1 << 20
_HEAD = ("generation", "essence", "until")  # of a document, in its first line
SOURCES = ("inventory.json", "policy.json", "prices.json", "price-book.json", "catalog.json")

Documents = dict[str, dict[str, Any]]


def stamps(config: Path, state: Path) -> list[list[object]]:
    """Take the sizes and times of everything the registry is compiled from.

    The time of a file's last change tells what its own does not: some are put in place with an old one.
    """
    found: list[list[object]] = [[str(config), __version__, LAYOUT], _stamp(config)]
    return found + [_stamp(state / name) for name in SOURCES]


def _stamp(path: Path) -> list[object]:
    try:
        seen = os.stat(path)  # noqa: PTH116 - one call, on every run
    except OSError:
        return [path.name, 0, 0, 0]
    return [path.name, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]


def read(state: Path, name: str, stamp: list[list[object]], now: float = 0.0) -> dict[str, Any] | None:
    """Read a compiled document if it still matches its sources *now*; one that others wrote is none."""
    content = _content(state / name, stamp, now)
    return None if content is None else json.loads(content)["data"]


def read_listing(state: Path, stamp: list[list[object]], now: float = 0.0) -> str | None:
    """Read the listing's entries as the JSON text they are kept in, unparsed, if it matches its sources.

    Ten thousand entries take longer to parse and to write again than all the rest of a run.
    """
    return _entries(state / LISTING, stamp, now)


def read_costs(state: Path, stamp: list[list[object]]) -> str | None:
    """Read the lines of what a cost is worked out from, as `read_listing` does; `line_of` finds one.

    They tell of every time what holds then, so that they never run out.
    """
    return _entries(state / COSTS, stamp)


def line_of(lines: str, key: str | int) -> str | None:
    """Find the value that *lines*, of pairs as JSON has them, give to *key*; as JSON, None without it."""
    text, start = f"\n{lines}\n", f"\n[{json.dumps(key)}, "
    begin = text.find(start)
    if begin < 0:
        return None
    begin += len(start)
    return text[begin : text.index("\n", begin)].removesuffix(",").removesuffix("]")


def _entries(path: Path, stamp: list[list[object]], now: float = 0.0) -> str | None:
    content = _content(path, stamp, now)
    return None if content is None else content.partition(_OPEN)[2].removesuffix(_CLOSE + _END).decode()


def _content(path: Path, stamp: list[list[object]], now: float) -> bytes | None:
    """Return a document that is `_whole`; a broken or newer file is told of as any other is."""
    try:
        return _whole(path, stamp, now)
    except _Foreign:
        jsonfile.read(path)
        return None


class _Foreign(Exception):
    """A file is missing, or not as this version writes it."""


def _whole(path: Path, stamp: list[list[object]], now: float) -> bytes | None:
    """Return a document that was written of sources with this *stamp*, None for another, or one run out.

    The first line has the stamps, and a checksum of all the others, so that nobody needs to look whether
    each value in them is what it should be.
    """
    try:
        if path.stat().st_size > jsonfile.MOST_BYTES:
            raise _Foreign
        content = path.read_bytes()
        head, _, body = content.partition(b"\n")
        envelope = json.loads(head + b'"":0}}')
        known = envelope["data"]
        is_over = known["until"] is not None and now >= known["until"]
        if envelope["version"] == 1 and (known["stamps"] != stamp or is_over):
            return None
        if envelope["version"] == 1 and known["crc"] == zlib.crc32(body):
            return content
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    raise _Foreign


def write(
    state: Path,
    stamp: list[list[object]],
    build: Callable[[int], Documents],
    ids: list[str],
    now: float = 0.0,
) -> Documents:
    """Write the documents, unless their sources have changed since *stamp* was taken; return them.

    What *build* returns has an `essence` in its routing document: the generation moves when that differs;
    and `until`, the time at which all of it has to be compiled anew, if there is one.
    Raises StateUnusable where they cannot be written, LaterState where a later version wrote them.
    """
    from llmpool.state.lock import locked

    documents = build(0)
    for name in (ROUTING, LISTING, COSTS):
        _last(state / name, tell=True)  # a newer one is refused, a broken one set aside, before any lock
    try:
        with locked(state / _LOCK):
            documents = numbered(state, documents)
            if stamps(Path(str(stamp[0][0])), state) == stamp and not _is_done(state, stamp, documents, now):
                _write_all(state, stamp, documents, ids)
    except Busy:
        return numbered(state, documents)  # others are writing the same; the next run reads that
    return documents


def numbered(state: Path, documents: Documents) -> Documents:
    """Give documents their generation: the last one, or the next where the registry is another."""
    generation, last = max(_last(state / name) for name in (ROUTING, LISTING))
    essence = documents[ROUTING]["essence"]
    until = documents[ROUTING].get("until")
    told = {"generation": generation + (essence != last), "essence": essence, "until": until}
    return {name: document | told for name, document in documents.items()}


def _last(path: Path, *, tell: bool = False) -> tuple[int, str]:
    """Read generation and essence of a document, off its first line; 0 and nothing where there is none.

    *tell*: one of a newer version is refused, a broken one told of and set aside.
    """
    try:
        with path.open("rb") as file:
            envelope = json.loads(file.readline(_HEAD_BYTES) + b'"":0}}')
        known = envelope["data"]["generation"], envelope["data"]["essence"]
        if (envelope["version"], *map(type, known)) == (1, int, str):
            return known
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    if tell:
        jsonfile.read(path)
    return 0, ""


def _is_done(state: Path, stamp: list[list[object]], documents: Documents, now: float) -> bool:
    """Tell whether another process has just written all documents from the same sources."""
    try:
        return all(_whole(state / name, stamp, now) for name in documents)
    except _Foreign:
        return False


def _write_all(state: Path, stamp: list[list[object]], documents: Documents, ids: list[str]) -> None:
    for name, document in documents.items():
        entries = ",\n".join(map(json.dumps, document.get("models", ())))  # one a line
        models = _OPEN + entries.encode() + _CLOSE if "models" in document else b""
        _write(state / name, stamp, document, models)
    jsonfile.write_atomic(state / IDS, "".join(f"{ref}\n" for ref in ids).encode())


def _write(path: Path, stamp: list[list[object]], document: dict[str, Any], models: bytes) -> None:
    """Write a document, its *models* as they are given: an ordinary state file to every other reader."""
    facts = {name: value for name, value in document.items() if name not in (*_HEAD, "models")}
    text = jsonfile.encode(facts)[1:-1]
    rest = text + (b"," if text and models else b"") + models + _END
    first = {
        "version": 1,
        "written_at": rfc3339(time.time()),
        "data": {
            "stamps": stamp,
            "crc": zlib.crc32(rest),
            "generation": document["generation"],
            "essence": document["essence"],
            "until": document["until"],
        },
    }
    head = jsonfile.encode(first).removesuffix(b"}}") + b",\n"
    jsonfile.write_atomic(path, head + rest)
