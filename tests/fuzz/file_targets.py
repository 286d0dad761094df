"""Files that a person hands over, and the settings of other programs: a command each, on a mutated one."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.edges import foreign_pools as foreign
from tests.fuzz import bytewise
from tests.fuzz.command_targets import ended
from tests.fuzz.golden import golden
from tests.fuzz.promise import Mutate, Target

FILE = "given.file"
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 1, "multipleOf": 2}, "b": {"$ref": "#/$defs/c"}},
    "required": ["a"],
    "$defs": {"c": {"type": "string", "pattern": "^[a-z]+$", "format": "date-time", "maxLength": 9}},
    "additionalProperties": {"anyOf": [{"enum": [1, "x"]}, {"const": None}, {"items": {"type": "array"}}]},
}
TOOL = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}]
BATCH = b"\n".join(
    json.dumps(line).encode()
    for line in (
        {"prompt": "hi", "id": 1, "model": "den/small", "system": "s", "max_tokens": 5, "temperature": 0.5},
        {"query": "hi", "needs": ["tools"], "hints": {"speed": "high"}, "priority": "background", "tag": "t"},
        {"prompt": "hi", "think": "low", "schema": SCHEMA, "context_size": 10, "tool_count": 1, "attach": []},
        "just a text",
    )
)
ROUTES = b"\n".join(
    json.dumps(line).encode()
    for line in (
        {"query": "hi", "context_size": 100, "needs_tools": True, "tool_count": 2, "priority": "interactive"},
        {"query": "hi", "needs_images": False, "needs_streaming": True, "hints": {"speed": "high", "n": 1}},
    )
)
DOTENV = b"""# keys
export OPENAI_API_KEY="sk-planted-0123456789abcdefghijklmnop"
ANTHROPIC_BASE_URL=https://a.example/v1
MISTRAL_API_KEY='ms-12345678' # there
GROQ_API_KEY=$REAL_GROQ
"""


@cache
def said(*words: str) -> bytes:
    """Return what a command prints when all is well."""
    home = golden()
    home.restore()
    return home.run(*words).out.encode()


def given(commands: tuple[tuple[str, ...], ...], content: bytes) -> None:
    """Hand over a file, or the same on stdin, to one of the commands."""
    home = golden()
    home.restore()
    (home.home.cwd / FILE).write_bytes(content)
    words = commands[zlib.crc32(content) % len(commands)]
    ended(home, words, stdin=content if "-" in words else None)


def foreign_file(
    make: Callable[[Path], Any], name: str, commands: tuple[tuple[str, ...], ...], content: bytes
) -> None:
    """Put a file of another program where that has it, in a directory or a home of its own."""
    home = golden()
    home.restore()
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        path = Path(place) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        words = commands[zlib.crc32(content) % len(commands)]
        ended(
            home,
            tuple(word.replace("PLACE", place) for word in words),
            env={"HOME": place, "XDG_CONFIG_HOME": f"{place}/.config"},
        )


def made(make: Callable[[Path], Any], name: str) -> list[bytes]:
    """Return the file as that program writes it."""
    with tempfile.TemporaryDirectory() as place:
        make(Path(place))
        return [(Path(place) / name).read_bytes()]


def nothing(_place: Path) -> None:
    """Make nothing beside the file."""


def _file(name: str, seeds: Callable[[], list[bytes]], mutate: Mutate, *commands: tuple[str, ...]) -> Target:
    return Target(f"file-{name}", seeds, mutate, partial(given, commands))


SETTINGS: dict[str, Any] = {
    ".config/Cursor/User/settings.json": {
        "api_key": "sk-cursor-0123456789ab",
        "base_url": "https://r.test",
        "claudeCode.environmentVariables": [
            {"name": "ANTHROPIC_API_KEY", "value": "sk-ant-1234567890"},
            {"name": "ANTHROPIC_BASE_URL", "value": "https://r.test"},
        ],
    },
    ".claude/settings.json": {
        "env": {"ANTHROPIC_AUTH_TOKEN": "t" * 20, "ANTHROPIC_BASE_URL": "https://x.test"}
    },
    ".codex/auth.json": {
        "OPENAI_API_KEY": "sk-planted-0123456789",
        "tokens": {"access_token": "t" * 20, "id_token": "e30.eyJlbWFpbCI6ImFAYi5jIn0.x", "account_id": "u"},
        "last_refresh": "2026-11-21T03:44:00Z",
    },
    ".config/github-copilot/hosts.json": {
        "github.com": {"user": "me", "oauth_token": "gho_0123456789abcdef"}
    },
    ".config/gemini/oauth_creds.json": {
        "access_token": "ya29.x" * 4,
        "refresh_token": "1//x",
        "expiry_date": 1.7e12,
    },
    ".config/Antigravity/User/globalStorage/storage.json": {
        "google": {"oauth": {"refreshToken": "1//x", "email": "a@b.c", "projectId": "p"}},
        "apiKey": "ya29.x" * 4,
    },
    ".config/io.datasette.llm/keys.json": {"openai": "sk-planted-0123456789", "// Note": "x"},
}
CODEX = b"""model = "gpt-5"
[model_providers.mine]
name = "Mine"
base_url = "https://m.example/v1"
env_key = "MINE_KEY"
wire_api = "responses"
"""
EXTRA = b"""- model_id: den
  model_name: "qwen3:4b"
  api_base: "http://den.lan/v1"
  api_key_name: mine
