"""OAuth logins as generators: what they ask for, when they wait, and when they end."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from llmpool.auth import oauth_account, oauth_code, oauth_device
from llmpool.auth.oauth import LoginFailed, Return, Show, Tokens
from llmpool.auth.oauth_kinds import KINDS
from tests.edges.oauth_flows import CODE, NOW, TOKEN, Script, app, away, form_of, said

BYTES = bytes(range(96))
VERIFIER = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-Pw"


def test_a_verifier_and_its_challenge_are_those_of_the_worked_example() -> None:
    """Worked example 29: verifier bytes 00..3f give this text, and this S256 challenge."""
    pending = oauth_code.begin(app("gemini-cli"), BYTES, NOW)
    assert pending.verifier == VERIFIER
    assert oauth_code.challenge(VERIFIER) == "wsNdZaf3VpLTsEDmR5gPk2C6xYVWxKb0xcaG3O6kX10"
    assert (len(pending.verifier), len(pending.state)) == (86, 43)


def test_a_port_set_at_run_time_replaces_the_types_own() -> None:
    """Worked example 29: 4242 goes into the redirect address, else gemini-cli's is 8085."""
    mine = app("gemini-cli")
    other = mine.replace(port=4242)
    assert oauth_code.begin(other, BYTES, NOW).redirect_uri == "http://localhost:4242/oauth2callback"
    assert oauth_code.begin(mine, BYTES, NOW).redirect_uri == "http://localhost:8085/oauth2callback"
    ports = {kind: (known.port, known.path) for kind, known in KINDS.items() if known.port}
    assert ports == {
        "antigravity": (51121, "/oauth-callback"),
        "gemini-cli": (8085, "/oauth2callback"),
        "codex": (1455, "/auth/callback"),
    }


