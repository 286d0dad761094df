"""The answers kept under tests/contract, by wire format, as documents to be mutated."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

CONTRACT = Path(__file__).parents[1] / "contract"
MOST = 24_000  # bytes; longer ones would only be slower
_PART = re.compile(rb"(?ms)^< (\d{3})[^\n]*\n(.*?)\n\n(.*?)(?=^> |\Z)")


@cache
def bodies(wire: str) -> tuple[tuple[str, int, bytes], ...]:
    """Return the answers of a format: what each is called, its status, its body."""
    found: list[tuple[str, int, bytes]] = []
    for path in sorted((CONTRACT / wire).rglob("*")):
        raw = path.read_bytes() if path.is_file() and path.suffix in _KINDS else b""
        name = str(path.relative_to(CONTRACT))
        if path.suffix == ".txt":
            parts = _PART.findall(raw)
            found += [
                (name, int(status), body.partition(b"\n(connection")[0].strip(b"\n"))
                for status, _, body in parts
            ]
        elif raw and path.name != "usages.json":
            found.append(
                (name, int(re.findall(r"\.(\d{3})\.", path.name)[0]) if ".4" in path.name else 200, raw)
            )
    return tuple(each for each in found if each[2] and len(each[2]) <= MOST)


_KINDS = (".txt", ".json", ".sse", ".ndjson")


@cache
def documents(wire: str) -> list[bytes]:
    """Return the answers that are one JSON document."""
    return [body for _, _, body in bodies(wire) if _is_json(body)]


@cache
def streams(wire: str) -> list[bytes]:
    """Return the answers that came in events or lines."""
    return [body for _, _, body in bodies(wire) if not _is_json(body)]


@cache
def short_streams(wire: str) -> list[bytes]:
    """Return the beginnings of the streams, to be cut at every byte."""
    return [body[:1500] for body in streams(wire)]


@cache
def refusals(wire: str) -> list[tuple[int, bytes]]:
    """Return the answers that were errors, with their status."""
    return [(status, body) for _, status, body in bodies(wire) if status >= 400]


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
