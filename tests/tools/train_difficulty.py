"""Learn the weights of the difficulty score and write them to `llmpool/data/difficulty.bin`.

    pip install -e '.[train]' && python -m tests.tools.train_difficulty

What is learned: on which questions only the strong model was right. Questions of one subject are left out: in
high-school mathematics the strong model's answers were not in the form that was counted (8 of 270 right), so
there the data says how answers were read, and mathematics would pass for easy. The signs get slopes by least
squares, each in the direction set in `router.signs` or none; the words what is left, damped, and only words
met in several subjects. Needs numpy and scipy; nothing of this runs in llmpool.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import lsq_linear
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

from llmpool.data.difficulty import FILE, pack
from llmpool.router import difficulty, passages, signs
from llmpool.router.difficulty import Weights

OUTCOMES = Path(__file__).parent / "data/difficulty/outcomes.csv.gz"
MISREAD = "high_school_mathematics"
DAMP_SIGNS, DAMP_WORDS = 1000.0, 10.0  # ridge
SHARE_OF_WORDS = 0.4  # of what least squares would give them
SUBJECTS = 5  # that a word must be met in
SPREAD = 0.6  # standard deviation of the learned part, in points; a task moves 0.5 to 1.5
TOP = 120  # the largest entry of a word


class Outcome(NamedTuple):
    """A question and who answered it right."""

    subject: str
    prompt: str
    weak: int
    strong: int


def outcomes() -> list[Outcome]:
    """Read the data, questions asked twice included."""
    with gzip.open(OUTCOMES, "rt", encoding="utf-8", newline="") as lines:
        return [
            Outcome(row["subject"], row["prompt"], int(row["weak_correct"]), int(row["strong_correct"]))
            for row in csv.DictReader(lines)
        ]


def stripped(prompt: str) -> str:
    """Take the lettered options and the word before the answer off a question."""
    return prompt.partition("\nA. ")[0].removesuffix("\nAnswer:").strip()


class Measured(NamedTuple):
    """What the score looks at, of many texts: the rows of signs and the different words."""

    rows: np.ndarray
    words: list[list[str]]


def measure(texts: Sequence[str]) -> Measured:
    """Measure texts as the score does."""
    rows, words = [], []
    for text in texts:
        part = passages.question(text)
        split = passages.split(part.lower())
        row = signs.row(part, split, known=signs.english(split))
        rows.append([np.nan if value is None else value for value in row])
        words.append(list(dict.fromkeys(split))[: difficulty.WORDS])
    return Measured(np.array(rows), words)


def fit(measured: Measured, data: Sequence[Outcome]) -> Weights:
    """Learn weights from these questions and outcomes."""
    used = np.array([each.subject != MISREAD for each in data])
    told = np.array([float(each.strong and not each.weak) for each in data])[used]
    told -= told.mean()
    rows = measured.rows[used]
    middles = np.nanmean(rows, axis=0)
    rows = np.where(np.isnan(rows), middles, rows) - middles
    slopes = _slopes(rows, told)
    words = [each for each, use in zip(measured.words, used, strict=True) if use]
    subjects = [each.subject for each in data if each.subject != MISREAD]
    found, matrix = _matrix(words, subjects)
    entries = SHARE_OF_WORDS * lsqr(matrix, told - rows @ slopes, damp=DAMP_WORDS**0.5, iter_lim=200)[0]
    scale = SPREAD / np.std(rows @ slopes + matrix @ entries)
    unit = float(np.abs(entries).max() * scale / TOP)
    rounded = {word: round(float(entry)) for word, entry in zip(found, entries * scale / unit, strict=True)}
    table = {word: entry for word, entry in rounded.items() if entry}
    return Weights(table, unit, tuple(map(float, slopes * scale)), tuple(map(float, middles)))


def _slopes(rows: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Fit the signs, each at nought or in its own direction."""
    ways = np.array([way for *_, way in signs.SIGNS])
    spread = rows.std(axis=0) + 1e-9
    count = len(ways)
    left = np.vstack([rows / spread * ways, DAMP_SIGNS**0.5 * np.eye(count)])
    right = np.concatenate([told, np.zeros(count)])
    return lsq_linear(left, right, bounds=(0, np.inf)).x * ways / spread


def _matrix(words: list[list[str]], subjects: list[str]) -> tuple[list[str], csr_matrix]:
    """Lay out which question has which word, of those met in several subjects."""
    met = defaultdict(set)
    for each, subject in zip(words, subjects, strict=True):
        for word in each:
            met[word].add(subject)
    found = sorted(word for word, where in met.items() if len(where) >= SUBJECTS and len(word) > 2)
    place = {word: n for n, word in enumerate(found)}
    at, column, value = [], [], []
    for line, each in enumerate(words):
        for word in each:
            if word in place:
                at.append(line)
                column.append(place[word])
                value.append(max(difficulty.FEWEST, len(each)) ** -0.5)
    return found, csr_matrix((value, (at, column)), shape=(len(words), len(found)))


def main() -> None:
    """Learn from everything and write the file."""
    data = outcomes()
    learned = fit(measure([each.prompt for each in data]), data)
    FILE.write_bytes(pack(learned))
    for (name, *_), slope, middle in zip(signs.SIGNS, learned.slopes, learned.middles, strict=True):
        print(f"{name:32}{slope:9.3f}  (middle {middle:.3f})")
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes, {len(learned.words):,} words")


if __name__ == "__main__":
    main()
