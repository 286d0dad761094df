"""The documents of `providers keys`, `trial`, `login` and `logout`."""

from __future__ import annotations

from llmpool.cli.documents.shape import (
    Fields,
    Shape,
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

KEY: Fields = {
    "label": text("what it is called"),
    "from": text("where it comes from"),
    "state": text("ok, not set, refused, resting, ..."),
    "reason": maybe(text("why")),
    "mask": maybe(text("its first and last characters")),
    "usage_count": whole("how often it was used"),
    "last_used": maybe(time("when it was used last")),
    "resting_until": maybe(time("until when it rests")),
}
ACCOUNT = table(
    {
        "id": text("its id"),
        "provider_type": text("antigravity, gemini-cli, copilot or codex"),
        "email": maybe(text("who it is")),
        "project_id": maybe(text("the project calls are made for")),
        "endpoint": maybe(text("where calls go")),
        "token_expiry": maybe(time("when its token ends")),
        "connected": flag("whether its token is good"),
        "refreshable": flag("whether it can be renewed here"),
        "store": text("where its tokens are"),
        "borrowed": flag("whether it belongs to another tool"),
        "scopes": texts("what it may do"),
        "created_at": time("when it was logged in"),
        "updated_at": time("when it was renewed"),
    }
)
STORED: Fields = {
    "provider": text("the provider"),
    "label": text("what the key is called"),
    "source": text("env, command, keyring or file"),
    "existing": flag("whether it was there already"),
    "mask": maybe(text("its first and last characters")),
}
SWITCHED_KEY = {
    "key": table(
        {
            "provider": text("the provider"),
            "label": text("what the key is called"),
            "enabled": flag("whether it is used"),
            "changed": flag("whether that is new"),
            "told": texts("what hangs on it"),
        }
    )
}
TRIAL = table(
    {
        "provider": maybe(text("the provider")),
        "model": maybe(text("its model")),
        "format": maybe(text("its protocol")),
        "key_id": maybe(text("who signed the licence")),
        "issued_at": maybe(time("when")),
        "tokens_used": whole("what is used"),
        "tokens_remaining": whole("what is left"),
        "token_limit": whole("what there is"),
        "is_exhausted": flag("whether it is over"),
        "exhausted_reason": maybe(text("why")),
        "code": maybe(text("that as a code")),
        "message": maybe(text("that in a sentence")),
        "next": maybe(text("the way out")),
        "last_updated": maybe(time("when it was used last")),
        "expires_at": maybe(time("when it ends")),
        "is_expired": maybe(flag("whether it has ended")),
    },
    "the trial",
)

DOCUMENTS: dict[str, Shape] = {
    "providers-login": document(
        "llmpool providers login --json", {"provider": text("the provider"), "account": ACCOUNT}
    ),
    "providers-logout": document(
        "llmpool providers logout --json",
        {"provider": text("the provider"), "logged_out": texts("the accounts")},
    ),
    "providers-keys-list": document(
        "llmpool providers keys list --json",
        {
            "keys": many(
                table(
                    {"provider": text("the provider"), "source": text("env, command, keyring or file")}
                    | KEY
                    | {
                        "configured": flag("whether the config names it"),
                        "enabled": flag("whether it may be used"),
                        "added_at": maybe(time("when it was added")),
                        "replaced": many(
                            table({"mask": text("its mask"), "until": time("until when")}), "those before it"
                        ),
                    }
                ),
                "the keys",
            ),
            "unused": many(
                table({"provider": text("the provider"), "label": text("the key")}),
                "keys in secrets.json that the config does not name",
            ),
        },
    ),
    "providers-keys-add": document("llmpool providers keys add --json", {"key": table(STORED)}),
    "providers-keys-replace": document(
        "llmpool providers keys replace --json",
        {
            "key": table(
                STORED
                | {
                    "before": maybe(text("the mask of the old one")),
                    "verified": flag("whether the new one was tried"),
                    "left": maybe(text("where the old one is still")),
                }
            )
        },
    ),
    "providers-keys-remove": document(
        "llmpool providers keys remove --json",
        {
            "removed": table(
                {
                    "provider": text("the provider"),
                    "label": text("the key"),
                    "told": texts("what hung on it"),
                    "left": maybe(text("where it is still")),
                }
            )
        },
    ),
    "providers-keys-enable": document("llmpool providers keys enable --json", SWITCHED_KEY),
    "providers-keys-disable": document("llmpool providers keys disable --json", SWITCHED_KEY),
    "providers-keys-encrypt": document(
        "llmpool providers keys encrypt --json",
        {
            "encrypted": table(
                {
                    "keys": whole("keys in secrets.json"),
                    "before": whole("those that were encrypted already"),
                    "state_key": text("where the state key is"),
                    "made": flag("whether it is new"),
                    "shut": texts("keys that it does not open"),
                }
            )
        },
    ),
    "providers-trial-status": document("llmpool providers trial status --json", {"trial": TRIAL}),
    "providers-trial-install": document("llmpool providers trial install --json", {"trial": TRIAL}),
}
