"""catalog.json: the official catalog as it was last downloaded, and where from.

Without the file the one that is built in counts alone. It is an observation: a corrupt one is set aside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from llmpool.registry import official
from llmpool.registry.official import NOTHING, Official
from llmpool.state import jsonfile, shape

NAME = "catalog.json"


class Stored(NamedTuple):
    """A downloaded catalog, and where and when (RFC 3339) it came from, with which entity tag.

    Empty texts and no content are what there is before the first download.
    """

    etag: str = ""
    last_updated_at: str = ""
    source_url: str = ""
    content: Official = NOTHING


def read(state: Path) -> Stored:
    """Read what was downloaded; a missing or quarantined file is nothing."""
    return jsonfile.read(state / NAME, decode=_stored)


def keep(state: Path, fresh: Stored) -> None:
    """Put *fresh* in the place of what was there, unless that is newer, under the lock."""

    def newer(old: Stored) -> Any:
        kept = old if old.last_updated_at > fresh.last_updated_at else fresh
        return kept._asdict() | {"content": official.as_data(kept.content)}

    jsonfile.update(state / NAME, newer, decode=_stored)


def _stored(data: Any) -> Stored:
    known = {} if data is None else shape.fields(data, _STORED)
    return Stored(**known)


def _content(value: Any) -> Official:
    return official.read(shape.mapping(value))


_STORED = {
    "etag": shape.text,
    "last_updated_at": shape.moment,
    "source_url": shape.text,
    "content": _content,
}
