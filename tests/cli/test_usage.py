"""`llmpool usage`: what was used, from real records."""

from __future__ import annotations

import json

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider


def filled(home: Home, server: FakeServer) -> None:
    """Leave two good requests and a failed one, at a local and a cloud deployment."""
    home.write_config(
        provider("den", server.url),
        provider("sky", server.url, location="cloud"),
        model("den/m"),
        model("sky/m"),
    )
    home.pool("chat", "-m", "den/m", "--tag", "work", "hi")
    home.pool("chat", "-m", "sky/m", "hi")
    server.behave([faults.status(400)])
    home.pool("chat", "-m", "sky/m", "--max-wait", "0", "hi")


def test_the_summary_adds_up(home: Home, server: FakeServer) -> None:
    """Tokens, successes and calls without a price are totals of the records; unknown is never 0."""
    filled(home, server)
    shown = home.pool("usage", "--json").json
    total = shown["total"]
    assert (total["requests"], total["successful"], total["failed"]) == (3, 2, 1)
    assert (total["input_tokens"], total["output_tokens"]) == (14, 4)
    assert total["unpriced"] == 2
    groups = {g["group"]: g for g in shown["groups"]}
    assert groups["den/m"]["cost"] == "0"
    assert groups["den/m"]["unpriced"] == 0
    assert groups["sky/m"]["unpriced"] == 2
    text = home.pool("usage").out
    assert "2 calls without a price" in text
    assert "unknown" in text


def test_groupings(home: Home, server: FakeServer) -> None:
    """--by takes one or several groupings."""
    filled(home, server)
    names = {g["group"] for g in home.pool("usage", "--by", "tag", "--json").json["groups"]}
    assert names == {"work", "none"}
    both = home.pool("usage", "--by", "day,provider", "--json").json["groups"]
    assert {g["group"].split()[1] for g in both} == {"den", "sky"}


def test_lists_filter(home: Home, server: FakeServer) -> None:
    """Records can be limited to a deployment, to failures, to a time; a bad line is counted, not fatal."""
    filled(home, server)
    assert [r["deployment"] for r in home.pool("usage", "list", "--json").json["records"]] == [
        "den/m",
        "sky/m",
        "sky/m",
    ]
    assert len(home.pool("usage", "list", "--failed", "--json").json["records"]) == 1
    assert len(home.pool("usage", "list", "--deployment", "den/m", "--json").json["records"]) == 1
    assert home.pool("usage", "list", "--until", "2001-01-01", "--json").json["records"] == []
    path = next((home.state / "usage").glob("*.jsonl"))
    with path.open("a") as file:
        file.write('{"torn": \n')
    assert home.pool("usage", "list", "--json").json["bad_lines"] == 1
    assert "could not be read" in home.pool("usage").err
    home.pool("chat", "-m", "den/m", "hi")
    assert json.loads(path.read_text().splitlines()[-1])["success"] is True


def test_the_routers_statistics(home: Home, server: FakeServer) -> None:
    """By deployment, the document has what the router counts (catalog-registry-router 6.8), additively."""
    filled(home, server)
    path = next((home.state / "usage").glob("*.jsonl"))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [json.dumps(record | {"complexity": "simple"}) + "\n" for record in records]
    path.write_text("".join(lines))
    stats = home.pool("usage", "summary", "--by", "deployment", "--json").json["stats"]
    assert (stats["total_requests"], stats["success_count"], stats["failure_count"]) == (3, 2, 1)
    assert stats["complexity_counts"] == {"simple": 3}
    assert (stats["deployment_counts"], stats["provider_counts"]) == (
        {"den/m": 1, "sky/m": 2},
        {"den": 1, "sky": 2},
    )
    assert stats["deployment_stats"]["sky/m"]["failures"] == 1
    assert stats["experience"]["den/m"]["successes"] == 1
    assert "stats" not in home.pool("usage", "--by", "day", "--json").json


def test_nothing_used_is_no_error(home: Home) -> None:
    """An empty log is an empty summary."""
    assert home.pool("usage", "--json").json["total"]["requests"] == 0
    assert home.pool("usage", "list").code == 0
    assert home.pool("usage", "decisions", "--json").json["decisions"] == []
