"""Keys and logins that are not lost: by a cleared keyring, two who encrypt, an undo, an old export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from llmpool.auth import keyfile, keyrings, secrets
from llmpool.auth.oauth import Tokens
from llmpool.config.paths import Paths
from llmpool.errors import Busy, NoCredential, UnusableCredential
from llmpool.importers.found import Login as Theirs
from llmpool.pool import Pool
from llmpool.setup import (
    dedupe,
    export,
    import_logins,
    key_changes,
    key_refs,
    keys,
    keystore,
    moving_back,
    moving_in,
    providers,
    restore,
)
from llmpool.setup import login as logins_here
from llmpool.setup.bringing import PRESENT, Keeping
from llmpool.setup.import_survey import Account
from llmpool.setup.keys import Given
from llmpool.setup.moving_logins import Manner
from llmpool.setup.provider_edit import Wish
from llmpool.state import jsonfile, logins
from llmpool.state.logins import Login
from tests.edges import foreign_pools as foreign
from tests.edges.keyring_double import Keyring, keyring
from tests.support import PLANTED_KEY

__all__ = ["keyring"]

NOW = 1_790_000_000.0
LATER = "sk-later-0123456789abcdefgh"
CONFIG = '# mine\n[providers.work] # ours\nurl = "http://127.0.0.1:9/v1"\n'


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Give a pool with one provider that has no key."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    return fresh(Paths(config, tmp_path / "state", tmp_path / "secrets.json"))


def fresh(paths: Paths, now: float = NOW) -> Pool:
    """Give the pool of another run."""
    return Pool(paths, {}, lambda: now)


def swap(pool: Pool, name: str, label: str, key: str, where: str = "") -> key_changes.Replaced:
    """Replace a key unasked."""
    return key_changes.replace(
        pool, name, label, Given(key), where=where, verify=False, progress=lambda _: None
    )


@pytest.mark.parametrize("where", ["keyring", "file"])
def test_a_key_that_was_lost_is_kept_again(pool: Pool, keyring: Keyring, where: str) -> None:
    """Where the keyring was cleared or secrets.json deleted, the key is not "there already"."""
    plaintext = where == "file"
    keys.store(pool, "work", PLANTED_KEY, where=where, plaintext=plaintext)
    before = pool.paths.config.read_text()

    def lose() -> None:
        keyring.held.clear()
        if plaintext:
            keystore.take_out_of_file(pool, "work", "default")

    lose()
    assert not swap(pool, "work", "", PLANTED_KEY).stored.existing
    assert keys.existing(pool, "work", PLANTED_KEY)
    lose()
    later = fresh(pool.paths, NOW + 3600)
    again = keys.store(later, "work", PLANTED_KEY, plaintext=plaintext)
    assert (again.label, again.where, again.existing) == ("default", where, False)
    assert keys.existing(pool, "work", PLANTED_KEY)
    assert pool.paths.config.read_text() == before
    keyring.shut = True
    assert keys.store(later, "work", PLANTED_KEY, plaintext=plaintext).existing  # a locked one has it


@pytest.fixture
def interrupted(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give what lets a Ctrl-C come when the config is written, and its directory is synced."""

    def settle(path: Path) -> None:
        if path == pool.paths.config:
            raise KeyboardInterrupt

    return lambda: monkeypatch.setattr(jsonfile, "settle", settle)


def test_an_interrupt_behind_the_write_loses_no_new_key(
    pool: Pool, keyring: Keyring, interrupted: Callable[[], None]
) -> None:
    """The config names the new place already, so what is kept there stays."""
    keys.store(pool, "work", PLANTED_KEY, where="file", plaintext=True)
    interrupted()
    with pytest.raises(KeyboardInterrupt):
        swap(pool, "work", "", LATER, where="keyring")
    assert keys.readable(pool, "work", fresh(pool.paths).provider("work").keys[0]) == LATER


