"""Files of ZimaOS, gopherclaw and Thane as their owners have them, made by hand from the behaviour specs.

Nothing here is copied from those programs; every key is planted.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.edges.config_text import PLANTED

SECOND = "sk-second-0123456789abcdef"
SEALED_KEY = "01234567890123456789012345678901"
SEALED = "enc:v1:AAECAwQFBgcICQoLiXE/xviKPzEyRpR3xWUtJqQm2E6mR4PlLAFaebO8bB2rXEs="
OPENED = "sk-secret-key-12345"
TOKEN = "gho_planted0123456789abcdefABCDEF"


def write(path: Path, content: object) -> Path:
    """Write JSON, or a text as it is; the directories are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return path


def zima_provider(ident: str, kind: str = "custom", **fields: Any) -> dict[str, Any]:
    """Return the JSON of one provider of ZimaOS, as it stands in a file or in a row."""
    return {
        "id": ident,
        "name": ident,
        "type": kind,
        "location": "cloud",
        "enabled": True,
        "status": "active",
        "priority": 50,
        "api_version": "",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-03-02T07:25:00Z",
        **fields,
    }


def zima_key(label: str = "", **fields: Any) -> dict[str, Any]:
    """Return the object that stands for a key in the JSON of a provider; the secret is elsewhere."""
    return {"id": "key_0123456789abcdef", "key_hash": "sk-...", "label": label, "enabled": True, **fields}


GATEWAY = zima_provider(
    "gateway",
    name="Team gateway",
    location="local",
    base_url="https://gw.example/v1",
    alternate_base_urls=["https://gw2.example/v1"],
    api_format="openai",
    api_format_mode="auto",
    skip_tls_verify=True,
    priority=60,
    rate_limit={"requests_per_minute": 60, "tokens_per_minute": 90000, "tokens_per_day": 2000000},
    headers={"X-Team": "search", "X-Api-Key": PLANTED},
    model_params={"temperature": 0.2, "max_tokens": 2048, "seed": 7},
    allowed_models=["gpt-5*"],
    allowlist_configured=True,
    description="the team's",
    api_keys=[zima_key("main"), zima_key("old", enabled=False)],
)
OPENAI = zima_provider(
    "openai", "builtin", name="OpenAI", base_url="https://api.openai.com/v1", api_keys=[zima_key()]
)
UNUSED = zima_provider("qwen", "builtin", enabled=False, base_url="https://dashscope.aliyuncs.com/x")
COPILOT = zima_provider(
    "github-copilot",
    "platform",
    name="GitHub Copilot",
    priority=20,
    base_url="https://api.githubcopilot.com",
    oauth={"provider_type": "copilot", "connected": True},
)
ENTRIES: dict[str, dict[str, Any]] = {
    "gateway": {"provider": GATEWAY, "api_keys": [PLANTED, SEALED]},
    "openai": {"provider": OPENAI, "api_keys": [SECOND]},
    "qwen": {"provider": UNUSED},
    "github-copilot": {"provider": COPILOT},
}
PRICING = {
    "default_input_price": 5,
    "default_output_price": 15,
    "default_cache_price": 0.5,
    "custom_pricing": {
        "openai:gpt-4o": {
            "model_id": "gpt-4o",
            "provider_id": "openai",
            "input_price": 1.5,
            "output_price": 2,
            "cache_price": 0.25,
        },
        "qwen3:8b": {"model_id": "qwen3:8b", "input_price": 0, "output_price": 0, "cache_price": 0},
        "bad": {"model_id": "bad", "input_price": -1, "output_price": 1},
    },
}
SETTINGS = {"default_strategy": "priority", "default_routing_mode": "local", "usage_retention_days": 90}
MODELS = [{"id": "gpt-4", "enabled": False}, {"id": "gpt-5", "enabled": True}]
TOKENS = {
    "tokens": {
        "github-copilot:oat_1": {
            "id": "oat_1",
            "provider_id": "github-copilot",
            "provider_type": "copilot",
            "access_token": TOKEN,
            "token_expiry": "0001-01-01T00:00:00Z",
            "email": "me@example.org",
        }
    }
}
LEGACY = {"providers": {"claude": {"api_key": "sk-ant-legacy-1", "enabled": True}, "foo": {"enabled": False}}}


def zimaos_files(folder: Path, entries: dict[str, Any] | None = None) -> Path:
    """Make a data directory of ZimaOS that keeps its pool in files."""
    write(folder / "pool" / "providers.json", {"providers": ENTRIES if entries is None else entries})
    write(folder / "pool" / "models" / "openai.json", MODELS)
    write(folder / "pool" / "pricing.json", PRICING)
    write(folder / "pool" / "config.json", SETTINGS)
    write(folder / "providers" / "oauth_tokens.json", TOKENS)
    return folder


