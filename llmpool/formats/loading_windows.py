"""How large a window a model is loaded with: the arithmetic of catalog-registry-router 5.2, 5.4 and 5.5."""

from __future__ import annotations

import re

HEADROOM = 4096  # tokens above what a prompt needs
DEFAULT_WINDOW = 4096  # what servers load a model with when nobody says
GROWING = ("lmstudio", "ollama")  # who loads a model with the window that a caller names

# What LM Studio says of a prompt: so many tokens for the window it loaded the model with.
_KEPT = re.compile(r"n_keep:?\s*(\d{1,9})\s*>=?\s*n_ctx:?\s*(\d{1,9})")


def can_expand(server: str, loaded: int, maximum: int, size: int) -> bool:
    """Say whether a model can be loaded anew with a window of *size* tokens, larger than it has now.

    It goes by what is *loaded* (0: nothing) and what the model can have at most; what its owner declared is
    another question.
    """
    if server not in GROWING or size <= 0 or maximum <= 0:
        return False
    return size <= maximum if loaded <= 0 else loaded < size <= maximum


def first_target(needed: int, answer: int, maximum: int, declared: int = 0) -> int:
    """Return the window to prepare: the declared one, else *needed* and room above it, capped at *maximum*.

    The room is HEADROOM, or the longest *answer* that was asked for where that is more.
    """
    target = declared or needed + max(HEADROOM, answer)
    return min(target, maximum) if maximum > 0 else target


def next_target(needed: int, loaded: int, maximum: int) -> int:
    """Return the window to try when a server has found its window of *loaded* tokens too small."""
    target = max(needed + HEADROOM, 2 * loaded)
    return min(target, maximum) if maximum > 0 else target


def counted(message: str) -> int:
    """Return how many tokens the server found in the prompt, where its error tells; else 0."""
    found = _KEPT.search(message.lower())
    return int(found[1]) if found else 0
