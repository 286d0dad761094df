"""Keys in a config that changes: an address that comes with a key, a variable in its place, a move away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.auth import secrets
from llmpool.core.policy import Policy
from llmpool.errors import Busy, Misuse, StateUnusable, UnusableCredential
from llmpool.pool import Pool
from llmpool.setup import (
    configfile,
    dedupe,
    export,
    key_changes,
    key_refs,
    key_view,
    keys,
    keystore,
    provider_edit,
    providers,
    restore,
)
from llmpool.setup.keys import Given
from llmpool.setup.provider_edit import Wish
from llmpool.state import health, jsonfile, policy
from tests.edges.keyring_double import Keyring, keyring
from tests.edges.test_keys_not_lost import CONFIG, LATER, NOW, fresh, pool, raises, swap
from tests.support import PLANTED_KEY

__all__ = ["keyring", "pool"]


def test_a_key_that_a_variable_took_the_place_of_can_be_added_again(pool: Pool, keyring: Keyring) -> None:
    """It was taken out of the keyring, and what is in the variable nobody has seen yet."""
    keys.store(pool, "work", PLANTED_KEY)
    elsewhere = Given(reference={"env": "NOT_SET"})
    key_changes.replace(pool, "work", "", elsewhere, verify=False, progress=lambda _: None)
    assert keyring.held == {}
    (row,) = key_view.rows(pool, "work")
    assert (row["mask"], [past["mask"] for past in row["replaced"]]) == (None, ["sk-plant...mnop"])
    again = keys.store(pool, "work", PLANTED_KEY)
    assert (again.label, again.existing, keyring.held) == ("2", False, {("work", "2"): PLANTED_KEY})
    swap(pool, "work", "default", LATER)
    (row, _) = key_view.rows(pool, "work")
    assert (row["mask"], len(row["replaced"])) == ("sk-later...efgh", 1)


def test_a_variable_that_is_set_for_a_key_keeps_its_label(pool: Pool, keyring: Keyring) -> None:
    """Budgets are over it by that; and what was known of the key before says nothing of the variable."""
    keys.store(pool, "work", PLANTED_KEY, label="team")
    rest = {"until": NOW + 3600, "seconds": 3600.0, "reason": "quota"}
    health.update(pool.paths.state, lambda seen: seen.cooldowns.update({"key:work/team": rest}))
    provider_edit.change(pool, "work", Wish(key_env="NOT_SET"))
    assert 'key = { label = "team", env = "NOT_SET" }' in pool.paths.config.read_text()
    assert health.read(pool.paths.state).cooldowns == {}
    assert not keys.store(pool, "work", PLANTED_KEY, label="own").existing
    provider_edit.change(pool, "work", Wish(unset=("keys",)))
    provider_edit.change(pool, "work", Wish(key_env="NOT_SET"))
    assert 'key = { env = "NOT_SET" }' in pool.paths.config.read_text()


def test_a_new_address_without_its_key_is_taken_back_beside_another_change(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody else has changed meanwhile stays, and the old key is not sent to the new address."""
    keys.store(pool, "work", PLANTED_KEY)
    before = pool.paths.config.read_text()

    def meanwhile(*_: Any, **__: Any) -> None:
        configfile.change(fresh(pool.paths), lambda text: "local_first = true\n" + text)
        raise UnusableCredential("no usable keyring here")

    monkeypatch.setattr(keystore, "keep", meanwhile)
    wish = Wish(fields={"url": "http://127.0.0.2:9/v1", "rpm": 5})
    with pytest.raises(UnusableCredential):
        providers.change(pool, "work", wish, Given(LATER), keep="", plaintext=False, dry_run=False)
    assert pool.paths.config.read_text() == "local_first = true\n" + before


@pytest.mark.parametrize("config", [CONFIG.rstrip(), f"{CONFIG}keys = []\n"])
def test_a_new_address_without_its_first_key_is_taken_back(pool: Pool, keyring: Keyring, config: str) -> None:
    """However the config is laid out, a key that was claimed and not kept leaves it as it was."""
    pool.paths.config.write_text(config)
    keyring.shut = True
    wish = Wish(fields={"url": "http://127.0.0.2:9/v1"})
    with pytest.raises(Misuse):
        providers.change(pool, "work", wish, Given(LATER), keep="", plaintext=False, dry_run=False)
    assert pool.paths.config.read_text() == config


def test_a_disabled_key_travels_as_well(pool: Pool, keyring: Keyring, tmp_path: Path) -> None:
    """The config names it on the other machine too, where it may be enabled again."""
    for label, key in (("a", PLANTED_KEY), ("b", LATER)):
        keys.store(pool, "work", key, label=label)
    key_changes.switch(pool, "work", "b", on=False)
    file = tmp_path / "x.llmpool"
    export.save(pool, export.export(pool, "a long passphrase"), str(file))
    with restore.opened(str(file)) as found:
        assert restore.unsealed(found, "a long passphrase") == {
            ("work", "a"): PLANTED_KEY,
            ("work", "b"): LATER,
        }


