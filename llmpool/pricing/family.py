"""A guess for models that are in no price list: by spelling, by name, at last by family and tier.

The rules are those of the specification (pool-ledger-credentials 2.4 to 2.6), but where its tables hold
prices, there are names of the book's entries here: prices go stale, which model is meant does not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from llmpool.pricing.book import Priced
from llmpool.pricing.match import LONGEST_NAME, Book

_SELLERS = ("azure/", "bedrock/", "vertex/", "openrouter/", "models/", "accounts/")
_DATE = re.compile(r"-?[0-9]{4}-?[0-9]{2}-?[0-9]{2}\Z")
_VERSION = re.compile(r"[:-]v[0-9]+\Z")
_DIVIDERS = re.compile(r"[-_.:@/]")
_ENDS = frozenset("-_.:@/")

Tier = tuple[str, tuple[str, ...]]


class Family(NamedTuple):
    """Words that tell a family, its default tier, and the entries of each tier, by preference."""

    name: str
    words: tuple[str, ...]
    default: str
    tiers: tuple[Tier, ...]


class Guess(NamedTuple):
    """The family and tier that a name sounds like, and how much it does: for the family, for the tier."""

    family: Family
    tier: str
    score: tuple[int, int]


def _tiers(vendor: str, rows: str) -> tuple[Tier, ...]:
    """Read `tier: entry, entry` lines; a tier without a name has an empty one."""
    lines = (line.strip().partition(":") for line in rows.strip().splitlines())
    return tuple(
        (tier.strip(), tuple(f"{vendor}/{name.strip()}" for name in names.split(",")))
        for tier, _, names in lines
    )


FAMILIES = (
    Family(
        "claude",
        ("claude", "anthropic"),
        "sonnet",
        _tiers(
            "anthropic",
            """
            opus: claude-opus-4-6, claude-opus-4-5
            sonnet: claude-sonnet-4-6, claude-sonnet-4-5
            haiku: claude-haiku-4-5, claude-3-haiku
            """,
        ),
    ),
    Family(
        "gpt",
        ("gpt", "openai", "chatgpt"),
        "4o",
        _tiers(
            "openai",
            """
            5: gpt-5
            5-mini: gpt-5-mini
            5-nano: gpt-5-nano
            5-pro: gpt-5-pro
            4o: gpt-4o
            4o-mini: gpt-4o-mini
            4: gpt-4
            4-turbo: gpt-4-turbo
            3.5: gpt-3.5-turbo
            mini: gpt-4o-mini
            nano: gpt-4.1-nano
            """,
        ),
    ),
    Family(
        "gemini",
        ("gemini", "google", "bard"),
        "flash",
        _tiers(
            "google",
            """
            pro: gemini-3.1-pro-preview, gemini-3-pro-preview, gemini-2.5-pro
            flash: gemini-2.5-flash, gemini-3-flash-preview
            flash-lite: gemini-2.5-flash-lite, gemini-2.0-flash-lite
            ultra: gemini-3.1-pro-preview, gemini-2.5-pro
            """,
        ),
    ),
    Family(
        "deepseek",
        ("deepseek",),
        "chat",
        _tiers(
            "deepseek",
            """
            chat: deepseek-v3.2, deepseek-chat
            reasoner: deepseek-reasoner
            coder: deepseek-v3.2, deepseek-chat
            """,
        ),
    ),
    Family(
        "mistral",
        ("mistral", "mixtral"),
        "large",
        _tiers(
            "mistral",
            """
            large: mistral-large, mistral-large-2512
            medium: mistral-medium-latest, mistral-medium-3-1
            small: mistral-small-latest, mistral-small-2603
            """,
        ),
    ),
    Family(
        "qwen",
        ("qwen", "alibaba", "tongyi"),
        "plus",
        _tiers("openrouter", "max: qwen/qwen-max\nplus: qwen/qwen-plus\nturbo: qwen/qwen-turbo"),
    ),
    Family(
        "grok",
        ("grok", "xai"),
        "3",
        _tiers(
            "x-ai",
            """
            4: grok-4-0709
            3: grok-3
            3-mini: grok-3-mini
            2: grok-2-1212
            2-mini: grok-3-mini
            mini: grok-3-mini
            """,
        ),
    ),
    Family(
        "llama",
        ("llama", "meta"),
        "70b",
        _tiers(
            "openrouter",
            """
            405b: meta-llama/llama-3.1-405b-instruct, nousresearch/hermes-3-llama-3.1-405b
            70b: meta-llama/llama-3.3-70b-instruct, meta-llama/llama-3.1-70b-instruct
            8b: meta-llama/llama-3.1-8b-instruct
            """,
        ),
    ),
    Family(
        "o-series",
        ("o1", "o3", "o4"),
        "",
        _tiers("openai", ":o1\nmini: o4-mini, o3-mini\npro: o3-pro, o1-pro\npreview: o1-preview, o1"),
    ),
)
MAKERS = ("anthropic", "openai", "google", "deepseek", "mistral", "x-ai", "cohere", "moonshotai", "minimax")
MARKET = "openrouter"  # where nearly all open models are sold


def guess(book: Book, model: str) -> Priced | None:
    """Choose the member of the book that stands for *model*, or None."""
    name = normalised(model[:LONGEST_NAME])
    if not name:
        return None
    for spelt in dict.fromkeys((name, name.replace(".", "-"), name.replace("-", "."))):
        if (found := book.find_maker(spelt)) is not None and charges(found):
            return _guessed(found)
    found = _by_prefix(book, name) or _by_family(book, name)
    return _guessed(found) if found is not None else None


def _guessed(found: Priced) -> Priced:
    return found._replace(source="family")


def normalised(model: str) -> str:
    """Write a model's name in one way: no seller, date, version, `latest` or `preview` around it (2.4)."""
    name = re.sub(r"-{2,}", "-", re.sub(r"[ _]", "-", model.strip().lower()))
    for seller in _SELLERS:
        if name.startswith(seller):
            name = name[len(seller) :]
            break
    name = _VERSION.sub("", _DATE.sub("", name))
    return name.removesuffix("-latest").removesuffix("-preview").rstrip("-")


