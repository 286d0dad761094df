"""What benchmarks say of a model: looked up among names that mean the same (pool-routing-formats 3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import ProviderTable
from llmpool.core.provider import Provider
from llmpool.registry import official
from llmpool.registry.benchmarks import Benchmark, benchmark
from tests.unit.registry.layers import SKY, catalog

PAGE = "https://bench.test/"
SCORES = {
    "anthropic": [("anthropic/claude-opus-4.5", 87.2), ("anthropic/claude-sonnet-4", 80.5)],
    "openai": [("openai/gpt-5.4", 90.5), ("openai/gpt-oss-120b", 67.1)],
    "moonshotai": [("moonshotai/kimi-k2.5", 84.8)],
    "z-ai": [("z-ai/glm-5", 70.0)],
    "x-ai": [("x-ai/grok-4.1-fast", 60.0)],
    "acme": [("acme/one", 1.0), ("acme/one:free", 0.5)],
}


def lines(scores: list[tuple[str, float]]) -> list[dict[str, Any]]:
    """Write benchmark lines, each with a page of its own."""
    return [{"id": name, "pinchbench_score": score, "pinchbench_url": PAGE + name} for name, score in scores]


BENCH = official.read({"pinchbench_models": {vendor: lines(rows) for vendor, rows in SCORES.items()}})


def at(preset: str) -> Provider:
    """Return a provider of a preset that the tests know, or one whose id it is."""
    table = ProviderTable(id=preset, url="https://any.test/v1")
    (provider,) = catalog(table).providers
    return provider


def score(preset: str, model: str, known: official.Official = BENCH) -> float | None:
    """Return the score that is found, None where none is."""
    found = benchmark(known, at(preset), model)
    return None if found is None else found.score


@pytest.mark.parametrize(
    ("preset", "model", "wanted"),
    [
        ("anthropic", "claude-opus-4-5-20251101", 87.2),  # a date, and a dash for a dot
        ("anthropic", "claude-sonnet-4", 80.5),
        ("anthropic", "claude-sonnet-4-6", None),  # another version is another model
        ("openrouter", "anthropic/claude-opus-4.5", 87.2),  # the name begins with its vendor
        ("groq", "openai/gpt-oss-120b", 67.1),
        ("groq", "gpt-oss-120b", 67.1),  # and this one with its family
        ("moonshot", "kimi-k2.5", 84.8),  # the same vendor under another name
        ("moonshotai", "kimi-k2.5", 84.8),
        ("glm", "glm-5", 70.0),
        ("grok", "grok-4.1-fast", 60.0),
        ("openai", "gpt-5.4-mini", None),
        ("sky", "acme/one", 1.0),
        ("sky", "acme/one:free", 0.5),
        ("sky", "one", None),  # of no vendor that anyone could tell
        ("acme", "one", 1.0),
        ("acme", "", None),
        ("acme", "-", None),
    ],
)
def test_a_model_is_found_under_the_names_it_has_elsewhere(
    preset: str, model: str, wanted: float | None
) -> None:
    """Letters and digits are compared, with and without vendor and date; other digits are the version."""
    assert score(preset, model) == wanted


def test_the_own_line_counts_first_and_is_only_filled() -> None:
    """What the model's own line tells stays; what it lacks comes from the best match."""
    own = [{"id": "gpt-5.4", "pinchbench_score": 1}, {"id": "gpt-oss-120b", "pinchbench_url": PAGE}]
    known = official.laid_over(BENCH, official.read({"models": {"openai": own}}))
    assert benchmark(known, at("openai"), "gpt-5.4") == Benchmark(1.0, PAGE + "openai/gpt-5.4")
    assert benchmark(known, at("openai"), "gpt-oss-120b") == Benchmark(67.1, PAGE)


def test_ids_match_better_than_names_and_near_vendors_than_far_ones() -> None:
    """100 for two ids, 90 for an id and a name, 80 for two names; times ten, less the vendor's rank."""
    named = {"id": "x-1", "display_name": "Sound One", "pinchbench_score": 3}
    known = official.read(
        {
            "models": {"acme": [{"id": "m", "display_name": "sound-one"}]},
            "pinchbench_models": {"acme": [named]},
        }
    )
    assert score("acme", "m", known) == 3
    better = {"acme": [named, {"id": "sound/one", "pinchbench_score": 4}]}
    both = official.laid_over(known, official.read({"pinchbench_models": better}))
    assert score("acme", "m", both) == 4
    twice = official.read(
        {
            "pinchbench_models": {
                "z-ai": [{"id": "glm-9", "pinchbench_score": 2}],
                "glm": [{"id": "glm-9", "pinchbench_score": 1}],
            }
        }
    )
    assert (score("glm", "glm-9", twice), score("z-ai", "glm-9", twice)) == (1, 2)


def test_without_a_catalog_nothing_is_told() -> None:
    """The built-in catalog has no scores; nothing is not 0."""
    (sky,) = catalog(SKY).providers
    assert benchmark(official.NOTHING, sky, "gpt-5.4") is None
