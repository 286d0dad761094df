"""Text from elsewhere on a terminal: every command is run where everything is hostile (DESIGN ruling 26)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import typer

from llmpool.cli import tree
from tests.cli.hostile_home import EVIL, HIDES, NAMES, hostile_home
from tests.support import Home, Result, finish
from tests.ttys import terminals

UNSEEN = "".join(HIDES.values())
JOINS = "".join(HIDES[name] for name in ("joiner", "no joiner", "selector"))  # what an answer may have
OURS = re.compile(r"\x1b\[[0-9;]*m|\r?\x1b\[K|\r\n")
_FILE = f"e{HIDES['joiner']}vil\x1b[31m.csv"
_CHAT = "--max-wait 0 --no-stdin --no-log"
RUNS: dict[str, tuple[str, ...]] = {  # command: what follows it, a run each; {e} is EVIL, {n} a model's name
    "init": ("--yes --no-embedded",),
    "chat": (
        f"{_CHAT} -m sky/m hi",
        f"{_CHAT} -m odd/x --force hi",
        f"{_CHAT} --stats -m sky/m hi",
        f"{_CHAT} -m {{e}} hi",
        f"{_CHAT} -a {{e}} hi",
        f"{_CHAT} -t {{e}} hi",
        f"{_CHAT} --dry-run {{e}}",
        "--list",
        "--show s",
        "--show {e}",
    ),
    "route": ("--no-stdin {e}", "--no-stdin --all hi", "--last", "--group g hi", "-m {e} hi"),
    "models list": ("", "--registry", "--query {e}", "--provider sky"),
    "models show": ("sky/{n}", "{e}"),
    "models set": ("{e} --quality 3",),
    "models pull": ("--list", "den/{e}", "--cancel {e}"),
    "models load": ("den/{e}",),
    "models unload": ("den/{e}",),
    "models ps": ("",),
    "models probe": ("sky -y --timeout 3s", "odd -y"),
    "models remove": ("den/{e} -y",),
    "providers list": ("",),
    "providers show": ("sky", "odd", "{e}"),
    "providers presets": ("{e}", "open"),
    "providers add": ("{e} --url http://127.0.0.1:9/v1", "mine --url {e}"),
    "providers set": ("sky --url {e}", "{e} --priority 3"),
    "providers enable": ("{e}",),
    "providers disable": ("{e}",),
    "providers verify": ("odd", "sky", "--url http://{e}"),
    "providers limits": ("",),
    "providers env": ("sky", "{e}"),
    "providers dedupe": ("-n",),
    "providers import": ("", "codex --dry-run", "llm --dry-run", "{e}"),
    "providers login": ("{e}",),
    "providers logout": ("{e}",),
    "providers clear": ("{e}",),
    "providers remove": ("{e} -y",),
    "providers keys list": ("", "{e}"),
    "providers keys add": ("sky --label {e} --env {e}",),
    "providers keys replace": ("sky {e} --env {e}",),
    "providers keys remove": ("sky {e} -y",),
    "providers keys enable": ("sky {e}",),
    "providers keys disable": ("sky {e}",),
    "providers keys encrypt": ("",),
    "providers trial status": ("",),
    "providers trial install": ("{e}",),
    "providers trial remove": ("-y",),
    "usage summary": ("", "--by tag,session", "--by {e}", "--plot", "--since {e}"),
    "usage list": ("", "--tag {e}"),
    "usage decisions": ("", "--reason {e}"),
    "usage reprice": ("",),
    "usage export": ("--format {e}", "--format jsonl"),
    "usage import": ("{f}", "{e}"),
    "usage prune": ("--dry-run --keep {e}",),
    "usage prices list": ("",),
    "usage prices show": ("{e}", "sky/{n}"),
    "usage prices set": ("{e} --input 1",),
    "usage prices unset": ("{e} -y",),
    "usage prices update": ("",),
    "policy show": ("", "sky", "{e}"),
    "policy set": ("{e} --state flagged -y", "sky --reason {e} --state flagged --dry-run"),
    "policy clear": ("{e} -y",),
    "policy export": ("",),
    "policy apply": ("policies.json -y", "{e}"),
    "policy simulate": ("--set {e}", "--set routing.mode=local"),
    "policy budget list": ("",),
    "policy budget set": ("{e}", "5/day --scope {e}"),
    "policy budget clear": ("{e} -y",),
    "policy group list": ("", "g", "{e}"),
    "policy group set": ("{e} --provider sky",),
    "policy group remove": ("{e} -y",),
    "refresh": ("", "{e}", "odd"),
    "doctor": ("",),
    "config show": ("",),
    "config path": ("",),
    "config check": ("", "--config evil.toml", "--config {e}"),
    "config get": ("templates", "templates.t", "{e}"),
    "config set": ("routing.mode {e}", "{e} 1"),
    "config unset": ("{e}",),
    "config edit": ("",),
    "config export": ("-o {e}/x --yes",),
    "completion": ("{e}",),
}


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Give the hostile home, one for all walks."""
    home = Home(tmp_path_factory.mktemp("evil"))
    home.env |= {"TERM": "xterm-256color", "LLMPOOL_PAGER": "cat", "EDITOR": "true"}
    with hostile_home(home):
        yield home
    home.close()