def test_a_key_that_was_added_since_is_not_merged_away(pool: Pool, keyring: Keyring) -> None:
    """The merge that was shown knows nothing of it, and would leave it in the keyring without a name."""
    pool.paths.config.write_text(CONFIG + CONFIG.replace("work", "also"))
    plan = dedupe.plan(pool)
    assert [merge.gone for merge in plan.merges] == [("also",)]
    other = fresh(pool.paths)
    keys.store(other, "also", LATER)
    with pytest.raises(Busy, match="nothing was merged"):
        dedupe.carry_out(pool, plan)
    assert keys.readable(other, "also", fresh(pool.paths).provider("also").keys[0]) == LATER


def test_a_key_that_takes_a_freed_label_at_once_stays(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who removes a key, or its provider, takes out of the keyring what nothing names any more."""
    keys.store(pool, "work", PLANTED_KEY)
    change, other = configfile.change, fresh(pool.paths)

    def meanwhile(*said: Any, **more: Any) -> None:
        monkeypatch.setattr(configfile, "change", change)
        change(*said, **more)
        if not other.config.providers:
            providers.add(other, providers.Wish("work", url="http://127.0.0.1:9/v1"))
        change(other, lambda text: key_refs.added(text, "work", "default", {"keyring": True}))
        keyring.put("work", "default", LATER)

    monkeypatch.setattr(configfile, "change", meanwhile)
    assert key_changes.remove(pool, "work", key_changes.the_one(pool, "work", "")) == ""
    assert keyring.held == {("work", "default"): LATER}
    monkeypatch.setattr(configfile, "change", meanwhile)
    assert providers.remove(pool, "work") == []
    assert keyring.held == {("work", "default"): LATER}
    assert keys.existing(fresh(pool.paths), "work", LATER)


def test_an_interrupt_behind_the_write_of_a_new_address_takes_it_back(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that comes with it is not kept yet, and the old one is another server's."""
    keys.store(pool, "work", PLANTED_KEY)
    before, settle = pool.paths.config.read_text(), jsonfile.settle

    def interrupted(path: Path) -> None:
        if path == pool.paths.config:
            monkeypatch.setattr(jsonfile, "settle", settle)
            raise KeyboardInterrupt

    monkeypatch.setattr(jsonfile, "settle", interrupted)
    wish = Wish(fields={"url": "http://127.0.0.2:9/v1"})
    with pytest.raises(KeyboardInterrupt):
        providers.change(pool, "work", wish, Given(LATER), keep="", plaintext=False, dry_run=False)
    assert (pool.paths.config.read_text(), keyring.held) == (before, {("work", "default"): PLANTED_KEY})


def test_a_new_key_that_is_kept_is_not_left_with_the_old_address(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails behind it, such as a full disk, takes the address back no more: it would get that key."""
    keys.store(pool, "work", PLANTED_KEY)
    monkeypatch.setattr(keys, "learn", lambda *_: raises(StateUnusable("the disk is full", hint="df")))
    wish = Wish(fields={"url": "http://127.0.0.2:9/v1"})
    with pytest.raises(StateUnusable):
        providers.change(pool, "work", wish, Given(LATER), keep="", plaintext=False, dry_run=False)
    assert fresh(pool.paths).provider("work").url == "http://127.0.0.2:9/v1"
    assert keyring.held == {("work", "default"): LATER}


@pytest.mark.parametrize("behind", ["the claim", "the keeping"])
def test_an_interrupt_leaves_no_half_of_a_new_key(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, behind: str
) -> None:
    """Neither a reference to nothing, which would shut the preset's variable out, nor a key without one."""
    settle, put = jsonfile.settle, keyring.put

    def interrupted(*said: Any) -> None:
        if behind == "the keeping":
            put(*said)
        elif said[0] != pool.paths.config:
            return
        monkeypatch.setattr(jsonfile, "settle", settle)
        raise KeyboardInterrupt

    if behind == "the claim":
        monkeypatch.setattr(jsonfile, "settle", interrupted)
    else:
        monkeypatch.setattr(secrets, "put_into_keyring", interrupted)
    with pytest.raises(KeyboardInterrupt):
        keys.store(pool, "work", PLANTED_KEY)
    assert (pool.paths.config.read_text(), keyring.held) == (CONFIG, {})


def test_what_was_decided_moves_before_keys_are_let_go_of(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge that ends there has merged: what was kept back under the other id is kept back still."""
    pool.paths.config.write_text(CONFIG + CONFIG.replace("work", "also"))
    for name in ("work", "also"):
        keys.store(pool, name, PLANTED_KEY)
    policy.update(pool.paths.state, lambda known: {"also/m": Policy(routable=False)})
    plan = dedupe.plan(fresh(pool.paths))
    monkeypatch.setattr(keystore, "let_go", lambda *_: raises(StateUnusable("no more", hint="df")))
    with pytest.raises(StateUnusable):
        dedupe.carry_out(fresh(pool.paths), plan)
    assert policy.read(pool.paths.state) == {"work/m": Policy(routable=False)}
