"""Command lines in documents: which commands they run, and whether those commands know their options."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmpool.cli.manpage import Entry

_SINGLE = re.compile(r"'[^']*'")
_DOUBLE = re.compile(r'"(?:\\.|[^"\\])*"')
_INNER = re.compile(r"\$\(([^()]*)\)")
_REDIRECTION = re.compile(r"\d?>>?\s*(&\d|\S+)|<\s*\S+")
_SETTING = re.compile(r"\w+=\S*\s+")


def runs(line: str) -> Iterator[list[str]]:
    """Yield the words of every llmpool a shell line starts; what is quoted becomes one word, `Q`."""
    line = _SINGLE.sub("Q", line.strip().removeprefix("$ "))
    while found := _INNER.search(line):  # from the inside out: the outer quotes pair up afterwards
        yield from runs(found[1])
        line = line[: found.start()] + "Q" + line[found.end() :]
    line = _REDIRECTION.sub("", re.sub(r"(^|\s)#.*", "", _DOUBLE.sub("Q", line)))
    for part in re.split(r"\|\|?|&&?|;", line):
        words = _SETTING.sub("", part.strip(), count=3).split()
        if words[:1] == ["llmpool"]:
            yield words[1:]


def follow(words: list[str], top: Entry) -> tuple[Entry, list[str]]:
    """Follow *words* down the tree: the command they run, and what is wrong with them."""
    entry, faults, known, rest = top, [], _options(top), iter(words)
    for word in rest:
        if word == "--":
            break
        if word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            if entry.verbs and name not in known and entry is not top:
                entry = entry.verbs[0]  # a group without a verb runs its first one
            options = known | _options(entry)
            if name not in options:
                faults.append(f"{' '.join(entry.words)} has no option {name}")
            elif options[name] and not equals:
                next(rest, "")
        elif entry.verbs:
            found = [verb for verb in entry.verbs if verb.words[-1] == word]
            entry = found[0] if found else entry
            faults += [] if found else [f"{' '.join(entry.words) or 'llmpool'} has no command {word}"]
    return entry, faults


def _options(entry: Entry) -> dict[str, bool]:
    """Name the options of a command; true for those that take a value."""
    options = [param for param in entry.command.params if param.param_type_name == "option"]
    named = {name: not p.is_flag for p in options for name in (*p.opts, *p.secondary_opts)}
    return named | {"-h": False, "--help": False}
