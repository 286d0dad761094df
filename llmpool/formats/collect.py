"""Collects the lines of a model listing, in whatever format it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.wire import Answer
from llmpool.formats.answer import lacks
from llmpool.formats.base import MAX_MODELS, Listing, mapping, usable_name, wrong_format

MAX_PAGES = 1_000
NO_CHAT = Capabilities(chat=False, streaming=False, tools=False, images=False, thinking=False, json=False)

Line = dict[str, Any]
Read = Callable[[str, Line], ObservedModel]  # makes a model of its name and its line


class Collected:
    """Models as they come in, page by page: the first of a name counts, what cannot be used is counted."""

    def __init__(self) -> None:
        self._models: dict[str, ObservedModel] = {}
        self._skipped = 0

    def take(self, lines: Iterable[tuple[object, Line]], read: Read) -> None:
        """Add the *lines* of a page, each behind what may be its name; None is a line of no use."""
        page = list(lines)
        check_size(len(self._models) + self._skipped + len(page))
        for name, line in page:
            if isinstance(name, str) and usable_name(name) and name not in self._models:
                self._models[name] = read(name, line)
            else:
                self._skipped += 1

    def listing(self) -> Listing:
        """Return what came in."""
        return Listing(tuple(self._models.values()), self._skipped)


def lines_in(payload: object, field: str = "data") -> list[Any]:
    """Return the lines of a page: *field*, or the answer itself where a vendor sends a list; or raise."""
    lines = payload if isinstance(payload, list) else mapping(payload).get(field)
    if not isinstance(lines, list):
        raise lacks(payload, f"the listing has no list of models in `{field}`")
    return lines


def check_size(models: int) -> None:
    """Raise for more *models* than anybody has: a server cannot fill the memory with names."""
    if models > MAX_MODELS:
        raise wrong_format(f"the listing has more than {MAX_MODELS:,} models")


def is_last(following: str, asked: set[str]) -> bool:
    """Whether the page at hand is the last: no page follows, or one that was *asked* for; else note it there.

    Raises for pages without end: half a listing would make the other half look gone.
    """
    if following in asked:
        return True
    if len(asked) >= MAX_PAGES:
        raise wrong_format(f"the listing does not end within {MAX_PAGES:,} pages")
    asked.add(following)
    return False


def nothing_there(answer: Answer) -> bool:
    """Whether the address does not exist; some servers say so with a page, LM Studio with a 200."""
    start = answer.body[:200].lstrip()
    return answer.status in {404, 405, 410} or start.startswith(b"<") or b"Unexpected endpoint" in start
