"""The man pages as a person meets them: found after an install, whole, and fit for 80 columns."""

from __future__ import annotations

import os
import pkgutil
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from llmpool import state
from llmpool.cli import statewords
from llmpool.cli.configpage import NAME
from llmpool.cli.cronpage import CRONTAB
from llmpool.cli.frontpage import EXAMPLES, FILE_VARIABLES
from llmpool.cli.manual import files
from llmpool.cli.pagewords import PAGES
from llmpool.setup import doctor_state
from llmpool.state import compiled

ROOT = Path(__file__).resolve().parents[2]
PAGES_THERE = {Path(name).name: text for name, text in files().items() if name.startswith("man/")}
MAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
with_man = pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")


def plain(roff: str) -> str:
    """Take the escapes away that tests look through."""
    return re.sub(r"\\f[BIR]", "", roff).replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\e", "\\")


def installed(prefix: Path) -> Path:
    """Lay the pages out as the wheel's shared data does, and return the directory of programs."""
    shutil.copytree(ROOT / "man", prefix / "share/man")
    (prefix / "bin").mkdir()
    program = prefix / "bin/llmpool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return prefix / "bin"


@with_man
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["llmpool"], "man1/llmpool.1"),
        (["llmpool-route"], "man1/llmpool-route.1"),
        (["5", "llmpool.toml"], "man5/llmpool.toml.5"),
    ],
)
def test_man_finds_the_pages_beside_an_installed_program(
    tmp_path: Path, asked: list[str], found: str
) -> None:
    """Where the program is on PATH its pages are on man's path, without MANPATH."""
    env = MAN | {"PATH": f"{installed(tmp_path)}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(["man", "-w", *asked], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "share/man" / found)), done.stderr


@with_man
@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_has_nothing_to_say_about_the_pages() -> None:
    """The pages are clean, with all warnings on."""
    pages = sorted(map(str, ROOT.glob("man/man?/*")))
    command = ["groff", "-man", "-Tutf8", "-ww", "-K", "utf8", "-rLL=78n", *pages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_no_line_is_wider_than_a_terminal() -> None:
    """At 80 columns nothing runs over the edge, examples included."""
    pages = sorted(map(str, ROOT.glob("man/man?/*")))
    done = subprocess.run(
        ["mandoc", "-Tutf8", "-Owidth=78", *pages], capture_output=True, text=True, check=False
    )
    lines = re.sub(r".\x08", "", done.stdout).splitlines()
    assert [line.strip() for line in lines if len(line) > 80] == [CRONTAB]  # cron knows no second line


def test_every_page_is_whole() -> None:
    """Each says what it is for beyond one line, how it ends, what to read next, and gives examples."""
    for name, text in PAGES_THERE.items():
        titles = re.findall(r"(?m)^\.SH (.*)$", text)
        assert len(titles) == len(set(titles)), name
        for title in ("NAME", "DESCRIPTION", "EXAMPLES", "EXIT STATUS", "SEE ALSO"):
            assert title in titles, (name, title)
        about = text.partition(".SH DESCRIPTION")[2].partition(".SH")[0]
        assert len(about.split()) > 30, name
    assert set(PAGES_THERE) == {f"{page}.1" for page in PAGES} | {"llmpool.1", f"{NAME}.5"}


def test_pages_point_at_pages_that_exist() -> None:
    """SEE ALSO leads nowhere but to pages of ours, and from each page to the one about the config."""
    for name, text in PAGES_THERE.items():
        pointers = re.findall(r"(?m)^\\fB(.*)\\fR\((\d)\),?$", plain_names(text.partition(".SH SEE ALSO")[2]))
        assert pointers, name
        assert {f"{page}.{number}" for page, number in pointers} <= set(PAGES_THERE) - {name}
        assert name == f"{NAME}.5" or (NAME, "5") in pointers
        mentioned = set(re.findall(r"(llmpool[a-z.-]*)\((\d)\)", plain(text)))
        assert {f"{page}.{number}" for page, number in mentioned} <= set(PAGES_THERE)


def plain_names(text: str) -> str:
    """Take the escapes of hyphens away."""
    return text.replace(r"\-", "-")


def test_no_sentence_is_said_twice_of_an_option() -> None:
    """What the help says already is not added once more, and no type is called as Python calls it."""
    for name, text in PAGES_THERE.items():
        shown = plain(text)
        for fault in ("INT RANGE", "FLOAT", "Default: True", "be repeated. May be", "0 to 10. From"):
            assert fault not in shown, (name, fault)


def test_the_page_of_the_config_names_every_file_of_the_state() -> None:
    """Whatever lies in the state directory is described there, and so is each variable that moves it."""
    page = plain(PAGES_THERE[f"{NAME}.5"])
    modules = [import_module(f"llmpool.state.{each.name}") for each in pkgutil.iter_modules(state.__path__)]
    names = {module.NAME for module in modules if getattr(module, "NAME", "").endswith(".json")}
    assert len(names) > 14
    for file in (*names, *doctor_state.PRECIOUS, *doctor_state.MADE_ANEW, compiled.IDS, "secrets.json"):
        assert file in page, file
    for name in FILE_VARIABLES:
        assert name in page
    told = [file for _, files_ in statewords.GROUPS for file in files_]
    assert len(told) == len(set(told))


def test_the_examples_of_the_front_page_are_in_the_page() -> None:
    """They are set as they stand."""
    page = plain(PAGES_THERE["llmpool.1"])
    assert all(line in page for line in EXAMPLES)
