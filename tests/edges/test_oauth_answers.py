"""What OAuth servers answer: expiry, refusals for good, whose an account is, exchanged tokens, tiers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.auth import oauth, oauth_account, oauth_code, oauth_copilot, oauth_device
from llmpool.auth.oauth import LoginFailed, Tokens
from llmpool.auth.oauth_kinds import KINDS
from llmpool.core.wire import Answer
from tests.edges.oauth_flows import NOW, TOKEN, Script, app, away, said

BYTES = bytes(range(96))


def test_a_token_counts_as_expired_a_minute_ahead() -> None:
    """Worked example 30: now+59 s is expired, now+120 s is valid, unset is valid, now-10 min is expired."""
    assert oauth.is_expired(NOW + 59, NOW)
    assert not oauth.is_expired(NOW + 120, NOW)
    assert not oauth.is_expired(0.0, NOW)
    assert oauth.is_expired(NOW - 600, NOW)
    assert not oauth.is_expired(NOW + 60, NOW)


@pytest.mark.parametrize("said_of_it", [None, 0, -1, "0", "x", [], True, float("inf")])
def test_a_server_that_tells_no_end_gave_none(said_of_it: Any) -> None:
    """Port decision of 5.3: expires_in that is missing or no positive number is no expiry."""
    body = TOKEN if said_of_it is None else TOKEN | {"expires_in": said_of_it}
    assert oauth.tokens_in(said(body), NOW).expires_at == 0.0


def test_an_end_may_be_a_number_in_quotes() -> None:
    """Some servers write it so."""
    assert oauth.tokens_in(said(TOKEN | {"expires_in": "3600"}), NOW).expires_at == NOW + 3600


@pytest.mark.parametrize(
    "word", ["invalid_grant", "invalid_token", "expired", "Revoked", "UNAUTHORIZED", "Bad credentials"]
)
@pytest.mark.parametrize("status", [400, 401, 403, 200])
def test_a_refusal_for_good_ends_an_account(word: str, status: int) -> None:
    """Worked example 30: 400 invalid_grant and its like; whichever case the words are in."""
    script = Script(said({"error": "x", "error_description": f"Token {word}."}, status))
    with pytest.raises(LoginFailed) as caught:
        script.run(oauth_account.refreshed(app("codex"), "r-1", script.clock))
    assert caught.value.ends


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": "temporarily_unavailable"}, 503),
        ({"error": "invalid_grant"}, 503),
        ("<html>your session has expired</html>", 502),
        ({"error": "slow_down"}, 429),
        ({"error": "invalid_client"}, 401),
        ({"error": "invalid_request", "error_description": "no refresh_token"}, 400),
        ({"token_type": "expired"}, 200),
        ("unauthorized", 404),
    ],
)
def test_any_other_failure_of_a_refresh_keeps_the_account(body: Any, status: int) -> None:
    """Worked example 30: 503 keeps it; a server in trouble ends nothing, whatever words it uses."""
    script = Script(said(body, status))
    with pytest.raises(LoginFailed) as caught:
        script.run(oauth_account.refreshed(app("codex"), "r-1", script.clock))
    assert not caught.value.ends


def test_whose_an_account_is() -> None:
    """An e-mail, else a login name, asked for with the token; failure is nobody, never an error."""
    mine = app("copilot")
    for body, named in (
        ({"email": "a@b.c", "login": "l"}, "a@b.c"),
        ({"email": None, "login": "l"}, "l"),
        ([], ""),
    ):
        script = Script(said(body))
        assert script.run(oauth_account.owner(mine, "gho_1")) == named
        assert ("authorization", "Bearer gho_1") in script.calls[0].headers
    assert Script(said({"email": "x"}, 500)).run(oauth_account.owner(mine, "t")) == ""
    assert Script(away()).run(oauth_account.owner(mine, "t")) == ""
    assert Script().run(oauth_account.owner(app("codex"), "t")) == ""


def test_the_email_of_an_openid_token_is_taken() -> None:
    """Codex has no user-info address; what came from the token address itself says whose it is."""
    claims = "eyJlbWFpbCI6Im1lQGV4YW1wbGUuY29tIn0"
    assert oauth.tokens_in(said(TOKEN | {"id_token": f"h.{claims}.s"}), NOW).email == "me@example.com"
    for broken in ("h.%%.s", "h.e30.s", "x", 7, "h." + "W10" + ".s"):
        assert oauth.tokens_in(said(TOKEN | {"id_token": broken}), NOW).email == ""


def test_a_project_is_looked_for_at_each_address_in_turn() -> None:
    """The first address that answers 200 with a project counts, managedProjectId ahead of projectId."""
    found = {"projectId": "second", "managedProjectId": "first", "cloudaicompanionProject": "third"}
    script = Script(said({}, 500), away(), said(found))
    assert script.run(oauth_account.project(app("antigravity"), "access-1")) == "first"
    hosts = [urlsplit(call.url).hostname for call in script.calls]
    assert hosts == [urlsplit(base).hostname for base in KINDS["antigravity"].api]
    assert {(call.method, call.body) for call in script.calls} == {("POST", b"{}")}
    assert all(call.url.endswith("/v1internal:loadCodeAssist") for call in script.calls)
    assert Script(said({}), said({})).run(oauth_account.project(app("gemini-cli"), "t")) == ""


def test_an_exchange_is_asked_for_as_github_wants_it() -> None:
    """`Authorization: token`, JSON, no identity but llmpool's and the owner's headers."""
    mine = app("copilot", headers=(("Editor-Version", "mine/1"),))
    body = {
        "token": "tid=1;sku=free",
        "expires_at": int(NOW) + 1800,
        "endpoints": {"api": "https://api.b.test/"},
    }
    script = Script(said(body))
    found = script.run(oauth_copilot.exchanged(mine, "gho_1", script.clock))
    assert found == oauth_copilot.Exchanged("tid=1;sku=free", NOW + 1800, "https://api.b.test")
    (call,) = script.calls
    assert (call.method, call.url) == ("GET", "https://api.github.com/copilot_internal/v2/token")
    assert call.headers == (
        ("Editor-Version", "mine/1"),
        ("accept", "application/json"),
        ("authorization", "token gho_1"),
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        7,
        "",
        "http://api.b.test",
        "ftp://x",
        "https://u@api.b.test",
        "https://a\nb",
        "https://",
        "https://x:0",
    ],
)
def test_an_address_that_is_none_is_copilots_own(endpoint: Any) -> None:
    """Calls never go where the exchanged token would be less safe than the exchange itself."""
    script = Script(said({"token": "t", "endpoints": {"api": endpoint}}))
    assert (
        script.run(oauth_copilot.exchanged(app("copilot"), "g", script.clock)).url == oauth_copilot.ENDPOINT
    )


@pytest.mark.parametrize(("end", "seconds"), [(123.456, 1500), ("x", 1500), (None, 1500), (True, 1500)])
def test_an_end_that_is_no_whole_number_is_in_25_minutes(end: Any, seconds: float) -> None:
    """failover-cooldown 7.2: such an expires_at counts as now + 25 min."""
    script = Script(said({"token": "t", "expires_at": end}))
    assert script.run(oauth_copilot.exchanged(app("copilot"), "g", script.clock)).expires_at == NOW + seconds


@pytest.mark.parametrize(
    ("status", "ends"), [(401, True), (403, False), (404, False), (500, False), (429, False)]
)
def test_only_a_401_of_the_exchange_ends_an_account(status: int, ends: bool) -> None:
    """Without a seat (403, 404) the GitHub login is as good as before."""
    script = Script(said({"message": "gho_secret is bad, your access expired"}, status))
    with pytest.raises(LoginFailed) as caught:
        script.run(oauth_copilot.exchanged(app("copilot"), "gho_secret", script.clock))
    assert (caught.value.ends, "gho_secret" in caught.value.message) == (ends, False)


@pytest.mark.parametrize(
    ("sku", "tier"),
    [
        ("copilot_for_individual_pro_plus", "Pro+"),
        ("copilot_for_business_seat", "Business"),
        ("free_educational", "Free"),
        ("", "Free"),
        ("copilot_enterprise_seat", "Enterprise"),
        ("monthly_individual", "Pro"),
        ("Copilot_Pro", "Pro"),
        ("free", "Free"),
        ("weird", "weird"),
    ],
)
def test_the_tier_of_a_seat(sku: str, tier: str) -> None:
    """Worked example 32: the first that fits, in lower case; what fits nothing is its own name."""
    assert oauth_copilot.tier(f"tid=x;exp=1;sku={sku};y=1") == (tier, f"GitHub Copilot {tier}")
    assert oauth_copilot.tier("tid=x") == ("Free", "GitHub Copilot Free")


def test_times_of_other_tools_are_seconds_or_milliseconds() -> None:
    """Worked example 34: 1740000000000 and 1740000000 are the same instant, as numbers and as texts."""
    assert {oauth.instant(v) for v in (1740000000000, 1740000000, "1740000000000", "1740000000")} == {1.74e9}
    nothings: list[Any] = [None, "", "soon", 0, -5, True, [], {}, "nan", 1e300, 10**400]
    for nothing in nothings:
        assert oauth.instant(nothing) == 0.0


@given(st.binary(max_size=300), st.integers(100, 599))
def test_no_answer_of_a_token_address_breaks_the_reading(body: bytes, status: int) -> None:
    """Whatever comes is a token or a LoginFailed on one line."""
    answer = Answer(status=status, headers={}, body=body)
    told = "fine"
    try:
        oauth.tokens_in(answer, NOW, "secret")
    except LoginFailed as error:
        told = error.message
    assert told.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = (
    "access_token",
    "refresh_token",
    "expires_in",
    "id_token",
    "error",
    "error_description",
    "message",
    "token",
)


@given(st.dictionaries(st.sampled_from([*NAMES, "expires_at", "endpoints", "email", "login"]), json_values))
def test_no_json_breaks_the_reading_either(body: dict[str, Any]) -> None:
    """Wrong types are told, never a crash, in each of the exchanges."""
    flows = (
        oauth_account.refreshed(app("codex"), "r", lambda: NOW),
        oauth_account.owner(app("copilot"), "t"),
        oauth_account.project(app("gemini-cli"), "t"),
        oauth_copilot.exchanged(app("copilot"), "g", lambda: NOW),
    )
    for flow in flows:
        try:
            Script(*[said(body)] * 3).run(flow)
        except LoginFailed:
            continue


def test_nothing_that_carries_a_secret_shows_it() -> None:
    """The texts of tokens, clients and pending logins say what they are, never what they hold."""
    pending = oauth_code.begin(app("codex"), BYTES, NOW)
    shown = repr(
        [
            app("codex", client_secret="PLANTED"),
            Tokens("PLANTED", "PLANTED"),
            oauth_copilot.Exchanged("PLANTED", 1.0, "u"),
            oauth_device.Code("PLANTED", "U", "u", 5, 9),
        ]
    )
    assert "PLANTED" not in shown
    assert pending.verifier not in repr(pending)
    assert pending.state not in repr(pending)
