"""Fetching the price book: tags and mirrors as for the catalog; nothing is believed that is not whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmpool import costs
from llmpool.config.paths import find_paths
from llmpool.data import prices as built_in
from llmpool.discovery import prices as updater
from llmpool.discovery.fetched import addresses
from llmpool.discovery.prices import PriceNews, fetch
from llmpool.errors import Refused
from llmpool.pool import Pool
from llmpool.registry.diff import Moved
from llmpool.state import price_book, prices
from tests.edges.raw_server import OK, Serve, slowly
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import closed_port, model

pytestmark = pytest.mark.usefixtures("old_book")
NOW = 1_790_000_000.0
PLACE = "/prices.json"
VERSION = "genai-prices of 2026-09-21"


def listing(amount: Any = 2.5, **more: Any) -> list[dict[str, Any]]:
    """Write what the project publishes: one vendor, one model."""
    price = {"input_mtok": amount, "output_mtok": 10, "cache_read_mtok": 1.25} | more
    entry = {
        "id": "gpt-4o",
        "match": {"or": [{"equals": "gpt-4o"}, {"starts_with": "gpt-4o-2"}]},
        "prices": price,
    }
    return [
        {
            "id": "openai",
            "name": "OpenAI",
            "api_pattern": "x",
            "model_match": {"starts_with": "gpt-"},
            "models": [entry],
        }
    ]


class Place:
    """A server with a price list on it, and the pool that looks there."""

    def __init__(self, server: FakeServer, directory: Path) -> None:
        self.server, self.dir, self.now, self.offline = server, directory, NOW, False
        self.url = server.root + PLACE

    def holds(self, content: Any, tag: str = "", code: int = 200) -> None:
        """Put *content* there; whoever comes with its *tag* is told that nothing has changed."""

        def answer(exchange: Exchange) -> None:
            if tag and exchange.record.headers.get("if-none-match") == tag:
                exchange.send(304, b"", headers={"ETag": tag})
            else:
                text = content if isinstance(content, (bytes, str)) else json.dumps(content)
                exchange.send(code, text, headers={"ETag": tag} if tag else {})

        self.server.routes[PLACE] = answer

    def pool(self, url: str = "") -> Pool:
        """Open the pool whose config names the list at *url*, here unless another is given."""
        config = self.dir / "config.toml"
        config.write_text(f'prices_url = "{url or self.url}"\n[providers.openai]\n' + model("openai/gpt-4o"))
        return Pool(
            find_paths({}, str(config), str(self.dir / "state")), {}, lambda: self.now, offline=self.offline
        )

    def update(self, url: str = "", timeout: float = 5) -> PriceNews:
        """Look for newer prices."""
        return fetch(self.pool(url), timeout)

    @property
    def costs(self) -> Decimal | None:
        """What a million tokens in cost at `openai/gpt-4o`."""
        return costs.worst(self.pool(), "openai/gpt-4o", 1_000_000, 0)

    @property
    def file(self) -> Path:
        """Where the book is kept."""
        return self.dir / "state" / "price-book.json"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a server with nothing on it yet."""
    with FakeServer([]) as server:
        yield Place(server, tmp_path)


def test_an_update_is_in_force_and_says_what_moved(place: Place) -> None:
    """The deployments that cost something else are told; a second look with the same tag changes nothing."""
    assert place.costs == Decimal("2.5")
    place.holds(listing(3), '"1"')
    news = place.update()
    assert news[:5] == ("updated", place.url, "", VERSION, 1)
    assert [(c.provider, c.repriced, c.changed) for c in news.changes] == [
        ("openai", (Moved("gpt-4o", "input", "2.5", "3"),), ())
    ]
    assert place.costs == 3
    assert (place.file.stat().st_mode & 0o777, price_book.read(place.dir / "state").etag) == (0o600, '"1"')
    written = place.file.stat().st_mtime_ns
    assert place.update() == PriceNews("unchanged", place.url, "", VERSION, 1)
    assert place.file.stat().st_mtime_ns == written
    assert [r.headers.get("if-none-match") for r in place.server.requests if r.path == PLACE] == [None, '"1"']


def test_example_15_the_same_again_is_unchanged(place: Place) -> None:
    """The same tag is not applied twice; without tags the content decides (overruled: applied each time)."""
    place.holds(listing(3))
    assert [place.update().status, place.update().status] == ["updated", "unchanged"]
    place.now += 86400
    place.holds(listing(3), '"2"')
    assert place.update()[:4] == ("unchanged", place.url, "", VERSION)
    assert price_book.read(place.dir / "state").etag == '"2"'


