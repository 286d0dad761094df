"""`models list`: a table, filters, the whole registry, and names that lead nowhere any more."""

from __future__ import annotations

import time

import pytest

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.times import rfc3339
from llmpool.registry.official import NOTHING
from llmpool.state import catalog, inventory
from tests.support import Home, closed_port, finish, model, provider

GONE = {"name": "small", "role": "alias", "target": "den/qwen3:8b", "nearest": "den/qwen3:14b"}


@pytest.fixture
def listed(home: Home) -> Home:
    """Give a home whose local server has lost the model that an alias and the default mean."""
    home.write_config(
        'default_model = "small"',
        provider("den", "http://127.0.0.1:9/v1", location="local"),
        provider("sky", "http://127.0.0.1:8/v1", location="cloud"),
        model("den/qwen3:8b", aliases=["small"]),
        model("sky/gpt-5-mini", quality=9),
    )
    observe(home, den=(ObservedModel(name="qwen3:14b", context_window=40960),), sky=())
    return home


def observe(home: Home, **models: tuple[ObservedModel, ...]) -> None:
    at = rfc3339(time.time())
    seen = [
        ProviderInventory(provider=name, attempted_at=at, fetched_at=at, models=found)
        for name, found in models.items()
    ]
    inventory.update(home.state, seen)


def test_names_that_lead_nowhere_are_told_with_the_nearest(listed: Home) -> None:
    """On stderr for people, as `dead` in JSON, filtered or not, and at the deployment that was meant."""
    result = listed.here("models")
    assert (
        "note: alias small means den/qwen3:8b, which is gone upstream; nearest: den/qwen3:14b" in result.err
    )
    assert "note: default model means den/qwen3:8b" in result.err
    assert "small" not in result.out
    for arguments in ((), ("--query", "14b")):
        document = listed.here("models", "list", "--json", *arguments).json
        assert document["dead"] == [GONE, GONE | {"role": "default_model"}]
    shown = listed.here("models", "show", "small", "--json").json["model"]
    assert shown["dead"] == document["dead"]
    assert "nearest: den/qwen3:14b" in listed.here("models", "show", "small").out
    observe(listed, den=(ObservedModel(name="qwen3:8b"),), sky=(ObservedModel(name="gpt-5-mini"),))
    assert "dead" not in listed.here("models", "list", "--json").json
    assert listed.here("models", "list").err == ""


def test_the_default_is_marked_and_who_lists_nothing_is_told(home: Home) -> None:
    """Section 15 of reconcile-resolve: a star at the default, and each provider without models with why."""
    home.write_config(
        'default_model = "qwen3:14b"',
        provider("attic", f"http://127.0.0.1:{closed_port()}/v1"),
        provider("bare", "http://127.0.0.1:9/v1"),
        provider("den", "http://127.0.0.1:9/v1"),
        provider("new", "http://127.0.0.1:9/v1"),
        provider("off", "http://127.0.0.1:9/v1", enabled=False),
        "[providers.openai]",
        provider("shut", "http://127.0.0.1:9/v1"),
    )
    home.here("refresh", "attic", "--quiet")
    home.here("policy", "set", "shut", "--state", "inactive")
    observe(home, den=(ObservedModel(name="qwen3:14b"), ObservedModel(name="zoo")), bare=())
    shown = home.here("models", "list")
    first, second = shown.out.splitlines()
    assert (first.split("\t")[-1], second.split("\t")[-1]) == ("* default", "")
    told = [line.partition(" since ")[0] for line in shown.err.splitlines()]
    assert told == [
        "note: attic: unreachable",
        "note: bare: lists no models",
        "note: new: never asked what it has: llmpool refresh new",
        "note: openai: no key: OPENAI_API_KEY is not set",
    ]
    assert "connection refused" in shown.err.lower()
    assert home.here("models", "list", "den").err == ""
    assert home.here("models", "list", "--query", "zoo").err == ""
    assert home.here("models", "list", "attic").err.count("note: attic: unreachable since 20") == 1
    document = home.here("models", "list", "--json").json
    assert [each.get("default") for each in document["models"]] == [True, None]
    assert "* default" in home.here("models", "show", "qwen3:14b").out.splitlines()[1]


