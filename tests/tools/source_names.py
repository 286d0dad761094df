"""List what a Go package exports, read from the text of its documentation page.

Usage: python -m tests.tools.source_names LISTING [LISTING ...]

`tests/SOURCES.md` says of each name what carries its behaviour. The pages are not part of the project, so the
test of that table holds a count and a digest of the names of each; this prints both, and with `--names` the
names. Fields, methods of interfaces and constants of a type are `Type.Name`, as methods are.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION = re.compile(r"^(?:- )?func ([A-Z]\w*)")
METHOD = re.compile(r"^(?:- )?func \((?:\w+ )?\*?([A-Z]\w*)\) ([A-Z]\w*)")
TYPE = re.compile(r"^(?:- )?type ([A-Z]\w*)")
BODY = re.compile(r"^type ([A-Z]\w*) (?:struct|interface) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^\s*((?:[A-Z]\w*, )*[A-Z]\w*)(?:\(| +\S)", re.MULTILINE)
BLOCK = re.compile(r"^(?:const|var) (?:\(.*?\)$|\w[^\n]*$)", re.MULTILINE | re.DOTALL)
ASSIGNED = re.compile(r"\b([A-Z]\w*)(?: ([A-Z]\w*))?\s*=")
COUNTED = re.compile(r"\b([A-Z]\w*) ([A-Z]\w*) = iota")
BARE = re.compile(r"\b([A-Z]\w*) (?://|\))")
TABLE = re.compile(r"\b([A-Z]\w*) map\[")


def exported(page: str) -> list[str]:
    """Return every exported name of a documentation page, sorted."""
    names = {*_declared(page), *_members(page), *_values(page)}
    return sorted(names)


def digest(names: list[str]) -> str:
    """Return what stands for these names: a SHA-256 of one a line."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()


def _declared(page: str) -> Iterator[str]:
    """Yield types, functions and methods, from the index and from the headings."""
    for line in page.splitlines():
        if found := METHOD.match(line):
            yield f"{found[1]}.{found[2]}"
        elif found := FUNCTION.match(line) or TYPE.match(line):
            yield found[1]


def _members(page: str) -> Iterator[str]:
    """Yield the fields of structures and the methods of interfaces; comments beside them are no names."""
    for name, body in BODY.findall(page):
        plain = re.sub(r"//.*|`[^`]*`", "", body)
        for found in MEMBER.finditer(plain):
            for member in found[1].split(", "):
                yield f"{name}.{member}"


def _values(page: str) -> Iterator[str]:
    """Yield constants and variables; those that have a type of the package stand under it."""
    for block in BLOCK.findall(page):
        for name, kind in ASSIGNED.findall(block):
            yield f"{kind}.{name}" if kind else name
        for name, kind in COUNTED.findall(block):
            yield from (f"{kind}.{other}" for other in (name, *BARE.findall(block)))
        yield from TABLE.findall(block)


def main(arguments: list[str]) -> None:
    """Print the count and the digest of each page, and its names where they are asked for."""
    for path in (word for word in arguments if word != "--names"):
        names = exported(Path(path).read_text(encoding="utf-8"))
        sys.stdout.write(f"{Path(path).stem} {len(names)} {digest(names)}\n")
        if "--names" in arguments:
            sys.stdout.writelines(f"  {name}\n" for name in names)


if __name__ == "__main__":
    main(sys.argv[1:])
