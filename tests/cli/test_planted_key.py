"""A key is nowhere but where its owner put it: every command is run, and everything is looked through."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple
from unittest import mock

import pytest
import typer

from llmpool.auth import oauth_device
from llmpool.cli import tree
from llmpool.setup import login
from tests.cli.planted_home import BROKEN, KEYS, Planted, planted_home
from tests.cli.planted_recipes import RECIPES, Run
from tests.support import Home, Result
from tests.watching import Child, watching

Manners = tuple[tuple[str, ...], ...]
LOUD: Manners = (("--json", "--traceback"), ("--traceback",))
UNHEARD = ("config", "policy", "usage prices", "usage prune", "usage import", "models set", "completion",
           "providers presets", "providers set", "providers enable", "providers disable", "providers dedupe",
           "providers keys add", "providers keys remove", "providers keys enable", "providers keys disable",
           "providers keys encrypt", "providers import", "providers trial", "providers clear",
           "init")  # fmt: skip
"""Where no answer of a server gets to, or the plain walk has done the same."""
OWN = ("LLMPOOL_STATE_KEY", "LLMPOOL_TRIAL_LICENSE")  # of use to no child but llmpool itself


class Command(NamedTuple):
    """A command of the program, by its words, and whether it prints JSON."""

    words: tuple[str, ...]
    has_json: bool


def commands() -> dict[str, Command]:
    """List the commands of the program itself."""

    def below(group: Any, words: tuple[str, ...]) -> Iterator[Command]:
        if not getattr(group, "commands", None):
            yield Command(words, any("--json" in option.opts for option in group.params))
        for name in getattr(group, "commands", ()):
            inner = group.load(name) if isinstance(group, tree.LazyGroup) else group.commands[name]
            yield from below(inner, (*words, name))

    return {" ".join(each.words): each for each in below(typer.main.get_command(tree.root), ())}


def walk(
    place: Planted,
    manners: Manners,
    *,
    only: Iterable[str] = RECIPES,
    before: Callable[[int], None] = lambda _number: None,
) -> list[str]:
    """Run every command, in *manners* by turns, and return what leaked, each with the run that did it.

    A run that finds a bug counts as well: nobody knows what it would have shown.
    """
    leaks, known, number = [], commands(), 0
    place.search.in_files()
    for name in only:
        for each in RECIPES[name]:
            number += 1
            before(number)
            words = [
                word for word in manners[number % len(manners)] if word != "--json" or known[name].has_json
            ]
            line = (*name.split(), *each.rest, *words)
            result = _run(place.home, line, each.stdin)
            leaks += [f"{leak}: {_hidden(line)} (exit {result.code})" for leak in _leaks(place, each, result)]
    return leaks


def _run(home: Home, line: tuple[str, ...], stdin: str | None) -> Result:
    """Run a command line; with `--traceback` a bug comes out as it is, and Python prints it."""
    try:
        return home.here(*line, stdin=stdin)
    except Exception:
        return Result(1, "", traceback.format_exc())


def _leaks(place: Planted, each: Run, result: Result) -> list[str]:
    return [
        *(f"{name} on stdout" for name in place.search.in_text(result.out, but=each.shows)),
        *(f"{name} on stderr" for name in place.search.in_text(result.err)),
        *place.search.in_files(),
        *(["a bug"] if result.code == 1 or "llmpool has a bug" in result.err else []),
    ]


def _hidden(words: Iterable[str]) -> str:
    line = " ".join(words)
    for name, value in KEYS.items():
        line = line.replace(value, f"<{name}>")
    return line


def told_by_ps(children: list[Child], place: Planted) -> list[str]:
    """Name the secrets in the command lines of *children*, and those of llmpool in others' environments."""
    search = place.search
    shown = [
        f"{name} in the words of {child.argv[0]}" for child in children for name in search.in_text(child.text)
    ]
    others = [child for child in children if child.argv[0] != sys.executable]
    return shown + [
        f"{name} given to {child.argv[0]}" for child in others for name in OWN if name in child.env
    ]


def at_once() -> ExitStack:
    """Let a login take no time, and commands be put together once and not for each run."""
    stack, real, load = ExitStack(), login.Manners, tree.LazyGroup.load
    made: dict[str, Any] = {}

    def loaded(root: tree.LazyGroup, name: str) -> Any:
        made[name] = root.commands[name] = made.get(name) or load(root, name)
        return made[name]

    quick = mock.patch.object(login, "Manners", lambda show, left: real(show, left, lambda _seconds: None))
    stack.enter_context(quick)
    stack.enter_context(mock.patch.object(oauth_device, "LEAST_INTERVAL", 0.0))
    stack.enter_context(mock.patch.object(tree.LazyGroup, "load", loaded))
    return stack


def test_every_command_has_a_recipe_here() -> None:
    """A new command joins the walk before it ships."""
    assert set(RECIPES) == set(commands())


def test_no_command_shows_or_drops_a_key(home: Home) -> None:
    """With an encrypted key file: streams, files, children, and what others could read when it was made."""
    with planted_home(home, sealed=True) as place, at_once(), watching(home.dir) as watched:
        assert "\n".join(walk(place, (*LOUD, ("-q",), ()))) == ""
        assert [path for path in watched.exposed if not path.startswith("tmp/")] == []
        assert told_by_ps(watched.children, place) == []
        assert os.listdir(home.dir / "tmp") == []
        sent = {request.headers.get("authorization", "") for request in place.cloud.requests}
    used = ("variable", "command", "keyring", "file", "exchanged token")  # or there was nothing to leak
    assert [name for name in used if f"Bearer {KEYS[name]}" not in sent] == []
    assert any(request.headers.get("x-gate") == KEYS["header"] for request in place.cloud.requests)


