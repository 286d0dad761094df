"""Prices of deployments: whose word counts where, and that each price is written once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from llmpool.core.deployment import Capabilities, Deployment, ObservedModel, Ratings
from llmpool.core.provider import Provider
from llmpool.pricing.book import Priced, read_priced
from llmpool.pricing.deployments import Pricer
from llmpool.pricing.lookup import Own
from llmpool.pricing.match import Book

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DOCUMENT = {
    "schema": 1,
    "version": "v7",
    "vendors": {
        "openai": {"match": "^gpt-", "models": [["gpt-4o", {"input": "2.5", "output": "10"}, ["^gpt-4o"]]]},
        "gateway": {"models": [["anthropic/claude", {"input": "4", "output": "20"}]]},
        "anthropic": {
            "match": "*claude",
            "models": [
                [
                    "claude",
                    [{"input": "3", "output": "15"}, {"input": "2", "output": "9", "from": "2026-12-01"}],
                ]
            ],
        },
    },
}
VENDORS = {"openai": "openai", "openrouter": "gateway", "anthropic": "anthropic"}


def provider(name: str, preset: str = "") -> Provider:
    return Provider(
        id=name,
        name=name,
        preset=preset,
        format="openai",
        format_mode="pinned",
        location="cloud",
        url="https://x.test",
    )


PROVIDERS = (
    provider("openai", "openai"),
    provider("or", "openrouter"),
    provider("anthropic", "anthropic"),
    provider("work"),
)


def pricer(custom: dict[str, Any] | None = None, default: dict[str, Any] | None = None) -> Pricer:
    own = Own(custom=custom or {}, default=default)
    return Pricer(Book(DOCUMENT), own, PROVIDERS, lambda preset: VENDORS.get(preset, ""), NOW)


def paid(found: Priced | None) -> tuple[Any, ...] | None:
    """Return input price, source, what matched and the version."""
    return found and (found.at(NOW).input, found.source, found.matched, found.version)


def entry(amount: str, at: str = "2026-11-20T08:00:00Z") -> dict[str, Any]:
    return {"input": amount, "output": amount, "set_at": at}


def test_example_6_a_deployments_price_beats_the_models() -> None:
    """Example 6: `openai/gpt-4o` = 1 counts at openai alone, `gpt-4o` = 7 elsewhere."""
    prices = pricer({"openai/gpt-4o": entry("1"), "gpt-4o": entry("7")})
    day = "2026-11-20T08:00:00Z"
    assert paid(prices.priced("openai", "gpt-4o")) == (Decimal(1), "custom", "openai/gpt-4o", day)
    assert paid(prices.priced("work", "gpt-4o")) == (Decimal(7), "custom", "gpt-4o", day)
    assert paid(prices.priced("openai", "gpt-4o-2024-08-06")) == (
        Decimal("2.5"),
        "book",
        "openai/gpt-4o",
        "v7",
    )


def test_a_gateways_model_is_not_the_makers_deployment() -> None:
    """What the owner pays anthropic for claude is not what a gateway takes for `anthropic/claude`."""
    prices = pricer({"anthropic/claude": entry("1")})
    assert paid(prices.priced("anthropic", "claude")) == (
        Decimal(1),
        "custom",
        "anthropic/claude",
        entry("1")["set_at"],
    )
    assert paid(prices.priced("or", "anthropic/claude")) == (
        Decimal(4),
        "book",
        "gateway/anthropic/claude",
        "v7",
    )


@pytest.mark.parametrize(
    ("pattern", "at", "name", "hit"),
    [
        ("work/*", "work", "anything", True),
        ("work/*", "openai", "gpt-4o", False),
        ("*/gpt-*", "openai", "gpt-4o", True),
        ("gpt-*", "work", "gpt-4o", True),
        ("anthropic/*", "or", "anthropic/claude", True),
        ("gpt-?o", "work", "gpt-4o", True),
        ("gpt-?", "work", "gpt-4o", False),
    ],
)
def test_a_pattern_is_of_ids_or_of_names(pattern: str, at: str, name: str, hit: bool) -> None:
    """With a slash it fits ids, and names that a gateway has; `matched` is what the owner wrote."""
    prices = pricer({pattern: entry("8")})
    found = prices.priced(at, name)
    assert (found is not None and (found.source, found.matched) == ("custom", pattern)) is hit


def test_the_longest_pattern_wins_and_the_default_comes_last() -> None:
    """Two patterns fit; what fits none and is in no book has the owner's default."""
    prices = pricer({"gpt-*": entry("8"), "gpt-4*": entry("6")}, entry("5"))
    assert paid(prices.priced("work", "gpt-4o")) == (Decimal(6), "custom", "gpt-4*", entry("6")["set_at"])
    assert paid(prices.priced("work", "nobody-knows")) == (
        Decimal(5),
        "default",
        "default",
        entry("5")["set_at"],
    )


