"""Documents must not promise what the program does not have: pages, completions, examples, README."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from llmpool.cli.frontpage import EXAMPLES, EXITS
from llmpool.cli.manpage import Entry, examples, leaves
from llmpool.cli.manual import files, main, tree
from llmpool.errors import Exit
from tests.packaging.commandlines import follow, runs
from tests.support import Home, python_environment

ROOT = Path(__file__).resolve().parents[2]


@cache
def top() -> Entry:
    """Load the tree once a process."""
    return tree()


def generate(home: Home, cwd: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the generator in the directory *cwd*."""
    command = [sys.executable, "-m", "llmpool.cli.manual", *args]
    environment = python_environment(home.dir) | env
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def readme_lines() -> list[str]:
    """Return the llmpool command lines in the code blocks of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if re.match(r"\$ |llmpool\b|.*&& llmpool\b", line)]


def test_pages_and_completions_match_the_commands(home: Home) -> None:
    """What is committed is what the tree says; mend it with `python -m llmpool.cli.manual`."""
    done = generate(home, ROOT, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_the_generated_files_depend_on_nothing_around(home: Home, tmp_path: Path) -> None:
    """Neither environment nor terminal change a byte, and a second run changes nothing."""
    (tmp_path / "pyproject.toml").write_text('name = "llmpool"\n')
    odd = {"TYPER_USE_RICH": "1", "COLUMNS": "33", "LLMPOOL_MODEL": "x", "LC_ALL": "C", "FORCE_COLOR": "1"}
    assert generate(home, tmp_path, **odd, SOURCE_DATE_EPOCH="0").returncode == 0
    written = {str(p.relative_to(tmp_path)): p for p in tmp_path.rglob("*") if p.is_file()}
    written.pop("pyproject.toml")
    assert {name: path.read_bytes().decode() for name, path in written.items()} == files()
    again = generate(home, tmp_path)
    assert (again.returncode, again.stdout) == (0, "")


def test_check_names_what_differs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Changed, missing and left-over files are named with exit code 1; writing mends them all."""
    (tmp_path / "pyproject.toml").write_text('name = "llmpool"\n')
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    capsys.readouterr()
    (tmp_path / "man/man1/llmpool-chat.1").write_text("changed")
    (tmp_path / "completions/_llmpool").unlink()
    (tmp_path / "man/man1/llmpool-gone.1").write_text("left over")
    (tmp_path / "llmpool/data/schemas/output/gone.json").write_text("left over")
    assert main(["--check"]) == 1
    assert capsys.readouterr().out.split() == [
        "man/man1/llmpool-chat.1",
        "completions/_llmpool",
        "man/man1/llmpool-gone.1",
        "llmpool/data/schemas/output/gone.json",
    ]
    assert (tmp_path / "man/man1/llmpool-chat.1").read_text() == "changed"
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_the_generator_refuses_a_foreign_directory(home: Home, tmp_path: Path) -> None:
    """Outside the repository nothing is written and the exit code is 2."""
    done = generate(home, tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "not llmpool's repository" in done.stderr


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_mandoc_has_nothing_to_say_about_the_pages() -> None:
    """The pages are clean roff."""
    pages = sorted(map(str, ROOT.glob("man/man?/*")))
    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", *pages], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_option_is_on_the_page_of_its_command() -> None:
    """No command has an option its page is silent about."""
    made = files()
    for entry in (top(), *leaves(top())):
        page = made[f"man/man1/{entry.page}.1"].replace("\\", "")
        for param in entry.command.params:
            assert param.param_type_name == "argument" or all(f"fB{name}fR" in page for name in param.opts)


def test_every_exit_code_and_variable_is_on_the_front_page() -> None:
    """The table of exit codes is whole, and so is the list of variables."""
    page = files()["man/man1/llmpool.1"]
    assert set(EXITS) == set(Exit)
    assert all(rf"\fB{int(code)}\fR" in page for code in Exit)
    for entry in (top(), *leaves(top())):
        for param in entry.command.params:
            assert not param.envvar or rf"\fB{param.envvar}\fR" in page


def test_every_command_has_examples_that_parse() -> None:
    """One to eight examples each; every command, verb and option in them exists."""
    for entry in leaves(top()):
        given = examples(entry)
        assert 1 <= len(given) <= 8, entry.words
        called = [follow(run, top()) for line in given for run in runs(line)]
        assert not [fault for _, faults in called for fault in faults]
        assert entry.words in [found.words for found, _ in called]
    assert not [fault for line in EXAMPLES for run in runs(line) for fault in follow(run, top())[1]]


def test_the_readme_shows_commands_that_exist(home: Home) -> None:
    """Every llmpool line in a code block of the README parses, down to its options."""
    found = [(line, *follow(run, top())) for line in readme_lines() for run in runs(line)]
    assert not [(line, fault) for line, _, faults in found for fault in faults]
    for words in {entry.words for _, entry, _ in found}:
        assert home.here(*words, "-h").code == 0


@pytest.mark.parametrize(
    ("line", "words", "fault"),
    [
        ('llmpool chat "hi -x | y"', ["chat"], ""),
        ("$ llmpool models --json", ["models", "list"], ""),
        ("llmpool --offline models list den # all of it", ["models", "list"], ""),
        ("llmpool models show x --colour", ["models", "show"], "models show has no option --colour"),
        ("llmpool modles", [], "llmpool has no command modles"),
        ("LLMPOOL_MODEL=x llmpool route --needs tools Q > out 2>&1", ["route"], ""),
    ],
)
def test_lines_are_read_as_a_shell_does(line: str, words: list[str], fault: str) -> None:
    """Quotes, pipes, comments, settings and redirections are no part of a command's words."""
    [run] = runs(line)
    entry, faults = follow(run, top())
    assert (list(entry.words), faults) == (words, [fault] if fault else [])


def test_commands_inside_commands_are_read_too() -> None:
    """Of a substitution both commands count, the inner one first."""
    line = 'llmpool chat -m "$(llmpool route "$q")" "$q" | llmpool usage'
    assert [run[0] for run in runs(line)] == ["route", "chat", "usage"]
