"""Logins and accounts: what OAuth servers answer, balances, quotas, the key file, licences, sealed texts."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

from llmpool.auth import (
    keyfile,
    license,  # noqa: A004
    oauth,
    oauth_account,
    oauth_code,
    oauth_copilot,
    oauth_device,
    sealed,
)
from llmpool.auth.loopback import Listener
from llmpool.auth.oauth import LoginFailed, Show, Wait
from llmpool.auth.oauth_kinds import KINDS
from llmpool.core.wire import Answer, Call
from llmpool.discovery import account_answer, account_quota
from llmpool.state import accounts, quotas, shape
from tests.fuzz import bytewise
from tests.fuzz.promise import Target, fit, kept, refused_or_read, sound
from tests.fuzz.wire_targets import NOW, PLACE, answer, driven

QUOTA = json.dumps(
    {
        "paidTier": {"id": "g1", "name": "Pro"},
        "cloudaicompanionProject": "p",
        "models": {
            "gemini-x": {"quotaInfo": {"remainingFraction": 0.5, "resetTime": "2026-11-21T03:44:00Z"}}
        },
    }
).encode()
BALANCES = [
    json.dumps(each).encode()
    for each in (
        {
            "data": {
                "limit": 10.5,
                "limit_remaining": 4,
                "usage": "6.5",
                "total_credits": 12,
                "total_usage": 3.25,
            }
        },
        {
            "is_available": True,
            "balance_infos": [
                {
                    "currency": "CNY",
                    "total_balance": "110.00",
                    "granted_balance": "10",
                    "topped_up_balance": "100",
                }
            ],
        },
        {"code": 0, "data": {"available_balance": 49.58, "voucher_balance": 46.5, "cash_balance": 3}},
        {"data": {"totalBalance": "88.88", "balance": "0.88", "chargeBalance": "88.00"}},
    )
]


OAUTH = [
    json.dumps(each).encode()
    for each in (
        {
            "access_token": "gho_1",
            "refresh_token": "r-2",
            "expires_in": 3600,
            "id_token": "e30.eyJlbWFpbCI6ImFAYi5jIn0.x",
        },
        {
            "device_code": "d",
            "user_code": "U-1",
            "verification_uri": "https://x.test",
            "expires_in": 900,
            "interval": 5,
        },
        {"error": "slow_down", "error_description": "wait a little"},
        {"error": {"status": "UNAUTHENTICATED", "message": "no", "code": 401}},
        {
            "token": "tid=1;sku=copilot_pro;exp=1",
            "expires_at": 1800001000,
            "endpoints": {"api": "https://api.x.test"},
        },
        {
            "email": "a@b.c",
            "login": "me",
            "cloudaicompanionProject": {"id": "proj"},
            "allowedTiers": [{"id": "x"}],
        },
    )
]


KEYS = (
    b'{"version":1,"written_at":"","data":{"keys":{"sky":{"a":"sk-x","b":"enc:v1:AAECAwQFBgcICQoL"}},'
    b'"plaintext":true,"state_key":"keyring"}}'
)


def login_or_refusal(act: Callable[[], Any]) -> Any:
    """Let a login be refused with its own error, in words that can be shown."""
    try:
        with refused_or_read():
            return act()
    except LoginFailed as error:
        fit(error.message)
        fit(error.code)
    return None


def through(flow: Any, answers: list[Answer]) -> Any:
    """Drive a login: waits pass at once, at most so many questions."""
    step, now = None, 0
    for number in range(200):
        try:
            if step is None:
                step = next(flow)
            elif isinstance(step, (Wait, Show)):
                if isinstance(step, Show):
                    for text in (step.url, step.code):
                        fit(text)
                    assert 0 < step.seconds < 1e6
                else:
                    assert 0 < step.seconds < 1e4
                    CLOCK[0] += step.seconds
                step = flow.send(None)
            else:
                assert isinstance(step, Call)
                now += 1
                step = flow.send(answers[min(now - 1, len(answers) - 1)])
        except StopIteration as end:
            return end.value
        assert number < 190
    return None


CLOCK = [NOW]
PATH = "/auth/callback"


def read_oauth(content: bytes) -> None:
    """Answer every question of every flow with the document, after a good first answer too."""
    code = answer(
        json.dumps(
            {
                "device_code": "d",
                "user_code": "U-1",
                "verification_uri": "https://x.test",
                "expires_in": 20,
                "interval": 5,
            }
        ).encode()
    )
    for kind in ("copilot", "codex", "antigravity"):
        app = KINDS[kind].replace(client_id="mine", client_secret="s3cr3t-planted", api=("https://a.test",))
        for said in (answer(content), answer(content, 400)):
            for answers in ([said], [code, said]):
                CLOCK[0] = NOW
                tokens = login_or_refusal(
                    lambda app=app, answers=answers: through(
                        oauth_device.device_login(app, lambda: CLOCK[0]), answers
                    )
                )
                _sound_tokens(tokens)
            _sound_tokens(
                login_or_refusal(
                    lambda app=app, said=said: through(
                        oauth_account.refreshed(app, "r-1", lambda: NOW), [said]
                    )
                )
            )
            for flow in (oauth_account.owner, oauth_account.project):
                found = login_or_refusal(
                    lambda app=app, said=said, flow=flow: through(flow(app, "t-1"), [said])
                )
                fit(found or "")
            exchanged = login_or_refusal(
                lambda app=app, said=said: through(oauth_copilot.exchanged(app, "gho_1", lambda: NOW), [said])
            )
            if exchanged is not None:
                fit(exchanged.url)
                fit(oauth_copilot.tier(exchanged.token)[0])
                assert 0 <= exchanged.expires_at < shape.LAST_SECOND
    oauth.instant(content.decode("utf-8", "replace"))


def _sound_tokens(tokens: Any) -> None:
    if tokens is not None:
        fit(tokens.email)
        fit(tokens.access)
        assert 0 <= tokens.expires_at < shape.LAST_SECOND, tokens.expires_at
        kept([tokens.access, tokens.refresh, tokens.expires_at])


def read_account(content: bytes) -> None:
    """Read a balance in each vendor's way, and keep it."""
    for read in (
        account_answer.openrouter,
        account_answer.deepseek,
        account_answer.moonshot,
        account_answer.siliconflow,
        lambda payload, _host: account_answer.openrouter_credits(payload),
    ):
        try:
            items = read(account_answer.parsed(answer(content)), "api.x.cn")
        except account_answer.Unusable as error:
            fit(error.message)
            continue
        made = accounts.Account(provider="p", kind="balance", items=items, at=NOW)
        for item in items:
            fit(item.value)
            fit(item.currency)
        assert list(accounts._accounts(json.loads(kept([accounts._as_data(made)]))).values()) == [made]


