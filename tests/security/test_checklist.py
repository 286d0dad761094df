"""The README's security section: each promise names tests, and they are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## What is protected\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| ([^|]+) \| (`[^|]+`) \|$", SECTION, re.MULTILINE)
NAMED = [
    (module, test.strip())
    for _, proofs in ROWS
    for module, _, tests in (each.partition(": ") for each in re.findall(r"`([^`]+)`", proofs))
    for test in tests.split(",")
]
OURS = sorted(path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))


def file_of(module: str) -> Path:
    """Return the file of a module as the README names it."""
    return TESTS / (f"{module}.py" if "/" in module else f"security/test_{module}.py")


@cache
def promises(path: Path) -> dict[str, str]:
    """Return the tests of a file, each with what it says of itself."""
    tree = ast.parse(path.read_bytes())
    made = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    return {node.name: ast.get_docstring(node) or "" for node in made}


@pytest.mark.parametrize(("module", "test"), NAMED)
def test_what_the_readme_names_exists(module: str, test: str) -> None:
    """Each test that a promise stands on is in the file that is named."""
    assert test in promises(file_of(module))


def test_every_line_has_a_proof() -> None:
    """The list is read whole: a row for each promise, and each with a test."""
    rows = [line for line in SECTION.splitlines() if line.startswith("| ") and "test_" in line]
    assert len(rows) == len(ROWS) > 20
    assert all(test.startswith("test_") for _, test in NAMED)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_no_file_of_attacks_is_left_out(path: Path) -> None:
    """Each file here backs a line of the list, and each test says in a sentence what it promises."""
    assert path in {file_of(module) for module, _ in NAMED}
    assert [name for name, told in promises(path).items() if not told.endswith(".")] == []
