"""Which line of a TOML text each table, key and array item stands on.

`tomllib` does not keep positions. This scanner runs over text that `tomllib` has accepted, so it may be
lenient: what it does not understand simply has no line.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from typing import NamedTuple

KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r'''(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<text>"""(?:\\.|[^\\])*?""""{0,2} | \'\'\'.*?\'\'\'\'{0,2} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<mark>[\[\]{}=,.])
      | (?P<bare>[^\s\[\]{}=,.\#"']+)
      | (?P<other>.)''',
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key path of *text* to its line, counted from 1; items of arrays are numbered from 0."""
    scan = _Scan(text)
    with suppress(RecursionError):  # nested deeper than anyone writes: the lines found so far will do
        scan.run()
    return scan.lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of *path*, or of the nearest table around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _tokens(text: str) -> list[_Token]:
    found, line = [], 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup or "other", match.group(), line))
        line += match.group().count("\n")
    return [*found, _Token("end", "", line)]


class _Scan:
    """A walk over the tokens of one text, which writes down *lines* as it goes."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._tokens = _tokens(text)
        self._at = 0
        self._last: dict[KeyPath, int] = {}  # the index of the newest table of each array of tables

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

    def _header(self) -> KeyPath:
        line = self._now.line
        self._skip("[")
        double = self._skip("[")
        keys = self._keys()
        if double and keys:
            array = (*self._inside(keys[:-1]), keys[-1])
            self._last[array] = self._last.get(array, -1) + 1
            path: KeyPath = (*array, self._last[array])
        else:
            path = self._inside(keys)
        self._write(path, line)
        while self._now.kind not in ("newline", "end"):
            self._at += 1
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
        line = self._now.line
        path = (*table, *self._keys())
        self._write(path, line, above=len(table))
        if self._skip("="):
            self._value(path)
        else:
            self._at += self._now.kind != "end"

    def _write(self, path: KeyPath, line: int, above: int = 0) -> None:
        for end in range(above + 1, len(path) + 1):
            self.lines.setdefault(path[:end], line)

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
                before = self._at
                self.lines.setdefault((*path, index), self._now.line)
                self._value((*path, index))
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
