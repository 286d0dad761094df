"""OAuth accounts as `providers show` and `login` describe them: everything but their tokens."""

from __future__ import annotations

from typing import Any

from llmpool.auth.oauth import is_expired
from llmpool.core.provider import Provider
from llmpool.core.times import rfc3339
from llmpool.pool import Pool
from llmpool.state import logins, tokens
from llmpool.state.logins import Login


def described(pool: Pool, provider: Provider) -> dict[str, Any]:
    """Describe the accounts of a provider (spec 5.5)."""
    known = [account(each, pool) for each in logins.of(pool.paths.state, provider.id)]
    connected = any(each["connected"] or each["refreshable"] for each in known)
    login = {"connected": connected, "provider_type": provider.oauth, "account_count": len(known)}
    return {"login": login | {"experimental": True}, "accounts": known}


def account(login: Login, pool: Pool) -> dict[str, Any]:
    """Describe one account; it is connected as long as its token has not expired."""
    exchanged = tokens.read(pool.paths.state).get((login.provider, login.id, tokens.EXCHANGED))
    return {
        "id": login.id,
        "provider_type": login.type,
        "email": login.email or None,
        "project_id": login.project or None,
        "endpoint": (exchanged.url if exchanged else login.endpoint) or None,
        "token_expiry": rfc3339(login.expires_at) if login.expires_at else None,
        "connected": not is_expired(login.expires_at, pool.clock(), 0.0),
        "refreshable": login.refreshable and not login.borrowed,
        "store": login.store,
        "borrowed": login.borrowed,
        "scopes": list(login.scopes),
        "created_at": rfc3339(login.created_at),
        "updated_at": rfc3339(login.updated_at),
    }
