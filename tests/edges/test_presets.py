"""The rows about known vendors."""

from __future__ import annotations

import re

import pytest

from llmpool.config.presets import find_preset, presets
from llmpool.core.ids import is_provider_id
from llmpool.core.provider import FORMATS

# (id, format, URL, priority, key page) of the table of known vendors; URLs as this project writes them.
TABLE = [
    ("openai", "openai", "https://api.openai.com/v1", 50, "https://platform.openai.com/api-keys"),
    ("anthropic", "anthropic", "https://api.anthropic.com", 50, "https://console.anthropic.com/settings/keys"),
    ("openrouter", "openai", "https://openrouter.ai/api/v1", 35, "https://openrouter.ai/keys"),
    ("qwen", "openai", "https://dashscope.aliyuncs.com/compatible-mode/v1", 35, "https://dashscope.console.aliyun.com/apiKey"),
    ("google", "google", "https://generativelanguage.googleapis.com", 20, "https://aistudio.google.com/app/apikey"),
    ("deepseek", "openai", "https://api.deepseek.com", 20, "https://platform.deepseek.com/api_keys"),
    ("moonshot", "openai", "https://api.moonshot.ai/v1", 20, "https://platform.moonshot.cn/console/api-keys"),
    ("ollama", "ollama", "http://localhost:11434", 20, ""),
    ("grok", "openai", "https://api.x.ai/v1", 20, "https://console.x.ai"),
    ("glm", "openai", "https://open.bigmodel.cn/api/paas/v4", 20, "https://open.bigmodel.cn/usercenter/apikeys"),
    ("siliconflow", "openai", "https://api.siliconflow.cn/v1", 20, "https://cloud.siliconflow.cn/account/ak"),
    ("nvidia", "openai", "https://integrate.api.nvidia.com/v1", 20, "https://build.nvidia.com"),
    ("venice", "openai", "https://api.venice.ai/api/v1", 20, "https://venice.ai"),
    ("aihubmix", "openai", "https://aihubmix.com/v1", 20, "https://aihubmix.com"),
    ("openrouter-free", "openai", "https://openrouter.ai/api/v1", 20, "https://openrouter.ai/keys"),
    ("google-antigravity", "cloudcode", "https://cloudcode-pa.googleapis.com", 20, ""),
    ("google-gemini-cli", "cloudcode", "https://cloudcode-pa.googleapis.com", 20, ""),
    ("github-copilot", "copilot", "https://api.githubcopilot.com", 20, ""),
    ("openai-codex", "responses", "https://chatgpt.com/backend-api/codex/responses", 20, ""),
]  # fmt: skip
LOCAL = {"ollama": 11434, "lmstudio": 1234, "llamacpp": 8080, "vllm": 8000, "jan": 1337, "embedded": 0}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_known_vendors(row):
    """Each vendor of the specification's table has the format, URL, priority and key page given there."""
    preset = presets()[row[0]]
    assert row == (preset.id, preset.format, preset.url, preset.priority, preset.key_page)


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.id)
def test_rows_make_sense(preset):
    """Every row has an id, a known format, an address (unless each customer has one), and plain values."""
    assert is_provider_id(preset.id)
    assert preset.format in FORMATS
    assert preset.type in ("builtin", "platform")
    assert preset.location in ("cloud", "local")
    assert preset.metadata == "dynamic"
    for url in (preset.url, *preset.alternate_urls, preset.key_page, preset.website):
        assert not url or re.fullmatch(r"https?://[^/\s?#@]+(/[^/\s?#]+)*", url), url
    assert preset.url or preset.id in ("azure", "embedded")
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in preset.env + preset.url_env)
    assert preset.env or preset.oauth or not preset.needs_key
    assert isinstance(preset.env, tuple)
    assert isinstance(preset.aliases, tuple)


def test_local_presets():
    """The presets of one's own servers are local, need no key, and know their port."""
    found = {preset.id: preset.port for preset in presets().values() if preset.location == "local"}
    assert found == LOCAL
    assert not any(presets()[name].needs_key for name in LOCAL)
    assert not any(preset.port for preset in presets().values() if preset.location == "cloud")


def test_other_spellings():
    """Other names people use lead to the same row; no two rows share one."""
    for alias, expected in {
        "gemini": "google",
        "xai": "grok",
        "kimi": "moonshot",
        "copilot": "github-copilot",
        "codex": "openai-codex",
        "lm-studio": "lmstudio",
        "llama.cpp": "llamacpp",
        "OpenAI": "openai",
    }.items():
        found = find_preset(alias)
        assert found is not None
        assert found.id == expected
    names = [name for preset in presets().values() for name in (preset.id, *preset.aliases)]
    assert len(names) == len(set(names))
    assert all(find_preset(name) is not None for name in names)


@pytest.mark.parametrize("name", ["", "nowhere", "open ai", "bedrock"])
def test_unknown_names(name):
    """A name nobody carries finds nothing."""
    assert find_preset(name) is None


def test_details_that_matter_on_the_wire():
    """The versions, fields and variables that calls depend on are the ones the vendors document."""
    rows = presets()
    assert rows["openai"].max_tokens_field == "max_completion_tokens"
    assert rows["mistral"].max_tokens_field == "max_tokens"
    assert rows["anthropic"].api_version == rows["minimax"].api_version == "2023-06-01"
    assert rows["google"].api_version == "v1beta"
    assert rows["google"].env == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert rows["ollama"].url_env == ("OLLAMA_HOST",)
    assert len(rows["minimax"].alternate_urls) == 4
    assert {"antigravity", "gemini-cli", "copilot", "codex", ""} == {row.oauth for row in rows.values()}


def test_read_once():
    """The file is read once in a process."""
    assert presets() is presets()
