"""Every field of the registry's snapshot under the name of its source (catalog-registry-router 4.4).

`test_snapshot.py` shows one deployment with what most have; here are the fields that are rarer.
"""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.deployment import Capabilities, DeclaredModel, ObservedModel
from llmpool.core.inventory import Inventory
from llmpool.core.policy import Policy
from llmpool.registry.snapshot import snapshot
from tests.unit.registry.layers import DEN, SKY, inventory, listing, registry

AT = "2026-11-21T03:44:00Z"
RESOURCE = {
    *("id", "provider", "url", "supports_chat", "supports_streaming", "supports_tools", "supports_images"),
    *("supports_inventory", "last_refresh", "last_error", "discovered_models"),
    *("policy_state", "policy_source", "policy_reason", "policy_updated_at"),
}
DEPLOYMENT = {
    *("id", "model", "model_type", "publisher", "provider", "resource", "source", "routable"),
    *("routable_source", "compatibility_type", "runner_state", "supports_tools", "observed_supports_tools"),
    *("trained_for_tool_use", "provider_supports_tools", "supports_streaming", "observed_supports_streaming"),
    *("supports_images", "context_window", "observed_context_window", "max_context_window"),
    *("loaded_context_window", "loaded_instance_id", "speed", "quality", "cost_tier", "min_complexity"),
    *("family", "families", "parameter_size", "quantization"),
    *("policy_state", "policy_source", "policy_reason", "policy_updated_at"),
    *("resource_policy_state", "resource_policy_source", "resource_policy_reason"),
    "resource_policy_updated_at",
}


def all_of_it() -> dict[str, Any]:
    """Take the snapshot of a pool in which every field has something to tell."""
    line = ObservedModel(
        name="m",
        kind="vlm",
        publisher="p",
        compatibility_type="gguf",
        state="loaded",
        family="f",
        families=("f", "g"),
        parameter_size="8B",
        quantization="Q4",
        capabilities=Capabilities(chat=True, tools=True, streaming=True, images=True),
        context_window=4096,
        max_context=8192,
        loaded_context=4096,
        loaded_instance="m:1",
    )
    decided = Policy(state="flagged", reason="noisy", updated_at=AT)
    failed = listing("sky", [line], error="refused", attempted_at=AT)
    policies = {"sky": decided, "sky/m": decided.replace(routable=False)}
    made = registry(
        SKY,
        observed={"sky": [line]},
        models=[DeclaredModel(id="sky/m", cost_tier=2, min_complexity="complex")],
        policies=policies,
    )
    return dict(json.loads(json.dumps(snapshot(made, Inventory(providers={"sky": failed}), policies))))


def test_nothing_is_told_under_another_name() -> None:
    """All fields of the source are there, and no others."""
    told = all_of_it()
    (resource,), (deployment,) = told["resources"], told["deployments"]
    assert set(resource) == RESOURCE
    assert set(deployment) == DEPLOYMENT


def test_rarer_fields_have_their_values() -> None:
    """What a server said of a model, what its owner declared, and both reasons."""
    told = all_of_it()
    (resource,), (deployment,) = told["resources"], told["deployments"]
    assert {name: deployment[name] for name in ("compatibility_type", "model_type", "cost_tier")} == {
        "compatibility_type": "gguf", "model_type": "vlm", "cost_tier": 2,
    }  # fmt: skip
    assert (deployment["min_complexity"], deployment["supports_images"]) == ("complex", True)
    assert (deployment["routable"], deployment["routable_source"]) == (False, "overlay")
    assert deployment["policy_reason"] == deployment["resource_policy_reason"] == "noisy"
    assert (resource["last_error"], resource["last_refresh"], resource["discovered_models"]) == (
        "refused", AT, 1,
    )  # fmt: skip
    assert (resource["policy_state"], resource["policy_reason"]) == ("flagged", "noisy")


def test_defaults_are_told_as_such() -> None:
    """Without a policy a state is active and its source `default`."""
    made = registry(DEN, observed={"den": [ObservedModel(name="m")]})
    told = snapshot(made, inventory({"den": []}), {})
    (resource,), (deployment,) = told["resources"], told["deployments"]
    assert (resource["policy_state"], resource["policy_source"]) == ("active", "default")
    assert (deployment["policy_state"], deployment["resource_policy_state"]) == ("active", "active")
    assert (deployment["policy_source"], deployment["routable_source"]) == ("default", "default")
