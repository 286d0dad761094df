"""Patterns out of downloaded data: only those that a search is done with quickly, whatever it searches."""

from __future__ import annotations

import re

LONGEST = 200  # characters of a pattern
LONGEST_TEXT = 128  # characters of a name that patterns are tried on
_MOST_WAYS = 400  # ways a pattern may go wrong at one place of a name, times which it is tried again
_MOST_TIMES = 64
_OPENS = {"(?:": False, "(?!": True, "(?=": True, "(": False}
_RESERVED = ("--", "&&", "~~", "||")  # in sets they may come to mean something
_KNOWN_LETTERS = frozenset("dwsDWSbB")


class Refused(ValueError):
    """A pattern that could run too long, or says something that no pattern needs here."""


def checked(pattern: str) -> re.Pattern[str]:
    """Compile *pattern*, or raise `Refused` when a search for it might take long.

    Backtracking is what takes long. Counted are the ways in which each part can match, as if every way could
    fail only at the very end; what repeats without end may not repeat a choice.
    """
    if len(pattern) > LONGEST:
        raise Refused(f"a pattern of {len(pattern)} characters; {LONGEST} are the most")
    ways = _Reader(pattern).whole()
    if ways > _MOST_WAYS:
        raise Refused("a pattern with too many ways to match")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refused(f"not a pattern: {error}") from None


class _Reader:
    """Reads a pattern of the plain kind and counts in how many ways it can match."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0

    def whole(self) -> int:
        """Count the ways of the whole pattern."""
        ways = self._choice()
        if self.at < len(self.text):
            raise Refused("a pattern with a bracket too many")
        return ways

    def _choice(self) -> int:
        ways = self._sequence()
        while self._next("|"):
            ways += self._sequence()
        return ways

    def _sequence(self) -> int:
        """Multiply the ways of what follows each other; nobody goes back into what only looks ahead."""
        ways, looks = 1, 0
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            looking, item = self._item()
            times = self._repeated(item)
            if looking:
                looks += ways * times  # as often as what stands before it matches
            else:
                ways *= times
            if ways + looks > _MOST_WAYS:
                raise Refused("a pattern with too many ways to match")
        return ways + looks

    def _item(self) -> tuple[bool, int]:
        char = self.text[self.at]
        if char == "(":
            return self._group()
        if char == "[":
            self._set()
        elif char == "\\":
            self._escape()
        elif char in "*+?{":
            raise Refused("a pattern that repeats nothing")
        else:
            self.at += 1
        return False, 1

    def _group(self) -> tuple[bool, int]:
        opening = next(each for each in _OPENS if self.text.startswith(each, self.at))
        self.at += len(opening)
        if opening == "(" and self._next("?"):
            raise Refused("a pattern with a group of a special kind")
        ways = self._choice()
        if not self._next(")"):
            raise Refused("a pattern with an open bracket")
        return _OPENS[opening], ways

    def _set(self) -> None:
        self.at += 1
        self._next("^")
        self._next("]")
        while not self._next("]"):
            if self.at >= len(self.text):
                raise Refused("a pattern with an open bracket")
            if self.text[self.at] == "\\":
                self._escape()
            elif self.text[self.at] == "[" or self.text[self.at : self.at + 2] in _RESERVED:
                raise Refused("a pattern with a set of a special kind")
            else:
                self.at += 1

    def _escape(self) -> None:
        char = self.text[self.at + 1 : self.at + 2]
        if not char or (char.isalnum() and char not in _KNOWN_LETTERS):
            raise Refused("a pattern with an escape of a special kind")
        self.at += 2

    def _repeated(self, ways: int) -> int:
        """Count the ways of what may be repeated."""
        least, most = self._times()
        if self.at < len(self.text) and self.text[self.at] in "*+?{" and (least, most) != (1, 1):
            self._next("?")  # a lazy repeat has as many ways
            if self.text[self.at : self.at + 1] in ("*", "+", "?", "{"):
                raise Refused("a pattern that repeats a repeat")
        if most is None:
            if ways > 1:
                raise Refused("a pattern that repeats a choice without end")
            return LONGEST_TEXT
        if max(least, most) > _MOST_TIMES:
            raise Refused(f"a pattern that repeats more than {_MOST_TIMES} times")
        return sum(min(ways**times, _MOST_WAYS + 1) for times in range(least, most + 1))

    def _times(self) -> tuple[int, int | None]:
        for sign, times in {"*": (0, None), "+": (1, None), "?": (0, 1)}.items():
            if self._next(sign):
                return times
        found = re.compile(r"\{(\d{1,3})(,?)(\d{0,3})\}", re.ASCII).match(self.text, self.at)
        if found is None:
            if self.text[self.at : self.at + 1] == "{":
                raise Refused("a pattern with a brace that is no repeat")
            return 1, 1
        self.at = found.end()
        least, comma, most = found.groups()
        return int(least), int(most) if most else None if comma else int(least)

    def _next(self, char: str) -> bool:
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True
