"""Which price holds for a model at a provider: the owner's word first, a guess last (DESIGN ruling 16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from llmpool.pricing import family
from llmpool.pricing.book import FREE, Priced, Rates, Step, read_rates
from llmpool.pricing.match import Book

LOCAL = Priced((Step(FREE),), "local")
PLAN = "plan"  # the source of a price of 0 where an account is paid for, not its calls


class Own(NamedTuple):
    """The owner's own prices: by `model`, `provider:model` or a pattern of either, and for all the rest."""

    custom: Mapping[str, Mapping[str, Any]] = {}
    default: Mapping[str, Any] | None = None


def look_up(
    book: Book | None,
    own: Own,
    *,
    provider: str,
    vendor: str,
    model: str,
    listed: Rates | None = None,
    paid_by: str = "",
) -> Priced | None:
    """Return what *model* costs at *provider*, None where nobody knows.

    *vendor* is the provider's name in the book, empty when it has none there; *listed* is what the provider's
    own listing says. What a maker takes is a guess at what others take, so a listing comes before it.
    *paid_by* says what its calls are paid by already, such as a plan: they cost nothing unless the
    owner says otherwise.
    """
    found = _own(own.custom, provider, model) if own.custom else None
    if found is None and paid_by:
        return Priced((Step(FREE),), paid_by)
    if found is None and book is not None:
        found = _in_book(book, vendor, model)
    if found is None and listed is not None:
        found = Priced((Step(listed),), "listed", model)
    if found is None and book is not None:
        found = book.find_media(model) or _variant(book, vendor, model) or _guess(book, model)
    if found is None and own.default is not None:
        found = _own_price(own.default, "default", "default")
    return found


def _in_book(book: Book, vendor: str, model: str) -> Priced | None:
    """Find what the vendor takes; where it passes calls on, the model's name ends with who gets them."""
    if not vendor:
        return None
    name, _, seller = model.rpartition(":")
    if name and (other := f"{vendor}_{seller.lower()}") in book:
        return book.find(other, name)
    return book.find(vendor, model)


def _variant(book: Book, vendor: str, model: str) -> Priced | None:
    """Take a variant that nobody lists, `:nitro` or `:online`, for its model; `:free` costs nothing."""
    name, _, variant = model.rpartition(":")
    if vendor != family.MARKET or not name:
        return None
    found = Priced((Step(FREE),), "", model) if variant == "free" else book.find(vendor, name)
    return None if found is None else found._replace(source="family")


def _guess(book: Book, model: str) -> Priced | None:
    """Take what the maker of a model asks for it, or for one that is like it."""
    made = book.find_maker(model)
    return made if made is not None and family.charges(made) else family.guess(book, model)


def _own(custom: Mapping[str, Mapping[str, Any]], provider: str, model: str) -> Priced | None:
    for key in (f"{provider}:{model}", model):
        if key in custom:
            return _own_price(custom[key], "custom", key)
    names = (f"{provider}:{model}", model, family.normalised(model))
    fits = (key for key in custom if is_pattern(key) and any(_fits(key, name) for name in names))
    best = max(fits, key=lambda key: (len(key), key), default=None)
    return _own_price(custom[best], "custom", best) if best is not None else None


def is_pattern(key: str) -> bool:
    """Say whether the key of a custom price stands for all names that are like it."""
    return "*" in key or "?" in key


def _fits(pattern: str, name: str) -> bool:
    """Say whether *name* is as *pattern* says, `*` any text, `?` one character."""
    pattern, name = pattern.lower(), name.lower()
    at, star, back = 0, -1, 0
    place = 0
    while place < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, back = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", name[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            back += 1
            at, place = star + 1, back
        else:
            return False
    return not pattern[at:].strip("*")


def _own_price(rates: Mapping[str, Any], source: str, key: str) -> Priced:
    return Priced((Step(read_rates(rates)),), source, key)
