"""Keys go nowhere else when the config has changed since somebody was asked, or since it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.errors import Busy, Misuse, UnknownName
from llmpool.importers.found import Wanted
from llmpool.setup import configfile, key_changes, keys, moving_back, moving_in, provider_edit, providers
from llmpool.setup.bringing import Keeping, bring
from llmpool.setup.keys import Given
from llmpool.setup.moving_logins import Manner
from llmpool.setup.provider_edit import Wish
from tests.edges import foreign_pools as foreign
from tests.edges.keyring_double import Keyring, keyring
from tests.edges.test_keys_of_here import CONFIG, MINE, THEIRS, beside

__all__ = ["keyring"]
ELSEWHERE = Wish(fields={"url": "http://10.0.0.2/v1"})


def test_taking_a_move_back_sends_no_newer_key_to_the_address_of_before(
    keyring: Keyring, tmp_path: Path
) -> None:
    """A provider that was here has another address since then, and the key of that."""
    keyring.held["work", "default"] = MINE
    pool = beside(tmp_path, "config.toml", CONFIG)
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z")))
    record = moving_back.find(pool, moving_in.carry_out(pool, made, Manner("keyring")).backup)
    providers.change(pool, "work", ELSEWHERE, Given(THEIRS), keep="", plaintext=False, dry_run=False)
    with pytest.raises(Misuse, match="with the config as it was it would go to http://10"):
        moving_back.undo(pool, record)
    assert pool.provider("work").url == "http://10.0.0.2/v1"
    key_changes.remove(pool, "work", key_changes.the_one(pool, "work", ""))
    moving_back.undo(pool, record)
    assert (configfile.read(pool), keyring.held) == (CONFIG, {})


def test_a_move_goes_by_the_config_that_was_looked_at(keyring: Keyring, tmp_path: Path) -> None:
    """While its owner was asked the provider whose key came along was moved to another address."""
    pool = beside(tmp_path, "config.toml", "[providers.openai]\n")
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z")))
    assert "openai" in {order.provider for order in made.orders}
    provider_edit.change(beside(tmp_path, "config.toml"), "openai", ELSEWHERE)
    with pytest.raises(Busy, match="changed meanwhile"):
        moving_in.carry_out(pool, made, Manner("keyring"))
    assert keyring.held == {}


def test_a_vendors_key_is_not_brought_to_an_address_that_is_new(keyring: Keyring, tmp_path: Path) -> None:
    """The vendor's preset was the provider when the finds were listed."""
    pool = beside(tmp_path, "config.toml", "[providers.openai]\n")
    order = Wanted(source="dotenv", provider="openai", fields=(), label="", key=MINE)
    assert not pool.config.providers[0].url
    provider_edit.change(beside(tmp_path, "config.toml"), "openai", ELSEWHERE)
    (step,) = bring(pool, [order], keeping=Keeping("keyring"))
    assert (step.action, keyring.held) == ("skipped", {})
    provider_edit.change(pool, "openai", Wish(unset=("url",)))
    (step,) = bring(pool, [order], keeping=Keeping("keyring"))
    assert (step.action, keys.readable(pool, "openai", pool.provider("openai").keys[0])) == ("key", MINE)


def test_a_key_that_was_asked_for_is_not_kept_for_another_address(keyring: Keyring, tmp_path: Path) -> None:
    """It is typed in slowly, or tried at a provider that takes its time."""
    keyring.held["work", "default"] = MINE
    pool = beside(tmp_path, "config.toml", CONFIG)
    assert pool.provider("work").url == "http://10.0.0.1/v1"
    provider_edit.change(beside(tmp_path, "config.toml"), "work", ELSEWHERE)
    with pytest.raises(Busy, match="another address meanwhile"):
        keys.store(pool, "work", THEIRS)
    assert keys.store(pool, "work", THEIRS).label == "2"
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(UnknownName):
        keys.store(pool, "work", THEIRS + "x")


def test_a_key_that_was_tried_elsewhere_is_not_kept(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old address took it, and it is nobody's business at the new one."""
    keyring.held["work", "default"] = MINE
    pool = beside(tmp_path, "config.toml", CONFIG)

    def slowly(*_: object) -> None:
        provider_edit.change(beside(tmp_path, "config.toml"), "work", ELSEWHERE)

    monkeypatch.setattr(key_changes, "check", slowly)
    with pytest.raises(Busy, match="another address meanwhile"):
        key_changes.replace(pool, "work", "", Given(THEIRS), progress=lambda _: None)
    assert keyring.held == {("work", "default"): MINE}


def test_a_key_that_came_while_somebody_was_asked_goes_with_its_provider(
    keyring: Keyring, tmp_path: Path
) -> None:
    """Nothing would have named it."""
    pool = beside(tmp_path, "config.toml", CONFIG.partition("key =")[0])
    keys.store(pool, "work", MINE)
    keys.store(beside(tmp_path, "config.toml"), "work", THEIRS)
    assert (providers.remove(pool, "work"), keyring.held) == ([], {})
