"""Plays the README: each command of its `console` blocks, one after another, in the home that it tells of.

`python -m tests.packaging.readme_play` prints the README with the answers that came in place of those shown.
A command without an answer below it keeps none; a line `...` stands for what is left out, and is left alone.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import keyring

from tests.cli.planted_home import KeptKeyring
from tests.cli.scene import Scene, answer, scene
from tests.cli.test_usage import plant
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.support import Home, Result, is_foreign

README = Path(__file__).resolve().parents[2] / "README.md"
COLUMNS = 98
CONFIG = "~/.config/llmpool/config.toml"

# Only parsed: what they need is not here.
UNPLAYED = {
    "python3 -m venv": "it installs; CI runs it",
    "pip install": "likewise",
    "pytest": "this is it",
    "crontab": "a cron daemon; its line is run by itself",
    "llmpool chat -i": "a person who types",
    "llmpool providers login": "a browser, and a client id",
    "llmpool usage prices update": "the network",
    "eval ": "a shell that goes on",
}

# How those end that do not end with 0.
ENDS = {"llmpool doctor --cron": 9, "LLMPOOL_LOCAL_ONLY=1 llmpool chat": 6}

# What other programs of a line print.
OTHERS = {
    "git diff --staged": "--- a/config.py\n+++ b/config.py\n+retries = 3\n",
    "pass show openai/2": "sk-spare-0123456789-67890\n",
    "pass show openai/new": "sk-newer-0123456789-13579\n",
}

_DIFFICULTY = re.compile(r"^difficulty .*?(?=^ +SCORE)", re.DOTALL | re.MULTILINE)
_CHANGING = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"\b(d-|usage_)[a-z0-9]{8,}", r"\1ID"),
        (r"\d{4}-\d\d-\d\d( to \d{4}-\d\d-\d\d)?", "DATE"),
        (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2}", "DATE"),
        (r",?\s+(answers\s+fast|reliable)\s+\+\d+", ""),
        (r"--strategy latency: \S+", ""),
        (r"[█▉▊▋▌▍▎▏·]+(?=\s)", " "),
        (r"\d[\d,.:]*(\s?[kM]\b)?", "#"),
        (r"#\s(ms|s|min|h)\b", "TIME"),
    )
)


class Step(NamedTuple):
    """A command of the README, where it stands, and the lines below it."""

    section: str
    line: str
    number: int  # of its line in the file, from 0
    shown: tuple[str, ...]


def steps(text: str) -> Iterator[Step]:
    """Read the commands out of the `console` blocks."""
    section, inside, lines = "", False, text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("```"):
            inside = line == "```console"
        elif not inside and line.startswith("## "):
            section = line.removeprefix("## ")
        elif inside and line.startswith("$ "):
            below = []
            for further in lines[number + 1 :]:
                if further.startswith(("$ ", "```")):
                    break
                below.append(further)
            yield Step(section, line.removeprefix("$ "), number, tuple(below))


def is_played(line: str) -> bool:
    """Say whether a command can be run here."""
    return not line.startswith(tuple(UNPLAYED))


def ends(line: str) -> int:
    """Return the exit code that a command should end with."""
    return next((code for start, code in ENDS.items() if line.startswith(start)), 0)


def words(text: str) -> Counter[str]:
    """Count the words of an answer, but for what another run, day or machine changes.

    That is figures, dates, ids, bars, what was quick, and what moved a difficulty, which comes with what was
    learned. Where lines are broken does not count either.
    """
    text = _DIFFICULTY.sub("", text)
    for pattern, mask in _CHANGING:
        text = pattern.sub(mask, text)
    return Counter(text.split())


def differs(step: Step, came: str) -> list[str]:
    """Return the words that are shown and did not come, or came and are not shown; none where nothing is."""
    if not step.shown:
        return []
    shown, real = words("\n".join(line for line in step.shown if line != "...")), words(came)
    missing = shown - real if "..." in step.shown else (shown - real) + (real - shown)
    return sorted(missing)


class Player:
    """A shell that knows pipes, files, settings and substitutions, as far as the README has them."""

    def __init__(self, on: Scene) -> None:
        self.scene, self.home = on, on.home
        self.section = ""

    def play(self, step: Step) -> Result:
        """Run the command of *step*; at the head of a section the scene is set for it."""
        if step.section != self.section:
            self.section = step.section
            PREPARED.get(step.section, lambda _scene: None)(self.scene)
        line = re.sub(r"\s+#( .*)?$", "", step.line)
        result = Result(0, "", "")
        for part in re.split(r"\s&&\s", line):
            result = self._run(part)
            if result.code:
                break
        return result._replace(out=self._tidy(result.out), err=self._tidy(result.err))

    def _run(self, line: str) -> Result:
        if setting := re.match(r'(\w+)="?([^"$]*)"? *$', line):
            self.home.env[setting[1]] = setting[2]
            return Result(0, "", "")
        if given := re.match(r"(\w+)=(\S+) (llmpool .*)", line):
            before = dict(self.home.env)
            self.home.env[given[1]] = given[2]
            try:
                return self._run(given[3])
            finally:
                self.home.env = before
        while inner := re.search(r'"?\$\((llmpool [^()]*)\)"?', line):
            chosen = self._run(f"{inner[1]} | cat")
            line = line.replace(inner[0], chosen.out.strip())
        first, _, second = line.partition(" | ")
        piped: str | None = None
        if second.startswith("llmpool"):
            piped, line, second = OTHERS[first.strip()], second, ""
        else:
            line = first
        return self._llmpool(line, piped, is_piped=bool(second))

    def _llmpool(self, line: str, stdin: str | None, *, is_piped: bool) -> Result:
        words = [re.sub(r"^\$(\w+)$", self._value, word) for word in shlex.split(line)]
        assert words[0] == "llmpool", line
        words = words[1:]
        if words[:2] == ["init", "--from"]:
            return self._elsewhere(words)
        for sign in ("<", ">"):
            if sign in words:
                place = words.index(sign)
                file = self.home.cwd / words[place + 1]
                del words[place : place + 2]
                if sign == "<":
                    stdin = file.read_text()
                else:
                    done = self.home.here(*words, stdin=stdin)
                    file.write_text(done.out)
                    return done._replace(out="")
        if is_piped or stdin is not None:
            return self.home.here(*words, stdin=stdin)
        typed = TYPED.get(" ".join(words))
        return self.scene.seen(*words, columns=COLUMNS, typed=typed)

    def _elsewhere(self, words: list[str]) -> Result:
        """Run a command on another machine, where the file that it names was brought."""
        other = Home(self.home.dir / "other")
        shutil.copy(self.home.cwd / words[-1], other.cwd / words[-1])
        other.env |= {name: self.home.env[name] for name in ("NO_PROXY", "no_proxy")}
        self.scene.home, here = other, self.home
        try:
            result = self.scene.seen(*words, columns=COLUMNS)
        finally:
            self.scene.home = here
        return result._replace(err=at_its_place(result.err, other))

    def _value(self, name: re.Match[str]) -> str:
        return self.home.env.get(name[1], name[0])

    def _tidy(self, text: str) -> str:
        text = at_its_place(text, self.home).replace(str(self.home.dir), "~")
        return re.sub(r"(\[1\] )(?=\S)", r"\g<1>\n", text)


def at_its_place(text: str, home: Home) -> str:
    """Name the config where a person has it; a test keeps its own right in the home."""
    return text.replace(str(home.config), CONFIG).replace("~/config.toml", CONFIG)


TYPED = {"init": "1\n"}


def _said(number: int, request: Request) -> Behaviour:
    """Answer as the cloud does in the README."""
    del number
    asked = str(request.json["messages"][-1])
    if "function" in asked:
        return answer("```python\ndef add(a, b):\n    return a + b\n```\nIt adds.", 24, 31)
    if "person" in asked:
        return answer('{"name": "Ada", "age": 36}', 40, 12)
    return answer()


def _spent(on: Scene) -> None:
    """Leave a good month behind."""
    fields = (
        "deployment",
        "input_tokens",
        "cache_read_tokens",
        "output_tokens",
        "cost",
        "latency_ms",
        "ttft_ms",
    )
    kinds = (
        ("openai/gpt-5", 9000, 5500, 1400, "0.0191", 4100, 900),
        ("openai/gpt-5-mini", 1400, None, 620, "0.0016", 1900, 400),
        ("work/our-finetune", 5400, None, 1100, None, 2700, 700),
    )
    made = [dict(zip(fields, kinds[n % 3 if n < 9 else 1], strict=True)) | {"ago": 1} for n in range(40)]
    plant(on.home, *made)


def _down(on: Scene) -> None:
    on.close_den()


def _up(on: Scene) -> None:
    on.where["den.lan"] = on.den.port
    on.home.here("providers", "clear", "--all")


def _files(on: Scene) -> None:
    """Write the files that the section names."""
    schema = '{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}'
    for name, text in {
        "person.json": schema,
        "prompts.jsonl": '{"prompt": "Name a sea."}\n{"prompt": "Name a river."}\n',
        "payslip.txt": "Salary 1\n",
        "photo.png": "\x89PNG\r\n\x1a\n",
    }.items():
        (on.home.cwd / name).write_text(text, encoding="latin-1")


PREPARED: dict[str, Callable[[Scene], None]] = {
    "What did I spend?": _spent,
    "What if a provider is down?": _down,
    "Cron": _up,
    "Scripts": _files,
}


def rehearse(on: Scene) -> None:
    """Tell the servers what to say, and forget the config."""
    on.home.config.unlink()
    on.openai.behave(_said)
    on.den.behave(lambda number, request: on.memory.chat(number, request) and _said(number, request))
    on.memory.until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 290))
    on.work.models[:] = ["our-finetune"]
    on.home.env |= {"OPENAI_BASE_URL": on.openai.url}


def stage(home: Home) -> Iterator[Player]:
    """Set the scene: nothing is configured yet, a key is in a variable, the box and the gateway are there."""
    before = keyring.get_keyring()
    keyring.set_keyring(KeptKeyring({}))
    try:
        with scene(home) as on:
            rehearse(on)
            yield Player(on)
    finally:
        keyring.set_keyring(before)


def as_seen(line: str, result: Result) -> list[str]:
    """Put both streams in the order that a terminal has them: `chat` says last who answered."""
    out, err = ([each.rstrip() for each in text.splitlines()] for text in (result.out, result.err))
    if not line.startswith("llmpool chat"):
        return out + err
    footer = [each for each in err if " · " in each and "first token" in each]
    return [each for each in err if each not in footer] + out + footer


def foreign() -> list[str]:
    """Name the variables that could sway what is shown."""
    return [name for name in os.environ if is_foreign(name)]


def main() -> None:
    """Print the README with the answers of now."""
    for name in foreign():
        del os.environ[name]
    text = README.read_text(encoding="utf-8")
    lines = text.splitlines()
    with tempfile.TemporaryDirectory() as directory:
        home = Home(Path(directory))
        for player in stage(home):
            made = [(step, player.play(step)) for step in steps(text) if is_played(step.line)]
    for step, result in reversed(made):
        came = as_seen(step.line, result)
        if step.shown and "..." not in step.shown:
            lines[step.number + 1 : step.number + 1 + len(step.shown)] = came
        if result.code != ends(step.line):
            sys.stderr.write(f"[{result.code}] {step.line}\n{result.err}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
