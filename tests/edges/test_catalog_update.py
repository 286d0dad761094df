"""Fetching the official catalog (pool-routing-formats 12): tags, mirrors, and whatever a server may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.discovery import catalog as updater
from llmpool.discovery.catalog import CatalogNews, addresses, update
from llmpool.discovery.observe import NOT_LISTED, observe
from llmpool.errors import Refused
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state import catalog
from tests.edges.raw_server import OK, Serve, body, slowly, wait
from tests.fakes import faults
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import closed_port

NOW = 1_790_000_000.0
PLACE = "/docs/catalog.json"
GPT = {"id": "gpt-4o", "context_window": 999}
FIRST = {"providers": {"openai": {"base_url": "https://api.openai.com/v1"}}, "models": {"openai": [GPT]}}
SECOND = {"models": {"openai": [GPT | {"context_window": 1000}]}}
BUILT_IN = 89


class Place:
    """A server with a catalog on it that is changed by hand, and the pool that looks there."""

    def __init__(self, server: FakeServer, directory: Path) -> None:
        self.server, self.dir, self.now = server, directory, NOW
        self.url = server.root + PLACE

    def holds(self, content: Any, tag: str = "", code: int = 200) -> None:
        """Put *content* there; whoever comes with its *tag* is told that nothing has changed."""

        def answer(exchange: Exchange) -> None:
            known = exchange.record.headers.get("if-none-match")
            headers = {"ETag": tag} if tag else {}
            if tag and known == tag:
                exchange.send(304, b"", headers=headers)
            else:
                text = content if isinstance(content, (bytes, str)) else json.dumps(content)
                exchange.send(code, text, headers=headers)

        self.server.routes[PLACE] = answer

    def pool(self, url: str = "", *, tables: str = "[providers.openai]\n", offline: bool = False) -> Pool:
        """Open the pool whose config names the catalog at *url*, here unless another is given."""
        config = self.dir / "config.toml"
        config.write_text(f'catalog_url = "{url or self.url}"\n{tables}')
        paths = find_paths({}, str(config), str(self.dir / "state"))
        return Pool(paths, {}, lambda: self.now, offline=offline)

    def update(self, url: str = "", timeout: float = 5) -> CatalogNews:
        """Look for a newer catalog."""
        with Client() as client:
            return update(self.pool(url), client, timeout)

    @property
    def asked(self) -> list[str | None]:
        """The tags that requests for the catalog came with, in order."""
        return [r.headers.get("if-none-match") for r in self.server.requests if r.path == PLACE]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a server with nothing on it yet."""
    with FakeServer([]) as server:
        yield Place(server, tmp_path)


def test_golden_52_an_update_is_seen_once(place: Place) -> None:
    """Row 52: what the catalog says is in force; a second fetch with the same tag changes nothing."""
    place.holds(FIRST, '"catalog-v1"')
    assert place.update() == CatalogNews("updated", place.url, "", BUILT_IN)
    known = catalog.read(place.dir / "state")
    assert (known.etag, known.last_updated_at, known.source_url) == (
        '"catalog-v1"',
        "2026-09-21T14:13:20Z",
        place.url,
    )
    assert known.content.models["openai"]["gpt-4o"].context_window == 999
    written = (place.dir / "state" / "catalog.json").stat().st_mtime_ns
    place.now += 3600
    assert place.update() == CatalogNews("unchanged", place.url, "", BUILT_IN)
    assert (place.dir / "state" / "catalog.json").stat().st_mtime_ns == written
    assert place.asked == [None, '"catalog-v1"']


def test_a_changed_catalog_replaces_the_last_one(place: Place) -> None:
    """A new tag is new content, and what the first said alone is gone with it."""
    place.holds(FIRST, '"1"')
    place.update()
    place.holds(SECOND, '"2"')
    assert place.update().status == "updated"
    content = catalog.read(place.dir / "state").content
    assert (content.providers, content.models["openai"]["gpt-4o"].context_window) == ({}, 1000)


def test_a_server_without_tags_is_compared_by_content(place: Place) -> None:
    """The same again is unchanged, without a tag and with a new one; and then the new one is sent."""
    place.holds(FIRST)
    assert [place.update().status, place.update().status] == ["updated", "unchanged"]
    place.holds(FIRST, 'W/"x"')
    assert [place.update().status, place.update().status] == ["unchanged", "unchanged"]
    assert place.asked == [None, None, None, 'W/"x"']


