"""setup.moving_in: what another pool has moves in as one change."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmpool.auth import keyfile
from llmpool.config.paths import Paths
from llmpool.core.policy import Policy
from llmpool.errors import LlmpoolError, Misuse
from llmpool.pool import Pool, open_pool
from llmpool.setup import moving_in
from llmpool.setup.moving_logins import Manner
from llmpool.setup.moving_plan import Plan
from llmpool.state import keys as known_keys
from llmpool.state import logins, policy, prices
from tests.edges import foreign_pools as foreign
from tests.edges.config_text import PLANTED

FILE = Manner(where="file", plaintext=True)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")
    return open_pool(paths, env={"RUNNER_URL": "http://10.0.0.9:8000/v1"})


def config(pool: Pool, text: str) -> None:
    pool.paths.config.write_text(text)
    pool.forget()


def after(pool: Pool) -> dict[str, Any]:
    return tomllib.loads(pool.paths.config.read_text())


def move(pool: Pool, source: str, place: Path, key_file: str = "") -> Plan:
    """Move in, and check that a second time there is nothing to do."""
    made = moving_in.plan(pool, source, str(place), key_file)
    if made.changes:
        moving_in.carry_out(pool, made, FILE)
    assert not moving_in.plan(pool, source, str(place), key_file).changes
    return made


def left(made: Plan) -> dict[str, str]:
    return {step.what: step.why for step in made.steps if step.action == "left"}


def test_worked_example_45(pool: Pool, tmp_path: Path) -> None:
    """Pool-ledger-credentials 45: `claude` becomes anthropic with its key, and the file is done with.

    `foo` has neither an address nor a key; a provider without an address cannot be configured here, so it is
    named with the way to add it instead of being counted.
    """
    legacy = foreign.write(tmp_path / "z" / "provider_settings.json", foreign.LEGACY)
    made = moving_in.plan(pool, "zimaos", str(legacy))
    assert (made.migrated, made.skipped) == (("claude",), ("foo",))
    assert 'anthropic "Migrated from legacy"' in [s.what for s in made.steps if s.why == "sk-a****cy-1"]
    moving_in.carry_out(pool, made, FILE)
    key = {"label": "Migrated from legacy", "file": True}
    assert after(pool)["providers"] == {"anthropic": {"priority": 100, "key": key}}
    assert (pool.provider("anthropic").name, pool.provider("anthropic").url) == (
        "Anthropic",
        "https://api.anthropic.com",
    )
    assert known_keys.read(pool.paths.state).known["anthropic"]["Migrated from legacy"].mask == "sk-a****cy-1"
    assert not legacy.exists()
    assert legacy.with_name("provider_settings.json.migrated").exists()
    with pytest.raises(Misuse, match="does not exist"):
        moving_in.plan(pool, "zimaos", str(legacy))


@pytest.mark.parametrize(("key", "names"), [("", ("claude",)), ('key = { env = "MINE" }', ())])
def test_a_legacy_key_goes_to_a_provider_without_one(
    pool: Pool, tmp_path: Path, key: str, names: tuple[str, ...]
) -> None:
    """Example 45 with anthropic configured already: its key is added where there is none, else skipped."""
    config(pool, f"[providers.anthropic] # mine\npriority = 7\n{key}\n")
    pool.env = {**pool.env, "MINE": PLANTED}
    legacy = foreign.write(tmp_path / "provider_settings.json", foreign.LEGACY)
    made = moving_in.plan(pool, "zimaos", str(legacy))
    assert made.migrated == names
    if made.changes:
        moving_in.carry_out(pool, made, FILE)
    assert after(pool)["providers"]["anthropic"]["priority"] == 7
    assert "# mine" in pool.paths.config.read_text()
    assert legacy.exists() is not bool(names)


@pytest.mark.parametrize("storage", ["files", "database"])
def test_zimaos_moves_in_from_files_and_from_sqlite(pool: Pool, tmp_path: Path, storage: str) -> None:
    """Providers, keys, prices, settings, switched-off models and logins come along; the rest is named."""
    place = tmp_path / "z"
    if storage == "files":
        foreign.zimaos_files(place)
    else:
        foreign.zimaos_database(place / "zima.db")
    key_file = foreign.write(tmp_path / "old.key", foreign.SEALED_KEY)
    key_file.chmod(0o600)
    made = move(pool, "zimaos", place, str(key_file))
    assert after(pool) == {
        "providers": {
            "gateway": {
                "name": "Team gateway",
                "format": "openai",
                "format_mode": "auto",
                "location": "local",
                "url": "https://gw.example/v1",
                "alternate_urls": ["https://gw2.example/v1"],
                "verify_tls": False,
                "priority": 60,
                "headers": {"X-Team": "search"},
                "allowed_models": ["gpt-5*"],
                "rate_limit": {"rpm": 60, "tpm": 90000, "tpd": 2000000},
                "params": {"temperature": 0.2, "max_tokens": 2048},
                "keys": [
                    {"label": "main", "file": True},
                    {"label": "old", "file": True, "enabled": False},
                ],
            },
            "openai": {"key": {"file": True}},
            "github-copilot": {},
        },
        "routing": {"strategy": "priority", "mode": "local"},
        "usage": {"retention": "90d"},
    }
    secrets = keyfile.read(pool.paths.secrets).keys
    assert secrets["gateway"] == {"main": PLANTED, "old": foreign.OPENED}
    assert secrets["openai"] == {"default": foreign.SECOND}
    (login,) = logins.of(pool.paths.state, "github-copilot")
    assert (login.email, login.borrowed, login.expires_at) == ("me@example.org", True, 0.0)
    assert secrets["github-copilot"][login.id] == foreign.TOKEN
    own = prices.read(pool.paths.state).custom
    rates = {name: {k: v for k, v in each.items() if k != "set_at"} for name, each in own.items()}
    assert rates == {
        "openai/gpt-4o": {"input": "1.5", "output": "2", "cache_read": "0.25"},
        "qwen3:8b": {"input": "0", "output": "0"},
    }
    assert prices.read(pool.paths.state).default is None  # theirs is the one they came with
    (decided,) = policy.read(pool.paths.state).items()
    assert (decided[0], decided[1].state) == ("openai/gpt-4", "inactive")
    assert left(made) == {
        "gateway: headers X-Api-Key": "a secret in the clear is refused",
        "gateway: parameter seed": "no parameter of this config",
        "gateway: description": "for a screen that is not here",
        "price of bad": "an amount is missing, or is no amount",
        "1 model of openai": "listed anew by: llmpool refresh",
        "qwen": "never set up there: no key, not enabled",
    }


def test_an_encrypted_key_that_nothing_opens_is_named(pool: Pool, tmp_path: Path) -> None:
    """Without the state key, or with another, the key stays behind and the rest comes; never as it is."""
    foreign.zimaos_files(tmp_path / "z")
    wrong = foreign.write(tmp_path / "wrong.key", "another key of the right length!")
    wrong.chmod(0o600)
    for key_file in ("", str(wrong)):
        made = moving_in.plan(pool, "zimaos", str(tmp_path / "z"), key_file)
        assert left(made)["key old of gateway"] == "encrypted, and no key here opens it: --state-key FILE"
    assert [order.label for order in made.orders if order.provider == "gateway"] == ["main"]
    wrong.chmod(0o644)
    with pytest.raises(LlmpoolError, match=r"wrong\.key"):
        moving_in.plan(pool, "zimaos", str(tmp_path / "z"), str(wrong))


def test_gopherclaw_moves_in(pool: Pool, tmp_path: Path) -> None:
    """Its providers, the key among its variables, what it asks first and next, thinking, and its login."""
    made = move(pool, "gopherclaw", foreign.gopherclaw(tmp_path / "g"))
    assert after(pool) == {
        "default_model": "google/gemini-2.5-pro",
        "providers": {
            "google": {"key": {"file": True}},
            "den": {"url": "http://den.lan:8000/v1", "format": "openai"},
            "ollama": {"url": "http://box.lan:11434"},
            "deepseek": {"key": {"env": "DEEPSEEK_API_KEY"}},
            "anthropic": {"params": {"thinking": "4096"}, "key": {"file": True}},
            "github-copilot": {},
        },
        "routing": {"fallbacks": ["anthropic/claude-sonnet-4-6", "github-copilot/gpt-4.1"]},
        "models": [{"id": "google/gemini-2.5-pro", "aliases": ["smart"]}],
    }
    assert keyfile.read(pool.paths.secrets).keys["anthropic"] == {"default": PLANTED}
    assert [login.type for login in logins.read(pool.paths.state)] == ["copilot"]
    assert left(made).keys() == {
        "provider nowhere", "provider off", "provider github-copilot", "routing.fallbacks: nowhere/x",
        "alias smart of den/qwen3", "timeoutSeconds = 120", "variable FOO", "settings of gateway",
        "agents.defaults: contextPruning",
    }  # fmt: skip


def test_two_that_would_be_one_are_told(pool: Pool, tmp_path: Path) -> None:
    """Of two providers that have one name here the second is named, and not lost without a word."""
    google = {"apiKey": "g-key-2", "baseURL": "https://mine.test/v1"}
    place = foreign.write(
        tmp_path / "g" / "config.json", {"providers": {"gemini": {"apiKey": "g-key-1"}, "google": google}}
    )
    made = moving_in.plan(pool, "gopherclaw", str(place))
    assert made.skipped == ("google",)
    assert left(made)["provider google"] == "another that came before it is google here"
    entries = {"anthropic": {"api_key": "sk-a-1"}, "claude": {"api_key": "sk-a-2"}}
    legacy = foreign.write(tmp_path / "z" / "provider_settings.json", {"providers": entries})
    told = left(moving_in.plan(pool, "zimaos", str(legacy)))
    assert told["provider claude"] == "another that came before it is anthropic here"
    thane = foreign.write(
        tmp_path / "t" / "config.json",
        {
            "anthropic": {"api_key": "sk-ant-1"},
            "models": {
                "resources": {"anthropic": {"provider": "openai_compat", "url": "http://10.0.0.7:1/v1"}}
            },
        },
    )
    made = moving_in.plan(pool, "thane", str(thane))
    assert made.providers["anthropic"]["url"] == "http://10.0.0.7:1/v1"
    assert left(made)["key of anthropic"] == "anthropic is a server of openai_compat there"


@pytest.mark.parametrize("silence", ["9" * 310 + "s", "soon", "1" * 5000 + ".5m"])
def test_a_length_of_time_that_is_none_is_left(pool: Pool, tmp_path: Path, silence: str) -> None:
    """Whatever a config of Thane says of it, the rest of it moves in."""
    den = {"provider": "ollama", "url": "http://10.0.0.7:11434", "stream_idle_timeout": silence}
    place = foreign.write(tmp_path / "config.json", {"models": {"resources": {"den": den}}})
    made = moving_in.plan(pool, "thane", str(place))
    assert "read_timeout" not in made.providers["den"]
    assert left(made)["den: stream_idle_timeout"] == "no length of time"


def test_a_server_at_another_port_is_another_one(pool: Pool, tmp_path: Path) -> None:
    """A vendor's own row keeps the port that its owner gave it."""
    rows = {
        "ollama": {"provider": {"type": "builtin", "enabled": True, "base_url": "http://localhost:11435"}}
    }
    place = foreign.write(tmp_path / "z" / "providers.json", {"providers": rows})
    assert moving_in.plan(pool, "zimaos", str(place)).providers["ollama"]["url"] == "http://localhost:11435"


