"""Names of models as vendors and servers spell them, made comparable (pool-routing-formats 5.1, 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

_Known = TypeVar("_Known")


def normalised(model: str) -> str:
    """Return *model* without blanks, in lower case, and without the vendor before the last `/`."""
    name = model.strip().lower()
    return name.rpartition("/")[2] or name


def preference(model: str) -> tuple[str, str]:
    """Return what models are ordered by, highest first, which puts newer versions before older ones."""
    return normalised(model), model.lower()


def latest(name: str) -> str:
    """Give a name its implied tag: `a` and `a:latest` are one model (ruling 18)."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def spellings(name: str) -> tuple[str, ...]:
    """List the ways to write one model, the given one first: with and without its implied tag."""
    return tuple(dict.fromkeys((name, latest(name), name.removesuffix(":latest"))))


def under_any(name: str, known: Mapping[str, _Known]) -> _Known | None:
    """Return what is *known* under any spelling of a name; None where nothing is."""
    if name in known or not known:  # as nearly all are, of ten thousand
        return known.get(name)
    return next((known[each] for each in spellings(name) if each in known), None)


def fits(name: str, pattern: str) -> bool:
    """Say whether a pattern such as `qwen*` means a model, in any spelling of its name."""
    return any(fnmatchcase(each, pattern) for each in spellings(name))
