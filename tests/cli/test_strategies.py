"""Strategies as a person and several processes use them."""

from __future__ import annotations

import json

from tests.at_once import at_once
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider


def test_turns_are_right_when_many_ask_at_once(home: Home) -> None:
    """Row 4: nine chats started together reach three providers three times each; who looks takes no turn."""
    with FakeServer() as a, FakeServer() as b, FakeServer() as c:
        servers = {"a": a, "b": b, "c": c}
        home.write_config(
            '[routing]\nstrategy = "round_robin"\n',
            *(provider(name, each.url) for name, each in servers.items()),
            *(model(f"{name}/m") for name in servers),
        )
        assert home.here("route", "-m", "m", "x").out == "a/m\n"
        assert "a/m" in home.here("chat", "--dry-run", "-m", "m", "x").out
        chats = at_once(home, *(("chat", "-m", "m", f"question {n}") for n in range(9)))
        assert [result.code for result in chats] == [0] * 9
        assert {name: len(each.chats) for name, each in servers.items()} == {"a": 3, "b": 3, "c": 3}
    health = json.loads((home.state / "health.json").read_text())["data"]
    assert health["cursors"] == {"m": 9}
    assert home.here("route", "-m", "m", "x").out == "a/m\n"


def test_a_strategy_is_told_as_it_decided(home: Home) -> None:
    """Affinity, sticky provider, shortlist and profile, in one document each."""
    home.write_config(
        provider("far", "http://127.0.0.1:9", format="anthropic", location="cloud"),
        provider("sky", "http://127.0.0.1:9/v1", priority=90, location="cloud"),
        *(model(f"sky/{name}") for name in ("claude-x", *(f"x-{n:02}" for n in range(40)))),
        model("far/claude-x", quality=9),
    )

    def told(*options: str) -> dict:
        decision: dict = home.here("route", "--json", *options, "hello").json["decision"]
        return decision

    named = told("--strategy", "priority", "-m", "claude-x")
    hits = [{"rule": "format_affinity", "points": 325}, {"rule": "priority", "points": 50}]
    assert named["candidates"][0] == {"deployment": "far/claude-x", "score": 2, "hits": hits}
    short = told("--strategy", "priority", "--prefer", "far", "--hint", "quality_floor=7.0")
    assert [c["deployment"] for c in short["candidates"]] == ["far/claude-x", "sky/claude-x"]
    assert short["rejections"][0]["reasons"] == ["not on its provider's shortlist, and no model was named"]
    assert short["notes"] == [
        'hint quality_floor "7.0" moves nothing: not a whole number',
        "2 of 42 deployments are on their providers' shortlists; -m NAME asks any of them",
    ]
    best = told("--profile", "premium")
    assert best["request"]["hints"]["quality_floor"] == "9"
    assert best["selected"] == "far/claude-x"
    assert home.here("route", "--profile", "private", "hello").code == 6
    assert "built in: premium, fast" in home.here("route", "--profile", "nosuch", "hello").err
