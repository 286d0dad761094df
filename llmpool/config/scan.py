"""Where in a TOML text each header, key, array item and comment stands.

`tomllib` does not keep positions. This scanner runs over text that `tomllib` has accepted, so it may be
lenient: what it does not understand is simply not found.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
TABLES_OF_TABLES = ("providers", "profiles", "groups", "budgets", "oauth", "trial")

_TOKEN = re.compile(
    r'''(?P<space>[ \t\r]+)
      | (?P<comment>\#[^\n]*)
      | (?P<newline>\n)
      | (?P<text>"""(?:\\.|[^\\])*?""""{0,2} | \'\'\'.*?\'\'\'\'{0,2} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<mark>[\[\]{}=,.])
      | (?P<bare>[^\s\[\]{}=,.\#"']+)
      | (?P<other>.)''',
    re.VERBOSE | re.DOTALL,
)


class Mark(NamedTuple):
    """One thing that is written: a table's header, a pair of key and value, or an item of an array.

    *start* is where it begins, *value* where its value does, *end* where it is over. The first *above* keys
    of its path are given by the table it stands in; *inline* says that it stands inside a value.
    """

    kind: str
    path: KeyPath
    above: int
    inline: bool
    start: int
    value: int
    end: int
    line: int


class Span(NamedTuple):
    """A stretch of the text."""

    start: int
    end: int


class Scan(NamedTuple):
    """What stands in a text, in its order; items of arrays are numbered from 0, as arrays of tables are."""

    marks: list[Mark]
    comments: list[Span]


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    line: int


@lru_cache(maxsize=4)  # an edit looks at the text before and after it several times
def scan(text: str) -> Scan:
    """Find everything that stands in *text*; callers do not change the lists."""
    walk = _Walk(text)
    with suppress(RecursionError):  # nested deeper than anyone writes: what was found so far will do
        walk.run()
    return Scan(walk.marks, walk.comments)


def comments(text: str) -> list[str]:
    """Return the comments in *text*, sorted; where keys and values stand is not looked at."""
    tokens = _TOKEN.finditer(text)
    return sorted(token.group().rstrip("\r") for token in tokens if token.lastgroup == "comment")


class _Walk:
    """A walk over the tokens of one text, which notes *marks* and *comments* as it goes."""

    def __init__(self, text: str) -> None:
        self.marks: list[Mark] = []
        self.comments: list[Span] = []
        self._tokens: list[_Token] = []
        self._at = 0
        self._last: dict[KeyPath, int] = {}  # the index of the newest table of each array of tables
        self._depth = 0
        self._read(text)

    def _read(self, text: str) -> None:
        line = 1
        for match in _TOKEN.finditer(text):
            if match.lastgroup == "comment":
                self.comments.append(Span(match.start(), match.start() + len(match.group().rstrip("\r"))))
            elif match.lastgroup != "space":
                self._tokens.append(_Token(match.lastgroup or "other", match.group(), match.start(), line))
            line += match.group().count("\n")
        self._tokens.append(_Token("end", "", len(text), line))

    def run(self) -> None:
        """Walk over every statement of the text."""
        table: KeyPath = ()
        while self._now.kind != "end":
            if self._now.kind == "newline":
                self._at += 1
            elif self._now.text == "[":
                table = self._header()
            else:
                self._pair(table)

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _skip(self, mark: str) -> bool:
        found = self._now.text == mark and self._now.kind == "mark"
        self._at += found
        return found

    def _over(self) -> int:
        """Return where the token before this one ends."""
        token = self._tokens[self._at - 1] if self._at else self._tokens[0]
        return token.start + len(token.text)

    def _header(self) -> KeyPath:
        first = self._now
        self._skip("[")
        double = self._skip("[")
        keys = self._keys()
        if double and keys:
            array = (*self._inside(keys[:-1]), keys[-1])
            self._last[array] = self._last.get(array, -1) + 1
            path: KeyPath = (*array, self._last[array])
        else:
            path = self._inside(keys)
        while self._now.kind not in ("newline", "end"):
            self._at += 1
        end = self._over()
        self.marks.append(Mark("header", path, 0, False, first.start, end, end, first.line))
        return path

    def _inside(self, keys: list[str]) -> KeyPath:
        """Follow *keys* from the top; an array of tables means its newest table."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._last:
                path = (*path, self._last[path])
        return path

    def _keys(self) -> list[str]:
        keys = []
        while self._now.kind in ("bare", "text"):
            keys.append(_key(self._now.text))
            self._at += 1
            if not self._skip("."):
                break
        return keys

    def _pair(self, table: KeyPath) -> None:
        first = self._now
        path = (*table, *self._keys())
        if self._skip("="):
            self._valued(Mark("pair", path, len(table), self._depth > 0, first.start, 0, 0, first.line))
        else:
            self._at += self._now.kind != "end"

    def _valued(self, mark: Mark) -> None:
        """Note *mark*, whose value begins here, then walk over the value and note where it ends."""
        place, begins = len(self.marks), self._now.start
        self.marks.append(mark._replace(value=begins, end=begins))
        self._depth += 1
        self._value(mark.path)
        self._depth -= 1
        self.marks[place] = mark._replace(value=begins, end=self._over())

    def _value(self, path: KeyPath) -> None:
        if self._skip("["):
            self._array(path)
        elif self._skip("{"):
            while self._now.kind != "end" and not self._skip("}"):
                if self._now.kind == "newline" or self._now.text == ",":
                    self._at += 1
                else:
                    self._pair(path)
        else:
            while self._now.kind in ("text", "bare") or self._now.text == ".":
                self._at += 1

    def _array(self, path: KeyPath) -> None:
        index = 0
        while self._now.kind != "end" and not self._skip("]"):
            if self._skip(","):
                index += 1
            elif self._now.kind == "newline":
                self._at += 1
            else:
                before, now = self._at, self._now
                self._valued(Mark("item", (*path, index), len(path), True, now.start, 0, 0, now.line))
                self._at += self._at == before


def _key(token: str) -> str:
    """Return the key a token stands for: bare, 'literal' or "basic" with escapes."""
    if token[:1] not in ('"', "'"):
        return token
    if token[0] == "'" or "\\" not in token:
        return token[1:-1]
    try:
        return str(tomllib.loads(f"key = {token}")["key"])
    except tomllib.TOMLDecodeError:  # not TOML after all, and so no key anyone asks for
        return token
