"""Cut from and paste into a TOML text; whatever is not touched stays as it is, byte for byte.

A comment is never cut: that of a line that goes becomes a line of its own, one inside a value that is
replaced moves above it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import count

from llmpool.config.scan import TABLES_OF_TABLES, KeyPath, Mark, Scan, Span, scan
from llmpool.config.written import key_text, line_end, value_text

_COMMA = re.compile(r"\s*,")
_REST_OF_LINE = re.compile(r"[ \t]*,?[ \t]*(?:#[^\n]*)?\r?\n")
_BLANK_LINES = re.compile(r"(?:[ \t\r]*\n)*")


def replaced(text: str, mark: Mark, value: object) -> str:
    """Write another value in the place of *mark*'s."""
    return _spliced(text, mark, [Span(mark.value, mark.end)], value_text(value))


def extended(text: str, mark: Mark, more: Sequence[object]) -> str:
    """Write *more* items behind the last of the array that *mark* has, in the way it is laid out."""
    items = _members(text, mark)
    if not items:
        return replaced(text, mark, list(more))
    last = items[-1]
    comma = _COMMA.match(text, last.end)
    start = text.rfind("\n", 0, last.start) + 1
    if start <= mark.start or text[start : last.start].strip():  # not on a line of its own
        return text[: last.end] + "".join(f", {value_text(each)}" for each in more) + text[last.end :]
    indent, eol = text[start : last.start], _next_line(text, last.end)
    lines = [indent + value_text(each) + "," + line_end(text) for each in more]
    if not comma:
        lines[-1] = lines[-1].replace("," + line_end(text), line_end(text))
    return text[: last.end] + ("" if comma else ",") + text[last.end : eol] + "".join(lines) + text[eol:]


def without_members(text: str, owner: Mark, gone: Sequence[int]) -> str:
    """Take members out of *owner*, by their places: each with the comma before the next that stays."""
    members = _members(text, owner)
    doomed, spans = set(gone), list[Span]()
    for first in (place for place in gone if place - 1 not in doomed):
        after = next(place for place in count(first) if place not in doomed)
        if lines := _whole_lines(text, members[first], members[after - 1]):
            spans.append(lines)
        elif after < len(members):
            spans.append(Span(members[first].start, members[after].start))
        elif first:
            spans.append(Span(members[first - 1].end, members[-1].end))
        else:
            comma = _COMMA.match(text, members[-1].end)
            spans.append(Span(members[0].start, comma.end() if comma else members[-1].end))
    return _spliced(text, owner, spans)


def cut(text: str, path: KeyPath) -> str:
    """Take out everything at *path* and under it."""
    found = scan(text)
    doomed = [mark for mark in found.marks if mark.path[: len(path)] == path]
    if lines := [mark for mark in doomed if not mark.inline]:
        return _without_lines(text, found, lines)
    members = [mark for mark in doomed if not any(o.start < mark.start < o.end for o in doomed)]
    for _ in members:  # what follows a member of an array takes its number
        text = _without_member(text, next(m for m in scan(text).marks if m.path[: len(path)] == path))
    return text


def put(text: str, path: KeyPath, value: object) -> str:
    """Write a key that is not there yet: into the innermost table that is, else into one of its own."""
    found = scan(text)
    for depth in range(len(path) - 1, 0, -1):
        inner = _nested(path[depth + 1 :], value)
        for mark in reversed(found.marks):
            if mark.path == path[:depth] and (mark.kind == "header" or text.startswith("{", mark.value)):
                return _put_into(text, found, mark, path[depth], inner)
            if (
                mark.kind == "pair"
                and mark.path[:depth] == path[:depth]
                and mark.above < depth < len(mark.path)
            ):
                return _put_behind(text, mark, [*path[mark.above : depth + 1]], inner)
    if len(path) == 1:
        return _put_first(text, found, f"{key_text(path)} = {value_text(value)}")
    own = min(len(path) - 1, 2 if path[0] in TABLES_OF_TABLES else 1)
    implied = (d for d in range(len(path) - 1, own, -1) if any(m.path[:d] == path[:d] for m in found.marks))
    depth = next(implied, own)  # where only a table further in has a header
    return appended(
        text, f"[{key_text(path[:depth])}]", {str(path[depth]): _nested(path[depth + 1 :], value)}
    )


def appended(text: str, header: str, fields: Mapping[str, object]) -> str:
    """Write a table at the end of the text."""
    end = line_end(text)
    lines = [header, *(f"{key_text((key,))} = {value_text(value)}" for key, value in fields.items())]
    gap = "" if not text or text.endswith(("\n\n", "\n\r\n")) else end if text.endswith("\n") else end + end
    return text + gap + end.join(lines) + end


def _put_into(text: str, found: Scan, mark: Mark, key: str | int, value: object) -> str:
    """Write a key into the table that *mark* is: below its last key, or before its closing brace."""
    if mark.kind == "header":
        return _put_behind(text, _last_line(found, mark), [key], value)
    if members := _members(text, mark):
        return _put_behind(text, members[-1], [key], value)
    return text[: mark.value] + value_text({str(key): value}) + text[mark.end :]


