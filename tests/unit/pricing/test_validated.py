"""A downloaded price list is right in every part, or nothing of it is taken; the message names the place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.outcome import TokenUsage
from llmpool.data.prices import document
from llmpool.pricing.match import Book
from llmpool.pricing.total import cost
from llmpool.pricing.upstream import packed
from llmpool.pricing.validate import MOST_SEARCHES, amount, validated
from tests.unit.pricing.published import NOW

SMALL: dict[str, Any] = {
    "schema": 1,
    "version": "test 1",
    "vendors": {
        "maker": {
            "match": ["^ma-", {"and": ["*one", "$two"]}],
            "models": [
                ["ma-1", {"input": "1", "output": ["2", [1000, "3"]], "other": {"image": "0.04"}}],
                ["ma-2", [{"input": "1"}, {"input": "2", "from": "2026-01-01"}], ["=ma-2", "/^ma-2-\\d{4}$"]],
                ["ma-3", [{"input": "1"}, {"input": "2", "hours": ["22:00", "06:30"]}], "^ma-3"],
            ],
        },
        "seller": {"sells": ["maker"], "models": []},
    },
}


def spoilt(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    """Return the small document with one thing in it changed."""
    document = deepcopy(SMALL)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def test_what_is_right_is_taken_as_it_is() -> None:
    """Also the list that ships."""
    assert validated(SMALL) is SMALL
    assert validated(document())["version"].startswith("genai-prices ")


MODELS = ("vendors", "maker", "models")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("schema",), 2, "not a price document of schema 1"),
        (("version",), "a\x1b[31m", r"version: not a name: 'a\\x1b\[31m'"),
        (("version",), "", "version: not a name"),
        (("vendors",), [], "vendors: not a table"),
        (("vendors", "bad\nname"), {"models": []}, "vendors: not a name"),
        (("vendors", "seller"), {"sells": ["nobody"], "models": []}, "seller: sells for a vendor"),
        (("vendors", "seller"), {"models": {}}, "seller: models: not a list"),
        (("vendors", "maker", "match"), "?", "maker: match: not a clause"),
        (("vendors", "maker", "match"), {"or": ["=a"]}, "maker: match: clause: not a list"),
        (("vendors", "maker", "match"), [[[[[[[["=a"]]]]]]]], "maker: match: clauses nested too deep"),
        (("vendors", "maker", "match"), "/(a+)+$", "maker: match: a pattern that repeats a choice"),
        ((*MODELS, 0), ["ma-1"], "maker: model 1 is not an id"),
        ((*MODELS, 0, 0), 7, "maker: model 1: not a name: 7"),
        ((*MODELS, 0, 1), None, "maker/ma-1: not a table"),
        ((*MODELS, 0, 1, "input"), 1.5, "maker/ma-1: input: not a price in plain digits: 1.5"),
        ((*MODELS, 0, 1, "input"), "-1", "maker/ma-1: input: not a price"),
        ((*MODELS, 0, 1, "input"), "1e3", "maker/ma-1: input: not a price"),
        ((*MODELS, 0, 1, "input"), "NaN", "maker/ma-1: input: not a price"),
        ((*MODELS, 0, 1, "input"), "12345678", "maker/ma-1: input: not a price"),
        ((*MODELS, 0, 1, "input"), "\u0661", "maker/ma-1: input: not a price"),  # a digit, not a plain one
        ((*MODELS, 0, 1, "output"), ["2"], "maker/ma-1: output: not a price with tiers"),
        ((*MODELS, 0, 1, "output"), ["2", [True, "3"]], "maker/ma-1: output: not a tier"),
        ((*MODELS, 0, 1, "output"), ["2", [9, "3"], [9, "4"]], "maker/ma-1: output: tiers out of order"),
        ((*MODELS, 0, 1, "output"), ["2", [-1, "3"]], "maker/ma-1: output: tiers out of order"),
        ((*MODELS, 0, 1, "other"), {"x\u202e": "1"}, "maker/ma-1: not a name"),
        ((*MODELS, 0, 1, "surprise"), "1", "maker/ma-1: an unknown word 'surprise'"),
        ((*MODELS, 1, 1), [], "maker/ma-2: no price"),
        ((*MODELS, 1, 1, 1, "from"), "2026-02-30", "maker/ma-2: from: there is no such time"),
        ((*MODELS, 1, 1, 1, "from"), "soon", "maker/ma-2: from: not a time"),
        ((*MODELS, 2, 1, 1, "hours"), ["22:00"], "maker/ma-3: hours without an end"),
        ((*MODELS, 2, 1, 1, "hours"), ["22:00", "24:30"], "maker/ma-3: hours: there is no such time"),
        ((*MODELS, 1, 2), [], "maker/ma-2: clause: not a list, or one too long"),
        ((*MODELS,), [], "vendors: no model has a price"),
    ],
)
def test_what_is_wrong_anywhere_is_refused(path: tuple[Any, ...], value: object, said: str) -> None:
    """The message says where, and shows nothing that could change a terminal."""
    with pytest.raises(ValueError, match=said) as caught:
        validated(spoilt(path, value))
    assert str(caught.value).isprintable()


def test_too_much_of_anything_is_refused() -> None:
    """Nobody's list has as many; a search through it would take long."""
    many = [[f"m{n}", {"input": "1"}, ["*a", "*b", "$c"]] for n in range(MOST_SEARCHES)]
    with pytest.raises(ValueError, match="vendors: more than 2000 clauses that have to be searched for"):
        validated(spoilt(MODELS, many))
    with pytest.raises(ValueError, match="vendors: not a table, or one too long"):
        validated(spoilt(("vendors",), {f"v{n}": {"models": []} for n in range(1001)}))