def test_what_a_provider_lists_counts_where_the_book_has_no_word_of_that_provider() -> None:
    """Amounts out of a listing are prices when both are; foreign text is none."""
    listed = ObservedModel(name="zzz", input_price="0.5", output_price="2")
    assert paid(pricer().priced("work", "zzz", listed)) == (Decimal("0.5"), "listed", "zzz", "")
    for bad in ("", "x", "NaN", "-1", "Infinity"):
        assert pricer().priced("work", "zzz", listed.replace(output_price=bad)) is None


def deployment(name: str, location: str = "cloud") -> Deployment:
    provider_id, _, model = name.partition("/")
    return Deployment(
        id=name,
        provider=provider_id,
        model=model,
        source="config",
        location=location,
        capabilities=Capabilities(),
        context_window=0,
        ratings=Ratings(quality=5, speed=5, cost_tier=1),
    )


def test_a_price_is_written_once_for_all_that_go_by_it() -> None:
    """Lines: each price under a number, then each deployment with its number; null is without a price."""
    refs = ("openai/gpt-4o", "openai/gpt-4o-mini-2024", "work/gpt-4o", "work/zzz")
    lines = pricer().lines([*map(deployment, refs), deployment("den/zzz", "local")])
    prices, rest = lines[:2], lines[2:]
    assert [number for number, _ in prices] == [0, 1]
    assert rest == [[refs[0], 0], [refs[1], 0], [refs[2], 0], [refs[3], None], ["den/zzz", 1]]
    assert paid(read_priced(prices[0][1])) == (Decimal("2.5"), "book", "openai/gpt-4o", "v7")
    assert paid(read_priced(prices[1][1])) == (Decimal(0), "local", "", "")


def test_the_flat_price_is_that_of_the_moment() -> None:
    """A price that holds from December is not that of November."""
    flat = pricer()(PROVIDERS[2], "claude", None)
    assert flat is not None
    assert (flat.input, flat.source, flat.matched, flat.valid_from) == ("3", "book", "anthropic/claude", None)
    later = Pricer(Book(DOCUMENT), Own(), PROVIDERS, lambda _: "anthropic", datetime(2026, 12, 1, tzinfo=UTC))
    flat = later(PROVIDERS[2], "claude", None)
    assert flat is not None
    assert (flat.input, flat.valid_from) == ("2", "2026-12-01")


def test_without_own_only_the_owners_prices_are_gone() -> None:
    """What a model would cost otherwise, to show beside a price of one's own."""
    prices = pricer({"gpt-4o": entry("7")})
    assert paid(prices.without_own().priced("openai", "gpt-4o")) == (
        Decimal("2.5"),
        "book",
        "openai/gpt-4o",
        "v7",
    )


def on_a_plan(custom: dict[str, Any] | None = None, default: dict[str, Any] | None = None) -> Pricer:
    seat = provider("seat", "copilot-like")
    return Pricer(
        Book(DOCUMENT),
        Own(custom=custom or {}, default=default),
        (*PROVIDERS, seat),
        lambda preset: "openai" if preset in ("openai", "copilot-like") else "",
        NOW,
        paid={"copilot-like": "plan"},
    )


def test_calls_that_a_plan_pays_cost_nothing_more() -> None:
    """The list price is that of a key; who pays for a seat pays no call, whatever the book says."""
    listed = ObservedModel(name="gpt-4o", input_price="9", output_price="9")
    for prices in (on_a_plan(), on_a_plan(default=entry("5")), on_a_plan().without_own()):
        assert paid(prices.priced("openai", "gpt-4o")) == (Decimal("2.5"), "book", "openai/gpt-4o", "v7")
        assert paid(prices.priced("seat", "gpt-4o")) == (Decimal(0), "plan", "", "")
        assert paid(prices.priced("seat", "gpt-4o", listed)) == (Decimal(0), "plan", "", "")
        assert paid(prices.priced("copilot-like", "zzz")) == (Decimal(0), "plan", "", "")  # not configured


def test_the_owners_price_of_a_plan_counts() -> None:
    """Who pays for calls beyond the plan says what they cost."""
    prices = on_a_plan({"seat/gpt-4o": entry("3"), "gpt-4*": entry("6")})
    day = entry("3")["set_at"]
    assert paid(prices.priced("seat", "gpt-4o")) == (Decimal(3), "custom", "seat/gpt-4o", day)
    assert paid(prices.priced("seat", "gpt-4.1")) == (Decimal(6), "custom", "gpt-4*", day)
    assert paid(prices.priced("seat", "o3")) == (Decimal(0), "plan", "", "")


def test_a_price_outlives_the_provider_it_is_for() -> None:
    """Records of a provider that is configured no more cost what he said; a gateway has such names too."""
    prices = pricer({"gone/gpt-4o": entry("3"), "anthropic/claude": entry("1"), "meta/llama": entry("2")})
    day = entry("3")["set_at"]
    assert paid(prices.priced("gone", "gpt-4o")) == (Decimal(3), "custom", "gone/gpt-4o", day)
    assert paid(prices.priced("or", "meta/llama")) == (Decimal(2), "custom", "meta/llama", day)
    assert paid(prices.priced("meta", "llama")) == (Decimal(2), "custom", "meta/llama", day)
