"""How likely a prompt needs a strong model: a number from 0 to 1, and what moved it.

Three parts are summed and squeezed between 0 and 1. What the prompt asks for (`kinds`) is set by hand. How it
is put (`signs`) is learned, each sign in the one direction that was set by hand. Its words are learned, with
little weight. Learned means: from which exam questions only a strong model answered right
(`tests/tools/train_difficulty.py`). A middling question of that data has 0.5.

Only exact sums, products and roots of floats take part, so the result is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum, sqrt
from typing import NamedTuple

from llmpool.router import passages, signs, tasks

MOVED = 8  # features shown
FEWEST = 8  # words: in a short prompt each counts no more than if it had so many
LEAST = 0.025  # what moves the value less is counted, and shown with the rest
WORDS = 250  # different ones that count
NAMED = 3  # words shown
# Words, and points of a prompt of none: one so short that names no task is small talk.
BRIEF, BREVITY = 12, -0.8
PASTED = 0.3  # of what counts of a text that the task stands apart from
STRONG = 20  # entry of a word that is named, of 120
LETTERS = 5  # of a word that is named: shorter ones are mostly small ones
REST = "all else"


class Moved(NamedTuple):
    """A feature in words and what it moved the value by."""

    name: str
    points: float


class Difficulty(NamedTuple):
    """A prompt's difficulty, 0 to 1, and what moved it most, largest first; what is left, last."""

    value: float
    moved: tuple[Moved, ...]


class Weights(NamedTuple):
    """The learned part, as `data.difficulty` reads it.

    *words* has a small integer for each word that counts, *unit* what one of them is worth; *slopes* and
    *middles* belong to `signs.SIGNS`: a sign counts by how far it is from its middle.
    """

    words: Mapping[str, int]
    unit: float
    slopes: tuple[float, ...]
    middles: tuple[float, ...]


def score(text: str, weights: Weights) -> Difficulty:
    """Judge *text*; any string has a difficulty, and long ones are judged by their beginning and end."""
    part = passages.question(text)
    lower = part.lower()
    words = passages.split(lower)
    size, known = passages.count(lower, words), signs.english(words)
    asked = tasks.asked(lower, words, size, english=known)
    weight = PASTED if asked.apart else 1.0
    found = [*asked.tasks] if asked.tasks else [*_brief(size)]
    found += [(name, points * weight) for name, points in _signs(part, words, weights, known=known)]
    found.append(_words(words, weights, weight))
    return _summed(found)


def squeeze(total: float) -> float:
    """Map a sum of points, of whatever size, to between 0 and 1; nought is in the middle."""
    return 0.5 + 0.5 * total / (1 + abs(total))


def _summed(found: list[tuple[str, float]]) -> Difficulty:
    """Squeeze the sum, and say which part of the way from the middle each feature had."""
    total = fsum([points for _, points in found])
    value = squeeze(total)
    share = (value - 0.5) / total if total else 0.0
    moved = [Moved(name, round(points * share, 3)) for name, points in found if name]
    shown = [each for each in moved if abs(each.points) >= LEAST]
    shown = sorted(shown, key=lambda each: (-abs(each.points), each.name))[:MOVED]
    rest = round(value - 0.5 - sum([each.points for each in shown]), 3)
    if abs(rest) >= LEAST:
        shown.append(Moved(REST, rest))
    return Difficulty(round(value, 3), tuple(shown))


def _brief(size: int) -> Iterable[tuple[str, float]]:
    """Take a prompt of a few words that names no task for an easy one, the fewer the more."""
    if size < BRIEF:
        yield "is short and plain", BREVITY * (BRIEF - size) / BRIEF


def _signs(text: str, words: list[str], weights: Weights, *, known: bool) -> Iterable[tuple[str, float]]:
    """Weigh how the prompt is put."""
    told = zip(signs.row(text, words, known=known), signs.SIGNS, weights.slopes, weights.middles, strict=True)
    for value, (much, little, _), slope, middle in told:
        if value is not None and slope:
            yield much if value > middle else little, slope * (value - middle)


def _words(words: list[str], weights: Weights, weight: float) -> tuple[str, float]:
    """Weigh the different words together, and name those that count most; none, if all are small ones."""
    different = list(dict.fromkeys(words))[:WORDS]
    table = weights.words
    entries = [(table[word], word) for word in different if word in table]
    total = sum([entry for entry, _ in entries])
    strong = [each for each in entries if (each[0] if total > 0 else -each[0]) >= STRONG]
    telling = [word for _, word in sorted(strong, reverse=total > 0) if len(word) >= LETTERS]
    named = ", ".join(f'"{word}"' for word in telling[:NAMED])
    points = weights.unit * total / sqrt(max(FEWEST, len(different)))
    return f"words like {named}" if named else "", weight * points
