"""Markdown played through the renderer, and what of it a person sees."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmpool.cli.markdown import Markdown

STYLES = {"0": "", "1": "bold", "3": "italic", "4": "underline", "9": "strike", "36": "code", "2": "dim"}
_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def played(text: str, width: int = 80, *, color: bool = True, unicode: bool = True, size: int = 4) -> str:
    """Return what is written for an answer that comes in parts of *size* characters."""
    return fed(
        (text[at : at + size] for at in range(0, len(text), size)), width, color=color, unicode=unicode
    )


def fed(parts: Iterable[str], width: int = 80, *, color: bool = True, unicode: bool = True) -> str:
    """Return what is written for an answer that comes in these parts."""
    markdown = Markdown(width, color=color, unicode=unicode)
    return "".join([*map(markdown.feed, parts), markdown.end()])


def seen(written: str) -> str:
    """Return the characters without their styles."""
    return _ESCAPE.sub("", written)


def named(written: str) -> str:
    """Return what is written with the names of styles in place of escapes: `<bold>x<>`."""
    return _ESCAPE.sub(
        lambda code: f"<{'+'.join(filter(None, map(STYLES.get, code[1].split(';'))))}>", written
    )
