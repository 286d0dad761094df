"""setup.moving_back: a move that fails leaves nothing, and one that was done is taken back as one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from llmpool.auth import keyfile, secrets
from llmpool.config.paths import Paths
from llmpool.core.policy import Policy
from llmpool.errors import Busy, Misuse, UnknownName, UnusableCredential
from llmpool.pool import Pool, open_pool
from llmpool.setup import moving_back, moving_in
from llmpool.setup.moving_logins import Manner
from llmpool.state import logins, policy, prices
from tests.edges import foreign_pools as foreign
from tests.edges.config_text import PLANTED

OWN_PRICE = {"input": "7", "output": "7"}
FILE = Manner(where="file", plaintext=True)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")
    return open_pool(paths, env={"RUNNER_URL": "http://10.0.0.9:8000/v1"})


def config(pool: Pool, text: str) -> None:
    pool.paths.config.write_text(text)
    pool.forget()


def test_a_move_is_taken_back_as_one(pool: Pool, tmp_path: Path) -> None:
    """Afterwards the config is byte for byte what it was, and no key, login, price or policy is left."""
    text = '# mine\n[providers.openai] # first\nkey = { env = "MINE" }\n'
    config(pool, text)
    place = foreign.zimaos_files(tmp_path / "z")
    legacy = foreign.write(place / "provider_settings.json", foreign.LEGACY)
    done = moving_in.carry_out(pool, moving_in.plan(pool, "zimaos", str(place)), FILE)
    assert moving_back.names(pool) == [done.backup]
    record = moving_back.find(pool, "")
    assert not moving_back.is_changed(pool, record)
    moving_back.undo(pool, record)
    assert pool.paths.config.read_text() == text
    assert keyfile.read(pool.paths.secrets).keys == {}
    assert logins.read(pool.paths.state) == []
    assert policy.read(pool.paths.state) == {}
    assert prices.read(pool.paths.state).custom == {}
    assert legacy.exists()
    assert list((pool.paths.state / "moves").iterdir()) == []
    with pytest.raises(UnknownName, match="no move to take back"):
        moving_back.find(pool, "")


@pytest.mark.parametrize("broken", ["_learn", "_decide", "_edited"])
def test_a_move_that_fails_leaves_nothing(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Whatever goes wrong on the way, config and secrets are as they were, and no record is kept."""
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z")))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moving_in, broken, fail)
    with pytest.raises(KeyboardInterrupt):
        moving_in.carry_out(pool, made, FILE)
    assert not pool.paths.config.exists()
    assert keyfile.read(pool.paths.secrets).keys == {}
    assert list((pool.paths.state / "moves").iterdir()) == []


def test_keys_in_the_clear_want_a_word(pool: Pool, tmp_path: Path) -> None:
    """Where keys would lie in the file as they are and nobody said so, nothing at all is written."""
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z")))
    with pytest.raises(Misuse, match="as it is"):
        moving_in.carry_out(pool, made, Manner(where="file"))
    assert not pool.paths.config.exists()
    assert PLANTED not in repr(made)
    assert foreign.TOKEN not in repr(made)


def test_taking_back_keeps_what_was_done_since(pool: Pool, tmp_path: Path) -> None:
    """A price and a policy that were set anew since stay; the changed config is kept beside the old one."""
    place = foreign.zimaos_files(tmp_path / "z")
    moving_in.carry_out(pool, moving_in.plan(pool, "zimaos", str(place)), FILE)
    mine = Policy(state="flagged", updated_at="2030-01-01T00:00:00Z")
    policy.update(pool.paths.state, lambda known: known | {"openai/gpt-4": mine})
    prices.update(pool.paths.state, lambda own: own._replace(custom={**own.custom, "qwen3:8b": OWN_PRICE}))
    changed = pool.paths.config.read_text() + "# since\n"
    config(pool, changed)
    record = moving_back.find(pool, "")
    assert moving_back.is_changed(pool, record)
    moving_back.undo(pool, record)
    assert policy.read(pool.paths.state) == {"openai/gpt-4": mine}
    assert prices.read(pool.paths.state).custom == {"qwen3:8b": OWN_PRICE}
    (kept,) = tmp_path.glob("config.toml.bak-*")
    assert kept.read_text() == changed


