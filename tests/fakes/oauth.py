"""A fake OAuth server: device codes, browser logins, refreshes, exchanged tokens, whose account it is.

It holds its clients to the rules: client id and secret, PKCE, redirect addresses, codes and refresh tokens
that are good once. *script* has answers to give instead, used up in order: an error's name, a status, a whole
body, or None to behave.
"""

from __future__ import annotations

import hashlib
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer

CLIENT_ID, CLIENT_SECRET = "client-of-the-owner", "sk-client-secret-000000000001"
FIRST = "planted"  # in every token it gives

Answer = str | int | Mapping[str, Any] | None


class FakeOAuth:
    """OAuth at a fake server: its paths are added to the server's routes.

    *lasts* is how long access tokens live, 0 says nothing of it; *rotates* gives a new refresh token each
    time, *refreshes* none at all when false. *exchanged* is the token that Copilot's calls are made with,
    *exchanged_for* how many seconds it lives.
    """

    def __init__(
        self,
        server: FakeServer,
        *,
        lasts: int = 0,
        refreshes: bool = True,
        rotates: bool = False,
        email: str = "me@example.com",
        secret: str = "",
        exchanged: str = "tid=planted;exp=1;sku=copilot_for_individual_pro_plus;",
        exchanged_for: int = 1500,
        api: str = "",
    ) -> None:
        self.server, self.lasts, self.refreshes, self.rotates = server, lasts, refreshes, rotates
        self.email, self.secret, self.exchanged = email, secret, exchanged
        self.exchanged_for, self.api = exchanged_for, api or server.root
        self.clock: Callable[[], float] = time.time
        self.script: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []  # what was asked for, in order, and the form
        self.heard: list[Request] = []  # the same as whole requests
        self.refreshing: set[str] = set()
        self._number = 0
        self._lock = threading.Lock()
        self._codes: dict[str, dict[str, str]] = {}
        plays = {
            "/device": self._device,
            "/token": self._token,
            "/user": self._user,
            "/copilot_internal/v2/token": self._exchange,
        }
        server.routes |= {path: self._played(path, play) for path, play in plays.items()}

    def table(self, kind: str, **more: Any) -> str:
        """Write the `[oauth.KIND]` table that points here."""
        root = self.server.root
        fields = {
            "token_url": f"{root}/token",
            "userinfo_url": f"{root}/user",
            "api_url": root,
            "client_id": CLIENT_ID,
        } | (
            {"device_url": f"{root}/device"} if kind == "copilot" else {"authorize_url": f"{root}/authorize"}
        )
        lines = [f'{name} = "{value}"' for name, value in fields.items()]
        lines += [f"{name} = {value}" for name, value in more.items()]
        return f"[oauth.{kind}]\n" + "\n".join(lines) + "\n"

    def times(self, what: str) -> int:
        """Count how often something was asked for: `device`, `user`, `exchange`, or a grant."""
        return [name for name, _ in self.asked].count(what)

    def consent(self, url: str) -> str:
        """Say yes at the authorize address *url*, and return the address that the browser goes back to."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["client_id"] == CLIENT_ID
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = self._name("code")
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code})}"

    def _played(self, path: str, play: Any) -> Behaviour:
        def answer(exchange: Exchange) -> None:
            form = {name: values[0] for name, values in parse_qs(exchange.record.body.decode()).items()}
            grant = form.get("grant_type", "").rpartition(":")[2]
            what = grant or {"/copilot_internal/v2/token": "exchange"}.get(path, path.strip("/"))
            with self._lock:
                self.asked.append((what, form))
                self.heard.append(exchange.record)
                scripted = self.script.get(what, [])
                said = scripted.pop(0) if scripted else None
                status, body = _said(said) if said is not None else play(form, exchange.record)
            faults.said(status, body)(exchange)

        return answer

    def _device(self, form: dict[str, str], _request: Request) -> tuple[int, dict[str, Any]]:
        if form.get("client_id") != CLIENT_ID:
            return 401, {"error": "invalid_client"}
        code = self._name("device")
        self._codes[code] = form
        return 200, {
            "device_code": code,
            "user_code": "ABCD-1234",
            "verification_uri": f"{self.server.root}/enter",
            "expires_in": 900,
            "interval": 2,
        }

    def _token(self, form: dict[str, str], _request: Request) -> tuple[int, dict[str, Any]]:
        if form.get("client_id") != CLIENT_ID or form.get("client_secret", "") != self.secret:
            return 401, {"error": "invalid_client", "error_description": "no such client"}
        grant = form.get("grant_type", "")
        if grant == "refresh_token":
            good = form.get("refresh_token") in self.refreshing
        else:
            begun = self._codes.pop(form.get("device_code") or form.get("code") or "", None)
            good = begun is not None and (grant.endswith("device_code") or _proves(form, begun))
        if not good:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        return 200, self._tokens(form.get("refresh_token", ""))

    def _tokens(self, old: str) -> dict[str, Any]:
        given: dict[str, Any] = {"access_token": self._name("access"), "token_type": "bearer"}
        if self.refreshes and (self.rotates or not old):
            given["refresh_token"] = self._name("refresh")
            self.refreshing = {given["refresh_token"]} | (self.refreshing - {old})
        return given | ({"expires_in": self.lasts} if self.lasts else {})

    def _user(self, _form: dict[str, str], request: Request) -> tuple[int, dict[str, Any]]:
        if not request.headers.get("authorization", "").startswith("Bearer access-"):
            return 401, {"message": "Bad credentials"}
        return 200, {"login": "octocat", "email": self.email or None}

    def _exchange(self, _form: dict[str, str], request: Request) -> tuple[int, dict[str, Any]]:
        if not request.headers.get("authorization", "").startswith("token "):
            return 401, {"message": "Bad credentials"}
        return 200, {
            "token": self.exchanged,
            "expires_at": int(self.clock()) + self.exchanged_for,
            "endpoints": {"api": self.api},
        }

    def _name(self, what: str) -> str:
        self._number += 1
        return f"{what}-{FIRST}-{self._number:04d}"


def script(server: FakeOAuth, what: str, answers: Iterable[Answer]) -> None:
    """Have *answers* given to what is asked for next, then behave."""
    server.script[what] = list(answers)


def _said(said: Answer) -> tuple[int, Mapping[str, Any]]:
    if isinstance(said, str):
        return 200, {"error": said, "error_description": f"scripted {said}"}
    if isinstance(said, int):
        return said, {"error": "scripted", "error_description": f"scripted {said}"}
    body = dict(said or {})
    return int(body.pop("status", 200)), body


def _proves(form: dict[str, str], begun: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return (
        urlsafe_b64encode(digest).rstrip(b"=").decode() == begun["code_challenge"]
        and form.get("redirect_uri") == begun["redirect_uri"]
    )