def test_thane_moves_in(pool: Pool, tmp_path: Path) -> None:
    """Its resources, declared models with their ratings, the models it names, and what was decided."""
    made = move(pool, "thane", foreign.thane(tmp_path / "t"))
    assert after(pool) == {
        "local_first": False,
        "default_model": "default/qwen3:4b",
        "recovery_model": "anthropic/claude-haiku-4-5",
        "providers": {
            "default": {"url": "http://den.lan:11434", "preset": "ollama", "idle_ttl": "600s"},
            "runner": {
                "url": "http://10.0.0.9:8000/v1",
                "format": "openai",
                "read_timeout": "150s",
                "location": "local",
                "key": {"file": True},
            },
            "anthropic": {"key": {"file": True}},
        },
        "models": [
            {
                "id": "default/qwen3:4b",
                "quality": 5,
                "speed": 9,
                "cost_tier": 0,
                "context_window": 32768,
                "supports_tools": True,
                "min_complexity": "simple",
            },
            {"id": "default/twin", "quality": 3},
            {"id": "runner/twin", "quality": 4},
            {"id": "anthropic/claude-haiku-4-5", "quality": 7},
        ],
    }
    decided = {name: (each.state, each.routable) for name, each in policy.read(pool.paths.state).items()}
    assert decided == {
        "default/qwen3:4b": ("flagged", None),
        "runner/twin": (None, False),
        "runner": ("inactive", None),
    }
    assert left(made).keys() == {
        "provider ../escape", "provider odd", "model orphan", "claude-haiku-4-5: cost_tier = 9",
        "policy of gone/x", "policy of damaged", "settings of listen", "experience with 1 model",
    }  # fmt: skip


