"""The fields of every JSON document: a new one may come, none may go or change its name (DESIGN 3.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.loading import LMStudioMemory
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, model, provider

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
SHOWN = {"origin", "observed", "declared", "provenance", "catalog", "vendored", "probe"}
SNAPSHOT = {"generation", "updated_at", "local_first", "resources", "deployments", "summary"}
RESOURCE = {"id", "provider", "url", "policy_state", "policy_source", "last_refresh"}
DEPLOYMENT = {
    "id", "model", "provider", "resource", "source", "routable", "routable_source", "speed", "quality",
    "policy_state", "policy_source", "resource_policy_state", "resource_policy_source",
}  # fmt: skip
COUNTS = {
    "generation", "resources", "deployments", "by_resource", "by_policy_state", "degraded", "inactive",
    "flagged", "promoted", "explicit_only", "cooldowns", "catalog",
}  # fmt: skip
RECORD = {
    "id", "at", "provider", "model", "deployment", "success", "input_tokens", "output_tokens", "latency_ms",
    "request_count", "decision_id", "cost",
}  # fmt: skip
SUMMARY = {
    "group", "requests", "successful", "failed", *USAGE, "cost", "unpriced", "estimated", "avg_latency_ms",
    "min_latency_ms", "max_latency_ms", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms", "avg_ttft_ms",
    "tokens_per_second", "failovers",
}  # fmt: skip
PROVIDER = {
    "id", "state", "location", "format", "url", "models", "stale_since", "key", "seen", "reason",
    "last_check", "last_error", "readiness", "error_kind", "latency_ms", "resting_until", "again_at",
    "resting", "policy",
}  # fmt: skip
TOLD = {"target", "state", "routable", "reason", "updated_at"}
STANDING = {
    "target", "kind", "there", "policy", "enabled", "allowed_models", "groups", "automatic", "by_name",
    "reason", "deployments",
}  # fmt: skip
GROUP = {"name", "providers", "models", "members", "missing", "profiles"}
SETTING = {"key", "value", "source"}
IN_MEMORY = {"id", "provider", "model", "state", "instance", "context", "size", "size_vram", "until"}
REFRESH = {
    "providers", "changes", "dead", "failed", "skipped", "fresh", "summary", "catalog", "accounts",
    "prices", "reconciled",
}  # fmt: skip
JOB = {
    "id", "provider", "model", "state", "done", "total", "share", "since", "attempts", "pid", "stopping",
    "error", "error_kind",
}  # fmt: skip


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
        ("providers", "import"): ("found", "logins", "tools", "problems"),
        ("providers", "limits"): ("limits", "failed"),
        ("providers", "verify", "a"): ("verification",),
        ("models", "probe"): ("models",),
    }.items():
        assert has(home.here(*arguments, "--json").json, "schema", *fields)["schema"] == 1
    has(has(home.here("route", "--json", "x").json, "schema", "decision")["decision"], *DECISION)
    chat = has(home.here("chat", "--json", "x").json, *CHAT)
    has(chat["usage"], *USAGE)
    has(chat["attempts"][0], "deployment", "key", "latency_ms", "ok")
    has(home.here("models", "list", "--json").json["models"][0], *MODEL)
    has(home.here("models", "show", "a/m", "--json").json["model"], *MODEL, *SHOWN)
    snapshot = has(home.here("models", "list", "--registry", "--json").json, "schema", *SNAPSHOT)
    has(snapshot["resources"][0], *RESOURCE)
    has(snapshot["deployments"][0], *DEPLOYMENT)
    has(snapshot["summary"], *COUNTS)
    has(home.here("providers", "list", "--json").json["providers"][0], *PROVIDER)
    has(home.here("providers", "show", "a", "--json").json["provider"], *PROVIDER, "preset", "priority")
    has(home.here("usage", "list", "--json").json["records"][0], *RECORD)
    has(home.here("usage", "decisions", "--json").json["decisions"][0], *DECISION, "outcome")
    usage = has(
        home.here("usage", "--json").json, "schema", "since", "until", "by", "total", "groups", "bad_lines"
    )
    has(usage["total"], *SUMMARY)
    error = home.here("route", "--json", "-m", "nosuch", "x").error
    has(error, "exit", "kind", "message", "hint", "candidates")


def test_what_the_owner_decides_keeps_its_fields(home: Home) -> None:
    """Policy and its groups: a change shows before and after, an export is what `apply` reads."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"), model("a/m"))

    def policy(*arguments: str, stdin: str | None = None) -> Any:
        return has(home.here("policy", *arguments, stdin=stdin).json, "schema")

    done = has(policy("set", "a", "--state", "flagged", "--json"), "changes", "policy")
    has(done["policy"], *TOLD)
    change = has(done["changes"][0], "target", "before", "after")
    assert (change["before"], set(change["after"])) == (None, TOLD)
    has(policy("set", "a", "--state", "active", "--dry-run", "--json"), "dry_run", "changes")
    has(has(policy("--json"), "policies", "groups", "budgets")["policies"][0], *TOLD)
    standing = has(policy("show", "a", "--json")["policy"], *STANDING)
    has(standing["policy"], *TOLD - {"target"}, "source")
    has(policy("show", "a/m", "--json")["policy"], *STANDING, "provider_policy")
    exported = policy("export")
    assert [set(each) for each in exported["policies"]] == [TOLD]
    has(policy("apply", "-", "--json", stdin=json.dumps(exported)), "changes")
    cleared = has(policy("clear", "a", "--json"), "changes")["changes"][0]
    assert (set(cleared["before"]), cleared["after"]) == (TOLD, None)
    has(policy("group", "set", "g", "--provider", "a", "--json")["group"], *GROUP)
    has(policy("group", "--json")["groups"][0], *GROUP)
    has(has(policy("--json"), "groups")["groups"][0], "name")


