"""How much to think, in two currencies: a level by name, and a budget of tokens."""

from __future__ import annotations

BUDGETS = {"low": 2048, "medium": 8192, "high": 24576}


def level(budget: int) -> str:
    """Name the level nearest to a *budget* of tokens."""
    return next((name for name, most in BUDGETS.items() if budget <= most), "high")
