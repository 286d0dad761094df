"""The snapshot: the source's names, what is always there, what is left out (catalog-registry-router 4.4)."""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.config import ProviderTable, Routing
from llmpool.core.deployment import Capabilities, DeclaredModel, ObservedModel
from llmpool.core.inventory import Inventory
from llmpool.core.policy import Policy
from llmpool.registry import compiled
from llmpool.registry.snapshot import snapshot, summary
from tests.unit.registry.layers import DEN, SKY, inventory, listing, registry

AT, LATER = "2026-11-21T03:44:00Z", "2026-11-22T03:44:00Z"
NOTHING = Inventory(providers={})
RESOURCE = {"id", "provider", "policy_state", "policy_source"}
DEPLOYMENT = {
    *("id", "model", "provider", "resource", "source", "routable", "routable_source"),
    *("policy_state", "policy_source", "resource_policy_state", "resource_policy_source"),
}


def taken(*tables: ProviderTable, seen: Inventory = NOTHING, **layers: Any) -> dict[str, Any]:
    """Take the snapshot of a registry, as JSON gives it back."""
    made = registry(*tables, observed={n: e.models for n, e in seen.providers.items()}, **layers)
    return dict(json.loads(json.dumps(snapshot(made, seen, layers.get("policies", {})))))


def test_an_empty_registry_has_what_is_always_there() -> None:
    """Generation and local_first stay though they are zero and false; what is empty is left out."""
    assert taken(local_first=False) == {
        "generation": 0,
        "local_first": False,
        "resources": [],
        "deployments": [],
    }


def test_only_what_is_known_is_told() -> None:
    """A provider and a deployment of which nothing is known have their fields that are always there."""
    found = taken(SKY, models=[DeclaredModel(id="sky/zzz", quality=0, speed=0)])
    (resource,), (deployment,) = found["resources"], found["deployments"]
    assert set(resource) == RESOURCE | {
        *("url", "supports_chat", "supports_streaming", "supports_tools", "supports_images"),
        "supports_inventory",
    }
    assert resource["provider"] == deployment["provider"] == "unknown"
    assert set(deployment) == DEPLOYMENT | {
        *("supports_tools", "provider_supports_tools", "supports_streaming", "cost_tier", "min_complexity")
    }
    assert (deployment["id"], deployment["resource"], deployment["model"]) == ("sky/zzz", "sky", "zzz")


def test_everything_known_has_the_sources_name() -> None:
    """Each field of a line that a server reported, and of policies, is where scripts of the source look."""
    line = ObservedModel(
        name="qwen3:8b",
        kind="llm",
        publisher="qwen",
        family="qwen3",
        families=("qwen3",),
        parameter_size="8.2B",
        quantization="Q4_K_M",
        state="loaded",
        capabilities=Capabilities(tools=True, streaming=True, images=False),
        context_window=4096,
        max_context=131072,
        loaded_context=4096,
        loaded_instance="qwen3:8b:1",
    )
    policies = {
        "den": Policy(state="flagged", reason="noisy", updated_at=AT),
        "den/qwen3:8b": Policy(routable=False, updated_at=LATER),
    }
    found = taken(
        DEN,
        seen=inventory({"den": [line]}),
        policies=policies,
        models=[DeclaredModel(id="den/qwen3:8b", context_window=8192, aliases=("small",))],
        default_model="small",
        recovery_model="den/qwen3:8b",
    )
    assert found["updated_at"] == LATER
    assert found["default_model"] == found["recovery_model"] == "den/qwen3:8b"
    assert found["deployments"] == [
        {
            "id": "den/qwen3:8b",
            "model": "qwen3:8b",
            "model_type": "llm",
            "publisher": "qwen",
            "provider": "ollama",
            "resource": "den",
            "source": "config",
            "routable": False,
            "routable_source": "overlay",
            "runner_state": "loaded",
            "supports_tools": True,
            "observed_supports_tools": True,
            "trained_for_tool_use": True,
            "provider_supports_tools": True,
            "supports_streaming": True,
            "observed_supports_streaming": True,
            "context_window": 8192,
            "observed_context_window": 4096,
            "max_context_window": 131072,
            "loaded_context_window": 4096,
            "loaded_instance_id": "qwen3:8b:1",
            "speed": 7,
            "quality": 5,
            "min_complexity": "simple",
            "family": "qwen3",
            "families": ["qwen3"],
            "parameter_size": "8.2B",
            "quantization": "Q4_K_M",
            "policy_state": "active",
            "policy_source": "overlay",
            "policy_updated_at": LATER,
            "resource_policy_state": "flagged",
            "resource_policy_source": "overlay",
            "resource_policy_reason": "noisy",
            "resource_policy_updated_at": AT,
        }
    ]


