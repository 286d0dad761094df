"""What is not known is null in a document (DESIGN 3.2), whatever stands for it in a record: 0, or no text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

LAYERS = ("observed", "catalog", "vendored", "probe")  # of a deployment; what the owner declared is known


def known(value: Any, but: Collection[str] = ()) -> Any:
    """Return a record as plain values with null where it says nothing; the fields *but* may well be 0."""
    if isinstance(value, dict):
        return {name: item if name in but else known(item, but) for name, item in value.items()}
    if isinstance(value, list):
        return [known(item, but) for item in value]
    return value if value or isinstance(value, bool) else None


def layered(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of a deployment, with null for what a source of it does not know."""
    return entry | {name: known(entry[name], ("latency_ms",)) for name in LAYERS}