def test_example_14_the_newest_list_counts_alone_and_the_owners_word_before_it(place: Place) -> None:
    """Overruled: a list replaces the last one (what it no longer has is gone). Kept: custom prices win."""
    place.holds(
        [*listing(9), listing(1)[0] | {"id": "demo", "models": [listing(1)[0]["models"][0] | {"id": "demo"}]}]
    )
    place.update()
    assert place.costs == 9
    entry = {"input": "1", "output": "1", "set_at": ""}
    prices.update(place.dir / "state", lambda own: own._replace(custom={"gpt-4o": entry}))
    assert place.costs == 1
    place.holds(listing(8))
    assert place.update().changes == ()  # of the two prices that moved neither is in force
    assert place.costs == 1
    assert place.pool().prices.book.vendors == ("openai",)


def test_figures_stay_the_digits_they_were(place: Place) -> None:
    """No amount becomes binary on the way: 0.1 is 0.1, and a long one keeps all its digits."""
    text = json.dumps(listing(0)).replace('"input_mtok": 0,', '"input_mtok": 0.100000000000000005551115,')
    place.holds(text)
    assert place.update().status == "updated"
    assert place.costs == Decimal("0.100000000000000005551115")


BAD: dict[str, tuple[Any, int, str]] = {
    "not there": ({"error": "no"}, 404, "no price list there (status 404)"),
    "broken": (listing(), 500, "no price list there (status 500)"),
    "empty": (b"", 200, "not JSON"),
    "no JSON": (b"[{", 200, "not JSON"),
    "a page": (b"<html>sign in</html>", 200, "not JSON"),
    "binary": (b"\xff\xfe\x00\x01", 200, "not JSON"),
    "deep": (b"[" * 100_000, 200, "not JSON"),
    "a portal": ({"status": "ok"}, 200, "no price list"),
    "no vendors": ([], 200, "no price list"),
    "negative": (listing(-1), 200, "no price list"),
    "not a number": (json.dumps(listing(0)).replace(": 0,", ": NaN,"), 200, "no price list"),
    "infinite": (json.dumps(listing(0)).replace(": 0,", ": 1e999,"), 200, "no price list"),
    "true": (listing(True), 200, "no price list"),
    "a text": (listing("much"), 200, "no price list"),
    "an escape": ([listing()[0] | {"id": "open\x1b[31mai"}], 200, "no price list"),
    "huge": (b'["' + b"x" * updater.MAX_BYTES + b'"]', 200, "larger than 8 MiB"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_price_list_keeps_the_last_good_one(place: Place, case: str) -> None:
    """It is told, with what is wrong, in one harmless line; nothing is written, the last prices hold."""
    content, code, words = BAD[case]
    place.holds(listing(3), '"1"')
    place.update()
    before = place.file.read_bytes()
    place.holds(content, code=code)
    news = place.update()
    assert (news.status, news.source_url, news.version, news.models) == ("failed", place.url, VERSION, 1)
    assert words in news.error
    assert news.error.isprintable()
    assert place.file.read_bytes() == before
    assert place.costs == 3


def test_without_a_network_the_built_in_book_stays_in_force(place: Place) -> None:
    """Demand C 2: nothing hangs and nothing is lost; the words say who could not be reached."""
    news = place.update(f"http://127.0.0.1:{closed_port()}/p.json")
    assert (news.status, news.source_url) == ("failed", "")
    assert "127.0.0.1" in news.error
    assert news.version.startswith("genai-prices ")
    assert place.costs == Decimal("2.5")
    assert not place.file.exists()


def test_offline_nothing_is_fetched(place: Place) -> None:
    """Ruling 21: `--offline` refuses it before any connection."""
    place.offline = True
    with pytest.raises(Refused):
        place.update()
    assert place.server.connections == 0


def test_a_list_that_dribbles_is_left(place: Place, serve: Serve) -> None:
    """A server that takes its time ends with the time-out, as a failure like any other."""
    news = place.update(serve(slowly(OK + b"Content-Length: 999\r\n\r\n[", b" ")).url, timeout=0.3)
    assert (news.status, "0.3" in news.error) == ("failed", True)


def test_no_key_and_nothing_of_the_owner_is_sent(place: Place) -> None:
    """The server learns the program's name and what is accepted, no more."""
    place.holds(listing())
    place.update()
    sent = set(place.server.requests[-1].headers)
    assert sent <= {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_the_default_is_where_the_project_publishes(tmp_path: Path) -> None:
    """With a mirror, for the project is on GitHub."""
    assert addresses(updater.URL)[1] == (
        "https://cdn.jsdelivr.net/gh/pydantic/genai-prices@main/prices/new_data/v2/data_slim.json"
    )


def test_a_download_that_is_still_the_newest_is_in_force_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book that shipped later holds until an update finds out that nothing newer is there."""
    place.holds(listing(3), '"1"')
    place.update()
    shipped = built_in.document() | {"date": "2026-10-01"}
    monkeypatch.setattr(built_in, "document", lambda: shipped)
    pool = place.pool()
    assert (pool.prices.book.version, pool.price_book.source_url) == (shipped["version"], "")
    place.now = NOW + 30 * 86400
    news = place.update()
    assert news[:5] == ("updated", place.url, "", VERSION, 1)
    assert place.pool().prices.book.version == VERSION
    assert place.update().status == "unchanged"
