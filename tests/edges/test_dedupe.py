"""setup.dedupe: one server under several ids becomes one provider, and nothing that named another is lost."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmpool.auth import keyfile
from llmpool.config.paths import Paths
from llmpool.core.policy import Policy
from llmpool.errors import NoCredential
from llmpool.net.address import canonical
from llmpool.pool import Pool, open_pool
from llmpool.setup import dedupe
from llmpool.setup import keys as keystore_keys
from llmpool.state import jsonfile, policy
from llmpool.state import keys as state_keys
from tests.edges.config_text import PLANTED

AT = "2026-11-21T03:44:00Z"


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")
    return open_pool(paths, env={"K1": PLANTED, "K1_TOO": PLANTED, "K2": "sk-two-0123456789"})


def merged(pool: Pool, text: str) -> tuple[list[tuple[str, tuple[str, ...]]], dict[str, Any]]:
    """Merge what *text* has twice; return who stayed for whom, and the config as TOML says it."""
    pool.paths.config.write_text(text)
    pool.forget()
    plan = dedupe.plan(pool)
    assert pool.paths.config.read_text() == text
    if plan.merges:
        dedupe.carry_out(pool, plan)
    assert dedupe.plan(pool).merges == ()
    return [(m.kept, m.gone) for m in plan.merges], tomllib.loads(pool.paths.config.read_text())


def test_worked_example_46(pool: Pool) -> None:
    """Pool-ledger-credentials 46: the older of two stays, the key it lacks comes along relabelled.

    There C is another group because of its host's case alone; here case does not matter, its key does.
    """
    text = (
        '[providers.B]\nurl = "https://x.test"\npriority = 45\nkey = { env = "K1" }\n'
        '[providers.A]\nurl = "https://x.test/"\npriority = 45\n'
        'keys = [{ env = "K1_TOO" }, { label = "k2", env = "K2" }]\n'
        '[providers.C]\nurl = "https://X.test"\nkey = { env = "OTHER" }\n'
    )
    who, after = merged(pool, text)
    assert who == [("B", ("A",))]
    assert after["providers"] == {
        "B": {
            "url": "https://x.test",
            "priority": 45,
            "keys": [{"label": "default", "env": "K1"}, {"label": "Merged from A", "env": "K2"}],
        },
        "C": {"url": "https://X.test", "key": {"env": "OTHER"}},
    }


def test_the_one_called_custom_stays(pool: Pool) -> None:
    """Among equals the id `custom` stays whatever its priority (example 46), in use if any of them was."""
    text = (
        '[providers.best]\nurl = "https://x.test"\npriority = 99\nkey = { env = "K1" }\n'
        '[providers.custom]\nurl = "https://x.test"\nenabled = false\nkey = { env = "K1" }\n'
    )
    who, after = merged(pool, text)
    assert who == [("custom", ("best",))]
    assert after["providers"]["custom"]["enabled"] is True


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("priority = 1", "priority = 2", "second"),
        ("", "", "first"),
        ("enabled = false\npriority = 9", "", "second"),
    ],
)
def test_which_one_stays(pool: Pool, first: str, second: str, kept: str) -> None:
    """One in use comes before one that is not, then the higher priority, then the older line."""
    lines = [
        f'[providers.{name}]\nurl = "http://den.lan:8000/v1"\n{own}\n'
        for name, own in (("first", first), ("second", second))
    ]
    (found,) = merged(pool, "".join(lines))[0]
    assert found[0] == kept


def test_an_inactive_double_shuts_nobody(pool: Pool) -> None:
    """A provider that its owner closed is not the one that stays, and its decision stays with its id."""
    text = "".join(f'[providers.{name}]\nurl = "http://den.lan:8000"\n' for name in ("shut", "open"))
    policy.update(pool.paths.state, lambda _: {"shut": Policy(state="inactive", updated_at=AT)})
    pool.paths.config.write_text(text)
    (merge,) = dedupe.plan(pool).merges
    assert (merge.kept, merge.dropped) == ("open", ("policy of shut: inactive",))
    dedupe.carry_out(pool, dedupe.plan(pool))
    assert list(policy.read(pool.paths.state)) == ["shut"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://api.x.test/v1", "https://api.x.test:443/v1/"),
        ("https://API.x.test", "https://api.x.test/v1"),
        ("http://localhost:11434", "http://127.0.0.1:11434/"),
        ("http://[::1]:8080/v1", "http://localhost:8080"),
        ("http://h/api", "http://h:80/api/"),
        ("http://[::1", "http://[::1"),
        ("http://h:99999", "http://h:99999"),
    ],
)
def test_addresses_that_are_one(one: str, other: str) -> None:
    """Case of the host, default port, last slash, /v1 and names of this machine make no difference."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://x.test", "http://x.test"),
        ("https://x.test", "https://x.test:8443"),
        ("https://x.test/a", "https://x.test/b"),
        ("https://x.test/A", "https://x.test/a"),
        ("https://x.test", "https://y.test"),
    ],
)
def test_addresses_that_are_not(one: str, other: str) -> None:
    """Another scheme, port, path or host is another server."""
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('key = { env = "K1" }', 'key = { env = "K2" }'),
        ('key = { env = "K1" }', ""),
        ('key = { env = "K1", enabled = false }', 'key = { env = "K1", enabled = false }'),
        ('format = "openai"', 'format = "anthropic"'),
        ('headers = { X-Team = "one" }', 'headers = { X-Team = "two" }'),
        ("key = { keyring = true }", "key = { keyring = true }"),
    ],
)
def test_what_is_not_the_same_stays_two(pool: Pool, one: str, other: str) -> None:
    """Another key, no enabled key, another format, other headers, another entry of the keyring part them."""
    named = (
        f'[providers.{name}]\nurl = "https://x.test"\n{own}\n' for name, own in (("a", one), ("b", other))
    )
    assert merged(pool, "".join(named))[0] == []


