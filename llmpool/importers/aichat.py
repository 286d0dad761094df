"""aichat: the clients of its config.yaml, each a vendor or an address with a key of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.formats.base import mapping
from llmpool.importers import files, yaml_subset
from llmpool.importers.files import Unreadable
from llmpool.importers.found import Found, Tool, first_text, key_of, variable_of
from llmpool.importers.home import Places

_MOVED = ("$AICHAT_CONFIG_FILE", "$AICHAT_CONFIG_DIR/config.yaml")
AICHAT = Tool(
    "aichat",
    "aichat",
    "openai",
    "openai",
    Places(
        (*_MOVED, "~/.config/aichat/config.yaml"),
        (*_MOVED, "~/.config/aichat/config.yaml", "~/Library/Application Support/aichat/config.yaml"),
        (*_MOVED, "APPDATA/aichat/config.yaml"),
    ),
    key_env=("OPENAI_API_KEY",),
)
_PROVIDERS = {  # a type of client: whose it is, and how an address of its own is spoken to
    "openai": ("openai", "openai"),
    "openai-compatible": ("", "openai"),
    "gemini": ("google", "google"),
    "claude": ("anthropic", "anthropic"),
    "ollama": ("ollama", "ollama"),
    "azure-openai": ("azure-openai", "openai"),
    "qianwen": ("qwen", "openai"),
}


def read(tool: Tool, path: Path) -> list[Found]:
    """Read the clients, a vendor that nobody here speaks to as it is called there; raises Unreadable."""
    try:
        content = yaml_subset.parse(files.text(path))
    except yaml_subset.NotYaml as error:
        raise Unreadable(f"{path}: {error}") from None
    clients = mapping(content).get("clients")
    return [_found(tool, path, mapping(each)) for each in clients] if isinstance(clients, list) else []


def _found(tool: Tool, path: Path, client: dict[str, Any]) -> Found:
    kind, called = first_text(client.get("type")), first_text(client.get("name"))
    provider, wire = _PROVIDERS.get(kind, ("", ""))
    if kind not in _PROVIDERS:
        provider = kind
    given = client.get("api_key")
    return Found(
        tool=tool.id,
        name=tool.name,
        source="config",
        path=str(path),
        provider=provider or called,
        wanted=called,
        title=f"{called or kind} (from aichat)",
        url=first_text(client.get("api_base")),
        format=wire,
        key=key_of(given),
        key_env=variable_of(given),
        label=f"Imported from {tool.id}",
    )


def variables(found: Found) -> Iterator[str]:
    """Yield the variable that aichat itself would read for a client without a key."""
    name = (found.wanted or found.provider).upper().replace("-", "_")
    if name:
        yield f"{name}_API_KEY"
