"""What holds of the difficulty of any string at all."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmpool.data.difficulty import weights
from llmpool.router.difficulty import LEAST, MOVED, REST, score

anything = st.text(st.characters(codec=None), max_size=400)
SOME = (
    "prove",
    "that",
    "the",
    "of",
    "translate",
    "why",
    "if",
    "12",
    "+",
    "証明",
    "докажите",
    "hello",
    "(",
    ",",
)
words = st.lists(st.sampled_from(SOME), max_size=60).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(anything, words))
@example("\ud83d")
def test_any_text_is_judged_between_nought_and_one(text):
    """The value is in range, rounded; the reasons are few, named, large enough to show, largest first."""
    found = score(text, weights())
    assert 0.0 <= found.value <= 1.0
    assert round(found.value, 3) == found.value
    sizes = [abs(each.points) for each in found.moved if each.name != REST]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) <= MOVED
    assert all(size >= LEAST for size in sizes)
    assert all(each.name for each in found.moved)


@settings(max_examples=50, deadline=None)
@given(words)
def test_judging_twice_is_judging_once(text):
    """The same text has the same difficulty, for the same reasons."""
    assert score(text, weights()) == score(text, weights())
