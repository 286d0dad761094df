"""Accounts as keys among keys: their turns, their rests, taken over from other tools, replaced tokens."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool import accounts, credentials
from llmpool.auth import keyrings
from llmpool.core.outcome import Attempt
from llmpool.core.provider import KeyRef
from llmpool.errors import NoCredential, Refused, UnusableCredential
from llmpool.router.cooldown import Cooldown, of_key
from llmpool.setup import login as logging_in
from llmpool.state import health, keys, logins, tokens
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


def test_accounts_take_turns_where_their_owner_says_so(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """`key_rotation` holds for accounts as for keys, and each use is counted once."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    pool.paths.config.write_text(pool.paths.config.read_text() + 'key_rotation = "round_robin"\n')
    one = logged_in(pool, CODEX, email="one@x").id
    clock.now += 1
    two = logged_in(pool, CODEX, email="two@x").id
    provider = pool.provider(CODEX)
    turns = [credentials.keys_in_turn(provider, pool)[0].label for _ in range(4)]
    assert turns == [one, two, one, two]
    credentials.count_uses(pool, [Attempt(deployment=f"{CODEX}/m", key=two, latency_ms=1)])
    counted = keys.read(pool.paths.state).uses[CODEX]
    assert {name: use.times for name, use in counted.items()} == {one: 2, two: 2}


