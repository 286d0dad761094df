"""A provider that is added while the whole pool is refreshed keeps what it was seen to have."""

from __future__ import annotations

from threading import Event

from tests.fakes import faults
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import Home, provider


def test_who_is_added_meanwhile_is_not_forgotten(home: Home) -> None:
    """The refresh began with a config without it; it forgets those that are gone, not those to come."""
    asked, may_answer = Event(), Event()

    def late(exchange: Exchange) -> None:
        asked.set()
        may_answer.wait(60)
        faults.said(200, {"object": "list", "data": [{"id": "m"}]})(exchange)

    with FakeServer(("m",), behave_listing=[late]) as old, FakeServer(("m",)) as new:
        home.write_config(provider("old", old.url))
        child = home.start("refresh", "--quiet")
        assert asked.wait(60)
        added = home.here("providers", "add", "new", "--url", new.url, "--format", "openai", "--json")
        may_answer.set()
        assert (added.code, child.wait(60)) == (0, 0)
        models = {each["id"] for each in home.here("models", "list", "--json").json["models"]}
    assert models == {"old/m", "new/m"}
