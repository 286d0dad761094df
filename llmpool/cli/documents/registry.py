"""The document of `models list --registry`: the whole registry under its field names."""

from __future__ import annotations

from llmpool.cli.documents.shape import Fields, by_name, flag, many, maybe, table, text, texts, time, whole

_CAN = (
    *("supports_tools", "provider_supports_tools", "observed_supports_tools", "trained_for_tool_use"),
    *("supports_streaming", "observed_supports_streaming", "supports_images", "observed_supports_images"),
)
_WINDOWS = ("context_window", "observed_context_window", "max_context_window", "loaded_context_window")
_SEEN = (
    *("model_type", "publisher", "compatibility_type", "family", "parameter_size", "quantization"),
    *("runner_state", "loaded_instance_id"),
)


def _policy(prefix: str, whose: str) -> Fields:
    return {
        f"{prefix}_state": text(f"{whose}: active, inactive or flagged"),
        f"{prefix}_source": text("default or overlay"),
        f"{prefix}_reason?": text("why"),
        f"{prefix}_updated_at?": time("when"),
    }


COUNTS = by_name({"type": "integer"}, "how many, by name")
REGISTRY: Fields = {
    "generation": whole("goes up with every change"),
    "updated_at?": time("the last observation or decision; missing before there is one"),
    "local_first": flag("as in the config"),
    "default_model?": text("as in the config"),
    "recovery_model?": text("as in the config"),
    "resources": many(
        table(
            {
                "id": text("the provider"),
                "provider": text("its preset or format"),
                "url?": text("where it is"),
                **{
                    f"supports_{name}?": flag(f"whether it is made for {name}")
                    for name in ("chat", "streaming", "tools", "images", "inventory")
                },
                "last_refresh?": time("when it was asked last"),
                "last_error?": text("what went wrong last"),
                "discovered_models?": whole("how many it listed"),
                **_policy("policy", "of it"),
            }
        ),
        "the providers; what is empty, zero or false is left out",
    ),
    "deployments": many(
        table(
            {
                "id": text("provider/model"),
                "model": text("its name there"),
                "provider": text("the preset or format of its provider"),
                "resource": text("the provider"),
                "source": text("config or discovered"),
                "routable": flag("whether it is chosen automatically"),
                "routable_source": text("who says so"),
                "quality?": whole("0 to 10"),
                "speed?": whole("0 to 10"),
                "cost_tier?": whole("0 to 3"),
                "min_complexity?": text("the least it is for"),
                **_policy("policy", "of it"),
                **_policy("resource_policy", "of its provider"),
                **{f"{name}?": flag(name.replace("_", " ")) for name in _CAN},
                **{f"{name}?": whole(f"{name.replace('_', ' ')}, tokens") for name in _WINDOWS},
                **{f"{name}?": text(name.replace("_", " ")) for name in _SEEN},
                "families?": texts("families"),
            }
        ),
        "the deployments; what is empty, zero or false is left out",
    ),
    "summary": table(
        {
            "generation": whole("that of the registry"),
            "resources": whole("how many providers"),
            "deployments": whole("how many deployments"),
            "by_resource": COUNTS,
            "by_policy_state": COUNTS,
            "degraded": texts("providers whose last refresh failed"),
            "inactive": texts("what is inactive"),
            "flagged": texts("what is flagged"),
            "promoted": texts("what was made routable"),
            "explicit_only": whole("what answers by name only"),
            "cooldowns": by_name({}, "who rests"),
            "catalog": table(
                {
                    "etag": maybe(text("its mark")),
                    "last_updated_at": maybe(time("when it was fetched")),
                    "source_url": maybe(text("where it is from")),
                    "fallback_in_use": flag("whether it is the one that came with llmpool"),
                },
                "the catalog",
            ),
        },
        "figures",
    ),
}