def test_a_login_ends_the_rest_of_an_account_that_was_refused(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Whoever logs in again need not wait the hour that a refused key rests."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    name = logged_in(pool, CODEX, email="me@x").id
    rest = Cooldown(NOW + 3600, 3600.0, "auth", 1, 0, NOW)._asdict()
    health.update(pool.paths.state, lambda known: known.cooldowns.update({of_key(CODEX, name): rest}))
    assert logged_in(pool, CODEX, "access-new", email="me@x").id == name
    assert health.read(pool.paths.state).cooldowns == {}


def test_a_login_that_is_taken_over_without_an_access_token_is_refreshed_first(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Gemini CLI's file may have a refresh token alone."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "", "refresh-old")
    assert token(pool, CODEX) == "access-planted-0001"


def test_a_replaced_github_token_is_exchanged_anew(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """What was had for the old one is another account's."""
    provider = pool_of(tmp_path, fake, clock, COPILOT).provider(COPILOT)
    mine = KeyRef(label="mine", source="env", env="TOKEN")
    for text in ("gho_1", "gho_2", "gho_1"):
        credentials.resolve(mine, provider, pool_of(tmp_path, fake, clock, COPILOT, TOKEN=text))
    assert fake.times("exchange") == 2


def test_offline_a_token_that_is_good_is_used_and_another_is_not_asked_for(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Ruling 21: `--offline` refuses the network, and nothing of the account is touched."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW + 7200)
    pool.offline = True
    assert token(pool, CODEX) == "access-old"
    clock.now += 7200
    with pytest.raises(Refused):
        token(pool, CODEX)
    assert (len(logins.read(pool.paths.state)), fake.asked) == (1, [])


def test_an_account_that_went_meanwhile_is_told_as_ended(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Another process logged out between the list and the call."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX)
    provider = pool.provider(CODEX)
    (ref,) = accounts.refs(provider, pool)
    logins.forget(pool.paths.state, CODEX, [ref.label])
    with pytest.raises(NoCredential, match="has ended"):
        accounts.resolve(ref, provider, pool)


def test_a_turn_that_another_process_keeps_is_waited_for_and_told(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs in a refresh is no reason to hang as well."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    monkeypatch.setattr(tokens, "WAIT_SECONDS", 0.05)
    with (
        tokens.turn(pool.paths.state, CODEX),
        pytest.raises(UnusableCredential, match="another llmpool process is refreshing"),
    ):
        token(pool, CODEX)


def test_a_refresh_that_cannot_be_kept_is_used_and_told(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """Spec 5.4 with a ruling on top: a failure to save costs no answer, and the run does not end well."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    pool.env = {}  # the state key is gone; what it opens is put back in the clear for this test
    held = {CODEX: {f"{logins.read(pool.paths.state)[0].id}.refresh": "refresh-old"}}
    pool.paths.secrets.write_text(json.dumps({"version": 1, "data": {"keys": held}}))
    assert token(pool, CODEX) == "access-planted-0001"
    assert pool.owed is not None
    assert "is refreshed, but not kept" in str(pool.owed.settled())


def test_a_client_of_another_server_asks_no_vendor_whose_account_it_is(
    tmp_path: Path, fake: FakeOAuth, clock: Clock
) -> None:
    """A token that an own token_url gave is not shown to the vendor's user-info address."""
    pool = pool_of(tmp_path, fake, clock, GOOGLE)
    text = pool.paths.config.read_text()
    pool.paths.config.write_text("\n".join(line for line in text.splitlines() if "userinfo" not in line))
    assert accounts.application(pool, "gemini-cli").userinfo_url == ""
    assert accounts.application(pool, "codex", needed=False).headers == ()


def test_only_the_servers_own_words_reach_an_error(tmp_path: Path, fake: FakeOAuth, clock: Clock) -> None:
    """Control characters and secrets of a refusal never reach a terminal."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    words = "\x1b[31mrefresh-old\u202e\nis bad"
    script(fake, "refresh_token", [{"status": 400, "error": "invalid_request", "error_description": words}])
    with pytest.raises(UnusableCredential) as caught:
        token(pool, CODEX)
    assert caught.value.message.endswith("invalid_request: [31m*** is bad (status 400)")


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give a keyring that is a dictionary."""
    held: dict[str, str] = {}

    def read(user: str) -> str:
        if user not in held:
            raise NoCredential("the keyring holds none")
        return held[user]

    monkeypatch.setattr(keyrings, "read", read)
    monkeypatch.setattr(keyrings, "put", held.__setitem__)
    monkeypatch.setattr(keyrings, "drop", lambda user: held.pop(user, None) is not None)
    return held


def test_the_keyring_holds_token_texts_alone(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, keyring: dict[str, str]
) -> None:
    """An access and a refresh token, each by itself; a login goes there where a keyring answers."""
    pool = pool_of(tmp_path, fake, clock, CODEX, COPILOT)
    name = logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW + 7200, store="keyring").id
    assert keyring == {f"{CODEX}/{name}": "access-old", f"{CODEX}/{name}.refresh": "refresh-old"}
    clock.now += 7200
    assert token(pool, CODEX) == keyring[f"{CODEX}/{name}"] == "access-planted-0001"
    assert not pool.paths.secrets.exists()
    manners = logging_in.Manners(lambda _step: None, sleep=lambda _seconds: None)
    seat = logging_in.login(pool, logging_in.Wish("copilot"), manners)
    assert (seat.store, seat.email) == ("keyring", "me@example.com")
    assert keyring[f"{COPILOT}/{seat.id}.refresh"].startswith("refresh-planted")
    assert [login.id for login in logging_in.logout(pool, CODEX)] == [name]
    assert [login.id for login in logging_in.logout(pool, COPILOT, "me@example.com")] == [seat.id]
    assert keyring == {}


def test_a_login_that_moves_to_another_place_leaves_no_copy(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, keyring: dict[str, str]
) -> None:
    """From the keyring to the key file, under the same id."""
    pool = pool_of(tmp_path, fake, clock, CODEX)
    name = logged_in(pool, CODEX, "access-1", "refresh-1", email="me@x", store="keyring").id
    assert logged_in(pool, CODEX, "access-2", "refresh-2", email="me@x").id == name
    assert keyring == {}
    assert token(pool, CODEX) == "access-2"


def test_a_keyring_that_breaks_in_the_middle_leaves_no_account(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, keyring: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was put there by then is taken out again."""
    pool = pool_of(tmp_path, fake, clock, CODEX)

    def put(user: str, text: str) -> None:
        if not user.endswith(".refresh"):
            raise UnusableCredential("the keyring is locked")
        keyring[user] = text

    monkeypatch.setattr(keyrings, "put", put)
    with pytest.raises(UnusableCredential):
        logged_in(pool, CODEX, "access-1", "refresh-1", store="keyring")
    assert (keyring, logins.read(pool.paths.state)) == ({}, [])


def test_who_interrupts_a_refresh_has_its_tokens(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes each refresh token once has taken it by then; Ctrl-C waits for what came of it."""
    fake.rotates = True
    pool = pool_of(tmp_path, fake, clock, CODEX)
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    real = accounts.send
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs behind a shell ignores it

    def interrupted(*args: Any) -> Any:
        found = real(*args)
        os.kill(os.getpid(), signal.SIGINT)
        return found

    monkeypatch.setattr(accounts, "send", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            token(pool, CODEX)
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    fresh = pool_of(tmp_path, fake, clock, CODEX)
    assert (token(fresh, CODEX), fake.times("refresh_token")) == ("access-planted-0001", 1)


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> Callable[[], None]:
    """Let *work* be begun while a server is asked for a token; return what waits for its end."""
    real, thread = accounts.send, threading.Thread(target=work)

    def send(*args: Any) -> Any:
        thread.start()
        thread.join(0.3)  # it is to wait for us
        return real(*args)

    monkeypatch.setattr(accounts, "send", send)
    return thread.join


def test_a_login_outlives_the_refusal_of_the_one_before(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who logs in again, as the old token is revoked, is not logged out by a chat that still tries it."""
    pool, second = (pool_of(tmp_path, fake, clock, CODEX) for _ in range(2))
    logged_in(pool, CODEX, "access-old", "refresh-revoked", ends=NOW - 1, email="me@x")
    wait = meanwhile(
        monkeypatch,
        lambda: logged_in(second, CODEX, "access-new", "refresh-new", ends=NOW + 7200, email="me@x"),
    )
    with pytest.raises(NoCredential):
        token(pool, CODEX)
    wait()
    assert token(pool_of(tmp_path, fake, clock, CODEX), CODEX) == "access-new"


def test_a_logout_during_a_refresh_leaves_no_token(
    tmp_path: Path, fake: FakeOAuth, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server answers meanwhile is not kept behind the back of who has logged out."""
    fake.rotates = True
    pool, second = (pool_of(tmp_path, fake, clock, CODEX) for _ in range(2))
    logged_in(pool, CODEX, "access-old", "refresh-old", ends=NOW - 1)
    wait = meanwhile(monkeypatch, lambda: logging_in.logout(second, CODEX))
    assert token(pool, CODEX) == "access-planted-0001"
    wait()
    held = json.loads(pool.paths.secrets.read_text())["data"]["keys"]
    assert (held.get(CODEX, {}), logins.read(pool.paths.state)) == ({}, [])
