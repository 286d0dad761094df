"""The house: five floors, and every heavy library behind one door."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import CODE

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = CODE / "llmpool"
LINTER = Path(sys.executable).with_name("lint-imports")

DOORS = {  # library: the only places that import it
    "httpx": ("net/client.py",),
    "httpx_sse": ("net/",),
    "keyring": ("auth/keyrings.py",),
    "rich": ("cli/tables.py",),
    "cryptography": ("auth/sealed.py",),
    "xllamacpp": ("embedded/",),
    "platformdirs": ("config/paths.py",),
}
PURE = ("core/", "registry/", "router/", "pricing/", "usage/", "formats/")
NEVER = {"asyncio", "requests", "pydantic", "click", "dataclasses"}


@cache
def imports() -> list[tuple[str, str, bool]]:
    """Name every import there is, once a process."""
    return list(_imports())


def _imports() -> Iterator[tuple[str, str, bool]]:
    """Yield file, library and whether it is imported at the top of the file, for every import there is."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = _tree(path)
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                yield str(path.relative_to(PACKAGE)), name.partition(".")[0], id(node) in top


@pytest.mark.skipif(not LINTER.exists() and not shutil.which("lint-imports"), reason="no import-linter here")
def test_the_floors_hold() -> None:
    """A module imports its own package and lower floors only, as pyproject.toml draws them."""
    linter = str(LINTER) if LINTER.exists() else "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_heavy_libraries_have_one_door_each() -> None:
    """One module knows httpx, one keyring, one rich, one cryptography; a change of library stays one file."""
    strays = [
        (file, name) for file, name, _ in imports() if name in DOORS and not file.startswith(DOORS[name])
    ]
    assert not strays


def test_no_heavy_library_is_imported_at_the_top_of_a_module() -> None:
    """They are imported inside the function that needs them, so only its users pay."""
    heavy = {*DOORS, "tomli_w"}
    assert not [(file, name) for file, name, at_top in imports() if at_top and name in heavy]


def test_what_the_house_does_without() -> None:
    """No event loop, no second HTTP library, no dataclasses on the way to a decision."""
    assert not [(file, name) for file, name, _ in imports() if name in NEVER]


def test_pure_floors_touch_nothing_outside() -> None:
    """Words and rules do no I/O and have no clock; the time is an argument, as is everything else."""
    outside = {"pathlib", "socket", "subprocess", "threading", "random", "http", "shutil", "tempfile"}
    assert not [(file, name) for file, name, _ in imports() if file.startswith(PURE) and name in outside]
    acts = {"open", "print", "input", "time.time", "time.monotonic", "datetime.now", "os.getenv"}
    for path in PACKAGE.rglob("*.py"):
        if str(path.relative_to(PACKAGE)).startswith(PURE):
            calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
            assert not acts & {ast.unparse(call.func) for call in calls}, path


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
