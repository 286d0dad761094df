"""Worked examples 1 to 16 of pool-ledger-credentials 11, or the ruling that overrules one.

Ruling 16 of the design has two answers of its own. Cached tokens are counted inside input, where the source
adds them to it. Prices come from the book, where the source has a table in its code: an example that says
what an entry of that table costs becomes one that says which entry of the book it is, by what rule.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmpool.core.outcome import TokenUsage
from llmpool.pricing import family
from llmpool.pricing.book import Priced, read_rates
from llmpool.pricing.lookup import Own, look_up
from llmpool.pricing.match import Book
from llmpool.pricing.total import cost
from llmpool.pricing.upstream import packed
from llmpool.pricing.validate import validated
from tests.unit.pricing.published import NOW, book

# the source's table says these prices; the sums are checked with them, whatever the book says today
TABLE = {
    "gpt-4o": ("2.5", "10", "1.25"),
    "claude-sonnet-4-5": ("3", "15", "0.3"),
    "deepseek-chat": ("0.28", "0.42", "0.028"),
    "gpt-4o-mini": ("0.15", "0.6", "0.075"),
    "o1-pro": ("150", "600", "75"),
    "claude-opus-4-1": ("15", "75", "1.875"),
    "llama-3.1-405b": ("3", "3", "0.75"),
    "default": ("5", "15", "0.5"),
}


def rated(name: str) -> dict[str, str]:
    """Spell a row of the source's table as the owner's own price."""
    return dict(zip(("input", "output", "cache_read"), TABLE[name], strict=True))


def found(model: str, vendor: str = "", provider: str = "work", own: Own | None = None) -> Priced | None:
    """Look a model up in the book that ships."""
    return look_up(book(), own or Own(), provider=provider, vendor=vendor, model=model)


def told(model: str, vendor: str = "") -> tuple[str, str] | None:
    """Say by what rule a model is found, and which entry it is."""
    priced = found(model, vendor)
    return (priced.source, priced.matched) if priced else None


@pytest.mark.parametrize(
    ("model", "counts", "expected"),
    [
        ("gpt-4o", (1000, 500, 0), "0.0075"),  # 1
        ("deepseek-chat", (1_000_000, 250_000, 0), "0.385"),  # 3
        ("o1-pro", (10_000, 2_000, 0), "2.7"),  # 5
        ("llama-3.1-405b", (123_456, 7_890, 0), "0.394038"),  # 5
    ],
)
def test_what_is_not_cached_costs_what_the_source_says(
    model: str, counts: tuple[int, int, int], expected: str
) -> None:
    """Examples 1, 3 and 5."""
    usage = TokenUsage(input=counts[0], output=counts[1], cache_read=counts[2])
    assert cost(read_rates(rated(model)), usage) == Decimal(expected)


@pytest.mark.parametrize(
    ("model", "counts", "expected", "source"),
    [
        ("claude-sonnet-4-5", (12_000, 800, 10_000), "0.021", "0.051"),  # 2
        ("default", (1000, 1000, 1000), "0.0155", "0.0205"),  # 4
        ("gpt-4o-mini", (2_000_000, 500_000, 1_000_000), "0.525", "0.675"),  # 5
        ("claude-opus-4-1", (53_000, 1_000, 50_000), "0.21375", "0.21375"),  # 5, with all of it inside input
    ],
)
def test_cached_tokens_are_inside_input(
    model: str, counts: tuple[int, int, int], expected: str, source: str
) -> None:
    """Examples 2, 4 and 5 under ruling 16: the source charges cached tokens twice, here they are once."""
    usage = TokenUsage(input=counts[0], output=counts[1], cache_read=counts[2])
    assert cost(read_rates(rated(model)), usage) == Decimal(expected) <= Decimal(source)


def test_cache_writes_cost_what_they_cost() -> None:
    """Example 2 under ruling 16: the source never prices them; here they are input unless priced apart."""
    usage = TokenUsage(input=12_000, output=800, cache_read=10_000, cache_write=2_000)
    rates = rated("claude-sonnet-4-5")
    assert cost(read_rates(rates), usage) == Decimal("0.021")
    assert cost(read_rates(rates | {"cache_write": "3.75"}), usage) == Decimal("0.0225")
    hour = usage.replace(cache_write_1h=500)
    assert cost(read_rates(rates | {"cache_write": "3.75"}), hour) == Decimal("0.0225")
    assert cost(read_rates(rates | {"cache_write": "3.75", "cache_write_1h": "6"}), hour) == Decimal(
        "0.023625"
    )


def test_a_default_price_is_the_owners_to_give() -> None:
    """Example 4 under ruling 16: what nobody knows has no price, unless the owner gives one for all such."""
    assert found("unknown-model") is None
    usage = TokenUsage(input=1000, output=1000, cache_read=1000)
    for rates, expected in ((rated("default"), "0.0155"), ({"input": "1", "output": "2"}, "0.003")):
        priced = found("unknown-model", own=Own(default=rates))
        assert priced is not None
        assert (priced.source, priced.matched) == ("default", "default")
        assert cost(priced.at(NOW), usage) == Decimal(expected)


def test_custom_keys_hold_for_exactly_that_name() -> None:
    """Example 6: a custom key is not normalised, and one for a provider beats one for all."""
    own = Own(
        {
            "claude-opus-4-5": {"input": "99", "output": "199"},
            "openai:gpt-4o": {"input": "1", "output": "1"},
            "gpt-4o": {"input": "7", "output": "7"},
        }
    )
    asked: list[tuple[str, str, str, str, str]] = [
        ("anthropic", "claude-opus-4-5", "99", "custom", "claude-opus-4-5"),
        ("anthropic", "claude-opus-4-5-20251101", "5", "book", "anthropic/claude-opus-4-5"),
        ("openai", "gpt-4o", "1", "custom", "openai:gpt-4o"),
        ("azure", "gpt-4o", "7", "custom", "gpt-4o"),
    ]
    for provider, model, price, source, matched in asked:
        priced = found(model, provider, provider, own)
        assert priced is not None
        assert (priced.at(NOW).input, priced.source, priced.matched) == (Decimal(price), source, matched)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("Claude Sonnet 4.5 20250929", "claude-sonnet-4.5"),
        ("gpt-4o:v1", "gpt-4o"),
        ("claude-3-opus-v2", "claude-3-opus"),
        ("azure/gpt-4o", "gpt-4o"),
        ("gpt--4o", "gpt-4o"),
        ("x-preview-latest", "x"),
        ("x-latest-preview", "x-latest"),
        ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview-05-06"),
        ("o1-preview", "o1"),
        ("", ""),
    ],
)
def test_names_are_written_in_one_way(model: str, expected: str) -> None:
    """Example 8."""
    assert family.normalised(model) == expected


def test_names_are_split_into_words() -> None:
    """Example 9: what is only digits is no word."""
    assert family.words("gpt-4o-mini") == ["gpt", "4o", "mini"]
    assert family.words("claude-opus-4-5") == ["claude", "opus"]
    assert family.words("gemini-1.5-pro") == ["gemini", "pro"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("GPT 4o Mini", ("family", "openai/gpt-4o-mini")),
        ("claude-opus-4.6", ("book", "anthropic/claude-opus-4-6")),
        ("claude-3.5-sonnet", ("book", "anthropic/claude-3-5-sonnet")),
        ("gpt-5.3-codex", ("book", "openai/gpt-5.3-codex")),  # the book has it; the source took gpt-5
        ("gpt-4o-mini-2024-07-18", ("book", "openai/gpt-4o-mini")),
        ("gemini-2.0-flash-exp", ("book", "google/gemini-2.0-flash")),
        ("grok-2-1212", ("book", "x-ai/grok-2-1212")),
        ("gpt-4-1", ("family", "openai/gpt-4")),  # a prefix, not gpt-4.1
        ("o4", ("family", "openai/o4-mini")),
        ("claude-opus", ("family", "anthropic/claude-opus-5-5")),  # 13: of all the newest
    ],
)
def test_names_that_nobody_lists_so_find_the_entry_they_mean(model: str, expected: tuple[str, str]) -> None:
    """Example 10 under ruling 16: entries of the book, where the source has a table."""
    assert told(model) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("anthropic-claude-opus", ("family", "anthropic/claude-opus-4-6")),
        ("openai-gpt-4-turbo", ("family", "openai/gpt-4-turbo")),
        ("google-gemini-pro", ("family", "google/gemini-3.1-pro-preview")),
        ("deepseek-coder-v2", ("family", "deepseek/deepseek-v3.2")),
        ("metadata-model", ("family", "openrouter/meta-llama/llama-3.3-70b-instruct")),
        ("meta-llama/llama-3.1-8b-instruct", ("family", "openrouter/meta-llama/llama-3.1-8b-instruct")),
        # the book knows these by name, where the source guesses their family
        ("mixtral-8x7b-instruct", ("book", "mistral/mixtral-8x7b")),
        ("openrouter/anthropic/claude-sonnet-4", ("book", "openrouter/anthropic/claude-sonnet-4")),
        ("openai/gpt-4", ("book", "openai/gpt-4")),
        ("openai/gpt-5-mini", ("book", "openai/gpt-5-mini")),  # 13
        ("openai/o3-mini", ("book", "openai/o3-mini")),  # 13
        ("deepseek-r1-distill-llama-70b", ("book", "deepseek/deepseek-reasoner")),  # 12
    ],
)
def test_families_choose_a_member_of_the_book(model: str, expected: tuple[str, str]) -> None:
    """Example 11 under ruling 16."""
    assert told(model) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anthropic-claude-opus", ("claude", "opus")),
        ("openai-gpt-4-turbo", ("gpt", "4-turbo")),
        ("google-gemini-pro", ("gemini", "pro")),
        ("mixtral-8x7b-instruct", ("mistral", "large")),
        ("anthropic/claude-sonnet-4", ("claude", "sonnet")),
        ("meta-llama/llama-3.1-8b-instruct", ("llama", "8b")),
        ("openai/gpt-4", ("gpt", "4o")),  # a tier of digits has no words, so it is never heard
        ("metadata-model", ("llama", "70b")),
        ("gpt-5.3-codex", ("gpt", "4o")),
        ("openai/gpt-5-mini", ("gpt", "5-mini")),
        ("openai/o3-mini", ("gpt", "mini")),
        ("o3-mini", ("o-series", "mini")),
        ("o3", ("o-series", "")),
        ("deepseek-r1-distill-llama-70b", ("deepseek", "chat")),  # 120 each: the earlier family
    ],
)
def test_families_and_tiers_are_heard_as_the_source_hears_them(name: str, expected: tuple[str, str]) -> None:
    """Examples 11, 12 and 13: the function alone, whatever entry it leads to."""
    heard = family.best_guess(name)
    assert heard is not None
    assert (heard.family.name, heard.tier) == expected


def test_the_scores_are_those_of_the_source() -> None:
    """Example 12: 120 + 0 for deepseek ties with 75 + 45 for llama; 90 + 75 for claude haiku."""
    haiku, distilled = (
        family.best_guess("claude-haiku-3-5"),
        family.best_guess("deepseek-r1-distill-llama-70b"),
    )
    assert haiku is not None
    assert distilled is not None
    assert (haiku.tier, haiku.score) == ("haiku", (90, 75))
    assert distilled.score == (120, 0)


@pytest.mark.parametrize(
    "model", ["unknown-model", "custom-llm-v1", "my-fine-tuned-model", "phi-4", "gemma-2-9b", "", "  "]
)
def test_what_is_like_nothing_has_no_price(model: str) -> None:
    """Example 13; an empty name means nothing, and no default is at hand."""
    assert found(model) is None


REMOTE: list[dict[str, Any]] = [
    {
        "id": "openai",
        "model_match": {"starts_with": "gpt-"},
        "models": [
            {"id": "gpt-4o", "match": {"equals": "gpt-4o"}, "prices": {"input_mtok": 9, "output_mtok": 9}},
            {
                "id": "demo-remote",
                "match": {"equals": "demo-remote"},
                "prices": {"input_mtok": 0.42, "output_mtok": 0.84, "cache_read_mtok": 0.21},
            },
        ],
    }
]


def test_a_downloaded_list_stands_for_itself() -> None:
    """Example 14 under ruling 16: a list is taken whole, so what the next one leaves out is gone with it."""
    newer = Book(packed(REMOTE, "newer"))
    own = Own({"gpt-4o": {"input": "7", "output": "7"}})
    demo, plain = newer.find("openai", "demo-remote"), newer.find("openai", "gpt-4o")
    assert demo is not None
    assert plain is not None
    assert demo.at(NOW).as_data() == {"input": "0.42", "output": "0.84", "cache_read": "0.21"}
    assert plain.at(NOW).as_data() == {"input": "9", "output": "9"}
    custom = look_up(newer, own, provider="openai", vendor="openai", model="gpt-4o")
    assert custom is not None
    assert custom.source == "custom"
    rest = [REMOTE[0] | {"models": REMOTE[0]["models"][1:]}]
    assert Book(packed(rest, "newest")).find("openai", "gpt-4o") is None


def test_a_list_that_is_not_one_changes_nothing() -> None:
    """Example 15, the part of it that is not about asking: a document that is wrong anywhere is refused."""
    wrongs: list[Any] = ["", {}, [{}], [REMOTE[0], {"id": "x", "models": [{"id": "y"}]}]]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"."):
            packed(wrong, "newer")


def test_media_are_priced_by_their_unit() -> None:
    """Example 16 under ruling 16: a price without a unit refuses the document, so no half of it is taken."""
    document = packed(REMOTE, "newer")
    priced = Book(validated(document | {"media": {"a": ["1.25", "image"]}})).find_media("a")
    assert priced is not None
    assert priced.at(NOW).other == (("image", Decimal("1.25")),)
    assert priced.price(NOW) is None  # of tokens it says nothing
    with pytest.raises(ValueError, match="media: b: not a price per image, second or video"):
        validated(document | {"media": {"a": ["1.25", "image"], "b": ["2.5", ""]}})