def test_what_a_browser_is_sent_away_with() -> None:
    """Every parameter of spec 5.2 is there, scopes joined by spaces."""
    pending = oauth_code.begin(app("codex"), BYTES, NOW)
    place = urlsplit(pending.url)
    assert (place.netloc, place.path) == ("auth.openai.com", "/oauth/authorize")
    assert dict(parse_qsl(place.query)) == {
        "client_id": "mine",
        "redirect_uri": "http://localhost:1455/auth/callback",
        "response_type": "code",
        "scope": "openid profile email offline_access",
        "state": pending.state,
        "access_type": "offline",
        "prompt": "consent",
        "code_challenge": oauth_code.challenge(VERIFIER),
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize("secret", ["", "s3cret"])
def test_an_empty_client_secret_is_left_out_and_another_is_sent(secret: str) -> None:
    """Worked example 29: of exchange and refresh alike."""
    mine, script = app("gemini-cli", client_secret=secret), Script()
    pending = oauth_code.begin(mine, BYTES, NOW)
    script.answers = [{"state": pending.state, "code": "c-1"}, said(TOKEN | {"expires_in": 3600})]
    found = script.run(oauth_code.code_login(mine, pending, script.clock))
    assert found == Tokens("gho_1", "", NOW + 3600)
    assert form_of(script.calls[0]) == {
        "grant_type": "authorization_code",
        "code": "c-1",
        "redirect_uri": "http://localhost:8085/oauth2callback",
        "client_id": "mine",
        "code_verifier": VERIFIER,
    } | ({"client_secret": secret} if secret else {})
    script.answers = [said(TOKEN)]
    script.run(oauth_account.refreshed(mine, "r-1", script.clock))
    assert form_of(script.calls[1]) == {
        "grant_type": "refresh_token",
        "refresh_token": "r-1",
        "client_id": "mine",
    } | ({"client_secret": secret} if secret else {})


@pytest.mark.parametrize(
    ("came", "later", "code"),
    [
        (None, 0, "expired"),
        ({"state": "?", "code": "c"}, 0, "unknown_state"),
        ({"code": "c"}, 0, "unknown_state"),
        ({"state": "=", "code": "c"}, 601, "expired"),
        ({"state": "=", "error": "access_denied", "error_description": "no"}, 0, "access_denied"),
        ({"state": "="}, 0, "no_code"),
    ],
)
def test_a_browser_that_comes_back_with_something_else_ends_the_login(
    came: dict[str, str] | None, later: float, code: str
) -> None:
    """A foreign state, an error, nothing at all, and what comes after ten minutes are refused."""
    mine, script = app("gemini-cli"), Script()
    pending = oauth_code.begin(mine, BYTES, NOW)
    script.answers = [came and {k: pending.state if v == "=" else v for k, v in came.items()}]
    script.now += later
    with pytest.raises(LoginFailed) as caught:
        script.run(oauth_code.code_login(mine, pending, script.clock))
    assert caught.value.code == code
    assert script.calls == []


def test_a_code_that_is_refused_is_told_without_it() -> None:
    """A token address that answers anything but 200 ends the login, in its words."""
    mine, script = app("gemini-cli", client_secret="s3cret-value"), Script()
    pending = oauth_code.begin(mine, BYTES, NOW)
    words = f"code c-00001 with s3cret-value and {VERIFIER} is\x1b[31m bad"
    refused = said({"error": "invalid_grant", "error_description": words}, 400)
    script.answers = [{"state": pending.state, "code": "c-00001"}, refused]
    with pytest.raises(LoginFailed) as caught:
        script.run(oauth_code.code_login(mine, pending, script.clock))
    assert caught.value.message == "invalid_grant: code *** with *** and *** is [31m bad (status 400)"
    assert isinstance(next(oauth_code.code_login(mine, pending, script.clock)), Show)
    assert Return(600.0).seconds == oauth_code.LASTS


def test_device_polls_wait_as_the_worked_example_says() -> None:
    """Worked example 31: interval 2 waits 5; pending, slow_down, slow_down, token: 5, 5, 10, 10."""
    script = Script(
        said(CODE), *(said({"error": e}) for e in ("authorization_pending", "slow_down", "slow_down"))
    )
    script.answers.append(said(TOKEN))
    mine = app("copilot")
    found = script.run(oauth_device.device_login(mine, script.clock))
    assert script.waits == [5, 5, 10, 10]
    assert found == Tokens("gho_1")
    assert script.shown == [Show("https://github.test/device", "ABCD-1234", 300.0)]
    assert form_of(script.calls[0]) == {"client_id": "mine", "scope": "read:user"}
    assert form_of(script.calls[1]) == {
        "client_id": "mine",
        "device_code": "dev-1",
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    }
    assert ("accept", "application/json") in script.calls[0].headers


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize(
    "code", ["access_denied", "expired_token", "unsupported_grant_type", "incorrect_device_code"]
)
def test_any_other_error_of_a_device_poll_ends_it_at_once(code: str, status: int) -> None:
    """Worked example 31: access_denied stops at once; errors come with 200, so the status tells nothing."""
    script = Script(said(CODE), said({"error": code, "error_description": "really"}, status))
    with pytest.raises(LoginFailed, match=f"{code}: really") as caught:
        script.run(oauth_device.device_login(app("copilot"), script.clock))
    assert (caught.value.code, script.waits) == (code, [5])


def test_a_device_poll_without_token_and_error_ends_it() -> None:
    """An answer that says nothing is an error."""
    script = Script(said(CODE), said({}))
    with pytest.raises(LoginFailed) as caught:
        script.run(oauth_device.device_login(app("copilot"), script.clock))
    assert caught.value.code == "no_token"


def test_a_device_poll_survives_a_network_that_is_away_and_a_server_in_trouble() -> None:
    """Such an answer is asked again for, more slowly, as a slow_down is."""
    script = Script(said(CODE), away(), said("<html>", 502), said(TOKEN))
    assert script.run(oauth_device.device_login(app("copilot"), script.clock)).access == "gho_1"
    assert script.waits == [5, 10, 10]


def test_a_device_login_ends_after_five_minutes() -> None:
    """Five minutes are what a person has, however long the code itself lasts; never a wait beyond them."""
    pending = said({"error": "authorization_pending"})
    script = Script(said(CODE), *[pending] * 100)
    with pytest.raises(LoginFailed, match="within 300 s"):
        script.run(oauth_device.device_login(app("copilot"), script.clock))
    assert sum(script.waits) == 300
    short = Script(said(CODE | {"expires_in": 20, "interval": 7}), *[pending] * 100)
    with pytest.raises(LoginFailed, match="within 20 s"):
        short.run(oauth_device.device_login(app("copilot"), short.clock))
    assert short.waits == [7, 7]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "no json",
        CODE | {"user_code": 7},
        CODE | {"verification_uri": "javascript:alert(1)"},
        CODE | {"verification_uri": "file:///etc/passwd"},
        CODE | {"user_code": "A\x1b[2J"},
        CODE | {"verification_uri": "https://x\u202e.test/"},
        CODE | {"device_code": ""},
    ],
)
def test_a_first_answer_that_cannot_be_shown_is_refused(body: Any) -> None:
    """Codes and addresses are text on one line, and the address is one of the web."""
    script = Script(said(body))
    with pytest.raises(LoginFailed):
        script.run(oauth_device.device_login(app("copilot"), script.clock))
    assert script.shown == []