def test_filters_in_text_and_json(listed: Home) -> None:
    """A pipe gets tab-separated lines; a filter that leaves nothing, or left something out, says so."""
    result = listed.here("models", "list", "--local-only", "--min-context", "40k")
    assert result.out.startswith("den/qwen3:14b\tlocal\t40k\t")
    assert "1 left out: context window unknown" in result.err
    result = listed.here("models", "list", "--max-price", "0.1", "sky")
    assert (result.code, result.out) == (0, "")
    assert "price unknown" not in result.err  # a gateway's model is priced as its maker's, until it says more
    assert "no model meets all of that" in result.err
    assert listed.here("models", "list", "--max-price", "3", "sky").out.startswith("sky/gpt-5-mini\t")
    assert listed.here("models", "list", "--policy", "off").code == 2
    found = listed.here("models", "list", "--source", "config", "--routable", "--json").json["models"]
    assert [each["id"] for each in found] == ["den/qwen3:8b", "sky/gpt-5-mini"]


def test_a_variable_of_route_filters_here_too_and_says_so(listed: Home) -> None:
    """What hides models is told on stderr, with JSON too; one that hides none is not worth a word."""
    for env, left in {
        "LLMPOOL_LOCAL_ONLY=1": ["den/qwen3:14b", "den/qwen3:8b"],
        "LLMPOOL_MODE=cloud": ["sky/gpt-5-mini"],
        "LLMPOOL_MIN_QUALITY=9": ["sky/gpt-5-mini"],
        "LLMPOOL_EXCLUDE=den": ["sky/gpt-5-mini"],
        "LLMPOOL_CONTEXT_SIZE=40k": ["den/qwen3:14b", "sky/gpt-5-mini"],
    }.items():
        name, _, value = env.partition("=")
        result = listed.here("models", "list", "--json", env={name: value})
        assert [each["id"] for each in result.json["models"]] == left, env
        assert f"note: only what {env} lets through is listed\n" in result.err
    for unhurt in ({"LLMPOOL_LOCAL_ONLY": "0"}, {"LLMPOOL_MODE": "auto"}, {"LLMPOOL_GROUP": ""}):
        result = listed.here("models", "list", "--json", env=unhurt)
        assert (len(result.json["models"]), result.err) == (3, "")
    both = listed.here("models", "list", "--local-only", env={"LLMPOOL_LOCAL_ONLY": "1"})
    assert "is listed" not in both.err  # it was asked for on the line as well
    assert listed.here("models", "list", env={"LLMPOOL_GROUP": "nobody"}).code == 3


def test_the_whole_registry_as_json(listed: Home) -> None:
    """4.4 and 7.5: the snapshot under the source's names with its summary, restricted where filtered."""
    whole = listed.here("models", "list", "--json", "--registry").json
    assert (whole["schema"], whole["generation"], whole["default_model"]) == (1, 1, "den/qwen3:8b")
    assert [each["id"] for each in whole["resources"]] == ["den", "sky"]
    assert [each["id"] for each in whole["deployments"]] == [
        "den/qwen3:14b",
        "den/qwen3:8b",
        "sky/gpt-5-mini",
    ]
    assert whole["summary"]["by_resource"] == {"den": 2, "sky": 1}
    part = listed.here("models", "list", "--json", "--registry", "sky").json
    assert [each["id"] for each in (*part["resources"], *part["deployments"])] == ["sky", "sky/gpt-5-mini"]
    assert part["summary"] == whole["summary"]
    built_in = {"etag": None, "last_updated_at": None, "source_url": None, "fallback_in_use": True}
    assert whole["summary"]["catalog"] == built_in
    lines = listed.here("models", "list", "--registry").out.splitlines()
    assert lines[0].startswith("generation 1, 20")
    assert lines[1] == "3 deployments at 2 providers"
    assert "catalog: the one built in; a newer one: llmpool refresh --catalog" in lines
    url, at = "https://models.test/c.json", "2026-11-21T03:44:00Z"
    catalog.keep(listed.state, catalog.Stored('"v7"', at, url, NOTHING))
    summary = listed.here("models", "list", "--registry", "--json").json["summary"]
    assert summary["catalog"] == {
        "etag": '"v7"',
        "last_updated_at": at,
        "source_url": url,
        "fallback_in_use": False,
    }
    assert f"catalog: {url}, {at}" in listed.here("models", "list", "--registry").out.splitlines()


def test_the_table_fits_a_terminal(listed: Home) -> None:
    """On 80 columns no line is longer, whatever there is to say of a model."""
    able = Capabilities(chat=True, tools=True, images=True, thinking=True)
    observe(listed, sky=(ObservedModel(name="vendor/a-model-with-quite-a-long-name", capabilities=able),))
    result = finish(listed.terminal("models", "list", width=80, env={"NO_COLOR": "1"}))
    assert result.code == 0
    table = [line for line in result.out.splitlines() if not line.startswith("note:")]
    assert table[0].split() == ["MODEL", "WHERE", "WINDOW", "QUAL", "SPD", "COST", "CAN"]
    assert max(map(len, table)) <= 80
    assert "sky/vendor/a-model-with-quite-a-long-name" in table
