"""The official catalog as a value: read from hostile JSON, laid over another (pool-routing-formats 3.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ModelFacts
from llmpool.registry import official
from llmpool.registry.official import NOTHING, Entry, Official, Override
from tests.unit.registry.layers import DEN, catalog

WORDS = st.sampled_from(
    ["models", "providers", "pinchbench_models", "openai", "id", "context_window", "capabilities", "base_url"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | WORDS, inner, max_size=3)
    ),
    max_leaves=12,
)


def of(**models: list[dict[str, Any]]) -> Official:
    """Read a catalog of these models by vendor."""
    return official.read({"models": models})


def line(**fields: Any) -> Entry:
    """Read one line of a catalog."""
    return of(v=[{"id": "m"} | fields]).models["v"]["m"]


def test_a_line_is_read() -> None:
    """Every field the official file has is read under its own name; prices are in none."""
    read = line(
        display_name="GPT-4o",
        context_window=128000,
        max_output=16384,
        capabilities=["chat", "vision"],
        pinchbench_score=71.1,
        pinchbench_url="https://bench.test/1",
        input_price=3,
    )
    assert read == Entry("m", "GPT-4o", 128000, 16384, ("chat", "vision"), 71.1, "https://bench.test/1")


@pytest.mark.parametrize("value", [None, True, -1, 0, 1.5, "8192", [8192], 10**12])
def test_what_is_no_size_is_unknown(value: object) -> None:
    """A wrong type, nothing, less than nothing and more than anything are all unknown."""
    assert line(context_window=value, max_output=value)[2:4] == (0, 0)


@pytest.mark.parametrize("value", [None, True, "90", -1, float("nan"), float("inf"), 10**400])
def test_what_is_no_score_is_none(value: object) -> None:
    """A score is a number that can be shown."""
    assert line(pinchbench_score=value).score is None


@pytest.mark.parametrize(
    "value", ["javascript:1", "ftp://x", "https://a b", "https://\u202eevil", "", 7, None]
)
def test_what_is_no_address_is_none(value: object) -> None:
    """Only the web is shown, and nothing that would turn a terminal's line around."""
    assert line(pinchbench_url=value).url == ""


@pytest.mark.parametrize("name", ["", "  ", None, 7, "a\nb", "a\x1b[31m", "a\u202eb", "x" * 513])
def test_a_model_without_a_usable_name_is_left_out(name: object) -> None:
    """Ruling 26: what could not be shown is not there; the lines beside it are."""
    assert list(of(v=[{"id": name}, {"id": "good"}]).models["v"]) == ["good"]


def test_blank_providers_and_foreign_shapes_are_left_out() -> None:
    """Section 12: blank ids are dropped; so is whatever is not an object or a list where one belongs."""
    document = {
        "providers": {"": {}, " openai ": {"base_url": 7, "api_format": []}, "../x": {}, "v": "text"},
        "models": {"": [{"id": "m"}], "a": {"id": "m"}, "b": [], "c": ["m", None, {"id": "m"}]},
        "pinchbench_models": ["x"],
    }
    read = official.read(document)
    assert read.providers == {"openai": Override(), "v": Override()}
    assert list(read.models) == ["c"]
    assert read.benchmarks == {}


def test_the_first_of_two_lines_counts() -> None:
    """A model listed twice is one model."""
    assert (
        of(v=[{"id": "m", "max_output": 1}, {"id": " m ", "max_output": 2}]).models["v"]["m"].max_output == 1
    )


@given(JSON)
def test_any_json_is_some_catalog(document: Any) -> None:
    """Reading never raises, and what was read is written so that it reads back the same."""
    read = official.read(document)
    assert official.read(json.loads(json.dumps(official.as_data(read)))) == read
    assert official.laid_over(read, NOTHING) == read
    assert official.laid_over(NOTHING, read) == read


