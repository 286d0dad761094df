"""What can be asked once there is a token: a newer one, whose account it is, its project (spec 5.2, 5.4)."""

from __future__ import annotations

import json
from collections.abc import Generator

from llmpool.auth.oauth import (
    Application,
    Clock,
    LoginFailed,
    Tokens,
    call,
    fields_of,
    form,
    refusal,
    tokens_in,
    without,
)
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call
from llmpool.formats.base import shown
from llmpool.formats.cloudcode import project_of

DISCOVERY = "/v1internal:loadCodeAssist"
ENDS = ("invalid_grant", "invalid_token", "expired", "revoked", "unauthorized", "bad credentials")
_NO = (400, 401, 403)  # of a server that was asked well and says no; any other fault may pass by itself


def refreshed(app: Application, refresh: str, clock: Clock) -> Generator[Call, Answer, Tokens]:
    """Change a refresh token for an access token; a LoginFailed says whether the account *ends* with it."""
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": refresh,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
    }
    answer = yield form(app, app.token_url, fields)
    try:
        if answer.status != 200:
            raise refusal(answer, "refresh_failed", refresh, app.client_secret)
        return tokens_in(answer, clock(), refresh, app.client_secret)
    except LoginFailed as error:
        error.ends = ends(answer, error)
        raise


def ends(answer: Answer, error: LoginFailed) -> bool:
    """Say whether a refusal is for good: the server itself says so, and in words that mean the token."""
    said_no = answer.status in _NO or (answer.status == 200 and bool(fields_of(answer).get("error")))
    text = f"{error.code} {error.message}".lower()
    return said_no and any(word in text for word in ENDS)


def owner(app: Application, access: str) -> Generator[Call, Answer, str]:
    """Ask whose the token is: an e-mail, else a login name; empty where nobody says."""
    if not app.userinfo_url:
        return ""
    try:
        answer = yield call(app, "GET", app.userinfo_url, _bearer(access))
    except UpstreamError:
        return ""
    known = fields_of(answer) if answer.status == 200 else {}
    named = known.get("email") or known.get("login")
    return shown(named, 200) if isinstance(named, str) and without(named, (access,)) == named else ""


def project(app: Application, access: str) -> Generator[Call, Answer, str]:
    """Ask each address in turn for the account's project; empty where none has one."""
    headers = (*_bearer(access), ("content-type", "application/json"))
    for base in app.api:
        try:
            answer = yield call(app, "POST", base.rstrip("/") + DISCOVERY, headers, json.dumps({}).encode())
        except UpstreamError:
            continue
        found = project_of(fields_of(answer)) if answer.status == 200 else ""
        if found and without(found, (access,)) == found:
            return shown(found, 200)
    return ""


def _bearer(access: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {access}"),)
