"""How each family of Claude is told to think, how much, and not to.

- Up to 4.5, and what other vendors serve in this format: `enabled` with a budget of tokens.
- 4.6: either way, so a number keeps the budget it names and a level becomes an effort.
- From 4.7 on, and all of Fable and Mythos: `adaptive` with an effort; a budget is refused, and so are
  temperature and top_p. What was thought is shown only where `display` asks for it.
- Sonnet 5, Opus 5 and Haiku 5.5 think unless they are told `disabled`, Sonnet 5.5 unless `between_tools`.
  Opus 5.5, Fable and Mythos cannot be told; a younger model than these is not told anything.

Sources: the recordings of pydantic-ai (tests/contract/anthropic; budgets on Sonnet 4.0 to 4.6, `adaptive` on
Opus 4.6, 4.7, 4.8 and 5, Sonnet 5 thinking unasked), Anthropic's page "Troubleshooting thinking", and the
types of its SDK 2.11, all as of November 2026.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from llmpool.formats.effort import BUDGETS, level

LEAST_BUDGET = 1024  # Anthropic refuses less; llama.cpp keeps to whatever it is told
ROOM = 4096  # for the answer itself, where the caller's limit would go into thinking
OFF_WORDS = {
    ("sonnet", 5, 0): "disabled",
    ("opus", 5, 0): "disabled",
    ("haiku", 5, 5): "disabled",
    ("sonnet", 5, 5): "between_tools",
}
_NAME = re.compile(
    r"claude-(opus|sonnet|haiku|fable|mythos)(?:-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?", re.IGNORECASE
)


class Thinking(NamedTuple):
    """What a request says of thinking: its `thinking` and its effort, if anything, and its token limit."""

    config: dict[str, Any] | None
    effort: str
    max_tokens: int

    @property
    def has_budget(self) -> bool:
        """Whether thinking is asked for in the old way, with which no tool may be forced."""
        return self.config is not None and self.config["type"] == "enabled"

    @property
    def is_on(self) -> bool:
        """Whether thinking is asked for."""
        return self.config is not None and self.config["type"] in ("enabled", "adaptive")


def thinking(model: str, wish: str | None, max_tokens: int) -> Thinking:
    """Say how *model* is asked for what the caller wishes: a level, a number of tokens, `off`, or nothing."""
    line, *version = _family(model)
    budget = _budget(wish, LEAST_BUDGET if line else 1)
    if not budget:
        word = OFF_WORDS.get((line, version[0], version[1]))  # nobody asked for it, so it is off (ruling 25)
        return Thinking({"type": word} if word else None, "", max_tokens)
    if is_adaptive_only(model):
        return Thinking({"type": "adaptive", "display": "summarized"}, level(budget), max_tokens)
    if version == [4, 6] and wish in BUDGETS:
        return Thinking({"type": "adaptive"}, level(budget), max_tokens)
    limit = max_tokens if max_tokens > budget else budget + ROOM
    return Thinking({"type": "enabled", "budget_tokens": budget}, "", limit)


def is_adaptive_only(model: str) -> bool:
    """Whether *model* knows neither budgets nor temperature and top_p."""
    line, *version = _family(model)
    return line in ("fable", "mythos") or version >= [4, 7]


def _family(model: str) -> tuple[str, int, int]:
    """Read the line and the version out of a name; nothing for other names, the oldest Claudes included."""
    found = _NAME.search(model)
    if found is None:
        return "", 0, 0
    line, major, minor = found.groups()
    return line.lower(), int(major or 0), int(minor or 0)


def _budget(wish: str | None, least: int) -> int:
    if wish in BUDGETS:
        return BUDGETS[wish]
    tokens = int(wish) if wish and wish.isdecimal() else 0
    return max(tokens, least) if tokens else 0