def read_quota(content: bytes) -> None:
    """Read the quotas of a Google account, and keep them."""
    empty = quotas.Quota(provider="p", account="a", type="gemini-cli", at=NOW)
    with refused_or_read():
        found = driven(account_quota._of_google(PLACE, empty), [answer(content)])
        sound(found.replace(models=()))
        for each in found.models:
            assert 0 <= each.remaining_percent <= 100
            fit(each.model)
            fit(each.reset_time)
        assert list(quotas._quotas(json.loads(kept([quotas._as_data(found)]))).values()) == [found]


def in_file(read: Callable[[Path], Any], content: bytes) -> None:
    """Put the document into a file and have it read."""
    with tempfile.NamedTemporaryFile(suffix=".x") as file:
        file.write(content)
        file.flush()
        with refused_or_read():
            read(Path(file.name))


def _keys(path: Path) -> None:
    found = keyfile.read(path)
    keyfile.labels(path)
    assert keyfile.held(json.loads(kept(found.as_data()))).as_data() == found.as_data()
    for label in found.keys.get("sky", {}):
        keyfile.take(path, "sky", label, box=lambda _noted: None)


def read_texts(content: bytes) -> None:
    """Read licences and sealed texts."""
    text = content.decode("utf-8", "replace")
    with refused_or_read():
        license.read(text, {"t1": "A" * 43 + "="})
    with refused_or_read():
        sealed.opened(text, "p")


def read_return(content: bytes) -> None:
    """Come back from a browser: the page is whole, and what is said of it can be shown."""
    app = KINDS["codex"].replace(client_id="mine")
    pending = oauth_code.begin(app, bytes(96), NOW)
    target = content.replace(b"STATE", pending.state.encode()).decode("iso-8859-1")  # as http.server reads it

    def wrong(came: Mapping[str, str]) -> str:
        try:
            kept(oauth_code.code_of(pending, came, NOW))
        except LoginFailed as error:
            fit(error.message)
            fit(error.code)
            return error.message
        return ""

    listener = _listener()
    listener._judge, listener._once = wrong, threading.Lock()
    status, page = listener.answer(target)
    assert status in (200, 400, 404), status
    assert page.encode().count(b"<") == _TAGS, page


_TAGS = 14
RETURNS = [
    PATH.encode() + rest
    for rest in (
        b"?state=STATE&code=c-1",
        b"?state=STATE&error=access_denied&error_description=no+%3Cb%3E%1b[31m%e2%80%ae",
        b"?code=c-1&state=%ff%fe&state=STATE",
    )
]


@cache
def _listener() -> Listener:
    return Listener(0, PATH, lambda _came: "")


def _sealed() -> bytes:
    with mock.patch.object(sealed, "LOG_N", 4):  # quickly
        return sealed.seal(b"x", "p").encode()


TARGETS = [
    Target("parse-oauth", lambda: OAUTH, bytewise.json_document, read_oauth),
    Target("parse-return", lambda: RETURNS, bytewise.mutated, read_return),
    Target("parse-account", lambda: BALANCES, bytewise.json_document, read_account),
    Target("parse-quota", lambda: [QUOTA], bytewise.json_document, read_quota),
    Target("parse-keyfile", lambda: [KEYS], bytewise.json_document, partial(in_file, _keys)),
    Target(
        "parse-sealed", lambda: [b"eyJraWQiOiJ0MSJ9." + b"A" * 86, _sealed()], bytewise.mutated, read_texts
    ),
]
