"""What the families of Gemini understand by thinking: token budgets up to 2.5, levels from 3 on.

Documented: 2.5 Flash and Flash-Lite take 0 (off) to 24576, 2.5 Pro 128 to 32768 and is never off; from
3 on nothing is off, `minimal` (Flash) or `low` is the least. A level sent to an earlier model is refused, a
budget sent to a later one is understood, so a name that tells nothing gets a budget.
"""

from __future__ import annotations

import re
from typing import Any

from llmpool.core.names import normalised
from llmpool.formats.effort import BUDGETS

LEAST_OF_PRO = 128

_GENERATION = re.compile(r"^gemini-(\d{1,3})")
_OTHER_TASKS = re.compile(r"image|tts|audio|live|thinking")  # variants that cannot think, or cannot stop


def thinking_config(model: str, wish: str | None) -> dict[str, Any] | None:
    """Return the `thinkingConfig` for *wish*: off, low, medium, high, a number of tokens, or None for off.

    Off is said aloud only to models that think unasked and are known to take it; for None that is all, while
    "off" asks the others for the least they do.
    """
    name = normalised(model)
    if wish is None or wish in ("off", "0"):
        return _off(name, asked=wish is not None)
    if wish in BUDGETS and thinks_in_levels(name):
        return {"includeThoughts": True, "thinkingLevel": wish}
    if wish.isdecimal() and len(wish) < 10:
        return {"includeThoughts": True, "thinkingBudget": int(wish)}
    return {"includeThoughts": True, "thinkingBudget": BUDGETS[wish]} if wish in BUDGETS else None


def thinks_in_levels(model: str) -> bool:
    """Whether *model* is of the third generation or later: it takes levels, and wants its signatures back."""
    found = _GENERATION.match(normalised(model))
    return found is not None and int(found[1]) >= 3


def _off(name: str, *, asked: bool) -> dict[str, Any] | None:
    if name.startswith("gemini-2.5-flash") and not _OTHER_TASKS.search(name):
        return {"thinkingBudget": 0}
    if asked and name.startswith("gemini-2.5-pro") and not _OTHER_TASKS.search(name):
        return {"thinkingBudget": LEAST_OF_PRO}
    if asked and thinks_in_levels(name):
        return {"thinkingLevel": "minimal" if "flash" in name else "low"}
    return None
