"""Accounts as other commands see them: doctor, list, route, and the terminal during a login."""

from __future__ import annotations

import time
import webbrowser
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.auth.oauth import Show, Tokens
from llmpool.cli.login_view import Greeter
from llmpool.config.paths import Paths
from llmpool.pool import Pool
from llmpool.setup import login as logging_in
from llmpool.state import logins
from llmpool.state.logins import Login
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, model, provider

STATE_KEY = {"LLMPOOL_STATE_KEY": "01234567890123456789012345678901"}
SEAT = "github-copilot"


def keep(home: Home, tokens: Tokens, **fields: Any) -> Login:
    """Keep an account of the Copilot provider."""
    paths = Paths(home.config, home.state, home.dir / "secrets.json")
    known: dict[str, Any] = {"provider": SEAT, "type": "copilot", "store": "file", "email": "me@x.y"}
    account = Login(id="", **known | fields)
    return logging_in.adopt(Pool(paths, STATE_KEY, time.time), account, tokens)


def test_a_provider_nobody_is_logged_in_to_is_passed_over(home: Home, server: FakeServer) -> None:
    """Routing leaves it out with the reason; chat is answered by another; nothing is a crash."""
    home.write_config(
        f"[providers.{SEAT}]\npriority = 99",
        provider("den", server.url),
        model(f"{SEAT}/gpt-4o", quality=10, speed=10),
        model("den/m", quality=1, speed=1),
    )
    route = home.here("route", "hi", "--json")
    assert route.json["decision"]["selected"] == "den/m"
    rejected = {each["deployment"]: each["reasons"] for each in route.json["decision"]["rejections"]}
    assert rejected[f"{SEAT}/gpt-4o"] == ["no key: nobody is logged in"]
    assert home.here("chat", "hi").out == "hello there\n"
    pinned = home.here("chat", "hi", "-m", f"{SEAT}/gpt-4o")
    assert (pinned.code, "nobody is logged in" in pinned.err) == (5, True), pinned
    assert f"llmpool providers login {SEAT}" in pinned.err
    refreshed = home.here("refresh", "--json")
    assert "nobody is logged in" in refreshed.out


def test_doctor_knows_accounts(home: Home) -> None:
    """Who is not logged in is told with the command; tokens that are there are no finding, lost ones are."""
    home.write_config(f"[providers.{SEAT}]")
    told = home.here("doctor", "--json").json["findings"]
    (missing,) = [f for f in told if f["area"] == "keys" and f["what"] == SEAT]
    assert (missing["command"], "nobody is logged in" in missing["message"]) == (
        f"llmpool providers login {SEAT}",
        True,
    )
    keep(home, Tokens("gho_planted", "ghr_planted"))
    fine = home.here("doctor", "--json", env=STATE_KEY)
    assert [f for f in fine.json["findings"] if f["area"] == "keys" and f["what"] == SEAT] == []
    (home.dir / "secrets.json").unlink()
    lost = home.here("doctor", "--json", env=STATE_KEY)
    (fault,) = [f for f in lost.json["findings"] if f["area"] == "keys" and f["what"] == SEAT]
    assert fault["severity"] == "error"
    assert not any(run.shows("planted") for run in (fine, lost))
    (home.state / logins.NAME).write_text("{")
    broken = [f for f in home.here("doctor", "--json").json["findings"] if f["what"] == logins.NAME]
    assert [f["severity"] for f in broken] == ["error"]
    assert home.here("route", "hi").code == 10


class Screen:
    """A terminal as the greeter sees it."""

    def __init__(self, *, tty: bool, quiet: bool = False) -> None:
        self.err = StringIO()
        self.in_is_terminal = self.err_is_terminal = tty
        self.options = SimpleNamespace(quiet=quiet)
        self.said: list[str] = []
        self.warned: list[str] = []
        self.say = self.said.append
        self.warn = self.warned.append


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the addresses that a browser was opened at."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":9")
    return found


CODE = Show("https://x.example/device", "ABCD-1234", 300)
PAGE = Show("https://x.example/auth?redirect_uri=http%3A%2F%2Flocalhost%3A8085%2Fx", "", 600)


def greet(screen: Screen, step: Show, *, browser: bool = True) -> list[str]:
    """Show a step and return what was said."""
    with Greeter(screen, browser=browser) as greeter:  # type: ignore[arg-type]
        greeter.show(step)
    return screen.said


def test_a_browser_is_opened_on_a_terminal_alone(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not off one, not when told not to, not where there is no desktop; the address is printed always."""
    assert f"  {CODE.url}" in greet(Screen(tty=True), CODE)
    assert opened == [CODE.url]
    for screen, browser in ((Screen(tty=False), True), (Screen(tty=True), False)):
        assert f"  {PAGE.url}" in greet(screen, PAGE, browser=browser)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    greet(Screen(tty=True), PAGE)
    monkeypatch.setenv("DISPLAY", ":9")
    monkeypatch.setenv("SSH_CONNECTION", "1")
    said = greet(Screen(tty=True), PAGE)
    assert opened == [CODE.url]
    assert "from another machine, begin with: ssh -L 8085:127.0.0.1:8085 HOST" in said


def test_address_and_code_stand_alone_and_quiet_does_not_hide_them(opened: list[str]) -> None:
    """Each can be copied whole; a login nobody is told of could not be finished."""
    assert greet(Screen(tty=False), CODE) == [
        "open this address, in any browser:",
        "  https://x.example/device",
        "and type in there:",
        "  ABCD-1234",
        "waiting for 5 min; Ctrl-C leaves nothing behind",
    ]
    quiet = Screen(tty=False, quiet=True)
    assert (greet(quiet, CODE), "  ABCD-1234" in quiet.warned) == ([], True)
    assert opened == []


def test_a_port_in_use_is_told_before_the_browser_is_sent_away(home: Home) -> None:
    """Exit 2, with the key of the config that names another."""
    port = closed_port()
    home.write_config(f'[oauth.codex]\nclient_id = "x"\nredirect_port = {port}')
    with FakeServer(port=port):
        refused = home.here("providers", "login", "codex", "--keep", "file", "--plaintext")
    assert (refused.code, "redirect_port" in refused.err, "open this" in refused.err) == (2, True, False)


def test_a_provider_that_goes_leaves_no_account(home: Home) -> None:
    """`remove` logs its accounts out and says so before it asks; no token is left anywhere."""
    home.write_config(f"[providers.{SEAT}]")
    login = keep(home, Tokens("gho_planted", "ghr_planted"))
    unsaid = home.here("providers", "remove", SEAT)
    assert (unsaid.code, "logged out here: me@x.y" in unsaid.err) == (2, True)
    assert "secrets.json" in home.files_with(login.id)
    gone = home.here("providers", "remove", SEAT, "--yes", "--json")
    assert (gone.code, gone.json["logged_out"]) == (0, ["me@x.y"])
    assert home.files_with(login.id) == []
    assert logins.of(home.state, SEAT) == []
