"""Reads the answers recorded in this directory; SOURCE.md says where they come from."""

from __future__ import annotations

from llmpool.core.wire import Answer
from tests.unit.formats import recordings


def recorded(name: str) -> Answer:
    """Return the answer recorded as *name*, such as `llama/chat`."""
    return recordings.recorded(f"../responses/{name}")
