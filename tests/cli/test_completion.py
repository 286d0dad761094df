"""What a shell is offered after TAB, whatever shell it is; real ones are in test_completion_shells.py."""

from __future__ import annotations

import json
import os
from functools import cache
from unittest import mock

import pytest

from llmpool.cli import quick
from llmpool.cli.app import COMMANDS
from llmpool.cli.completion import SHELLS
from llmpool.cli.manpage import Entry, leaves
from llmpool.cli.manual import tree
from llmpool.cli.offers import FILES, FOLDERS, offered
from tests.streams import Streams
from tests.support import Home, Result, provider

IDS = ("den/llama3", "den/qwen3:8b", "den/qwen3:14b", "openai/gpt-5-mini", "openrouter/claude:free", "small")
CONFIG = """
[providers.bare]
url = "http://127.0.0.1:9/v1"
keys = [ { label = "alpha", env = "A" }, { label = "b;id", env = "B" } ]
[providers.spare]
url = "http://127.0.0.1:9/v1"
keys = [ { label = "omega", env = "C" } ]
[groups.family]
providers = ["bare"]
[budgets.daily]
limit = "5"
per = "day"
[profiles.feline]
local_only = true
[templates]
review = "Review:\\n{input}"
"$(id)" = "x"
"""


@pytest.fixture
def ids(home: Home) -> Home:
    """Give a home that knows these models; nothing but the file of ids is there."""
    home.state.mkdir(mode=0o700)
    (home.state / "model-ids.txt").write_text("".join(f"{each}\n" for each in IDS))
    return home


def ask(home: Home, *words: str, **env: str | None) -> Result:
    """Ask what bash asks when TAB is pressed after the last of *words*."""
    return home.here(env=asking(*words) | env)


@cache
def top() -> Entry:
    """Load the tree once a process."""
    return tree()


def asking(*words: str, shell: str = "bash") -> dict[str, str | None]:
    """Return the variables with which our scripts ask."""
    line = "\x1f".join(("llmpool", *words))
    return {"_LLMPOOL_COMPLETE": shell, "COMP_WORDS": line, "COMP_CWORD": str(len(words))}


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
        (("route", "--offline", "--strategy", "co"), ["cost"]),
        (("route", "--off"), ["--offline"]),
        (("models", "--source", "c"), ["config"]),
        (("models", "--sou"), ["--source"]),
        (("--color", "a"), ["auto", "always"]),
        (("providers", "add", "groq"), ["groq"]),
        (("chat", "--think", ""), ["off", "low", "medium", "high"]),
        (("models", "set", "den/llama3", "--supports", "tools="), ["tools=yes", "tools=no"]),
        (("providers", "set", "den", "--unset", "rate"), ["rate_limit"]),
        (("policy", "set", "den", "--state", "in"), ["inactive"]),
        (("policy", "budget", "set", "5/d"), ["5/day"]),
        (("usage", "--by", "day,mod"), ["day,model"]),
        (("usage", "--model", "ll"), ["llama3"]),
        (("config", "set", "routing.mode", ""), ["auto", "cloud", "local"]),
        (("config", "set", "default_model", "sm"), ["small"]),
        (("completion", "p"), ["powershell", "pwsh"]),
        (('"models"', "sh\\ow", '"den/l'), ["den/llama3"]),
        (("chat", "'two words'", "-m", "sm"), ["small"]),
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
    assert ask(home, "models", "show", "d") == Result(0, "", "")
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


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("route", "--group", ""), ["family"]),
        (("policy", "group", "set", "f"), ["family"]),
        (("policy", "budget", "clear", ""), ["daily"]),
        (("route", "--profile", "fe"), ["feline"]),
        (("chat", "-t", ""), ["review"]),
        (("providers", "keys", "remove", "bare", ""), ["alpha"]),
        (("usage", "--key", ""), ["alpha", "omega"]),
        (("providers", "remove", "b"), ["bare"]),
        (("config", "get", "providers.b"), ["providers.bare."]),
    ],
    ids=" ".join,
)
def test_names_of_the_config_are_completed(ids: Home, words: tuple[str, ...], offered: list[str]) -> None:
    """Groups, budgets, profiles, templates, labels, providers without a model; an order to a shell never."""
    ids.write_config(CONFIG)
    assert ask(ids, *words).out.split() == offered


