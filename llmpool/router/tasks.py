"""What a prompt asks for: the kinds of task that its words name, for `difficulty`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from llmpool.router import passages, tongues
from llmpool.router.kinds import COMMAND, EXPLANATION, TASKS

LETTERS = 4  # that beginnings are looked up by; shorter ones stand for the whole word only
FIRST, LAST = 600, 400  # characters: what is asked for stands at the beginning or at the end
EDGES = 160  # words, likewise
DENSE = 400  # characters, likewise, in writing where one can be a word
WIDE = "\u0590"  # from this letter on: Hebrew, Arabic, the writings of India and of the far east


class Lexicon(NamedTuple):
    """The tasks by word, by how one begins (under its first letters), by phrase (under its longest word)."""

    words: dict[str, list[int]]
    stems: dict[str, list[tuple[str, int]]]
    phrases: dict[str, list[tuple[str, int]]]
    script: tuple[tuple[str, int], ...]


class Asked(NamedTuple):
    """The tasks a prompt names, with their points, and whether they stand apart from a longer text."""

    tasks: tuple[tuple[str, float], ...]
    apart: bool = False


@cache
def lexicon() -> Lexicon:
    """Lay the table out for looking up, once."""
    words: dict[str, list[int]] = {}
    stems: dict[str, list[tuple[str, int]]] = {}
    for number, task in enumerate(TASKS):
        for word in task.words.split():
            stem = word.removesuffix("*")
            if stem != word and len(stem) >= LETTERS:
                stems.setdefault(stem[:LETTERS], []).append((stem, number))
            else:
                words.setdefault(stem, []).append(number)
    phrases: dict[str, list[tuple[str, int]]] = {}
    for number, task in enumerate(TASKS):
        for phrase in _parts(task.phrases):
            phrases.setdefault(max(passages.split(phrase), key=len), []).append((phrase, number))
    script = tuple((part, number) for number, task in enumerate(TASKS) for part in _parts(task.script))
    return Lexicon(words, stems, phrases, script)


def asked(lower: str, words: list[str], size: int, *, english: bool) -> Asked:
    """Name the tasks that a text in lower case asks for, of *size* words.

    Where a long one begins or ends with a passage that names a task, that decides, not what it is done to.
    """
    for passage in passages.ends(lower):
        if found := _named(passage, passages.split(passage), size):
            return Asked(_told(found), apart=True)
    near = words if len(words) <= EDGES else words[: EDGES // 2] + words[-EDGES // 2 :]
    part = lower if len(lower) <= FIRST + LAST else f"{lower[:FIRST]}\n{lower[-LAST:]}"
    found = _named(part, near, size)
    if not found and not english:
        found = _elsewhere(part)
    return Asked(_told(found))


def _told(numbers: set[int]) -> tuple[tuple[str, float], ...]:
    return tuple((TASKS[number].name, TASKS[number].points) for number in sorted(numbers))


def _named(text: str, words: list[str], size: int) -> set[int]:
    """Find the tasks that *text* names, but those that say nothing in a prompt of this size."""
    known, different = lexicon(), dict.fromkeys(words)
    found = _by_words(different)
    for longest in [word for word in different if word in known.phrases]:
        found.update(number for phrase, number in known.phrases[longest] if phrase in text)
    if not text.isascii() and max(text) >= WIDE:
        dense = text if len(text) <= DENSE else f"{text[: DENSE // 2]}\n{text[-DENSE // 2 :]}"
        found.update(number for phrase, number in known.script if phrase in dense)
    return {number for number in found if TASKS[number].least <= size <= (TASKS[number].most or size)}


def _by_words(words: Iterable[str]) -> set[int]:
    """Find the tasks that single words name, whole or by how they begin."""
    whole, stems = lexicon().words, lexicon().stems
    found = {number for word in words if word in whole for number in whole[word]}
    for word in [word for word in words if word[:LETTERS] in stems]:
        found.update(number for stem, number in stems[word[:LETTERS]] if word.startswith(stem))
    return found


def _elsewhere(text: str) -> set[int]:
    """Ask the keywords of other languages, where nothing was found by one's own."""
    name = {"simple": COMMAND, "complex": EXPLANATION}.get(tongues.complexity(text[:DENSE])[0])
    return {number for number, task in enumerate(TASKS) if task.name == name}


def _parts(text: str) -> list[str]:
    return text.split("|") if text else []
