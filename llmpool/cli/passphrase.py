"""A passphrase: asked on a terminal, unseen, or read from a file; never an argument, which others can see."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_SHORTEST, _LONGEST = 8, 1 << 16
_FILE = "--passphrase-file FILE"


def chosen(terminal: Terminal, source: str) -> str:
    """Return a new passphrase: from *source*, or asked twice; raises Misuse for one that is no protection."""
    if source:
        words = _read(source)
    else:
        words = _ask(terminal, "A passphrase to seal the keys with: ")
        if words != _ask(terminal, "The same again: "):
            raise Misuse("the two are not the same; nothing was exported")
    if len(words) < _SHORTEST:
        raise Misuse(
            f"a passphrase of under {_SHORTEST} characters is no protection",
            hint="several words are easy to keep",
        )
    return words


def known(terminal: Terminal, source: str) -> str:
    """Return the passphrase that something was sealed with."""
    return _read(source) if source else _ask(terminal, "The passphrase it was sealed with: ")


def _ask(terminal: Terminal, question: str) -> str:
    import getpass

    if not terminal.in_is_terminal:
        raise Misuse("a passphrase is needed, and nobody can be asked here", hint=_FILE)
    try:
        return getpass.getpass(question, terminal.err)
    except EOFError:
        raise Misuse("no passphrase was given; nothing was done", hint=_FILE) from None


def _read(source: str) -> str:
    """Return the first line of a file, or of stdin where it is `-`."""
    try:
        if source == "-":
            text = sys.stdin.readline(_LONGEST)
        else:
            with Path(source).open(encoding="utf-8") as file:
                text = file.readline(_LONGEST)
    except OSError as error:
        raise Misuse(f"{source} cannot be read: {error.strerror}", hint=_FILE) from None
    except UnicodeDecodeError:
        raise Misuse(f"{source} is not UTF-8 text", hint=_FILE) from None
    if not (words := text.rstrip("\r\n")):
        raise Misuse("the passphrase is empty", hint=_FILE)
    return words