def test_another_pool_is_completed_from_its_own_files(ids: Home) -> None:
    """`--config` and `--state` on the line say whose names are offered."""
    there = ids.dir / "there"
    there.mkdir()
    (there / "model-ids.txt").write_text("sky/blue\n")
    (there / "c.toml").write_text(provider("hill", "http://127.0.0.1:9/v1"))
    assert ask(ids, "--state", str(there), "models", "show", "").out.split() == ["sky/blue"]
    assert ask(ids, "providers", "show", "--config", str(there / "c.toml"), "h").out.split() == ["hill"]
    assert ask(ids, "chat", f"--state={there}", "-m", "s").out.split() == ["sky/blue"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("chat", "-a", ""), FILES),
        (("chat", "--schema", "x"), FILES),
        (("chat", "--schema=x"), FILES),
        (("chat", "--batch", ""), FILES),
        (("policy", "apply", ""), FILES),
        (("usage", "import", "some/"), FILES),
        (("--config", ""), FILES),
        (("route", "--config=x"), FILES),
        (("--state", ""), FOLDERS),
    ],
    ids=" ".join,
)
def test_paths_are_left_to_the_shell(ids: Home, words: tuple[str, ...], told: str) -> None:
    """Where a file or a folder may stand, the shell is told so and completes it by itself."""
    assert ask(ids, *words).out == f"{told}\n"


def test_sessions_and_decisions_are_offered_newest_first(ids: Home) -> None:
    """Kept conversations and recorded decisions complete, with when they were; a torn line is no decision."""
    folder = ids.state / "sessions"
    folder.mkdir()
    for name, at in (("old", 86_400), ("trip", 172_800), ("$(id)", 0)):
        (folder / f"{name}.jsonl").write_text("")
        os.utime(folder / f"{name}.jsonl", (at, at))
    shown = ids.here(env=asking("chat", "--session", "", shell="zsh")).out
    assert shown == "trip\t1970-01-03 00:00\nold\t1970-01-02 00:00\n"
    (ids.state / "decisions").mkdir()
    lines = [{"id": f"d-{n}", "at": "2020-01-01T00:00:00Z", "selected": f"den/m{n}"} for n in (1, 2)]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"id": "d-3", "at'
    (ids.state / "decisions/2020-01-01.jsonl").write_text(text)
    found = ids.here(env=asking("route", "--id", "d", shell="fish")).out.splitlines()
    assert [line.partition(" ago, ")[::2][1] for line in found] == ["den/m2", "den/m1"]
    assert ask(ids, "route", "--replay", "").out.split() == ["d-2", "d-1"]


def test_only_the_newest_decisions_are_read(ids: Home) -> None:
    """However long the log is, a TAB reads the end of it."""
    (ids.state / "decisions").mkdir()
    line = '{"id": "d-%05d", "at": "2020-01-01T00:00:00Z"}\n'
    path = ids.state / "decisions/2020-01-01.jsonl"
    path.write_text("".join(line % n for n in range(2000)))
    assert len(ask(ids, "route", "--id", "").out.split()) == 50
    assert ask(ids, "route", "--id", "d-00001").out == ""