"""
AICHAT = b"""model: openai:gpt-4o
clients:
- type: openai
  api_key: sk-planted-0123456789   # mine
- type: openai-compatible
  name: den
  api_base: http://den.lan/v1
  models:
  - name: "a b"
    max_input_tokens: 8192
"""
IMPORT = (
    ("providers", "import"),
    ("providers", "import", "all", "--dry-run", "--yes"),
    ("providers", "import", "--json"),
)
MOVES = {
    "zimaos": (
        foreign.zimaos_files,
        (
            "pool/providers.json",
            "pool/pricing.json",
            "pool/config.json",
            "pool/models/openai.json",
            "providers/oauth_tokens.json",
        ),
    ),
    "gopherclaw": (foreign.gopherclaw, ("config.json", "agents/main/agent/auth.json")),
    "thane": (foreign.thane, ("config.yaml",)),
}


def targets() -> list[Target]:
    """Make a target of every kind of file."""
    json_, lines, text = bytewise.json_document, bytewise.json_lines, bytewise.text_lines
    own = [
        _file(
            "policy",
            partial(_one, "policy", "export"),
            json_,
            ("policy", "apply", FILE, "--yes"),
            ("policy", "simulate", "--policy", FILE),
            ("policy", "apply", "-", "--dry-run"),
        ),
        _file(
            "schema",
            lambda: [json.dumps(SCHEMA).encode()],
            json_,
            ("chat", "--schema", FILE, "hello"),
            ("chat", "--dry-run", "--schema", FILE, "hello"),
        ),
        _file(
            "tools",
            lambda: [json.dumps(TOOL).encode()],
            json_,
            ("chat", "--tools", FILE, "hello", "--json"),
            ("chat", "--dry-run", "--tools", FILE, "hello"),
        ),
        _file(
            "batch",
            lambda: [BATCH],
            lines,
            ("chat", "--batch", FILE, "--json"),
            ("chat", "--batch", "-"),
            ("chat", "--batch", FILE, "--dry-run"),
        ),
        _file(
            "routes", lambda: [ROUTES], lines, ("route", "--batch", FILE, "--json"), ("route", "--batch", "-")
        ),
        _file(
            "usage",
            partial(_one, "usage", "export", "--format", "jsonl"),
            lines,
            ("usage", "import", FILE),
            ("usage", "import", "-", "--dry-run"),
            ("usage", "import", "--from", "zimaos", FILE),
        ),
        _file(
            "export",
            partial(_one, "config", "export"),
            text,
            ("init", "--from", FILE, "--yes", "--no-embedded"),
        ),
        _file(
            "licence",
            lambda: [b"eyJraWQiOiJ0MSIsInVybCI6Imh0dHBzOi8vdC5leGFtcGxlL3YxIn0." + b"A" * 86],
            bytewise.mutated,
            ("providers", "trial", "install", FILE),
        ),
        _file(
            "dotenv",
            lambda: [DOTENV],
            text,
            ("providers", "import", FILE, "--dry-run"),
            ("providers", "import", ".env", FILE, "--yes", "--keep", "file", "--plaintext"),
        ),
        _file(
            "attached",
            lambda: [b"\x89PNG\r\n\x1a\nxx", b"text"],
            bytewise.mutated,
            ("chat", "-a", FILE, "what is it?"),
            ("chat", "--dry-run", "-a", FILE, "what?"),
        ),
        _file(
            "prompt",
            lambda: [b"what is it?\n"],
            bytewise.mutated,
            ("chat", "-"),
            ("route", "-", "--json"),
            ("chat", "hello", "--json", "-x"),
        ),
    ]
    moved = [
        Target(
            f"import-{tool}-{name}",
            partial(made, make, name),
            text if name.endswith("yaml") else json_,
            partial(
                foreign_file,
                make,
                name,
                (
                    ("providers", "import", tool, "PLACE", "--dry-run"),
                    ("providers", "import", tool, "PLACE", "--yes", "--keep", "file", "--plaintext"),
                ),
            ),
        )
        for tool, (make, names) in MOVES.items()
        for name in names
    ]
    tools = [
        Target(
            f"import-{name}",
            partial(_list, json.dumps(content).encode()),
            json_,
            partial(foreign_file, nothing, name, IMPORT),
        )
        for name, content in SETTINGS.items()
    ] + [
        Target(
            "import-codex.toml",
            partial(_list, CODEX),
            text,
            partial(foreign_file, nothing, ".codex/config.toml", IMPORT),
        ),
        Target(
            "import-aichat.yaml",
            partial(_list, AICHAT),
            text,
            partial(foreign_file, nothing, ".config/aichat/config.yaml", IMPORT),
        ),
        Target(
            "import-extra-models.yaml",
            partial(_list, EXTRA),
            text,
            partial(foreign_file, nothing, ".config/io.datasette.llm/extra-openai-models.yaml", IMPORT),
        ),
    ]
    return [*own, *moved, *tools]


def _one(*words: str) -> list[bytes]:
    return [said(*words)]


def _list(content: bytes) -> list[bytes]:
    return [content]