def words(model: str) -> list[str]:
    """Split a name into its words, without those that are only digits."""
    return [part for part in _DIVIDERS.split(model.lower()) if part and not part.isdecimal()]


def _by_prefix(book: Book, name: str) -> Priced | None:
    """Find the name in the book that begins as this one does and says least more, else the longest begun.

    One must end where the other has a divider: `gpt-4` says something of `gpt-4-1`, nothing of `gpt-4o`.
    Among names that say as much more, which digits do not, the greatest counts: it is the newest version.
    """
    names, places = book.kept(_names)
    best = max(_begun_by(names, name), key=lambda each: (-len(words(each)), each), default=None)
    if best is None:
        best = next((name[:end] for end in _breaks(name) if name[:end] in places), None)
    return book.entry(*places[best]) if best is not None else None


def _begun_by(names: list[str], name: str) -> Iterator[str]:
    at = bisect_left(names, name)
    while at < len(names) and names[at].startswith(name):
        if len(names[at]) == len(name) or names[at][len(name)] in _ENDS:
            yield names[at]
        at += 1


def _names(book: Book) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """Write down the names of the makers' models that cost something, in order and with their places."""
    own: dict[str, list[str]] = {vendor: [] for vendor in MAKERS}
    for maker, identity in book.models():
        if maker in own:
            own[maker].append(identity)
    places: dict[str, tuple[str, str]] = {}
    for vendor, identities in own.items():
        for identity in identities:
            entry = book.entry(vendor, identity)
            if entry is not None and charges(entry):
                name = identity.lower().removesuffix("-latest").removesuffix("-preview")
                places.setdefault(name, (vendor, identity))
    return sorted(places), places


def _breaks(name: str) -> Iterator[int]:
    """Yield where a name of the book could end, the longest first."""
    yield len(name)
    yield from (at for at in range(len(name) - 1, 0, -1) if name[at] in _ENDS)


def charges(priced: Priced) -> bool:
    """Say whether tokens cost anything; that its maker gives a model away says nothing of others."""
    return any(
        any(rate is not None and rate != 0 for rate in step.rates[:-1]) and step.rates.by_tokens
        for step in priced.steps
    )


def _by_family(book: Book, name: str) -> Priced | None:
    best = best_guess(name)
    if best is None:
        return None
    sold = book.kept(_sold).get(name.rpartition("/")[2])
    entry = book.entry(MARKET, sold) if sold else None
    if entry is not None and charges(entry):
        return entry
    entries = dict(best.family.tiers).get(best.tier, ())
    found = (book.entry(*entry.split("/", 1)) for entry in entries)
    return next((each for each in found if each is not None), None)


def _sold(book: Book) -> dict[str, str]:
    """Write down what is sold where nearly all open models are, by name without its maker."""
    ids = (identity for vendor, identity in book.models() if vendor == MARKET)
    return {identity.lower().rpartition("/")[2]: identity for identity in ids}


def best_guess(name: str) -> Guess | None:
    """Say which family and tier a normalised name sounds like (2.6); the earlier family wins a tie."""
    parts = words(name)
    best: Guess | None = None
    for family in FAMILIES:
        heard = [word for word in family.words if word in name]
        if not heard:
            continue
        score = sum(10 * len(word) + 5 * len(word) * parts.count(word) for word in heard)
        tier, extra = _tier(family, name, parts)
        if best is None or score + extra > sum(best.score):
            best = Guess(family, tier, (score, extra))
    return best


def _tier(family: Family, name: str, parts: list[str]) -> tuple[str, int]:
    """Find the tier a name sounds like most; among equals one whose whole name is in it, then the longer."""
    scored = [
        (_tier_score(tier, name, parts), bool(tier) and tier in name, len(tier), -place, tier)
        for place, (tier, _) in enumerate(family.tiers)
    ]
    score, *_, tier = max(scored)
    return (tier, score) if score > 0 else (family.default, 0)


def _tier_score(tier: str, name: str, parts: list[str]) -> int:
    """Count words of the tier in the name: +10 for a letter found, +5 as a word of its own, -8 if missing."""
    return sum(
        (10 * len(word) + 5 * len(word) * parts.count(word)) if word in name else -8 * len(word)
        for word in words(tier)
    )