def test_what_is_offered_is_described(ids: Home) -> None:
    """Shells that show it are told what a word is, on one line and harmless; bash gets the words alone."""
    assert ids.here(env=asking("refr", shell="fish")).out == f"refresh\t{COMMANDS['refresh'][1]}\n"
    assert ids.here(env=asking("route", "--off", shell="zsh")).out.startswith("--offline\tRefuse")
    (ids.state / "decisions").mkdir()
    hostile = {"id": "d-1", "at": "2020-01-01T00:00:00Z", "selected": "den/\x1b[31m\tx\ny"}
    (ids.state / "decisions/2020-01-01.jsonl").write_text(json.dumps(hostile) + "\n")
    shown = ids.here(env=asking("route", "--id", "", shell="fish")).out
    assert shown.count("\n") == shown.count("\t") == 1
    assert "\x1b" not in shown


# What stands for a value that nobody can guess: numbers, times, addresses, words of the person's own.
FREE = {
    *(
        "N",
        "X",
        "USD",
        "TIME",
        "DATE",
        "TEXT",
        "HEX",
        "URL",
        "ID",
        "WHO",
        "ZONE",
        "VERSION",
        "ARGV",
        "PROMPT",
    ),
    *("QUERY", "PATTERN", "NAME", "TAG", "LABEL", "KEY=VALUE", "NAME=VALUE", "NAME=VAR", "NAME=TEXT"),
}


def test_every_value_completes_or_is_free(ids: Home) -> None:
    """Whatever takes a name, a word of a few, or a path is completed; new options are no exception."""
    ids.write_config(CONFIG)
    mute = []
    for entry in leaves(top()):
        for param in entry.command.params:
            kind = str(param.metavar or param.name).strip("[].").upper()
            own = getattr(param, "_custom_shell_complete", None)
            if own or getattr(param, "is_flag", False) or kind in FREE or param.type.name != "text":
                continue
            option = [max(param.opts, key=len)] if param.param_type_name == "option" else []
            with mock.patch.dict(os.environ, {**ids.env, "A_KEY": "x"}, clear=True):
                if not offered(top().command, ["llmpool", *entry.words, *option, ""]):
                    mute.append((*entry.words, *option, kind))
    assert mute == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_every_shell(home: Home, shell: str) -> None:
    """`completion SHELL` prints a script that names the program and its variable."""
    script = home.here("completion", shell)
    assert (script.code, script.err) == (0, "")
    assert "_LLMPOOL_COMPLETE" in script.out
    assert "typer" not in script.out.lower()
    assert "eval" not in script.out.replace("evaluates", "")


def test_an_unknown_shell_is_refused(home: Home) -> None:
    """Other shells are a usage error that lists the known ones."""
    refused = home.here("completion", "ash")
    assert refused.code == 2
    assert "did you mean bash?" in refused.err
    assert all(shell in home.here("completion", "x").err for shell in SHELLS)


def test_the_quick_answer_is_the_slow_one(ids: Home) -> None:
    """A model is answered before the command tree is loaded, with the same words it would give."""
    for words in (
        ("route", "-m", "den/"),
        ("chat", "hi", "--model", ""),
        ("chat", "--model=o"),
        ("chat", "'hi there'", "-m", '"sm'),
        ("models", "show", "den/qwen3:"),
    ):
        with mock.patch.dict(os.environ, {**ids.env, **asking(*words)}, clear=True), Streams(None) as streams:
            assert quick.answered()
            told = streams.read("stdout").decode()
        assert told.split()
        assert told == ask(ids, *words).out


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "--", "-m", ""),
        ("chat", "-m=", ""),
        ("chat", "-s", "", "x"),
        ("--state", "x", "chat", "-m", ""),
        ("route", "-m", "x", "--state=/tmp", "-m", ""),
        ("models", "show", "-"),
        ("models", "list", ""),
        ("usage", ""),
        (),
    ],
)
def test_the_quick_answer_leaves_all_else_to_the_tree(ids: Home, words: tuple[str, ...]) -> None:
    """It answers only what it is sure of."""
    with mock.patch.dict(os.environ, {**ids.env, **asking(*words)}, clear=True):
        assert not quick.answered()
