"""The fields of every JSON document: a new one may come, none may go or change its name (DESIGN 3.2)."""

from __future__ import annotations

from typing import Any

from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

DECISION = {
    "id", "at", "selected", "model", "provider", "strategy", "mode", "complexity", "intent", "candidates",
    "candidates_total", "rejections", "reasoning", "no_eligible", "generation", "request",
}  # fmt: skip
CHAT = {
    "schema", "text", "requested", "served_by", "finish", "usage", "cost", "ttft_ms", "latency_ms",
    "attempts", "decision_id", "usage_id",
}  # fmt: skip
USAGE = {"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"}
MODEL = {
    "id", "provider", "model", "location", "source", "routable", "available", "capabilities",
    "context_window", "max_output", "ratings", "price", "policy",
}  # fmt: skip
SHOWN = {"origin", "observed", "declared", "provenance", "vendored", "probe"}
RECORD = {
    "id", "at", "provider", "model", "deployment", "success", "input_tokens", "output_tokens", "latency_ms",
    "request_count", "decision_id", "cost",
}  # fmt: skip
SUMMARY = {
    "group", "requests", "successful", "failed", *USAGE, "cost", "unpriced", "estimated", "avg_latency_ms",
    "min_latency_ms", "max_latency_ms", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms", "avg_ttft_ms",
    "tokens_per_second", "failovers",
}  # fmt: skip
PROVIDER = {"id", "state", "location", "format", "url", "models", "stale_since", "key", "seen", "reason"}


def has(document: Any, *fields: str) -> Any:
    """Assert the fields and hand the document on; every top-level document carries its schema number."""
    assert set(fields) <= set(document), set(fields) - set(document)
    return document


def test_every_document_keeps_its_fields(home: Home, server: FakeServer) -> None:
    """Each command's document has schema 1 and all the fields scripts rely on."""
    home.write_config(provider("a", server.url), model("a/m"))
    for arguments, fields in {
        ("refresh",): ("providers", "changes", "failed", "skipped"),
        ("config", "check"): ("ok", "providers", "models"),
        ("config", "path"): ("config", "state"),
        ("config", "show"): ("config",),
        ("policy",): ("policies", "groups", "budgets"),
        ("models", "ps"): ("models",),
        ("providers", "presets"): ("presets",),
        ("chat", "--list"): ("sessions",),
        ("providers", "limits"): ("limits", "failed"),
        ("providers", "verify", "a"): ("verification",),
        ("models", "probe"): ("models",),
    }.items():
        assert has(home.pool(*arguments, "--json").json, "schema", *fields)["schema"] == 1
    has(has(home.pool("route", "--json", "x").json, "schema", "decision")["decision"], *DECISION)
    chat = has(home.pool("chat", "--json", "x").json, *CHAT)
    has(chat["usage"], *USAGE)
    has(chat["attempts"][0], "deployment", "key", "latency_ms", "ok")
    has(home.pool("models", "list", "--json").json["models"][0], *MODEL)
    has(home.pool("models", "show", "a/m", "--json").json["model"], *MODEL, *SHOWN)
    has(home.pool("providers", "list", "--json").json["providers"][0], *PROVIDER)
    has(home.pool("providers", "show", "a", "--json").json["provider"], *PROVIDER, "preset", "priority")
    has(home.pool("usage", "list", "--json").json["records"][0], *RECORD)
    has(home.pool("usage", "decisions", "--json").json["decisions"][0], *DECISION, "outcome")
    usage = has(
        home.pool("usage", "--json").json, "schema", "since", "until", "by", "total", "groups", "bad_lines"
    )
    has(usage["total"], *SUMMARY)
    error = home.pool("route", "--json", "-m", "nosuch", "x").error
    has(error, "exit", "kind", "message", "hint", "candidates")


def test_the_listing_is_the_same_whole_or_filtered(home: Home, server: FakeServer) -> None:
    """`models list --json` prints its entries as compiled; a filter that lets all pass changes nothing."""
    home.write_config(provider("a", server.url), model("a/m"), model("a/n", quality=3))
    whole = home.pool("models", "list", "--json").json
    assert whole == home.pool("models", "list", "--min-quality", "0", "a", "--json").json
    assert whole["models"][0]["id"] == "a/m"


def test_settings_that_are_not_in_force_are_said(home: Home, server: FakeServer) -> None:
    """Nobody relies on a budget that is not kept: check lists it, and chat warns each time."""
    home.write_config(
        provider("a", server.url), model("a/m"), '[budgets.daily]\nlimit = "5.00"\nper = "day"\n'
    )
    assert "budgets.daily" in home.pool("config", "check").err
    assert home.pool("config", "check", "--json").json["not_yet"]
    home.write_config('[routing]\nquality_target = 0.9\nstrategy = "value"\n[usage]\nretention = "90d"\n')
    pending = " ".join(home.pool("config", "check", "--json").json["not_yet"])
    assert all(word in pending for word in ("quality_target", "strategy", "retention"))
    home.write_config("local_first = true\n")
    assert home.pool("config", "check", "--json").json["not_yet"] == []
    home.write_config(provider("a", server.url), model("a/m"), '[budgets.daily]\nlimit = "5"\nper = "day"\n')
    assert "budget daily is not enforced" in home.pool("chat", "-q", "hi").err
