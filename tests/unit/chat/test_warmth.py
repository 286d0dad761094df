"""How long a conversation likely finds its prompt cached."""

from __future__ import annotations

import pytest

from llmpool.chat.warmth import is_warm
from llmpool.core.provider import Provider

CLOUD = Provider(
    id="sky", name="Sky", preset="", format="openai", format_mode="", url="https://sky.test", location="cloud"
)
OLLAMA = CLOUD.replace(preset="ollama", location="local")
STUDIO = CLOUD.replace(preset="lmstudio", location="local")


@pytest.mark.parametrize(
    ("provider", "seconds", "warm"),
    [
        (CLOUD, 0, True),
        (CLOUD, 299, True),
        (CLOUD, 300, False),
        (CLOUD.replace(idle_ttl=7200.0), 301, False),  # how long a model stays loaded is no matter there
        (OLLAMA, 299, True),
        (OLLAMA, 301, False),
        (OLLAMA.replace(idle_ttl=7200.0), 3601, True),
        (OLLAMA.replace(idle_ttl=0.0), 0, False),  # it is unloaded at once
        (STUDIO, 3599, True),
        (STUDIO, 3601, False),
        (CLOUD, -1, False),  # a clock that was set back
    ],
)
def test_a_cache_lasts_as_long_as_its_vendor_keeps_it(provider: Provider, seconds: int, warm: bool) -> None:
    """Five minutes in the cloud, at home as long as the model stays in memory."""
    assert is_warm(provider, 1000.0, 1000.0 + seconds) is warm
