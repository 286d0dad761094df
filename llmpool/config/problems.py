"""Problems of a config: where, what and the way out; and how anything from the file may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.config.scan import TABLES_OF_TABLES, KeyPath
from llmpool.core.near import meant, near

# Keys as vendors print them; in what is shown, also anything dense enough to be a key.
_VENDOR_KEY = re.compile(
    r"\b(?:sk[-_]|gsk_|hf_|xai-|gh[oprsu]_|github_pat_|pplx-|csk-|nvapi-|r8_|tgp_|fw_)[-\w]{8,}"
    r"|\b(?:AIza|AKIA|eyJ)[-\w.]{12,}"
)
_DENSE, _RUN = re.compile(r"[A-Za-z0-9]{32,}"), re.compile(r"[A-Za-z0-9]{16,}")
_SHOWABLE = re.compile(f"{_VENDOR_KEY.pattern}|{_DENSE.pattern}")
_LONGEST_SHOWN = 60
_LONGEST_PLACE = 300  # characters of a path in a line; JSON has all of it
_PLAIN = ("routing", "policy", "usage", "templates")


class Problem(NamedTuple):
    """One thing wrong at *path*; *suggestion* is a full sentence without its stop, or empty."""

    path: KeyPath
    message: str
    suggestion: str = ""


class Spot(NamedTuple):
    """A place in the config, and the list its problems go to."""

    path: KeyPath
    problems: list[Problem]

    def at(self, *keys: str | int) -> Spot:
        """Return the spot further in."""
        return Spot((*self.path, *keys), self.problems)

    def fault(self, message: str, suggestion: str = "") -> None:
        """Note a problem here; whoever called goes on with the rest of the file."""
        self.problems.append(Problem(self.path, message, suggestion))


def looks_secret(text: str) -> bool:
    """Whether *text* contains something shaped like an API key or a token."""
    return _VENDOR_KEY.search(text) is not None


def is_dense(text: str) -> bool:
    """Whether *text* has a run of letters and digits that no name has, as keys of many vendors have."""
    return _DENSE.search(text) is not None


def keys_in(words: Iterable[str]) -> list[str]:
    """Return what is shaped like a key in *words*: a vendor's beginning, and 16 characters in a row."""
    found = (match[0] for word in words for match in _VENDOR_KEY.finditer(word))
    return [key for key in found if _RUN.search(key)]


def without_secrets(text: str) -> tuple[str, int]:
    """Hide everything shaped like a key in *text*, comments included; returns it and how many there were."""
    return _VENDOR_KEY.subn("<hidden>", text)


def escaped(text: str) -> str:
    """Make *text* safe to show: keys hidden, control characters and bidi overrides as escapes."""
    hidden = _SHOWABLE.sub("<hidden>", text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in hidden)


def shown(value: object) -> str:
    """Describe *value* in a few words that never carry a secret."""
    if isinstance(value, str):
        return f'"{escaped(value)}"' if len(value) <= _LONGEST_SHOWN else f"a text of {len(value)} characters"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**15 else "a very large number"
    if isinstance(value, (float, Decimal)):
        return str(value) if len(str(value)) <= _LONGEST_SHOWN else "a very long number"
    return noun(value)


def noun(value: object) -> str:
    """Name the type of *value* as a TOML author would."""
    kinds = ((bool, "a boolean"), (str, "text"), (int, "a whole number"), ((float, Decimal), "a number"))
    more = ((dict, "a table"), (list, "an array"))
    return next((name for kind, name in (*kinds, *more) if isinstance(value, kind)), "a date or time")


def nearest(word: str, words: list[str]) -> str:
    """Suggest the one of *words* that *word* may have been meant as; empty when none is close."""
    return meant([f'"{escaped(each)}"' for each in near(word, words, most=1)])


def dotted(path: KeyPath) -> str:
    """Write *path* as TOML would: `providers."bad id".url`, items as `models[0]`."""
    words = ""
    for key in path:
        if isinstance(key, int):
            words += f"[{key}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", key) and not _SHOWABLE.search(key)
            words += ("." if words else "") + (key if bare else f'"{escaped(key)}"')
    return words


def place(path: KeyPath) -> str:
    """Write *path* as `[table] key`."""
    depth = 2 if path[:1] and path[0] in TABLES_OF_TABLES else 1 if path[:1] and path[0] in _PLAIN else 0
    if path[:1] == ("models",):
        table, rest = "[[models]]", path[2:]
    else:
        table, rest = (f"[{dotted(path[:depth])}]" if depth else ""), path[depth:]
    return " ".join(part for part in (table, dotted(rest)) if part)


def as_line(problem: Problem, file: str, line: int | None) -> str:
    """Write *problem* as a line for a person: `FILE:LINE  [table] key: fact. remedy`."""
    start = f"{escaped(file)}:{line}" if line else escaped(file)
    where = place(problem.path)
    where = where if len(where) <= _LONGEST_PLACE else f"{where[:_LONGEST_PLACE]}..."
    fact = f"{where}: {problem.message}" if where else problem.message
    remedy = problem.suggestion[:1].upper() + problem.suggestion[1:]
    return f"{start}  {fact}. {remedy}" if remedy else f"{start}  {fact}"


def as_json(problem: Problem, file: str, line: int | None) -> dict[str, Any]:
    """Write *problem* as `--json` shows it."""
    return {
        "file": file,
        "line": line,
        "key": dotted(problem.path),
        "message": problem.message,
        "suggestion": problem.suggestion,
    }
