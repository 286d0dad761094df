"""Accounts in use: refreshed when due, by one at a time; ended for good reasons alone; one for another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool import accounts, credentials
from llmpool.auth.oauth import LoginFailed
from llmpool.core.provider import KeyRef
from llmpool.errors import NoCredential, StateUnusable, UnusableCredential
from llmpool.state import logins, tokens
from tests.edges.account_pool import CODEX, COPILOT, GOOGLE, Clock, logged_in, pool_of, token
from tests.fakes.oauth import FakeOAuth, script
from tests.fakes.server import FakeServer

NOW = float(int(time.time()))


@pytest.fixture
def fake() -> Iterator[FakeOAuth]:
    """Give a fake OAuth server whose refresh token `refresh-old` is good."""
    with FakeServer(["m"], speaks=("responses", "copilot")) as server:
        made = FakeOAuth(server, lasts=7200)
        made.refreshing.add("refresh-old")
        yield made


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock(NOW)


def test_a_token_is_used_until_a_minute_before_its_end(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Worked example 30: valid at now+120 s, refreshed at now+59 s; all later calls use the new one."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW + 120)
    assert token(pool, CODEX) == "access-old"
    clock.now += 61
    assert token(pool, CODEX) == "access-planted-0001"
    assert token(pool_of(tmp_path, fake, clock, CODEX), CODEX) == "access-planted-0001"
    assert fake.times("refresh_token") == 1
    (login,) = logins.of(pool.paths.state, CODEX)
    assert (login.expires_at, login.updated_at) == (clock.now + 7200, clock.now)


def test_a_token_without_end_is_never_refreshed(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Worked example 30: unset is valid."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old")
    clock.now += 1e9
    assert (token(pool, CODEX), fake.asked) == ("access-old", [])


def test_an_expired_account_without_a_refresh_token_is_deleted(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Worked example 30: now-10 min without a refresh token is gone, with the words to log in again."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", ends=NOW - 600, email="me@example.com")
    with pytest.raises(
        NoCredential, match=r"login of me@example\.com has ended \(it has expired\)"
    ) as caught:
        token(pool, CODEX)
    assert caught.value.hint == "llmpool providers login openai-codex"
    assert logins.read(pool.paths.state) == []
    assert "log in again" in pool.warnings[0]
    assert "access-old" not in pool.paths.secrets.read_text()
    with pytest.raises(NoCredential, match="nobody is logged in"):
        token(pool, CODEX)


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        ({"status": 400, "error": "invalid_grant"}, False),
        ({"status": 401, "error": "x", "error_description": "Token revoked"}, False),
        ({"status": 503, "error": "temporarily_unavailable"}, True),
        ({"status": 503, "error": "invalid_grant"}, True),
        ({"status": 429, "error": "slow_down"}, True),
        ({"status": 401, "error": "invalid_client"}, True),
        ({"status": 200}, True),
    ],
)
def test_only_a_refusal_for_good_deletes_an_account(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, answer: dict[str, object], stays: bool
) -> None:
    """Worked example 30: 400 invalid_grant deletes, 503 keeps with an error, and works the next time."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    script(fake, "refresh_token", [answer])
    with pytest.raises(NoCredential) as caught:
        token(pool, CODEX)
    assert isinstance(caught.value, UnusableCredential) == stays
    assert "refresh-old" not in caught.value.message
    assert bool(logins.read(pool.paths.state)) == stays
    if stays:
        assert token(pool, CODEX) == "access-planted-0001"


def test_a_server_that_is_away_keeps_the_account(tmp_path: Path, clock: Clock) -> None:
    """A network that fails is a fault of the moment; nothing of the account is touched."""
    with FakeServer() as server:
        fake = FakeOAuth(server)
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    before = pool.paths.secrets.read_text(), logins.read(pool.paths.state)
    with pytest.raises(UnusableCredential, match="cannot be refreshed now"):
        token(pool, CODEX)
    assert (pool.paths.secrets.read_text(), logins.read(pool.paths.state)) == before


