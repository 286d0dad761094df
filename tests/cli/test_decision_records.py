"""What a decision record holds: enough to be asked again, and no text."""

from __future__ import annotations

from typing import Any

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

PHRASE = "the heron nests behind the blue lighthouse"


def decisions(home: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.here("usage", "decisions", "--json").json["decisions"]
    return found


def test_it_has_all_that_a_replay_needs(home: Home, server: FakeServer) -> None:
    """What was asked for is told apart from what the config filled in, and its tokens from their sum."""
    home.write_config(
        '[routing]\nmode = "cloud"\n[profiles.calm]\npriority = "background"\n',
        provider("den", server.url),
        provider("sky", server.url, location="cloud"),
        model("den/m"),
        model("sky/m"),
    )
    home.here("chat", "hello")
    home.here("chat", "--mode", "local", "--strategy", "cost", "--profile", "calm", "--no-fallback", "hello")
    home.here("route", "--record", "--context-size", "0", "-m", "den/m", "--force", "hello")
    named, asked, left = (each["request"] for each in decisions(home))
    assert "mode" not in left
    assert "strategy" not in left
    assert (left["stated"], named["stated"], named["force"], named["model"]) == (False, True, True, "den/m")
    assert (asked["mode"], asked["strategy"], asked["profile"]) == ("local", "cost", "calm")
    assert (asked["priority"], asked["fallback"]) == ("background", False)
    outcome = decisions(home)[2]["outcome"]
    assert (outcome["input_tokens"], outcome["output_tokens"], outcome["tokens"]) == (7, 2, 9)
    stats = home.here("usage", "summary", "--by", "deployment", "--json").json["stats"]
    assert stats["complexity_counts"] == {"moderate": 2}
    home.write_config(
        provider("den", server.url),
        provider("sky", server.url, location="cloud"),
        model("den/m"),
        model("sky/m"),
    )
    told = home.here("policy", "simulate", "--set", "routing.mode=local", "--json").json
    assert (told["decisions"], told["cost"]["uncounted"]) == (3, 1)  # the one that was not sent


def test_what_a_server_repeats_of_a_prompt_is_not_kept(home: Home, server: FakeServer) -> None:
    """An error that quotes the prompt is told and recorded without the quote, in every file."""
    home.write_config(provider("den", server.url), model("den/m"))
    quoting = {"error": {"message": f"Invalid prompt: {PHRASE}", "type": "invalid_request_error"}}
    server.behave([faults.status(400, body=quoting), *[faults.status(500, body=quoting)] * 5])
    for _ in range(2):
        shown = home.here("chat", "--max-wait", "0", PHRASE)
        assert shown.code == 7
        assert "Invalid prompt: [...]" in shown.err
    assert home.files_with("heron nests") == []
    assert decisions(home)[-1]["outcome"]["attempts"][0]["message"] == "Invalid prompt: [...]"
