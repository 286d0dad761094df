"""setup.settings: one key of the config, looked up, set and taken out."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import Paths
from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.errors import ConfigInvalid, Misuse, StateUnusable, UnknownName
from llmpool.pool import Pool, open_pool
from llmpool.setup import configfile, settings
from llmpool.state import inventory, jsonfile
from tests.edges.config_text import PLANTED

AT = "2026-11-21T03:44:00Z"
TEXT = """# mine
default_model = "den/m"  # good

[routing]
mode = "auto"  # for now

[providers.openai]
[providers.den]
preset = "ollama"
url = "http://den.lan:11434"
timeout = "50s"

[[models]]
id = "den/m"
quality = 6
[budgets.daily]
limit = 5.10
"""


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")
    paths.config.write_text(TEXT)
    return open_pool(paths, env={})


@pytest.mark.parametrize(
    ("key", "value", "source", "more"),
    [
        ("routing.mode", "auto", "config", {"line": 5}),
        ("routing.strategy", "score", "default", {}),
        ("routing.stale_after", "7d", "default", {}),
        ("routing.fallbacks", [], "default", {}),
        ("providers.den.url", "http://den.lan:11434", "config", {"line": 10}),
        ("providers.den.format", "ollama", "preset", {}),
        ("providers.openai.url", "https://api.openai.com/v1", "preset", {}),
        ("providers.openai.key", {"env": "OPENAI_API_KEY"}, "preset", {}),
        ("providers.openai.enabled", True, "default", {}),
        ("providers.den.read_timeout", "50s", "config", {"line": 11, "via": "providers.den.timeout"}),
        ("providers.openai.read_timeout", "2m", "default", {"via": "routing.read_timeout"}),
        ("providers.den.params.temperature", None, "default", {}),
        ("models.den/m.quality", 6, "config", {"line": 15}),
        ("models.den/m.speed", None, "default", {}),
        ("budgets.daily.limit", "5.10", "config", {"line": 17}),
        ("budgets.daily.per", "month", "default", {}),
        ("usage.retention", "30d", "default", {}),
        ("catalog_url", None, "default", {}),
        ("local_first", True, "default", {}),
        ("templates.review", None, "default", {}),
        ("routing", {"mode": "auto"}, "config", {"line": 4}),
    ],
)
def test_the_value_in_force_and_where_it_comes_from(
    pool: Pool, key: str, value: Any, source: str, more: dict[str, Any]
) -> None:
    """What the config says comes first, then the preset, a key that stands for it, and the default."""
    found = settings.look(pool, key)
    assert (found.value, found.source) == (value, source)
    assert {"line": found.line, "via": found.via} == {"line": None, "via": ""} | more


@pytest.mark.parametrize("key", ["providers.dem.url", "models.den/x.speed", "groups.g.providers"])
def test_what_nobody_configured_has_no_keys(pool: Pool, key: str) -> None:
    """A provider, model or group that is not there is an unknown name, with what is there."""
    with pytest.raises(UnknownName):
        settings.look(pool, key)


def test_a_change_says_what_was_and_what_is(pool: Pool) -> None:
    """Set and unset change one line each, tell both values, and leave the rest as it is."""
    change = settings.put(pool, "routing.mode", ["local"])
    assert (change.before.value, change.after.value, change.changed) == ("auto", "local", True)
    assert pool.paths.config.read_text() == TEXT.replace('mode = "auto"', 'mode = "local"')
    assert not settings.put(pool, "routing.mode", ["local"]).changed
    change = settings.take(pool, "routing.mode")
    assert (change.before.value, change.after.value, change.after.source) == ("local", "auto", "default")
    assert pool.paths.config.read_text() == TEXT.replace('mode = "auto"  # for now', "# for now")
    assert not settings.take(pool, "routing.mode").changed


def test_a_table_takes_the_keys_that_are_named(pool: Pool) -> None:
    """Setting a table sets its keys and leaves the others; a new one is made, models by their id."""
    settings.put(pool, "budgets.daily", ["per=day"])
    assert pool.config.budgets[0].limit == "5.10"
    settings.put(pool, "models.den/m", ["speed=3", "aliases=small"])
    assert (pool.config.models[0].quality, pool.config.models[0].speed) == (6, 3)
    settings.put(pool, "groups.family", ["providers=den"])
    assert pool.config.groups[0].providers == ("den",)
    assert settings.lines_of_table(pool, "groups.family") == 3
    assert settings.lines_of_table(pool, "routing.mode") == 0


@pytest.mark.parametrize(
    ("key", "words", "says"),
    [
        ("routing.mode", ["fastest"], 'routing.mode: "fastest" is not known here'),
        ("routing.max_retries", ["many"], "routing.max_retries: found"),
        ("providers.den.rate_limit", ["tpm=9k"], "write it in digits, such as 9000"),
        ("groups.g.providers", ["nobody"], "there is no such provider"),
        ("providers.new.priority", ["3"], "has neither url nor preset"),
        ("default_model", ["nobody/m"], "at no configured provider"),
        ("providers.openai.key", [PLANTED], "a key in the clear is refused"),
        ("providers.openai.keys", [PLANTED], "a key in the clear is refused"),
        ("providers", ["x"], "not set as a whole"),
        ("routing", ["x"], "is a table"),
        ("routing.mode", [], "no value is given"),
    ],
)
def test_what_would_not_load_is_not_written(pool: Pool, key: str, words: list[str], says: str) -> None:
    """A value is checked as the config is, other tables included; the mistake is told, nothing is changed."""
    with pytest.raises(Misuse) as caught:
        settings.put(pool, key, words)
    told = "\n".join([caught.value.message, *caught.value.lines, caught.value.hint])
    assert says in told
    assert PLANTED not in told
    assert pool.paths.config.read_text() == TEXT


@pytest.mark.parametrize(
    ("key", "words", "notes"),
    [
        ("default_model", ["den/m"], ()),
        ("default_model", ["zzz"], ("nobody is known to have zzz; see them all: llmpool models list",)),
        (
            "recovery_model",
            ["den/qwen3:9b"],
            ("nobody is known to have den/qwen3:9b; did you mean den/qwen3:8b?",),
        ),
        (
            "routing.fallbacks",
            ["den/m", "openai/y", "qwen"],
            ("nobody is known to have qwen; did you mean den/qwen3:8b?",),
        ),
        ("routing.mode", ["local"], ()),
    ],
)
def test_a_model_that_nobody_has_is_noted(
    pool: Pool, key: str, words: list[str], notes: tuple[str, ...]
) -> None:
    """It may turn up, so it is written; who mistyped it learns so at once. Nobody has asked openai yet."""
    listed = (ObservedModel(name="m"), ObservedModel(name="qwen3:8b"))
    seen = ProviderInventory(provider="den", attempted_at=AT, fetched_at=AT, models=listed)
    inventory.update(pool.paths.state, [seen])
    assert settings.put(pool, key, words).notes == notes


def test_a_public_key_is_looked_at(pool: Pool) -> None:
    """The keys that sign trials are 32 bytes in base64; anything else is refused and not repeated."""
    settings.put(pool, "trial.keys.t1", ["A" * 43 + "="])
    assert dict(pool.config.trial_keys) == {"t1": "A" * 43 + "="}
    for words in (["xx"], ["A" * 44], ["A" * 43 + "=="]):
        with pytest.raises(Misuse, match="no Ed25519 public key"):
            settings.put(pool, "trial.keys.t1", words)
    with pytest.raises(Misuse, match="no Ed25519 public key"):
        settings.put(pool, "trial.keys", ["t2=xx"])


def test_taking_out_what_others_need_is_refused(pool: Pool) -> None:
    """A provider that a model belongs to stays, with the place that needs it."""
    settings.take(pool, "default_model")
    with pytest.raises(Misuse) as caught:
        settings.take(pool, "providers.den")
    assert "den" in caught.value.message
    assert "[providers.den]" in pool.paths.config.read_text()


def test_a_broken_config_can_be_mended(pool: Pool) -> None:
    """Setting the one key that is wrong mends the file; any other change says what is wrong with it (4)."""
    pool.paths.config.write_text(TEXT.replace('"auto"', '"fastest"'))
    with pytest.raises(ConfigInvalid):
        settings.put(pool, "local_first", ["no"])
    change = settings.put(pool, "routing.mode", ["auto"])
    assert (change.before.value, change.after.value) == ("fastest", "auto")
    assert pool.paths.config.read_text() == TEXT


@pytest.mark.parametrize(
    ("act", "lines"),
    [
        (
            lambda pool: settings.put(pool, "routing.mode", ["local"]),
            ("set this in it yourself:", "[routing]", 'mode = "local"'),
        ),
        (
            lambda pool: settings.put(pool, "models.den/m.speed", ["3"]),
            ("set this in it yourself:", "[[models]]", 'id = "den/m"', "speed = 3"),
        ),
        (
            lambda pool: settings.take(pool, "routing.mode"),
            ("take this out of it yourself:", "[routing]", "mode"),
        ),
    ],
)
def test_a_file_that_cannot_be_written(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, act: Any, lines: tuple[str, ...]
) -> None:
    """The error (10) says what to change by hand."""

    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise StateUnusable(f"cannot write {path}: {os.strerror(errno.EROFS)}")

    monkeypatch.setattr(jsonfile, "write_atomic", refuse)
    with pytest.raises(StateUnusable) as caught:
        act(pool)
    assert (caught.value.exit_code, caught.value.lines) == (10, lines)
    assert pool.paths.config.read_text() == TEXT


def test_an_edit_by_hand_meanwhile_is_kept(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody wrote after this run read the config is there after this run's change."""
    real = configfile._read
    calls = 0

    def slow(path: Path) -> tuple[str, int]:
        nonlocal calls
        calls += 1
        found = real(path)
        if calls == 1:
            path.write_text(TEXT.replace("quality = 6", "quality = 9  # by hand"))
        return found

    monkeypatch.setattr(configfile, "_read", slow)
    settings.put(pool, "routing.mode", ["local"])
    assert pool.paths.config.read_text() == TEXT.replace('"auto"', '"local"').replace(
        "quality = 6", "quality = 9  # by hand"
    )


def test_an_alias_is_checked_as_models_set_does(pool: Pool) -> None:
    """What is refused there is refused here, with the command that has it all the same."""
    listed = (ObservedModel(name="m"), ObservedModel(name="n"))
    seen = ProviderInventory(provider="den", attempted_at=AT, fetched_at=AT, models=listed)
    inventory.update(pool.paths.state, [seen])
    pool = open_pool(pool.paths, env={})
    for words, message in ((["den/n"], "is the id of a deployment"), (["fine", "n"], "would hide den/n")):
        with pytest.raises(Misuse, match=message) as caught:
            settings.put(pool, "models.den/m.aliases", words)
        if message.startswith("would"):
            assert caught.value.hint.endswith("llmpool models set den/m --alias n --force")
    with pytest.raises(Misuse, match="is the name of a mode"):
        settings.put(pool, "models.den/m", ["quality=5", "aliases=auto"])
    assert pool.paths.config.read_text() == TEXT
    assert settings.put(pool, "models.den/m.aliases", ["fine"]).after.value == ["fine"]
