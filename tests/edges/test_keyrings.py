"""auth.keyrings: what works, and every way in which a keyring does not; a key is never in what is said."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.errors import InitError, KeyringError, KeyringLocked, NoKeyringError, PasswordDeleteError

from llmpool.auth import keyrings, session_bus
from llmpool.errors import LlmpoolError, NoCredential, UnusableCredential
from tests.fakes.keyrings import Chain, Hanging, Kept, named
from tests.support import python_environment

KEY = "sk-hidden-0123456789abcdef"
ENTRY = (keyrings.SERVICE, "openai/a")
Chooses = Callable[[Any], Any]


@pytest.fixture
def chooses(monkeypatch: pytest.MonkeyPatch) -> Chooses:
    """Have the library choose this keyring."""
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    monkeypatch.setattr(keyrings, "_silent", [])
    monkeypatch.setattr(keyrings, "_noticed", [])

    def choose(place: Any) -> Any:
        monkeypatch.setattr(keyring, "get_keyring", lambda: place)
        return place

    return choose


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def refusal(act: Callable[..., object], *words: str) -> LlmpoolError:
    """Return the error that *act* ends with; it holds no key."""
    with pytest.raises(NoCredential) as caught:
        act(*words)
    assert KEY not in f"{caught.value!r} {caught.value.hint} {caught.value.__context__!r}"
    return caught.value


def test_what_is_put_is_read_until_it_is_dropped(chooses: Chooses) -> None:
    """Service llmpool, user PROVIDER/LABEL; to drop what is not there is no error."""
    place = chooses(Kept())
    keyrings.put("openai/a", KEY)
    assert place.entries == {("llmpool", "openai/a"): KEY}
    assert keyrings.read("openai/a") == KEY
    assert [keyrings.drop("openai/a"), keyrings.drop("openai/a")] == [True, False]
    assert place.entries == {}


def test_a_key_that_is_not_there_is_missing_not_faulty(chooses: Chooses) -> None:
    """It is told with the command that puts one there."""
    chooses(Kept())
    told = refusal(keyrings.read, "openai/a")
    assert type(told) is NoCredential
    assert told.message == 'openai: the keyring holds no key "a"'
    assert told.hint == "llmpool providers keys replace openai a"
    assert refusal(keyrings.read, "state-key").message == "the keyring holds no state-key"


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (KeyringLocked(KEY), "the keyring is locked"),
        (InitError(KEY), "the keyring cannot be opened (InitError)"),
        (KeyringError(KEY), "the keyring failed (KeyringError)"),
        (OSError(KEY), "the keyring failed (OSError)"),
        (ValueError(KEY), "the keyring failed (ValueError)"),
        (SystemExit(KEY), "the keyring failed (SystemExit)"),
    ],
)
def test_of_an_error_of_the_library_the_type_alone_is_told(
    chooses: Chooses, error: BaseException, fact: str
) -> None:
    """Whatever a plugin raises, a run ends at once, with the way out; its words may hold the key."""
    chooses(Kept(fails=error))
    for act in (keyrings.read, keyrings.drop, lambda user: keyrings.put(user, KEY)):
        told = refusal(act, "openai/a")
        assert isinstance(told, UnusableCredential)
        assert told.message == f'openai: {fact} (key "a")'
        assert "doctor --cron" in told.hint or "unlock" in told.hint


def test_without_a_keyring_it_is_said_why(chooses: Chooses, monkeypatch: pytest.MonkeyPatch) -> None:
    """No session bus; one on which nobody keeps secrets; or somebody switched it off."""
    chooses(named("keyring.backends.fail.Keyring")(fails=NoKeyringError()))
    monkeypatch.setattr(session_bus, "LINUX", True)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert (
        ": no desktop, as in cron, over ssh and in containers (key" in refusal(keyrings.read, "p/a").message
    )
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    assert ": no program on the session bus keeps one (key" in refusal(keyrings.read, "p/a").message
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert ": PYTHON_KEYRING_BACKEND says so (key" in refusal(keyrings.read, "p/a").message


def test_one_that_is_switched_off_does_not_pass_for_an_empty_one(chooses: Chooses) -> None:
    """`keyring --disable` leaves one that answers nothing and keeps nothing, without a word."""
    chooses(named("keyring.backends.null.Keyring")())
    assert refusal(keyrings.read, "p/a").message == (
        'p: the keyring is switched off by keyringrc.cfg (key "a")'
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("keyrings.alt.file.PlaintextKeyring", "keeps keys in plain text"),
        ("keyrings.alt.file.EncryptedKeyring", "is a file, and none of the system"),
        ("keyrings.cryptfile.cryptfile.CryptFileKeyring", "is a file, and none of the system"),
        ("somewhere.MyPlainTextKeyring", "keeps keys in plain text"),
    ],
)
def test_files_that_a_package_brought_along_are_refused_unless_allowed(
    chooses: Chooses, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    """The library chooses them silently; they are not asked, nor written to, before their owner says so."""
    place = chooses(named(name)({ENTRY: KEY}))
    told = refusal(keyrings.read, "openai/a")
    assert told.message == f'openai: the keyring in use ({name}) {why}, so it is refused (key "a")'
    assert "export LLMPOOL_PLAINTEXT_KEYRING=1" in told.hint
    refusal(keyrings.put, "openai/a", "other")
    assert (place.entries, place.asked) == ({ENTRY: KEY}, 0)
    monkeypatch.setenv("LLMPOOL_PLAINTEXT_KEYRING", "1")
    assert keyrings.read("openai/a") == KEY


def test_a_chain_is_judged_link_by_link(chooses: Chooses) -> None:
    """A plaintext link is neither read nor written to; the others are asked in turn."""
    first, last = Kept(), Kept({ENTRY: KEY})
    plain = named("keyrings.alt.file.PlaintextKeyring")({ENTRY: "in the clear"})
    chooses(Chain(first, plain, last))
    assert keyrings.read("openai/a") == KEY
    keyrings.put("openai/a", "new")
    assert (first.entries, last.entries, plain.asked) == ({ENTRY: "new"}, {ENTRY: KEY}, 0)
    assert keyrings.drop("openai/a")
    assert (first.entries, last.entries) == ({}, {})
    chooses(Chain(plain))
    assert "plain text" in refusal(keyrings.read, "openai/a").message
    chooses(Chain())
    assert "there is no keyring here" in refusal(keyrings.read, "openai/a").message


def test_a_locked_link_does_not_hide_a_key_in_another(chooses: Chooses) -> None:
    """But where none has it, the lock is the news: the key may be behind it."""
    locked = Kept(fails=KeyringLocked())
    chooses(Chain(locked, Kept({ENTRY: KEY})))
    assert keyrings.read("openai/a") == KEY
    chooses(Chain(locked, Kept()))
    assert "is locked" in refusal(keyrings.read, "openai/a").message


def test_a_choice_that_leads_nowhere_is_told(chooses: Chooses, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that is gone, or a keyringrc.cfg with a mistake: told at once, off a terminal and on one."""

    def broken() -> None:
        raise ModuleNotFoundError(KEY)

    monkeypatch.setattr(keyring, "get_keyring", broken)
    fact = "the keyring that keyringrc.cfg names cannot be used here (ModuleNotFoundError)"
    assert refusal(keyrings.read, "p/a").message == f'p: {fact} (key "a")'
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "gone.Keyring")
    assert "PYTHON_KEYRING_BACKEND names" in refusal(keyrings.read, "p/a").message


