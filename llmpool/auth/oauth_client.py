"""The owner's OAuth clients: what `[oauth.TYPE]` says, over what is known of the type; llmpool ships none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmpool.auth.oauth import Application
from llmpool.auth.oauth_kinds import KINDS
from llmpool.core.provider import KeyRef
from llmpool.errors import NoCredential

_PLACES = ("authorize_url", "token_url", "device_url")


def application(
    kind: str, table: Mapping[str, Any], env: Mapping[str, str], secrets: Path, *, needed: bool = True
) -> Application:
    """Return the client of a type of login, as its *table* in the config describes it.

    Id and secret come from there, then from `LLMPOOL_OAUTH_<TYPE>_CLIENT_ID` and `_CLIENT_SECRET`. Raises
    NoCredential where a client is *needed* and there is none; without that need neither is looked for.
    """
    known = KINDS[kind]
    values = {what: _value(kind, what, table, env, secrets) if needed else "" for what in ("id", "secret")}
    if needed and not values["id"]:
        raise NoCredential(
            f"{kind}: no client id is configured, and llmpool ships none",
            hint=f'[oauth.{kind}] client_id = {{ env = "NAME" }} in the config, or: '
            f"export {variable(kind, 'id')}=...",
        )
    # a token that somebody else's server gave is not shown to the vendor's
    asked = table.get("userinfo_url", "" if "token_url" in table else known.userinfo_url)
    return known.replace(
        client_id=values["id"],
        client_secret=values["secret"],
        scopes=table.get("scopes", known.scopes),
        headers=table.get("headers", ()),
        port=table.get("redirect_port", known.port),
        userinfo_url=asked,
        api=(table["api_url"],) if "api_url" in table else known.api,
        **{name: table[name] for name in _PLACES if name in table},
    )


def variable(kind: str, what: str) -> str:
    """Name the variable of a client's *what*, `id` or `secret`."""
    return f"LLMPOOL_OAUTH_{kind.upper().replace('-', '_')}_CLIENT_{what.upper()}"


def _value(kind: str, what: str, table: Mapping[str, Any], env: Mapping[str, str], secrets: Path) -> str:
    """Read a client's *what* from where the config says, else from its variable."""
    from llmpool.auth.secrets import read_key

    given = table.get(f"client_{what}")
    text = read_key(given, f"oauth.{kind}", env, secrets) if isinstance(given, KeyRef) else str(given or "")
    return text or env.get(variable(kind, what), "").strip()
