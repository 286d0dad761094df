"""Every field of a recorded decision, by what the source calls it (catalog-registry-router 6.8)."""

from __future__ import annotations

from typing import Any

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

QUERY = "erkläre: why is the größe of it 7?"  # 34 characters, 37 bytes


def recorded(home: Home, *asked: str) -> dict[str, Any]:
    """Ask, and return the newest decision with what it came to."""
    home.here("chat", QUERY, *asked, "--json")
    found: dict[str, Any] = home.here("usage", "decisions", "--json").json["decisions"][0]
    return found


def test_a_decision_has_all_that_the_source_keeps_of_one(home: Home, server: FakeServer) -> None:
    """What was asked (its length in bytes, never its text), how it was judged, who won, and how it ended."""
    home.write_config(provider("den", server.url), model("den/m"), model("den/n", quality=9))
    told = recorded(home, "--priority", "background", "--context-size", "120")
    request, outcome = told["request"], told["outcome"]
    assert told["id"].startswith("d-")
    assert told["at"].endswith("Z")
    assert (len(QUERY), len(QUERY.encode())) == (34, 37)
    assert (request["query_length"], request["context_size"]) == (37, 120)
    assert (request["priority"], request["needs"], request["tool_count"]) == ("background", [], 0)
    assert (told["complexity"], told["intent"]) == ("complex", "general")
    assert [each["deployment"] for each in told["candidates"]] == ["den/n", "den/m"]
    assert all(each["hits"][0]["rule"] == "base" for each in told["candidates"])
    assert (told["selected"], "den/n" in told["reasoning"]) == ("den/n", True)
    assert outcome["success"] is True
    assert outcome["tokens"] == outcome["input_tokens"] + outcome["output_tokens"]
    assert outcome["latency_ms"] >= 0
    assert "größe" not in str(told)


def test_a_failure_is_an_outcome_too(home: Home, server: FakeServer) -> None:
    """Success is false then, and not unknown."""
    server.behave(faults.always(faults.status(400)))
    home.write_config(provider("den", server.url), model("den/m"))
    assert recorded(home)["outcome"]["success"] is False