def test_what_changes_the_config_keeps_its_fields(home: Home, own_home: Path, server: FakeServer) -> None:
    """Config, the move to another machine, and providers; what prints no data has nothing on stdout."""
    home.write_config(provider("a", server.url), provider("twin", server.url), model("a/m"))
    has(home.here("config", "get", "default_model", "--json").json, "schema", *SETTING)
    for arguments in (("set", "default_model", "a/m"), ("unset", "default_model")):
        change = has(home.here("config", *arguments, "--json").json, "schema", "changed", "before", "after")
        has(change["before"], *SETTING)
        has(change["after"], *SETTING)
    exported = home.here("config", "export", "--json").json
    fields = ("file", "providers", "policies", "keys_sealed", "keys_staying", "hidden", "text")
    text = has(exported, "schema", *fields)["text"]
    other = Home(own_home.parent / f"{own_home.name}-other")
    came = other.here("init", "--from", "-", "--json", stdin=text).json
    has(came, "schema", "config", "written", "backup", "policies", "keys_stored", "keys_missing", "providers")
    has(came["providers"][0], "id", "models", "error")
    twins = has(home.here("providers", "dedupe", "--dry-run", "--json").json, "schema", "merges", "backup")
    has(twins["merges"][0], "kept", "removed", "server", "moved", "dropped")
    added = ("providers", "add", "b", "--url", f"http://127.0.0.1:{closed_port()}/v1", "--json")
    there = has(home.here(*added).json, "schema", "provider")["provider"]
    assert set(there) == {"id", "location", "models", "error"}
    unasked = home.here("--offline", "providers", "add", "c", *added[3:], "--force")
    assert unasked.json["provider"] == {"id": "c", "location": "cloud", "models": None, "error": None}
    for silent in (
        ("providers", "disable", "b"),
        ("providers", "enable", "b"),
        ("providers", "set", "b", "--priority", "3"),
        ("models", "set", "a/m", "--quality", "3"),
        ("policy", "group", "set", "g", "--provider", "a"),
    ):
        result = home.here(*silent)
        assert (result.code, result.out) == (0, ""), silent


