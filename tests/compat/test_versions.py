"""Files of other versions: the first is read for good, a later one is refused and not touched."""

from __future__ import annotations

import ast
import json
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import llmpool.state
from llmpool.auth import keyfile
from llmpool.errors import Exit, LlmpoolError, StateUnusable
from llmpool.setup.doctor_copy import _READ_BY
from llmpool.setup.doctor_state import MADE_ANEW, PRECIOUS
from llmpool.state import compiled, jsonfile, rates

PACKAGE = Path(llmpool.state.__file__).parents[1]
OF_VERSION_1: dict[str, Any] = json.loads(Path(__file__).with_name("state_v1.json").read_bytes())
"""What each file held as llmpool 0.1 wrote it. It never changes: a version 2 gets a file of its own."""

COMPILED = (compiled.ROUTING, compiled.LISTING, "costs.json")
RATES, KEYS = "rates/den.json", "secrets.json"
WRITERS = {  # who writes a file with a version, beside the modules of `state` that have a NAME
    "auth/keyfile.py": "secrets.json",
    "state/compiled.py": "registry.json, routing.json, costs.json",
    "state/fetched.py": "catalog.json, price-book.json, for modules that have a NAME",
    "state/jsonfile.py": "every envelope",
    "state/rates.py": "rates/PROVIDER.json",
    "state/recent.py": "account-status.json, account-quotas.json, for modules that have a NAME",
    "setup/export.py": "an export: tests/edges/test_moving_hostile.py",
}


def readers() -> dict[str, Callable[[Path], Any]]:
    """Find who reads which state file, in the code."""
    modules = [
        import_module(f"llmpool.state.{found.name}") for found in pkgutil.iter_modules(llmpool.state.__path__)
    ]
    found = {each.NAME: each.read for each in modules if str(getattr(each, "NAME", "")).endswith(".json")}
    by_hand = {RATES: lambda state: rates.read(state, "den"), KEYS: lambda state: keyfile.read(state / KEYS)}
    return found | by_hand


READERS = readers()


def plant(state: Path, name: str, version: object, data: Any) -> Path:
    """Write a file of some version; no version at all where that is None."""
    path = state / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    envelope = {} if version is None else {"version": version}
    path.write_text(
        json.dumps(envelope | {"written_at": "2026-11-22T00:52:51Z", "data": data}), encoding="utf-8"
    )
    path.chmod(0o600)
    return path


def told(value: Any) -> str:
    """Show what was read, whatever it is kept in."""
    return repr(value.as_data() if hasattr(value, "as_data") else getattr(value, "__dict__", None) or value)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the warnings of one test."""
    heard: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [heard.append])
    return heard


def test_every_file_with_a_version_is_known_here() -> None:
    """A new state file fails this until its first version is written down, to be read for good."""
    assert set(READERS) == set(OF_VERSION_1)
    doctor = {import_module(f"llmpool.state.{name}").NAME for name in _READ_BY} | {"tokens.json"}
    assert doctor == set(READERS) - {RATES, KEYS}, "the doctor reads them all"


def test_nobody_else_writes_a_version() -> None:
    """Every module that writes an envelope, or a number that tells versions apart, is accounted for."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "jsonfile" not in text and '"version"' not in text:
            continue
        tree = ast.parse(text)
        names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        has_name = any(isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "NAME" for n in tree.body)
        writes = "jsonfile.update" in calls or ("data" in names and "version" in names)
        if writes and not (has_name and path.parent.name == "state"):
            found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= set(WRITERS), "give the new one a row, and a test of what it does with a later version"


@pytest.mark.parametrize("name", OF_VERSION_1)
def test_a_file_of_version_1_is_read(tmp_path: Path, name: str, warnings: list[str]) -> None:
    """What the first version kept counts today, nothing of it is called corrupt, and it stays where it is."""
    nothing = told(READERS[name](tmp_path))
    path = plant(tmp_path, name, 1, OF_VERSION_1[name])
    before = path.read_bytes()
    assert told(READERS[name](tmp_path)) != nothing
    assert (path.read_bytes(), warnings) == (before, [])


@pytest.mark.parametrize("data", [None, {"strange": [1]}, "zstd:..."], ids=["none", "fields", "text"])
@pytest.mark.parametrize("name", OF_VERSION_1)
def test_a_later_version_is_refused(tmp_path: Path, name: str, data: Any, warnings: list[str]) -> None:
    """Whatever it holds, the run ends with 10, names both versions and the way out, and leaves it alone."""
    path = plant(tmp_path, name, 2, data)
    before = path.read_bytes()
    with pytest.raises(StateUnusable) as caught:
        READERS[name](tmp_path)
    error: LlmpoolError = caught.value
    assert error.exit_code == Exit.STATE == 10
    assert error.message == f"{path} is of version 2; this llmpool knows version 1"
    assert "upgrade llmpool" in error.hint
    assert (path.read_bytes(), warnings) == (before, [])
    assert [found.name for found in path.parent.iterdir() if not found.name.endswith(".lock")] == [path.name]


@pytest.mark.parametrize("version", [0, None, -1, True, "1"], ids=repr)
@pytest.mark.parametrize("name", [name for name in OF_VERSION_1 if name != KEYS])
def test_what_has_no_version_is_corrupt(
    tmp_path: Path, name: str, version: object, warnings: list[str]
) -> None:
    """There was none before the first: it is set aside; decisions and money end the run, the rest warns."""
    path = plant(tmp_path, name, version, OF_VERSION_1[name])
    if name in PRECIOUS:
        with pytest.raises(StateUnusable, match="corrupt"):
            READERS[name](tmp_path)
    else:
        READERS[name](tmp_path)
        assert "corrupt (no version)" in warnings[0]
    assert [found.name for found in path.parent.glob("*.corrupt-*")] != []
    assert not path.exists()


def test_what_is_precious_is_what_the_doctor_says() -> None:
    """Each state file ends the run or is made anew; a person's own prices alone are neither."""
    assert set(OF_VERSION_1) - {RATES, KEYS} == {*PRECIOUS, *MADE_ANEW, "prices.json"} - {*COMPILED}


def test_a_key_file_without_a_version_is_not_touched(tmp_path: Path) -> None:
    """Keys are never set aside: what is no key file of llmpool is refused where it lies."""
    for version in (0, None, True, "1"):
        path = plant(tmp_path, KEYS, version, OF_VERSION_1[KEYS])
        before = path.read_bytes()
        with pytest.raises(LlmpoolError, match="is not a key file of llmpool"):
            keyfile.read(path)
        assert path.read_bytes() == before
