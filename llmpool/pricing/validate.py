"""Check a whole price document before any of it is used: what is downloaded is right, or not taken at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from llmpool.pricing import patterns
from llmpool.pricing.book import RATES

SCHEMA = 1
MOST_VENDORS = 1_000
MOST_MODELS = 20_000
MOST_SEARCHES = 2_000  # clauses that no index answers
MOST_STEPS = 64
MOST_TIERS = 16
MOST_CLAUSES = 64
DEEPEST = 6
LONGEST = 200
_AMOUNT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,24})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", re.ASCII)
_SIGNS = "=^$*/"


def validated(document: object) -> dict[str, Any]:
    """Return *document* if every part of it is as `match.Book` needs it; raise ValueError with the place."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"not a price document of schema {SCHEMA}")
    word(document.get("version"), "version")
    if "date" in document:
        _moment(document["date"], "date", _DATE, date.fromisoformat)
    vendors = _mapping(document.get("vendors"), "vendors", MOST_VENDORS)
    total = 0
    for vendor, shelf in vendors.items():
        word(vendor, "vendors")
        total += _shelf(shelf, vendor, vendors)
        if total > MOST_MODELS:
            raise ValueError(f"{vendor}: more than {MOST_MODELS} models in all")
    if sum(_searches(shelf) for shelf in vendors.values()) > MOST_SEARCHES:
        raise ValueError(f"vendors: more than {MOST_SEARCHES} clauses that have to be searched for")
    if not total:
        raise ValueError("vendors: no model has a price")
    _media(document.get("media", {}))
    return document


def _shelf(shelf: object, vendor: str, vendors: Mapping[str, Any]) -> int:
    shelf = _mapping(shelf, vendor, 8)
    if "match" in shelf:
        _clause(shelf["match"], f"{vendor}: match", 0)
    for other in _list(shelf.get("sells", []), f"{vendor}: sells", 64):
        if not isinstance(other, str) or other not in vendors:
            raise ValueError(f"{vendor}: sells for a vendor that is not in the document")
    models = _list(shelf.get("models"), f"{vendor}: models", MOST_MODELS)
    for place, entry in enumerate(models):
        _entry(entry, vendor, place)
    return len(models)


def _entry(entry: object, vendor: str, place: int) -> None:
    if not isinstance(entry, list) or len(entry) not in (2, 3):
        raise ValueError(f"{vendor}: model {place + 1} is not an id, its price and what matches it")
    name = word(entry[0], f"{vendor}: model {place + 1}")
    where = f"{vendor}/{name}"
    if isinstance(entry[1], list):
        steps = _list(entry[1], where, MOST_STEPS)
        if not steps:
            raise ValueError(f"{where}: no price")
        for step in steps:
            _step(step, where)
    else:
        _step(entry[1], where)
    if len(entry) == 3:
        _clause(entry[2], where, 0)


def _step(step: object, where: str) -> None:
    for name, value in _mapping(step, where, 32).items():
        if name in RATES:
            _rate(value, f"{where}: {name}")
        elif name == "other":
            for unit, rate in _mapping(value, f"{where}: other", 64).items():
                _rate(rate, f"{where}: {word(unit, where)}")
        elif name == "from":
            _moment(value, f"{where}: from", _DATE, date.fromisoformat)
        elif name == "hours":
            hours = _list(value, f"{where}: hours", 2)
            if len(hours) != 2:
                raise ValueError(f"{where}: hours without an end")
            for each in hours:
                _moment(each, f"{where}: hours", _CLOCK, _hour)
        else:
            raise ValueError(f"{where}: an unknown word {str(name)[:40]!r}")


def _hour(text: str) -> time:
    """Read a time of day as every Python does; 24:00 is one since 3.14."""
    if text.startswith("24"):
        raise ValueError("a day has no such hour")
    return time.fromisoformat(text)


def _moment(value: object, where: str, spelling: re.Pattern[str], read: Any) -> None:
    if not isinstance(value, str) or not spelling.fullmatch(value):
        raise ValueError(f"{where}: not a time")
    try:
        read(value)
    except ValueError:
        raise ValueError(f"{where}: there is no such time") from None


def _rate(rate: object, where: str) -> None:
    if not isinstance(rate, list):
        amount(rate, where)
        return
    if not 2 <= len(rate) <= MOST_TIERS:
        raise ValueError(f"{where}: not a price with tiers")
    amount(rate[0], where)
    last = -1
    for tier in rate[1:]:
        if not isinstance(tier, list) or len(tier) != 2 or type(tier[0]) is not int:
            raise ValueError(f"{where}: not a tier")
        if not last < tier[0] <= 10**12:
            raise ValueError(f"{where}: tiers out of order")
        last = tier[0]
        amount(tier[1], where)


def amount(value: object, where: str) -> str:
    """Return *value* if it is a price in plain digits below a million; else raise ValueError."""
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError(f"{where}: not a price in plain digits: {value!r:.40}")
    return value


def _clause(clause: object, where: str, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"{where}: clauses nested too deep")
    if isinstance(clause, str):
        if len(clause) < 2 or len(clause) > LONGEST or clause[0] not in _SIGNS or not clause.isprintable():
            raise ValueError(f"{where}: not a clause")
        if clause[0] == "/":
            try:
                patterns.checked(clause[1:])
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
        return
    several = clause["and"] if isinstance(clause, dict) and clause.keys() == {"and"} else clause
    for each in _list(several, f"{where}: clause", MOST_CLAUSES, 1):
        _clause(each, where, depth + 1)


def _searches(shelf: Mapping[str, Any]) -> int:
    """Count the clauses of a vendor that are tried one by one."""
    clauses = [shelf.get("match", []), *(entry[2] for entry in shelf["models"] if len(entry) == 3)]
    return sum(map(_tried, clauses))


def _tried(clause: Any) -> int:
    if isinstance(clause, str):
        return {"=": 0, "^": 0, "/": 10}.get(clause[0], 1)  # a pattern takes as long as many words
    return sum(map(_tried, clause)) if isinstance(clause, list) else 1 + sum(map(_tried, clause["and"]))


def _media(media: object) -> None:
    for model, said in _mapping(media, "media", MOST_MODELS).items():
        where = f"media: {word(model, 'media')}"
        if not isinstance(said, list) or len(said) != 2 or said[1] not in ("image", "second", "video"):
            raise ValueError(f"{where}: not a price per image, second or video")
        amount(said[0], where)


def word(value: object, where: str) -> str:
    """Return *value* if it is a name that can be shown; else raise ValueError."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
        raise ValueError(f"{where}: not a name: {value!r:.40}")
    return value


def _mapping(value: object, where: str, most: int) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > most:
        raise ValueError(f"{where}: not a table, or one too long")
    return value


def _list(value: object, where: str, most: int, least: int = 0) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise ValueError(f"{where}: not a list, or one too long")
    return value
