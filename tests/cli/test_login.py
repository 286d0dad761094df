"""`llmpool providers login`, `logout`, and what accounts are good for: against fake servers only."""

from __future__ import annotations

import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.auth.oauth import Tokens
from llmpool.config.paths import Paths
from llmpool.pool import Pool
from llmpool.setup import login as logging_in
from llmpool.state.logins import Login
from tests.at_once import at_once
from tests.fakes.oauth import CLIENT_ID, CLIENT_SECRET, FIRST, FakeOAuth, script
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, end_of, toml, wait_for

STATE_KEY = {"LLMPOOL_STATE_KEY": "01234567890123456789012345678901"}
KEPT = ("--keep", "file", "--plaintext")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nobody wait; what was to be waited for is kept."""
    waited: list[float] = []
    manners = logging_in.Manners
    monkeypatch.setattr(logging_in, "Manners", lambda show, left: manners(show, left, waited.append))
    return waited


@pytest.fixture
def copilot() -> Iterator[FakeOAuth]:
    """Give a fake of GitHub and of Copilot in one."""
    with FakeServer(["gpt-4o"], speaks=("copilot",)) as server:
        server.key = "tid=planted;exp=1;sku=copilot_for_individual_pro_plus;"
        yield FakeOAuth(server)


def placed(home: Home, text: str) -> list[str]:
    """Name the files under *home* that hold *text*, backups and leftovers included."""
    return home.files_with(text)


def test_a_copilot_seat_from_login_to_answer(home: Home, copilot: FakeOAuth, no_waiting: list[float]) -> None:
    """A code is shown, the account is kept, and chat goes where the exchanged token says."""
    home.write_config(copilot.table("copilot", headers='{ User-Agent = "mine/1" }'))
    script(copilot, "device_code", ["authorization_pending", "slow_down", "slow_down", None])
    done = home.here("providers", "login", "copilot", *KEPT)
    assert done.code == 0, done
    lines = [line.strip() for line in done.err.splitlines()]
    assert f"{copilot.server.root}/enter" in lines
    assert "ABCD-1234" in lines
    assert "github-copilot: logged in as me@example.com" in done.err
    assert no_waiting == [5, 5, 10, 10]
    assert "[providers.github-copilot]" in home.config.read_text()
    answered = home.here("chat", "hi", "-m", "github-copilot/gpt-4o", "--json")
    assert answered.json["text"] == "hello there", answered
    again = home.here("chat", "hi", "-m", "github-copilot/gpt-4o", "--json")
    assert again.code == 0
    assert copilot.times("exchange") == 1
    (call, _) = copilot.server.chats
    assert call.headers["authorization"] == f"Bearer {copilot.exchanged}"
    assert call.headers["user-agent"].startswith("llmpool/")
    assert {request.headers["user-agent"] for request in copilot.heard} == {"mine/1"}
    shown = home.here("providers", "show", "github-copilot", "--json")
    (account,) = shown.json["provider"]["accounts"]
    assert (account["email"], account["connected"], account["token_expiry"]) == ("me@example.com", True, None)
    for run in (done, answered, again, shown, home.here("providers", "show", "github-copilot")):
        assert not run.shows(FIRST)
    assert placed(home, FIRST) == ["secrets.json", "state/tokens.json"]
    assert placed(home, "access-" + FIRST) == ["secrets.json"]
    modes = {
        name: Path(home.dir, name).stat().st_mode & 0o777 for name in ("secrets.json", "state/tokens.json")
    }
    assert set(modes.values()) == {0o600}
    out = home.here("providers", "logout", "github-copilot", "--json")
    assert out.json["logged_out"] == [account["id"]]
    assert placed(home, FIRST) == []
    assert "nobody is logged in" in home.here("chat", "hi", "-m", "github-copilot/gpt-4o").err


def test_a_login_through_a_browser_and_an_answer(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser comes back to this machine with a code, and Cloud Code is asked for its own project."""
    port = closed_port()
    with FakeServer(["gemini-2.5-pro"], speaks=("cloudcode",)) as server:
        fake = FakeOAuth(server, lasts=3599, secret=CLIENT_SECRET)
        secret = toml({"env": "MY_SECRET"})
        home.write_config(fake.table("gemini-cli", redirect_port=port, client_secret=secret))
        pages: list[str] = []
        browse(monkeypatch, fake, pages)
        done = home.here(
            "providers", "login", "gemini-cli", *KEPT, "--json", env={"MY_SECRET": CLIENT_SECRET}
        )
        assert done.code == 0, done
        assert done.json["provider"] == "google-gemini-cli"
        account = done.json["account"]
        assert (account["email"], account["project_id"]) == ("me@example.com", "fake-project")
        assert "Almost done" in pages[0]
        server.key = "access-planted-0002"
        answered = home.here("chat", "hi", "-m", "google-gemini-cli/gemini-2.5-pro", "--json")
        assert answered.json["text"] == "hello there", answered
        assert server.chats[0].json["project"] == "fake-project"
        assert placed(home, "access-" + FIRST) == ["state/tokens.json"]
        assert placed(home, "refresh-" + FIRST) == ["secrets.json"]
        assert placed(home, CLIENT_SECRET) == []


