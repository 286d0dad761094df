"""What `tests.benchmarks.difficulty` measures: merit, money and time of the difficulty score."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from llmpool.data.difficulty import weights
from llmpool.router import analyze
from llmpool.router.difficulty import Weights, score
from tests.tools.train_difficulty import (
    MISREAD,
    OUTCOMES,
    Measured,
    Outcome,
    fit,
    measure,
    outcomes,
    stripped,
)

Folds = list[tuple[np.ndarray, Weights]]
AIM, BUDGET_MS = 0.62, 0.5
JSON = json.dumps([[number, "some words", 1.5] for number in range(800)])


def run(options: argparse.Namespace) -> None:
    """Measure merit, money and time and print them."""
    data = outcomes()
    gains = np.array([each.strong - each.weak for each in data], dtype=float)
    read = np.array([each.subject != MISREAD for each in data])
    measured = measure([each.prompt for each in data])
    learned = [_learned(measured, data, seed, options.folds) for seed in range(options.repeats)]
    print(
        f"{len(data):,} questions of {len({each.subject for each in data})} subjects; aim {AIM}, chance 0.5"
    )
    print("held out: slopes, words, scale; chosen knowing all subjects: signs, kinds of task, settings")
    print(f"{'':34}{'all':>8}{'but ' + MISREAD.replace('_', ' '):>30}")
    for name, strip in (("with options", str), ("without options", stripped)):
        texts = [strip(each.prompt) for each in data]
        marks = [_judged(texts, folds) for folds in learned]
        _line(f"difficulty, {name}", [_both(each, gains, read) for each in marks])
        for words, drawn in _bootstrap(marks, gains, data, options.draws).items():
            low, high = np.percentile(drawn, (2.5, 97.5))
            print(f"    95% drawing {words:20} {low:.3f} to {high:.3f}")
        print(f"    within subjects {statistics.mean(within(each, data) for each in marks):.3f}")
        _baselines(name, texts, gains, read)
        _money(marks[0], data)
    _line("oracle", [_both(gains, gains, read)])
    _deciles(marks[0], data)
    _users()
    _times()


def apgr(marks: np.ndarray, gains: np.ndarray) -> float:
    """Rank by *marks*, equal ones drawn evenly, and give the area under the recovered gap."""
    order = np.lexsort((np.random.default_rng(1).random(len(marks)), -marks))
    return float(
        np.trapezoid(np.concatenate([[0.0], np.cumsum(gains[order])]), dx=1 / len(gains)) / gains.sum()
    )


def within(marks: np.ndarray, data: Sequence[Outcome]) -> float:
    """Give how often what only the strong model answered stands above the rest of its own subject."""
    told = np.array([each.strong and not each.weak for each in data], dtype=bool)
    subjects = np.array([each.subject for each in data])
    above, pairs = 0.0, 0
    for subject in sorted(set(subjects) - {MISREAD}):
        hard, rest = (marks[(subjects == subject) & which] for which in (told, ~told))
        above += sum(float((mark > rest).mean() + (mark == rest).mean() / 2) for mark in hard)
        pairs += len(hard)
    return above / pairs


def _learned(measured: Measured, data: Sequence[Outcome], seed: int, count: int) -> Folds:
    """Learn once a fold: which questions were held out, and the weights of the others."""
    subjects = np.array([each.subject for each in data])
    drawn = np.random.default_rng(seed).permutation(sorted(set(subjects)))
    found = []
    for number in range(count):
        out = np.isin(subjects, drawn[number::count])
        kept = np.flatnonzero(~out)
        part = Measured(measured.rows[kept], [measured.words[n] for n in kept])
        found.append((out, fit(part, [data[n] for n in kept])))
    return found


def _judged(texts: Sequence[str], folds: Folds) -> np.ndarray:
    """Score every question with the weights that its subject had no part in."""
    marks = np.zeros(len(texts))
    for out, learned in folds:
        for n in np.flatnonzero(out):
            marks[n] = score(texts[n], learned).value
    return marks


def _both(marks: np.ndarray, gains: np.ndarray, read: np.ndarray) -> tuple[float, float]:
    return apgr(marks, gains), apgr(marks[read], gains[read])


def _line(name: str, found: list[tuple[float, float]]) -> None:
    everything, rest = (statistics.mean(column) for column in zip(*found, strict=True))
    print(f"{name:34}{everything:8.3f}{rest:30.3f}", flush=True)


def _bootstrap(
    marks: list[np.ndarray], gains: np.ndarray, data: Sequence[Outcome], draws: int
) -> dict[str, list[float]]:
    """Draw questions, and whole subjects, with replacement; each draw takes one repetition's scores."""
    subjects = np.array([each.subject for each in data])
    groups = [np.flatnonzero(subjects == subject) for subject in sorted(set(subjects))]
    generator = np.random.default_rng(0)
    found: dict[str, list[float]] = {"questions": [], "subjects": []}
    for number in range(draws):
        mark = marks[number % len(marks)]
        drawn = generator.integers(0, len(data), len(data))
        found["questions"].append(apgr(mark[drawn], gains[drawn]))
        drawn = np.concatenate([groups[n] for n in generator.integers(0, len(groups), len(groups))])
        found["subjects"].append(apgr(mark[drawn], gains[drawn]))
    return found


