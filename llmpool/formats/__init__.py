"""Wire formats: each builds calls and reads answers, and none of them sends anything.

A new protocol is one module with one class, and one line in FORMATS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from llmpool.errors import ConfigInvalid

if TYPE_CHECKING:
    from llmpool.formats.base import WireFormat

FORMATS = {
    "openai": "llmpool.formats.openai:OpenAI",
    "responses": "llmpool.formats.responses:Responses",
    "anthropic": "llmpool.formats.anthropic:Anthropic",
    "google": "llmpool.formats.google:Google",
    "ollama": "llmpool.formats.ollama:Ollama",
    "lmstudio": "llmpool.formats.lmstudio:LMStudio",
    "cloudcode": "llmpool.formats.cloudcode:CloudCode",
    "copilot": "llmpool.formats.copilot:Copilot",
}


def wire_format(name: str) -> WireFormat:
    """Return the format called *name*, whose module is loaded only now; raises ConfigInvalid for another."""
    from importlib import import_module

    if name not in FORMATS:
        supported = ", ".join(sorted(FORMATS))
        raise ConfigInvalid(
            f'format "{name}" is not supported by this version', hint=f"supported here: {supported}"
        )
    module, _, cls = FORMATS[name].partition(":")
    return cast("WireFormat", getattr(import_module(module), cls)())
