"""Every example of the help does what it says: it is run in a home like the one the examples tell of."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmpool.cli.manpage import Entry, examples, leaves
from llmpool.cli.manual import tree
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.packaging.commandlines import follow, runs
from tests.support import Home, Result, model, provider

TOP = tree()
LEAVES = {" ".join(entry.words): entry for entry in leaves(TOP)}
MODELS = ("qwen3:8b", "qwen3:14b", "gpt-5-mini", "gpt-5", "gpt-4.1", "smollm2-135m")

# What these need is not here: only that they parse is known, from the test below.
NEEDED = {
    "models pull embedded": "the network",
    "models pull --cancel": "a pull under way",
    "models (show|remove|unload) embedded": "the embedded model",
    "models load": "a server that loads",
    "providers add http://den.lan": "a machine of that name",
    "providers add (openai|work)": "a person without it",
    "providers (login|logout)": "a browser, and a client id",
    "providers trial": "a signed licence",
    "providers keys encrypt$": "a keyring",
    "providers keys (add|replace) openai$": "a terminal",
    "(providers|pass).*--key-stdin": "a keyring",
    "providers import (claude-code|cc-switch|zimaos)": "the settings of another tool",
    "providers verify (work --key second|--url)": "a second key, a variable",
    "providers limits": "vendors that tell their limits",
    "usage import --from zimaos": "the data of another program",
    "usage prices update": "the network",
    "refresh --if-stale": "an hour of patience",
    "config edit": "a terminal",
    "chat -i": "a terminal",
}
FINDS = "doctor"  # it ends with 9 where it finds something, as it does in a home without a keyring


def lines(entry: Entry) -> Iterator[list[str]]:
    """Yield the words of every llmpool that an example of *entry* starts, as a shell would hand them over."""
    for line in examples(entry):
        for part in re.findall(r"(?:[^|'\"]|'[^']*'|\"[^\"]*\")+", line):
            words = shlex.split(part)
            if "$(" not in part and "llmpool" in words and words[0] != "ssh":
                begun = words[words.index("llmpool") + 1 :]
                yield begun[: begun.index(">")] if ">" in begun else begun


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Give a home with the providers that the examples name, refreshed and used."""
    routes = OllamaLibrary({"qwen3:8b": 3000}).routes()
    with FakeServer(MODELS, speaks=("ollama", "openai"), routes=routes) as server:
        home = Home(tmp_path_factory.mktemp("examples"))
        write(home, server)
        for line in (
            "refresh",
            "chat --session last -m den/qwen3:8b hi",
            "policy set openai/gpt-4.1 --state flagged",
            "policy export > policies.json",
            "policy export > p.json",
            "usage export -o usage.jsonl",
            "usage prices set work/gpt-5-x 1 2",
            "usage prices set gpt-5* 1 2",
            "usage prices set --default 5 15",
            "config export pool.llmpool",
        ):
            words, _, file = line.partition(" > ")
            done = home.here(*words.split())
            assert done.code == 0, done
            if file:
                (home.cwd / file).write_text(done.out)
        yield home


def write(home: Home, server: FakeServer) -> None:
    """Write the config of the home, and the files that the examples name."""
    home.write_config(
        provider("den", server.url.removesuffix("/v1"), format="ollama"),
        provider("openai", server.url, keys=[{"label": "work", "env": "OPENAI_API_KEY"}]),
        provider("work", server.url, key={"env": "WORK_KEY"}),
        provider("embedded", server.url),
        model("den/qwen3:8b", quality=6, aliases=["small"]),
        '[groups.family]\nproviders = ["den"]',
        *(f'[budgets.{name}]\nlimit = "5.00"\nper = "day"' for name in ("daily", "batch-daily")),
    )
    home.env |= {
        "OPENAI_API_KEY": "planted-one",
        "WORK_KEY": "planted-two",
        "NEW_OPENAI_KEY": "planted-three",
    }
    for name, text in {
        "photo.png": "\x89PNG\r\n\x1a\n",
        "prompts.jsonl": '{"prompt": "hi"}\n',
        "draft.toml": "[routing]\n",
        "key.txt": "planted-five\n",
        ".env": "GROQ_API_KEY=planted-six\n",
    }.items():
        (home.cwd / name).write_text(text, encoding="latin-1")


def run(prepared: Home, directory: Path, words: list[str]) -> Result:
    """Run *words* in a home of its own that is as the prepared one; what asks for a yes is given it."""
    home = Home(directory)
    shutil.copy(prepared.config, home.config)
    shutil.copytree(prepared.state, home.state)
    shutil.copytree(prepared.cwd, home.cwd, dirs_exist_ok=True)
    home.env |= {name: value for name, value in prepared.env.items() if name.endswith("_KEY")}
    piped = {"policy": "policies.json", "usage": "usage.jsonl", "init": "pool.llmpool"}.get(words[0], "")
    stdin = (home.cwd / piped).read_bytes() if piped and "-" in words else b"{}"
    done = home.here(*words, stdin=stdin)
    return home.here(*words, "--yes", stdin=stdin) if "nobody can be asked here" in done.err else done


@pytest.mark.parametrize("name", list(LEAVES))
def test_examples_run(prepared: Home, tmp_path: Path, name: str) -> None:
    """Every example ends well, but for those that need what no test has."""
    bad = []
    for number, words in enumerate(lines(LEAVES[name])):
        if not any(re.match(start, " ".join(words)) for start in NEEDED):
            done = run(prepared, tmp_path / str(number), words)
            if done.code not in ((0, 9) if words[0] == FINDS else (0,)):
                bad.append((" ".join(words), done.code, done.err[-300:]))
    assert bad == []


def test_examples_parse() -> None:
    """Every command and option of an example is there, those in pipes and `$(...)` too."""
    told = [line for entry in LEAVES.values() for line in examples(entry)]
    assert [fault for line in told for words in runs(line) for fault in follow(words, TOP)[1]] == []
    assert [line for line in told if not list(runs(line)) and "llmpool" not in line] == []


def test_what_is_not_run_is_an_example() -> None:
    """Nothing is excused that no example has any more."""
    every = [" ".join(words) for entry in LEAVES.values() for words in lines(entry)]
    assert [start for start in NEEDED if not any(re.match(start, line) for line in every)] == []