@pytest.mark.parametrize("text", ["0", "1.25", "0.000000000000000018", "999999"])
def test_prices_are_plain_digits(text: str) -> None:
    """As an owner may type them, and as the book has them."""
    assert amount(text, "input") == text


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.sampled_from(["1e999999999", "/(", "/(?P<x>a)", "=", "^", [["=a"]], {"and": []}, "9" * 30]),
)  # fmt: skip


def _places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _places(each, (*path, key))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(_places(SMALL))), JUNK)
def test_a_document_is_refused_or_works(path: tuple[Any, ...], junk: object) -> None:
    """Whatever stands at any place: a ValueError, or a book that every question can be put to."""
    changed = spoilt(path, junk)
    try:
        book = Book(validated(changed))
    except ValueError:
        return
    for vendor, model in [*book.models(), ("maker", "ma-2-2026"), ("seller", "ma-1"), ("none", "x")]:
        priced = book.find(vendor, model)
        book.find_maker(model)
        if priced is not None:
            assert cost(priced.at(NOW), TokenUsage(input=5_000, output=5)) >= 0


PUBLISHED: list[Any] = [
    {
        "id": "maker",
        "model_match": {"starts_with": "ma-"},
        "provider_match": {"contains": "maker"},
        "extractors": [{"root": "usage"}],
        "models": [
            {
                "id": "ma-1",
                "name": "Ma One",
                "match": {"or": [{"equals": "ma-1"}, {"and": [{"contains": "x"}, {"ends_with": "y"}]}]},
                "prices": [
                    {"prices": {"input_mtok": 0.1, "requests_kcount": 12}},
                    {
                        "constraint": {"start_date": "2026-01-01"},
                        "prices": {
                            "input_mtok": {"base": 1e-7, "tiers": [{"start": 128000, "price": "2.50"}]}
                        },
                    },
                    {
                        "constraint": {"start_time": "22:00:00+02:00", "end_time": "06:30:00Z"},
                        "prices": {"input_mtok": "1", "audio_hours": 0.36},
                    },
                ],
                "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.05}}],
            }
        ],
    },
    {"id": "seller", "fallback_model_providers": ["maker"], "models": []},
]


def test_a_published_list_is_packed() -> None:
    """Amounts exactly as they are written, times in UTC, requests by one instead of by a thousand."""
    assert packed(PUBLISHED, "now") == {
        "schema": 1,
        "version": "now",
        "vendors": {
            "maker": {
                "match": "^ma-",
                "models": [
                    [
                        "ma-1",
                        [
                            {"input": "0.1", "per_request": "0.012"},
                            {"input": ["0.0000001", [128000, "2.5"]], "from": "2026-01-01"},
                            {"input": "1", "other": {"audio_hours": "0.36"}, "hours": ["20:00", "06:30"]},
                        ],
                        ["=ma-1", {"and": ["*x", "$y"]}],
                    ]
                ],
            },
            "seller": {"sells": ["maker"], "models": []},
        },
    }


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(_places(PUBLISHED))), JUNK)
def test_a_published_list_is_refused_or_packed(path: tuple[Any, ...], junk: object) -> None:
    """Whatever stands at any place: a ValueError that can be shown, or a book."""
    changed: Any = deepcopy(PUBLISHED)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = junk
    try:
        Book(packed(changed, "now"))
    except ValueError as error:
        assert str(error).isprintable()  # noqa: PT017 - either is right


def test_what_ships_survives_being_written() -> None:
    """It is JSON all the way down."""
    assert json.loads(json.dumps(document())) == document()
