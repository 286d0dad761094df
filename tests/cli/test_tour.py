"""The five minutes of the README, typed into a shell on a real terminal: its screens are the page's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.scene import Scene, scene
from tests.packaging import readme_play
from tests.packaging.readme_play import COLUMNS, README, Step
from tests.support import Home

PROMPT = "(ready) "
TOUR = [
    step for step in readme_play.steps(README.read_text(encoding="utf-8")) if step.section == "Five minutes"
]
_TAKEN_BACK = re.compile(r"(?m)^[^\n]*\r\x1b\[K")  # a line of progress
_MODES = re.compile(r"\x1b\[[?\d;]*[a-zA-Z]")

# Lets the names of the scene lead to its servers in other processes, too.
NAMES = """
import json, os, socket
where, look_up = json.loads(os.environ["NAMES_LEAD_TO"]), socket.getaddrinfo
def here(host, port, *rest, **more):
    there = ("127.0.0.1", where[host]) if host in where else (host, port)
    return look_up(*there, *rest, **more)
socket.getaddrinfo = here
"""


@pytest.fixture
def shell(home: Home) -> Iterator[Any]:
    """Start a shell in a home with nothing configured, a key in a variable, and the two servers in reach."""
    import pexpect  # type: ignore[import-untyped]

    with scene(home) as on:
        readme_play.rehearse(on)
        child = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile", "--noediting"],
            env=_environment(on),
            cwd=str(home.cwd),
            dimensions=(60, COLUMNS),
            encoding="utf-8",
            timeout=30,
        )
        child.expect_exact(PROMPT)
        yield child
        child.close(force=True)


def _environment(on: Scene) -> dict[str, str]:
    """Have `llmpool` in PATH, and the names of the scene known to it."""
    site, program = on.home.dir / "site", on.home.dir / "bin/llmpool"
    for folder in (site, program.parent):
        folder.mkdir()
    (site / "sitecustomize.py").write_text(NAMES)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmpool "$@"\n')
    program.chmod(0o755)
    env = on.home.env
    return env | {
        "PATH": f"{program.parent}:{env['PATH']}",
        "PYTHONPATH": f"{site}:{env.get('PYTHONPATH', '')}",
        "NAMES_LEAD_TO": json.dumps(on.where),
        "PS1": PROMPT,
        "TERM": "xterm",
        "NO_COLOR": "1",
        "PAGER": "cat",
    }


def screen(child: Any, step: Step) -> str:
    """Type a command, answer what it asks, and return what the screen shows below it."""
    child.sendline(step.line)
    if step.line == "llmpool init":
        child.expect_exact("[1] ")
        asked = child.before + "[1] "
        child.sendline("1")
    else:
        asked = ""
    child.expect_exact(PROMPT)
    shown = (asked + child.before).replace("\r\n", "\n").partition("\n")[2]
    return _MODES.sub("", _TAKEN_BACK.sub("", shown))


def test_the_tour_shows_the_screens_of_the_readme(shell: Any, home: Home) -> None:
    """Command by command, in one shell, with nothing on the screen that the page does not show."""
    wrong = {}
    for step in TOUR:
        shown = readme_play.at_its_place(screen(shell, step), home)
        if step.line == "llmpool init":
            shown = shown.replace("[1] 1", "[1]")
        wrong[step.line] = readme_play.differs(step, shown)
    assert {line: words for line, words in wrong.items() if words} == {}
    assert len(wrong) > 5
