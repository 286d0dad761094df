"""Every command on a state directory, or a config, in which one file is broken."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import partial

from tests.fuzz import bytewise
from tests.fuzz.golden import Golden, golden
from tests.fuzz.promise import ACTING, Mutate, Target
from tests.support import Result

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("models", "list", "--json"),
    ("models", "list"),
    ("models", "show", "den/small"),
    ("route", "hello"),
    ("route", "hello", "--json"),
    ("route", "--last"),
    ("usage",),
    ("usage", "summary", "--by", "day", "--json"),
    ("usage", "list", "--json"),
    ("usage", "decisions"),
    ("usage", "decisions", "--json"),
    ("usage", "prices", "list"),
    ("usage", "prices", "show", "den/small", "--json"),
    ("usage", "export", "--format", "csv"),
    ("usage", "export", "--format", "otlp"),
    ("usage", "reprice", "--dry-run"),
    ("usage", "prune", "--dry-run"),
    ("policy", "show"),
    ("policy", "show", "--json"),
    ("policy", "export"),
    ("policy", "budget", "list"),
    ("policy", "group", "list"),
    ("policy", "simulate"),
    ("providers", "list"),
    ("providers", "list", "--json"),
    ("providers", "show", "sky"),
    ("providers", "keys", "list"),
    ("providers", "limits", "--offline"),
    ("providers", "trial", "status"),
    ("doctor",),
    ("doctor", "--json"),
    ("config", "show"),
    ("config", "check"),
    ("chat", "--dry-run", "hello"),
    ("chat", "--dry-run", "-m", "sky/big", "hello", "--json"),
    ("chat", "--list"),
    ("chat", "--show", "talk"),
    ("chat", "--export", "talk"),
    ("models", "pull", "--list"),
)
WRITING: tuple[tuple[str, ...], ...] = (
    ("chat", "hello", "--tag", "t"),
    ("chat", "-m", "sky/big", "hello", "--json"),
    ("chat", "again", "--session", "talk"),
    ("chat", "again", "--continue"),
    ("refresh",),
    ("policy", "set", "den/small", "--state", "flagged", "--reason", "r"),
    ("policy", "clear", "den/big"),
    ("providers", "clear", "--all"),
    ("usage", "prices", "set", "den/big", "--input", "1", "--output", "2"),
    ("models", "probe", "-m", "den/small"),
    ("usage", "reprice", "--yes"),
    ("usage", "prune", "--yes"),
    ("route", "hello", "--record"),
    ("providers", "verify", "sky"),
    ("chat", "--delete", "talk"),
    ("policy", "budget", "set", "3/day"),
)
ENDS = frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 75})


def run_all(name: str, content: bytes, commands: Iterable[tuple[str, ...]]) -> None:
    """Break one file and run *commands* one after the other; each ends as it is documented, in clean text."""
    home = golden()
    home.restore(name, content)
    for words in commands:
        ended(home, words)


def ended(
    home: Golden, words: tuple[str, ...], *, stdin: bytes | None = None, env: dict[str, str] | None = None
) -> None:
    """Run one command, and hold it to how commands end."""
    done: Result = home.run(*words, stdin=stdin, env=env)
    if done.code not in ENDS:
        home.run("--traceback", *words, stdin=stdin, env=env)  # which raises it, unless it is mended by now
    assert done.code in ENDS, (words, done)
    shown = words[:2] not in (("policy", "export"), ("usage", "export"), ("chat", "--export"))
    for text in (done.err, done.out if shown else ""):
        assert not ACTING.search(text), (words, ACTING.search(text), done)
    if "--json" in words and done.code in (0, 6, 9) and done.out:
        for document in done.out.splitlines() if "--batch" in words else [done.out]:
            json.loads(document, parse_constant=_refused)
    assert len(done.out) + len(done.err) < 2_000_000, (words, len(done.out), len(done.err))


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def some(content: bytes, commands: tuple[tuple[str, ...], ...], count: int) -> list[tuple[str, ...]]:
    """Choose commands by the content, so that an example is the same each time."""
    first = zlib.crc32(content)
    return [commands[(first + number * 7) % len(commands)] for number in range(count)]


def check(name: str, content: bytes) -> None:
    """Run two commands that read and one that writes, and then once more one that reads."""
    chosen = [
        *some(content, COMMANDS, 2),
        *some(content[::-1], WRITING, 1),
        *some(content + b"x", COMMANDS, 1),
    ]
    run_all(found(name), content, chosen)


def seeds(name: str) -> list[bytes]:
    """Return the file as it is when all is well."""
    return [golden().files[found(name)][0]]


def found(name: str) -> str:
    """Name the file that is meant: a day's file is called after the day."""
    return next(each for each in golden().files if fnmatch(each, f"state/{name}"))


def _mutation(name: str) -> Mutate:
    if name.endswith(".jsonl"):
        return bytewise.json_lines
    return bytewise.json_document if name.endswith(".json") else bytewise.text_lines


FILES = (
    *(
        "account-status.json",
        "account-quotas.json",
        "accounts.json",
        "budgets.json",
        "costs.json",
        "downloads.json",
    ),
    *(
        "formats.json",
        "health.json",
        "history.json",
        "inventory.json",
        "keys.json",
        "limits.json",
        "policy.json",
    ),
    *(
        "prices.json",
        "rates/sky.json",
        "registry.json",
        "routing.json",
        "tokens.json",
        "trial.json",
        "model-ids.txt",
    ),
    *("sessions/talk.jsonl", "decisions/*.jsonl", "usage/*.jsonl", "usage/rollup/*.day"),
)


def targets() -> list[Target]:
    """Make a target of every state file."""
    return [
        Target(f"state-{name}", partial(seeds, name), _mutation(name), partial(check, name)) for name in FILES
    ]