@pytest.mark.slow
def test_no_server_makes_a_key_be_shown(home: Home) -> None:
    """Every server repeats all it is sent: in errors, listings, answers, redirects and token answers."""
    with planted_home(home, sealed=False) as place, at_once():
        home.here("refresh")
        home.here("providers", "login", "github-copilot", "--device", "--keep", "file", "--plaintext")
        place.cloud.hostile = place.den.hostile = True
        heard = [name for name in RECIPES if not name.startswith(UNHEARD)]
        assert "\n".join(walk(place, LOUD, only=[*heard, "config show", "policy simulate"])) == ""


@pytest.mark.slow
def test_no_key_is_shown_when_nobody_answers(home: Home) -> None:
    """Servers that are away, with a trace of every error; what was said of them before is told, too."""
    asking = ("refresh", "chat", "models load", "models ps", "models probe", "providers verify",
              "providers limits", "providers add", "providers keys replace", "usage prices update", "doctor",
              "providers list", "providers show")  # fmt: skip
    with planted_home(home, sealed=False) as place, at_once():
        place.cloud.close()
        place.den.close()
        assert "\n".join(walk(place, LOUD, only=asking)) == ""


def test_no_key_is_shown_out_of_a_broken_config(home: Home) -> None:
    """Keys where none belong, and what no TOML is: every command says so and repeats nothing of it."""
    with planted_home(home, sealed=False) as place, at_once():
        place.search.allow("broken", "config.toml", "cwd/out.llmpool")

        def spoil(number: int) -> None:
            home.config.write_text(BROKEN[number % len(BROKEN)])

        assert "\n".join(walk(place, LOUD, before=spoil)) == ""


DAMAGED = ("secrets.json", ".codex/auth.json", ".codex/config.toml", ".claude/settings.json",
           ".config/aichat/config.yaml", ".config/io.datasette.llm/keys.json",
           ".config/Cursor/User/settings.json", ".config/Antigravity/User/globalStorage/state.vscdb",
           "cwd/.env", "cwd/zima/providers.json", "cwd/trial.txt", "cwd/pass.txt")  # fmt: skip
HARM = (
    lambda content: content[: len(content) * 3 // 4],
    lambda content: content.replace(b"sk-", b"sk-\xff", 1).replace(b'"', b"\xfe", 1),
    lambda content: b"{[ \t: &a !x " + content,
)
READING = (
    "providers import", "providers import all --dry-run", "providers import zimaos zima --dry-run",
    "providers import dotenv --dry-run", "providers keys list", "providers verify vault --key b", "doctor",
    "chat --max-wait 0 --no-stdin -m vault/m hi", "providers trial install trial.txt --plaintext",
    "config export -o out.llmpool --keys --passphrase-file pass.txt --yes", "init --yes --no-embedded",
)  # fmt: skip


@pytest.mark.parametrize("harm", HARM, ids=["cut off", "no text", "no sense"])
def test_no_key_is_shown_out_of_a_damaged_file(home: Home, harm: Callable[[bytes], bytes]) -> None:
    """What another program wrote, or llmpool itself, is told to be damaged in words without a piece of it."""
    with planted_home(home, sealed=False) as place:
        for name in DAMAGED:
            path = home.dir / name
            path.write_bytes(harm(path.read_bytes()))
        place.search.in_files()
        runs = {line: _run(home, (*line.split(), "--traceback"), None) for line in READING}
        told = [(line, place.search.in_text(ran.out, ran.err)) for line, ran in runs.items()]
        assert [each for each in told if each[1]] == []
        assert [line for line, ran in runs.items() if ran.code == 1] == []
        assert place.search.in_files() == []


SPY = """#!/bin/sh
for process in self $PPID; do tr '\\0' ' ' < /proc/$process/cmdline; echo; done >> "$SPIED"
env | cut -d= -f1 >> "$SPIED"
echo "$PASSED"
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="Linux shows command lines there")
@pytest.mark.slow
def test_no_process_shows_a_key_in_its_command_line(home: Home) -> None:
    """As real processes: what `ps` shows of llmpool and its children, and what completion prints."""
    with planted_home(home, sealed=True) as place:
        spied, spy = home.dir / "spied", home.dir / "bin/pass.sh"
        spy.write_text(SPY)
        env = {"SPIED": str(spied), "PASSED": KEYS["command"]}
        lines = (
            ("chat", "--max-wait", "0", "-m", "tool/m", "hi"),
            ("providers", "keys", "add", "sky", "--key-stdin", "--keep", "file"),
            ("doctor", "--cron", "--json"),
        )
        ran = [home.pool(*line, stdin=KEYS["piped"], env=env) for line in lines]
        for words in (
            "llmpool providers keys remove vault ",
            "llmpool chat -m ",
            "llmpool config get providers.",
        ):
            asked = {"_LLMPOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "4"}
            ran.append(home.pool(env=env | asked))
        assert [result.code for result in ran[:2]] == [0, 0]
        assert f"Bearer {KEYS['command']}" in {
            request.headers.get("authorization") for request in place.cloud.chats
        }
        seen = spied.read_text()
        assert ("llmpool" in seen, "SKY_KEY" in seen, "LLMPOOL_STATE_KEY" in seen) == (True, True, False)
        assert [name for result in ran for name in place.search.in_text(result.out, result.err)] == []
        assert place.search.in_files() == []
