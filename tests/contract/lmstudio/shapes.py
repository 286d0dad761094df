"""Reads the answers kept in this directory."""

from __future__ import annotations

from pathlib import Path

from llmpool.core.wire import Answer


def documented(name: str) -> Answer:
    """Return the documented answer *name*, such as `v1-models`."""
    path = Path(__file__).parent / "documented" / f"{name}.json"
    return Answer(status=200, headers={}, body=path.read_bytes())
