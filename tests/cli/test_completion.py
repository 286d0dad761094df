"""Completion as a person has it: TAB in real shells, and the protocol behind it without one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import Home, Result

IDS = ("den/llama3", "den/qwen3:8b", "den/qwen3:14b", "openai/gpt-5-mini", "openrouter/claude:free", "small")
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


@pytest.fixture
def ids(home: Home) -> Home:
    """Give a home that knows these models; nothing but the file of ids is there."""
    home.state.mkdir(mode=0o700)
    (home.state / "model-ids.txt").write_text("".join(f"{each}\n" for each in IDS))
    return home


def ask(home: Home, *words: str, **env: str | None) -> Result:
    """Ask what bash asks when TAB is pressed after the last of *words*."""
    asked = {
        "_LLMPOOL_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(("llmpool", *words)),
        "COMP_CWORD": str(len(words)),
    }
    return home.pool(env=asked | env)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ro",), ["route"]),
        (("re",), ["refresh"]),
        (("models", "sh"), ["show"]),
        (("models", "u"), ["unload"]),
        (("models", "show", "den/q"), ["den/qwen3:8b", "den/qwen3:14b"]),
        (("route", "-m", "open"), ["openai/gpt-5-mini", "openrouter/claude:free"]),
        (("route", "--model=den/l"), ["den/llama3"]),
        (("chat", "--prefer", "o"), ["openai", "openrouter"]),
        (("providers", "show", "d"), ["den"]),
        (("route", "--needs", "tools,i"), ["tools,images"]),
        (("route", "--strategy", "la"), ["latency"]),
        (("route", "--mode", "lo"), ["local"]),
        (("route", "--loc"), ["--local-only"]),
        (("--offline", "us"), ["usage"]),
    ],
    ids=" ".join,
)
def test_words_are_completed(ids: Home, words: tuple[str, ...], offered: list[str]) -> None:
    """Commands, verbs, options, models, providers and the words options take are offered."""
    assert ask(ids, *words) == Result(0, "".join(f"{each}\n" for each in offered), "")


def test_a_group_offers_its_verbs(ids: Home) -> None:
    """After a bare group TAB offers the verbs, not what its first verb takes."""
    assert {"list", "show", "pull"} <= set(ask(ids, "models", "").out.split())


def test_no_ids_no_offer(home: Home) -> None:
    """Without a state directory there is nothing to offer, and nothing is said or made."""
    assert ask(home, "models", "show", "d") == Result(0, "\n", "")
    assert not home.state.exists()


@pytest.mark.parametrize("damage", ["bytes", "directory", "config", "homeless", "protocol"])
def test_trouble_prints_nothing_into_the_prompt(ids: Home, damage: str) -> None:
    """Whatever is broken, a completion offers nothing and says nothing."""
    file = ids.state / "model-ids.txt"
    env: dict[str, str | None] = {}
    if damage == "bytes":
        file.write_bytes(b"\xff\xfe\x00den/x\n")
    elif damage == "directory":
        file.unlink()
        file.mkdir()
    elif damage == "config":
        ids.config.write_text("no toml [")
        (ids.state / "registry.json").write_text("{")
        file.unlink()
    elif damage == "homeless":
        env = {"HOME": None, "LLMPOOL_STATE_DIR": "~nobody-of-this-name/state"}
    else:
        env = {"COMP_CWORD": "two"}
    result = ask(ids, "models", "show", "d", **env)
    assert (result.out.strip(), result.err) == ("", "")


def test_an_id_that_is_an_order_to_a_shell_is_not_offered(ids: Home) -> None:
    """Ids come from providers: what a shell would run, split or expand never gets on the command line."""
    hostile = [
        "den/$(touch x)",
        "den/`id`",
        "den/a b",
        "den/a;id",
        "den/a|b",
        "den/*",
        "den/\\$(id)",
        "den/'",
    ]
    (ids.state / "model-ids.txt").write_text("".join(f"{each}\n" for each in [*hostile, "den/good"]))
    assert ask(ids, "models", "show", "den/").out == "den/good\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_every_shell(home: Home, shell: str) -> None:
    """`completion SHELL` prints a script that names the program and its variable."""
    script = home.pool("completion", shell)
    assert (script.code, script.err) == (0, "")
    assert "_LLMPOOL_COMPLETE" in script.out
    assert "typer" not in script.out.lower().replace("_typer_complete", "")


def test_an_unknown_shell_is_refused(home: Home) -> None:
    """Other shells are a usage error that lists the known ones."""
    refused = home.pool("completion", "csh")
    assert refused.code == 2
    assert all(shell in refused.err for shell in SHELLS)


def program(home: Home) -> dict[str, str]:
    """Put an `llmpool` on the PATH and return the environment of a shell that finds it."""
    path = home.dir / "bin/llmpool"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmpool "$@"\n')
    path.chmod(0o755)
    return home.env | {"PATH": f"{path.parent}:{home.env['PATH']}", "TERM": "dumb", "HISTFILE": ""}


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
        return str(self.child.match[1]).rstrip()


TABS = [
    ("llmpool ro", "llmpool route"),
    ("llmpool models sh", "llmpool models show"),
    ("llmpool models sh", "llmpool models show"),
    ("llmpool route -m opena", "llmpool route -m openai/gpt-5-mini"),
    ("llmpool chat hi -m den/qwen3:8", "llmpool chat hi -m den/qwen3:8b"),
    ("llmpool route --model=den/qwen3:1", "llmpool route --model=den/qwen3:14b"),
    ("llmpool route --needs tools,im", "llmpool route --needs tools,images"),
]


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_tab_in_bash(ids: Home) -> None:
    """An interactive bash completes commands, verbs and models, also behind a colon or an equals sign."""
    script = ids.dir / "llmpool.bash"
    script.write_text(ids.pool("completion", "bash").out)
    setup = f"bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; PS1='$ '; source {script}"
    shell = Shell(ids, ["bash", "--norc", "--noprofile"], setup)
    assert [shell.tab(typed) for typed, _ in TABS] == [wanted for _, wanted in TABS]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize("way", ["fpath", "eval"])
def test_tab_in_zsh(ids: Home, way: str) -> None:
    """An interactive zsh does too, with the script found through fpath or evaluated."""
    place = ids.dir / "functions"
    place.mkdir()
    (place / "_llmpool").write_text(ids.pool("completion", "zsh").out)
    start = "PS1='%% '; unset zle_bracketed_paste; bindkey -e; autoload -Uz compinit"
    load = f"fpath=({place} $fpath); compinit -u -D"
    if way == "eval":
        load = f"compinit -u -D; source {place}/_llmpool"
    shell = Shell(ids, ["zsh", "-f"], f"{start}; {load}")
    assert [shell.tab(typed) for typed, _ in TABS] == [wanted for _, wanted in TABS]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("llmpool ro", ["route"]),
        ("llmpool models sh", ["show"]),
        ("llmpool route -m den/qwen3:8", ["den/qwen3:8b"]),
    ],
)
def test_fish_offers(ids: Home, tmp_path: Path, typed: str, offered: list[str]) -> None:
    """Fish offers commands with their one line, and models."""
    script = tmp_path / "llmpool.fish"
    script.write_text(ids.pool("completion", "fish").out)
    command = ["fish", "--no-config", "-c", f"source {script}; complete -C '{typed}'"]
    done = subprocess.run(
        command, env=program(ids), cwd=ids.cwd, capture_output=True, text=True, check=False, timeout=60
    )
    assert ([line.split("\t")[0] for line in done.stdout.splitlines()], done.stderr) == (offered, "")


def test_the_quick_answer_is_the_slow_one(home: Home) -> None:
    """A model after `-m` is answered before the command tree is loaded, with the same words it would give."""
    home.state.mkdir(mode=0o700)
    (home.state / "model-ids.txt").write_text("den/a:8b\nden/b\nsky/c\n")
    for words, place in (
        ("llmpool route -m den/", "3"),
        ("llmpool chat --model ", "3"),
        ("llmpool chat hi -m s", "4"),
    ):
        asked = {"_LLMPOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}
        quick = home.pool(env=asked).out.split()
        slow = home.pool(env=asked | {"COMP_WORDS": words.replace("llmpool", "'llmpool'")}).out.split()
        assert quick
        assert quick == slow
