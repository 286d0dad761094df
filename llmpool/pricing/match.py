"""The price book: which of its entries a name means.

A clause is spelt in one string, its first character says how it matches, without regard to case:

    =equals   ^starts with   $ends with   *contains   /pattern (this one with regard to case)

A list means any of them, `{"and": [...]}` all of them. An entry is `[id, price]`, which matches its id, or
`[id, price, clause]`; the first of a vendor's entries that matches counts, as in the genai-prices library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from llmpool.pricing import patterns
from llmpool.pricing.book import Priced, Rates, Step, read_steps

T = TypeVar("T")
Test = Callable[[str], bool]
# what a pattern begins with when it is anchored, has no choices, and nothing repeats the last letter
_BEGINS = re.compile(r"/\^((?:[a-z0-9/-]|\\\.)+)(?![*?+{|a-z0-9/-]|\\\.)(?!.*\|)")
_COMPACT_DATE = re.compile(r"-(20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?=-|:|$)")
LONGEST_NAME = 512
_NOWHERE = 1 << 60


class Book:
    """A price document, ready to be asked; what belongs to a vendor is prepared when it is asked for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.version: str = document["version"]
        self._vendors: Mapping[str, Mapping[str, Any]] = document["vendors"]
        self._media: Mapping[str, list[str]] = document.get("media", {})
        self._shelves: dict[str, _Shelf] = {}
        self._found: dict[tuple[str, str], Priced | None] = {}
        self._made_by: dict[str, Priced | None] = {}
        self._makers: tuple[list[str], _Shelf] | None = None
        self._read: dict[tuple[str, int], Priced] = {}
        self._kept: dict[Callable[[Book], Any], Any] = {}

    def __contains__(self, vendor: object) -> bool:
        return vendor in self._vendors

    def kept(self, make: Callable[[Book], T]) -> T:
        """Return what *make* makes of the book; it is made once."""
        if make not in self._kept:
            self._kept[make] = make(self)
        kept: T = self._kept[make]
        return kept

    @property
    def vendors(self) -> tuple[str, ...]:
        """The vendors whose prices are in the book."""
        return tuple(self._vendors)

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield every entry: vendor and id."""
        for vendor, shelf in self._vendors.items():
            for entry in shelf["models"]:
                yield vendor, entry[0]

    def find(self, vendor: str, model: str) -> Priced | None:
        """Return what *vendor* takes for *model*, or those whose models it sells; None where neither says."""
        key = (vendor, model)
        if key not in self._found:
            place = self._place(vendor, model.lower())
            self._found[key] = self._priced(*place) if place else None
        return self._found[key]

    def find_maker(self, model: str) -> Priced | None:
        """Return what the maker of *model* takes, for sellers who are not in the book.

        A name such as `openai/gpt-4o` says who made it; others go by the names that vendors give.
        """
        if model not in self._made_by:
            name = model.lower()
            maker, _, rest = name.partition("/")
            place = self._place(maker, rest) if rest and maker in self._vendors else self._made(name)
            self._made_by[model] = self._priced(*place) if place else None
        return self._made_by[model]

    def find_media(self, model: str) -> Priced | None:
        """Return what an image, a second or a video of *model* costs, where the document tells that."""
        if model not in self._media:
            return None
        amount, unit = self._media[model]
        return Priced((Step(Rates(other=((unit, Decimal(amount)),))),), "book", model, self.version)

    def entry(self, vendor: str, identity: str) -> Priced | None:
        """Return the entry of exactly this id, whatever it matches."""
        shelf = self._shelf(vendor)
        row = shelf.rows.get(identity) if shelf else None
        return self._priced(vendor, row) if row is not None else None

    def _made(self, name: str) -> tuple[str, int] | None:
        if len(name) > LONGEST_NAME:
            return None
        if self._makers is None:
            clauses = ((vendor, shelf.get("match")) for vendor, shelf in self._vendors.items())
            known = [[vendor, None, clause] for vendor, clause in clauses if clause]
            self._makers = [entry[0] for entry in known], _Shelf(known)
        names, makers = self._makers
        row = makers.first(name)
        return self._place(names[row], name) if row is not None else None

    def _place(self, vendor: str, name: str) -> tuple[str, int] | None:
        """Find an entry by a name in lower case; a date such as 20251211 is tried as 2025-12-11 too."""
        if len(name) > LONGEST_NAME:
            return None
        place = self._on_shelves(vendor, name)
        if place is None and (dashed := _COMPACT_DATE.sub(_dashed, name)) != name:
            return self._on_shelves(vendor, dashed)
        return place

    def _on_shelves(self, vendor: str, name: str) -> tuple[str, int] | None:
        own = self._shelf(vendor)
        if own is None:
            return None
        for each in (vendor, *self._vendors[vendor].get("sells", ())):
            shelf = self._shelf(each)
            row = shelf.first(name) if shelf else None
            if row is not None:
                return each, row
        return None

    def _shelf(self, vendor: str) -> _Shelf | None:
        if vendor not in self._vendors:
            return None
        if vendor not in self._shelves:
            self._shelves[vendor] = _Shelf(self._vendors[vendor]["models"])
        return self._shelves[vendor]

    def _priced(self, vendor: str, row: int) -> Priced:
        key = (vendor, row)
        if key not in self._read:
            name, steps = self._vendors[vendor]["models"][row][:2]
            self._read[key] = Priced(read_steps(steps), "book", f"{vendor}/{name}", self.version)
        return self._read[key]


class _Shelf:
    """Entries in order, to be found by name: those that equal a name or its beginning without a search."""

    def __init__(self, entries: list[Any]) -> None:
        self.rows = {entry[0]: row for row, entry in reversed(list(enumerate(entries)))}
        self._named: dict[str, int] = {}
        self._begun: dict[str, list[tuple[int, Test]]] = {}
        self._tests: list[tuple[int, Test]] = []
        for row, entry in enumerate(entries):
            clause = entry[2] if len(entry) > 2 else f"={entry[0]}"
            for each in clause if isinstance(clause, list) else (clause,):
                self._add(row, each)
        self._lengths = sorted({len(word) for word in self._begun})

    def _add(self, row: int, clause: Any) -> None:
        sign = clause[0] if isinstance(clause, str) else ""
        if sign == "=":
            self._named.setdefault(clause[1:].lower(), row)
        elif sign == "^":
            self._begun.setdefault(clause[1:].lower(), []).append((row, _always))
        elif sign == "/" and (begins := _BEGINS.match(clause)):
            begun = begins[1].replace("\\", "")
            self._begun.setdefault(begun, []).append((row, _test(clause)))
        else:
            self._tests.append((row, _test(clause)))

    def first(self, name: str) -> int | None:
        """Return the first entry that matches a name in lower case."""
        begun = self._begun
        best = self._named.get(name, _NOWHERE)
        for length in self._lengths:
            for row, test in begun.get(name[:length], ()):
                if row < best and test(name):
                    best = row
        for row, test in self._tests:
            if row >= best:
                break
            if test(name):
                return row
        return best if best < _NOWHERE else None


def _always(_name: str) -> bool:
    return True


def _test(clause: str | list[Any] | Mapping[str, Any]) -> Test:
    """Make the test of a clause, for names in lower case."""
    if isinstance(clause, str):
        return _TESTS[clause[0]](clause[1:])
    tests = [_test(each) for each in (clause if isinstance(clause, list) else clause["and"])]
    if isinstance(clause, list):
        return lambda name: any(test(name) for test in tests)
    return lambda name: all(test(name) for test in tests)


def _equals(text: str) -> Test:
    return text.lower().__eq__


def _starts(text: str) -> Test:
    word = text.lower()
    return lambda name: name.startswith(word)


def _ends(text: str) -> Test:
    word = text.lower()
    return lambda name: name.endswith(word)


def _contains(text: str) -> Test:
    word = text.lower()
    return lambda name: word in name


def _searches(text: str) -> Test:
    search = patterns.checked(text).search
    return lambda name: len(name) <= patterns.LONGEST_TEXT and search(name) is not None


_TESTS = {"=": _equals, "^": _starts, "$": _ends, "*": _contains, "/": _searches}


def _dashed(found: re.Match[str]) -> str:
    year, month, day = found.groups()
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return found[0]
    return f"-{year}-{month}-{day}"
