"""VS Code and the editors made of it: their own settings, and those of the Claude Code extension in them.

Cursor, Windsurf, Qoder, TRAE, Kiro, and Antigravity, whose logins are in `antigravity.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.formats.base import mapping
from llmpool.importers import files
from llmpool.importers.found import BEARER, TOKEN, Found, Tool, first_text, key_of, variable_of
from llmpool.importers.home import Places
from llmpool.importers.plain import settings

_URLS = ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL")


def _own(editor: str, name: str) -> Places:
    """Return the places of editors that keep a small file of their own beside the settings."""
    mac = f"~/Library/Application Support/{editor}"
    return Places(
        (f"~/.config/{editor}/User/settings.json", f"~/.config/{name}/config.json", f"~/.{name}/config.json"),
        (
            f"{mac}/User/settings.json",
            f"{mac}/config.json",
            f"~/.{name}/config.json",
            f"~/.config/{name}/config.json",
        ),
        (
            f"APPDATA/{editor}/User/settings.json",
            f"APPDATA/{editor}/config.json",
            f"LOCALAPPDATA/{editor}/config.json",
        ),
    )


_WINDSURF = _own("Windsurf", "windsurf")
_ANTIGRAVITY = _own("Antigravity", "antigravity")
_MAC = "~/Library/Application Support"
VSCODE = Tool(
    "vscode",
    "VS Code",
    "anthropic",
    "openai",
    Places(
        ("~/.config/Code/User/settings.json",),
        (f"{_MAC}/Code/User/settings.json",),
        ("APPDATA/Code/User/settings.json",),
    ),
    key_env=("ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
    url_env=_URLS,
    ports=(9876, 9877),
    bare="openai",
)
CURSOR = Tool(
    "cursor",
    "Cursor",
    "openai",
    "openai",
    Places(
        ("~/.config/Cursor/User/settings.json", "~/.cursor/config.json"),
        (f"{_MAC}/Cursor/User/settings.json", "~/.cursor/config.json"),
        ("APPDATA/Cursor/User/settings.json", "LOCALAPPDATA/Cursor/config.json"),
    ),
    key_env=("CURSOR_API_KEY", "OPENAI_API_KEY"),
    url_env=_URLS,
    ports=(9999, 9998, 9997),
)
WINDSURF = Tool(
    "windsurf",
    "Windsurf",
    "openai",
    "openai",
    _WINDSURF._replace(macos=_WINDSURF.macos[:3]),
    key_env=("WINDSURF_API_KEY", "OPENAI_API_KEY"),
    url_env=_URLS,
    ports=(9800, 9801, 9802),
)
ANTIGRAVITY = Tool(
    "antigravity",
    "Antigravity (Google)",
    "google",
    "google",
    _ANTIGRAVITY._replace(macos=(*_ANTIGRAVITY.macos[:2], _ANTIGRAVITY.macos[3])),
    key_env=("ANTIGRAVITY_API_KEY", "GOOGLE_API_KEY"),
    url_env=("GOOGLE_BASE_URL",),
    ports=(9876, 9877, 9878),
)
QODER = Tool(
    "qoder",
    "Qoder",
    "openai",
    "openai",
    _own("Qoder", "qoder"),
    key_env=("QODER_API_KEY", "OPENAI_API_KEY"),
    url_env=_URLS,
    ports=(9500, 9501, 9502),
)
TRAE = Tool(
    "trae",
    "TRAE",
    "custom",
    "openai",
    _own("TRAE", "trae"),
    key_env=("TRAE_API_KEY",),
    ports=(9600, 9601, 9602),
)
KIRO = Tool(
    "kiro",
    "Kiro",
    "openai",
    "openai",
    Places(
        ("~/.kiro/config.json", "~/.config/Kiro/User/settings.json", "~/.config/kiro/config.json"),
        ("~/.kiro/config.json", f"{_MAC}/Kiro/User/settings.json", f"{_MAC}/Kiro/config.json"),
        ("USERPROFILE/.kiro/config.json", "APPDATA/Kiro/User/settings.json", "APPDATA/Kiro/config.json"),
    ),
    key_env=("KIRO_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"),
    url_env=_URLS,
    ports=(65432, 65433),
)

KEY, URL, AUTH = "key", "url", "auth"
_EXTENSION = {  # a variable of the extension: whose it is, and what
    "ANTHROPIC_API_KEY": ("anthropic", KEY),
    TOKEN: ("anthropic", KEY),
    "ANTHROPIC_BASE_URL": ("anthropic", URL),
    "OPENAI_API_KEY": ("openai", KEY),
    "OPENAI_BASE_URL": ("openai", URL),
    "GOOGLE_API_KEY": ("google", KEY),
    "AZURE_OPENAI_API_KEY": ("azure-openai", KEY),
    "AZURE_OPENAI_BASE_URL": ("azure-openai", URL),
    "AZURE_OPENAI_ENDPOINT": ("azure-openai", URL),
    "DEEPSEEK_API_KEY": ("deepseek", KEY),
    "MISTRAL_API_KEY": ("mistral", KEY),
    "GROQ_API_KEY": ("groq", KEY),
}
_FORMATS = {"anthropic": "anthropic", "google": "google"}


def read(tool: Tool, path: Path) -> list[Found]:
    """Read an editor's settings: its own key and address, then what its Claude Code extension is given."""
    content = files.json_with_comments(path)
    return [settings(tool, path, content), *_of_extension(tool, path, content)]


def _of_extension(tool: Tool, path: Path, content: dict[str, Any]) -> Iterator[Found]:
    """Yield what the extension's variables say, a provider each; the later of two keys of one wins."""
    grouped: dict[str, dict[str, str]] = {}
    for name, value in _pairs(content.get("claudeCode.environmentVariables")):
        provider, kind = _EXTENSION[name]
        grouped.setdefault(provider, {})[kind] = value
        if kind == KEY:
            grouped[provider][AUTH] = BEARER if name == TOKEN else ""
    for provider, values in grouped.items():
        yield Found(
            tool=tool.id,
            name=tool.name,
            source="extension",
            path=str(path),
            provider=provider,
            wanted=f"custom-{provider}-{tool.id}" if values.get(URL) else provider,
            title=f"{tool.id} ({provider} of its Claude Code extension)",
            url=values.get(URL, ""),
            format=_FORMATS.get(provider, "openai"),
            key=key_of(values.get(KEY)),
            key_env=variable_of(values.get(KEY)),
            auth=values.get(AUTH, ""),
            label=f"ide_import:{tool.id}",
        )


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    """Yield the variables that are known, in their order; each of them is a name and a value."""
    for item in value if isinstance(value, list) else ():
        pair = mapping(item)
        name, given = first_text(pair.get("name")), first_text(pair.get("value"))
        if name in _EXTENSION and given:
            yield name, given