def test_changes_by_command_tell_what_they_did(home: Home) -> None:
    """What a command says on stderr is one document with `--json`, and nothing is said beside it."""
    home.write_config(
        'default_model = "b/m"\n[routing]\nfallbacks = ["b/m"]\n[groups.g]\nproviders = ["a"]',
        provider("a", "http://127.0.0.1:9/v1"),
        provider("b", "http://127.0.0.1:9/w"),
        model("a/m"),
    )

    def told(*command: str) -> dict[str, Any]:
        result = home.here(*command, "--json")
        assert (result.code, result.err) == (0, ""), command
        document: dict[str, Any] = result.json
        return document

    done = told("providers", "set", "b", "--rpm", "3", "--unset", "timeout")["provider"]
    assert done == {
        "id": "b",
        "set": {"rate_limit.rpm": 3, "timeout": None},
        "changed": True,
        "dry_run": False,
    }
    done = told("providers", "disable", "b", "--dry-run")["provider"]
    has(done, "id", "set", "changed", "dry_run", "enabled", "models", "named_by")
    assert (done["set"], done["enabled"], done["dry_run"], len(done["named_by"])) == (
        {"enabled": False}, False, True, 2,
    )  # fmt: skip
    assert [told("providers", "enable", "b")["provider"]["changed"] for _ in range(2)] == [True, False]
    assert told("providers", "clear", "--all")["cleared"] == ["a", "b"]
    done = told("models", "set", "a/m", "--quality", "3", "--alias", "small")
    assert done["model"]["id"] == "a/m"
    assert (done["model"]["quality"], done["model"]["aliases"], done["notes"]) == (3, ["small"], [])
    assert told("policy", "group", "remove", "g", "--yes")["removed"] == "g"
    gone = home.here("providers", "remove", "b", "--yes", "--json").json
    assert (gone["removed"], len(gone["taken_out"]), gone["still_named"]) == ("b", 2, [])


def test_what_a_machine_holds_keeps_its_fields(home: Home) -> None:
    """Refreshing with the catalog, pulling, the queue, and what is in memory."""
    library, memory = OllamaLibrary({"b": 100}), LMStudioMemory({"big": 131072}, {"big": 4096})
    with (
        FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as den,
        FakeServer(["big"], speaks=["lmstudio"], routes=memory.routes) as lm,
    ):
        den.routes["/c.json"] = lambda exchange: exchange.send(200, {"models": {"openai": [{"id": "gpt"}]}})
        home.write_config(
            f'catalog_url = "{den.root}/c.json"',
            provider("den", den.root, preset="ollama", format=None),
            provider("lm", lm.root, preset="lmstudio", format=None),
        )
        seen = has(home.here("refresh", "--catalog", "--json").json, "schema", *REFRESH)
        has(seen["providers"][0], "id", "ok", "models", "error", "error_kind", "stale_since", "latency_ms")
        has(seen["changes"][0], "provider", "added", "gone", "changed", "repriced", "loaded", "failed")
        has(seen["summary"], "ok", "failed", "away", "without_a_key", "skipped", "models", "seconds")
        assert set(seen["catalog"]) == {"status", "source_url", "error", "models"}
        has(home.here("models", "pull", "den/b", "--json").json["model"], "id", "size", "present", "remote")
        done = home.here("models", "pull", "--json").json
        has(done, "schema", "pulled", "removed", "failed", "kept", "busy")
        has(home.here("models", "pull", "--list", "--json").json["downloads"][0], *JOB)
        there = has(home.here("models", "ps", "--json").json, "schema", "models", "errors", "skipped")
        has(there["models"][0], *IN_MEMORY)
        loaded = home.here("models", "load", "lm/big", "--context", "8k", "--json").json["model"]
        has(loaded, *IN_MEMORY, "changed", "seconds", "previous_context")


def test_the_listing_is_the_same_whole_or_filtered(home: Home, server: FakeServer) -> None:
    """`models list --json` prints its entries as compiled; a filter that lets all pass changes nothing."""
    home.write_config(provider("a", server.url), model("a/m"), model("a/n", quality=3))
    whole = home.here("models", "list", "--json").json
    assert whole == home.here("models", "list", "--min-quality", "0", "a", "--json").json
    assert whole["models"][0]["id"] == "a/m"


def test_settings_that_are_not_in_force_are_said(home: Home) -> None:
    """Nobody relies on what is not done: check lists it, and nothing that is."""
    home.write_config('[templates]\nreview = "Review this:\\n{input}"\n')
    assert "[templates]" in home.here("config", "check").err
    assert home.here("config", "check", "--json").json["not_yet"]
    home.write_config('[routing]\nquality_target = 0.9\nstrategy = "value"\n')
    pending = " ".join(home.here("config", "check", "--json").json["not_yet"])
    assert all(word in pending for word in ("quality_target", "strategy"))
    home.write_config(
        '[budgets.daily]\nlimit = "5.00"\n[policy]\nunpriced = "deny"\n[usage]\nretention = "90d"\n'
    )
    assert home.here("config", "check", "--json").json["not_yet"] == []
