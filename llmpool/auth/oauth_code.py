"""The authorization-code flow with PKCE: a browser is sent away, and comes back with a code (spec 5.2)."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import urlencode

from llmpool.auth.oauth import (
    Application,
    Clock,
    Login,
    LoginFailed,
    Return,
    Show,
    form,
    refusal,
    tokens_in,
)
from llmpool.core.record import Record
from llmpool.formats.base import shown

LASTS = 600.0  # seconds that a login may take
VERIFIER_BYTES, STATE_BYTES = 64, 32


class Pending(Record):
    """A login that was begun; it is finished once, by the state that it was begun with."""

    state: str
    verifier: str
    redirect_uri: str
    url: str
    began: float

    def __repr__(self) -> str:
        return f"Pending({self.redirect_uri!r})"


def begin(app: Application, random: bytes, now: float) -> Pending:
    """Begin a login with 96 random bytes."""
    verifier = _base64url(random[:VERIFIER_BYTES])
    state = _base64url(random[VERIFIER_BYTES : VERIFIER_BYTES + STATE_BYTES])
    redirect_uri = f"http://localhost:{app.port}{app.path}"
    asked = {
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(app.scopes),
        "state": state,
        "access_type": "offline",
        "prompt": "consent",
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    mark = "&" if "?" in app.authorize_url else "?"
    url = f"{app.authorize_url}{mark}{urlencode(asked)}"
    return Pending(state=state, verifier=verifier, redirect_uri=redirect_uri, url=url, began=now)


def challenge(verifier: str) -> str:
    """Return what is told of a verifier ahead of it: its SHA-256 (S256)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def code_login(app: Application, pending: Pending, clock: Clock) -> Login:
    """Log in by a browser: show the address, wait until it comes back, and change its code for tokens.

    Raises LoginFailed.
    """
    yield Show(pending.url, seconds=LASTS)
    came = yield Return(LASTS)
    code = code_of(pending, came, clock())
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": pending.redirect_uri,
        "client_id": app.client_id,
        "code_verifier": pending.verifier,
        "client_secret": app.client_secret,
    }
    answer = yield form(app, app.token_url, fields)
    secrets = (code, pending.verifier, app.client_secret)
    if answer.status != 200:
        raise refusal(answer, "no_token", *secrets)
    return tokens_in(answer, clock(), *secrets)


def code_of(pending: Pending, came: Mapping[str, str] | None, now: float) -> str:
    """Return the code that the browser came back with; raises LoginFailed for what is none of this login."""
    if came is None or now - pending.began > LASTS:
        raise LoginFailed("expired", f"nobody came back within {LASTS / 60:.0f} minutes")
    if not compare_digest(came.get("state", "").encode(), pending.state.encode()):
        raise LoginFailed("unknown_state", "what came back does not belong to this login")
    if came.get("error"):
        words = ": ".join(filter(None, (came["error"], came.get("error_description", ""))))
        raise LoginFailed(shown(came["error"], 60), shown(words, 240))
    if not came.get("code"):
        raise LoginFailed("no_code", "neither a code nor an error came back")
    return came["code"]


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