def test_a_server_that_ignores_the_tag_is_believed_about_it(place: Place) -> None:
    """Section 12: a tag equal to the last one applied is skipped, whatever comes with it."""
    place.holds(FIRST, '"1"')
    place.update()
    place.server.routes[PLACE] = lambda exchange: exchange.send(200, SECOND, headers={"ETag": '"1"'})
    assert place.update().status == "unchanged"


def test_a_tag_is_only_sent_where_it_came_from(place: Place) -> None:
    """Another address has tags of its own: what is there is fetched, and counts."""
    place.holds(FIRST, '"1"')
    place.update()
    place.server.routes["/other.json"] = lambda exchange: exchange.send(200, SECOND, headers={"ETag": '"1"'})
    assert place.update(place.server.root + "/other.json").status == "updated"
    assert place.server.requests[-1].headers.get("if-none-match") is None


def test_no_key_and_nothing_of_the_owner_is_sent(place: Place) -> None:
    """The catalog's server learns the program's name and what is accepted, no more."""
    place.holds(FIRST)
    place.update()
    sent = set(place.server.requests[-1].headers)
    assert sent <= {"host", "user-agent", "accept", "accept-encoding", "connection"}


BAD: dict[str, tuple[Any, int, str]] = {
    "not there": ({"error": "no"}, 404, "no catalog there (status 404)"),
    "broken": (FIRST, 500, "no catalog there (status 500)"),
    "empty": (b"", 200, "is not JSON"),
    "no JSON": (b"{", 200, "is not JSON"),
    "a page": (b"<html>sign in</html>", 200, "HTML"),
    "binary": (b"\xff\xfe\x00\x01", 200, "is not JSON"),
    "deep": (b"[" * 100_000, 200, "is not JSON"),
    "digits": (b'{"models": ' + b"9" * 5000 + b"}", 200, "is not JSON"),
    "a list": ([FIRST], 200, "what is there is no catalog"),
    "a portal": ({"status": "ok"}, 200, "what is there is no catalog"),
    "nothing usable": ({"models": {"": [{"id": "m"}], "openai": [{"id": ""}]}}, 200, "is no catalog"),
    "huge": (b'{"models": "' + b"x" * updater.MAX_BYTES + b'"}', 200, "larger than 4 MiB"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_catalog_keeps_the_last_good_one(place: Place, case: str) -> None:
    """It is told, with what is wrong; nothing is written, and what was known is still in force."""
    content, code, words = BAD[case]
    place.holds(FIRST, '"1"')
    place.update()
    before = (place.dir / "state" / "catalog.json").read_bytes()
    place.holds(content, code=code)
    news = place.update()
    assert (news.status, news.source_url, news.models) == ("failed", place.url, BUILT_IN)
    assert words in news.error
    assert (place.dir / "state" / "catalog.json").read_bytes() == before


def test_hostile_content_is_cut_to_what_is_usable(place: Place) -> None:
    """NaN, escapes and foreign types are left out, the rest counts; addresses elsewhere are told."""
    lines = [
        {"id": "good", "context_window": float("nan"), "pinchbench_score": float("inf")},
        {"id": "bad\x1b[31m"},
        {"id": "\ud800"},
        {"id": ["good"]},
    ]
    hostile = {"providers": {"openai": {"base_url": "https://evil.test/v1"}}, "models": {"openai": lines}}
    place.holds(hostile)
    made = place.pool()
    with Client() as client:
        assert update(made, client).status == "updated"
    assert made.warnings == [
        "the catalog names another host for openai: https://evil.test/v1; it is not used"
    ]
    assert list(catalog.read(place.dir / "state").content.models["openai"]) == ["good"]
    assert "\x1b" not in (place.dir / "state" / "catalog.json").read_text()
    assert made.catalog.providers[0].url == "https://api.openai.com/v1"


def test_a_304_that_nobody_asked_for_is_a_failure(place: Place) -> None:
    """Without a tag there is nothing it could mean."""
    place.server.routes[PLACE] = faults.status(304, {}, b"")
    assert place.update().status == "failed"
    assert catalog.read(place.dir / "state") == catalog.Stored()


def test_redirects_are_followed_for_there_is_no_key_to_lose(place: Place) -> None:
    """A catalog that has moved is found; one that goes round in circles fails."""
    place.holds(FIRST)
    moved = place.server.root + "/old.json"
    place.server.routes["/old.json"] = faults.redirect(place.url, 302)
    assert place.update(moved).status == "updated"
    place.server.routes["/old.json"] = faults.redirect(moved, 302)
    assert place.update(moved).status == "failed"


def test_the_mirror_is_asked_when_the_first_fails(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 12: anything but 200 goes on to the mirror; what came from there is noted as such."""
    first = place.server.root + "/first.json"
    monkeypatch.setattr(updater, "addresses", lambda url: [url, place.url])
    place.holds(FIRST, '"m"')
    assert place.update(first) == CatalogNews("updated", place.url, "", BUILT_IN)
    assert place.update(first).status == "unchanged"
    assert place.asked == [None, '"m"']
    place.holds("", code=503)
    news = place.update(f"http://127.0.0.1:{closed_port()}/catalog.json")
    assert news.status == "failed"
    refused, unavailable = news.error.split("; ")
    assert "127.0.0.1" in refused
    assert "503" in unavailable


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (
            "https://raw.githubusercontent.com/o/r/main/docs/c.json",
            ["https://cdn.jsdelivr.net/gh/o/r@main/docs/c.json"],
        ),
        (
            "https://raw.githubusercontent.com/o/r/refs/heads/main/c.json",
            ["https://cdn.jsdelivr.net/gh/o/r@main/c.json"],
        ),
        (
            "https://cdn.jsdelivr.net/gh/o/r@v1/docs/c.json",
            ["https://raw.githubusercontent.com/o/r/v1/docs/c.json"],
        ),
        ("https://catalog.example/c.json", []),
        ("https://raw.githubusercontent.com/o/r", []),
        ("https://raw.githubusercontent.com.evil.test/o/r/main/c.json", []),
        ("https://cdn.jsdelivr.net/npm/x@1/c.json", []),
    ],
)
def test_a_file_on_github_is_at_two_addresses(url: str, wanted: list[str]) -> None:
    """Section 12: the mirror is made of the raw address, and the other way round; any other is alone."""
    assert addresses(url) == [url, *wanted]


def test_the_default_is_the_official_address() -> None:
    """Where nothing is configured, the catalog is the project's own, with its mirror."""
    assert addresses(updater.URL)[1] == (
        "https://cdn.jsdelivr.net/gh/IceWhaleTech/ZimaOS-Blue@main/docs/provider_catalog.json"
    )


@pytest.mark.parametrize("play", [wait(30), slowly(OK + b"Content-Length: 999\r\n\r\n{", b" ")])
def test_a_server_that_takes_its_time_is_left(place: Place, serve: Serve, play: Any) -> None:
    """Silence and dribbling both end with the time-out, as a failure like any other."""
    news = place.update(serve(play).url, timeout=0.3)
    assert news.status == "failed"
    assert "0.3" in news.error


def test_no_update_takes_longer_than_15_seconds_an_address(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the rest of a refresh may take; a shorter time-out is kept."""
    limits: list[float | None] = []
    fetch = Client.fetch

    def note(client: Client, call: Any, hops: int = 5) -> Any:
        limits.append(call.timeouts.total)
        return fetch(client, call, hops)

    monkeypatch.setattr(Client, "fetch", note)
    place.holds(FIRST)
    place.update(timeout=600)
    place.update(timeout=2)
    assert limits == [15, 2]


def test_a_body_that_stops_in_the_middle_is_no_catalog(place: Place, serve: Serve) -> None:
    """Half a catalog is none, however well it begins."""
    whole = body(json.dumps(FIRST).encode())
    assert place.update(serve(whole[:-5]).url).status == "failed"


def test_offline_nothing_is_fetched(place: Place) -> None:
    """Ruling 21: `--offline` refuses it before any connection."""
    with Client(offline=True) as client, pytest.raises(Refused):
        update(place.pool(offline=True), client)
    assert place.server.connections == 0


def test_a_provider_that_goes_by_the_catalog_is_not_asked(place: Place) -> None:
    """Ruling 7: no connection, no listing time, the catalog's models; none and none declared is a fault."""
    asked = f'url = "{place.server.url}"\nmetadata = "catalog"\n'
    tables = "".join(f"[providers.{name}]\n{asked}" for name in ("openai", "mine", "own"))
    tables += '[[models]]\nid = "own/m"\n'
    made = place.pool(tables=tables)
    with Client() as client:
        seen = {p.id: observe(made, p, client, 5) for p in made.catalog.providers}
    assert place.server.connections == 0
    assert (len(seen["openai"].models), seen["openai"].fetched_at, seen["openai"].error) == (13, "", "")
    assert (seen["own"].models, seen["own"].error) == ((), "")
    assert (seen["mine"].error, seen["mine"].error_kind) == (NOT_LISTED, "model_not_found")
    assert {row.id for row in made.table.rows if row.id.startswith("own/")} == {"own/m"}