def test_nothing_here_is_overwritten(pool: Pool, tmp_path: Path) -> None:
    """Settings, policies, prices and keys of here stay; a key never goes to a server it was not for."""
    config(
        pool,
        '# mine\ndefault_model = "openai/x"\n[routing] # how\nmode = "cloud"\n'
        '[providers.openai]\nkey = { env = "MINE" }\n'
        '[providers.gateway]\nurl = "https://other.example/v1"\n',
    )
    before = Policy(state="flagged", updated_at="2026-01-01T00:00:00Z")
    policy.update(pool.paths.state, lambda _: {"openai/gpt-4": before})
    prices.update(
        pool.paths.state, lambda own: own._replace(custom={"qwen3:8b": {"input": "1", "output": "1"}})
    )
    made = move(pool, "zimaos", foreign.zimaos_files(tmp_path / "z"))
    assert left(made)["1 key(s) of gateway"] == "it is configured here with another address"
    assert left(made)["routing.mode = local"] == "the config says cloud"
    told = after(pool)
    assert told["routing"] == {"mode": "cloud", "strategy": "priority"}
    assert told["providers"]["gateway"] == {"url": "https://other.example/v1"}
    assert [key["label"] for key in told["providers"]["openai"]["keys"]] == ["default", "2"]
    assert policy.read(pool.paths.state)["openai/gpt-4"] == before
    assert prices.read(pool.paths.state).custom["qwen3:8b"] == {"input": "1", "output": "1"}
    assert pool.paths.config.read_text().count("#") == 2


