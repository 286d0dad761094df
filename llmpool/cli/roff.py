"""The man macros of roff: text made safe, paragraphs, terms and whole pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping

from llmpool import __version__

DATE = "2026-11-01"  # of the version; a page must not change because a day has passed
WIDEST = 69  # characters of an example, which stand 11 columns in on a terminal of 80

_RISKY = {"\\": r"\e", "-": r"\-", "~": r"\(ti", "^": r"\(ha", "'": r"\(aq", "`": r"\(ga"}
_CODE = re.compile(r"`([^`]+)`")
_LEADS = re.compile(r"\||>>?|<|&&|--?[a-z-]+")
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""")


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


def commands(lines: Iterable[str]) -> list[str]:
    """Set command lines as they stand; one that is too wide goes on in the next line, as shells read it."""
    return verbatim(part for line in lines for part in folded(line))


def folded(line: str) -> list[str]:
    """Break a command line between words, and never inside of quotes, so that each part fits."""
    found, current = [], ""
    for word in _words(line):
        longer = f"{current} {word}" if current.strip() else current + word
        if len(longer) > WIDEST - 2 and current.strip() and len(line) > WIDEST:
            found.append(f"{current} \\")
            longer = f"    {word}"
        current = longer
    return [*found, current]


def _words(line: str) -> list[str]:
    """Split a command line; options, pipes and redirections go with the word behind them."""
    words: list[str] = []
    for word in _WORD.findall(line):
        if words and _LEADS.fullmatch(words[-1]) and not word.startswith("-"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def section(title: str, body: Iterable[str]) -> list[str]:
    """Set a section, unless there is nothing to say in it."""
    lines = list(body)
    return [f".SH {title}", *lines] if lines else []


def item(head: str, body: str, indent: int = 0) -> list[str]:
    """Set a term and what it means, the latter *indent* columns in."""
    return [f".TP {indent}" if indent else ".TP", head, body or r"\&"]


def terms(meanings: Mapping[str, str], indent: int = 0) -> list[str]:
    """Set a list of terms."""
    return [line for name, means in meanings.items() for line in item(bold(name), prose(means), indent)]


def page(name: str, about: str, sections: Iterable[list[str]], number: int = 1) -> str:
    """Put a page of the section *number* together; no word is broken, for many are typed as they stand."""
    title = name.upper().replace("-", r"\-")
    head = [
        f'.TH "{title}" {number} {DATE} "llmpool {__version__}" "llmpool manual"',
        ".nh",
        ".ad l",
        *section("NAME", [rf"{text(name)} \- {text(about.rstrip('.'))}"]),
    ]
    return "\n".join([*head, *(line for each in sections for line in each)]) + "\n"


def also(names: Iterable[str]) -> list[str]:
    """Set the section with other pages: names such as `llmpool-route`, of section 1 unless they say."""
    shown = (name.rstrip(")").partition("(") for name in names)
    return section("SEE ALSO", [",\n".join(f"{bold(name)}({number or 1})" for name, _, number in shown)])
