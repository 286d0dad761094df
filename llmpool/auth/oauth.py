"""OAuth as values: who logs in where, what a token answer says, and the steps a login asks for.

A login is a generator. It yields what is to be done, a Call to send or a step below, and is sent what came of
it; clock and chance are handed in. So nothing here waits, listens or sends, and nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlencode

from llmpool.core.outcome import UpstreamError
from llmpool.core.record import Record
from llmpool.core.times import LAST_SECOND
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.formats.base import mapping, parse_json, shown

SECONDS = 30.0  # for the whole answer of an OAuth server
MAX_BYTES = 1024 * 1024
MAX_TOKEN = 16 * 1024
MARGIN = 60.0  # seconds ahead of its end that a token counts as expired

Clock = Callable[[], float]


class Application(Record):
    """The owner's client of one type of login, and where that type's servers are.

    *api* are the addresses that the tokens are for, in order. *headers* go with every OAuth call: how a
    client names itself is the owner's to say. Without a client secret none is sent.
    """

    type: str
    name: str
    client_id: str = ""
    client_secret: str = ""
    scopes: tuple[str, ...] = ()
    authorize_url: str = ""
    token_url: str = ""
    device_url: str = ""
    userinfo_url: str = ""
    api: tuple[str, ...] = ()
    port: int = 0
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Application({self.type!r})"  # it carries the client secret


class Tokens(NamedTuple):
    """What a login or a refresh gave; *expires_at* 0 is never, an empty *refresh* leaves the old one."""

    access: str
    refresh: str = ""
    expires_at: float = 0.0
    email: str = ""

    def __repr__(self) -> str:
        return f"Tokens(expires_at={self.expires_at})"


class Wait(NamedTuple):
    """Do nothing for so many seconds; nothing is sent back."""

    seconds: float


class Show(NamedTuple):
    """Tell the person where to go, and the code to type there if there is one; nothing is sent back."""

    url: str
    code: str = ""
    seconds: float = 0.0


class Return(NamedTuple):
    """Wait for the browser to come back; its parameters are sent back, None when it did not in time."""

    seconds: float


Step = Call | Wait | Show | Return
Login = Generator[Step, Any, Tokens]


class LoginFailed(Exception):
    """An OAuth server said no; *code* is its own word, *ends* that no later try with this token will do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.ends = False


def is_expired(expires_at: float, now: float, margin: float = MARGIN) -> bool:
    """Say whether a token counts as expired: 60 s ahead of its end; one without an end never does."""
    return bool(expires_at) and now > expires_at - margin


def instant(value: object) -> float:
    """Read a time of another tool: a number or the text of one, milliseconds from 1e12 on; else unset."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    seconds = number / 1000 if number >= 1e12 else number
    return seconds if 0 < seconds < LAST_SECOND else 0.0


def form(app: Application, url: str, fields: Mapping[str, str]) -> Call:
    """Build the call that sends *fields* as a form; empty ones are left out."""
    kind = ("content-type", "application/x-www-form-urlencoded")
    body = urlencode({name: value for name, value in fields.items() if value})
    return call(app, "POST", url, (kind,), body.encode())


def call(
    app: Application,
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
) -> Call:
    """Build a call to an OAuth server, or to what tells of accounts; JSON is wanted."""
    return Call(
        method=method,
        url=url,
        headers=(*app.headers, ("accept", "application/json"), *headers),
        body=body,
        timeouts=Timeouts(connect=10.0, first_token=SECONDS, read=SECONDS, total=SECONDS),
        max_bytes=MAX_BYTES,
    )


def tokens_in(answer: Answer, now: float, *secrets: str) -> Tokens:
    """Read the answer of a token address; raises LoginFailed in its words, without any of *secrets*."""
    payload = fields_of(answer)
    access = payload.get("access_token")
    if not access or payload.get("error"):
        raise refusal(answer, "no_token", *secrets)
    return Tokens(
        access=token(access),
        refresh=token(payload["refresh_token"]) if payload.get("refresh_token") else "",
        expires_at=_end(payload.get("expires_in"), now),
        email=_email(payload.get("id_token"), secrets),
    )


def fields_of(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of *answer*; empty where it is none."""
    try:
        return mapping(
            parse_json(answer.body.decode("utf-8", "replace"))
        )  # with nothing in it that cannot be sent
    except UpstreamError:
        return {}


def refusal(answer: Answer, code: str, *secrets: str) -> LoginFailed:
    """Make the error that *answer* tells, as `<error>: <description>`; *code* where it names none.

    A body that is no JSON object is not shown: it may repeat what was sent, and break off inside a secret.
    """
    payload = fields_of(answer)
    error, words = payload.get("error"), payload.get("error_description") or payload.get("message")
    if isinstance(error, dict):  # as Google's other servers write it
        inner = mapping(error)
        error, words = inner.get("status"), inner.get("message")
    named = without(error, secrets) if isinstance(error, str) else ""
    told = without(words, secrets) if isinstance(words, str) else ""
    text = ": ".join(filter(None, (named, told)))
    status = "" if answer.status == 200 and text else f" (status {answer.status})"
    text = text or ("it said nothing of use" if answer.body.strip() else "it said nothing")
    return LoginFailed(shown(named, 60) or code, shown(text, 240) + status)


def token(value: object) -> str:
    """Return a token that can be sent in a header; raises LoginFailed, which never shows it."""
    if not (isinstance(value, str) and 0 < len(value) <= MAX_TOKEN):
        raise LoginFailed("invalid_answer", "the server's token is none")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise LoginFailed("invalid_answer", "the server's token has characters that no token has")
    return value


def without(text: str, secrets: tuple[str, ...]) -> str:
    """Return *text* without *secrets*, as they are, and as a form, a URL or a JSON text writes them."""
    for secret in filter(None, secrets):
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]):
            text = text.replace(spelling, "***")
    return text


def _end(expires_in: object, now: float) -> float:
    """Return when a token ends; a server that says nothing, or 0, gave it no end (5.3)."""
    seconds = instant(expires_in)
    return now + min(seconds, 10 * 366 * 86400.0) if seconds else 0.0


def _email(id_token: object, secrets: tuple[str, ...]) -> str:
    """Return the e-mail in an OpenID token: it came from the token address itself, so it is not verified.

    One with a secret in it is an echo, and none.
    """
    from base64 import urlsafe_b64decode

    if not isinstance(id_token, str) or id_token.count(".") != 2 or len(id_token) > MAX_TOKEN:
        return ""
    part = id_token.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return ""
    email = mapping(claims).get("email")
    return shown(email, 200) if isinstance(email, str) and without(email, secrets) == email else ""
