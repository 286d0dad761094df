"""Measure the peers beside llmpool: start-up, one chat, streaming, a decision, the cost of a call, memory.

`--install DIR` makes a virtual environment for each of them there. A peer that is not installed is left out,
in words. The last column of the figures that were measured before says what they were then.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import _installed, _peer_code, _rows
from tests.benchmarks._installed import Program
from tests.benchmarks._process import Cost, Failed, wall, well
from tests.benchmarks._rows import Row
from tests.benchmarks.startup import declared
from tests.benchmarks.streaming import Server
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

PACKAGES = {
    "llm": ("llm",),
    "litellm": ("litellm",),
    "aisuite": ("aisuite[openai]",),
    "any-llm": ("any-llm-sdk[openai,anthropic]",),
}
DISTRIBUTION = {"any-llm": "any-llm-sdk"}
# ratios to `python -c pass` of an earlier measurement of the same peers, by what is measured
BEFORE = {
    "llm --version": 57, "llm --help": 54, "llm models": 59, "import aisuite": 17, "import any_llm": 121,
    "import litellm": 252,
}  # fmt: skip
LONG = 100_000  # characters of a long answer: some peers take a minute for a megabyte
CHATS_BEFORE = {"llm": 4.5, "litellm": 16}  # wall, to the bare httpx script


class Case(NamedTuple):
    """A command to measure: whose it is, what it is called, the line, and variables of its own."""

    peer: str
    name: str
    command: list[str]
    env: Mapping[str, str]


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--install", metavar="DIR", help="install the peers there, and measure nothing")
    options.add_argument("--dir", metavar="DIR", help="where they are installed")
    options.add_argument("--runs", type=int, default=3, help="rounds (default 3)")


def run(options: argparse.Namespace) -> None:
    """Install the peers, or measure those that are there."""
    if options.install:
        _install(Path(options.install))
        return
    print("\n".join(about(options.dir)), _rows.head(), sep="\n")
    with tempfile.TemporaryDirectory(prefix="llmpool-peers-") as directory:
        for row in rows(_installed.here(), Path(directory), options.runs, options.dir):
            print(_rows.line(row), flush=True)


def _install(directory: Path) -> None:
    """Make an environment for each peer; one that fails is said so, and left out later."""
    for name, packages in PACKAGES.items():
        python = _installed.make(directory / name, *packages)
        found = _installed.versions(python, DISTRIBUTION.get(name, name)) if python else {}
        print(f"{name}: {' '.join(found.values()) or 'could not be installed'}", flush=True)


def about(directory: str | None) -> list[str]:
    """Say which peers there are, with their versions."""
    pythons = _pythons(directory)
    told = []
    for name, python in pythons.items():
        names = DISTRIBUTION.get(name, name)
        told.append(f"{name} {_installed.versions(python, names).get(names, '?')}")
    missing = [name for name in PACKAGES if name not in pythons]
    told += [f"not installed, so left out: {', '.join(missing)}"] if missing else []
    return [f"peers: {', '.join(told)}"]


def _pythons(directory: str | None) -> dict[str, Path]:
    if not directory:
        return {}
    places = {name: Path(directory) / name / "bin" / "python" for name in PACKAGES}
    return {name: python for name, python in places.items() if python.exists()}


def rows(program: Program, directory: Path, rounds: int, where: str | None) -> Iterator[Row]:
    """Measure every peer that is there, and llmpool beside them."""
    pythons = _pythons(where)
    if not pythons:
        yield Row("peers", note="none is installed: python -m tests.benchmarks peers --install DIR")
        return
    home = Home(directory / "home")
    home.env["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would ask the network first
    home.env["LLM_USER_PATH"] = str(home.dir / "llm")
    env = program.env(home)
    yield from _starts(program, home, env, pythons, rounds)
    yield from _chats(program, home, env, pythons, rounds)
    yield from _streams(program, home, env, pythons, max(1, rounds // 2))
    yield from _decisions(program, directory, env, pythons)
    yield from _costs(program, home, env, pythons)


def _starts(
    program: Program, home: Home, env: Mapping[str, str], pythons: Mapping[str, Path], rounds: int
) -> Iterator[Row]:
    """Compare what starting costs, as ratios to the empty program of each environment."""
    home.write_config(provider("p", "http://127.0.0.1:9/v1"), *(model(f"p/m{n}") for n in range(100)))
    cases = [
        Case("", f"llmpool {line}", program.llmpool(*line.split()), {})
        for line in ("--version", "--help", "models list --json")
    ]
    for name, python in pythons.items():
        if name == "llm":
            script = str(python.with_name("llm"))
            cases += [
                Case(name, f"llm {each}", [script, each], {}) for each in ("--version", "--help", "models")
            ]
        else:
            module = name.replace("-", "_")
            cases.append(Case(name, f"import {module}", [str(python), "-c", f"import {module}"], {}))
    for case in cases:
        yield _started(case, pythons.get(case.peer, Path(program.python)), home, env, rounds)


def _started(case: Case, python: Path, home: Home, env: Mapping[str, str], rounds: int) -> Row:
    before = f", {BEFORE[case.name]}x before" if case.name in BEFORE else ""
    empty, costs = [], list[Cost]()
    try:
        well(case.command, env, home.cwd)
        for _ in range(rounds):
            empty.append(well([str(python), "-c", "pass"], env, home.cwd).cpu)
            costs.append(well(case.command, env, home.cwd))
    except Failed as error:
        return Row(case.name, note=f"no figure: {error}")
    peak = max(spent.peak for spent in costs)
    told = f"{case.name}, CPU to python -c pass ({peak:.0f} MiB{before})"
    return _rows.ratios(told, None, [spent.cpu for spent in costs], empty)


def _chats(
    program: Program, home: Home, env: Mapping[str, str], pythons: Mapping[str, Path], rounds: int
) -> Iterator[Row]:
    """Compare one short streamed chat, in wall time, with the bare httpx script in the same round."""
    with FakeServer(["m"]) as server:
        cases = list(_asking(program, home, pythons, server.url, "hi"))
        bare = next(case for case in cases if not case.peer)
        took: dict[str, list[float]] = {}
        failed: dict[str, Failed] = {}
        for number in range(rounds + 1):
            for case in cases:
                try:
                    seconds = wall(case.command, {**env, **case.env}, home.cwd)
                except Failed as error:
                    failed[case.name] = error
                    continue
                if number:
                    took.setdefault(case.name, []).append(seconds)
        for case in cases:
            before = f" ({CHATS_BEFORE[case.peer]:g}x before)" if case.peer in CHATS_BEFORE else ""
            told = f"one chat, {case.name}, to bare httpx{before}"
            if case.name in failed:
                yield Row(told, note=f"no figure: {failed[case.name]}")
            elif case is not bare:
                yield _rows.ratios(told, None, took[case.name], took[bare.name])


def _asking(program: Program, home: Home, pythons: Mapping[str, Path], url: str, word: str) -> Iterator[Case]:
    """Yield the command of everybody who asks the server for a streamed answer; the bare one is nobody's."""
    home.write_config(provider("p", url), model("p/m"))
    yield Case("", "bare", program.run(_peer_code.HTTPX, f"{url}/chat/completions", word), {})
    yield Case("llmpool", "llmpool", program.llmpool("chat", "-m", "p/m", word), {})
    for name, python in pythons.items():
        if name == "llm":
            _peer_code.teach_llm(home.dir / "llm", url)
            yield Case(name, name, [str(python.with_name("llm")), "-m", "mock", "-n", word], {})
        else:
            yield Case(name, name, [str(python), "-c", _peer_code.CHAT[name], url, word], {})


