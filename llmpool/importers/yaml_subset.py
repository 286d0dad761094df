"""As much YAML as people write into settings by hand: nested mappings and lists, plain and quoted text.

Of text in several lines (`|`, `>`) only that there is some is kept; lists and mappings in one line (`[a, b]`,
`{a: b}`) stay text. Anchors, tags, merge keys and several documents are refused, not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_LINES = 20_000
DEEPEST = 40
TEXT = "(text)"  # what stands for text in several lines
_DASHES = re.compile(r"(?:-\s+)*")
_DASH = re.compile(r"-(?:\s|\Z)")
_BLOCK = re.compile(r"(?:(?<=:)|(?<=-)|\A)\s+[|>][-+0-9]{0,2}\Z")
_DOUBLE = re.compile(r'"(?:\\.|[^"\\])*+"')
_SINGLE = re.compile(r"'(?:''|[^'])*+'")
_QUOTED_OR_COMMENT = re.compile(
    r"""(?:(?<=[\s:\[{,-])|\A)(?:"(?:\\.|[^"\\])*+"?|'(?:''|[^'])*+'?)|(?:(?<=\s)|\A)#.*"""
)
_COLON = re.compile(r":(?=\s|\Z)")
_WORDS = {"null": None, "~": None, "Null": None, "NULL": None, "true": True, "false": False}
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "r": "\r"}


class NotYaml(ValueError):
    """Text that is no YAML, or more of it than this reads; says in which line."""


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def parse(text: str) -> Any:
    """Read *text*; raises NotYaml."""
    lines = list(_lines(text))
    if not lines:
        return None
    value, end = _block(lines, 0, lines[0].indent, 0)
    if end < len(lines):
        raise NotYaml(f"line {lines[end].number} is not where it should be")
    return value


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines that say something; what stands below a `|` or `>` is passed over."""
    raw = text.splitlines()
    if len(raw) > MOST_LINES:
        raise NotYaml(f"it has more than {MOST_LINES} lines")
    number = 0
    while number < len(raw):
        line = raw[number]
        number += 1
        said = _uncommented(line.strip())
        if not said or (said == "---" and number == 1):
            continue
        indent = _indent(line)
        if line[indent] == "\t" or said in ("---", "...") or said[0] == "%":
            raise NotYaml(f"line {number} has what is not read here")
        yield _Line(number, indent, _BLOCK.sub(f' "{TEXT}"', said))
        if _BLOCK.search(said):
            number = _behind(raw, number, indent + len(_dashes(said)))


def _behind(raw: list[str], number: int, indent: int) -> int:
    """Return the line behind a text in several lines: the first that is indented no deeper than its key."""
    while number < len(raw) and (not raw[number].strip() or _indent(raw[number]) > indent):
        number += 1
    return number


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _dashes(text: str) -> str:
    found = _DASHES.match(text)
    return found[0] if found else ""


def _uncommented(text: str) -> str:
    """Return a line without its comment: it begins with a `#` behind a blank, and not in quotes."""
    found = next((each for each in _QUOTED_OR_COMMENT.finditer(text) if each[0][0] == "#"), None)
    return text[: found.start()].rstrip() if found else text


def _block(lines: list[_Line], start: int, indent: int, depth: int) -> tuple[Any, int]:
    """Read the mapping, list or text that begins at a line; return it, and the line behind it."""
    if depth > DEEPEST:
        raise NotYaml(f"line {lines[start].number} is nested too deep")
    if _DASH.match(lines[start].text):
        return _list(lines, start, indent, depth)
    if _pair(lines[start].text):
        return _mapping(lines, start, indent, depth)
    return _text(lines, start, lines[start].text, indent - 1)


def _list(lines: list[_Line], at: int, indent: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while at < len(lines) and lines[at].indent == indent and _DASH.match(lines[at].text):
        line = lines[at]
        rest = line.text[1:].lstrip()
        if not rest:
            value, at = _below(lines, at + 1, indent, depth)
        elif _pair(rest) or _DASH.match(rest):
            inner = line.indent + len(line.text) - len(rest)
            lines[at] = line._replace(indent=inner, text=rest)
            value, at = _block(lines, at, inner, depth + 1)
        else:
            value, at = _text(lines, at, rest, indent)
        items.append(value)
    return items, at


def _mapping(lines: list[_Line], at: int, indent: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(lines) and lines[at].indent == indent:
        line = lines[at]
        pair = _pair(line.text)
        if not pair:
            raise NotYaml(f"line {line.number} is no key and value")
        key, rest = pair
        if rest:
            value, at = _text(lines, at, rest, indent)
        else:
            below = lines[at + 1] if at + 1 < len(lines) else line
            level = below.indent == indent and bool(_DASH.match(below.text))  # a list need not be indented
            value, at = _below(lines, at + 1, indent - level, depth)
        found[str(_scalar(key, line))] = value
    return found, at


def _pair(text: str) -> tuple[str, str] | None:
    """Part a line into key and value; None where it is neither."""
    quoted = _DOUBLE.match(text) or _SINGLE.match(text)
    colon = _COLON.search(text, quoted.end() if quoted else 0)
    if not colon or (quoted and text[quoted.end() : colon.start()].strip()):
        return None
    key = text[: colon.start()].strip()
    usable = bool(key) and (bool(quoted) or key[0] not in "\"'[]{}&*!|>%@`#,")
    return (key, text[colon.end() :].strip()) if usable else None


def _below(lines: list[_Line], at: int, indent: int, depth: int) -> tuple[Any, int]:
    """Read what is indented deeper than a key or a dash; nothing there is nothing."""
    if at >= len(lines) or lines[at].indent <= indent:
        return None, at
    return _block(lines, at, lines[at].indent, depth + 1)


def _text(lines: list[_Line], at: int, begun: str, indent: int) -> tuple[Any, int]:
    """Read one value, which goes on in the lines that are indented deeper."""
    first, parts = lines[at], [begun]
    at += 1
    while at < len(lines) and lines[at].indent > indent:
        if begun[0] not in "\"'" and _pair(lines[at].text):
            raise NotYaml(f"line {lines[at].number} is not where it should be")
        parts.append(lines[at].text)
        at += 1
    return _scalar(" ".join(parts), first), at


def _scalar(text: str, line: _Line) -> Any:
    """Read one value: quoted text, a word of YAML's, else the text as it stands."""
    if text[0] in "\"'":
        quoted = (_DOUBLE if text[0] == '"' else _SINGLE).fullmatch(text)
        if not quoted:
            raise NotYaml(f"line {line.number} has a quote that is not closed")
        inner = text[1:-1]
        if text[0] == "'":
            return inner.replace("''", "'")
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inner)
    if text[0] in "&*!%@`":
        raise NotYaml(f"line {line.number} has what is not read here ({text[0]})")
    return _WORDS.get(text, text)
