"""What benchmarks say of a model, for people to see; no rule of routing reads it (pool-routing-formats 3.3).

A catalog has scores under its own names of vendors and models. A model is looked for at its own vendor, at
others that are the same under another name, and at the one its name begins with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from llmpool.core.names import under_any
from llmpool.core.provider import Provider
from llmpool.registry.official import Entry, Official

SAME = (
    ("bedrock", "amazon"),
    ("glm", "z-ai"),
    ("grok", "x-ai"),
    ("mistral", "mistralai"),
    ("moonshot", "moonshotai"),
)
# Whose models begin how; a name of a vendor at the start speaks for itself.
FAMILIES = (
    ("claude", "anthropic"),
    ("gpt", "openai"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("grok", "grok"),
    ("kimi", "moonshot"),
    ("glm", "glm"),
    ("mistral", "mistral"),
    ("ministral", "mistral"),
    ("devstral", "mistral"),
    ("codestral", "mistral"),
    ("minimax", "minimax"),
    ("qwen", "qwen"),
    ("nova", "amazon"),
    ("nemotron", "nvidia"),
)
BY_ID, BY_ITS_ID, BY_NAME = 100, 90, 80  # its id is the other's, something of it is, two names are
_TOKEN = re.compile(r"[a-z0-9]+")
_DATE = 6  # digits from which a number at the end is a date and no version


class Benchmark(NamedTuple):
    """A model's score and the page that tells of it; None and empty where nobody does."""

    score: float | None
    url: str


def benchmark(official: Official, provider: Provider, model: str) -> Benchmark | None:
    """Look up what the catalog has of *model*: at its own line, else at the line most like it."""
    mine = official.of(provider)
    own = under_any(model, mine) or Entry(model)
    best = own if own.score is not None and own.url else _nearest(official, provider, own)
    score = best.score if own.score is None else own.score
    url = own.url or best.url
    return None if score is None and not url else Benchmark(score, url)


def _nearest(official: Official, provider: Provider, own: Entry) -> Entry:
    """Find the line that matches best, of the vendor that is nearest; without one, an empty line."""
    vendors = list(dict.fromkeys(_vendors(official, provider, own)))
    ids = _keys([own.id], vendors)
    names = ids | _keys([own.name], vendors)
    best, found = 0, Entry("")
    for rank, vendor in enumerate(vendors):
        for line in _lines(official, vendor, own):
            match = _match(ids, names, line, vendor)
            if match and match * 10 - rank > best:
                best, found = match * 10 - rank, line
    return found


def _vendors(official: Official, provider: Provider, own: Entry) -> Iterator[str]:
    """Yield the vendors to look at, the nearest first."""
    yield from _also(provider.preset or provider.id)
    known = [*official.models, *official.benchmarks]
    for text in (own.id, own.name):
        tokens = _TOKEN.findall(text.lower())
        for vendor in known:
            if _starts(tokens, vendor):
                yield from _also(vendor)
        for start, vendor in FAMILIES:
            if any(token.startswith(start) for token in tokens[:3]):
                yield from _also(vendor)


def _also(vendor: str) -> Iterator[str]:
    yield vendor
    yield from (other for pair in SAME if vendor in pair for other in pair if other != vendor)


def _lines(official: Official, vendor: str, own: Entry) -> Iterator[Entry]:
    """Yield a vendor's lines that tell what the model's *own* lacks."""
    for table in (official.models, official.benchmarks):
        for line in table.get(vendor, {}).values():
            if (own.score is None and line.score is not None) or (not own.url and line.url):
                yield line


def _match(ids: set[str], names: set[str], line: Entry, vendor: str) -> int:
    theirs = _keys([line.id], [vendor])
    if ids & theirs:
        return BY_ID
    if names & theirs:
        return BY_ITS_ID
    return BY_NAME if names & _keys([line.name], [vendor]) else 0


def _keys(texts: Iterable[str], vendors: Iterable[str]) -> set[str]:
    """Return what texts are compared by: their letters and digits, with and without vendor and date."""
    keys = set()
    for text in texts:
        tokens = _TOKEN.findall(text.lower())
        forms = [tokens, *(tokens[len(_TOKEN.findall(v)) :] for v in vendors if _starts(tokens, v))]
        forms += [form[:-1] for form in forms if form and form[-1].isdigit() and len(form[-1]) >= _DATE]
        keys |= {"".join(form) for form in forms if form}
    return keys


def _starts(tokens: list[str], vendor: str) -> bool:
    """Whether a name begins with that of a vendor."""
    its = _TOKEN.findall(vendor.lower())
    return bool(its) and tokens[: len(its)] == its
