"""`tests/SOURCES.md`: no exported name is missing, and all that is named there exists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmpool.cli.manpage import Entry
from llmpool.cli.manual import tree
from llmpool.config import keypath
from tests.tools.source_names import digest, exported

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "tests/SOURCES.md").read_text(encoding="utf-8")

# How many names each page exports, fields and constants included, and the digest of them; see
# `tests.tools.source_names`.
PINNED = {
    "contenox-runtimestate": (31, "71ce618cb052076dd948c1a55bad4a1fc5b4c238573ad905ed77d248da19cc5c"),
    "gopherclaw-models": (61, "f9d27128b3b7b83535ce9b73159d0853f4a643b2027231572424e7efc1b6f433"),
    "thane-models": (245, "f1e0d315cdfcbde05c7de2d60cdf99a1951994dbcd2c6bcc3001332e8f332f0d"),
    "thane-router": (60, "e9e6a9be84777998d7611b5e14745e87b2f304d9ffee9ef7b843f95977d2c211"),
    "zimaos-providerpool": (677, "70cbcf3154ef73631ca7302e20d1425091f039fe8aab98cc5410da1cb1a9f6b0"),
}
# The worked examples of each page of behaviour: runs of numbers, with a letter before them or none.
EXAMPLES = {
    "catalog-registry-router": [("", 43), ("C", 7), ("G", 6)],
    "failover-cooldown": [("G", 21)],
    "reconcile-resolve": [("C", 18)],
    "pool-routing-formats": [("", 52)],
    "pool-ledger-credentials": [("", 46)],
}
RULINGS, SECTIONS = 29, {"1", "2", "3.1", "3.2", "3.3", "3.4", "3.5"}  # what the design has

QUOTED = re.compile(r"`([^`]+)`")
DOTTED = re.compile(r"[a-z_0-9]+(\.[A-Za-z_0-9]+)+")
TEST = re.compile(r"(tests/[\w/]+\.py)::((?:\w+::)?test_\w+)")
OF_DESIGN = re.compile(r"(ruling|section) (\d+(?:\.\d+)?): \S")
SAID = re.compile(r"ruling (\d+)")


class Row(NamedTuple):
    """One line of a table: its first and its last cell, and the one between, if there is one."""

    name: str
    carrier: str
    proof: str


def rows(part: str, title: str) -> list[Row]:
    """Return the lines of the table under a title, below its head; *part* is the heading above."""
    whole = TEXT.partition(f"\n# {part}\n")[2] if part else TEXT
    table = re.search(rf"^## {re.escape(title)}\n\n(.*?)(?=^#|\Z)", whole, re.MULTILINE | re.DOTALL)
    assert table, title
    lines = [line.strip("| ").split(" | ") for line in table[1].strip().splitlines()[2:]]
    assert all(len(cells) == (2 if part else 3) for cells in lines), title
    return [Row(cells[0], cells[1] if len(cells) > 2 else "", cells[-1]) for cells in lines]


ROWS = {title: rows("", title) for title in PINNED}
PLAYED = {title: rows("Worked examples", title) for title in EXAMPLES}
EVERY = [row for table in (*ROWS.values(), *PLAYED.values()) for row in table]


def names(cell: str) -> list[str]:
    """Return the names of a cell: `T`, `T.m`, `T` with members behind a colon, or members `of` a type."""
    first, *rest = QUOTED.findall(cell)
    whole, of = cell.partition(":")[0], cell.startswith("of ")
    assert whole == ("of " if of else "") + f"`{first}`", cell
    return [*([] if of else [first]), *(f"{first}.{member}" for member in rest)]


@pytest.mark.parametrize("title", PINNED)
def test_every_exported_name_has_its_row(title: str) -> None:
    """Neither more nor fewer names than the page exports, and none of them twice."""
    found = [name for row in ROWS[title] for name in names(row.name)]
    assert [name for name, times in Counter(found).items() if times > 1] == []
    assert (len(found), digest(found)) == PINNED[title]


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_worked_example_has_its_row(title: str) -> None:
    """Each number is there once."""
    found = [number for row in PLAYED[title] for number in numbers(row.name)]
    wanted = [f"{letter}{n}" for letter, last in EXAMPLES[title] for n in range(1, last + 1)]
    assert sorted(found) == sorted(wanted)


def numbers(cell: str) -> Iterator[str]:
    """Yield the examples of a cell such as `1-5, 8, G2`."""
    for part in cell.split(", "):
        first, _, last = part.partition("-")
        yield from map(str, range(int(first), int(last) + 1)) if last else [first]


def test_every_row_is_proved_or_dropped() -> None:
    """A row has tests and nothing but tests, or it says which part of the design drops it."""
    for row in EVERY:
        by_design = OF_DESIGN.match(row.proof)
        if by_design:
            assert row.carrier in ("dropped", ""), row.name
        else:
            assert row.carrier != "dropped", row.name
            assert TEST.sub("", row.proof).replace("`", "").strip(", ") == "", row.name
            assert TEST.search(row.proof), row.name


def test_every_test_that_is_named_exists() -> None:
    """By its file and its name, in a class or not."""
    named = {found.groups() for row in EVERY for found in TEST.finditer(row.proof)}
    assert len(named) > 500
    assert [f"{path}::{name}" for path, name in sorted(named) if name not in found_in(path)] == []


@cache
def found_in(path: str) -> set[str]:
    """Return the names of the tests in a file."""
    file = ROOT / path
    found = set[str]()
    for node in ast.parse(file.read_text(encoding="utf-8")).body if file.exists() else ():
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in defined(node.body)}
        else:
            found |= defined([node])
    return found


def defined(nodes: Iterable[ast.stmt]) -> set[str]:
    """Return the names of functions and classes, and of what values are given to."""
    found = set[str]()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            found |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Assign):
            parts = (each for target in node.targets for each in ast.walk(target))
            found |= {each.id for each in parts if isinstance(each, ast.Name)}
    return found


def test_everything_of_llmpool_that_is_named_exists() -> None:
    """Modules and what they define, methods and fields included."""
    said = {word for row in EVERY for word in QUOTED.findall(row.carrier) if DOTTED.fullmatch(word)}
    assert len(said) > 250
    assert [word for word in sorted(said) if not is_there(word)] == []


def is_there(dotted: str) -> bool:
    """Say whether a module has what is named; the module is the longest part that is a file."""
    steps = dotted.split(".")
    for length in range(len(steps), 0, -1):
        place = ROOT.joinpath("llmpool", *steps[:length])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.exists():
                return has(parsed(file), steps[length:])
    return False


@cache
def parsed(file: Path) -> ast.Module:
    """Read a module."""
    return ast.parse(file.read_text(encoding="utf-8"))


def has(node: Any, steps: list[str]) -> bool:
    """Say whether a module or a class defines the first of *steps*, and that the next."""
    if not steps:
        return True
    inner = [each for each in node.body if steps[0] in defined([each])]
    return bool(inner) and (len(steps) == 1 or has(inner[0], steps[1:]))


def test_every_command_that_is_named_exists() -> None:
    """With its options; words in capitals stand for what somebody types, and keys of the config are keys."""
    said = {word for row in EVERY for word in QUOTED.findall(row.carrier) if word.startswith("llmpool ")}
    assert len(said) > 60
    assert [wrong for each in sorted(said) if (wrong := misread(each.split()[1:]))] == []


@cache
def top() -> Entry:
    """Load the tree of commands once."""
    return tree()


def misread(words: list[str]) -> str:
    """Say what is wrong with a command line; empty where nothing is."""
    entry, command = top(), words
    verbs = {verb.words[-1]: verb for verb in entry.verbs}
    while words and words[0] in verbs:
        entry, words = verbs[words[0]], words[1:]
        verbs = {verb.words[-1]: verb for verb in entry.verbs}
    if verbs:
        return f"{command}: no such command"
    options = {option for param in entry.command.params for option in (*param.opts, *param.secondary_opts)}
    unknown = [word for word in words if word.startswith("-") and word not in options]
    if unknown:
        return f"{command}: {unknown}"
    if entry.words[:1] == ("config",) and words:
        keypath.read(words[0].replace("ID", "den"))
        return ""
    typed = [word for word in words if not word.startswith("-") and not word.isupper()]
    wants = {"--by", "--hint", "--since"}
    after = {words[place + 1] for place, word in enumerate(words[:-1]) if word in wants}
    return f"{command}: {typed}" if set(typed) - after - {"zimaos"} else ""


def test_every_part_of_the_design_that_is_named_is_listed() -> None:
    """The two lists at the head have what is used, and nothing that is not; all of it is in the design."""
    head = TEXT.partition("\n## ")[0]
    listed = re.findall(r"^\| (\d[\d.]*) \| \w", head, re.MULTILINE)
    tables = "".join(f"{row.carrier} {row.proof}\n" for row in EVERY)
    rulings = set(SAID.findall(tables))
    sections = {found[2] for row in EVERY if (found := OF_DESIGN.match(row.proof)) and found[1] == "section"}
    assert sorted(listed) == sorted([*rulings, *sections])
    assert {int(number) for number in rulings} <= set(range(1, RULINGS + 1))
    assert sections <= SECTIONS


PAGE = """
Index
- func Bare(x int) error
- func (p *Pool) Close()
- type Pool
Constants
const ( // KindA is one KindA Kind = "a" // KindB is two KindB Kind = "b" )
const Limit = 5
Variables
var ( // ErrGone says so ErrGone = errors.New("gone") )
var ( Table map[string]*Pool )
func Bare ¶
type Kind ¶
type Level int
const ( Low Level = iota // the least High // the most )
type Pool struct {
Name, Title string // two Names at once
Size int `json:"size"` // Big = true
// contains filtered or unexported fields
}
type Store interface {
Load(id string) error
// Save comes later
Save(id string) error
}
func (*Pool) Close ¶
"""


def test_a_page_is_read_whole() -> None:
    """Index and headings, blocks on one line, fields, methods of interfaces; comments are no names."""
    assert exported(PAGE) == [
        *("Bare", "ErrGone", "Kind", "Kind.KindA", "Kind.KindB", "Level", "Level.High", "Level.Low", "Limit"),
        *("Pool", "Pool.Close", "Pool.Name", "Pool.Size", "Pool.Title", "Store", "Store.Load", "Store.Save"),
        "Table",
    ]
