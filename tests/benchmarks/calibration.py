"""Hold the expected quality of the strategy `value` against recorded outcomes, and fit it anew.

The outcomes are those the difficulty score is learned from, each question judged by what was learned of other
subjects. The models are rated as their peers of today are: on such questions, and where people vote, the weak
one (Mixtral-8x7B-Instruct) stands with models of 8 billion parameters, which are rated 5, and the strong one
(gpt-4-1106-preview) with those rated 8. Four options make a quarter of blind guesses right; the last lines
leave that out.
"""

from __future__ import annotations

import argparse
from math import log

import numpy as np

from llmpool.registry.ratings import by_name
from llmpool.router.value import LEVEL, STEEPNESS, expected

WEAK, STRONG = "mixtral-8x7b-instruct", "gpt-4-1106-preview"
RATED = {WEAK: 5, STRONG: 8}
GUESSED = 0.25
PARTS = 5


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--folds", type=int, default=7, help="groups of subjects (default 7)")


def run(options: argparse.Namespace) -> None:
    """Judge the questions of held-out subjects, and print what is expected beside what was observed."""
    from tests.benchmarks import _merit
    from tests.tools.train_difficulty import MISREAD, measure, outcomes

    data = [each for each in outcomes() if each.subject != MISREAD]
    texts = [each.prompt for each in data]
    marks = _merit._judged(texts, _merit._learned(measure(texts), data, 0, options.folds))
    show(marks, np.array([[each.weak, each.strong] for each in data], dtype=float))


def show(marks: np.ndarray, right: np.ndarray) -> None:
    """Print expected against observed by fifths of the difficulty, and fits; *right*: weak, strong."""
    print(f"expected / observed, {WEAK} rated {RATED[WEAK]} and {STRONG} rated {RATED[STRONG]}:")
    for part in np.array_split(np.argsort(marks, kind="stable"), PARTS):
        hoped = [np.mean([expected(quality, float(marks[n])) for n in part]) for quality in RATED.values()]
        told = [
            f"{one:.2f} / {other:.2f}" for one, other in zip(hoped, right[part].mean(axis=0), strict=True)
        ]
        print(f"    difficulty {marks[part].min():.2f} to {marks[part].max():.2f}:   {'   '.join(told)}")
    print(f"in use: level {LEVEL}, steepness {STEEPNESS}")
    table = {name: by_name(name)[0] for name in RATED}
    for words, rated, guessed in (
        ("as rated above", RATED, 0.0),
        (f"as the table of families rates them, {' and '.join(map(str, table.values()))}", table, 0.0),
        ("as rated above, without guesses", RATED, GUESSED),
    ):
        level, steepness, loss = fit(marks, right, tuple(rated.values()), guessed)
        print(f"fitted {words}: level {level:.2f}, steepness {steepness:.2f} (log loss {loss:.4f})")
    print("the hardest that a rating answers at a target of 0.8:   " + "   ".join(map(_reach, range(3, 11))))


def fit(
    marks: np.ndarray, right: np.ndarray, rated: tuple[int, ...], guessed: float = 0.0
) -> tuple[float, float, float]:
    """Fit level and steepness by logistic regression, with a share of answers *guessed* right."""
    from scipy.optimize import minimize

    apart = np.array(rated) / 10 - marks[:, None]

    def loss(figures: np.ndarray) -> float:
        chance = guessed + (1 - guessed) / (1 + np.exp(-(figures[0] + figures[1] * apart)))
        return float(-(right * np.log(chance) + (1 - right) * np.log(1 - chance)).mean())

    found = minimize(loss, [LEVEL, STEEPNESS], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
    return float(found.x[0]), float(found.x[1]), float(found.fun)


def _reach(quality: int, target: float = 0.8) -> str:
    return f"{quality}: {quality / 10 - (log(target / (1 - target)) - LEVEL) / STEEPNESS:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    describe(parser)
    run(parser.parse_args())
