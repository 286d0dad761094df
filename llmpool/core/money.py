"""Money as people read it."""

from __future__ import annotations

from decimal import Decimal

_LIKE_A_PRICE = Decimal("0.1")
_LEAST = Decimal("0.0001")


def usd(amount: Decimal) -> str:
    """Write an amount of USD with as many digits as it needs to be told from nothing: $5.00, $0.0042."""
    size = abs(amount)
    if not size or size >= _LIKE_A_PRICE:
        return f"${amount:.2f}"
    return f"${amount:.4f}" if size >= _LEAST else "<$0.0001"
