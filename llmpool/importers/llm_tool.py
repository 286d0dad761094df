"""llm: the keys in its keys.json, and the servers of extra-openai-models.yaml with the keys they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from llmpool.core.ids import is_provider_id
from llmpool.formats.base import mapping
from llmpool.importers import files, yaml_subset
from llmpool.importers.files import Unreadable
from llmpool.importers.found import Found, Tool, first_text, key_of
from llmpool.importers.home import Places

_FOLDER = "io.datasette.llm"
EXTRA = "extra-openai-models.yaml"


def _in(folder: str) -> tuple[str, ...]:
    """Return the files of a directory, that of the keys first; one that a variable names comes before it."""
    named = "$LLM_USER_PATH"
    return tuple(f"{place}/{file}" for place in (named, folder) for file in ("keys.json", EXTRA))


LLM = Tool(
    "llm",
    "llm",
    "openai",
    "openai",
    Places(
        _in(f"~/.config/{_FOLDER}"),
        _in(f"~/Library/Application Support/{_FOLDER}"),
        _in(f"APPDATA/{_FOLDER}"),
    ),
    key_env=("OPENAI_API_KEY", "LLM_GEMINI_KEY"),
)
_CALLED = {"claude": "anthropic", "gemini": "google", "xai": "grok"}


def read(tool: Tool, path: Path) -> list[Found]:
    """Read the keys by name, then the servers; a key that only a server uses belongs to that server."""
    content = {} if path.name == EXTRA else files.json_with_comments(path)
    keys = {name: key_of(key) for name, key in content.items() if _is_key(name, key)}
    servers = _servers(path.with_name(EXTRA))
    used = {name for name, _ in servers}
    found = [
        Found(
            tool=tool.id,
            name=tool.name,
            source="config",
            path=str(path),
            provider=_CALLED.get(name, name),
            key=key,
            label=f"Imported from {tool.id}",
        )
        for name, key in keys.items()
        if name not in used
    ]
    return found + [_server(tool, path.with_name(EXTRA), name, url, keys) for name, url in servers]


def _is_key(name: str, key: object) -> bool:
    return not name.startswith("//") and bool(key_of(key))  # llm keeps a note to its owner beside the keys


def _server(tool: Tool, path: Path, name: str, url: str, keys: dict[str, str]) -> Found:
    wanted = name if is_provider_id(name) and name != "none" else _named_after(url)
    return Found(
        tool=tool.id,
        name=tool.name,
        source="config",
        path=str(path),
        wanted=wanted,
        title=f"{wanted or url} (from llm)",
        url=url,
        format="openai",
        key=keys.get(name, ""),
        label=f"Imported from {tool.id}",
    )


def _servers(path: Path) -> list[tuple[str, str]]:
    """List the servers of the extra models: the name of the key and the address, each pair once."""
    try:
        content: Any = yaml_subset.parse(files.text(path)) if path.exists() else []
    except yaml_subset.NotYaml as error:
        raise Unreadable(f"{path}: {error}") from None
    rows = [mapping(each) for each in content] if isinstance(content, list) else []
    pairs = ((first_text(row.get("api_key_name")), first_text(row.get("api_base"))) for row in rows)
    return list(dict.fromkeys((name, url) for name, url in pairs if url))


def _named_after(url: str) -> str:
    """Name a server after its host: `api.example.com` is `example`, this machine `local`."""
    host = re.sub(r"[:/?#].*", "", url.partition("://")[2].rpartition("@")[2], flags=re.DOTALL).lower()
    if host in ("localhost", "127.0.0.1") or host.replace(".", "").isdigit():
        return "local"
    first = host.removeprefix("api.").removeprefix("www.").partition(".")[0]
    return first if is_provider_id(first) else ""
