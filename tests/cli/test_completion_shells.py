"""Completion as a person has it: TAB in real shells, with the scripts where the wheel puts them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmpool.cli.completion import script
from tests.support import Home

IDS = ("den/llama3", "den/qwen3:8b", "den/qwen3:14b", "openai/gpt-5-mini", "openrouter/claude:free", "small")
HOSTILE = (
    "den/$(touch x)",
    "den/`touch x`",
    "den/a b",
    "den/a;touch x",
    "den/'",
    'den/"',
    "den/*",
    "-rf",
    "~",
)
PLACES = {
    "bash": "share/bash-completion/completions/llmpool",
    "zsh": "share/zsh/site-functions/_llmpool",
    "fish": "share/fish/vendor_completions.d/llmpool.fish",
}


@pytest.fixture
def ids(home: Home) -> Home:
    """Give a home that knows these models and sessions, files to name, and the scripts installed."""
    (home.state / "sessions").mkdir(parents=True, mode=0o700)
    (home.state / "model-ids.txt").write_text("".join(f"{each}\n" for each in (*HOSTILE, *IDS)))
    for name in ("trip", "$(touch x)", "a b", "`touch x`", "-rf"):
        (home.state / f"sessions/{name}.jsonl").touch()
    home.write_config('[templates]\n"$(touch x)" = "x"\nreview = "x"\n"a\\nb" = "x"')
    (home.cwd / "prompts.jsonl").touch()
    (home.cwd / "there").mkdir()
    for shell, place in PLACES.items():
        path = home.dir / "prefix" / place
        path.parent.mkdir(parents=True)
        path.write_text(script(shell) + "\n")
    return home


def program(home: Home) -> dict[str, str]:
    """Put an `llmpool` on the PATH and return the environment of a shell that finds it and its scripts."""
    path = home.dir / "prefix/bin/llmpool"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmpool "$@"\n')
    path.chmod(0o755)
    return home.env | {
        "PATH": f"{path.parent}:{home.env['PATH']}",
        "TERM": "dumb",
        "HISTFILE": "",
        "XDG_DATA_DIRS": f"{home.dir / 'prefix/share'}:/usr/share",
    }


class Shell:
    """An interactive shell on a terminal; `tab` types a line, presses TAB and tells what became of it."""

    def __init__(self, home: Home, command: list[str], setup: str) -> None:
        import pexpect

        self.child: Any = pexpect.spawn(
            command[0],
            command[1:],
            env=program(home),
            cwd=str(home.cwd),
            dimensions=(40, 200),
            encoding="utf-8",
            timeout=20,
            echo=False,
        )
        self.child.sendline(f"{setup}; echo REA''DY")
        self.child.expect("READY\r\n")

    def tab(self, typed: str) -> str:
        """Type, press TAB once, and return the line as it then stands."""
        self.child.send(f"{typed}\t")
        self.child.send("\x01printf '<%s>\\n' '\x05'\r")  # show the line instead of running it
        self.child.expect(r"<([^%<>]*)>\r\n")
        return str(self.child.match[1]).rstrip(" /")


TABS = [  # each is a run of the program
    ("llmpool ro", "llmpool route"),
    ("llmpool chat hi -m den/qwen3:8", "llmpool chat hi -m den/qwen3:8b"),
    ('llmpool chat "two words" -m "den/l', 'llmpool chat "two words" -m "den/llama3"'),
    ("llmpool route --model=den/qwen3:1", "llmpool route --model=den/qwen3:14b"),
    ("llmpool route --needs tools,im", "llmpool route --needs tools,images"),
    ("llmpool chat --session ", "llmpool chat --session trip"),
    ("llmpool chat -t ", "llmpool chat -t review"),
    ("llmpool chat -a pro", "llmpool chat -a prompts.jsonl"),
    ("llmpool --config=pro", "llmpool --config=prompts.jsonl"),
    ("llmpool --state th", "llmpool --state there"),
    ("llmpool chat pro", "llmpool chat pro"),
]


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_tab_in_bash(ids: Home) -> None:
    """An interactive bash completes commands, names and paths, also behind a colon or an equals sign."""
    setup = "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; PS1='$ '"
    installed = ids.dir / "prefix" / PLACES["bash"]
    shell = Shell(ids, ["bash", "--norc", "--noprofile"], f"{setup}; source {installed}")
    assert [shell.tab(typed) for typed, _ in TABS] == [wanted for _, wanted in TABS]
    shell.tab("llmpool models show den/")
    assert not (ids.cwd / "x").exists()


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize("way", [pytest.param("fpath", marks=pytest.mark.slow), "eval"])
def test_tab_in_zsh(ids: Home, way: str) -> None:
    """An interactive zsh does too, with the script found through fpath or evaluated."""
    place = (ids.dir / "prefix" / PLACES["zsh"]).parent
    start = "PS1='%% '; unset zle_bracketed_paste; bindkey -e; autoload -Uz compinit"
    load = f"fpath=({place} $fpath); compinit -u -D"
    if way == "eval":
        load = f"compinit -u -D; source {place}/_llmpool"
    shell = Shell(ids, ["zsh", "-f"], f"{start}; {load}")
    tabs = TABS if way == "fpath" else TABS[:1]
    assert [shell.tab(typed) for typed, _ in tabs] == [wanted for _, wanted in tabs]
    shell.child.send("llmpool models show den/\t\t\t\x15")
    assert shell.tab("llmpool ro") == "llmpool route"
    assert not (ids.cwd / "x").exists()


FISH = [
    ("llmpool ro", ["route"]),
    ("llmpool models sh", ["show"]),
    ("llmpool route --loc", ["--local-only"]),
    ("llmpool route -m den/qwen3:8", ["den/qwen3:8b"]),
    ("llmpool route --model=den/qwen3:1", ["--model=den/qwen3:14b"]),
    ('llmpool chat (echo two) -m "den/l', ["den/llama3"]),
    ("llmpool chat --session ", ["trip"]),
    ("llmpool chat -t ", ["review"]),
    ("llmpool models show ", [*IDS]),
    ("llmpool chat -a p", ["prompts.jsonl"]),
    ("llmpool --config=p", ["--config=prompts.jsonl"]),
    ("llmpool --state=", ["--state=there/"]),
    ("llmpool chat ", []),
]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_offers(ids: Home, tmp_path: Path) -> None:
    """Fish finds the script where the wheel puts it, and offers commands with their line, names and paths."""
    lines = tmp_path / "lines"
    lines.write_text("".join(f"{typed}\n" for typed, _ in FISH))
    ask = f'while read -l line; echo "> $line"; complete -C "$line"; end <{lines}'
    done = subprocess.run(
        ["fish", "-c", ask],
        env=program(ids),
        cwd=ids.cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = [part.splitlines() for part in f"\n{done.stdout}".split("\n> ")[1:]]
    words = [[offer.split("\t")[0] for offer in offers[1:]] for offers in told]
    assert (words, done.stderr) == ([offers for _, offers in FISH], "")
    assert told[0][1] == "route\tShow which deployment would answer, and why."
    assert not (ids.cwd / "x").exists()
