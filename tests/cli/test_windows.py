"""Windows as a user meets them: a prompt too long for one goes on to a larger one, and that is remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

PRIORITY = '[routing]\nstrategy = "priority"'
WORDINGS = Path(__file__).parents[1] / "contract" / "windows" / "too_long.json"


def words(tokens: int) -> str:
    """Write a prompt of so many tokens, four bytes each."""
    return "abc " * (tokens - 1) + "abcd"


def too_long(window: int, counted: int) -> faults.Behaviour:
    """Refuse a prompt as OpenAI does."""
    told = (
        f"This model's maximum context length is {window} tokens. However, your messages resulted in"
        f" {counted} tokens. Please reduce the length of the messages."
    )
    error = {"message": told, "type": "invalid_request_error", "code": "context_length_exceeded"}
    return faults.status(400, body={"error": error})


def test_a_refused_prompt_goes_to_a_larger_window_and_the_real_one_is_learnt(home: Home) -> None:
    """Who has no larger window is left out and named; the next run knows, says so, and `clear` forgets it."""
    models = [
        {"id": "wide", "context_length": 131072},
        {"id": "twin", "context_length": 8192},
        {"id": "vast", "context_length": 262144},
    ]
    with FakeServer(models) as server:
        server.behave(lambda _, r: too_long(8192, 9100) if json.loads(r.body)["model"] == "wide" else None)
        home.write_config(
            PRIORITY,
            provider("a", server.url, priority=90, allowed_models=["wide"]),
            provider("b", server.url, priority=50, allowed_models=["twin"]),
            provider("c", server.url, priority=10, allowed_models=["vast"]),
        )
        assert home.here("refresh").code == 0
        answered = home.here("chat", "--json", words(7000))
        asked = [chat.json["model"] for chat in server.chats]
        table = home.here("route", "--json", words(9000)).json["decision"]
        shown = home.here("models", "show", "a/wide", "--json").json
        home.here("chat", words(9000))
        assert [chat.json["model"] for chat in server.chats] == [*asked, "vast"]
        cleared = home.here("providers", "clear", "a")
        forgotten = home.here("route", words(9000)).out
    assert asked == ["wide", "vast"]
    assert answered.json["served_by"] == "c/vast"
    assert "the prompt is too long for a/wide; b/twin has no larger window: left out" in answered.err
    small = [r for r in table["rejections"] if r["reasons"] == ["context window too small"]]
    assert [(r["deployment"], r["needed"], r["window"]) for r in small] == [
        ("a/wide", 9000, 8192),
        ("b/twin", 9000, 8192),
    ]
    said = json.dumps(shown)
    assert '"context_window": {"value": 8192, "from": "learnt", "learnt": 8192' in said
    assert (cleared.code, forgotten) == (0, "a/wide\n")


GROQ = (
    "Request too large for model `m` in organization `o` on tokens per minute (TPM): Limit 6000, Requested"
    " 9100, please reduce your message size and try again."
)
PAGE = "<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (413, {"error": {"message": GROQ, "type": "tokens", "code": "rate_limit_exceeded"}}),
        (
            429,
            {"error": {"message": GROQ, "type": "tokens", "code": "rate_limit_exceeded"}},
        ),  # OpenAI's status
        (413, PAGE),
    ],
)
def test_what_is_too_large_for_a_plan_or_a_gateway_goes_to_a_smaller_window(
    home: Home, status: int, body: object
) -> None:
    """The window was not what stood in the way: whoever takes the prompt answers, and nobody waits."""
    models = [{"id": "wide", "context_length": 131072}, {"id": "small", "context_length": 32768}]
    refusal = faults.status(status, body=body)
    with FakeServer(models) as server:
        server.behave(lambda _, r: refusal if json.loads(r.body)["model"] == "wide" else None)
        home.write_config(
            PRIORITY,
            provider("a", server.url, priority=90, allowed_models=["wide"]),
            provider("b", server.url, priority=50, allowed_models=["small"]),
        )
        assert home.here("refresh").code == 0
        answered = home.here("chat", "--json", words(7000))
        asked = [chat.json["model"] for chat in server.chats]
    assert (answered.code, asked) == (0, ["wide", "small"])
    assert answered.json["attempts"][0]["kind"] == "context_length"


def test_what_no_window_takes_is_refused_with_figures_before_anything_is_sent(home: Home) -> None:
    """History, system prompt, tools, pictures and the answer that was asked for: all of it counts."""
    with FakeServer(["m"]) as server:
        home.write_config(
            provider("den", server.url), model("den/m", context_window=8192, supports_images=True)
        )
        home.here("chat", "--session", "s", "-s", words(1000), words(2000))
        kept = home.here("chat", "--session", "s", "--dry-run", "--json", words(3000)).json["decision"]
        tools = home.dir / "tools.json"
        lengthy = {"name": "f", "description": words(3000), "parameters": {"type": "object"}}
        tools.write_text(json.dumps([{"type": "function", "function": lengthy}]))
        picture = home.dir / "p.png"
        picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
        sizes = {
            name: home.here("chat", "--dry-run", "--json", *options, "x").json["decision"]["request"]
            for name, options in {"tools": ["--tools", str(tools)], "picture": ["-a", str(picture)]}.items()
        }
        long = home.here("chat", "--json", "--max-tokens", "6000", words(3000))
        whole = home.here("chat", "--session", "s", words(6000))
        said = home.here("chat", "--min-quality", "9", words(9000))
        assert len(server.chats) == 1
    assert kept["request"]["context_size"] == 6003  # the answer of the first turn is in it too
    assert 3000 <= sizes["tools"]["context_size"] <= 3060
    assert sizes["picture"]["context_size"] == 1 + 1536
    assert (long.code, whole.code) == (6, 6)
    rejected = {
        "deployment": "den/m",
        "reasons": ["context window too small"],
        "needed": 9000,
        "window": 8192,
    }
    assert long.error["rejections"] == [rejected]
    assert "needs 9000 tokens of context" in long.error["message"]
    assert "needs 9003 tokens of context" in whole.err
    assert "or begin a new conversation" in whole.err
    assert "den/m   quality 5 below 9; context window too small (9000 needed, 8192 there)" in said.err


def test_every_larger_window_is_tried_before_the_run_ends(home: Home) -> None:
    """Two detours where all refuse: the next in rank, then the largest; no figure teaches no window."""
    windows = {"d": 8192, "c": 16384, "b": 32768, "a": 262144}  # the last by name ranks first
    refusal = json.loads(WORDINGS.read_text(encoding="utf-8"))["silent"][0]
    with FakeServer([{"id": name, "context_length": size} for name, size in windows.items()]) as server:
        server.behave(faults.always(faults.status(400, body={"error": {"message": refusal}})))
        home.write_config(PRIORITY, provider("den", server.url))
        home.here("refresh")
        result = home.here("chat", "--json", words(5000))
        asked = [chat.json["model"] for chat in server.chats]
        again = home.here("route", "--json", words(5000)).json["decision"]
    assert (result.code, result.error["kind"]) == (7, "all_failed")
    assert asked == ["d", "c", "a"]
    assert "larger window" in result.error["hint"]
    assert again["rejections"] == []


def test_a_window_that_is_larger_on_paper_keeps_nobody_out(home: Home) -> None:
    """Who was started with less than is known of it refuses without a figure; an equal answers."""
    refusal = json.loads(WORDINGS.read_text(encoding="utf-8"))["silent"][0]
    with FakeServer(["m"]) as server, FakeServer(["n"]) as other:
        server.behave(faults.always(faults.status(400, body={"error": {"message": refusal}})))
        home.write_config(
            PRIORITY,
            provider("den", server.url, priority=90),
            provider("work", other.url, priority=10),
            model("den/m", context_window=131072),
            model("work/n", context_window=131072),
        )
        result = home.here("chat", "--json", words(5000))
    assert (result.code, result.json["served_by"]) == (0, "work/n")