def _baselines(name: str, texts: Sequence[str], gains: np.ndarray, read: np.ndarray) -> None:
    """Print what needs no learning, of the same texts."""
    plain: dict[str, Callable[[str], float]] = {
        "keyword bands": lambda text: float(analyze.complexity(text)[0]),
        "length": lambda text: float(len(text)),
    }
    for words, mark in plain.items():
        _line(f"{words}, {name}", [_both(np.array([mark(text) for text in texts]), gains, read)])


def _money(marks: np.ndarray, data: Sequence[Outcome]) -> None:
    """Print what share of the calls must go to the strong model for a share of the gap."""
    gains = np.array([each.strong - each.weak for each in data], dtype=float)
    grown = np.cumsum(gains[np.argsort(-marks, kind="stable")]) / gains.sum()
    for target in (0.5, 0.8, 0.9, 1.0):
        share = (int(np.argmax(grown >= target - 1e-12)) + 1) / len(grown)
        spared = (1 - share) * 100
        print(
            f"    {target:4.0%} of the gap: strong called for {share:4.0%}; {spared:.0f}% fewer than always,"
            f" {(target - share) / target:.0%} fewer than random routing, which takes {target:.0%}"
        )


def _deciles(marks: np.ndarray, data: Sequence[Outcome]) -> None:
    """Print, for each tenth of the questions by difficulty, how often only the strong model was right."""
    told = np.array([each.strong and not each.weak for each in data], dtype=float)
    print("only the strong one right, by tenths of held-out questions, from easy to hard:")
    for part in np.array_split(np.argsort(marks, kind="stable"), 10):
        print(f"    difficulty {marks[part].min():.3f} to {marks[part].max():.3f}: {told[part].mean():.0%}")


def _users() -> None:
    """Print how often a hard prompt as people write them stands above an easy one, and what length does."""
    learned = weights()
    print(
        "prompts as people write them: hard above easy (in brackets: by length alone), and correlation with"
        " the logarithm of length"
    )
    for name, told in (
        ("prompts", "known when the kinds of task were set"),
        ("unseen", "0.707 when it was first judged"),
        ("fresh", "0.859 when it was first judged"),
    ):
        lines = [
            line.split("\t") for line in (OUTCOMES.parent / f"{name}.tsv").read_text("utf-8").splitlines()
        ]
        hard = np.array([kind == "hard" for kind, *_ in lines])
        marks = np.array([score(text, learned).value for *_, text in lines])
        sizes = np.log([len(text) for *_, text in lines])
        alike = np.corrcoef(marks, sizes)[0, 1]
        print(f"    {name:8} {_above(marks, hard):.3f} ({_above(sizes, hard):.3f}), {alike:.2f}; {told}")


def _above(marks: np.ndarray, hard: np.ndarray) -> float:
    ahead = marks[hard][:, None] - marks[~hard][None, :]
    return float((ahead > 0).mean() + (ahead == 0).mean() / 2)


def _times() -> None:
    """Print the time per prompt, and its ratio to reading 20 kB of JSON, as machines differ."""
    learned = weights()
    text = " ".join(stripped(each.prompt) for each in outcomes()[:60:2])
    for size in (200, 2000, 1_000_000):
        prompt = (text * (size // len(text) + 1))[:size]
        ours, theirs = _took(lambda p=prompt: score(p, learned)), _took(lambda: json.loads(JSON))
        over = " over" if size == 2000 and ours[0] > BUDGET_MS else ""
        ratio = ours[0] / theirs[0]
        print(
            f"{size:>9,} characters: least {ours[0]:.3f} ms, median {ours[1]:.3f};"
            f" {ratio:.1f}x json.loads of {len(JSON):,}{over}"
        )


def _took(act: Callable[[], object], runs: int = 301) -> tuple[float, float]:
    """Give the least milliseconds of CPU of *act*, which no neighbour weighs on, and the median."""
    took = []
    for _ in range(runs):
        began = time.process_time()
        act()
        took.append(1000 * (time.process_time() - began))
    return min(took), statistics.median(took)
