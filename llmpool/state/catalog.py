"""catalog.json: the official catalog as it was last downloaded, and where from.

Without the file the one that is built in counts alone. It is an observation: a corrupt one is set aside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.registry import official
from llmpool.registry.official import NOTHING, Official
from llmpool.state import shape
from llmpool.state.fetched import Place

NAME = "catalog.json"


class Stored(NamedTuple):
    """A downloaded catalog, and where and when (RFC 3339) it came from, with which entity tag.

    Empty texts and no content are what there is before the first download.
    """

    etag: str = ""
    last_updated_at: str = ""
    source_url: str = ""
    content: Official = NOTHING


def _content(value: Any) -> Official:
    return official.read(shape.mapping(value))


PLACE = Place(NAME, Stored, _content, official.as_data)
read, keep = PLACE.read, PLACE.keep
