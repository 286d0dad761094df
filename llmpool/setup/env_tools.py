"""Which variables each tool reads for an address, a key and a model; one row a tool and format.

Checked in November 2026 against: Claude Code's page of variables; Codex, which has not read OPENAI_BASE_URL
since April 2026 (openai/codex 16720) and takes providers with `-c`; aider's pages on compatible servers, on
Ollama and Anthropic; Gemini CLI and google-genai (GOOGLE_GEMINI_BASE_URL); goose's table of providers, which
parts an address into host and path; Qwen Code's page of variables; aichat's wiki and its `CLIENT_API_BASE`;
opencode's OPENCODE_CONFIG_CONTENT; litellm's pages of providers; Ollama's OLLAMA_HOST.
"""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
    """What a tool calls the base address, the key, and the key where it is sent as a bearer token.

    *model* is the variable of the model to use, if it has one; *stem* stands before its name. *path* has what
    follows the host, where *url* is the host alone; *tail* is what the tool expects behind the base address.
    *fixed* is what has to be set besides.
    """

    url: str
    key: str
    bearer: str = ""
    model: str = ""
    stem: str = ""
    path: str = ""
    tail: str = ""
    fixed: tuple[tuple[str, str], ...] = ()


CODEX, OPENCODE = "codex", "opencode"
OWN_KEY = "LLMPOOL_KEY"
"""The variable of the key for tools that are told its name; nothing else reads it."""

_OPENAI = Names("OPENAI_BASE_URL", "OPENAI_API_KEY")
_ANTHROPIC = Names("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", bearer="ANTHROPIC_AUTH_TOKEN")
_GOOGLE = Names("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY")
_OLLAMA = Names("OLLAMA_HOST", "OLLAMA_API_KEY")


def _goose(url: str, key: str, kind: str, path: str = "") -> Names:
    return Names(url, key, model="GOOSE_MODEL", path=path, fixed=(("GOOSE_PROVIDER", kind),))


def _aichat(client: str, tail: str) -> Names:
    big = client.upper()
    fixed = (("AICHAT_PLATFORM", client),)
    return Names(
        f"{big}_API_BASE", f"{big}_API_KEY", model="AICHAT_MODEL", stem=f"{client}:", tail=tail, fixed=fixed
    )


TOOLS: dict[str, dict[str, Names]] = {  # by the formats that a tool speaks, its best first
    "sdk": {"openai": _OPENAI, "anthropic": _ANTHROPIC, "google": _GOOGLE, "ollama": _OLLAMA},
    "claude-code": {"anthropic": _ANTHROPIC._replace(model="ANTHROPIC_MODEL")},
    CODEX: {"openai": Names("", OWN_KEY)},
    "gemini-cli": {"google": _GOOGLE._replace(model="GEMINI_MODEL")},
    "qwen-code": {"openai": _OPENAI._replace(model="OPENAI_MODEL")},
    "aider": {
        "openai": Names("OPENAI_API_BASE", "OPENAI_API_KEY", model="AIDER_MODEL", stem="openai/"),
        "ollama": Names("OLLAMA_API_BASE", "OLLAMA_API_KEY", model="AIDER_MODEL", stem="ollama_chat/"),
        "anthropic": Names("ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY", model="AIDER_MODEL", stem="anthropic/"),
    },
    "goose": {
        "openai": _goose("OPENAI_HOST", "OPENAI_API_KEY", "openai", path="OPENAI_BASE_PATH"),
        "anthropic": _goose("ANTHROPIC_HOST", "ANTHROPIC_API_KEY", "anthropic"),
        "ollama": _goose("OLLAMA_HOST", "OLLAMA_API_KEY", "ollama"),
    },
    OPENCODE: {"openai": Names("", OWN_KEY), "anthropic": Names("", OWN_KEY, tail="/v1")},
    "aichat": {
        "openai": _aichat("openai", ""),
        "anthropic": _aichat("claude", "/v1"),
        "google": _aichat("gemini", "/v1beta"),
    },
    "litellm": {
        "openai": Names("OPENAI_API_BASE", "OPENAI_API_KEY"),
        "anthropic": Names("ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY"),
        "ollama": Names("OLLAMA_API_BASE", "OLLAMA_API_KEY"),
    },
    "ollama": {"ollama": _OLLAMA},
}
NOTES = {
    "gemini-cli": "gemini keeps to Google where somebody has logged in; choose the API key there",
    "aichat": "a config.yaml that aichat has already wins over AICHAT_PLATFORM; then say -m openai:MODEL",
}
PACKAGES = {"openai": "@ai-sdk/openai-compatible", "anthropic": "@ai-sdk/anthropic"}
"""What opencode speaks a format with."""
