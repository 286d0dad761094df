"""What a mistyped name was meant as."""

from __future__ import annotations

from collections.abc import Iterable

ALIKE = 0.6  # how alike two names are from 0 to 1, by difflib's measure, for one to be taken for the other


def near(name: str, known: Iterable[str], *, most: int = 3, alike: float = ALIKE) -> list[str]:
    """List those of *known* that *name* may stand for, the nearest first; upper case does not matter."""
    from difflib import get_close_matches  # for errors alone

    spelled: dict[str, str] = {}
    for each in known:
        spelled.setdefault(each.lower(), each)
    return [spelled[each] for each in get_close_matches(name.lower(), spelled, n=most, cutoff=alike)]


def meant(names: list[str], otherwise: str = "") -> str:
    """Ask whether the first of *names* was meant; without any say *otherwise*."""
    return f"did you mean {names[0]}?" if names else otherwise
