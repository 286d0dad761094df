"""Default ratings: what a name or a size is worth when its owner said nothing (DESIGN ruling 6, 3.4)."""

from __future__ import annotations

import pytest

from llmpool.core.deployment import DeclaredModel, Ratings
from llmpool.core.price import Price
from llmpool.registry import ratings


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("qwen3:8b", 8.0),
        ("smollm2-135m", 0.135),
        ("134.52M", 0.13452),
        ("30.5B", 30.5),
        ("mixtral-8x7b", pytest.approx(19.8, abs=0.01)),
        ("mixtral:8x22b", pytest.approx(62.2, abs=0.03)),
        ("qwen3:30b-a3b", 30.0),
        ("qwen2.5-7b-instruct-1m", 7.0),
        ("llama3.1", 0.0),
        ("gemma-3n-e4b", 0.0),
        ("phi-3-mini-4k", 0.0),
        ("gpt-4o", 0.0),
        ("", 0.0),
    ],
)
def test_a_parameter_count_is_read_out_of_names_and_sizes(text: str, size: float) -> None:
    """Billions and millions are read, experts multiply, and other digits are no size."""
    assert ratings.billions(text) == pytest.approx(size)


@pytest.mark.parametrize(
    "figure",
    [
        "9" * 309 + "b",
        "1" * 400 + "x2b",
        "7b-a" + "9" * 309 + "b",
        "9" * 4301 + "x9b",
        "1." + "0" * 400 + "b",
    ],
)
def test_figures_beyond_all_measure_are_no_size(figure: str) -> None:
    """A name is what a server says, and one model of one server must not end every command."""
    assert 0 <= ratings.billions(figure) < 1e9
    assert set(ratings.by_name(f"some:{figure}", figure)) <= set(range(11))


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        ("smollm2:135m", 1),
        ("qwen2.5:0.5b", 2),
        ("llama3.2:1b", 3),
        ("llama3.2:3b", 4),
        ("llama3.1:8b", 5),
        ("phi4:14b", 6),
        ("qwen3:32b", 7),
        ("llama3.3:70b", 8),
        ("deepseek-v3:671b", 8),
    ],
)
def test_quality_grows_with_size(name: str, quality: int) -> None:
    """135 million parameters are quality 1, 8 billion are 5, and a name alone never gets past 8 by size."""
    assert ratings.by_name(name)[0] == quality


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5",
        "openai/gpt-5.1",
        "gpt-5-pro",
        "claude-opus-4-5",
        "anthropic/claude-sonnet-4.5",
        "gemini-3-pro-preview",
        "google/gemini-2.5-pro",
        "o3",
        "grok-4",
    ],
)
def test_the_frontier_is_nine_or_ten(name: str) -> None:
    """The vendors' best models are rated 9 or 10, whatever prefix a gateway gives them."""
    assert ratings.by_name(name)[0] >= 9


@pytest.mark.parametrize(
    ("dotted", "dashed"),
    [
        ("claude-3.5-sonnet", "claude-3-5-sonnet"),
        ("claude-3.7-sonnet", "claude-3-7-sonnet"),
        ("claude-3.5-haiku", "claude-3-5-haiku"),
        ("gpt-5.1-codex-mini", "gpt-5-mini"),
    ],
)
def test_gateways_spellings_are_rated_like_the_vendors(dotted: str, dashed: str) -> None:
    """A dot for a dash in a version, or a codex twin, is the same class of model."""
    assert ratings.by_name(dotted) == ratings.by_name(dashed)


def test_an_unknown_name_is_five_and_five() -> None:
    """The last resort is the middle of both scales."""
    assert ratings.by_name("unheard-of") == (5, 5)
    assert ratings.by_name("") == (5, 5)


def test_a_mixture_of_experts_is_as_fast_as_what_is_active() -> None:
    """`-a3b` gives the speed of 3 billion parameters and the quality of all thirty."""
    quality, speed = ratings.by_name("qwen3:30b-a3b")
    assert quality == ratings.by_name("qwen3:30b")[0]
    assert speed == ratings.by_name("qwen3:3b")[1]


def test_gpt_oss_is_rated_by_family_not_by_size() -> None:
    """Its sizes understate it: 120b is 8 and 20b is 6, with the speed of few active parameters."""
    assert ratings.by_name("gpt-oss:120b") == (8, 6)
    assert ratings.by_name("gpt-oss:120b-cloud") == (8, 6)
    assert ratings.by_name("openai/gpt-oss-20b", "20.9B") == (6, 7)


def test_a_reported_size_beats_the_name() -> None:
    """What the server measured counts, and the family only where no size is known."""
    assert ratings.by_name("deepseek-r1", "8.2B") == ratings.by_name("any:8b")
    assert ratings.by_name("deepseek-r1")[0] == 9


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("quality", 9, Ratings(quality=9, speed=7, cost_tier=2)),
        ("speed", 1, Ratings(quality=5, speed=1, cost_tier=2)),
        ("cost_tier", 0, Ratings(quality=5, speed=7, cost_tier=0)),
        ("min_complexity", "complex", Ratings(quality=5, speed=7, cost_tier=2, min_complexity="complex")),
        ("quality", 0, Ratings(quality=0, speed=7, cost_tier=2)),
    ],
)
def test_each_declared_rating_falls_back_alone(field: str, value: object, expected: Ratings) -> None:
    """Declaring one rating leaves the others at their defaults, and 0 is a rating."""
    declared = DeclaredModel(id="den/qwen3:8b", **{field: value})
    assert ratings.ratings(declared, "qwen3:8b", "", 2) == expected


def test_without_a_declaration_all_ratings_are_defaults() -> None:
    """A discovered model is rated by its name and suits simple requests."""
    assert ratings.ratings(None, "qwen3:8b", "", 1) == Ratings(quality=5, speed=7, cost_tier=1)


@pytest.mark.parametrize(
    ("money_in", "money_out", "tier"),
    [
        ("0", "0", 0),
        ("0.0001", "0", 1),
        ("1", "1", 1),
        ("1", "1.0001", 2),
        ("5", "5", 2),
        ("5", "5.0001", 3),
        ("15", "75", 3),
        ("0.5", "2.5", 1),
    ],
)
def test_the_cost_tier_follows_the_blended_price(money_in: str, money_out: str, tier: int) -> None:
    """Three parts input, one part output: up to 1 USD per million is 1, up to 5 is 2, above is 3."""
    price = Price(input=money_in, output=money_out, source="test")
    assert ratings.cost_tier(price, local=False, preset="openai") == tier


@pytest.mark.parametrize(("preset", "tier"), [("openai", 3), ("anthropic", 3), ("groq", 1), ("", 1)])
def test_without_a_price_the_vendor_decides(preset: str, tier: int) -> None:
    """OpenAI and Anthropic count as dear until a price says otherwise, others as cheap (3.3)."""
    assert ratings.cost_tier(None, local=False, preset=preset) == tier


def test_what_runs_at_home_is_free_whatever_its_price() -> None:
    """Local is tier 0, with or without a price."""
    assert ratings.cost_tier(Price(input="9", output="9", source="test"), local=True, preset="openai") == 0
    assert ratings.cost_tier(None, local=True, preset="ollama") == 0
