"""Prices in a listing become USD per million tokens, and say which models are free."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import ObservedModel
from llmpool.formats.base import Listing
from llmpool.formats.openai_prices import free_only, is_free, per_million, prices
from tests.unit.formats.listed import collected

PER_TOKEN = [
    ("0.00000015", "0.15"),
    ("0.000003", "3"),
    ("1e-7", "0.1"),
    (0.000002, "2"),
    ("0", "0"),
    ("-0", "0"),
    (0, "0"),
    ("0.0000000005", "0.0005"),
    ("0.000012345678901234567", "12.345678901234567"),
    ("-1", ""),
    ("", ""),
    ("free", ""),
    ("nan", ""),
    ("inf", ""),
    ("1e999", ""),
    ("1e-99", ""),
    ("9" * 50, ""),
    (True, ""),
    (None, ""),
    (["0"], ""),
]


@pytest.mark.parametrize(("told", "expected"), PER_TOKEN)
def test_a_price_per_token_is_one_per_million(told: object, expected: str) -> None:
    """Exactly, without an exponent; a price that varies, or is none, is unknown."""
    assert per_million(told) == expected


PRICING: list[tuple[object, tuple[str, str]]] = [
    ({"prompt": "0.000001", "completion": "0.000002"}, ("1", "2")),
    ({"prompt": "0.000001"}, ("1", "")),
    ({"prompt": "-1", "completion": "-1"}, ("", "")),
    ({"prompt": "0", "completion": "0", "request": "0"}, ("0", "0")),
    ({"prompt": "0", "completion": "0", "image": "0.04"}, ("", "")),
    ({"prompt": "0", "completion": "0.000001", "image": "0.04"}, ("0", "1")),
    ({"input": 0.3, "output": 0.9, "hourly": 0}, ("0.3", "0.9")),
    ({"input": 0, "output": 0, "hourly": 0}, ("", "")),
    ({"input": "0.0000025", "output": "0.00001", "input_cache_read": "0.00000025"}, ("2.5", "10")),
    ({"input": "0.00000002", "output": "0"}, ("0.02", "0")),
    ({"prompt": 0.0297, "completion": 0.1}, ("0.0297", "0.1")),
    ({"prompt": "0.00015", "completion": "0.0006"}, ("150", "600")),
    ({"input": 150, "output": 600}, ("150", "600")),
    ({"prompt": "nan", "completion": "0.000001"}, ("", "1")),
    ({}, ("", "")),
    ([], ("", "")),
    ("0", ("", "")),
]


@pytest.mark.parametrize(("pricing", "expected"), PRICING)
def test_prices_are_read_where_they_are_said(pricing: object, expected: tuple[str, str]) -> None:
    """OpenRouter's and Vercel's are per token, Together's and Chutes' per million, in two pairs of words.

    A model that costs otherwise is not called free.
    """
    assert prices({"pricing": pricing}) == expected


def test_only_free_models_stay() -> None:
    """Worked example 36: the ending and the zero prices are free; a priced model and a silent one are not."""
    zero, priced = {"prompt": "0", "completion": "0"}, {"prompt": "0.000001", "completion": "0"}
    rows: list[dict[str, Any]] = [
        {"id": "openai/gpt-oss-20b:free"},
        {"id": "qwen/qwen3-14b", "pricing": zero},
        {"id": "openai/gpt-4o", "pricing": priced},
        {"id": "openai/silent"},
        {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
    ]
    free = free_only(collected([*rows, {"id": ""}])._replace(base="http://h"))
    assert [model.name for model in free.models] == ["openai/gpt-oss-20b:free", "qwen/qwen3-14b"]
    assert (free.skipped, free.base) == (1, "http://h")


def test_free_is_told_from_the_prices_alone() -> None:
    """One known price is enough, and one above zero too."""
    assert is_free(ObservedModel(name="m", input_price="0"))
    assert not is_free(ObservedModel(name="m", input_price="0", output_price="0.1"))
    assert not is_free(ObservedModel(name="m"))
    assert free_only(Listing((), 0)) == Listing((), 0)


@given(st.decimals(min_value=0, max_value=1, places=12))
def test_no_price_is_lost_or_moved(price: object) -> None:
    """A millionth of what is shown is what was told."""
    from decimal import Decimal

    assert Decimal(per_million(str(price))) == Decimal(str(price)) * 1_000_000


@given(st.floats() | st.text(max_size=50) | st.integers() | st.lists(st.integers(), max_size=2))
def test_no_junk_is_a_price(value: object) -> None:
    """Whatever stands there, the result is a plain number that is not negative, or nothing."""
    for said in prices({"pricing": {"prompt": value, "completion": value, "x": value}}):
        assert not said or (float(said) >= 0 and set(said) <= set("0123456789."))
