"""`providers show` tells how a provider is asked, and why: the plan, what was learnt, what it can do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

GUESS = "as the model's family is best asked; the first that works is remembered"
TOLD = "its preset's or the config's own, others if that is not there"
# A provider's table, then the format it is asked in first, why, and all that are tried.
PLANS: list[tuple[dict[str, Any], str, str, list[str]]] = [
    ({"format": None}, "openai", GUESS, ["openai", "anthropic", "responses"]),
    ({"format": "anthropic", "format_mode": "pinned"}, "anthropic", "pinned by the config", ["anthropic"]),
    (
        {"format": "google", "format_mode": "auto"},
        "google",
        TOLD,
        ["google", "openai", "anthropic", "responses"],
    ),
    ({"format": None, "path": "/a/responses"}, "responses", "the URL ends in its path", ["responses"]),
    ({"format": None, "path": "/anthropic"}, "anthropic", "the URL ends in its path", ["anthropic"]),
    ({"format": None, "path": "/v1/responses"}, "openai", GUESS, ["openai", "anthropic", "responses"]),
    ({"format": None, "preset": "ollama"}, "ollama", "its preset's own", ["ollama"]),
]


def shown(home: Home) -> dict[str, Any]:
    """Return what `providers show` tells of the only provider."""
    told: dict[str, Any] = home.here("providers", "show", "a", "--json").json["provider"]
    return told


@pytest.mark.parametrize(("table", "first", "why", "in_turn"), PLANS)
def test_the_plan_and_its_reason(
    home: Home, table: dict[str, Any], first: str, why: str, in_turn: list[str]
) -> None:
    """Nobody is asked for it: what the config says is enough."""
    path = table.get("path", "")
    home.write_config(
        provider("a", f"http://127.0.0.1:9{path}", **{k: table[k] for k in table if k != "path"})
    )
    told = shown(home)
    assert (told["format"], told["format_why"], told["formats_in_turn"]) == (first, why, in_turn)
    assert told["formats_learnt"] == told["asked_without"] == told["can"] == []
    text = home.here("providers", "show", "a").out
    assert why in " ".join(text.split())


def test_what_was_learnt_is_told(home: Home) -> None:
    """The format that worked for a model, where its paths begin, and what it would not take."""
    refusal = faults.status(400, body={"error": {"message": "Unsupported parameter", "param": "temperature"}})
    with FakeServer(speaks=("responses",)) as server:
        server.behave([refusal])
        home.write_config(provider("a", server.root, format=None), model("a/m"))
        assert home.here("refresh").code == 0
        assert home.here("chat", "--temperature", "0.5", "hi").code == 0
        told = shown(home)
        assert told["formats_learnt"] == ["m: responses"]
        assert told["asked_without"] == ["m: temperature"]
        assert told["endpoint"] == f"{server.root}/v1"


def test_what_a_verification_found_is_told(home: Home) -> None:
    """The capability profile stays with the provider once it was applied (pool-routing-formats 10)."""
    with FakeServer(speaks=("responses",)) as server:
        home.write_config(provider("a", server.root, format=None))
        assert home.here("providers", "verify", "a", "--apply").code == 0
        told = shown(home)
    assert told["format"] == "responses"
    assert told["can"] == [
        "tool_call_mode full_native",
        "parallel_tool_calls yes",
        "streaming_tool_calls yes",
        "json_schema yes",
        "max_tool_schema_bytes 65536",
        "vision no",
        "audio no",
    ]
