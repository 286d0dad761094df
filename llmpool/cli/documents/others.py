"""The documents of `policy`, `refresh`, `doctor`, `init` and `config`, and that of errors."""

from __future__ import annotations

from llmpool.cli.documents.common import BUDGET, CHANGES, DEAD, ERROR, OWN_POLICY, SPENT
from llmpool.cli.documents.models import RECONCILED
from llmpool.cli.documents.providers import LIMITS
from llmpool.cli.documents.shape import (
    Fields,
    Shape,
    anything,
    by_name,
    document,
    flag,
    many,
    maybe,
    number,
    one_of,
    table,
    text,
    texts,
    time,
    whole,
)
from llmpool.cli.documents.simulated import SIMULATED
from llmpool.cli.documents.usage import CHANGES as NEWS
from llmpool.cli.documents.usage import LEFT, PRICES_NEWS, TAKEN

GROUP: Fields = {
    "name": text("its name"),
    "providers": maybe(texts("its providers; null is all")),
    "models": maybe(texts("its models; null is all")),
}
MEMBERS = GROUP | {
    "members": texts("the deployments in it"),
    "missing": texts("what it counts on that is not there"),
    "profiles": texts("profiles that stay in it"),
}
STANDING = {
    "state": text("active, inactive or flagged"),
    "routable": maybe(flag("whether it is chosen automatically; null where nothing is said")),
    "reason?": text("why"),
    "updated_at?": time("when"),
    "source": text("overlay or default"),
}
BOUND: Fields = {
    "target": text("the provider or deployment"),
    "kind": one_of("what it is", "provider", "deployment"),
    "there": flag("whether it is known"),
    "policy": table(STANDING, "what was decided"),
    "provider_policy?": table(STANDING, "what was decided about its provider"),
    "enabled": flag("as in the config"),
    "allowed_models": maybe(texts("as in the config; null is all")),
    "groups": texts("the groups it is in"),
    "automatic": flag("whether it may be chosen automatically"),
    "by_name": flag("whether it may answer by name"),
    "reason": maybe(text("why not")),
    "deployments": maybe(whole("how many it has; null for a deployment")),
}
CHANGED: Fields = {
    "changes": CHANGES,
    "policy?": table(OWN_POLICY, "what is decided now; where there is one target"),
    "dry_run?": flag("true where nothing was changed"),
}


