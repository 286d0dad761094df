"""The documents of `providers`."""

from __future__ import annotations

from llmpool.cli.documents.keys import ACCOUNT, KEY
from llmpool.cli.documents.shape import (
    Fields,
    Shape,
    by_name,
    document,
    flag,
    many,
    maybe,
    table,
    text,
    texts,
    time,
    whole,
)

RESTING = many(
    table(
        {
            "scope": text("provider, deployment or key"),
            "name": text("what rests"),
            "until": time("until when"),
            "reason": text("after what"),
            "message": text("that in a sentence"),
        }
    ),
    "what of it rests",
)
LISTED: Fields = {
    "id": text("its id"),
    "state": text("ok, down, error, no key, disabled, inactive, never asked, ..."),
    "location": text("local or cloud"),
    "format": text("the protocol; auto where it is not known yet"),
    "url": maybe(text("where it is")),
    "models": whole("how many models it has"),
    "stale_since": maybe(time("since when its listing is old")),
    "key": maybe(text("where its key comes from")),
    "seen": maybe(time("when it answered last")),
    "last_check": maybe(time("when it was asked last")),
    "last_error": maybe(text("what went wrong last")),
    "readiness": maybe(text("ready, pending or error")),
    "error_kind": maybe(text("what kind of error that is")),
    "latency_ms": maybe(whole("how long it took last")),
    "resting_until": maybe(time("until when it rests")),
    "again_at": maybe(time("when it is asked again")),
    "resting": RESTING,
    "reason": maybe(text("why it is in this state")),
    "policy": table(
        {
            "state": text("active, inactive or flagged"),
            "routable": maybe(flag("whether it is chosen automatically; null where nothing is said")),
            "reason": maybe(text("why")),
            "updated_at": maybe(time("when")),
        },
        "what was decided",
    ),
}
SHOWN: Fields = LISTED | {
    "last_success": maybe(time("when it answered last")),
    "dropped_at": maybe(time("when its old listing is no longer used")),
    "preset": maybe(text("the known vendor that it is")),
    "priority": whole("higher goes first with the strategy priority"),
    "optional": flag("whether it may be away"),
    "rate_limit": maybe(by_name({}, "limits of the config")),
    "params": by_name({}, "parameters of the config"),
    "key_rotation": maybe(text("which of several keys goes first")),
    "auth": maybe(text("how its key is sent")),
    "headers": texts("names of headers that every call gets"),
    "allowed_models": texts("nothing else is used; empty: all"),
    "alternate_urls": texts("other addresses"),
    "verify_tls": flag("whether its certificate is looked at"),
    "key_page": maybe(text("where its vendor gives out keys")),
    "keys": many(table(KEY | {"asked": maybe(text("when it is its turn"))}), "its keys"),
    "format_why": text("why it is asked in this format"),
    "formats_in_turn": texts("formats as they are tried"),
    "endpoint": maybe(text("the address that was found to answer")),
    "formats_learnt": many({}, "formats that models were found to want"),
    "can": texts("what was found out about it"),
    "asked_without": many({}, "parameters that it refused"),
    "timeouts": texts("how long it is waited for"),
    "login?": table(
        {
            "connected": flag("whether somebody is logged in"),
            "provider_type": text("the type of login"),
            "account_count": whole("how many accounts"),
            "experimental": flag("true"),
        },
        "its login",
    ),
    "accounts?": many(ACCOUNT, "its accounts"),
}
LIMITS: Fields = {
    "provider": text("the provider"),
    "key": maybe(text("the label of the key")),
    "kind": maybe(text("balance, credits or unsupported")),
    "primary": maybe(text("which item counts most")),
    "items": many(
        table({"key": text("what"), "value": text("how much"), "currency": maybe(text("of what"))}),
        "balances and credits",
    ),
    "windows": many(
        table(
            {
                "what": text("requests or tokens"),
                "per": maybe(text("minute or day")),
                "limit": maybe(whole("how many there are")),
                "remaining": maybe(whole("how many are left")),
                "resets_at": maybe(time("when it starts anew")),
                "source": text("config or headers"),
                "seen_at": maybe(time("when that was said")),
                "reset_tz?": text("the time zone in which a day ends"),
                "model?": text("only for this model"),
            }
        ),
        "rate limits",
    ),
    "fetched_at": maybe(time("when it was asked")),
    "error?": table({"code": text("what"), "message": text("what was said")}, "why nothing is known"),
    "provider_type?": maybe(text("the type of login")),
    "tier?": maybe(text("the plan")),
    "tier_name?": maybe(text("the plan as its vendor calls it")),
    "model_quotas?": many(
        table(
            {
                "model": text("the model"),
                "remaining_percent": maybe({"type": "number", "description": "what is left, 0 to 100"}),
                "reset_time": maybe(text("when it starts anew")),
            }
        ),
        "quotas of models",
    ),
}
PRESET: Fields = {
    "id": text("its id"),
    "name": text("its name"),
    "format": text("the protocol"),
    "url": maybe(text("where it is; null where that differs")),
    "location": text("local or cloud"),
    "env": texts("variables with its key"),
    "url_env": texts("variables with its address"),
    "needs_key": flag("whether it needs a key"),
    "key_page": maybe(text("where its vendor gives out keys")),
    "website": maybe(text("its vendor")),
    "priority": whole("higher goes first with the strategy priority"),
    "metadata": text("dynamic or catalog"),
    "api_version": maybe(text("the API version")),
    "alternate_urls": texts("other addresses"),
    "aliases": texts("other names"),
    "type": text("builtin or platform"),
    "oauth": maybe(text("the type of login")),
    "beta": flag("whether it is new here"),
    "port": maybe(whole("where it is looked for on this machine; null: nowhere")),
    "max_tokens_field": maybe(text("what it calls the longest answer")),
    "auth": maybe(text("how its key is sent")),
    "supported": flag("whether it can be used"),
}
CHANGED: Fields = {
    "id": text("the provider"),
    "set": by_name({}, "what was set, by field; null is taken out"),
    "changed": flag("whether anything is different now"),
    "dry_run": flag("whether nothing was written"),
}
SWITCHED = CHANGED | {
    "enabled": flag("whether it takes part"),
    "models": whole("how many models it has"),
    "named_by": texts("what in the config names it"),
}
PROBED = by_name(
    table(
        {
            "url": text("what was asked"),
            "status": maybe(whole("the HTTP status")),
            "reachable": flag("whether anything answered"),
            "error": maybe(text("what was said")),
        }
    ),
    "each endpoint that was asked",
)
VERIFIED: Fields = {
    "url": text("the address"),
    "key": maybe(text("the label of the key")),
    "model": maybe(text("the model it was asked with")),
    "ready": flag("whether it can be used"),
    "key_refused": flag("whether it refused the key"),
    "detected_format": maybe(text("what it speaks")),
    "recommended_format": text("what to use"),
    "recommended_url": text("what to use"),
    "candidate_formats": texts("what it speaks too"),
    "resolution_source": text("how that was found"),
    "responses_only": flag("whether it speaks responses alone"),
    "chat_error": maybe(text("what went wrong")),
    "responses_status": maybe(text("what became of the responses endpoint")),
    "probes": PROBED,
    "capability_profile": by_name({}, "what was found out about it"),
    "applied": flag("whether that was written into the config"),
    "changes": many(
        table({"key": text("the key"), "before": text("what it was"), "after": text("what it is")}),
        "what would change in the config, or did",
    ),
}
DOCUMENTS: dict[str, Shape] = {
    "providers-list": document(
        "llmpool providers list --json",
        {
            "providers": many(table(LISTED), "the providers"),
            "counts": table(
                {
                    name: whole(f"how many are {name}")
                    for name in ("local", "cloud", "disabled", "inactive", "ready")
                }
                | {"models": whole("how many models they have")},
                "figures",
            ),
            "issues": many(
                table(
                    {
                        "code": text("what"),
                        "blocks": flag("whether nothing can be answered"),
                        "message": text("that in a sentence"),
                        "hint": text("the way out"),
                    }
                ),
                "what is wrong with the pool",
            ),
        },
    ),
    "providers-show": document("llmpool providers show PROVIDER --json", {"provider": table(SHOWN)}),
    "providers-add": document(
        "llmpool providers add --json",
        {
            "provider": table(
                {
                    "id": text("its id"),
                    "location": text("local or cloud"),
                    "models": maybe(whole("how many models it has; null where it was not asked")),
                    "error": maybe(text("what went wrong")),
                }
            )
        },
    ),
    "providers-set": document("llmpool providers set PROVIDER --json", {"provider": table(CHANGED)}),
    "providers-enable": document("llmpool providers enable PROVIDER --json", {"provider": table(SWITCHED)}),
    "providers-disable": document("llmpool providers disable PROVIDER --json", {"provider": table(SWITCHED)}),
    "providers-remove": document(
        "llmpool providers remove PROVIDER --json",
        {
            "removed": text("the provider"),
            "taken_out": texts("what left the config with it"),
            "still_named": texts("what names it still"),
            "keys_deleted": texts("keys that were deleted"),
            "logged_out": texts("accounts that were logged out"),
            "left": texts("what could not be deleted"),
        },
    ),
    "providers-clear": document("llmpool providers clear --json", {"cleared": texts("the providers")}),
    "providers-presets": document(
        "llmpool providers presets --json", {"presets": many(table(PRESET), "the presets")}
    ),
    "providers-verify": document("llmpool providers verify --json", {"verification": table(VERIFIED)}),
    "providers-limits": document(
        "llmpool providers limits --json",
        {"limits": many(table(LIMITS), "each key and account"), "failed": texts("who could not be asked")},
    ),
    "providers-dedupe": document(
        "llmpool providers dedupe --json",
        {
            "merges": many(
                table(
                    {
                        "kept": text("the provider that stays"),
                        "removed": texts("those that go"),
                        "server": text("where they are"),
                        "moved": texts("what moves along"),
                        "dropped": texts("what is lost"),
                    }
                ),
                "who becomes one",
            ),
            "backup": maybe(text("the old config")),
        },
    ),
}
