"""Man pages out of commands: what a command says of itself, set in the man macros of roff."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from llmpool import __version__
from llmpool.cli.app import summary

DATE = "2026-11-01"  # of the version; a page must not change because a day has passed

_RISKY = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "'": r"\(aq", "`": r"\(ga"}
_CODE = re.compile(r"`([^`]+)`")


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


def text(plain: str) -> str:
    """Write *plain* so that roff takes no character of it for an order, except a dot that opens a line."""
    return "".join(_RISKY.get(c, c if c.isascii() else f"\\[u{ord(c):04X}]") for c in plain)


def line_of(ready: str) -> str:
    """Make escaped text a line of its own."""
    return rf"\&{ready}" if ready.startswith(".") else ready


def bold(plain: str) -> str:
    """Write what is typed as it stands."""
    return rf"\fB{text(plain)}\fR"


def italic(plain: str) -> str:
    """Write what stands for something else."""
    return rf"\fI{text(plain)}\fR"


def prose(plain: str) -> str:
    """Write a sentence; what it has in backquotes becomes bold."""
    parts = _CODE.split(" ".join(plain.split()))
    return line_of("".join(bold(part) if odd % 2 else text(part) for odd, part in enumerate(parts)))


def paragraphs(plain: str) -> list[str]:
    """Write a help text; its paragraphs are parted by empty lines."""
    kept = inspect.cleandoc(plain).partition("\f")[0]
    found = [each for each in re.split(r"\n\s*\n", kept) if each.strip(" \b\n")]
    return [line for each in found for line in (".PP", prose(each.replace("\b", "")))][1:]


def verbatim(lines: Iterable[str]) -> list[str]:
    """Set lines as they stand."""
    return [".RS 4", ".nf", *(line_of(text(each)) for each in lines), ".fi", ".RE"]


def section(title: str, body: Iterable[str]) -> list[str]:
    """Set a section, unless there is nothing to say in it."""
    lines = list(body)
    return [f".SH {title}", *lines] if lines else []


def item(head: str, body: str, indent: int = 0) -> list[str]:
    """Set a term and what it means, the latter *indent* columns in."""
    return [f".TP {indent}" if indent else ".TP", head, body or r"\&"]


def page(name: str, about: str, sections: Iterable[list[str]]) -> str:
    """Put a page together."""
    title = name.upper().replace("-", r"\-")
    head = [
        f'.TH "{title}" 1 {DATE} "llmpool {__version__}" "llmpool manual"',
        *section("NAME", [rf"{text(name)} \- {text(about.rstrip('.'))}"]),
    ]
    return "\n".join([*head, *(line for each in sections for line in each)]) + "\n"


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
            name = (param.metavar or param.name.upper()).strip("[].")
            lines += item(italic(name), prose(param.help or ""))
        else:
            lines += item(_option(param), prose(_meaning(param)))
    return lines


def _option(param: Any) -> str:
    names = ", ".join(map(bold, sorted(param.opts, key=len)))
    if param.secondary_opts:
        return ", ".join([names, *map(bold, param.secondary_opts)])
    return names if param.is_flag else f"{names} {italic(param.metavar or param.type.name.upper())}"


def _meaning(param: Any) -> str:
    facts = [param.help or ""]
    low, high = getattr(param.type, "min", None) or 0, getattr(param.type, "max", None)
    if low or high:
        facts.append(f"At least {low}." if high is None else f"From {low} to {high}.")
    if param.multiple:
        facts.append("May be given several times.")
    if param.default not in (None, "", False, 0) and not callable(param.default) and not param.multiple:
        facts.append(f"Default: {param.default}.")
    if param.envvar:
        facts.append(f"Environment: `{param.envvar}`.")
    return " ".join(filter(None, facts))


def examples(entry: Entry) -> list[str]:
    """Return the command lines a command gives as examples."""
    lines = inspect.cleandoc(entry.command.epilog or "").replace("\b", "").splitlines()
    return [line.strip() for line in lines if "llmpool" in line]


def command_page(entry: Entry, others: Iterable[str]) -> str:
    """Write the page of a command or of a group of verbs."""
    runs = list(leaves(entry))
    group = bool(entry.verbs)
    calls = [line for each in runs for line in (".br", synopsis(each))][1:]
    about = paragraphs(entry.command.help or "")
    if group:
        about += [".PP", prose(f"Without a verb, `{entry.verbs[0].words[-1]}` runs.")]
    described = section("VERBS", (line for each in runs for line in _verb(each))) if group else []
    see = [bold("llmpool") + "(1)", *(f"{bold(name)}(1)" for name in others if name != entry.page)]
    sections = [
        section("SYNOPSIS", calls),
        section("DESCRIPTION", about),
        described or section("OPTIONS", parameters(entry)),
        section("EXAMPLES", _examples(runs)),
        *_further(entry),
        section("NOTES", [prose("The global options, the files, the variables of the environment"),
                          prose("and the exit codes are on the page of `llmpool` itself.")]),
        section("SEE ALSO", [", ".join(see)]),
    ]  # fmt: skip
    return page(entry.page, _lowered(summary(entry.command)), sections)


def _further(entry: Entry) -> list[list[str]]:
    """Set what no command can say of itself: how cron and systemd run it."""
    if entry.words != ("refresh",):
        return []
    from llmpool.cli import cronpage

    return [
        section("FROM CRON", [*_said(cronpage.IN_CRON), *verbatim([cronpage.CRONTAB])]),
        section(
            "FROM SYSTEMD",
            [
                *_said(cronpage.IN_SYSTEMD),
                *verbatim(cronpage.SERVICE.splitlines()),
                ".PP",
                *_said(cronpage.THE_TIMER),
                *verbatim(cronpage.TIMER.splitlines()),
            ],
        ),
        section("UNATTENDED", _said(cronpage.ABOUT_IT)),
    ]


def _said(words: str) -> list[str]:
    return [line for each in words.strip().split("\n\n") for line in (".PP", prose(each))][1:]


def _verb(entry: Entry) -> list[str]:
    head = [f".SS {text(' '.join(entry.words[1:]))}", synopsis(entry), ".PP"]
    return [*head, *paragraphs(entry.command.help or ""), *parameters(entry)]


def _examples(runs: Iterable[Entry]) -> list[str]:
    lines = [line for each in runs for line in examples(each)]
    return verbatim(lines) if lines else []


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
