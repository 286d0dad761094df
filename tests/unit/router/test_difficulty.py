"""What the difficulty score promises: hard above easy, in many languages, and reasons that add up."""

import csv
import gzip
import hashlib
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from llmpool.data import difficulty as stored
from llmpool.data.difficulty import weights
from llmpool.router import analyze, signs
from llmpool.router.analyze import band
from llmpool.router.difficulty import BRIEF, MOVED, REST, Weights, score, squeeze
from llmpool.router.passages import HEAD, TAIL, question

TOOLS = Path(__file__).parents[2] / "tools/data/difficulty"
NOTHING = Weights({}, 0.0, (0.0,) * len(signs.SIGNS), (0.0,) * len(signs.SIGNS))


def judged(text):
    return score(text, weights()).value


def prompts(name="prompts"):
    lines = (TOOLS / f"{name}.tsv").read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines]


def outcomes():
    with gzip.open(TOOLS / "outcomes.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        return [row["prompt"] for row in csv.DictReader(lines)]


def stripped(prompt):
    return prompt.partition("\nA. ")[0]


def auc(hard, easy):
    """How often a hard prompt stands above an easy one, ties half."""
    return sum((h > e) + 0.5 * (h == e) for h in hard for e in easy) / len(hard) / len(easy)


def test_hard_prompts_of_users_stand_above_easy_ones():
    """Of the prompts people write, a hard one has the larger difficulty in nine pairs of ten."""
    hard = [judged(text) for kind, _, text in prompts() if kind == "hard"]
    easy = [judged(text) for kind, _, text in prompts() if kind == "easy"]
    assert auc(hard, easy) >= 0.9
    assert (len(hard), len(easy)) == (30, 36)


@pytest.mark.parametrize(("name", "least"), [("unseen", 0.95), ("fresh", 0.88)])
def test_prompts_written_after_the_kinds_of_task_are_told_apart(name, least):
    """Prompts of two later sets, in ten languages, are told apart too; their README has how well at first."""
    hard, easy = ([judged(text) for kind, _, text in prompts(name) if kind == k] for k in ("hard", "easy"))
    assert auc(hard, easy) >= least


@pytest.mark.parametrize("tongue", ["de", "fr", "es", "zh", "ja", "ru", "ar"])
def test_every_language_tells_easy_from_hard(tongue):
    """No language collapses to one value: its hard prompts are complex, its easy ones simple."""
    found = {
        kind: [judged(t) for k, name, t in prompts() if (k, name) == (kind, tongue)]
        for kind in ("easy", "hard")
    }
    assert {analyze.SIMPLE} == {band(value) for value in found["easy"]}
    assert {analyze.COMPLEX} == {band(value) for value in found["hard"]}


@pytest.mark.parametrize(
    ("hard", "easy"),
    [
        (
            "Prove that there are infinitely many primes.",
            "Summarize this: " + "The bus was late again today. " * 60,
        ),
        ("Why does this deadlock under load?", "Translate into German: " + "We met at the old bridge. " * 60),
        (
            "Is P equal to NP? Give a rigorous analysis.",
            "Extract all dates: " + "Lunch on Monday, 3 May. " * 80,
        ),
        (
            "Why can a replica read a stale value with quorums?",
            "Fix the typos:\n\n"
            + "I would of course expect you to prove it, and if the contract fails, why. " * 20,
        ),
    ],
)
def test_length_does_not_decide(hard, easy):
    """One line can be hard, and pages can be easy."""
    assert judged(hard) > judged(easy) + 0.2


def test_repeating_a_prompt_does_not_make_it_hard():
    """Easy prompts ten times over still stand below hard ones that are said once."""
    hard = [judged(text) for kind, _, text in prompts() if kind == "hard"]
    easy = [judged(" ".join([text] * 10)) for kind, _, text in prompts() if kind == "easy"]
    assert auc(hard, easy) >= 0.95


@pytest.mark.parametrize(
    "asked",
    [
        "Fix the typos:\n\n{}",
        "Fix the typos: {}",
        "Fix the typos. {}",
        "{}\n\nFix the typos.",
        "修改语法\uff1a{}",
    ],
)
def test_a_passage_apart_decides_over_what_is_pasted(asked):
    """What is done to a long text decides, before it or behind it, not what the text says."""
    letter = "The plaintiff would have to prove why the contract failed. " * 20
    assert judged(letter) > 0.5
    assert judged(asked.format(letter)) < 0.4


def test_a_short_prompt_that_asks_nothing_hard_is_simple():
    """A few words that name no task are simple, in any language; more words are not simple for being few."""
    assert {band(judged(text)) for text in ("slept ok?", "Quel est le pluriel ?", "Jaki kolor?", "何色")} == {
        0
    }
    plain = " ".join(["lorem"] * BRIEF)
    assert band(judged(plain)) == analyze.MODERATE
    assert judged(plain) == judged(f"{plain} lorem")


def test_difficulty_is_not_length():
    """Over questions of all subjects, difficulty and length are correlated by less than a half."""
    asked = [stripped(line) for line in outcomes()[::20]]
    assert statistics.correlation([judged(text) for text in asked], [len(text) for text in asked]) < 0.5


def test_reasons_name_what_was_asked_for():
    """What moved the value is said in words, largest first, and a proof is called one."""
    found = score("Prove that every finite integral domain is commutative.", weights())
    assert found.moved[0].name == "asks for a proof"
    sizes = [abs(each.points) for each in found.moved if each.name != REST]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= MOVED


def test_reasons_add_up():
    """The shown points and the rest make up the distance from the middle, but for what is too little."""
    for name in ("prompts", "unseen", "fresh"):
        for *_, text in prompts(name):
            found = score(text, weights())
            assert abs(found.value - 0.5 - sum(each.points for each in found.moved)) < 0.03


def test_points_are_parts_of_the_value():
    """Without learned weights the shown points make up the whole distance from the middle."""
    found = score("Translate this proof.", NOTHING)
    assert [each.name for each in found.moved] == ["asks for a proof", "asks for a translation"]
    assert abs(found.value - 0.5 - sum(each.points for each in found.moved)) < 0.002


def test_a_word_that_moved_it_is_shown():
    """A learned word is shown as it stands in the prompt."""
    text = " ".join(["mortmain", "escheat", *["of"] * BRIEF])
    found = score(text, NOTHING._replace(words={"mortmain": 100, "escheat": 50, "of": -2}, unit=0.01))
    assert [each.name for each in found.moved] == ['words like "mortmain", "escheat"']
    assert found.value == round(squeeze(148 * 0.01 / 8**0.5), 3)


def test_words_that_only_together_move_it_are_not_named():
    """Many words that each count little are shown with all else."""
    text = " ".join(["oak", "elm", "ash", *["of"] * BRIEF])
    found = score(text, NOTHING._replace(words={"oak": 9, "elm": 9, "ash": 9}, unit=0.1))
    assert [each.name for each in found.moved] == [REST]


def test_offered_answers_do_not_count():
    """A question has the same difficulty with its lettered answers as without."""
    asked = "Which gas do plants take in?"
    assert judged(f"{asked}\nA. Oxygen\nB. Prove it by induction\nC. Helium\nD. None\nAnswer:") == judged(
        asked
    )


def test_own_lists_do_count():
    """What a person numbers with small letters is part of the task."""
    assert "b) prove it" in question("Do this:\na) state it\nb) prove it")


def test_long_prompts_are_judged_by_both_ends():
    """The middle of a long prompt is not looked at, its beginning and end are."""
    middle = "x" * 10_000
    long = "a " * (HEAD // 2) + middle + "z " * (TAIL // 2)
    assert judged(long) == judged(long.replace("x", "y"))
    assert judged("Prove it. " + middle) > judged(middle)
    assert judged(middle + " Prove it.") > judged(middle)


@pytest.mark.parametrize(
    "text", ["", " ", "\x00\x1b[2J\x07", "\ud800\udfff", "😀🎉", "\u202e\u200b", "?" * 10**6, "a" * 10**6]
)
def test_any_string_has_a_difficulty(text):
    """Nothing, noise, half characters and a million letters are judged, and never hard."""
    assert band(judged(text)) == (analyze.MODERATE if len(text) > 99 else analyze.SIMPLE)


def test_bands_are_cut_at_their_edges():
    """A value below 0.35 is simple, from 0.65 on complex."""
    bands = [band(value) for value in (0.0, 0.349, 0.35, 0.649, 0.65, 1.0)]
    assert bands == [0, 0, 1, 1, 2, 2]


def test_the_same_in_every_process():
    """No seed of hashing changes a value or its reasons."""
    code = (
        "from llmpool.data.difficulty import weights\nfrom llmpool.router.difficulty import score\n"
        "print(score('Analyze why the estoppel fails if both men knew of it', weights()))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "4711"}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    here = score("Analyze why the estoppel fails if both men knew of it", weights())
    assert f"{here}\n" == said.stdout


def test_the_file_is_small_and_as_it_was_made():
    """The weights are under 300 kB and the ones the training script wrote."""
    data = stored.FILE.read_bytes()
    assert len(data) < 300_000
    assert data == stored.pack(stored.unpack(data))
    assert hashlib.sha256(data).hexdigest() == DIGEST


def test_every_sign_counts_in_its_own_direction():
    """A learned slope is nought or has the sign's direction."""
    assert len(signs.SIGNS) == len(weights().slopes)
    assert all(slope * way >= 0 for slope, (*_, way) in zip(weights().slopes, signs.SIGNS, strict=True))


def test_another_file_is_refused():
    """A file that is not one of weights is an error, not noise."""
    with pytest.raises(ValueError, match="LPD2"):
        stored.unpack(b"\0" * 400)


DIGEST = "01d4f0e9595d54e092cc9a664197609b169d1d9021ff30c6a44f13244b62ffc1"
