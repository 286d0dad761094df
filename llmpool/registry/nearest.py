"""The names nearest to one that nobody carries: a cheap look at all of them, a close look at the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from heapq import nlargest

from llmpool.core.ids import split_ref
from llmpool.registry.loose import normal

_CLOSE_LOOKS = 60  # candidates that are compared letter by letter
_LONGEST = 120  # characters of a name that are looked at; more is no slip of the finger
_LIKE = 0.5  # how much of two names must agree
_BEGINNING = 3  # letters that a name must begin with to be meant by them alone


def nearest(ref: str, ids: Sequence[str], aliases: Mapping[str, str], count: int) -> list[str]:
    """List the ids closest to *ref*, best first, each once; *aliases* speak for the ids they name.

    What is the same but for its spelling comes first, then what begins so, the shortest first.
    """
    wanted = _folded(ref)[:_LONGEST]
    texts = [(name.lower(), name) for name in ids] + [(text.lower(), to) for text, to in aliases.items()]
    best: dict[str, float] = {}
    for text, name in _promising(wanted, texts):
        likeness = _likeness(wanted, text)
        if likeness >= _LIKE and likeness > best.get(name, 0):
            best[name] = likeness
    return sorted(best, key=lambda name: (-best[name], name))[:count]


def _promising(wanted: str, texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pick the texts that share the most pairs of letters with *wanted*: comparing all would take seconds."""
    pairs = {wanted[n : n + 2] for n in range(len(wanted) - 1)} or {wanted}
    begins = _begins(wanted)
    shared = [
        (
            len(pairs) * begins(text) + sum(pair in text for pair in pairs) - len(text) / 1000,
            text,
            name,
        )
        for text, name in texts
    ]
    return [(text, name) for points, text, name in nlargest(_CLOSE_LOOKS, shared) if points > 0]


def _begins(wanted: str) -> Callable[[str], bool]:
    """Return whether a text, or what follows a slash in it, begins with *wanted* and goes on."""
    if len(wanted) < _BEGINNING:
        return lambda _text: False
    inner = f"/{wanted}"
    return lambda text: text.startswith(wanted) or inner in text


def _likeness(wanted: str, text: str) -> float:
    """Compare with the whole id, the model alone, and what follows a vendor's prefix; 1 is the same.

    Where both are at one provider their models are compared: that they share it makes them no more alike.
    """
    parts = {text, split_ref(text)[1], text.rpartition("/")[2]} - {""}
    if wanted in parts or normal(wanted) == normal(text) != "":
        return 2.0 + (wanted in parts)
    if _begins(wanted)(text):
        return 1.0 + 1 / (1 + len(text))
    provider, model = split_ref(wanted)
    if provider and model and provider == split_ref(text)[0]:
        wanted, parts = model, parts - {text}
    matcher = SequenceMatcher(None, "", wanted)  # what it finds out of the second text, it keeps
    return max(_ratio(matcher, part[:_LONGEST]) for part in parts)


def _ratio(matcher: SequenceMatcher[str], part: str) -> float:
    matcher.set_seq1(part)
    return matcher.ratio() if matcher.quick_ratio() >= _LIKE else 0.0


def _folded(ref: str) -> str:
    """Fold case, and what only looks like a letter or a dash of this alphabet."""
    ref = ref.strip()[: 2 * _LONGEST]
    if not ref.isascii():
        import unicodedata

        ref = unicodedata.normalize("NFKC", ref)
        ref = "".join("-" if unicodedata.category(c) == "Pd" else c for c in ref)
    return ref.lower()
