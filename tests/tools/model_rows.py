"""A row of the model table, and the rows of llmpool's own: models that the sources do not list (any more)."""

from __future__ import annotations

from typing import NamedTuple

BASE = frozenset({"chat", "streaming", "tools", "json"})
# B is chat, streaming, tools and JSON, V images, T thinking.
MARKS = {"B": BASE, "V": {"images"}, "T": {"thinking"}}


class Row(NamedTuple):
    """What is known of a model: tokens (0: unknown), what it can and cannot do, open weights or not."""

    context: int = 0
    output: int = 0
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    open: bool = False

    def filled(self, other: Row) -> Row:
        """Take from *other* what this row does not tell; what it does tell stays."""
        return Row(
            self.context or other.context,
            self.output or other.output,
            self.yes | (other.yes - self.no),
            self.no | (other.no - self.yes),
            self.open or other.open,
        )

    def tells(self) -> bool:
        """Say whether anything at all is known."""
        return bool(self.context or self.output or self.yes or self.no)


def rows(preset: str, text: str) -> list[tuple[str, str, Row]]:
    """Read lines of `name context output marks`; the marks are those of MARKS, and `-` for no tools."""
    found = []
    for line in text.strip().splitlines():
        name, context, output, marks = line.split()
        yes = frozenset[str]().union(*(MARKS[mark] for mark in marks.rstrip("-")))
        no = frozenset({"tools"}) if marks.endswith("-") else frozenset[str]()
        found.append((preset, name, Row(int(context), int(output), yes - no, no)))
    return found


# Marks tell what a model can do and never what it cannot, but for `-`: no tools. Under "" by bare name only.
OWN_ROWS: list[tuple[str, str, Row]] = [
    *rows(
        "openai",
        """
        gpt-5.4 1050000 128000 BVT
        gpt-5.4-mini 1050000 128000 BVT
        gpt-5.4-nano 400000 128000 BVT
        gpt-5.4-pro 1050000 128000 BVT
        gpt-4o 128000 16384 BV
        gpt-4o-mini 128000 16384 BV
        o1 200000 100000 BVT
        o1-mini 128000 65536 BT
        o3-mini 200000 100000 BT
        gpt-4-turbo 128000 4096 BV
        gpt-5-mini 0 0 BVT
        gpt-5-nano 0 0 BVT
        gpt-oss-120b 0 0 B
        """,
    ),
    *rows(
        "anthropic",
        """
        claude-opus-4-5-20251101 200000 32000 BVT
        claude-sonnet-4-5-20250929 200000 64000 BVT
        claude-3-5-haiku-20241022 200000 8192 BV
        claude-3-5-sonnet-20241022 200000 8192 BV
        claude-opus-4-6 0 0 BVT
        claude-haiku-4-5 0 0 BV
        claude-sonnet-4-6 0 0 BVT
        claude-sonnet-4 0 0 BVT
        """,
    ),
    *rows(
        "google",
        """
        gemini-2.0-flash 1000000 8192 BV
        gemini-2.0-flash-thinking 1000000 65536 BVT
        gemini-1.5-pro 2000000 8192 BV
        gemini-1.5-flash 1000000 8192 BV
        gemini-3.1-pro-preview 0 0 BV
        gemini-3-flash-preview 0 0 BV
        gemini-3-pro-preview 0 0 BV
        gemini-2.5-pro 0 0 BV
        gemini-2.5-flash 0 0 BV
        """,
    ),
    *rows(
        "deepseek",
        """
        deepseek-chat 128000 8192 B
        deepseek-reasoner 128000 8192 BT
        """,
    ),
    *rows(
        "moonshot",
        """
        moonshot-v1-8k 8000 4096 B
        moonshot-v1-32k 32000 4096 B
        moonshot-v1-128k 128000 4096 B
        kimi-k2.5 0 0 B
        """,
    ),
    *rows(
        "minimax",
        """
        MiniMax-M2.7 1000000 16384 B
        MiniMax-M2.7-highspeed 1000000 16384 B
        MiniMax-M2.5 1000000 16384 B
        codex-MiniMax-M2.5 1000000 16384 B
        minimax-m2.1 0 0 B
        """,
    ),
    *rows("", "codex-1 128000 16384 B"),
    *rows(
        "grok",
        """
        grok-beta 131072 16384 B
        grok-vision-beta 8192 4096 BV
        grok-4.1-fast 0 0 B
        """,
    ),
    *rows(
        "qwen",
        """
        qwen-turbo 8192 2048 B
        qwen-plus 32768 8192 B
        qwen-max 32768 8192 B
        qwen-max-longcontext 1000000 8192 B
        qwen-vl-plus 8192 2048 BV
        qwen-vl-max 32768 8192 BV
        qwen3.6-plus-preview 0 0 B
        qwen3.5-plus-02-15 0 0 B
        qwen3.5-397b-a17b 0 0 B
        qwen3.5-122b-a10b 0 0 B
        qwen3.5-35b-a3b 0 0 B
        qwen3.5-27b 0 0 B
        qwen3-coder-next 0 0 B
        qwen3-max-thinking 0 0 BT
        """,
    ),
    *rows(
        "venice",
        """
        llama-3.3-70b 128000 4096 B
        deepseek-r1-llama-70b 64000 8192 BT
        qwen-2.5-72b 32000 4096 B
        llama-3.2-3b 128000 4096 B-
        """,
    ),
    *rows(
        "",
        """
        anthropic.claude-3-5-sonnet-20241022-v2:0 200000 8192 BV
        anthropic.claude-3-5-haiku-20241022-v1:0 200000 8192 BV
        meta.llama3-3-70b-instruct-v1:0 128000 4096 B
        amazon.nova-pro-v1:0 300000 5000 BV
        amazon.nova-lite-v1:0 300000 5000 BV
        """,
    ),
    *rows(
        "glm",
        """
        glm-4-plus 128000 4096 B
        glm-4-air 128000 4096 B
        glm-4-airx 8192 4096 B
        glm-4-flash 128000 4096 B
        glm-4-long 1000000 4096 B
        glm-4v-plus 8192 1024 BV
        glm-5-turbo 0 0 B
        glm-5 0 0 B
        glm-4.5-air 0 0 B
        """,
    ),
    *rows(
        "siliconflow",
        """
        deepseek-ai/DeepSeek-V3 65536 8192 B
        deepseek-ai/DeepSeek-R1 65536 8192 B
        Qwen/Qwen2.5-72B-Instruct 32768 8192 B
        Qwen/QwQ-32B 32768 8192 B
        """,
    ),
    *rows(
        "nvidia",
        """
        meta/llama-3.3-70b-instruct 128000 16384 B
        deepseek-ai/deepseek-r1 64000 8192 BT
        qwen/qwen2.5-72b-instruct 32768 8192 B
        nvidia/llama-3.1-nemotron-70b-instruct 128000 4096 B
        """,
    ),
    *rows(
        "google-antigravity",
        """
        claude-sonnet-4-5-20250929 200000 64000 BVT
        gemini-2.0-flash 1000000 8192 BV
        """,
    ),
    *rows(
        "google-gemini-cli",
        """
        gemini-2.0-flash 1000000 8192 BV
        gemini-1.5-pro 2000000 8192 BV
        """,
    ),
    *rows(
        "github-copilot",
        """
        gpt-4o 128000 16384 BV
        gpt-4o-mini 128000 16384 BV
        """,
    ),
    *rows(
        "openai-codex",
        """
        o3 200000 100000 BVT
        o4-mini 200000 100000 BVT
        """,
    ),
]
