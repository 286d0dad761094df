"""Keys that were here before an export, another config or another command came: none is misled or lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool import credentials
from llmpool.auth import keyfile, secrets
from llmpool.auth.oauth import Tokens
from llmpool.config.paths import Paths
from llmpool.core.provider import KeyRef
from llmpool.errors import Misuse, NoCredential, StateUnusable, UnknownName
from llmpool.importers.moved import Key
from llmpool.pool import Pool
from llmpool.pricing.lookup import Own
from llmpool.setup import (
    configfile,
    dedupe,
    key_changes,
    key_refs,
    keys,
    keystore,
    login,
    moving_back,
    moving_in,
    moving_keys,
    providers,
    restore,
)
from llmpool.setup.keys import Given
from llmpool.setup.moving_logins import Manner
from llmpool.setup.provider_edit import Wish
from llmpool.state import logins
from llmpool.state.logins import Login
from tests.edges import foreign_pools as foreign
from tests.edges.keyring_double import Keyring, keyring

__all__ = ["keyring"]

NOW = 1_790_000_000.0
MINE, THEIRS = "sk-mine-0123456789abcdefgh", "sk-theirs-0123456789abcdef"
CONFIG = '[providers.work]\nurl = "http://10.0.0.1/v1"\nkey = { keyring = true }\n'
OTHER = CONFIG.replace("10.0.0.1", "10.0.0.2")


@pytest.fixture
def pool(tmp_path: Path, keyring: Keyring) -> Pool:
    """Give a pool with one key in the keyring."""
    keyring.held["work", "default"] = MINE
    return beside(tmp_path, "config.toml", CONFIG)


def beside(folder: Path, name: str, text: str = "") -> Pool:
    """Give the pool of a config, in a folder that other configs share."""
    if text:
        (folder / name).write_text(text)
    return Pool(Paths(folder / name, folder / "state", folder / "secrets.json"), {}, lambda: NOW)


def exported(text: str) -> restore.Export:
    """Give an export of another machine."""
    return restore.Export("theirs", text, {}, Own(), "", b"")


def test_a_key_of_here_does_not_go_where_the_config_of_an_export_says(pool: Pool, keyring: Keyring) -> None:
    """Its place has the same name on both machines; the other one's server would be sent it at once."""
    with pytest.raises(Misuse, match=r'"default" of work is kept here for http://10\.0\.0\.1/v1'):
        restore.plan(pool, exported(OTHER), {}, plaintext=False)
    more = CONFIG + 'alternate_urls = ["http://10.0.0.3/v1"]\n'
    with pytest.raises(Misuse, match=r"would go to http://10\.0\.0\.3/v1"):
        restore.plan(pool, exported(more), {}, plaintext=False)
    coming = {("work", "default"): THEIRS}
    assert restore.plan(pool, exported(OTHER), coming, plaintext=False).over == (("work", "default"),)
    restore.plan(pool, exported(CONFIG.replace("10.0.0.1/v1", "10.0.0.1:80/")), {}, plaintext=False)
    keyring.held = {("work", "my own"): MINE}
    named = OTHER.replace("{ ", '{ label = "my own", ')
    with pytest.raises(Misuse) as refused:
        restore.plan(pool, exported(named), {}, plaintext=False)
    assert "keys remove work 'my own';" in refused.value.hint
    restore.plan(pool, exported(OTHER), {}, plaintext=False)


def test_a_login_of_here_does_not_go_there_either(tmp_path: Path) -> None:
    """Its token would be sent to what an export calls the vendor."""
    pool = beside(tmp_path, "config.toml", "[providers.google-gemini-cli]\n")
    logins.keep(pool.paths.state, Login(provider="google-gemini-cli", id="oat_1", type="gemini-cli"))
    strange = '[providers.google-gemini-cli]\nurl = "http://10.0.0.2/v1"\n'
    with pytest.raises(Misuse, match="the login of google-gemini-cli"):
        restore.plan(pool, exported(strange), {}, plaintext=False)