def test_presets_and_their_spellings(pool: Pool) -> None:
    """A preset, its alias and its address written out are one, with the variable it uses anyway."""
    text = (
        '[providers.google]\n[providers.gem]\npreset = "gemini"\n'
        '[providers.openai]\n[providers.mine]\nurl = "https://API.openai.com:443/v1/"\n'
        'key = { env = "OPENAI_API_KEY" }\n'
    )
    assert merged(pool, text)[0] == [("google", ("gem",)), ("openai", ("mine",))]


def test_everything_that_named_it_names_the_other(pool: Pool) -> None:
    """Models, aliases, default, fallbacks, groups, profiles, budgets and policies do; comments stay."""
    text = (
        '# mine\ndefault_model = "den2/m"  # why\nrecovery_model = "small"\n[routing]\n'
        'fallbacks = ["den2/m", "den/m", "openai/x"]\n'
        '[providers.den]\nurl = "http://den.lan:8000"\npriority = 50\n[providers.openai]\n'
        '# the double\n[providers.den2]  # head\nurl = "http://den.lan:8000/v1"\n'
        'priority = 40\nidle_ttl = "5m"\n'
        '[[models]]\nid = "den/m"\nquality = 6\n'
        '[[models]]  # second\nid = "den2/m"\nquality = 5\nspeed = 3\naliases = ["small"]\n'
        '[[models]]\nid = "den2/only"\n'
        '[groups.g]\nproviders = ["den", "den2"]\n[groups.h]\nproviders = ["den2"]\n'
        '[profiles.p]\nmodel = "den2/m"\nprefer = "den2"\nexclude = ["den2", "openai/x"]\n'
        '[budgets.b]\nlimit = "1"\nscope = "den2"\n'
    )
    decided = {
        "den2": Policy(state="flagged", updated_at=AT),
        "den2/m": Policy(routable=False, updated_at=AT),
        "den2/only": Policy(routable=True, updated_at=AT),
        "den/m": Policy(routable=True, updated_at=AT),
    }
    policy.update(pool.paths.state, lambda _: decided)
    pool.paths.config.write_text(text)
    (merge,) = dedupe.plan(pool).merges
    assert merge.dropped == (
        "den2: priority = 40",
        'den2: idle_ttl = "5m"',
        "den2/m: quality = 5",
        "what den2 spent so far, in budgets.b",  # records keep their old ids
        "policy of den/m: routable",
    )
    _, after = merged(pool, text)
    assert after == {
        "default_model": "den/m",
        "recovery_model": "small",
        "routing": {"fallbacks": ["den/m", "openai/x"]},
        "providers": {"den": {"url": "http://den.lan:8000", "priority": 50}, "openai": {}},
        "models": [
            {"id": "den/m", "quality": 6, "speed": 3, "aliases": ["small"]},
            {"id": "den/only"},
        ],
        "groups": {"g": {"providers": ["den"]}, "h": {"providers": ["den"]}},
        "profiles": {"p": {"model": "den/m", "prefer": "den", "exclude": ["den", "openai/x"]}},
        "budgets": {"b": {"limit": "1", "scope": "den"}},
    }
    written = pool.paths.config.read_text()
    assert [
        word for word in ("# mine", "# why", "# the double", "# head", "# second") if word not in written
    ] == []
    assert policy.read(pool.paths.state) == {
        "den": decided["den2"],
        "den/m": decided["den2/m"],
        "den/only": decided["den2/only"],
    }
    (backup,) = pool.paths.config.parent.glob("config.toml.bak-*")
    assert backup.read_text() == text


