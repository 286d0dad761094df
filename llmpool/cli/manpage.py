"""Man pages out of commands: what a command says of itself, and what its page says beyond that."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from llmpool.cli.pagewords import PAGES, Words
from llmpool.cli.roff import (
    also,
    bold,
    commands,
    italic,
    item,
    page,
    paragraphs,
    prose,
    section,
    terms,
    text,
    verbatim,
)
from llmpool.cli.tree import summary

_TYPES = {"INTEGER": "N", "INT RANGE": "N", "INTEGER RANGE": "N", "FLOAT": "X", "FLOAT RANGE": "X"}


class Entry(NamedTuple):
    """A command of the tree with the words that call it."""

    words: tuple[str, ...]
    command: Any

    @property
    def verbs(self) -> "list[Entry]":
        """The commands one word further down; none for a command that only runs."""
        inner = getattr(self.command, "commands", {})
        return [Entry((*self.words, name), each) for name, each in inner.items() if not each.hidden]

    @property
    def page(self) -> str:
        """The page this command is described on."""
        return "-".join(("llmpool", *self.words[:1]))


def leaves(entry: Entry) -> Iterator[Entry]:
    """Go through the commands that run, in the order of the help."""
    if not entry.verbs:
        yield entry
    for verb in entry.verbs:
        yield from leaves(verb)


def synopsis(entry: Entry) -> str:
    """Write how a command is called, in one line."""
    words = bold(" ".join(("llmpool", *entry.words)))
    shown = [word for each in entry.command.params if (word := _argument(each))]
    return " ".join([words, rf"[{italic('OPTION')}]...", *shown])


def _argument(param: Any) -> str:
    if param.param_type_name != "argument" or param.hidden:
        return ""
    name = param.metavar or param.name.upper()
    if param.required or name.startswith("["):
        return italic(name)
    return rf"[{italic(name)}]"


def parameters(entry: Entry) -> list[str]:
    """Set the arguments and options of a command, each with all that is known of it."""
    shown = [each for each in entry.command.params if not each.hidden]
    lines: list[str] = []
    for param in shown:
        if param.param_type_name == "argument":
            name = re.sub(r"[][]", "", param.metavar or param.name.upper()).strip(".")
            lines += item(italic(name), prose(param.help or ""))
        else:
            lines += item(_option(param), prose(_meaning(param)))
    return lines


def _option(param: Any) -> str:
    names = ", ".join(map(bold, sorted(param.opts, key=len)))
    if param.secondary_opts:
        return ", ".join([names, *map(bold, param.secondary_opts)])
    if param.is_flag:
        return names
    kind = param.type.name.upper()
    return f"{names} {italic(param.metavar or _TYPES.get(kind, kind))}"


def _meaning(param: Any) -> str:
    told = param.help or ""
    facts = [told, *_range(param, told)]
    if param.multiple and "repeated" not in told:
        facts.append("May be given several times.")
    if param.default not in (None, "", 0) and not (
        param.is_flag or param.multiple or callable(param.default)
    ):
        facts.append(f"Default: {param.default}.")
    if param.envvar:
        facts.append(f"Environment: `{param.envvar}`.")
    return " ".join(filter(None, facts))


def _range(param: Any, told: str) -> Iterator[str]:
    """Say between which numbers a value lies, unless the help does."""
    low, high = getattr(param.type, "min", None) or 0, getattr(param.type, "max", None)
    numbers = re.findall(r"[\d.]*\d", told)
    if high is None and low:
        yield f"At least {low}."
    elif high is not None and {f"{low:g}", f"{high:g}"} - set(numbers):
        yield f"From {low:g} to {high:g}."


def examples(entry: Entry) -> list[str]:
    """Return the command lines a command gives as examples."""
    lines = inspect.cleandoc(entry.command.epilog or "").replace("\b", "").splitlines()
    return [line.strip() for line in lines if "llmpool" in line]


def command_page(entry: Entry) -> str:
    """Write the page of a command or of a group of verbs."""
    runs = list(leaves(entry))
    words = PAGES[entry.page]
    calls = [line for each in runs for line in (".br", synopsis(each))][1:]
    described = section("VERBS", (line for each in runs for line in _verb(each))) if entry.verbs else []
    sections = [
        section("SYNOPSIS", calls),
        section("DESCRIPTION", _about(entry, words)),
        *(section(title, paragraphs(told)) for title, told in words.sections),
        described or section("OPTIONS", parameters(entry)),
        *_further(entry),
        section("EXAMPLES", _examples(runs)),
        section("FILES", terms(words.files)),
        section("EXIT STATUS", _exits(words)),
        also(("llmpool", *words.see, "llmpool.toml(5)")),
    ]
    return page(entry.page, _lowered(summary(entry.command)), sections)


def _about(entry: Entry, words: Words) -> list[str]:
    """Say what it is for: in its own words, then in those of the page."""
    told = paragraphs(entry.command.help or "")
    if entry.verbs:
        told += [".PP", prose(f"Without a verb, `{entry.verbs[0].words[-1]}` runs.")]
    return [*told, *([".PP", *paragraphs(words.about)] if words.about else [])]


def _exits(words: Words) -> list[str]:
    from llmpool.cli.frontpage import EXITS

    told = terms({str(int(code)): EXITS[code] for code in words.exits})
    pointer = "All of them, the global options and the variables of the environment: `llmpool`(1)."
    return [*told, ".PP", prose(pointer)]


def _further(entry: Entry) -> list[list[str]]:
    """Set what no option can say: what is typed in a conversation, how cron and systemd run a refresh."""
    return _FURTHER[entry.page]() if entry.page in _FURTHER else []


def _conversation() -> list[list[str]]:
    from llmpool.cli.conversing_commands import COMMANDS

    typed = {
        f"/{name} {each.takes}".strip(): f"{each.about[:1].upper()}{each.about[1:]}."
        for name, each in COMMANDS.items()
    }
    told = "With `-i` each line is answered, and one that begins with a slash is an order:"
    return [section("IN A CONVERSATION", [prose(told), *terms(typed)])]


def _schedules() -> list[list[str]]:
    from llmpool.cli import cronpage

    return [
        section("FROM CRON", [*paragraphs(cronpage.IN_CRON), *verbatim([cronpage.CRONTAB])]),
        section(
            "FROM SYSTEMD",
            [
                *paragraphs(cronpage.IN_SYSTEMD),
                *verbatim(cronpage.SERVICE.splitlines()),
                ".PP",
                *paragraphs(cronpage.THE_TIMER),
                *verbatim(cronpage.TIMER.splitlines()),
            ],
        ),
        section("UNATTENDED", paragraphs(cronpage.ABOUT_IT)),
    ]


def _hints() -> list[list[str]]:
    from llmpool.router.features import HINTS

    told = {name: f"{about}." for name, about in HINTS.items()}
    return [
        section(
            "HINTS", [prose("What `--hint KEY=VALUE` takes; a hint never requires anything."), *terms(told)]
        )
    ]


_FURTHER = {"llmpool-chat": _conversation, "llmpool-route": _hints, "llmpool-refresh": _schedules}


def _verb(entry: Entry) -> list[str]:
    head = [f".SS {text(' '.join(entry.words[1:]))}", synopsis(entry), ".PP"]
    return [*head, *paragraphs(entry.command.help or ""), *parameters(entry)]


def _examples(runs: Iterable[Entry]) -> list[str]:
    """Set the examples, those of each verb apart from the next one's."""
    blocks = [commands(lines) for each in runs if (lines := examples(each))]
    return [line for block in blocks for line in (".PP", *block)][1:]


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
