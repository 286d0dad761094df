"""One deployment, and the registry's summary, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmpool.cli.output import dollars, plural, window
from llmpool.registry.dead import in_words

_WORDS = {"True": "yes", "False": "no", "None": "unknown"}  # as text, for 1 is a rating and not yes
_SIZES = ("context_window", "max_output")
_COLUMN = 12  # cells of the column of values
_REMARKS = (
    "matched",
    "valid_from",
    "reason",
    "updated_at",
)  # of a price or policy; all else beside a value is another source's word


def view(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of `models show`: each value with its source, and what others say of it."""
    yield f"{entry['id']}   {entry['location']}, {entry['source']}"
    state = "available" if entry["available"] else f"not available: {entry['unavailable_reason']}"
    marks = (("last_resort", "last resort"), ("default", "* default"))
    yield "  " + ", ".join([state, *(word for field, word in marks if entry.get(field))])
    for name, known in entry["provenance"].items():
        yield _field(name, known)
    if tried := entry["probe"]:
        word = {True: "answered", False: "not there", None: "cannot say"}[tried["available"]]
        yield f"  {'probed':15} {word:12} {tried['at'][:10]} {tried['error']}".rstrip()
    if scored := entry["benchmark"]:
        score = "" if scored["score"] is None else f"{scored['score']:g}"
        yield f"  {'benchmark':15} {score:12} {scored['url']}".rstrip()
    for name in entry.get("dead", ()):
        yield f"  {in_words(name)}"


def summary(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that sum a snapshot up; what is not there is not mentioned."""
    told = document["summary"]
    yield f"generation {told['generation']}, {document.get('updated_at', 'nothing observed yet')}"
    yield f"{plural(told['deployments'], 'deployment')} at {plural(told['resources'], 'provider')}"
    widest = max(map(len, told["by_resource"]), default=0)
    for name, count in told["by_resource"].items():
        yield f"  {name:{widest}}  {count:>{len(str(told['deployments']))}}"
    yield _catalog(told["catalog"])
    if told["explicit_only"]:
        yield f"only by name: {told['explicit_only']}"
    for word in ("degraded", "inactive", "flagged", "promoted"):
        if told[word]:
            yield f"{word}: {', '.join(told[word])}"
    for name, reason in told["cooldowns"].items():
        yield f"{name}: {reason}"


def _catalog(told: dict[str, Any]) -> str:
    """Say which catalog of vendors' models is in use."""
    if told["fallback_in_use"]:
        return "catalog: the one built in; a newer one: llmpool refresh --catalog"
    return f"catalog: {told['source_url']}, {told['last_updated_at']}"


def _field(name: str, known: dict[str, Any]) -> str:
    """Write one value with its source, and in brackets what others say who see it differently."""
    others = {who: said for who, said in known.items() if who not in ("value", "from", *_REMARKS)}
    differ = [f"{who} {_word(name, said)}" for who, said in others.items() if said != known["value"]]
    word = _word(name, known["value"])
    gap = " " if len(word) <= _COLUMN else "   "
    line = f"  {name.replace('_', ' '):15} {word:{_COLUMN}}{gap}{known['from']}"
    remarks = [str(known[remark]) for remark in _REMARKS if remark in known]
    return line + (f" ({', '.join(differ + remarks)})" if differ or remarks else "")


def _word(name: str, value: Any) -> str:
    """Write a value as people read it."""
    if name in _SIZES:
        return window(value)
    if isinstance(value, dict):
        told = [f"{dollars(value[way]) if value[way] else '?'} {way[:-3]}" for way in ("input", "output")]
        return f"{', '.join(told)} per million tokens"
    if isinstance(value, list):
        return ", ".join(value)
    return _WORDS.get(str(value), str(value))