def _put_behind(text: str, mark: Mark, keys: Sequence[str | int], value: object) -> str:
    """Write a pair behind *mark*: after a comma, or on a line of its own below."""
    pair = f"{key_text(keys)} = {value_text(value)}"
    if mark.inline:
        return f"{text[: mark.end]}, {pair}{text[mark.end :]}"
    indent = text[text.rfind("\n", 0, mark.start) + 1 : mark.start]
    eol, end = _next_line(text, mark.end), line_end(text)
    gap = "" if text.endswith("\n") or eol < len(text) else end
    return text[:eol] + gap + indent + pair + end + text[eol:]


def _put_first(text: str, found: Scan, line: str) -> str:
    """Write a line among the keys that stand before every table."""
    end = line_end(text)
    header = next((mark for mark in found.marks if mark.kind == "header"), None)
    before = [m for m in found.marks if not m.inline and (header is None or m.start < header.start)]
    if before:
        eol = _next_line(text, before[-1].end)
        return text[:eol] + ("" if text[:eol].endswith("\n") else end) + line + end + text[eol:]
    if header is None:
        return text + ("" if not text or text.endswith("\n") else end) + line + end
    at = text.rfind("\n", 0, header.start) + 1
    above = re.search(r"(?:[ \t]*#[^\n]*\n)+\Z", text[:at])  # the comment that leads to the first table
    at = above.start() if above and above.start() else at
    return text[:at] + line + end + end + text[at:]


def _last_line(found: Scan, header: Mark) -> Mark:
    """Return the last pair of the table that *header* opens, or the header."""
    last, place = header, found.marks.index(header)
    for mark in found.marks[place + 1 :]:
        if mark.kind == "header":
            break
        last = last if mark.inline else mark
    return last


def _holds(outer: Mark, inner: Mark) -> bool:
    """Whether *inner* is a member of the inline table or array that *outer* has."""
    inside = outer.value <= inner.start and inner.end <= outer.end
    return inside and inner.inline and inner.above == len(outer.path) and inner is not outer


def _without_lines(text: str, found: Scan, doomed: list[Mark]) -> str:
    """Drop the lines of *doomed*, and a blank line where two would meet."""
    out, at = "", 0
    for mark in doomed:
        begin, end = text.rfind("\n", 0, mark.start) + 1, _next_line(text, mark.end)
        out += text[at:begin]
        kept = _comments_in(text, found, Span(begin, end))
        out += "".join(text[begin : mark.start] + comment + line_end(text) for comment in kept)
        if not kept and _ends_blank(out) and (blank := _BLANK_LINES.match(text, end)):
            end = blank.end()
        at = end
    rest = text[at:]
    return out + rest if rest else _without_blank_end(out)


def _comments_in(text: str, found: Scan, span: Span) -> list[str]:
    """List the comments that begin in a stretch of the text."""
    first, last = (bisect_left(found.comments, (place,)) for place in span)
    return [text[comment.start : comment.end] for comment in found.comments[first:last]]


def _ends_blank(text: str) -> bool:
    """Whether a text is empty, or ends in a blank line."""
    above = text.rfind("\n", 0, -1)
    return not text or (text.endswith("\n") and above >= 0 and not text[above:].strip(" \t\r\n"))


def _without_blank_end(text: str) -> str:
    """Let a text end where its last line does."""
    body = text.rstrip(" \t\r\n")
    return body + text[len(body) : text.find("\n", len(body)) + 1] if "\n" in text else text


def _without_member(text: str, mark: Mark) -> str:
    """Take one member out of the inline table or array it stands in."""
    owner = next(m for m in reversed(scan(text).marks) if m.start < mark.start and _holds(m, mark))
    return without_members(text, owner, [_members(text, owner).index(mark)])


def _members(text: str, owner: Mark) -> list[Mark]:
    """List what stands in the inline table or array that *owner* has, without what stands deeper."""
    return [each for each in scan(text).marks if _holds(owner, each)]


def _whole_lines(text: str, first: Mark, last: Mark) -> Span | None:
    """Return the lines that items of an array fill alone: what leads to the next one stays there."""
    start, rest = text.rfind("\n", 0, first.start) + 1, _REST_OF_LINE.match(text, last.end)
    alone = first.kind == "item" and not text[start : first.start].strip(" \t")
    return Span(start, rest.end()) if alone and rest else None


def _spliced(text: str, mark: Mark, gone: Sequence[Span], written: str = "") -> str:
    """Cut stretches of *mark* out, and write into the last; comments in them go above its statement."""
    found = scan(text)
    lost = [comment for span in gone for comment in _comments_in(text, found, span)]
    top = max((m.start for m in found.marks if not m.inline and m.start <= mark.start), default=mark.start)
    at = text.rfind("\n", 0, top) + 1
    out = [text[:at], *(text[at:top] + comment + line_end(text) for comment in lost)]
    for span in gone:
        out.append(text[at : span.start])
        at = span.end
    return "".join((*out, written, text[at:]))


def _next_line(text: str, at: int) -> int:
    """Return where the next line begins, or the end of the text."""
    return text.find("\n", at) + 1 or len(text)


def _nested(path: KeyPath, value: object) -> object:
    """Wrap *value* in the tables of *path*."""
    for key in reversed(path):
        value = {str(key): value}
    return value
