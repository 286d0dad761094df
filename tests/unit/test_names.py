"""Names of models, made comparable, and the order in which they are listed (pool-routing-formats 5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core import names


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (" GPT-4o ", "gpt-4o"),
        ("openai/o3-mini", "o3-mini"),
        ("a/b/C", "c"),
        ("odd/", "odd/"),
        ("", ""),
    ],
)
def test_a_name_is_normalised(model: str, name: str) -> None:
    """Blanks, upper case and the vendor go; a name that ends in a slash stays whole."""
    assert names.normalised(model) == name


def by_preference(models: list[str]) -> list[str]:
    """Sort models as everything that lists them does."""
    return sorted(models, key=names.preference, reverse=True)


def test_models_are_sorted_backwards_by_name() -> None:
    """Worked example 18: later names first, vendors aside."""
    models = ["gpt-4o-mini", "claude-haiku-4-5", "o3-mini", "gemini-2.5-pro"]
    assert by_preference(models) == ["o3-mini", "gpt-4o-mini", "gemini-2.5-pro", "claude-haiku-4-5"]
    assert by_preference(["provider/misc-099", "openai/o3-mini"])[0] == "openai/o3-mini"
    assert by_preference(["a/x", "b/x"]) == ["b/x", "a/x"]


@given(st.lists(st.text(max_size=8), max_size=12))
def test_the_order_is_one_for_any_names(models: list[str]) -> None:
    """Nothing is lost, and equals keep the order they came in."""
    ordered = by_preference(models)
    assert sorted(ordered) == sorted(models)
    assert by_preference(ordered) == ordered


@pytest.mark.parametrize(
    ("name", "tagged"),
    [
        ("a", "a:latest"),
        ("a:latest", "a:latest"),
        ("a:8b", "a:8b"),
        ("hf.co/x/y", "hf.co/x/y:latest"),
        ("box:5000/a", "box:5000/a:latest"),
        ("den/a", "den/a:latest"),
    ],
)
def test_a_name_without_a_tag_means_latest(name: str, tagged: str) -> None:
    """Only a colon behind the last slash is a tag; a port is none."""
    assert names.latest(name) == tagged


def test_the_spellings_of_a_model_are_with_and_without_its_implied_tag() -> None:
    """The given spelling comes first, and a model with a real tag has only the one."""
    assert names.spellings("a") == ("a", "a:latest")
    assert names.spellings("a:latest") == ("a:latest", "a")
    assert names.spellings("a:8b") == ("a:8b",)


def test_a_model_is_found_under_any_spelling() -> None:
    """The given spelling wins, then the other one; a real tag has no other."""
    assert names.under_any("a", {"a:latest": 1, "a": 2}) == 2
    assert names.under_any("a:latest", {"a": 2}) == 2
    assert names.under_any("a:8b", {"a": 2, "a:latest": 1}) is None