def test_what_is_listed_is_a_yes_and_the_rest_is_open() -> None:
    """Ruling 15: a list that leaves something out may not know; but what is not for chat is not for chat."""
    known = official.facts_of(Entry("m", "", 5, 6, ("chat", "vision", "function_call", "system_prompt")))
    able = Capabilities(chat=True, images=True, tools=True)
    assert known == ModelFacts(context_window=5, max_output=6, capabilities=able)
    assert official.facts_of(Entry("m")).capabilities == Capabilities()
    assert official.facts_of(Entry("m", capabilities=("image_generation",))).capabilities.chat is False


BELOW = {
    "id": "a",
    "display_name": "A",
    "context_window": 100,
    "max_output": 10,
    "capabilities": ["chat", "vision"],
    "pinchbench_score": 50,
}


def over(*lines: dict[str, Any]) -> dict[str, Entry]:
    """Lay *lines* over a catalog of a and b, and return what its vendor has then."""
    below = of(v=[BELOW, {"id": "b"}], w=[{"id": "w"}])
    return dict(official.laid_over(below, of(v=list(lines))).models["v"])


def test_overlay_goes_in_the_order_of_the_file_and_appends_the_rest() -> None:
    """3.3: the catalog's entries in file order, then the built-in ones it does not mention."""
    assert list(over({"id": "z"}, {"id": "b"}, {"id": "y"})) == ["z", "b", "y", "a"]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, Entry("a", "A", 100, 10, ("chat", "vision"), 50.0)),
        ({"context_window": 200}, Entry("a", "A", 200, 10, ("chat", "vision"), 50.0)),
        ({"context_window": 0, "max_output": -5}, Entry("a", "A", 100, 10, ("chat", "vision"), 50.0)),
        ({"capabilities": []}, Entry("a", "A", 100, 10, ("chat", "vision"), 50.0)),
        ({"capabilities": ["chat"]}, Entry("a", "A", 100, 10, ("chat",), 50.0)),
        ({"display_name": "New"}, Entry("a", "New", 100, 10, ("chat", "vision"), 50.0)),
        ({"pinchbench_score": 0}, Entry("a", "A", 100, 10, ("chat", "vision"), 0.0)),
    ],
)
def test_overlay_replaces_what_it_tells(fields: dict[str, Any], wanted: Entry) -> None:
    """3.3: sizes only when above 0, capabilities only when listed, name and score when given."""
    assert over({"id": "a"} | fields)["a"] == wanted


def test_overlay_leaves_the_providers_it_does_not_list() -> None:
    """3.3: providers absent from the catalog keep their built-in list."""
    below = of(v=[{"id": "a"}], w=[{"id": "w"}])
    laid = official.laid_over(below, of(v=[{"id": "x"}]))
    assert (list(laid.models["v"]), list(laid.models["w"]), laid.size) == (["x", "a"], ["w"], 3)


def test_a_model_is_looked_up_by_its_id_or_with_its_implied_tag() -> None:
    """Ruling 18 holds here too; nothing else is guessed."""
    models = of(ollama=[{"id": "llama3.3", "context_window": 5}]).models["ollama"]
    found = official.look_up(models, "llama3.3:latest")
    assert found is not None
    assert found.context_window == 5
    assert official.look_up(models, "llama3.3:70b") is None
    assert official.look_up({}, "llama3.3") is None


def test_a_server_of_ones_own_is_not_guessed_at_unless_its_owner_asks() -> None:
    """A table tells of originals, a server runs files; metadata = "catalog" says that it does not matter."""
    read = of(ollama=[{"id": "llama3.3"}])
    (dynamic,) = catalog(DEN).providers
    (asked,) = catalog(DEN.replace(metadata="catalog")).providers
    (far,) = catalog(DEN.replace(url="https://ollama.example")).providers
    assert (list(read.known(dynamic)), list(read.known(asked)), list(read.known(far))) == (
        [],
        ["llama3.3"],
        [],
    )
    assert list(read.of(dynamic)) == ["llama3.3"]
