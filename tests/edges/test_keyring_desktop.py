"""The keyring of a desktop: a session bus with a real gnome-keyring, or with one that nobody unlocks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.fakes import secret_service
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, provider, wait_for

BUS, GNOME = shutil.which("dbus-daemon"), shutil.which("gnome-keyring-daemon")
ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
ROOT = Path(__file__).resolve().parents[2]
Starts = Callable[..., None]

pytestmark = pytest.mark.skipif(
    not BUS or not sys.platform.startswith("linux"), reason="dbus-daemon is not installed: no session bus"
)
needs_gnome = pytest.mark.skipif(
    not GNOME, reason="gnome-keyring-daemon is not installed: the real Secret Service is not tested"
)


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """End what a test has started."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    for process in reversed(running):
        end(process)


@pytest.fixture
def desk(home: Home, started: list[subprocess.Popen[bytes]]) -> Home:
    """Give a home with a session bus, on which nobody keeps secrets yet."""
    del home.env["PYTHON_KEYRING_BACKEND"]
    runtime = home.dir / "runtime"
    runtime.mkdir(mode=0o700)
    home.env["XDG_RUNTIME_DIR"] = str(runtime)
    bus = subprocess.Popen(
        [str(BUS), "--session", "--nofork", "--nopidfile", "--print-address"],
        env=home.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    started.append(bus)
    assert bus.stdout
    home.env[ADDRESS] = bus.stdout.readline().decode().strip()
    if not home.env[ADDRESS]:
        pytest.skip("dbus-daemon does not start here: no session bus")
    return home


@pytest.fixture
def gnome(desk: Home, started: list[subprocess.Popen[bytes]]) -> Starts:
    """Start gnome-keyring, unlocked with a password, or as it starts at login without one."""

    def start(*, unlocked: bool) -> None:
        daemon = subprocess.Popen(
            [str(GNOME), "--foreground", "--components=secrets", "--unlock" if unlocked else "--start"],
            env=desk.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(daemon)
        assert daemon.stdin
        daemon.stdin.write(b"a password" if unlocked else b"")
        daemon.stdin.close()
        daemon.stdin = None
        await_name(desk)

    return start


@pytest.fixture
def fake(desk: Home, started: list[subprocess.Popen[bytes]]) -> Callable[[str], Path]:
    """Start one that keeps secrets, but not open; return where it writes down what it is asked."""

    def start(kind: str) -> Path:
        log = desk.dir / "asked.txt"
        env = desk.env | {"PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", secret_service.__name__, kind, str(log)]
        started.append(subprocess.Popen(words, env=env, cwd=ROOT, stderr=subprocess.DEVNULL))
        await_that(lambda: log.exists() and log.read_text().startswith(secret_service.READY))
        return log

    return start


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours."""
    process.kill()
    process.communicate()


def await_that(came_true: Callable[[], bool]) -> None:
    """Wait until something has come true."""
    for _ in range(1000):
        if came_true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come true")


def await_name(desk: Home) -> None:
    """Wait until somebody keeps secrets on the bus, with a collection to keep them in."""
    code = (
        "import secretstorage, sys; bus = secretstorage.dbus_init();"
        "print(secretstorage.util.DBusAddressWrapper(secretstorage.defines.SS_PATH,"
        "secretstorage.defines.SS_PREFIX + 'Service', bus).get_property('Collections'))"
    )
    words = [sys.executable, "-c", code]
    await_that(lambda: not subprocess.run(words, env=desk.env, capture_output=True, check=False).returncode)


@needs_gnome
def test_a_key_lives_in_the_keyring_and_nowhere_else(desk: Home, gnome: Starts, server: FakeServer) -> None:
    """Stored from stdin, used, seen by the doctor as lost to cron, and gone when it is removed."""
    gnome(unlocked=True)
    desk.write_config(provider("sky", server.url, format="openai"))
    added = desk.pool("providers", "keys", "add", "sky", "--label", "a", "--key-stdin", stdin=PLANTED_KEY)
    assert (added.code, "keyring" in added.err) == (0, True)
    assert "keyring = true" in desk.config.read_text()
    assert desk.pool("providers", "verify", "sky").code == 0
    assert f"Bearer {PLANTED_KEY}" in [request.headers.get("authorization") for request in server.requests]
    (row,) = desk.pool("providers", "show", "sky", "--json").json["provider"]["keys"]
    assert (row["from"], row["asked"], row["state"]) == ("the keyring", "first", "ok")
    findings = desk.pool("doctor", "--offline", "--json", env={"PATH": os.environ["PATH"]}).json["findings"]
    (told,) = [each["message"] for each in findings if each["what"] == "cron"]
    assert told == "has no key for sky (the keyring): the keyring is not open without a desktop"
    assert desk.files_with(PLANTED_KEY) == []
    assert desk.pool("providers", "keys", "remove", "sky", "a", "--yes").code == 0
    assert said(desk, "sky/a") == 'sky: the keyring holds no key "a"'


@needs_gnome
def test_a_real_one_that_is_locked_is_told_as_such(
    desk: Home, gnome: Starts, started: list[subprocess.Popen[bytes]]
) -> None:
    """Before its owner has logged in once it has nothing to keep keys in; later it is locked until then."""
    gnome(unlocked=False)
    assert said(desk) == 'p: the keyring has no collection to keep keys in (key "a")'
    end(started.pop())
    gnome(unlocked=True)
    assert said(desk) == 'p: the keyring holds no key "a"'
    end(started.pop())
    gnome(unlocked=False)
    assert said(desk) == 'p: the keyring is locked (key "a")'


def test_nobody_is_asked_for_a_password_off_a_terminal(desk: Home, fake: Callable[[str], Path]) -> None:
    """A job that inherits the bus of the desktop is told at once, and no window opens, display or not."""
    log = fake("locked")
    for display in ({}, {"DISPLAY": ":0"}):
        assert said(desk, **display) == 'p: the keyring is locked (key "a")'
    assert not {"Unlock", "Prompt"} & set(log.read_text().split())


def test_a_keyring_without_a_collection_is_not_given_one(desk: Home, fake: Callable[[str], Path]) -> None:
    """To make one, a password is asked for."""
    log = fake("empty")
    assert said(desk) == 'p: the keyring has no collection to keep keys in (key "a")'
    assert "CreateCollection" not in log.read_text()


def test_a_closed_wallet_is_not_opened(desk: Home, fake: Callable[[str], Path]) -> None:
    """To open it, a password is asked for; that it is closed can be asked."""
    log = fake("closed")
    assert said(desk, ask=WALLET) == "the wallet is closed"
    assert log.read_text().split() == [secret_service.READY, "networkWallet", "isOpen"]


def test_no_keyring_is_started_off_a_terminal(home: Home, request: pytest.FixtureRequest) -> None:
    """The bus starts one for whoever calls its name, so it is asked first whether there is one."""
    services = Path(home.env["XDG_DATA_HOME"], "dbus-1/services")
    services.mkdir(parents=True)
    mark = home.dir / "started"
    (services / "org.freedesktop.secrets.service").write_text(
        f"[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/usr/bin/touch {mark}\n"
    )
    desk = request.getfixturevalue("desk")
    assert said(desk) == 'p: no keyring runs on the session bus (key "a")'
    assert not mark.exists()


def test_on_a_desktop_the_password_is_waited_for_until_ctrl_c(
    desk: Home, fake: Callable[[str], Path]
) -> None:
    """After two seconds it is said what is waited for; Ctrl-C ends the run with 130."""
    log = fake("locked")
    desk.write_config(provider("sky", "http://127.0.0.1:9/v1", format="openai", key={"keyring": True}))
    child = desk.terminal("providers", "verify", "sky", env={"DISPLAY": ":0"})
    child.expect("sky: waiting for the keyring, which may ask for its password in a window; Ctrl-C ends it")
    wait_for(lambda: {"Unlock", "Prompt"} <= set(log.read_text().split()))
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


ASK = """
import sys
from llmpool.auth import keyrings
keyrings.read(sys.argv[1])
"""
WALLET = """
from llmpool.auth import session_bus
Wallet = type("DBusKeyring", (), {"__module__": "keyring.backends.kwallet"})
Wallet.bus_name, Wallet.object_path = "org.kde.kwalletd5", "/modules/kwalletd5"
session_bus.refuse_prompt(Wallet())
"""
TOLD = """
except NoCredential as error:
    print(error.message)
"""


def said(desk: Home, user: str = "p/a", *, ask: str = ASK, **more: str) -> str:
    """Ask off a terminal, in a process of its own, and return what went wrong."""
    body = "\n".join(f"    {line}" for line in ask.strip().splitlines())
    code = f"from llmpool.errors import NoCredential\ntry:\n{body}{TOLD}"
    done = subprocess.run(
        [sys.executable, "-c", code, user],
        env=desk.env | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()