def test_a_resource_tells_how_its_last_observation_went() -> None:
    """4.2: time and error of the last attempt, and all the models the entry holds, even next to an error."""
    failed = listing("den", ["a", "nomic-embed"], error="refused", attempted_at=LATER)
    (resource,) = taken(DEN, seen=Inventory(providers={"den": failed}))["resources"]
    told = {name: resource[name] for name in ("last_refresh", "last_error", "discovered_models")}
    assert told == {"last_refresh": LATER, "last_error": "refused", "discovered_models": 2}
    assert resource["url"] == "http://den.lan:11434"


def test_lists_are_in_id_order_and_can_be_restricted() -> None:
    """Both lists are sorted; a part of the deployments brings the providers that it is of."""
    made = registry(SKY, DEN, observed={"sky": ["b", "a"], "den": ["z"]})
    whole = snapshot(made, NOTHING, {})
    assert [each["id"] for each in whole["resources"]] == ["den", "sky"]
    assert [each["id"] for each in whole["deployments"]] == ["den/z", "sky/a", "sky/b"]
    part = snapshot(made, NOTHING, {}, [each for each in made.deployments if each.model == "a"])
    assert [each["id"] for each in part["resources"]] == ["sky"]
    assert [each["id"] for each in part["deployments"]] == ["sky/a"]


def test_g2_and_g3_a_default_stays_what_the_config_says() -> None:
    """G2, G3 as DESIGN ruling 3 has them: the snapshot shows the config's, and nothing else takes its place.

    A default or recovery model that is demoted or inactive must meet the requirements as any other, so it is
    not retargeted; a flagged deployment takes part as ever.
    """
    policies = {
        "sky/a": Policy(routable=False),
        "sky/b": Policy(state="flagged"),
        "sky/c": Policy(state="inactive"),
    }
    made = registry(
        SKY,
        observed={"sky": ["a", "b", "c"]},
        policies=policies,
        default_model="sky/a",
        recovery_model="sky/c",
    )
    assert snapshot(made, NOTHING, policies)["default_model"] == "sky/a"
    document = compiled.routing_document(made, NOTHING)
    assert (document["default_model"], document["recovery_model"]) == ("sky/a", "sky/c")
    blocked = {row[0]: bool(row[10]) for row in document["rows"]}
    assert blocked == {"sky/a": True, "sky/b": False, "sky/c": True}


def test_the_summary_counts_and_names_the_exceptions() -> None:
    """7.5: how many where, and who is degraded, inactive, flagged, promoted, only by name, or resting."""
    policies = {
        "den": Policy(state="inactive"),
        "sky/a": Policy(state="flagged"),
        "sky/b": Policy(routable=True),
    }
    made = registry(
        DEN,
        SKY,
        observed={"den": ["x"], "sky": ["a", "b", "c"]},
        policies=policies,
        routing=Routing(discovered="explicit"),
    )
    seen = Inventory(providers={"den": listing("den", ["x"], error="refused")})
    assert summary(made, seen, policies, {"sky": "rests after rate limit"}) == {
        "generation": 0,
        "resources": 2,
        "deployments": 4,
        "by_resource": {"den": 1, "sky": 3},
        "by_policy_state": {"active": 3, "flagged": 1},
        "degraded": ["den"],
        "inactive": ["den"],
        "flagged": ["sky/a"],
        "promoted": ["sky/b"],
        "explicit_only": 3,
        "cooldowns": {"sky": "rests after rate limit"},
    }
