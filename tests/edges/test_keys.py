"""Keys of a provider: added once, kept where their owner said, replaced only when the new one works."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import Paths
from llmpool.credentials import keys_of
from llmpool.errors import LlmpoolError, Misuse, NoCredential, UnknownName, UnusableCredential, UpstreamFailed
from llmpool.pool import Pool
from llmpool.router import cooldown
from llmpool.setup import key_changes, key_refs, key_view, keys
from llmpool.setup.keys import Given
from llmpool.state import health
from llmpool.state import keys as known_keys
from tests.edges.keyring_double import Keyring, keyring
from tests.edges.speaking import Asked, Speaking
from tests.support import PLANTED_KEY, closed_port

__all__ = ["keyring"]

NOW = 1_790_000_000.0
SECOND = PLANTED_KEY[:8] + "x" * 20 + PLANTED_KEY[-4:]  # another key with the same mask
CONFIG = '# mine\n[providers.work] # ours\nurl = "{}"\n'


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Give a pool with one provider that has no key."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(f"http://127.0.0.1:{closed_port()}/v1"))
    return Pool(Paths(config, tmp_path / "state", tmp_path / "secrets.json"), {}, lambda: NOW)


def text(pool: Pool) -> str:
    """Return the config as it is."""
    return pool.paths.config.read_text()


def progress(_: str) -> None:
    """Show nothing."""


def swap(pool: Pool, key: str, label: str = "", **said: Any) -> key_changes.Replaced:
    """Replace a key by another one."""
    return key_changes.replace(pool, "work", label, Given(key), progress=progress, **said)


def test_a_key_goes_into_the_keyring(pool: Pool, keyring: Keyring) -> None:
    """The config says where it is; neither it nor any state holds the key."""
    stored = keys.store(pool, "work", f" {PLANTED_KEY}\n")
    assert stored == keys.Stored("default", "keyring", existing=False, mask="sk-plant...mnop")
    assert keyring.held == {("work", "default"): PLANTED_KEY}
    assert text(pool).endswith('/v1"\nkey = { keyring = true }\n')
    assert not any(PLANTED_KEY in path.read_text() for path in pool.paths.state.iterdir())


def test_the_same_key_twice_is_one(pool: Pool, keyring: Keyring) -> None:
    """Example 24: the label it has is the answer; two that share their mask are both kept."""
    keys.store(pool, "work", PLANTED_KEY, label="a")
    again = keys.store(pool, "work", PLANTED_KEY, label="b")
    assert (again.label, again.existing) == ("a", True)
    other = keys.store(pool, "work", SECOND, label="b")
    assert (other.existing, other.mask) == (False, again.mask)
    assert keyring.held == {("work", "a"): PLANTED_KEY, ("work", "b"): SECOND}
    assert key_refs.labels(text(pool), "work") == ["a", "b"]


def test_the_same_key_in_a_variable_is_noticed(pool: Pool, keyring: Keyring) -> None:
    """And so is a reference to where one comes from already."""
    pool.env = {"WORK": PLANTED_KEY, "ALSO": PLANTED_KEY}
    assert keys.refer(pool, "work", {"env": "WORK"}).mask == "sk-plant...mnop"
    assert keys.store(pool, "work", PLANTED_KEY).existing
    assert keys.refer(pool, "work", {"env": "ALSO"}) == keys.Stored(
        "default", "env", existing=True, mask="sk-plant...mnop"
    )
    command = keys.refer(pool, "work", {"command": ["false"]})
    assert (command.label, command.mask) == ("2", "")
    assert command.notes == ("it cannot be had now: the command (false) ended with 1",)
    assert keys.refer(pool, "work", {"command": ["false"]}).existing
    assert keyring.held == {}


def test_a_key_in_the_keyring_is_what_it_is_now(pool: Pool, keyring: Keyring) -> None:
    """One that its owner has put there is noticed, and so is that another one was put in its place since."""
    pool.paths.config.write_text(text(pool) + "key = { keyring = true }\n")
    keyring.held["work", "default"] = PLANTED_KEY
    assert keys.store(pool, "work", PLANTED_KEY).existing
    assert keys.store(pool, "work", SECOND).label == "2"
    keyring.held["work", "2"] = "third-key"
    assert keys.store(pool, "work", SECOND).label == "3"


def test_example_25_only_enabled_keys_are_used(pool: Pool, keyring: Keyring) -> None:
    """[disabled a, enabled b, enabled c]: b; [disabled a]: none (the port's rule); []: no key."""
    for label in "abc":
        keys.store(pool, "work", f"key-of-{label}", label=label)
    key_changes.switch(pool, "work", "a", on=False)
    assert [ref.label for ref in keys_of(pool.provider("work"), pool)] == ["b", "c"]
    for label in "bc":
        key_changes.switch(pool, "work", label, on=False)
    with pytest.raises(NoCredential, match="every key is disabled"):
        keys_of(pool.provider("work"), pool)
    with pytest.raises(NoCredential, match="no key; OPENAI_API_KEY is not set"):
        keys_of(pool.provider("work").replace(keys=(), needs_key=True, key_env=("OPENAI_API_KEY",)), pool)


def test_without_a_keyring_the_file_takes_it(pool: Pool, keyring: Keyring) -> None:
    """Encrypted where there is a state key; else its owner must say so once."""
    keyring.shut = True
    with pytest.raises(Misuse, match="as it is") as caught:
        keys.store(pool, "work", PLANTED_KEY)
    assert caught.value.lines == ("not in the keyring: no usable keyring here",)
    assert (text(pool).count("key"), pool.paths.secrets.exists()) == (0, False)
    with pytest.raises(UnusableCredential, match="no usable keyring"):
        keys.store(pool, "work", PLANTED_KEY, where="keyring")
    assert (text(pool).count("key"), known_keys.read(pool.paths.state).known.get("work", {})) == (0, {})
    pool.env = {"LLMPOOL_STATE_KEY": "a state key"}
    assert keys.store(pool, "work", PLANTED_KEY).where == "file"
    assert "key = { file = true }" in text(pool)
    assert PLANTED_KEY not in pool.paths.secrets.read_text()
    pool.env = {}
    assert keys.store(pool, "work", SECOND, plaintext=True).where == "file"
    assert json.loads(pool.paths.secrets.read_text())["data"]["keys"]["work"]["2"] == SECOND


@pytest.mark.parametrize("key", ["", "  \n", "two words", "two\nlines", "caf\xe9", "\x1b[2J", "x" * 70_000])
def test_what_is_no_key_is_refused(pool: Pool, keyring: Keyring, key: str) -> None:
    """Before anything is written."""
    with pytest.raises(Misuse):
        keys.store(pool, "work", key)
    assert (keyring.held, "key" in text(pool)) == ({}, False)


@pytest.mark.parametrize("label", [PLANTED_KEY, "a/b", "-x", "a\n", "x" * 65, " "])
def test_what_cannot_be_a_label_is_refused_and_not_repeated(pool: Pool, keyring: Keyring, label: str) -> None:
    """A key that was typed in its place least of all; labels of other tools are fine."""
    with pytest.raises(Misuse) as caught:
        keys.store(pool, "work", "key", label=label)
    assert label not in caught.value.message + caught.value.hint or not label.strip()
    assert keys.store(pool, "work", "key", label="ide_import:cursor").label == "ide_import:cursor"
    assert keys.store(pool, "work", "other", label="Merged from A").label == "Merged from A"


def test_who_adds_at_once_gets_a_label_of_his_own(pool: Pool, keyring: Keyring) -> None:
    """Each key is kept under the label that names it, and one that two bring is kept once."""
    brought = [f"key-number-{number % 4}" for number in range(12)]

    def bring(key: str) -> keys.Stored:
        mine = Pool(pool.paths, {}, lambda: NOW)
        return keys.store(mine, "work", key, where="file", plaintext=True)

    with ThreadPoolExecutor(6) as threads:
        came = list(threads.map(bring, brought))
    pool.forget()
    kept = json.loads(pool.paths.secrets.read_text())["data"]["keys"]["work"]
    assert sorted(kept.values()) == sorted(set(brought))
    assert {ref.label for ref in pool.provider("work").keys} == set(kept)
    assert [kept[each.label] for each in came] == brought


def test_a_label_that_is_taken_names_the_way(pool: Pool, keyring: Keyring) -> None:
    """Another key never takes the place of one by accident."""
    keys.store(pool, "work", PLANTED_KEY, label="a")
    with pytest.raises(Misuse, match='work has another key "a"'):
        keys.store(pool, "work", SECOND, label="a")
    assert keyring.held == {("work", "a"): PLANTED_KEY}


@pytest.mark.parametrize("name", ["../escape", "nobody", "", "a/b"])
def test_example_27_no_such_provider(pool: Pool, keyring: Keyring, tmp_path: Path, name: str) -> None:
    """An id that is none is no provider's: refused, and no file outside appears."""
    before = sorted(tmp_path.parent.iterdir())
    for act in (
        lambda: keys.store(pool, name, PLANTED_KEY),
        lambda: key_changes.the_one(pool, name, ""),
        lambda: key_view.rows(pool, name) if name else pool.provider(name),
    ):
        with pytest.raises(UnknownName):
            act()
    assert (sorted(tmp_path.parent.iterdir()), keyring.held) == (before, {})


def test_what_is_not_kept_leaves_no_trace(
    pool: Pool, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure after the label was claimed gives it back, comments and all."""
    keys.store(pool, "work", PLANTED_KEY, label="a")
    before = text(pool)

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("llmpool.auth.secrets.put_into_keyring", fail)
    with pytest.raises(KeyboardInterrupt):
        keys.store(pool, "work", SECOND, label="b")
    assert key_refs.labels(text(pool), "work") == ["a"]
    assert text(pool).splitlines()[:3] == before.splitlines()[:3]
    assert list(known_keys.read(pool.paths.state).known["work"]) == ["a"]


def test_a_preset_variable_that_counts_no_more_is_told(pool: Pool, keyring: Keyring) -> None:
    """And so is a provider that takes no part: adding a key does not enable it (differs from 3.3)."""
    pool.paths.config.write_text("[providers.openai]\nenabled = false\n")
    pool.env = {"OPENAI_API_KEY": SECOND}
    notes = keys.store(pool, "openai", PLANTED_KEY).notes
    assert [note.partition(";")[0] for note in notes] == [
        "OPENAI_API_KEY is set, and no longer used",
        "openai is disabled",
    ]
    assert not pool.provider("openai").enabled


def test_a_key_that_works_takes_the_place_of_the_old(pool: Pool, keyring: Keyring) -> None:
    """Asked first; the label and its uses stay, its rest ends, the old mask is kept with its time."""
    with Speaking({"/v1/models": takes(SECOND), "/v1/chat/completions": takes(SECOND)}) as server:
        pool.paths.config.write_text(CONFIG.format(f"{server.url}/v1"))
        keys.store(pool, "work", PLANTED_KEY, label="a")
        known_keys.note(pool.paths.state, {("work", "a"): 3}, NOW)
        rest = cooldown.Cooldown(until=NOW + 60, seconds=60.0, reason="auth")
        health.update(
            pool.paths.state, lambda state: state.cool(cooldown.of_key("work", "a"), lambda _: rest)
        )
        pool.forget()
        assert key_view.rows(pool, "work")[0]["state"] == "resting"
        done = swap(pool, SECOND)
    assert (done.verified, done.before, done.stored.label) == (True, "sk-plant...mnop", "a")
    assert keyring.held == {("work", "a"): SECOND}
    row = key_view.rows(pool, "work")[0]
    assert (row["state"], row["usage_count"], len(row["replaced"])) == ("ok", 3, 1)
    assert row["replaced"][0]["mask"] == "sk-plant...mnop"


def test_a_key_that_is_refused_changes_nothing(pool: Pool, keyring: Keyring) -> None:
    """Nor does one that nobody can try; --no-verify swaps it all the same, and the hint says so."""
    keys.store(pool, "work", PLANTED_KEY)
    with pytest.raises(UpstreamFailed) as unknown:
        swap(pool, SECOND)
    with Speaking({"/v1/models": takes("none"), "/v1/chat/completions": takes("none")}) as server:
        pool.paths.config.write_text(text(pool).replace(pool.provider("work").url, f"{server.url}/v1"))
        pool.forget()
        with pytest.raises(NoCredential, match="work refuses the new key; the old one stays") as refused:
            swap(pool, SECOND)
    assert "--no-verify" in unknown.value.hint
    assert "--no-verify" in refused.value.hint
    assert keyring.held == {("work", "default"): PLANTED_KEY}
    assert swap(pool, SECOND, verify=False).stored.label == "default"
    assert keyring.held == {("work", "default"): SECOND}


def takes(key: str) -> Any:
    """Answer who brings *key*."""

    def says(asked: Asked) -> tuple[int, Any]:
        mine = asked.headers.get("authorization") == f"Bearer {key}"
        return (200, {"data": [{"id": "m"}]}) if mine else (401, {"error": {"message": "Incorrect API key"}})

    return says


def test_a_key_moves_when_it_is_replaced_elsewhere(pool: Pool, keyring: Keyring) -> None:
    """What is left of it in the old place is deleted; the same key can move, too."""
    keys.store(pool, "work", PLANTED_KEY)
    moved = swap(pool, PLANTED_KEY, where="file", plaintext=True, verify=False)
    assert (moved.stored.where, keyring.held) == ("file", {})
    assert "key = { file = true }" in text(pool)
    back = swap(pool, SECOND, where="keyring", verify=False)
    assert (back.left, keyring.held) == ("", {("work", "default"): SECOND})
    assert json.loads(pool.paths.secrets.read_text())["data"]["keys"] == {}
    pool.env = {"WORK": "third-key"}
    done = key_changes.replace(
        pool, "work", "", Given(reference={"env": "WORK"}), verify=False, progress=progress
    )
    assert (done.stored.where, keyring.held, 'key = { env = "WORK" }' in text(pool)) == ("env", {}, True)
    assert [past["mask"] for past in key_view.rows(pool, "work")[0]["replaced"]] == ["sk-plant...mnop"] * 2


def test_the_key_that_is_there_already_replaces_nothing(pool: Pool, keyring: Keyring) -> None:
    """Not its own, and not another label's."""
    keys.store(pool, "work", PLANTED_KEY, label="a")
    keys.store(pool, "work", SECOND, label="b")
    assert swap(pool, PLANTED_KEY, "a").stored.existing
    assert swap(pool, PLANTED_KEY, "b").stored.label == "a"
    with pytest.raises(Misuse, match="work has 2 keys, so say which"):
        swap(pool, "third")


def test_what_hangs_on_a_key_is_told(pool: Pool, keyring: Keyring) -> None:
    """That it is the only one, budgets about it, its uses, and where it is deleted."""
    keys.store(pool, "work", PLANTED_KEY, label="a")
    budget = '\n[budgets.mine]\nlimit = "5"\nscope = "work:a"\n'
    pool.paths.config.write_text(text(pool) + budget)
    known_keys.note(pool.paths.state, {("work", "a"): 3}, NOW)
    pool.forget()
    ref = key_changes.the_one(pool, "work", "")
    assert key_changes.hangs_on(pool, "work", ref) == [
        "it is the only key: work will be called without one",
        "[budgets.mine] is about it, and stays",
        "its count of uses goes (3); usage records stay",
        "the key itself is deleted from the keyring",
    ]
    assert key_changes.remove(pool, "work", ref) == ""
    assert (keyring.held, text(pool)) == ({}, text(pool).partition("key = ")[0])
    assert known_keys.read(pool.paths.state).uses.get("work", {}) == {}


def test_a_keyring_that_does_not_let_go_is_told(pool: Pool, keyring: Keyring) -> None:
    """The config no longer names the key, and the answer says where it still is."""
    keys.store(pool, "work", PLANTED_KEY)
    keyring.shut = True
    ref = key_changes.the_one(pool, "work", "")
    assert key_changes.remove(pool, "work", ref) == "work: no usable keyring here; unlock it"
    assert pool.provider("work").keys == ()


def test_a_refused_file_keeps_its_keys_named(pool: Pool, keyring: Keyring) -> None:
    """Nothing is removed where the key itself could not be."""
    keys.store(pool, "work", PLANTED_KEY, where="file", plaintext=True)
    pool.paths.secrets.chmod(0o644)
    with pytest.raises(UnusableCredential, match="may be read by others"):
        key_changes.remove(pool, "work", key_changes.the_one(pool, "work", ""))
    assert len(pool.provider("work").keys) == 1


def test_no_error_and_no_row_repeats_a_key(pool: Pool, keyring: Keyring) -> None:
    """Masks at the most; digests nowhere."""
    keys.store(pool, "work", PLANTED_KEY, label="a")
    pool.env = {"WORK": SECOND}
    keys.refer(pool, "work", {"env": "WORK"}, label="b")
    rows = json.dumps(key_view.rows(pool))
    known = known_keys.read(pool.paths.state).known["work"]
    assert not any(each in rows for each in (PLANTED_KEY, SECOND, known["a"].digest, known["b"].digest))
    assert PLANTED_KEY not in repr(Given(PLANTED_KEY))
    with pytest.raises(LlmpoolError) as caught:
        keys.store(pool, "work", "third-key", label="a")
    assert "third" not in caught.value.message + caught.value.hint
