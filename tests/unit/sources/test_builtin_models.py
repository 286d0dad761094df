"""The models every vendor is known to have, figure by figure (pool-routing-formats 3.2 and 3.3).

The catalog is made out of rows of this project's own; what they must say stands here a second time. Prices
are the price book's (DESIGN ruling 16), Bedrock has none (ruling 29), `codex-1` is of no vendor at all.
"""

from __future__ import annotations

import pytest

from llmpool.data import builtin
from llmpool.registry import official

# provider: model context/longest answer marks; B chat, tools, streaming, JSON; V images; T thinking
ROWS = """
openai gpt-5.4 1050000/128000 BVT
openai gpt-5.4-mini 1050000/128000 BVT
openai gpt-5.4-nano 400000/128000 BVT
openai gpt-5.4-pro 1050000/128000 BVT
openai gpt-4o 128000/16384 BV
openai gpt-4o-mini 128000/16384 BV
openai o1 200000/100000 BVT
openai o1-mini 128000/65536 BT
openai o3-mini 200000/100000 BT
openai gpt-4-turbo 128000/4096 BV
openai gpt-5-mini 0/0 BVT
openai gpt-5-nano 0/0 BVT
openai gpt-oss-120b 0/0 B
anthropic claude-opus-4-5-20251101 200000/32000 BVT
anthropic claude-sonnet-4-5-20250929 200000/64000 BVT
anthropic claude-3-5-haiku-20241022 200000/8192 BV
anthropic claude-3-5-sonnet-20241022 200000/8192 BV
anthropic claude-opus-4-6 0/0 BVT
anthropic claude-haiku-4-5 0/0 BV
anthropic claude-sonnet-4-6 0/0 BVT
anthropic claude-sonnet-4 0/0 BVT
google gemini-2.0-flash 1000000/8192 BV
google gemini-2.0-flash-thinking 1000000/65536 BVT
google gemini-1.5-pro 2000000/8192 BV
google gemini-1.5-flash 1000000/8192 BV
google gemini-3.1-pro-preview 0/0 BV
google gemini-3-flash-preview 0/0 BV
google gemini-3-pro-preview 0/0 BV
google gemini-2.5-pro 0/0 BV
google gemini-2.5-flash 0/0 BV
deepseek deepseek-chat 128000/8192 B
deepseek deepseek-reasoner 128000/8192 BT
moonshot moonshot-v1-8k 8000/4096 B
moonshot moonshot-v1-32k 32000/4096 B
moonshot moonshot-v1-128k 128000/4096 B
moonshot kimi-k2.5 0/0 B
ollama llama3.3 128000/4096 B
ollama qwen2.5 32000/4096 B
ollama deepseek-r1 64000/8192 BT
minimax MiniMax-M2.7 1000000/16384 B
minimax MiniMax-M2.7-highspeed 1000000/16384 B
minimax MiniMax-M2.5 1000000/16384 B
minimax minimax-m2.1 0/0 B
grok grok-beta 131072/16384 B
grok grok-vision-beta 8192/4096 BV
grok grok-4.1-fast 0/0 B
qwen qwen-turbo 8192/2048 B
qwen qwen-plus 32768/8192 B
qwen qwen-max 32768/8192 B
qwen qwen-max-longcontext 1000000/8192 B
qwen qwen-vl-plus 8192/2048 BV
qwen qwen-vl-max 32768/8192 BV
qwen qwen3.6-plus-preview 0/0 B
qwen qwen3.5-plus-02-15 0/0 B
qwen qwen3.5-397b-a17b 0/0 B
qwen qwen3.5-122b-a10b 0/0 B
qwen qwen3.5-35b-a3b 0/0 B
qwen qwen3.5-27b 0/0 B
qwen qwen3-coder-next 0/0 B
qwen qwen3-max-thinking 0/0 BT
venice llama-3.3-70b 128000/4096 B
venice deepseek-r1-llama-70b 64000/8192 BT
venice qwen-2.5-72b 32000/4096 B
venice llama-3.2-3b 128000/4096 B-
glm glm-4-plus 128000/4096 B
glm glm-4-air 128000/4096 B
glm glm-4-airx 8192/4096 B
glm glm-4-flash 128000/4096 B
glm glm-4-long 1000000/4096 B
glm glm-4v-plus 8192/1024 BV
glm glm-5-turbo 0/0 B
glm glm-5 0/0 B
glm glm-4.5-air 0/0 B
siliconflow deepseek-ai/DeepSeek-V3 65536/8192 B
siliconflow deepseek-ai/DeepSeek-R1 65536/8192 B
siliconflow Qwen/Qwen2.5-72B-Instruct 32768/8192 B
siliconflow Qwen/QwQ-32B 32768/8192 B
nvidia meta/llama-3.3-70b-instruct 128000/16384 B
nvidia deepseek-ai/deepseek-r1 64000/8192 BT
nvidia qwen/qwen2.5-72b-instruct 32768/8192 B
nvidia nvidia/llama-3.1-nemotron-70b-instruct 128000/4096 B
google-antigravity claude-sonnet-4-5-20250929 200000/64000 BVT
google-antigravity gemini-2.0-flash 1000000/8192 BV
google-gemini-cli gemini-2.0-flash 1000000/8192 BV
google-gemini-cli gemini-1.5-pro 2000000/8192 BV
github-copilot gpt-4o 128000/16384 BV
github-copilot gpt-4o-mini 128000/16384 BV
openai-codex o3 200000/100000 BVT
openai-codex o4-mini 200000/100000 BVT
"""
TABLE = [line.split() for line in ROWS.strip().splitlines()]
BASE = {"chat", "tools", "streaming", "json"}
MARKS = {"B": BASE, "V": {"images"}, "T": {"thinking"}}


@pytest.mark.parametrize(("vendor", "model", "sizes", "marks"), TABLE, ids=str)
def test_a_model_has_the_figures_of_its_row(vendor: str, model: str, sizes: str, marks: str) -> None:
    """Context, longest answer (0: unknown) and what it can do; `-` is a row without tools."""
    facts = official.facts_of(builtin.catalog().models[vendor][model])
    expected = set[str]().union(*(MARKS[mark] for mark in marks.rstrip("-")))
    can = {name for name, value in facts.capabilities.as_dict().items() if value}
    assert f"{facts.context_window}/{facts.max_output}" == sizes
    assert can == expected - ({"tools"} if marks.endswith("-") else set())


def test_there_are_no_others() -> None:
    """Every row is there, and nothing besides."""
    made = builtin.catalog().models
    listed = {(vendor, model) for vendor, models in made.items() for model in models}
    assert listed == {(vendor, model) for vendor, model, _, _ in TABLE}
