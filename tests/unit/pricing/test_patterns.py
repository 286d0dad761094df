"""Patterns out of downloaded data are searched for only where that cannot take long."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from genai_prices.types import ClauseRegex
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.pricing import patterns
from tests.unit.pricing.published import entries


def _published(clause: object) -> Iterator[str]:
    if isinstance(clause, ClauseRegex):
        yield clause.regex
    for each in (*getattr(clause, "or_", ()), *getattr(clause, "and_", ())):
        yield from _published(each)


def test_all_that_are_published_are_accepted() -> None:
    """Dates behind names, a choice of beginnings, something that must not follow."""
    seen = {pattern for vendor, model in entries() for pattern in _published(model.match)}
    seen |= {pattern for vendor, _ in entries() for pattern in _published(vendor.model_match)}
    assert len(seen) > 50
    for pattern in seen:
        assert patterns.checked(pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*b",
        "(a|a)*$",
        "(a|ab)+c",
        "(?:a?){30}a{30}",
        "a?" * 30 + "a" * 30,
        ".*.*x",
        "(.*)(.*)x",
        "(?:(?:a{1,9}){1,9}){1,9}b",
        "x{1,1000}",
        "a{2,",
        "a**",
        "a+?+",
        "*a",
        "(a",
        "a)",
        "[a",
        r"(a)\1",
        "(?P<n>a)",
        "(?i)a",
        "(?<=a)b",
        "(?>a)",
        "a\\",
        r"\Z",
        "(?:a|b)" * 11,
        "a" * 201,
        "[z-a]",
        "[[a]",
        "[a&&b]",
    ],
)
def test_what_could_take_long_is_refused(pattern: str) -> None:
    """Repeats within repeats, many choices in a row, and all that no name needs."""
    with pytest.raises(patterns.Refused):
        patterns.checked(pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        (r"^gpt-5\.4-\d{4}-\d{2}-\d{2}$", "gpt-5.4-2026-01-31", True),
        (r"^(?!.*-tts(?:$|-))gemini", "gemini-tts", False),
        (r"^(?!.*-tts(?:$|-))gemini", "gemini-pro", True),
        (r"[^a-c]]$", "d]", True),
        ("a{0,2}b", "aab", True),
        ("^x+?$", "xxx", True),
        (r"[\]a]+", "]", True),
    ],
)
def test_what_is_accepted_means_what_it_means_in_python(pattern: str, name: str, found: bool) -> None:
    """The check reads patterns; Python searches for them."""
    assert (patterns.checked(pattern).search(name) is not None) is found


@settings(max_examples=300, deadline=2000)
@given(st.text("ab.*+?|()[]{}^$\\d12,!:=", max_size=24), st.integers(0, patterns.LONGEST_TEXT))
def test_any_text_is_refused_or_searched_for_in_time(pattern: str, length: int) -> None:
    """What gets through is a pattern, and done with a name that nearly matches before anybody notices."""
    try:
        search = patterns.checked(pattern).search
    except patterns.Refused:
        return
    assert isinstance(search("a" * length + "c"), re.Match | None)