def test_the_second_account_serves_when_the_first_has_ended(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Worked example 30: the second's token comes back and the first is deleted; the oldest goes first."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    first = logged_in(pool, CODEX, "access-1", ends=NOW - 600, email="one@example.com")
    clock.now += 1
    second = logged_in(pool, CODEX, "access-2", email="two@example.com")
    provider = pool.provider(CODEX)
    assert [ref.label for ref in accounts.refs(provider, pool)] == [first.id, second.id]
    (credential,) = credentials.usable(provider, pool)
    assert (credential.label, credential.secret) == (second.id, "access-2")
    assert [login.id for login in logins.read(pool.paths.state)] == [second.id]


def test_a_new_refresh_token_takes_the_place_of_the_old(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Servers that rotate refresh tokens take each one once."""
    fake.rotates = True
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    for _ in range(3):
        token(pool, CODEX)
        clock.now += 8000
    assert fake.times("refresh_token") == 3
    assert fake.asked[0][1]["refresh_token"] == "refresh-old"
    assert len({form["refresh_token"] for _, form in fake.asked}) == 3


def test_a_token_that_could_not_be_kept_for_a_moment_is_not_refreshed_again(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next use keeps it first: with the old one, which its server has taken back, the login would end."""
    fake.rotates = True
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    real, full = accounts._keep, [StateUnusable("full"), StateUnusable("full")]

    def keep(*args: Any) -> None:
        if full:
            raise full.pop()
        real(*args)

    monkeypatch.setattr(accounts, "_keep", keep)
    first = token(pool, CODEX)
    with pytest.raises(UnusableCredential, match="refreshed, but not kept"):
        token(pool, CODEX)
    assert (token(pool, CODEX), fake.times("refresh_token")) == (first, 1)
    assert len(logins.read(pool.paths.state)) == 1


def test_a_token_under_an_hour_lies_in_the_state_and_is_had_again_when_lost(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Such tokens may sit in state, 0600; without that file the account is as good as before."""
    fake.lasts = 3599
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    assert token(pool, CODEX) == "access-planted-0001"
    file = pool.paths.state / tokens.NAME
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    assert (token(pool, CODEX), fake.times("refresh_token")) == ("access-planted-0002", 2)
    file.chmod(0o644)
    assert (token(pool, CODEX), fake.times("refresh_token")) == ("access-planted-0003", 3)


def test_threads_that_ask_at_once_make_one_refresh(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Whoever waited for the turn looks again before it asks a server."""
    fake.server.delay = 0.1
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    _ = pool.routing, pool.config
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(token(pool, CODEX))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (set(found), len(found)) == ({"access-planted-0001"}, 6)
    assert fake.times("refresh_token") == 1


def test_an_account_of_another_tool_is_used_and_not_refreshed(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Ruling 24: imported tokens are used as they are; when they end, the tool they are from is named."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW + 120, borrowed=True)
    assert token(pool, CODEX) == "access-old"
    clock.now += 100
    with pytest.raises(UnusableCredential, match="it is another tool's"):
        token(pool, CODEX)
    assert (len(logins.read(pool.paths.state)), fake.asked) == (1, [])


def test_a_refresh_without_a_client_id_keeps_the_account(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """The words say which key of the config, and which variable, to set."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    pool.paths.config.write_text(f"[providers.{CODEX}]\n")
    pool.forget()
    with pytest.raises(NoCredential, match="llmpool ships none") as caught:
        token(pool, CODEX)
    assert "LLMPOOL_OAUTH_CODEX_CLIENT_ID" in caught.value.hint
    assert len(logins.read(pool.paths.state)) == 1


def test_a_copilot_token_is_exchanged_once_until_five_minutes_before_its_end(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Spec 5.6: cached until 5 min before expiry, for each account of each provider by itself."""
    pool = pool_of(tmp_path, fake, clock, COPILOT)
    logged_in(pool, COPILOT, "gho_1", email="one@example.com")
    logged_in(pool, COPILOT, "gho_2", email="two@example.com")
    assert token(pool, COPILOT, 0) == fake.exchanged
    assert (token(pool, COPILOT, 0), fake.times("exchange")) == (fake.exchanged, 1)
    assert (token(pool, COPILOT, 1), fake.times("exchange")) == (fake.exchanged, 2)
    clock.now += 1500 - 301
    assert (token(pool, COPILOT, 0), fake.times("exchange")) == (fake.exchanged, 2)
    clock.now += 60
    assert (token(pool, COPILOT, 0), fake.times("exchange")) == (fake.exchanged, 3)
    provider = pool.provider(COPILOT)
    access = accounts.resolve(accounts.refs(provider, pool)[0], provider, pool)
    assert access.url == fake.server.root


def test_github_saying_bad_credentials_ends_a_login_and_no_seat_does_not(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """A 401 of the exchange means the login, a 403 the seat."""
    pool = pool_of(tmp_path, fake, clock, COPILOT)
    logged_in(pool, COPILOT, "gho_1")
    script(
        fake,
        "exchange",
        [{"status": 403, "message": "no access to this"}, {"status": 401, "message": "Bad credentials"}],
    )
    with pytest.raises(UnusableCredential, match=r"copilot token exchange: no access to this \(status 403\)"):
        token(pool, COPILOT)
    assert len(logins.read(pool.paths.state)) == 1
    with pytest.raises(NoCredential, match="has ended"):
        token(pool, COPILOT)
    assert logins.read(pool.paths.state) == []


def test_a_github_token_from_elsewhere_is_exchanged_too(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """A key of a Copilot provider may be what `gh auth token` prints; one that is exchanged goes as it is."""
    pool = pool_of(tmp_path, fake, clock, COPILOT, TOKEN="gho_mine", READY="tid=1;exp=2")
    provider = pool.provider(COPILOT)
    mine, ready = (KeyRef(label=name.lower(), source="env", env=name) for name in ("TOKEN", "READY"))
    for _ in range(2):
        found = credentials.resolve(mine, provider, pool)
        assert (found.secret, found.url) == (fake.exchanged, fake.server.root)
    assert fake.times("exchange") == 1
    assert credentials.resolve(ready, provider, pool).secret == "tid=1;exp=2"
    script(fake, "exchange", [{"status": 401, "message": "gho_mine: Bad credentials"}])
    clock.now += 9000
    with pytest.raises(UnusableCredential, match="exchange") as caught:
        credentials.resolve(mine, provider, pool)
    assert "gho_mine" not in caught.value.message


def test_a_corrupt_list_of_accounts_ends_the_run(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """What its owner logged in to is not forgotten silently: exit 10."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    pool.paths.state.mkdir()
    (pool.paths.state / logins.NAME).write_text("{")
    with pytest.raises(StateUnusable, match="is corrupt"):
        token(pool, CODEX)


def test_tokens_that_are_gone_from_their_place_say_so(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """A key file that was restored from before the login is told of, with the way to log in again."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old")
    pool.paths.secrets.unlink()
    with pytest.raises(NoCredential, match=r"is not in .*secrets\.json any more") as caught:
        token(pool, CODEX)
    assert caught.value.hint == "llmpool providers login openai-codex"


def test_the_account_says_where_and_for_which_project_calls_go(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Unless the owner's config does."""
    pool = pool_of(tmp_path, fake, clock, GOOGLE)
    logged_in(pool, GOOGLE, "access-1", project="theirs", endpoint="https://e.example")
    provider = pool.provider(GOOGLE)
    (credential,) = credentials.usable(provider, pool)
    limits = credentials.timeouts_of(provider, pool.table)
    target = credentials.target(provider, credential, limits)
    assert (target.url, target.project) == ("https://e.example", "theirs")
    own = provider.replace(url="http://own.example", exact=False, project="mine")
    target = credentials.target(own, credential, limits)
    assert (target.url, target.project) == ("http://own.example", "mine")


def test_no_record_shows_a_token(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Their texts name what they are; accounts.json holds none."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-PLANTED", "refresh-PLANTED")
    provider = pool.provider(CODEX)
    access = accounts.resolve(accounts.refs(provider, pool)[0], provider, pool)
    passing = tokens.Passing("PLANTED", 1.0)
    failed = LoginFailed("x", "y")
    assert "PLANTED" not in repr([access, passing, failed, list(credentials.usable(provider, pool))])
    assert "PLANTED" not in (pool.paths.state / logins.NAME).read_text()
    assert "PLANTED" not in pool.paths.secrets.read_text()
    assert json.loads(pool.paths.secrets.read_text())["data"]["keys"][CODEX]
