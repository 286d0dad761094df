"""The price book that ships with llmpool, and under which name a preset is in it.

`prices.json` is made by `tests/tools/make_prices.py` out of genai-prices; `PRICES-LICENSE` is its licence.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("prices.json")
# Presets that are not here (aggregators, plans, one's own servers) have no price list in the book.
VENDORS = {
    "openai": "openai",
    "openai-codex": "openai",
    "anthropic": "anthropic",
    "openrouter": "openrouter",
    "openrouter-free": "openrouter",
    "minimax": "minimax",
    "google": "google",
    "google-antigravity": "google",
    "google-gemini-cli": "google",
    "deepseek": "deepseek",
    "moonshot": "moonshotai",
    "grok": "x-ai",
    "glm": "zhipuai",
    "zai": "zai",
    "github-copilot": "github-copilot",
    "mistral": "mistral",
    "groq": "groq",
    "cerebras": "cerebras",
    "perplexity": "perplexity",
    "together": "together",
    "fireworks": "fireworks",
    "huggingface": "huggingface",
    "azure": "azure",
}


@cache
def document() -> dict[str, Any]:
    """Read the built-in book, once; only compiling prices and `usage prices` need it."""
    read: dict[str, Any] = json.loads(FILE.read_bytes())
    return read


def vendor_of(preset: str) -> str:
    """Return the vendor in the book whose prices a provider of *preset* takes; empty where there is none."""
    return VENDORS.get(preset, "")