def commands() -> set[str]:
    """Name every command of the program."""

    def below(group: Any, words: tuple[str, ...]) -> Iterator[str]:
        if not getattr(group, "commands", None):
            yield " ".join(words)
        for name in getattr(group, "commands", ()):
            inner = group.load(name) if isinstance(group, tree.LazyGroup) else group.commands[name]
            yield from below(inner, (*words, name))

    return set(below(typer.main.get_command(tree.root), ()))


def unfit(text: str, allowed: str = "") -> set[str]:
    """Return what in a text does something on a terminal other than to be seen, beyond what is our own."""
    seen = set(OURS.sub("", text)) - set("\n\t" + allowed)
    return {character for character in seen if not character.isprintable() or character in UNSEEN}


def line_of(name: str, rest: str) -> list[str]:
    words = [word.format(e=EVIL, n=NAMES[3], f=_FILE) for word in rest.split()]
    return [*name.split(), *words]


def walked(home: Home, name: str, *manners: str) -> Iterator[str]:
    for rest in RUNS[name]:
        line = [*line_of(name, rest), *manners]
        result = home.here(*line)
        told = result.out + result.err
        if "llmpool has a bug" in told or "Traceback" in told:
            yield f"{name} {rest!r}: a bug: {told[-300:]}"
        if bad := unfit(told, JOINS if name == "chat" else ""):
            at = min(told.index(c) for c in bad)
            yield f"{name} {rest!r}: {sorted(map(ascii, bad))} in {told[max(0, at - 60) : at + 20]!a}"


def test_every_command_is_walked() -> None:
    """A new command has a run here."""
    assert commands() == set(RUNS)


@pytest.mark.parametrize("where", ["pipe", "terminal"])
def test_nothing_hostile_is_printed(evil: Home, where: str) -> None:
    """No command, in no stream: only our own colours and line ends, and no character that nobody sees."""
    with terminals() if where == "terminal" else nullcontext():
        faults = [fault for name in RUNS for fault in walked(evil, name)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "name", ["models list", "usage list", "usage decisions", "policy show", "providers list"]
)
def test_json_is_ascii(evil: Home, name: str) -> None:
    """Whatever the terminal knows, and it has the text as it is."""
    shown = evil.here(*name.split(), "--jsonl")
    assert shown.out.isascii()
    assert not unfit(shown.out)
    assert shown.documents


def test_two_ids_never_look_the_same(evil: Home) -> None:
    """What tells them apart is written by its number, and JSON has them as they are."""
    known = [each["model"] for each in evil.here("models", "list", "--json").json["models"]]
    tricky = [name for name in known if name in NAMES]
    assert len(tricky) > 8
    ids = [line.split("\t")[0] for line in evil.here("models", "list").out.splitlines()]
    assert len(set(ids)) == len(known)
    assert "sky/m-<U+00AD>7b" in ids


@pytest.mark.parametrize("line", ["usage summary --csv", "usage export --format csv"])
def test_files_are_made_harmless_on_a_terminal_alone(evil: Home, line: str) -> None:
    """CSV in a pipe has names as they are, but for what would break its lines."""
    with terminals():
        assert not unfit(evil.here(*line.split()).out)
    assert HIDES["joiner"] in evil.here(*line.split()).out


def test_a_real_terminal_gets_our_own_sequences_alone(evil: Home) -> None:
    """Played once in a pseudo-terminal, with the bar and the colours that are there."""
    for line in (["models", "list"], ["refresh", "odd"], ["usage", "list"]):
        shown: Result = finish(evil.terminal(*line, env={"LLMPOOL_PAGER": "cat"}))
        assert not unfit(shown.out)
