"""Prices cost nothing at start-up: what is compiled has them, and a cost is worked out of one line."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.packaging.test_imports import loaded
from tests.support import Home, model, provider

LOOKING_UP = {
    *("llmpool.pricing.match", "llmpool.pricing.lookup", "llmpool.pricing.family", "llmpool.data.prices"),
    *("llmpool.pricing.deployments", "llmpool.state.prices", "llmpool.state.price_book"),
}


@pytest.fixture
def sky(home: Home) -> Home:
    """Give a home with one cloud provider whose registry is compiled."""
    home.write_config(provider("sky", "http://127.0.0.1:9/v1", location="cloud"), model("sky/gpt-4o"))
    assert home.here("models", "list", "--json").code == 0
    return home


@pytest.mark.parametrize("args", [("route", "--json", "hello"), ("models", "list", "--json")], ids=" ".join)
def test_what_costs_nothing_loads_no_prices(sky: Home, args: tuple[str, ...]) -> None:
    """Routing and listing go by the columns of the compiled documents."""
    names = loaded(sky, *args)
    assert not {name for name in names if name.startswith(("llmpool.pricing", "llmpool.costs"))} - {
        "llmpool.pricing"
    }
    assert not LOOKING_UP & names


def test_chat_works_its_cost_out_of_one_line(home: Home) -> None:
    """With fresh documents a chat opens neither the price book nor the owner's prices."""
    with FakeServer(["gpt-4o"]) as server:
        home.write_config(provider("sky", server.url, location="cloud"), model("sky/gpt-4o"))
        home.here("models", "list", "--json")
        names = loaded(home, "chat", "-m", "sky/gpt-4o", "hi")
    assert "llmpool.costs" in names
    assert not LOOKING_UP & names
    (record,) = home.here("usage", "list", "--json").json["records"]
    assert record["price_source"] == "book"