def test_an_interrupt_behind_the_write_loses_no_key_of_a_double(
    pool: Pool, keyring: Keyring, interrupted: Callable[[], None]
) -> None:
    """A key that has moved to the provider which stays is not let go of there."""
    pool.paths.config.write_text(CONFIG + CONFIG.replace("work", "also"))
    for name in ("work", "also"):
        keys.store(pool, name, PLANTED_KEY, where="file", plaintext=True)
    keys.store(pool, "also", LATER, where="file", plaintext=True)
    plan = dedupe.plan(pool)
    interrupted()
    with pytest.raises(KeyboardInterrupt):
        dedupe.carry_out(pool, plan)
    assert keys.readable(pool, "work", fresh(pool.paths).provider("work").keys[1]) == LATER


def test_a_key_that_was_changed_by_hand_is_no_double(pool: Pool, keyring: Keyring) -> None:
    """What is remembered of it says "the same"; before it is let go of it is looked at."""
    pool.paths.config.write_text(CONFIG + CONFIG.replace("work", "also"))
    for name in ("work", "also"):
        keys.store(pool, name, PLANTED_KEY)
    keyring.held["also", "default"] = LATER
    plan = dedupe.plan(pool)
    assert len(plan.merges) == 1
    with pytest.raises(Busy, match="nothing was merged"):
        dedupe.carry_out(pool, plan)
    assert keyring.held["also", "default"] == LATER
    assert dedupe.plan(fresh(pool.paths)).merges == ()


def test_an_old_key_never_goes_to_an_address_whose_own_was_not_kept(pool: Pool, keyring: Keyring) -> None:
    """A provider gets its new address and its new key, or neither."""
    keys.store(pool, "work", PLANTED_KEY)
    before = pool.paths.config.read_text()
    wish = Wish(fields={"url": "http://127.0.0.2:9/v1"})
    keyring.shut = True
    with pytest.raises(UnusableCredential):
        providers.change(pool, "work", wish, Given(LATER), keep="", plaintext=False, dry_run=False)
    assert pool.paths.config.read_text() == before
    keyring.shut = False
    providers.change(pool, "work", wish, Given(LATER), keep="", plaintext=False, dry_run=False)
    assert (pool.provider("work").url, keyring.held) == (
        "http://127.0.0.2:9/v1",
        {("work", "default"): LATER},
    )