def zimaos_database(path: Path, entries: dict[str, Any] | None = None) -> Path:
    """Make a database of ZimaOS with the same in its tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = "2026-03-02T07:25:00Z"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE pp_providers (id TEXT PRIMARY KEY, data TEXT NOT NULL, api_keys TEXT,"
            " oauth_secrets TEXT, updated_at TEXT NOT NULL)"
        )
        for name, entry in (ENTRIES if entries is None else entries).items():
            keys = entry.get("api_keys")
            data = entry["provider"] if isinstance(entry["provider"], str) else json.dumps(entry["provider"])
            row = (name, data, json.dumps(keys) if keys else None, None, at)
            database.execute("INSERT INTO pp_providers VALUES (?, ?, ?, ?, ?)", row)
        for table, key, content in (
            ("pp_models", "openai", MODELS),
            ("pp_pricing", "default", PRICING),
            ("pp_config", "default", SETTINGS),
        ):
            name = "provider_id" if table == "pp_models" else "id"
            database.execute(f"CREATE TABLE {table} ({name} TEXT PRIMARY KEY, data TEXT, updated_at TEXT)")
            database.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (key, json.dumps(content), at))
        database.execute(
            "CREATE TABLE oauth_tokens (id TEXT, provider_id TEXT, provider_type TEXT, access_token TEXT,"
            " refresh_token TEXT, token_expiry TEXT, scopes TEXT, email TEXT, project_id TEXT, endpoint TEXT,"
            " created_at TEXT, updated_at TEXT, PRIMARY KEY (provider_id, id))"
        )
        token = ("oat_1", "github-copilot", "copilot", TOKEN, "", "0001-01-01T00:00:00Z", "read:user")
        database.execute(
            "INSERT INTO oauth_tokens VALUES (?, ?, ?, ?, ?, ?, ?, 'me@example.org', NULL, NULL, ?, ?)",
            (*token, at, at),
        )
    return path


GOPHERCLAW = {
    "env": {"ANTHROPIC_API_KEY": PLANTED, "FOO": "bar"},
    "providers": {
        "gemini": {"apiKey": SECOND},
        "den": {"baseURL": "http://den.lan:8000/v1", "apiKey": "no-key"},
        "ollama": {"baseURL": "http://box.lan:11434/v1"},
        "deepseek": {"apiKey": "${DEEPSEEK_API_KEY}"},
        "nowhere": {},
        "off": None,
        "github-copilot": {"apiKey": "x"},
    },
    "agents": {
        "defaults": {
            "model": {
                "primary": "gemini/gemini-2.5-pro",
                "fallbacks": ["anthropic/claude-sonnet-4-6", "gpt-4.1", "nowhere/x"],
            },
            "models": {"gemini/gemini-2.5-pro": {"alias": "smart"}, "den/qwen3": {"alias": "smart"}},
            "thinking": {"level": "adaptive", "budgetTokens": 4096},
            "timeoutSeconds": 120,
            "contextPruning": {"modelMaxTokens": 128000},
        }
    },
    "gateway": {"reload": {"mode": "hybrid"}},
}


def gopherclaw(folder: Path, config: object = GOPHERCLAW) -> Path:
    """Make a directory of gopherclaw, with a login to Copilot."""
    write(folder / "config.json", config)
    write(folder / "agents/main/agent/auth.json", {"github-copilot": {"type": "oauth", "key": TOKEN}})
    return folder


THANE = f"""\
# my house
listen:
  port: 8080
models:
  default: qwen3:4b            # a bare name
  recovery_model: claude-haiku-4-5
  local_first: false
  resources:
    default:
      url: http://den.lan:11434
      provider: ollama
      idle_ttl_seconds: 600
    runner:
      url: ${{RUNNER_URL}}
      provider: openai_compat
      api_key: "{PLANTED}"
      stream_idle_timeout: 2m30s
    ../escape:
      url: http://x.lan
    odd:
      url: http://x.lan
      provider: openai
  available:
    - name: qwen3:4b
      resource: default
      supports_tools: true
      context_window: 32768
      speed: 9
      quality: 5
      cost_tier: 0
      min_complexity: simple
    - name: twin
      resource: default
      quality: 3
    - name: twin
      resource: runner
      quality: 4
    - name: claude-haiku-4-5
      provider: anthropic
      quality: 7
      cost_tier: 9
    - name: orphan
      resource: nobody
anthropic:
  api_key: {SECOND}
data_dir: ./db
"""
DECIDED = (
    ("model_registry_policy", "qwen3:4b", {"state": "flagged", "reason": "slow"}),
    ("model_registry_policy", "runner/twin", {"routable": False}),
    ("model_registry_policy", "gone/x", {"state": "inactive"}),
    ("model_registry_resource_policy", "runner", {"state": "inactive", "reason": "moved"}),
    ("model_registry_experience", "qwen3:4b", {"requests": 3}),
)


def thane(folder: Path, config: str = THANE) -> Path:
    """Make a directory of Thane: its config, and what was decided in a database."""
    write(folder / "config.yaml", config)
    (folder / "db").mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "db" / "thane.db")) as database, database:
        database.execute(
            "CREATE TABLE operational_state (namespace TEXT NOT NULL, key TEXT NOT NULL,"
            " value TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (namespace, key))"
        )
        rows = [(space, key, json.dumps(value)) for space, key, value in DECIDED]
        rows.append(("model_registry_policy", "damaged", "{oops"))
        database.executemany("INSERT INTO operational_state VALUES (?, ?, ?, '2026-01-01T00:00:00Z')", rows)
    return folder