def browse(monkeypatch: pytest.MonkeyPatch, fake: FakeOAuth, pages: list[str], query: str = "") -> None:
    """Be the person and the browser: say yes, and go where the server sends them."""
    from llmpool.cli.login_view import Greeter

    def visit(url: str) -> None:
        back = fake.consent(url).replace("localhost", "127.0.0.1") + query
        try:
            with urllib.request.urlopen(back, timeout=30) as answer:
                pages.append(answer.read().decode())
        except urllib.error.HTTPError as error:
            pages.append(error.read().decode())

    shown = Greeter.show

    def show(self: Greeter, step: Any) -> None:
        shown(self, step)
        threading.Thread(target=visit, args=(step.url,)).start()

    monkeypatch.setattr(Greeter, "show", show)


def test_two_processes_that_refresh_at_once_make_one_refresh(home: Home) -> None:
    """Whoever waits for the other's turn uses what the other got."""
    with FakeServer(["m"], speaks=("cloudcode",), delay=0.3) as server:
        fake = FakeOAuth(server, lasts=3599, rotates=True)
        fake.refreshing.add("refresh-planted-old")
        home.write_config(fake.table("gemini-cli"), "[providers.google-gemini-cli]")
        expired(home, "google-gemini-cli", "gemini-cli", server.root)
        command = ("chat", "hi", "-m", "google-gemini-cli/m", "--no-stream")
        ends = at_once(home, *[command] * 2, env=STATE_KEY)
        assert [end.out for end in ends] == ["hello there\n"] * 2, ends
        assert fake.times("refresh_token") == 1
        assert {call.headers["authorization"] for call in server.chats} == {"Bearer access-planted-0001"}
    assert not any(end.shows(FIRST) for end in ends)
    assert placed(home, FIRST) == ["state/tokens.json"]


def expired(home: Home, provider: str, kind: str, endpoint: str) -> None:
    """Keep an account whose access token has ended a minute ago, encrypted."""
    paths = Paths(home.config, home.state, home.dir / "secrets.json")
    pool = Pool(paths, STATE_KEY, time.time)
    login = Login(
        provider=provider, id="", type=kind, email="me@example.com", endpoint=endpoint, store="file"
    )
    logging_in.adopt(pool, login, Tokens("access-planted-old", "refresh-planted-old", time.time() - 60))


def test_a_login_that_is_interrupted_leaves_nothing(home: Home) -> None:
    """Ctrl-C ends it with 130; the config is as it was, no account, no token, no port in use."""
    port = closed_port()
    with FakeServer(speaks=("cloudcode",)) as server:
        fake = FakeOAuth(server)
        home.write_config(fake.table("gemini-cli", redirect_port=port))
        before = home.config.read_text()
        run = home.start("providers", "login", "gemini-cli", *KEPT)
        assert run.stderr is not None
        while "waiting" not in run.stderr.readline():
            continue
        with socket.create_connection(("127.0.0.1", port), timeout=30):
            pass
        ended = end_of(run, send=signal.SIGINT)
    assert ended.code == 130, ended
    assert home.config.read_text() == before
    assert not (home.state / "accounts.json").exists()
    assert not (home.dir / "secrets.json").exists()


def test_without_a_client_of_ones_own_nothing_is_asked(home: Home) -> None:
    """The words name the key of the config and the variable; so they do for a variable that is not set."""
    refused = home.here("providers", "login", "github-copilot", "--json")
    assert (refused.code, refused.error["kind"]) == (5, "credentials")
    assert "llmpool ships none" in refused.error["message"]
    assert "[oauth.copilot] client_id" in refused.error["hint"]
    assert "LLMPOOL_OAUTH_COPILOT_CLIENT_ID" in refused.error["hint"]
    home.write_config('[oauth.gemini-cli]\nclient_id = { env = "MY_ID" }')
    refused = home.here("providers", "login", "gemini-cli")
    assert (refused.code, "MY_ID is not set" in refused.err) == (5, True)
    assert not (home.dir / "secrets.json").exists()


def test_a_client_from_variables_is_enough(home: Home, copilot: FakeOAuth) -> None:
    """LLMPOOL_OAUTH_<TYPE>_CLIENT_ID and _CLIENT_SECRET, where the config names none."""
    copilot.secret = CLIENT_SECRET
    home.write_config(copilot.table("copilot").replace(f'client_id = "{CLIENT_ID}"', ""))
    env = {"LLMPOOL_OAUTH_COPILOT_CLIENT_ID": CLIENT_ID, "LLMPOOL_OAUTH_COPILOT_CLIENT_SECRET": CLIENT_SECRET}
    done = home.here("providers", "login", "copilot", "--keep", "file", env=env | STATE_KEY)
    assert done.code == 0, done
    assert placed(home, CLIENT_SECRET) == placed(home, FIRST) == []


