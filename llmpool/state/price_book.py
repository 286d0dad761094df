"""price-book.json: the price book as it was last downloaded, and where from.

Without the file the one that is built in counts. It is an observation: a corrupt one is set aside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.pricing.validate import validated
from llmpool.state.fetched import Place

NAME = "price-book.json"


class Stored(NamedTuple):
    """A downloaded price book, and where and when (RFC 3339) it came from, with which entity tag.

    Empty texts and no content are what there is before the first download.
    """

    etag: str = ""
    last_updated_at: str = ""
    source_url: str = ""
    content: dict[str, Any] | None = None


PLACE = Place(NAME, Stored, validated, dict)
read, keep = PLACE.read, PLACE.keep
