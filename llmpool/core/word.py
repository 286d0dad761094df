"""Names in commands that people copy: a model is called what its provider likes, `$(orders)` too."""

from __future__ import annotations

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-")
_APART = {"'": "'\"'\"'", "\\": "'\"\\\\\"'"}


def word(text: object) -> str:
    """Write *text* as one word of a shell's line: as it is where a shell finds nothing in it, else quoted.

    Quotes and backslashes stand between other quotes: fish reads them otherwise than the rest.
    """
    plain = str(text)
    if plain and _PLAIN.issuperset(plain):
        return plain
    return "'" + "".join(_APART.get(each, each) for each in plain) + "'"