def _streams(
    program: Program, home: Home, env: Mapping[str, str], pythons: Mapping[str, Path], rounds: int
) -> Iterator[Row]:
    """Compare what a long answer in small parts costs in CPU, less what a word costs."""
    server = Server(20, 1, LONG)
    long = list(_asking(program, home, pythons, server.url, "LONG"))
    short = list(_asking(program, home, pythons, server.url, "short"))
    for case, word in zip(long, short, strict=True):
        told = f"streaming, {case.name or 'bare'}, MB a second of CPU"
        try:
            pairs = [[well(each.command, env, home.cwd).cpu for each in (case, word)] for _ in range(rounds)]
        except Failed as error:
            yield Row(told, note=f"no figure: {error}")
            continue
        yield Row(told, None, "MB/s", [LONG / 1e6 / max(1e-3, much - little) for much, little in pairs])


def _decisions(
    program: Program, directory: Path, env: Mapping[str, str], pythons: Mapping[str, Path]
) -> Iterator[Row]:
    """Compare one decision among a thousand deployments, inside a process."""
    home = declared(directory / "decide", 1000)
    ours = _told(program.python, _peer_code.DECIDE, program.env(home), home)
    yield Row("a decision among 1,000, llmpool", None, "ms", ours.get("decide", []))
    if "litellm" not in pythons:
        return
    theirs = _told(str(pythons["litellm"]), _peer_code.LITELLM_ROUTER, env, home)
    for strategy, values in theirs.items():
        yield Row(f"the same, litellm's Router, {strategy} (8-246 ms before)", None, "ms", values)


def _costs(
    program: Program, home: Home, env: Mapping[str, str], pythons: Mapping[str, Path]
) -> Iterator[Row]:
    """Compare the cost of one call worked out, warm."""
    ours = _told(program.python, _peer_code.COST, env, home)
    yield Row("the cost of one call, llmpool", None, "us", ours.get("cost", []))
    if "litellm" in pythons:
        theirs = _told(str(pythons["litellm"]), _peer_code.LITELLM_COST, env, home)
        yield Row("the same, litellm.cost_per_token (201-234 us before)", None, "us", theirs["cost"])


def _told(python: str, code: str, env: Mapping[str, str], home: Home) -> dict[str, list[float]]:
    """Run a text of Python that prints its figures as JSON, and return them."""
    return _peer_code.figures([python, "-c", code], env, home.cwd)