def test_one_that_hangs_is_given_up_and_not_asked_again(
    chooses: Chooses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds off a terminal, once for all keys; when it has come round it is asked as before."""
    assert keyrings.SECONDS == 5
    monkeypatch.setattr(keyrings, "SECONDS", 0.05)
    place = chooses(Hanging())
    for _ in range(3):
        told = refusal(keyrings.read, "openai/a")
        assert told.message == 'openai: the keyring did not answer in 0.05 s (key "a")'
        assert told.hint.startswith(
            "it may be locked: unlock it on the desktop;  or keep the key in a variable"
        )
    assert place.asked == 1
    place.let_go.set()
    for thread in keyrings._silent:
        thread.join(30)
    place.entries[ENTRY] = KEY
    assert keyrings.read("openai/a") == KEY


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_on_a_terminal_it_has_all_the_time_and_says_so_once(
    chooses: Chooses, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    """A key that is piped in is stored by somebody who sits there, so either stream will do."""
    assert keyrings.NOTICE_SECONDS == 2
    monkeypatch.setattr(keyrings, "NOTICE_SECONDS", 0.05)
    monkeypatch.setattr(keyrings, "SECONDS", 0.01)
    said = Terminal() if stream == "stderr" else io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    if stream == "stdin":
        monkeypatch.setattr(sys, "stdin", Terminal())
    place = chooses(Hanging())
    place.entries[ENTRY] = KEY
    monkeypatch.setattr(said, "flush", place.let_go.set)
    assert [keyrings.read("openai/a"), keyrings.read("openai/a")] == [KEY, KEY]
    cleared = "\r\x1b[K" if stream == "stderr" else ""
    assert said.getvalue() == (
        f"{cleared}openai: waiting for the keyring, which may ask for its password in a window; "
        'Ctrl-C ends it (key "a")\n'
    )


def test_ctrl_c_ends_the_waiting_for_good(chooses: Chooses, monkeypatch: pytest.MonkeyPatch) -> None:
    """What puts things back behind it asks the same keyring, and would have waited anew."""
    monkeypatch.setattr(keyrings, "NOTICE_SECONDS", 0.05)
    said = Terminal()
    monkeypatch.setattr(sys, "stderr", said)

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(said, "flush", interrupted)
    place = chooses(Hanging())
    with pytest.raises(KeyboardInterrupt):
        keyrings.read("openai/a")
    told = refusal(keyrings.read, "openai/a")
    assert (told.message, place.asked) == ('openai: the keyring did not answer (key "a")', 1)
    place.let_go.set()


def test_windows_keeps_1280_characters(chooses: Chooses) -> None:
    """What its Credential Manager would refuse with a number is refused before, with the way out."""
    place = chooses(named("keyring.backends.Windows.WinVaultKeyring")())
    keyrings.put("openai/a", "x" * 1280)
    told = refusal(keyrings.put, "openai/a", KEY + "x" * (1281 - len(KEY)))
    assert told.message == (
        'openai: a key of 1,281 characters is too long for the keyring of Windows: 1,280 (key "a")'
    )
    assert told.hint == "keep it in secrets.json: --keep file"
    refusal(keyrings.put, "openai/a", "\N{OLD KEY}" * 641)  # each is two units of UTF-16
    assert place.entries[ENTRY] == "x" * 1280


def test_what_is_not_ascii_is_kept_as_it_is(chooses: Chooses) -> None:
    """A keyring keeps text; whether a key may look so is for whoever reads it."""
    chooses(Kept())
    keyrings.put("openai/a", "schlüssel\N{KEY}")
    assert keyrings.read("openai/a") == "schlüssel\N{KEY}"


class Doubled(Kept):
    """A keyring in which another program has an entry of the same name, that is found first."""

    def __init__(self) -> None:
        super().__init__()
        self.others = ["theirs"]

    def get_password(self, service: str, user: str) -> str | None:
        theirs = self.others and (service, user) == ENTRY
        return self.others[0] if theirs else super().get_password(service, user)

    def delete_password(self, service: str, user: str) -> None:
        if self.others and (service, user) == ENTRY:
            self.others.pop()
        else:
            super().delete_password(service, user)


def test_an_entry_of_another_program_does_not_stay_in_the_way(chooses: Chooses) -> None:
    """What was put is what is read, and after a drop nothing of the name is left to be found."""
    place = chooses(Doubled())
    keyrings.put("openai/a", KEY)
    assert keyrings.read("openai/a") == KEY
    place.others = ["theirs"]
    assert keyrings.drop("openai/a")
    assert refusal(keyrings.read, "openai/a").message == 'openai: the keyring holds no key "a"'


def test_one_that_forgets_or_does_not_let_go_is_found_out(chooses: Chooses) -> None:
    """What it was given is read back, else what it had stays; what it does not delete is named."""

    class Forgetful(Kept):
        def set_password(self, service: str, user: str, password: str) -> None:
            self.asked += 1

    class Clinging(Kept):
        def delete_password(self, service: str, user: str) -> None:
            raise PasswordDeleteError(KEY)

    place = chooses(Forgetful({ENTRY: "the key before"}))
    assert refusal(keyrings.put, "openai/a", KEY).message == ('openai: the keyring did not keep it (key "a")')
    assert place.entries == {ENTRY: "the key before"}
    chooses(Clinging({ENTRY: KEY}))
    told = refusal(keyrings.drop, "openai/a")
    assert told.message == 'openai: the keyring did not let go of it (PasswordDeleteError) (key "a")'
    assert told.hint == "delete it there: service llmpool, user openai/a"


STARTING = """
import sys
sys.path.insert(0, sys.argv[1])
from llmpool.auth import keyrings
from llmpool.errors import NoCredential
try:
    keyrings.read("openai/a")
except NoCredential as error:
    print(error.message)
"""


@pytest.mark.skipif(not session_bus.LINUX, reason="the session bus is a matter of Linux")
def test_without_a_session_bus_none_is_started(own_home: Path) -> None:
    """Libraries that start one are not even loaded (here they would tell); with an address, they are."""
    for name in ("dbus", "gi"):
        (own_home / f"{name}.py").write_text(f"import sys; sys.stdout.write('{name} is loaded. ')\n")
    env = python_environment(own_home)
    del env["PYTHON_KEYRING_BACKEND"]

    def said(**more: str) -> str:
        command = [sys.executable, "-c", STARTING, str(own_home)]
        done = subprocess.run(
            command, env=env | more, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60
        )
        assert done.stderr == b""
        return done.stdout.decode()

    assert said().startswith("openai: there is no keyring here: no desktop")
    assert "XDG_RUNTIME_DIR" not in os.environ
    with_address = said(DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    assert with_address.startswith("dbus is loaded. openai: there is no keyring here: no program")
