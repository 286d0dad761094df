"""A home where everything that others can write has text in it that acts on a terminal, or hides in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.fakes import answers, faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

ACTS = {  # what a terminal does something at
    "escape": "\x1b[31m",
    "title": "\x1b]0;owned\x07",
    "one byte escape": "\x9b31m",
    "back": "\b\b",
    "return": "\rfake",
    "bell": "\x07",
    "delete": "\x7f",
    "override": "\u202e",
    "isolate": "\u2066",
    "mark": "\u200f",
}
HIDES = {  # what nobody sees
    "no space": "\u200b",
    "joiner": "\u200d",
    "no joiner": "\u200c",
    "byte order": "\ufeff",
    "selector": "\ufe0f",
    "selectors": "\U000e0101",
    "tag": "\U000e0041",
    "soft hyphen": "\u00ad",
    "mongolian": "\u180e",
    "filler": "\u3164",
    "half filler": "\uffa0",
    "jamo filler": "\u1160",
    "blank braille": "\u2800",
    "grapheme joiner": "\u034f",
    "line": "\u2028",
    "paragraph": "\u2029",
    "word joiner": "\u2060",
}
EVIL = "ev" + "".join([*ACTS.values(), *HIDES.values()]) + "il"
_FREE = (
    "deployment",
    "model",
    "selected",
    "served_by",
    "message",
    "reasons",
    "tag",
    "key",
    "error",
    "key_label",
)
QUIET = "".join(c for c in EVIL if c.isprintable())  # what a config may have in it
NAMES = [f"m-{mark}7b" for mark in HIDES.values()]  # all of which would look like m-7b


def quoted(text: str) -> str:
    """Write a text as TOML does that may not have it as it is."""
    return f'"{"".join(c if c.isalnum() or c in "-{}" else f"{chr(92)}U{ord(c):08X}" for c in text)}"'


CONFIG = f"""# a comment: {"".join(HIDES.values())}
default_model = "sky/m"
[routing]
max_retries = 0
connect_timeout = "2s"
[groups.g]
providers = ["sky"]
models = [{quoted(QUIET)}]
[budgets.daily]
limit = "5.00"
per = "day"
tag = {quoted(QUIET)}
[policy]
unpriced = "allow"
[templates]
t = {quoted(QUIET + "{input}")}
"""


@contextmanager
def hostile_home(home: Home) -> Iterator[Home]:
    """Prepare *home*: three servers that answer, refuse and break with it, and files that have it."""
    broken = faults.status(500, body=answers.error(EVIL, code=EVIL))
    said = [faults.ok(EVIL, served_as=EVIL), faults.status(400, body=answers.error(EVIL, code=EVIL)), broken]
    with ExitStack() as stack:
        sky = stack.enter_context(FakeServer(["m", *NAMES], behave=said * 40))
        den = stack.enter_context(FakeServer(["a:1"], speaks=("ollama",), behave=[broken] * 40))
        odd = stack.enter_context(FakeServer(["x"], behave_listing=[broken] * 40, behave=[broken] * 40))
        home.write_config(
            CONFIG,
            provider("sky", sky.url, location="cloud"),
            provider("den", den.root, preset="ollama", format=None),
            provider("odd", odd.url),
            model("sky/m", quality=9, aliases=["best"]),
            model(f"sky/{QUIET}-declared", quality=2),
            model("den/b", pull=True),
        )
        home.here("refresh")
        for line in ("-m sky/m hi", "-m sky/m hi", "-m odd/x --force hi"):
            home.here("chat", "--no-stdin", "--max-wait", "0", "--session", "s", *line.split())
        _records(home)
        _files(home)
        yield home


def _records(home: Home) -> None:
    """Write usage records and decisions with it in every field that is text."""
    now = time.time()
    for kind in ("usage", "decisions"):
        (path,) = (home.state / kind).glob("*.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now - 1))
        ill = [_ill(line) | {"at": at, "id": f"{line['id']}x"} for line in lines]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines + ill))


def _ill(value: Any, name: str = "") -> Any:
    """Put it behind every free text in a value."""
    if isinstance(value, dict):
        return {name: _ill(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_ill(each, name) for each in value]
    return value + EVIL if isinstance(value, str) and name in _FREE else value


def _files(home: Home) -> None:
    """Write it into what llmpool keeps, and into the files of other tools."""
    home.here("policy", "set", "sky", "--state", "flagged", "--reason", "why", "-y")
    for name, word in (("policy.json", "why"), ("inventory.json", "scripted")):
        path = home.state / name
        path.write_text(path.read_text().replace(f'"{word}', f'"{word}{json.dumps(EVIL)[1:-1]}'))
    session = home.state / "sessions" / "s.jsonl"
    session.write_text(session.read_text() + json.dumps({"role": "assistant", "text": EVIL}) + "\n")
    job = {"provider": "den", "model": "b", "state": "failed", "error": EVIL, "since": "2026-01-01T00:00:00Z"}
    (home.state / "downloads.json").write_text(
        json.dumps({"version": 1, "written_at": "2026-01-01T00:00:00Z", "data": {"den/b": job}})
    )
    others = {
        ".codex/config.toml": f'[model_providers.gw]\nname = {quoted(EVIL)}\nbase_url = "http://{EVIL}/v1"\n',
        ".config/io.datasette.llm/keys.json": json.dumps({EVIL: "sk-none"}),
        ".config/aichat/config.yaml": f"clients:\n- type: {EVIL}\n  api_key: x\n",
        "cwd/evil.toml": f"[providers.sky]\n{quoted(EVIL)} = 1\nurl = {quoted(EVIL)}\n",
        "cwd/policies.json": json.dumps({"policies": [{"target": EVIL, "state": EVIL, "reason": EVIL}]}),
        f"cwd/e{HIDES['joiner']}vil\x1b[31m.csv": "no,usage",
    }
    for name, content in others.items():
        path = home.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", errors="surrogateescape")