def test_policies_alone_move_in_from_a_database(pool: Pool, tmp_path: Path) -> None:
    """Thane's database without its config says what was decided about providers that are here already."""
    config(pool, '[providers.runner]\nurl = "http://10.0.0.9:8000/v1"\n')
    place = foreign.thane(tmp_path / "t") / "db" / "thane.db"
    made = move(pool, "thane", place)
    assert sorted(policy.read(pool.paths.state)) == ["runner", "runner/twin"]
    assert left(made)["policy of qwen3:4b"] == "nothing says which provider has that model"


def test_a_config_in_one_line_takes_them_too(pool: Pool, tmp_path: Path) -> None:
    """Where the providers stand in one line, what is new is put in there."""
    config(pool, "providers = { openai = {} } # mine\n")
    move(pool, "thane", foreign.thane(tmp_path / "t"))
    told = after(pool)
    assert sorted(told["providers"]) == ["anthropic", "default", "openai", "runner"]
    assert len(told["models"]) == 4
    assert "# mine" in pool.paths.config.read_text()


def test_what_is_added_ends_its_lines_as_the_config_does(pool: Pool, tmp_path: Path) -> None:
    """An editor that knows one kind of line end would show the others as signs."""
    pool.paths.config.write_bytes(b"# mine\r\n[providers.openai]\r\n")
    move(pool, "thane", foreign.thane(tmp_path / "t"))
    content = pool.paths.config.read_bytes()
    assert b"[providers.openai]\r\n\r\n[providers." in content
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert sorted(after(pool)["providers"]) == ["anthropic", "default", "openai", "runner"]
