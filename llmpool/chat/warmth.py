"""How long a conversation is likely to find its prompt cached where it was answered last.

Anthropic keeps a prompt for five minutes from its last use, OpenAI for five to ten, the others do not say. A
local server has it for as long as the model stays in memory: as configured (`idle_ttl`), else for an hour at
LM Studio, and for five minutes at Ollama and at the embedded server.
"""

from __future__ import annotations

from llmpool.core.provider import Provider

SECONDS = 300.0
LONGER = {"lmstudio": 3600.0}  # by preset: how long a model stays loaded after its last use


def is_warm(provider: Provider, answered_at: float, now: float) -> bool:
    """Say whether a cache filled at *answered_at* is likely still there; a clock set back makes none."""
    if provider.location == "local":
        lasts = LONGER.get(provider.preset, SECONDS) if provider.idle_ttl is None else provider.idle_ttl
    else:
        lasts = SECONDS
    return 0 <= now - answered_at < lasts