def test_a_key_is_given_back_whole_where_its_place_cannot_be_written(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keyring does not take it, and the config is busy when it should say so: nothing names it then."""
    keyring.shut = True
    keystore.put_into_file(pool, {("other", "a"): LATER})  # whose owner has said plaintext
    with monkeypatch.context() as busy:
        busy.setattr(key_refs, "changed", lambda *_: raises(Busy("the config is busy")))
        with pytest.raises(Busy):
            keys.store(pool, "work", PLANTED_KEY)
    assert pool.paths.config.read_text() == CONFIG
    assert not keys.store(pool, "work", PLANTED_KEY, plaintext=True).existing


def raises(error: Exception) -> str:
    """Raise *error* where only an expression can stand."""
    raise error


def test_two_who_encrypt_at_once_make_one_state_key(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is second finds the key of the first, so that none is written over that has sealed anything."""
    keys.store(pool, "work", PLANTED_KEY, where="file", plaintext=True)
    other = Thread(target=lambda: keystore.encrypt(fresh(pool.paths)))

    def put(user: str, text: str) -> None:
        if not other.ident:
            other.start()
            other.join(0.3)  # it is done by then, or waits for its turn
        keyring.held[user, ""] = text

    def read(user: str) -> str:
        if (user, "") not in keyring.held:
            raise NoCredential("nothing")
        return keyring.held[user, ""]

    monkeypatch.setattr(keyrings, "put", put)
    monkeypatch.setattr(keyrings, "read", read)
    keystore.encrypt(pool)
    other.join()
    held = keyfile.read(pool.paths.secrets)
    assert keyfile.sealed(held)
    assert keyfile.faulty(held, keystore.state_box(pool)) == []


def test_a_state_key_that_cannot_be_read_is_not_written_over(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have sealed another secrets.json; a keyring that is locked for reading may take a write."""
    keys.store(pool, "work", PLANTED_KEY, where="file", plaintext=True)
    made: list[str] = []
    monkeypatch.setattr(keyrings, "put", lambda _user, text: made.append(text))
    keyring.shut = True
    with pytest.raises(UnusableCredential) as told:
        keystore.encrypt(pool)
    assert told.value.hint.startswith("keep the state key in a file")
    assert made == []


def test_taking_a_move_back_keeps_a_key_that_was_replaced_since(
    pool: Pool, keyring: Keyring, tmp_path: Path
) -> None:
    """The key of the move goes; the one that its owner has put in its place is nowhere else."""
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z")))
    moving_in.carry_out(pool, made, Manner())
    swap(pool, "gateway", "main", LATER)
    record = moving_back.find(pool, "")
    assert not moving_back.is_changed(pool, record)
    assert moving_back.replaced_since(pool, record) == [("gateway", "main", "keyring")]
    moving_back.undo(pool, record)
    assert keyring.held == {("gateway", "main"): LATER}
    assert pool.paths.config.read_text() == CONFIG


@pytest.mark.parametrize("where", ["keyring", "file"])
def test_an_interrupt_behind_the_write_of_a_key_leaves_none_of_a_move(
    pool: Pool, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The key that was just kept is taken back as well, though its write never came to tell."""
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z")))
    keep = keystore.keep

    def stopped(*args: Any, **said: Any) -> None:
        keep(*args, **said)
        raise KeyboardInterrupt

    monkeypatch.setattr(keystore, "keep", stopped)
    with pytest.raises(KeyboardInterrupt):
        moving_in.carry_out(pool, made, Manner(where, plaintext=where == "file"))
    assert (keyring.held, keyfile.read(pool.paths.secrets).keys) == ({}, {})
    assert pool.paths.config.read_text() == CONFIG


def test_an_export_tells_which_newer_keys_it_would_write_over(
    pool: Pool, keyring: Keyring, tmp_path: Path
) -> None:
    """The config may be the same, and the key not; what came is known by its mask afterwards."""
    keys.store(pool, "work", PLANTED_KEY)
    file = tmp_path / "x.llmpool"
    export.save(pool, export.export(pool, "a long passphrase"), str(file))
    with restore.opened(str(file)) as found:
        coming = restore.unsealed(found, "a long passphrase")
        assert restore.plan(pool, found, coming, plaintext=False).over == ()
        swap(pool, "work", "", LATER)
        plan = restore.plan(pool, found, coming, plaintext=False)
    assert (plan.replaces, plan.over) == (False, (("work", "default"),))
    restore.carry_out(pool, plan)
    assert secrets.read_key(pool.provider("work").keys[0], "work", {}, pool.paths.secrets) == PLANTED_KEY
    known = json.loads((pool.paths.state / "keys.json").read_text())
    assert "sk-plant...mnop" in json.dumps(known["data"]["known"])
    assert keys.existing(pool, "work", PLANTED_KEY)


OWN = Login(provider="google-gemini-cli", id="", type="gemini-cli", email="me@example.org", store="file")


def test_an_own_login_is_not_replaced_by_one_that_cannot_be_renewed(pool: Pool) -> None:
    """Another tool's token of the same account ends in an hour; what was logged in here is renewed."""
    kept = logins_here.adopt(pool, OWN, Tokens("mine", "renews", NOW + 7200), plaintext=True)
    theirs = Theirs(
        tool="gemini-cli", name="Gemini CLI", type="gemini-cli", path="", access="t", email="me@example.org"
    )
    account = Account(theirs, OWN.provider)
    for dry_run in (True, False):
        step = import_logins.adopt(pool, account, Keeping("file", plaintext=True), dry_run=dry_run)
        assert step.action == PRESENT
    assert logins.of(pool.paths.state, OWN.provider) == [kept]
    taken = import_logins.adopt(pool, account, Keeping("file", plaintext=True), take_over=True)
    assert taken.action == PRESENT
    assert [each.refreshable for each in logins.of(pool.paths.state, OWN.provider)] == [False]


def test_a_login_without_a_refresh_token_leaves_no_old_one_behind(pool: Pool) -> None:
    """Nothing would name it any more, and no logout take it out."""
    logins_here.adopt(pool, OWN, Tokens("first", "renews", NOW + 7200), plaintext=True)
    logins_here.adopt(pool, OWN, Tokens("second", "", NOW + 7200), plaintext=True)
    assert list(keyfile.read(pool.paths.secrets).keys[OWN.provider].values()) == ["second"]
    logins_here.logout(pool, OWN.provider)
    assert keyfile.read(pool.paths.secrets).keys == {}
