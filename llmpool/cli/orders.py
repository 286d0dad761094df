"""What is typed in an interactive session, told apart: a command with a slash, or something to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from llmpool.core.near import near
from llmpool.errors import Misuse

_ORDER = re.compile(r"/([A-Za-z]+|\?)(?:\s+(.*?))?\s*\Z", re.DOTALL)
_LEAVING = ("exit", "quit", "/bye")  # as other programs have it; nobody asks a model that
_OTHER_NAMES = {"quit": "exit", "q": "exit", "clear": "new", "?": "help"}


class Order(NamedTuple):
    """A command that was typed: its name, and what stands behind it."""

    name: str
    rest: str = ""


def read(typed: str, known: Mapping[str, object]) -> Order | str:
    """Return the order in *typed*, or the text to send; raises Misuse for a command that is not *known*.

    `//text` sends a text that begins with a slash. A path is no command, nor is a text of several lines
    whose first word is none.
    """
    text = typed.strip("\n")
    if text.strip() in _LEAVING:
        return Order("exit")
    if text.startswith("//"):
        return text[1:]
    found = _ORDER.match(text)
    if not found:
        return text
    name = found[1].lower()
    name = _OTHER_NAMES.get(name, name)
    if name in known:
        return Order(name, found[2] or "")
    if "\n" in text:
        return text
    raise unknown(found[1], known)


def unknown(name: str, known: Mapping[str, object]) -> Misuse:
    """Build the error for a command that there is not, with the one that was meant where that can be told."""
    close = near(name, [*known, *_OTHER_NAMES], most=1)
    begun = [each for each in known if each.startswith(name.lower())]
    meant = begun[0] if len(begun) == 1 else close[0] if close else ""
    hint = f"did you mean /{meant}?" if meant else "/help lists the commands"
    return Misuse(f"there is no command /{name}", hint=f"{hint}   to send it as it is: //{name}")
