"""A document as it was last downloaded, in a state file of its own, with where and when it came from.

It is an observation: without the file, or after a corrupt one is set aside, what is built in counts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from llmpool.core.times import is_newer
from llmpool.state import jsonfile, shape


class Download(Protocol):
    """What was downloaded, where and when (RFC 3339) it came from, with which entity tag."""

    @property
    def etag(self) -> str:
        """The tag to ask with the next time, empty when there was none."""

    @property
    def last_updated_at(self) -> str:
        """When it came, empty before the first download."""

    @property
    def source_url(self) -> str:
        """Where it came from."""

    @property
    def content(self) -> Any:
        """What it says."""

    def _asdict(self) -> dict[str, Any]: ...


D = TypeVar("D", bound=Download)


class Place(NamedTuple, Generic[D]):
    """The file *name* of a download; *make* builds it of its fields, or what there is before the first.

    *decode* and *encode* turn its content from and to JSON; the first raises what a wrong type does.
    """

    name: str
    make: Callable[..., D]
    decode: Callable[[Any], Any]
    encode: Callable[[Any], Any]

    def read(self, state: Path) -> D:
        """Read what was downloaded; a missing or quarantined file is nothing."""
        return jsonfile.read(state / self.name, decode=self.decoded)

    def keep(self, state: Path, fresh: D) -> None:
        """Put *fresh* in the place of what was there, unless that is newer, under the lock.

        What is dated far ahead was kept while the clock was wrong, and does not count as newer.
        """

        def newer(old: D) -> Any:
            kept = old if is_newer(old.last_updated_at, fresh.last_updated_at) else fresh
            return kept._asdict() | {"content": self.encode(kept.content)}

        jsonfile.update(state / self.name, newer, decode=self.decoded)

    def decoded(self, data: Any) -> D:
        """Build the download that JSON tells of, None of no file; raises what a wrong type does."""
        shapes = {
            "etag": shape.text,
            "last_updated_at": shape.moment,
            "source_url": shape.text,
            "content": self.decode,
        }
        return self.make(**({} if data is None else shape.fields(data, shapes)))
