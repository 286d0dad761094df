"""llmpool where Python is that of Windows: its branches are taken, and nothing is missed there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat import windows
from tests.fakes.server import FakeServer
from tests.support import Home, Result, model, provider

ROOT = Path(__file__).parents[2]
EVERYDAY = (
    ("--help",),
    ("models", "list", "--json"),
    ("route", "--json", "hello"),
    ("chat", "--no-stream", "hello"),
    ("chat", "hello"),
    ("usage", "--json"),
    ("usage", "list", "--json"),
    ("usage", "decisions", "--json"),
    ("policy", "set", "den/b", "--state", "flagged"),
    ("policy", "show", "--json"),
    ("policy", "budget", "set", "5/day"),
    ("policy", "budget", "list", "--json"),
    ("providers", "list", "--json"),
    ("providers", "limits", "--json"),
    ("refresh", "--json"),
    ("models", "show", "den/a", "--json"),
    ("models", "set", "den/a", "--quality", "6"),
    ("models", "ps", "--json"),
    ("config", "check"),
    ("chat", "--session", "talk", "again"),
    ("chat", "--show", "talk"),
    ("usage", "prune", "--yes", "--json"),
    ("providers", "import", "--json"),
    ("completion", "powershell"),
    ("init", "--yes"),
)
SURVEY = ("doctor", "--json", "--offline")


def on_windows(home: Home, *lines: tuple[str, ...]) -> dict[tuple[str, ...], Result]:
    """Run command lines one after another in one process that finds Windows."""
    file = home.dir / "lines.json"
    file.write_text(json.dumps(lines), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.compat.windows", str(file)],
        env=home.env | {"PYTHONPATH": str(ROOT), "USERPROFILE": str(home.dir)},
        cwd=home.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return {line: Result(*told) for line, told in zip(lines, json.loads(file.read_bytes()), strict=True)}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Result]:
    """Give what came of every command line, in a home with one provider that answers."""
    home = Home(tmp_path_factory.mktemp("windows"))
    with FakeServer(models=("a", "b")) as server:
        home.write_config(provider("den", server.url), model("den/a", quality=5))
        return on_windows(home, *EVERYDAY, SURVEY)


@pytest.mark.parametrize("line", EVERYDAY, ids=" ".join)
def test_everyday_commands_need_nothing_that_windows_has_not(
    ran: dict[tuple[str, ...], Result], line: tuple[str, ...]
) -> None:
    """Commands that read, write, lock, ask and answer end well without what only POSIX has."""
    assert ran[line].code == 0, ran[line]


def test_the_doctor_looks_at_windows(ran: dict[tuple[str, ...], Result]) -> None:
    """No check fails for what Windows has not, and nothing is found wrong with a home that works."""
    assert [found["message"] for found in ran[SURVEY].json["findings"] if found["severity"] != "note"] == []


def test_answers_come_and_are_kept(ran: dict[tuple[str, ...], Result]) -> None:
    """An answer is printed, a conversation kept, and both are counted under the locks of Windows."""
    assert ran["chat", "hello"].out == "hello there\n"
    assert ran["chat", "--show", "talk"].out == "user: again\nassistant: hello there\n"
    assert ran["usage", "--json"].json["total"]["requests"] == 2


def test_line_ends_on_windows_are_those_of_a_pipe(ran: dict[tuple[str, ...], Result]) -> None:
    """What is printed ends in a line feed alone, whatever the custom there: `-x` writes what came."""
    assert not [line for line, done in ran.items() if "\r" in done.out]


def test_this_windows_lacks_what_it_says() -> None:
    """The names that are withheld are there on this system, so that withholding them proves something."""
    import importlib

    for module, names in windows.NAMES.items():
        known = [name for name in names.split() if hasattr(importlib.import_module(module), name)]
        assert not names or len(known) > len(names.split()) // 2, module
