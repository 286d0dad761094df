"""Whose word counts for a price: owner, vendor, listing, maker, a guess, a default."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmpool.pricing.book import Priced, Rates
from llmpool.pricing.lookup import LOCAL, Own, look_up
from llmpool.pricing.match import Book
from llmpool.pricing.validate import validated
from tests.unit.pricing.published import NOW
from tests.unit.pricing.published import book as shipped

BOOK = Book(
    validated(
        {
            "schema": 1,
            "version": "test 1",
            "vendors": {
                "openai": {
                    "match": "^gpt-",
                    "models": [["gpt-5", {"input": "1", "output": "1"}, "^gpt-5"], ["gpt-free", {}]],
                },
                "gateway": {"models": [["gpt-5", {"input": "2", "output": "2"}]]},
                "hub_one": {"models": [["a/gpt-5", {"input": "3", "output": "3"}]]},
            },
            "media": {"painter": ["0.04", "image"]},
        }
    )
)
LISTED = Rates(input=Decimal(4), output=Decimal(4))


def price(model: str, vendor: str = "", custom: Any = None, **more: Any) -> Priced | None:
    """Look up at a provider called `work`."""
    own = Own({key: {"input": each, "output": each} for key, each in (custom or {}).items()}, None)
    own = own._replace(default=more.pop("default", None))
    return look_up(BOOK, own, provider="work", vendor=vendor, model=model, **more)


def said(priced: Priced | None) -> tuple[str, str, str] | None:
    """Say what was found, in short."""
    return (priced.source, priced.matched, str(priced.at(NOW).input)) if priced else None


def test_the_order_of_words() -> None:
    """Each of them is heard when all before it are silent."""
    custom = {"work:gpt-5": "10", "gpt-5": "11", "gpt-*": "12"}
    everything: dict[str, Any] = {"listed": LISTED, "default": {"input": "9", "output": "9"}}
    expected = [
        ("custom", "work:gpt-5", "10"),
        ("custom", "gpt-5", "11"),
        ("custom", "gpt-*", "12"),
        ("book", "gateway/gpt-5", "2"),
    ]
    for key, want in zip([*custom, ""], expected, strict=True):
        assert said(price("gpt-5", "gateway", custom, **everything)) == want
        custom.pop(key, None)
    assert said(price("gpt-5", **everything)) == ("listed", "gpt-5", "4")
    del everything["listed"]
    assert said(price("gpt-5", **everything)) == ("book", "openai/gpt-5", "1")
    assert said(price("a gpt 5", **everything)) == ("default", "default", "9")
    assert said(price("xx-gpt-5", "gateway", **everything)) == ("default", "default", "9")
    assert price("xx", "gateway") is None


def test_local_costs_nothing() -> None:
    """Nor is anything looked up for it."""
    assert said(LOCAL) == ("local", "", "0")
    shown = LOCAL.price(NOW)
    assert shown is not None
    assert (shown.input, shown.output, shown.source) == ("0", "0", "local")


@pytest.mark.parametrize(
    ("keys", "model", "best"),
    [
        (["*", "gpt-*", "gpt-5*", "gpt-?"], "gpt-5-mini", "gpt-5*"),
        (["gpt-*", "gpt-?"], "gpt-5", "gpt-?"),
        (["*-mini", "gpt-5*"], "gpt-5-mini", "gpt-5*"),
        (["work:*", "gpt*"], "gpt-5", "work:*"),
        (["home:*", "gp*"], "gpt-5", "gp*"),
        (["GPT-*"], "Gpt-5", "GPT-*"),
        (["gpt-4o"], "gpt-4o-2024-08-06", None),
        (["gpt-4?"], "openrouter/GPT 4o 2024-08-06", "gpt-4?"),  # as it is written in one way
        (["qwen3:?b"], "qwen3:8b", "qwen3:?b"),
        (["a*b*c"], "axxbxxb", None),
        (["a*b*c"], "axxbxxbc", "a*b*c"),
        (["?"], "", None),
    ],
)
def test_the_longest_pattern_counts(keys: list[str], model: str, best: str | None) -> None:
    """Patterns are tried on the name, with the provider before it, and as it is written in one way."""
    found = look_up(None, Own({key: {"input": "1"} for key in keys}), provider="work", vendor="", model=model)
    assert (found.matched if found else None) == best


def test_where_calls_are_passed_on_the_name_ends_with_who_gets_them() -> None:
    """`model:seller`, as at Hugging Face; without a seller nobody knows who it will be."""
    assert said(price("a/gpt-5:one", "hub")) == ("book", "hub_one/a/gpt-5", "3")
    assert said(price("a/gpt-5:One", "hub")) == ("book", "hub_one/a/gpt-5", "3")
    assert price("a/gpt-5", "hub") is None
    named = look_up(shipped(), Own(), provider="hf", vendor="huggingface", model="Qwen/Qwen3-32B:groq")
    assert named is not None
    assert named.matched == "huggingface_groq/Qwen/Qwen3-32B"


def test_that_its_maker_gives_a_model_away_says_nothing_of_others() -> None:
    """A guess is never free; whose own price list says free is believed."""
    assert price("gpt-free") is None
    assert said(price("gpt-free", "openai")) == ("book", "openai/gpt-free", "None")
    own = shipped().find("google", "gemma-3-27b-it")
    assert own is not None
    assert own.at(NOW) == Rates()
    guess = look_up(shipped(), Own(), provider="gate", vendor="", model="google/gemma-3-27b-it")
    assert guess is not None
    assert (guess.source, guess.matched) == ("family", "openrouter/google/gemma-3-27b-it")


def test_media_have_their_price_per_unit() -> None:
    """It is shown, but no count of tokens is charged by it."""
    priced = price("painter")
    assert priced is not None
    assert priced.at(NOW).as_data() == {"other": {"image": "0.04"}}
    assert not priced.at(NOW).by_tokens
    assert priced.price(NOW) is None


def test_without_a_book_the_owner_and_the_listing_still_count() -> None:
    """Nothing needs a book."""
    for custom, listed, want in (
        ({"m": {"input": "1"}}, None, "custom"),
        ({}, LISTED, "listed"),
        ({}, None, ""),
    ):
        found = look_up(None, Own(custom), provider="p", vendor="openai", model="m", listed=listed)
        assert (found.source if found else "") == want


def test_names_in_any_case_are_one_name() -> None:
    """Also dates as gateways write them; names longer than any are no names."""
    assert BOOK.find("", "gpt-5") is None
    for name in ("gpt-5", "GPT-5", "gpt-5-20251211", "openai/gpt-5-mini"):
        found = BOOK.find_maker(name)
        assert found is not None
        assert found.matched == "openai/gpt-5"
    assert BOOK.find("openai", "gpt-5" + "x" * 600) is None
    assert BOOK.find_maker("gpt-5" + "x" * 600) is None
    assert price("claude " * 600) is None


@pytest.mark.parametrize(
    ("vendor", "model", "expected"),
    [
        ("openrouter", "qwen/qwen3-32b:nitro", ("family", "openrouter/qwen/qwen3-32b", "0.14")),
        ("openrouter", "openai/gpt-4o:online", ("family", "openrouter/openai/gpt-4o", "2.5")),
        ("openrouter", "deepseek/deepseek-chat-v3.1:free", None),
        ("openrouter", "nobody/new-model:free", None),
    ],
)
def test_a_variant_at_the_market_costs_what_its_model_does(
    vendor: str, model: str, expected: tuple[str, str, str] | None
) -> None:
    """A variant that is called but not listed is a guess by its model's price; a free one is free."""
    found = look_up(shipped(), Own(), provider="or", vendor=vendor, model=model)
    assert said(found) == (expected or ("family", model, "0"))
