"""What the sources say of vendors beyond address and key page, and what was changed with a reason."""

from __future__ import annotations

import pytest

from llmpool.config.presets import find_preset, presets

# preset: name, type, website, whether it is new (pool-routing-formats 3.1), in the order of that table
ROWS = {
    "openai": ("OpenAI", "builtin", "https://openai.com", False),
    "anthropic": ("Anthropic", "builtin", "https://anthropic.com", False),
    "openrouter": ("OpenRouter", "platform", "https://openrouter.ai", False),
    "minimax": ("MiniMax", "builtin", "https://platform.minimax.io", False),
    "qwen": ("Qwen (Alibaba Cloud)", "builtin", "https://tongyi.aliyun.com", False),
    "google": ("Google Gemini", "builtin", "https://ai.google.dev", True),
    "deepseek": ("DeepSeek", "builtin", "https://platform.deepseek.com", True),
    "moonshot": ("Moonshot (Kimi)", "builtin", "https://platform.moonshot.cn", True),
    "ollama": ("Ollama", "builtin", "https://ollama.com", True),
    "grok": ("xAI Grok", "builtin", "https://x.ai", True),
    "glm": ("GLM (Zhipu AI)", "builtin", "https://www.bigmodel.cn", True),
    "siliconflow": ("SiliconFlow", "platform", "https://cloud.siliconflow.cn", True),
    "nvidia": ("NVIDIA NIM", "platform", "https://build.nvidia.com", True),
    "venice": ("Venice AI", "platform", "https://venice.ai", True),
    "aihubmix": ("AiHubMix", "platform", "https://aihubmix.com", True),
    "openrouter-free": ("OpenRouter (Free Tier)", "platform", "https://openrouter.ai", True),
    "google-antigravity": (
        "Google Cloud Code Assist (Antigravity)", "platform", "https://cloud.google.com/code-assist", True
    ),
    "google-gemini-cli": (
        "Google Cloud Code Assist (Gemini CLI)", "platform", "https://cloud.google.com/code-assist", True
    ),
    "github-copilot": ("GitHub Copilot", "platform", "https://github.com/features/copilot", True),
    "openai-codex": ("OpenAI Codex CLI (OAuth)", "platform", "https://openai.com/codex", True),
}  # fmt: skip

# name: base URL (failover-cooldown 2). Formats with a protocol of their own know the path behind the host.
BASE_URLS = {
    "openai": "https://api.openai.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "mistral": "https://api.mistral.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "perplexity": "https://api.perplexity.ai",
    "gemini": "https://generativelanguage.googleapis.com",
    "ollama": "http://localhost:11434",
    "lmstudio": "http://localhost:1234",
}


@pytest.mark.parametrize("name", ROWS)
def test_a_vendor_is_called_as_its_row_has_it(name: str) -> None:
    """Name, type, website and whether it is new here; all of them are cloud, but for Ollama."""
    preset = presets()[name]
    assert (preset.name, preset.type, preset.website, preset.beta) == ROWS[name]
    assert preset.location == ("local" if name == "ollama" else "cloud")
    assert preset.env or preset.oauth or name == "ollama"


def test_the_table_is_in_its_order() -> None:
    """It is the order in which vendors are listed; Bedrock, which ruling 29 drops, is not among them."""
    assert [name for name in presets() if name in ROWS] == list(ROWS)
    assert "bedrock" not in presets()


def test_minimax_has_its_other_addresses_in_their_order() -> None:
    """3.1: the two regions, without and with the path of Anthropic's protocol."""
    minimax = presets()["minimax"]
    assert (minimax.url, minimax.format, minimax.priority) == (
        "https://api.minimaxi.com/anthropic", "anthropic", 30,
    )  # fmt: skip
    assert minimax.alternate_urls == (
        "https://api.minimaxi.com",
        "https://api.minimax.io",
        "https://api.minimaxi.com/anthropic",
        "https://api.minimax.io/anthropic",
    )


@pytest.mark.parametrize("name", BASE_URLS)
def test_a_name_alone_leads_to_its_address(name: str) -> None:
    """failover-cooldown 2: the names that need no base URL, by those of its table."""
    preset = find_preset(name)
    assert preset is not None
    assert preset.url == BASE_URLS[name]


def test_a_name_that_nobody_knows_has_no_address() -> None:
    """failover-cooldown 2 has it point at OpenAI with a warning; ruling 1: there is no silent default."""
    assert find_preset("custom") is None
    assert find_preset("") is None