def test_of_two_moves_the_newer_is_taken_back_first(pool: Pool, tmp_path: Path) -> None:
    """The older one's copy of the config knows nothing of the newer; ends of lines stay what they were."""
    text = b'# mine\r\n[providers.openai]\r\nkey = { env = "MINE" }\r\n'
    pool.paths.config.write_bytes(text)
    for source, place in (("zimaos", foreign.zimaos_files), ("thane", foreign.thane)):
        made = moving_in.plan(pool, source, str(place(tmp_path / source)))
        moving_in.carry_out(pool, made, FILE)
    older, newer = moving_back.names(pool)
    assert (older[:7], newer[:6]) == ("zimaos-", "thane-")
    before = pool.paths.config.read_bytes()
    with pytest.raises(Misuse, match="the newest is taken back first") as told:
        moving_back.find(pool, older)
    assert told.value.hint == f"llmpool providers import undo {newer}"
    assert pool.paths.config.read_bytes() == before
    for name in (newer, older):
        moving_back.undo(pool, moving_back.find(pool, name))
    assert pool.paths.config.read_bytes() == text
    assert keyfile.read(pool.paths.secrets).keys == {}


def test_the_slower_of_two_harms_nobody(pool: Pool, tmp_path: Path) -> None:
    """Who planned before another had moved in is refused, and takes none of the other's keys back."""
    place = foreign.zimaos_files(tmp_path / "z")
    made = moving_in.plan(pool, "zimaos", str(place))
    moving_in.carry_out(pool, made, FILE)
    before = pool.paths.config.read_text(), keyfile.read(pool.paths.secrets).keys
    with pytest.raises(Busy, match="changed meanwhile"):
        moving_in.carry_out(pool, made, FILE)
    assert (pool.paths.config.read_text(), keyfile.read(pool.paths.secrets).keys) == before
    assert len(moving_back.names(pool)) == 1


def test_where_the_keyring_fails_the_file_takes_the_keys(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The config says where each key is in the end, disabled ones and labels included."""

    def refuse(*_: object) -> None:
        raise UnusableCredential("no keyring here", hint="")

    monkeypatch.setattr(secrets, "put_into_keyring", refuse)
    pool.env = {"LLMPOOL_STATE_KEY": "0" * 32}
    foreign.zimaos_files(tmp_path / "z")
    key_file = foreign.write(tmp_path / "old.key", foreign.SEALED_KEY)
    key_file.chmod(0o600)
    made = moving_in.plan(pool, "zimaos", str(tmp_path / "z"), str(key_file))
    moving_in.carry_out(pool, made, Manner())
    told = tomllib.loads(pool.paths.config.read_text())["providers"]
    assert told["gateway"]["keys"] == [
        {"label": "main", "file": True},
        {"label": "old", "file": True, "enabled": False},
    ]
    assert told["openai"]["key"] == {"file": True}
    assert PLANTED not in pool.paths.secrets.read_text()
    assert pool.paths.secrets.read_text().count("enc:v1:") == 4


def test_an_older_migrated_file_stays(pool: Pool, tmp_path: Path) -> None:
    """The legacy file never takes the place of one that was migrated before."""
    legacy = foreign.write(tmp_path / "provider_settings.json", foreign.LEGACY)
    older = foreign.write(tmp_path / "provider_settings.json.migrated", "older")
    moving_in.carry_out(pool, moving_in.plan(pool, "zimaos", str(legacy)), FILE)
    assert (older.read_text(), legacy.exists()) == ("older", False)
    assert (tmp_path / "provider_settings.json.migrated-2").exists()


def test_doubles_are_told(pool: Pool, tmp_path: Path) -> None:
    """Example 46 after a move: what is one server under two ids now is counted, for dedupe."""
    rows = [foreign.zima_provider(name, base_url="https://x.test", api_keys=[{}]) for name in ("A", "B")]
    entries = {row["id"]: {"provider": row, "api_keys": [PLANTED]} for row in rows}
    place = foreign.write(tmp_path / "providers.json", {"providers": entries})
    assert moving_in.carry_out(pool, moving_in.plan(pool, "zimaos", str(place)), FILE).doubles == 1
