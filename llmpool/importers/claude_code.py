"""Claude Code: its settings, whose `env` block is where gateways tell people to put key and address."""

from __future__ import annotations

from pathlib import Path

from llmpool.formats.base import mapping
from llmpool.importers import files
from llmpool.importers.found import BEARER, TOKEN, Found, Tool, first_text, key_of, variable_of
from llmpool.importers.home import Places
from llmpool.importers.plain import anthropic_part, settings

_UNIX = ("~/.claude/settings.json", "~/.claude/config.json", "~/.config/claude/settings.json")
_MOVED = "$CLAUDE_CONFIG_DIR/settings.json"
CLAUDE_CODE = Tool(
    "claude-code",
    "Claude Code",
    "anthropic",
    "anthropic",
    Places(
        (_MOVED, *_UNIX),
        (_MOVED, *_UNIX),
        (
            _MOVED,
            "USERPROFILE/.claude/settings.json",
            "APPDATA/claude/settings.json",
            "LOCALAPPDATA/claude/settings.json",
        ),
    ),
    key_env=("ANTHROPIC_API_KEY", "CLAUDE_API_KEY", TOKEN),
    url_env=("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"),
    ports=(9000, 9001, 9002, 80),
)


def read(tool: Tool, path: Path) -> list[Found]:
    """Read the settings; what stands at their top comes before `providers.anthropic` and `env`."""
    content = files.json_with_comments(path)
    variables = mapping(content.get("env"))
    own, token = first_text(variables.get("ANTHROPIC_API_KEY")), first_text(variables.get(TOKEN))
    inner = {"api_key": own or token, "base_url": variables.get("ANTHROPIC_BASE_URL")}
    known = {name: value for name, value in anthropic_part(content).items() if value}
    found = settings(tool, path, content, inner | known)
    if found.provider != tool.provider:  # the addresses below are those of Anthropic's keys
        found = found.replace(url=settings(tool, path, content).url)
    is_token = token and not own and (found.key, found.key_env) == (key_of(token), variable_of(token))
    return [found.replace(auth=BEARER) if is_token else found]