def test_a_budget_over_a_key_stays_over_it(pool: Pool) -> None:
    """A key that both have, one that moves along, and one that two bring: a limit goes where its key is."""
    text = (
        '[providers.a]\nurl = "https://x.test"\nkey = { env = "K1" }\n'
        '[providers.b]\nurl = "https://x.test"\n'
        'keys = [{ env = "K1_TOO" }, { label = "two", env = "K2" }]  # b\'s\n'
        '[providers.c]\nurl = "https://x.test"\nkeys = [{ env = "K1" }, { env = "K2" }]\n'
        '[budgets.one]\nlimit = "1"\nscope = "b:1"  # mine\n[budgets.two]\nlimit = "1"\nscope = "b:two"\n'
        '[budgets.three]\nlimit = "1"\nscope = "c:2"\n[budgets.lost]\nlimit = "1"\nscope = "c:gone"\n'
    )
    who, after = merged(pool, text)
    assert who == [("a", ("b", "c"))]
    assert {name: each["scope"] for name, each in after["budgets"].items()} == {
        "one": "a:default",
        "two": "a:Merged from b",
        "three": "a:Merged from b",
        "lost": "a",
    }


def test_a_budget_over_the_variable_of_a_preset_stays_over_it(pool: Pool) -> None:
    """The key that a preset brings is called as its variable, before and after another is put beside it."""
    pool = open_pool(pool.paths, env={**pool.env, "OPENAI_API_KEY": PLANTED})
    text = (
        '[providers.openai]\n[providers.mine]\nurl = "https://api.openai.com/v1"\n'
        'keys = [{ env = "K1" }, { env = "K2" }]\n'
        '[budgets.one]\nlimit = "1"\nscope = "openai:OPENAI_API_KEY"\n'
        '[budgets.two]\nlimit = "1"\nscope = "mine:1"\n'
    )
    who, after = merged(pool, text)
    assert who == [("openai", ("mine",))]
    assert after["providers"] == {
        "openai": {
            "keys": [
                {"label": "OPENAI_API_KEY", "env": "OPENAI_API_KEY"},
                {"label": "Merged from mine", "env": "K2"},
            ]
        }
    }
    assert [each["scope"] for each in after["budgets"].values()] == ["openai:OPENAI_API_KEY"] * 2


def stored(pool: Pool, **keys: str) -> None:
    """Keep keys in secrets.json under `provider__label`, and configure their providers at one address."""
    text = "".join(f'[providers.{name}]\nurl = "https://x.test"\n' for name in ("a", "b"))
    pool.paths.config.write_text(text)
    pool.forget()
    for place, key in keys.items():
        provider, _, label = place.partition("__")
        keystore_keys.store(pool, provider, key, label=label, where="file", plaintext=True)


