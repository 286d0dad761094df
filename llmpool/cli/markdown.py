"""Markdown on a terminal while it comes: what is written is never taken back, moved or written again.

Text goes out as soon as its meaning is certain, so an answer is read while it is given. The lines of the
author stay lines; those too long are broken at words. Without colour the marks stay as they were written.
"""

from __future__ import annotations

import re

from llmpool.cli.markdown_lines import CODE
from llmpool.cli.markdown_page import FLOWING, Page
from llmpool.core.text import clean

_MARK = re.compile(r"[\\`*_~\[!:]")  # what may be more than text; a colon may belong to an address
_SURROGATES = "[\ud800-\udfff]+"


class Markdown:
    """An answer on its way to a terminal of a width: `feed` returns what may be written, `end` the rest."""

    def __init__(self, width: int, *, color: bool, unicode: bool = True) -> None:
        self._page = Page(width, color=color, drawn=unicode)
        self._width = width
        self._half = ""  # one of the two surrogates of a character

    @property
    def column(self) -> int:
        """Where the next character goes; 0 at the beginning of a line."""
        return self._page.wrap.column

    def resize(self, width: int) -> None:
        """Go on in a terminal that is as wide as this now; what was written is left as it is."""
        if width != self._width:
            self._width = width
            self._page.resize(width)

    def feed(self, text: str) -> str:
        """Take the next part of the answer; return what may be written now."""
        page, wrap = self._page, self._page.wrap
        if self._half or not self._is_plain(text):
            page.take(self._harmless(text))
        elif page.kind == CODE:
            page.body(text)
        else:
            if not wrap.quick(text):
                wrap.text(0, text)
            if page.spans is not None:
                page.spans.saw(text)
        return wrap.take()

    def end(self) -> str:
        """Return what was held back, with every style turned off; what is fed later begins a new answer."""
        self._page.take(self._harmless("", last=True))
        self._page.end()
        return self._page.wrap.take()

    def _is_plain(self, text: str) -> bool:
        """Say whether a text is but words in the middle of a line, and nothing before it waits."""
        page = self._page
        if page.head is not None or not text or not text.isascii() or not text.isprintable():
            return False
        if page.kind == CODE:
            return True
        spans = page.spans
        if spans is not None and (spans.waiting or spans.in_address or spans.style):
            return False
        return page.kind in FLOWING and not page.due and _MARK.search(text) is None

    def _harmless(self, text: str, *, last: bool = False) -> str:
        """Return a text without control characters; two halves of a character are put together."""
        if text.isascii() and text.isprintable() and not self._half:
            return text
        if self._half:
            text, self._half = self._half + text, ""
        if not text.isascii():
            if "\ud800" <= text[-1] <= "\udbff" and not last:
                text, self._half = text[:-1], text[-1]
            text = re.sub(_SURROGATES, _joined, text)
        return clean(text)


def _joined(halves: re.Match[str]) -> str:
    """Put the halves of characters together; one without the other becomes the sign for what is lost."""
    return halves[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