def test_tokens_never_lie_in_a_file_unencrypted_unasked(home: Home, copilot: FakeOAuth) -> None:
    """Settled before anybody is asked: no keyring, no state key, no --plaintext."""
    home.write_config(copilot.table("copilot"))
    refused = home.here("providers", "login", "copilot")
    assert (refused.code, "--plaintext" in refused.err) == (2, True)
    assert copilot.asked == []
    refused = home.here("providers", "login", "copilot", "--keep", "drawer")
    assert (refused.code, "keyring, file" in refused.err) == (2, True)
    refused = home.here("providers", "login", "copilot", "--keep", "keyring")
    assert refused.code == 5
    assert copilot.asked == []


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (["access_denied"], "access_denied"),
        (["expired_token"], "expired_token"),
        ([{"status": 200}], "the login failed"),
        ([{"access_token": "bad\ntoken"}], "characters that no token has"),
        ([{"access_token": ["x"]}], "the server's token is none"),
    ],
)
def test_a_login_that_is_refused_says_why_and_leaves_nothing(
    home: Home, copilot: FakeOAuth, answers: list[Any], words: str
) -> None:
    """Exit 5, with the server's word as a code."""
    home.write_config(copilot.table("copilot"))
    script(copilot, "device_code", answers)
    refused = home.here("providers", "login", "copilot", *KEPT, "--json")
    assert (refused.code, refused.out) == (5, "")
    assert words in refused.error["message"]
    assert refused.error["code"]
    assert not (home.state / "accounts.json").exists()
    assert placed(home, FIRST) == []


def test_the_browser_coming_back_with_a_foreign_state_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says so, escaped, and so does the terminal; the code is never asked with."""
    with FakeServer(speaks=("cloudcode",)) as server:
        fake = FakeOAuth(server)
        home.write_config(fake.table("gemini-cli", redirect_port=closed_port()))
        pages: list[str] = []
        browse(monkeypatch, fake, pages, "&state=%3Cb%3E")
        refused = home.here("providers", "login", "gemini-cli", *KEPT)
        assert (refused.code, "does not belong to this login" in refused.err) == (5, True)
        wait_for(lambda: bool(pages))
        assert "The login failed" in pages[0]
        assert fake.times("authorization_code") == 0


def test_logging_in_again_renews_the_account_and_another_joins_it(home: Home, copilot: FakeOAuth) -> None:
    """One e-mail is one account; logout takes one by its e-mail, or all."""
    home.write_config(copilot.table("copilot"), "[providers.github-copilot]\nenabled = false")
    login = ("providers", "login", "copilot", *KEPT, "--json")
    first = home.here(*login).json["account"]["id"]
    assert "enabled = true" in home.config.read_text()
    assert home.here(*login).json["account"]["id"] == first
    copilot.email = "two@example.com"
    second = home.here(*login).json["account"]["id"]
    shown = home.here("providers", "show", "github-copilot", "--json").json["provider"]
    assert [account["id"] for account in shown["accounts"]] == [first, second]
    assert (shown["login"]["account_count"], shown["key"]) == (2, "2 accounts")
    limits = home.here("providers", "limits", "github-copilot", "--json")
    assert [(line["key"], line["tier"]) for line in limits.json["limits"]] == [
        (first, "Pro+"),
        (second, "Pro+"),
    ]
    table = home.here("providers", "limits", "github-copilot").out
    assert "two@example.com" in table
    assert "GitHub Copilot Pro+" in table
    nobody = home.here("providers", "logout", "copilot", "--account", "three@example.com", "--json")
    assert (nobody.code, nobody.error["candidates"]) == (3, ["me@example.com", "two@example.com"])
    out = home.here("providers", "logout", "copilot", "--account", "me@example.com")
    assert (out.code, out.err) == (0, "github-copilot: logged out me@example.com\n")
    assert home.here("providers", "logout", "copilot", "--json").json["logged_out"] == [second]
    assert placed(home, FIRST) == []
    again = home.here("providers", "logout", "copilot")
    assert (again.code, "nobody is logged in" in again.err) == (3, True)
    listed = home.here("providers", "list", "--json").json["providers"][0]
    assert (listed["state"], listed["key"], listed["reason"]) == (
        "no key",
        "no account",
        "nobody is logged in",
    )


def test_whom_to_log_in_to(home: Home) -> None:
    """A provider, a preset or a type; keys have no login, and a type of several providers is none of them."""
    home.write_config(
        '[providers.den]\nurl = "http://den.example"\n[providers.a]\npreset = "copilot"\n'
        '[providers.b]\npreset = "github-copilot"'
    )
    for name, code, words in (
        ("den", 2, "it takes keys"),
        ("copilot", 3, "several providers"),
        ("nobody", 3, "no provider"),
        ("a", 5, "client id"),
    ):
        refused = home.here("providers", "login", name)
        assert (refused.code, words in refused.err) == (code, True), refused
    env = {"LLMPOOL_OAUTH_CODEX_CLIENT_ID": "x"}
    refused = home.here("providers", "login", "codex", "--device", *KEPT, env=env)
    assert (refused.code, "no login by a code" in refused.err) == (2, True)
    assert home.here("providers", "login", "codex", *KEPT, "--offline", env=env).code == 8
