"""Codex CLI: the key or the login in auth.json, and the providers of its config.toml.

On macOS Codex may keep its login in the keychain instead: a generic password of the service "Codex Auth",
its account `cli|` and a digest of its home. llmpool does not open other programs' keychain entries; who wants
that login here runs `security find-generic-password -s "Codex Auth" -w` and stores what it prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.core.ids import is_provider_id
from llmpool.formats.base import mapping
from llmpool.importers import files
from llmpool.importers.found import Found, Login, Tool, first_text, key_of
from llmpool.importers.home import Home, Places, there
from llmpool.importers.plain import settings

_AUTH = ("$CODEX_HOME/auth.json", "~/.codex/auth.json")
_CONFIG = ("$CODEX_HOME/config.toml", "~/.codex/config.toml")
_CONFIGS = Places(_CONFIG, _CONFIG, _CONFIG)
_WIRE = {"responses": "responses", "chat": "openai"}
_SECONDS = 1e12  # below this a time counts seconds, above it milliseconds
CODEX = Tool(
    "codex",
    "Codex CLI (OpenAI)",
    "openai",
    "responses",
    Places(_AUTH, _AUTH, _AUTH),
    key_env=("OPENAI_API_KEY", "CODEX_API_KEY"),
    url_env=("OPENAI_BASE_URL",),
)


def read(tool: Tool, path: Path) -> list[Found]:
    """Read auth.json: a key is there where nobody has logged in."""
    content = files.json_with_comments(path)
    return [settings(tool, path, content, {"api_key": content.get("OPENAI_API_KEY")})]


def providers(home: Home) -> Iterator[Found]:
    """Yield the providers that config.toml defines; each names the variable of its key."""
    path = there(home.paths(_CONFIGS))
    for name, given in mapping(files.toml(path).get("model_providers")).items() if path else ():
        table = mapping(given)
        url = first_text(table.get("base_url"))
        if url:
            yield Found(
                tool=CODEX.id,
                name=CODEX.name,
                source="config",
                path=str(path),
                wanted=name if is_provider_id(name) else f"custom-{CODEX.id}",
                title=first_text(table.get("name")),
                url=url,
                format=_WIRE.get(first_text(table.get("wire_api")), "responses"),
                key_env=first_text(table.get("env_key")),
                label=f"Imported from {CODEX.id}",
            )


def login(home: Home) -> Login | None:
    """Return the login of auth.json; its account id stands in the place of an address."""
    path = there(home.paths(CODEX.places))
    content = files.json_with_comments(path) if path else {}
    tokens = mapping(content.get("tokens"))

    def told(name: str) -> str:
        return first_text(content.get(name), tokens.get(name))

    access, refresh = key_of(told("access_token")), key_of(told("refresh_token"))
    if not access and not refresh:
        return None
    return Login(
        tool=CODEX.id,
        name=CODEX.name,
        type="codex",
        path=str(path),
        access=access,
        refresh=refresh,
        email=told("account_id"),
        expires=moment(content.get("expires_at") or tokens.get("expires_at")),
    )


def moment(value: Any) -> float | None:
    """Read when a token ends: seconds or milliseconds, a number or its text; None where it says nothing."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    seconds = number if number < _SECONDS else number / 1000
    return seconds if 0 < seconds < 1e11 else None  # not for ever, and no NaN