SETTING: Fields = {
    "key": text("the key"),
    "value": anything("its value; null where it is not set"),
    "source": text("config, preset or default"),
    "line?": whole("where in the file"),
    "via?": text("the preset"),
}
SET: Fields = {
    "changed": flag("whether anything is different now"),
    "before": table(SETTING, "as it was"),
    "after": table(SETTING, "as it is"),
    "notes?": texts("what is worth knowing"),
}
KEY_PLACE = table(
    {
        "provider": text("the provider"),
        "label": text("the key"),
        "source": text("env, command, keyring or file"),
        "env?": text("the variable"),
        "error?": text("what is wrong with it"),
    }
)
ASKED = many(
    table(
        {
            "id": text("the provider"),
            "models": maybe(whole("how many models it has")),
            "error": maybe(text("what went wrong")),
        }
    ),
    "the providers that were asked",
)
DOCUMENTS: dict[str, Shape] = {
    "policy-show": document(
        "llmpool policy show --json; with TARGET all that binds it, with a pattern the policies it means",
        {
            "policies": many(table(OWN_POLICY), "the policies"),
            "groups?": many(table(GROUP), "the groups"),
            "budgets?": many(table(BUDGET), "the budgets"),
        },
        {"policy": table(BOUND)},
    ),
    "policy-set": document("llmpool policy set --json", CHANGED),
    "policy-clear": document("llmpool policy clear --json", CHANGED),
    "policy-apply": document("llmpool policy apply FILE --json", CHANGED),
    "policy-export": document(
        "llmpool policy export, with --json and without",
        {"policies": many(table(OWN_POLICY), "the policies")},
    ),
    "policy-simulate": document("llmpool policy simulate --json", SIMULATED),
    "policy-budget-list": document(
        "llmpool policy budget list --json",
        {"budgets": many(table(SPENT), "the budgets"), "unpriced": text("allow or deny")},
    ),
    "policy-budget-set": document(
        "llmpool policy budget set --json", {"budget": table(SPENT), "notes": texts("what is worth knowing")}
    ),
    "policy-group-list": document(
        "llmpool policy group list --json", {"groups": many(table(MEMBERS), "the groups")}
    ),
    "policy-group-set": document("llmpool policy group set --json", {"group": table(MEMBERS)}),
    "policy-group-remove": document("llmpool policy group remove --json", {"removed": text("the group")}),
    "refresh": document(
        "llmpool refresh --json; what was not asked for is null",
        {
            "providers": many(
                table(
                    {
                        "id": text("the provider"),
                        "ok": flag("whether it answered"),
                        "models": whole("how many models it has"),
                        "error": maybe(text("what went wrong")),
                        "error_kind": maybe(text("what kind of error that is")),
                        "stale_since": maybe(time("since when its listing is old")),
                        "latency_ms": whole("how long it took"),
                        "skipped_lines": whole("lines of its listing that make no sense"),
                    }
                ),
                "who was asked",
            ),
            "changes": NEWS,
            "dead": DEAD,
            "failed": texts("who did not answer and should have"),
            "skipped": many(table({"id": text("the provider"), "reason": text("why")}), "who was not asked"),
            "fresh": texts("who was asked lately enough"),
            "summary": table(
                {
                    name: whole(f"how many: {name.replace('_', ' ')}")
                    for name in (
                        "ok",
                        "failed",
                        "away",
                        "without_a_key",
                        "asked_lately_enough",
                        "skipped",
                        "models",
                    )
                }
                | {"seconds": number("how long it took")},
                "figures",
            ),
            "catalog": maybe(
                table(
                    {
                        "status": text("updated, unchanged or failed"),
                        "source_url": text("where it is from"),
                        "error": maybe(text("what went wrong")),
                        "models": whole("how many models it has"),
                    },
                    "the catalog",
                )
            ),
            "prices": maybe(table(PRICES_NEWS, "the price book")),
            "accounts": maybe(many(table(LIMITS), "balances and credits")),
            "reconciled": maybe(table(RECONCILED, "pulls and removals")),
        },
    ),
    "doctor": document(
        "llmpool doctor --json",
        {
            "findings": many(
                table(
                    {
                        "severity": one_of("how bad it is", "error", "warning", "note"),
                        "area": text("what was looked at"),
                        "what": text("what it is about"),
                        "message": text("the fact"),
                        "command": text("what mends it; may be empty"),
                    }
                ),
                "what was found, the worst first",
            ),
            "checked": texts("what was looked at"),
            "skipped": many(
                table({"area": text("what was not"), "reason": text("why")}), "what was not looked at"
            ),
            "program": table({"version": text("llmpool's"), "python": text("Python's")}, "what runs"),
            "counts": table(
                {name: whole(f"how many {name}") for name in ("errors", "warnings", "notes")}, "figures"
            ),
        },
    ),
    "init": document(
        "llmpool init --json; with --from what came along",
        {
            "config": text("the config"),
            "added": texts("providers that are new"),
            "elsewhere": many(
                table({"tool": text("the tool"), "becomes": maybe(text("the provider it would be"))}),
                "what other tools have",
            ),
            "providers": ASKED,
        },
        {
            "config": text("the config"),
            "written": flag("whether it was written"),
            "backup": maybe(text("the old config")),
            "policies": whole("how many policies came along"),
            "keys_stored": many(KEY_PLACE, "keys that were stored"),
            "keys_missing": many(KEY_PLACE, "keys that are not here"),
            "providers": ASKED,
            "usage?": table(TAKEN, "what came of the usage records in the export; where it has some"),
        },
    ),
    "config-show": document(
        "llmpool config show --json", {"config": by_name({}, "the config, defaults included")}
    ),
    "config-path": document(
        "llmpool config path --json",
        {
            "config": text("the config"),
            "state": text("the state directory"),
            "secrets": text("the file with the keys that no keyring has"),
            "schema_file": text("the JSON schema of the config"),
            "schemas": text("the directory with the JSON schemas of documents such as this one"),
        },
    ),
    "config-check": document(
        "llmpool config check --json",
        {
            "ok": flag("true; a config with mistakes is an error"),
            "providers": whole("how many providers"),
            "models": whole("how many declared models"),
        },
    ),
    "config-get": document("llmpool config get KEY --json", SETTING),
    "config-set": document("llmpool config set KEY VALUE --json", SET),
    "config-unset": document("llmpool config unset KEY --json", SET),
    "config-export": document(
        "llmpool config export --json",
        {
            "file": maybe(text("what was written; null without FILE")),
            "providers": whole("how many providers"),
            "policies": whole("how many policies"),
            "keys_sealed": many(KEY_PLACE, "keys that travel, sealed"),
            "keys_staying": many(KEY_PLACE, "keys that stay here"),
            "hidden": whole("texts shaped like a key that were left out"),
            "usage?": table(LEFT, "the usage records in it; with --usage"),
            "text?": text("the export; without FILE"),
        },
    ),
    "error": document(
        "the last line of stderr when a command with --json fails", {"error": table(ERROR, "what went wrong")}
    ),
}