def test_stored_keys_are_compared_by_digest_and_move_along(pool: Pool) -> None:
    """Example 46 with keys that llmpool keeps: `k2` is kept under the id that stays, nothing left."""
    stored(pool, a__main=PLANTED, b__first=PLANTED, b__k2="sk-two-0123456789")
    (merge,) = dedupe.plan(pool).merges
    assert (merge.kept, merge.gone, merge.dropped) == ("a", ("b",), ())
    dedupe.carry_out(pool, dedupe.plan(pool))
    assert keyfile.read(pool.paths.secrets).keys == {
        "a": {"main": PLANTED, "Merged from b": "sk-two-0123456789"}
    }
    (table,) = pool.config.providers
    assert [(ref.label, ref.source) for ref in table.keys] == [("main", "file"), ("Merged from b", "file")]
    assert {*state_keys.read(pool.paths.state).known["a"]} == {"main", "Merged from b"}


def test_a_key_that_cannot_be_read_changes_nothing(pool: Pool) -> None:
    """Where a stored key is missing the merge is refused, and config and secrets are as they were."""
    stored(pool, a__main=PLANTED, b__first=PLANTED, b__k2="sk-two-0123456789", b__k3="sk-three-0123456789")
    keyfile.drop(pool.paths.secrets, "b", "k3", update=jsonfile.update)
    before = pool.paths.config.read_text(), keyfile.read(pool.paths.secrets).keys
    with pytest.raises(NoCredential):
        dedupe.carry_out(pool, dedupe.plan(pool))
    assert (pool.paths.config.read_text(), keyfile.read(pool.paths.secrets).keys) == before


LOCAL = '[providers.den]\npreset = "ollama"\nurl = "http://127.0.0.1:9"\n'
CLOUD = '[providers.two]\nformat = "ollama"\nurl = "http://localhost:9"\n'


@pytest.mark.parametrize("text", [LOCAL + CLOUD, CLOUD + "priority = 900\n" + LOCAL])
def test_the_local_one_stays(pool: Pool, text: str) -> None:
    """Ruling 5: a server that is known to be local does not become cloud, whatever the priorities."""
    pool.paths.config.write_text(text)
    (merge,) = dedupe.plan(pool).merges
    assert (merge.kept, merge.dropped[0]) == ("den", 'two: location = "cloud"; den is local')
    dedupe.carry_out(pool, dedupe.plan(pool))
    assert [p.location for p in pool.catalog.providers] == ["local"]


def test_a_change_of_location_is_listed(pool: Pool) -> None:
    """Where the one in use is not the local one, the preview says what becomes of the other."""
    pool.paths.config.write_text(LOCAL + "enabled = false\n" + CLOUD)
    (merge,) = dedupe.plan(pool).merges
    assert merge.kept == "two"
    assert merge.dropped == ('den: location = "local"; two is cloud', 'den: preset = "ollama"; two says none')


def test_no_decision_is_lost(pool: Pool) -> None:
    """Of two decisions about one model the stricter holds, and what does not hold any more is listed."""
    decided = {
        "den/a": Policy(state="inactive", reason="mine", updated_at=AT),
        "den2/a": Policy(state="flagged", updated_at=AT),
    }
    policy.update(pool.paths.state, lambda _: decided)
    pool.paths.config.write_text(
        "".join(f'[providers.{name}]\nurl = "http://den.lan:8000"\n' for name in ("den2", "den"))
    )
    (merge,) = dedupe.plan(pool).merges
    assert (merge.kept, merge.moved) == ("den2", ("policy den/a -> den2/a: inactive (mine)",))
    assert merge.dropped == ("policy of den2/a: flagged",)
    dedupe.carry_out(pool, dedupe.plan(pool))
    assert policy.read(pool.paths.state) == {"den2/a": decided["den/a"]}