@pytest.mark.parametrize("held", [{("work", "default"): MINE}, {}])
def test_a_config_that_cannot_be_replaced_keeps_its_keys(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, held: dict[tuple[str, str], str]
) -> None:
    """The key of an export lay in the place of the old one, whose address is in force still."""
    keyring.held = dict(held)
    plan = restore.plan(pool, exported(OTHER), {("work", "default"): THEIRS}, plaintext=False)

    def full(*_: Any, **__: Any) -> None:
        raise StateUnusable("no space left")

    monkeypatch.setattr(configfile, "change", full)
    with pytest.raises(StateUnusable):
        restore.carry_out(pool, plan)
    assert keyring.held == held


def test_keys_of_an_export_stay_with_its_config(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt may come behind the write of the config: then the new address has the new key."""
    plan = restore.plan(pool, exported(OTHER), {("work", "default"): THEIRS}, plaintext=False)
    change = configfile.change

    def stopped(*args: Any, **said: Any) -> None:
        change(*args, **said)
        raise KeyboardInterrupt

    monkeypatch.setattr(configfile, "change", stopped)
    with pytest.raises(KeyboardInterrupt):
        restore.carry_out(pool, plan)
    assert keys.readable(pool, "work", pool.provider("work").keys[0]) == THEIRS
    assert pool.provider("work").url == "http://10.0.0.2/v1"


def test_nobody_sends_the_old_key_to_a_new_address_meanwhile(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keyring may wait for its password for minutes, and this run may be killed before it has it."""
    put, seen = secrets.put_into_keyring, []

    def slowly(*place: str) -> None:
        other = beside(pool.paths.config.parent, "config.toml")
        with pytest.raises(NoCredential, match="every key is disabled"):
            credentials.keys_of(other.provider("work"), other)
        seen.append(other.provider("work").url)
        put(*place)

    monkeypatch.setattr(secrets, "put_into_keyring", slowly)
    wish = Wish(fields={"url": "http://10.0.0.2/v1"})
    done, stored = providers.change(
        pool, "work", wish, Given(THEIRS), keep="", plaintext=False, dry_run=False
    )
    assert seen == ["http://10.0.0.2/v1"]
    assert not [line for line in done.difference if "enabled" in line]
    assert stored is not None
    assert pool.paths.config.read_text() == OTHER
    assert keyring.held == {("work", "default"): THEIRS}


@pytest.mark.parametrize("where", ["keyring", "file", ""])
def test_a_key_of_another_config_is_not_written_over(
    pool: Pool, keyring: Keyring, tmp_path: Path, where: str
) -> None:
    """All configs share the keyring: the private pool would have been billed with the key of work."""
    private = beside(tmp_path, "private.toml", CONFIG.partition("key =")[0])
    if where == "file":
        keyring.held.clear()
        keystore.put_into_file(pool, {("work", "default"): MINE})
    assert keys.store(private, "work", THEIRS, where=where, plaintext=where == "file").label == "2"
    with pytest.raises(Misuse, match='another key of work is kept as "default"'):
        keys.store(private, "work", THEIRS + "x", label="default", where=where, plaintext=where == "file")
    ref = KeyRef(label="default", source=where or "keyring")
    assert keys.readable(pool, "work", ref) == MINE
    assert keys.readable(private, "work", private.provider("work").keys[0]) == THEIRS


def test_a_replacement_writes_over_no_key_of_another_config(
    pool: Pool, keyring: Keyring, tmp_path: Path
) -> None:
    """The key came from a variable here, and the keyring's place of that name is another config's."""
    private = beside(tmp_path, "private.toml", CONFIG.replace("keyring = true", 'env = "WORK_KEY"'))
    with pytest.raises(Misuse, match="is kept as"):
        key_changes.replace(private, "work", "", Given(THEIRS), verify=False, progress=lambda _: None)
    assert keyring.held == {("work", "default"): MINE}


def test_a_merge_writes_over_no_key_of_another_config(pool: Pool, keyring: Keyring, tmp_path: Path) -> None:
    """The label that a merged key gets has the same name in every config that has merged these two."""
    bare = CONFIG.partition("key =")[0]
    both = beside(tmp_path, "both.toml", bare + bare.replace("work", "also"))
    for name, key in (("work", MINE), ("also", MINE), ("also", THEIRS)):
        keys.store(both, name, key)
    keyring.held["work", "Merged from also"] = "sk-another-0123456789"
    held, plan = dict(keyring.held), dedupe.plan(both)
    with pytest.raises(Misuse, match='is kept as "Merged from also"'):
        dedupe.carry_out(both, plan)
    assert (keyring.held, len(both.config.providers)) == (held, 2)


def test_keys_that_move_in_go_beside_those_of_another_config(
    pool: Pool, keyring: Keyring, tmp_path: Path
) -> None:
    """To take the move back would have deleted the other config's key besides."""
    files = foreign.zimaos_files(tmp_path / "z")
    first = moving_in.plan(beside(tmp_path, "a.toml", "# a\n"), "zimaos", str(files))
    places = {(order.provider, order.label): MINE for order in first.orders if order.key}
    keyring.held = dict(places)
    other = beside(tmp_path, "b.toml", "# b\n")
    again = moving_in.plan(other, "zimaos", str(files))
    done = moving_in.carry_out(other, again, Manner("keyring"))
    assert places.items() <= keyring.held.items()
    assert sum(not label.startswith(logins.ID) for _, label in keyring.held) == 2 * len(places)
    moving_back.undo(other, moving_back.find(other, done.backup))
    assert keyring.held == places


def test_a_key_in_its_second_place_is_let_go_of_when_the_config_cannot_say_so(
    pool: Pool, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keyring is shut, and the disk is full by the time the key lies in secrets.json."""
    bare = beside(tmp_path, "bare.toml", CONFIG.partition("key =")[0])
    keystore.put_into_file(bare, {("other", "a"): MINE})  # whose owner has said plaintext
    keyring.shut, changed = True, key_refs.changed

    def full(*said: Any) -> str:
        raise StateUnusable("no space left")

    monkeypatch.setattr(key_refs, "changed", full)
    with pytest.raises(StateUnusable, match="no space"):
        keys.store(bare, "work", THEIRS)
    assert keyfile.labels(bare.paths.secrets) == {"other": ("a",)}
    monkeypatch.setattr(key_refs, "changed", changed)
    assert keys.store(bare, "work", THEIRS).label == "default"


def test_a_key_whose_label_goes_while_it_is_tried_is_not_left_behind(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may take a minute to answer; nothing named the new key then."""
    other = beside(pool.paths.config.parent, "config.toml")

    def removed(*_: Any) -> None:
        key_changes.remove(other, "work", key_changes.the_one(other, "work", ""))

    monkeypatch.setattr(key_changes, "check", removed)
    with pytest.raises(UnknownName):
        key_changes.replace(pool, "work", "", Given(THEIRS), progress=lambda _: None)
    assert keyring.held == {}


def test_a_login_that_is_kept_keeps_its_tokens(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt may come behind its write: its tokens went, and every call said that they were lost."""
    keep, account = logins.keep, Login(provider="google-gemini-cli", id="", type="gemini-cli", email="a@b.c")

    def stopped(*said: Any) -> None:
        keep(*said)
        raise KeyboardInterrupt

    monkeypatch.setattr(logins, "keep", stopped)
    with pytest.raises(KeyboardInterrupt):
        login.adopt(pool, account, Tokens("access-0123456789", "refresh-0123456789", NOW + 86_400))
    (kept,) = logins.read(pool.paths.state)
    assert {(kept.provider, kept.id), (kept.provider, f"{kept.id}.refresh")} <= keyring.held.keys()


def moved(folder: Path) -> tuple[Pool, moving_back.Record, Login]:
    """Give a pool that a login of zimaos has moved into, the record of that, and the login."""
    other = beside(folder, "b.toml", "# b\n")
    made = moving_in.plan(other, "zimaos", str(foreign.zimaos_files(folder / "z")))
    done = moving_in.carry_out(other, made, Manner("keyring"))
    (theirs,) = logins.read(other.paths.state)
    return other, moving_back.find(other, done.backup), theirs


def test_taking_a_move_back_ends_no_login_that_was_made_since(keyring: Keyring, tmp_path: Path) -> None:
    """It has the id of the one that came along, and tokens of its own, which are renewed here."""
    other, record, theirs = moved(tmp_path)
    own = login.adopt(
        other, theirs.replace(id="", borrowed=False), Tokens("own-0123456789", "again-0123456789", NOW * 2)
    )
    moving_back.undo(other, record)
    assert [each.id for each in logins.read(other.paths.state)] == [own.id] == [theirs.id]
    assert keyring.held[own.provider, own.id] == "own-0123456789"


def test_taking_a_move_back_ends_the_login_that_came_along(keyring: Keyring, tmp_path: Path) -> None:
    """Nothing of it is left, and nothing of one that an interrupt broke off behind its write."""
    other, record, _ = moved(tmp_path)
    moving_back.undo(other, record)
    assert (logins.read(other.paths.state), keyring.held) == ([], {})


def test_a_login_whose_interrupt_came_late_does_not_outlast_its_move(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The move is taken back, and the login with it."""
    keep = logins.keep

    def stopped(*said: Any) -> None:
        keep(*said)
        raise KeyboardInterrupt

    monkeypatch.setattr(logins, "keep", stopped)
    with pytest.raises(KeyboardInterrupt):
        moved(tmp_path)
    assert (logins.read(tmp_path / "state"), keyring.held) == ([], {})


def test_a_login_that_is_not_kept_elsewhere_leaves_nothing_there(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in the keyring and was to lie in secrets.json, which is full."""
    account = Login(provider="google-gemini-cli", id="", type="gemini-cli", email="a@b.c")
    there = login.adopt(pool, account, Tokens("access-0123456789", "refresh-0123456789", NOW * 2))

    def full(*_: Any) -> None:
        raise StateUnusable("no space left")

    monkeypatch.setattr(logins, "keep", full)
    new = Tokens("other-0123456789", "another-0123456789", NOW * 2)
    with pytest.raises(StateUnusable):
        login.adopt(pool, account.replace(store="file"), new, plaintext=True)
    assert keyfile.labels(pool.paths.secrets) == {}
    assert keyring.held[there.provider, f"{there.id}.refresh"] == "refresh-0123456789"


def test_a_login_that_is_kept_elsewhere_leaves_nothing_where_it_was(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No logout would find its old tokens: an interrupt came between its write and their end."""
    account = Login(provider="google-gemini-cli", id="", type="gemini-cli", email="a@b.c")
    login.adopt(pool, account, Tokens("access-0123456789", "refresh-0123456789", NOW * 2))
    keep = logins.keep

    def stopped(*said: Any) -> None:
        keep(*said)
        raise KeyboardInterrupt

    monkeypatch.setattr(logins, "keep", stopped)
    new = Tokens("other-0123456789", "another-0123456789", NOW * 2)
    with pytest.raises(KeyboardInterrupt):
        login.adopt(pool, account.replace(store="file"), new, plaintext=True)
    assert keyring.held == {("work", "default"): MINE}
    assert len(keyfile.labels(pool.paths.secrets)["google-gemini-cli"]) == 2


def test_a_key_that_moves_in_by_its_variable_keeps_its_label() -> None:
    """It is kept nowhere, so what another config keeps under that name is not in its way."""
    wanted = [Key(env="WORK_KEY"), Key(key=THEIRS)]
    made = moving_keys.orders("work", wanted, set(), lies=lambda label: label in ("default", "2"))
    assert [(order.label, order.env) for order in made] == [("default", "WORK_KEY"), ("3", "")]
