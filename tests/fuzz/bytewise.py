"""Documents as bytes: what parsers do not expect of any text, and how frames and lines come apart."""

from __future__ import annotations

from typing import Any

from tests.fuzz import trees
from tests.fuzz.plan import Step

CHUNKS = (
    *(
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\x1b[31m",
        b"\r",
        b"\r\n",
        b"\n",
        b"\n\n",
    ),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"=", b"#", b"'", b'"""', b" ", b"\t", b"\x85", b"0"),
    *(b"1e999", b"9" * 400, b"null", b"data:", b"data: [DONE]", b"event: error", b"<html>", b"\xe2\x80\xa8"),
    *(b"[" * 2000, b"{" * 2000, b"x" * 3000, b"\xf0\x9f\x98\x80", b"\x0c", b"\x7f", b"\xfe\xff", b"-", b"."),
)


def mutated(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Carry out *steps* on bytes."""
    for step in steps:
        content = _ACTS[step.kind % len(_ACTS)](content, step.place % (len(content) + 1), step.value)
    return content


def _cut(content: bytes, at: int, _value: int) -> bytes:
    return content[:at]


def _insert(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + CHUNKS[value % len(CHUNKS)] + content[at:]


def _overwrite(content: bytes, at: int, value: int) -> bytes:
    chunk = CHUNKS[value % len(CHUNKS)]
    return content[:at] + chunk + content[at + len(chunk) :]


def _flip(content: bytes, at: int, value: int) -> bytes:
    return (
        content[:at] + bytes([content[at] ^ (1 << value % 8)]) + content[at + 1 :]
        if at < len(content)
        else content
    )


def _remove(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + content[at + 1 + value % 40 :]


def _repeat(content: bytes, at: int, value: int) -> bytes:
    part = content[at : at + 1 + value % 200]
    return content[:at] + part * 2 + content[at + len(part) :]


def _line_ends(content: bytes, _at: int, value: int) -> bytes:
    return content.replace(b"\n", (b"\r\n", b"\r", b"\n\n", b"\n\r", b" \n", b"\x0b\n")[value % 6])


_ACTS = (_cut, _insert, _insert, _overwrite, _flip, _flip, _remove, _repeat, _line_ends)


def json_document(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate a JSON document: most steps on its tree, those of a high kind on its bytes."""
    inner, outer = _divided(steps)
    try:
        made = _encoded(trees.mutated(trees.parsed(content.decode()), inner))
    except (ValueError, RecursionError):  # a step before has broken it, or nested it beyond the stack
        return mutated(content, steps)
    return mutated(made, outer)


def json_lines(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate lines of JSON: one of them as a document, or their order, or the bytes of all."""
    return _pieces(content, steps, b"\n", json_document)


def events(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate an event stream: the JSON of one event, the order of all, or the bytes."""
    return _pieces(content, steps, b"\n\n", _event)


def text_lines(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate the lines of a text: their order, or the bytes."""
    return _pieces(content, steps, b"\n", mutated)


def _event(event: bytes, steps: tuple[Step, ...]) -> bytes:
    head, mark, data = event.partition(b"data: ")
    return head + mark + json_document(data, steps) if mark else mutated(event, steps)


def _pieces(content: bytes, steps: tuple[Step, ...], between: bytes, inside: Any) -> bytes:
    inner, outer = _divided(steps)
    pieces = content.split(between)
    for step in inner:
        pieces = pieces or [b""]
        at, kind = step.place % len(pieces), step.kind // len(trees._ACTS) % 8
        if kind == 0:
            pieces[at : at + 1] = []
        elif kind == 1:
            pieces.insert(step.value % len(pieces), pieces[at])
        elif kind == 2:
            other = step.value % len(pieces)
            pieces[at], pieces[other] = pieces[other], pieces[at]
        else:
            pieces[at] = inside(
                pieces[at], (step._replace(place=step.place // len(pieces) + step.value * 7),)
            )
    return mutated(between.join(pieces), outer)


def _divided(steps: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Tell the steps that keep the document whole from those that break it: one in eight."""
    inner = tuple(step for step in steps if step.kind >> 8 & 7)
    return inner, tuple(step for step in steps if not step.kind >> 8 & 7)


def _encoded(tree: Any) -> bytes:
    return trees.written(tree).encode("utf-8", "surrogatepass")


TOML = (
    *(
        "1",
        "-1",
        "0",
        "9" * 30,
        "9" * 5000,
        "1.5",
        "nan",
        "-inf",
        "1e999999999",
        "1e400",
        "true",
        '""',
        '"x"',
        "[]",
        "{}",
        "0x1F",
    ),
    *(
        '"\\u0000"',
        '"\\u001b[31m"',
        '"\\u202e"',
        "[[1]]",
        "[{a = 1}]",
        '{env = "X"}',
        "{a.b = 1}",
        "2026-11-21",
        "07:30:00",
        "1_000",
    ),
    *(
        "2026-11-21T03:44:00Z",
        "2026-11-21 03:44:00.999999",
        "'''x\ny'''",
        '"""x"""',
        '"10s"',
        '"0s"',
        '"99999999999d"',
        '"32k"',
    ),
    *(
        '"999999999999M"',
        '"den/small"',
        '"/"',
        '"a/"',
        '"http://["',
        '"http://x:99999/"',
        '"ftp://x"',
        '"UTC"',
        '"Nowhere/Land"',
    ),
    *(
        '["a", 1]',
        '"sk-planted-0123456789abcdefghijklmnop"',
        '"$HOME"',
        '"\\ud83d"',
        "'" + "y" * 3000 + "'",
        "[" * 300 + "]" * 300,
    ),
    *(
        "[" * 2000 + "]" * 2000,
        "{a = " * 300 + "1" + "}" * 300,
        "+5",
        "1e3",
        "0.1",
        '"5.00"',
        '"-5"',
        '"1e5"',
        '"\u00b2"',
        "[,]",
        "=",
    ),
)
LINES = (
    *(
        "[providers.den]",
        "[[models]]",
        "[models]",
        "[providers.a.b.c]",
        "[routing]",
        "[[providers]]",
        "[budgets.x]",
        "[a.b.c.d.e]",
    ),
    *(
        "strategy = 1",
        'key = "x"',
        'keys = [{env = "A"}, {env = "A"}]',
        "unknown = 1",
        '"" = 1',
        '"a\\u0000b" = 1',
        "a.b.c = 1",
        "# \x01",
    ),
    *(
        'id = "den/small"',
        'id = "x"',
        "'\x1b' = 2",
        'command = ["x", 1]',
        "x" * 3000 + " = 1",
        "[[",
        "]",
        "\ufeff",
        "\u2028",
        "a = 1 b = 2",
    ),
)


def toml(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate TOML: the values and the names on its lines, the lines, or the bytes."""
    inner, outer = _divided(steps)
    lines = content.decode("utf-8", "replace").split("\n")
    for step in inner:
        lines = lines or [""]
        at, kind = step.place % len(lines), step.kind % 8
        name, equals, _ = lines[at].partition("=")
        if kind < 3 and equals:
            lines[at] = f"{name}= {TOML[step.value % len(TOML)]}"
        elif kind == 3:
            lines.insert(at, LINES[step.value % len(LINES)])
        elif kind == 4:
            lines.insert(step.value % len(lines), lines[at])
        elif kind == 5 and equals:
            other = lines[step.value % len(lines)].partition("=")
            lines[at] = f"{other[0]}={lines[at].partition('=')[2]}" if other[1] else lines[at]
        elif kind == 6:
            del lines[at]
        else:
            lines[at] = lines[step.value % len(lines)]
    return mutated("\n".join(lines).encode("utf-8", "replace"), outer)
