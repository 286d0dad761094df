"""A token server that repeats the form it was sent gives nothing away, however it writes it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from llmpool.auth import oauth_account, oauth_code, oauth_device
from llmpool.auth.oauth import Application, Login, LoginFailed, Return, Show, Wait
from llmpool.core.wire import Answer, Call
from tests.planted import planted, shown_in

CLIENT = planted("client secret", "cs/+")  # with what a form and a JSON text write otherwise
REFRESH, DEVICE, CODE = planted("refresh", "1//"), planted("device", "d="), planted("code", "4/0")
RANDOM = planted("random", "").encode() * 3
VERIFIER = urlsafe_b64encode(RANDOM[: oauth_code.VERIFIER_BYTES]).decode().rstrip("=")
SECRETS = (CLIENT, REFRESH, DEVICE, CODE, VERIFIER)
APP = Application(
    type="codex",
    name="x",
    client_id="mine",
    client_secret=CLIENT,
    authorize_url="https://a.example/",
    token_url="https://t.example/",
    device_url="https://d.example/",
)
Flow = Generator[Any, Any, Any]


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _escaped(**fields: Any) -> bytes:
    body = json.dumps(fields)
    return "".join(c if c.isalnum() or c in '{}":, ' else f"\\u{ord(c):04x}" for c in body).encode()


ECHOES: dict[str, Callable[[str, bytes], bytes]] = {
    "the form": lambda _secret, form: form,
    "a page": lambda secret, form: b"<html>" + form + secret.encode() + b"</html>",
    "behind a lot": lambda secret, _form: b"x" * 108 + b" " + secret.encode(),
    "behind more": lambda secret, _form: b"x" * 225 + b" " + secret.encode(),
    "an error": lambda secret, _form: _json(error=secret, error_description=secret),
    "a description": lambda secret, _form: _json(error="no", error_description=f"bad {secret}!"),
    "a long one": lambda secret, _form: _json(error="no", error_description=f"{'x' * 225} {secret}"),
    "a message": lambda secret, form: _json(message=f"{form.decode()} {secret}"),
    "an object": lambda secret, _form: _json(error={"status": secret, "message": f"is {secret}"}),
    "escaped": lambda secret, _form: _escaped(error="no", error_description=secret),
    "slashes": lambda secret, _form: _json(error="no", error_description=secret).replace(b"/", b"\\/"),
    "in a URL": lambda secret, _form: _json(error="no", error_uri=quote(secret, safe="")),
    "another field": lambda secret, _form: _json(sent=secret, form=urlencode({"a": secret})),
    "cut off": lambda secret, _form: b'{"error": "no", "error_description": "' + secret[:-3].encode(),
    "a list": lambda secret, _form: json.dumps([secret]).encode(),
    "a token that is none": lambda secret, _form: _json(access_token=[secret]),
    "a bad token": lambda secret, _form: _json(access_token=f"{secret} {secret}"),
}


def _refreshed() -> Flow:
    return oauth_account.refreshed(APP, REFRESH, lambda: 0.0)


def _device() -> Login:
    return oauth_device.device_login(APP, lambda: 0.0)


def _code() -> Login:
    return oauth_code.code_login(APP, oauth_code.begin(APP, RANDOM, 0.0), lambda: 0.0)


FLOWS: dict[str, tuple[Callable[[], Flow], str]] = {
    "refresh": (_refreshed, REFRESH),
    "device": (_device, DEVICE),
    "code": (_code, CODE),
    "verifier": (_code, VERIFIER),
    "client": (_refreshed, CLIENT),
}


def _played(flow: Flow, last: Callable[[bytes], Answer]) -> Any:
    """Drive *flow* up to its question for tokens, which *last* answers; return its end."""
    begun = oauth_code.begin(APP, RANDOM, 0.0)
    code = {"device_code": DEVICE, "user_code": "AB", "verification_uri": "https://d.example/"}
    try:
        step = next(flow)
        while True:
            if isinstance(step, (Show, Wait)):
                step = flow.send(None)
            elif isinstance(step, Return):
                step = flow.send({"state": begun.state, "code": CODE})
            elif step.url == APP.device_url:
                step = flow.send(Answer(status=200, headers={}, body=_json(**code)))
            else:
                step = flow.send(last(step.body or b""))
    except StopIteration as end:
        return end.value
    except LoginFailed as error:
        return error


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("flow", FLOWS)
def test_what_a_token_server_repeats_is_left_out(flow: str, echo: str, status: int) -> None:
    """Neither the message nor the code of the error has it, nor does anything that shows the error."""
    begin, secret = FLOWS[flow]
    came = _played(begin(), lambda form: Answer(status=status, headers={}, body=ECHOES[echo](secret, form)))
    assert isinstance(came, LoginFailed)
    told = "\n".join((came.message, came.code, str(came), repr(came), repr(came.__dict__)))
    assert shown_in(told.encode(), SECRETS) == []


@pytest.mark.parametrize("flow", FLOWS)
def test_an_address_that_is_a_secret_is_none(flow: str) -> None:
    """The e-mail of an account is kept and shown; one that repeats what was sent is not."""
    begin, secret = FLOWS[flow]
    claims = urlsafe_b64encode(_json(email=f"{secret}@example.com")).decode().rstrip("=")
    body = _json(access_token="at", id_token=f"h.{claims}.s")
    came = _played(begin(), lambda _form: Answer(status=200, headers={}, body=body))
    assert came.access == "at"
    assert shown_in(came.email.encode(), SECRETS) == []


def test_a_server_may_give_the_refresh_token_back() -> None:
    """That is how one says that it has not changed: it is no echo."""
    body = _json(access_token="at", refresh_token=REFRESH, expires_in=60)
    came = _played(_refreshed(), lambda _form: Answer(status=200, headers={}, body=body))
    assert (came.access, came.refresh, came.expires_at) == ("at", REFRESH, 60.0)


def test_nothing_of_a_flow_shows_its_secrets() -> None:
    """Calls, applications, pending logins and tokens hide them when they are printed."""
    begun = oauth_code.begin(APP, RANDOM, 0.0)
    call = next(_refreshed())
    assert isinstance(call, Call)
    shown = "".join(map(repr, (APP, begun, call, Answer(status=200, headers={}, body=CLIENT.encode()))))
    assert shown_in(shown.encode(), SECRETS) == []
