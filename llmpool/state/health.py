"""health.json: cooldowns, experience, latency, turns and the last contact with each provider.

Deadlines are wall-clock seconds since the epoch, so that they hold across processes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmpool.core.routing import Experience
from llmpool.state import jsonfile

NAME = "health.json"
SECTIONS = ("cooldowns", "contact", "experience", "latency", "cursors")


class Health:
    """The health of the pool while it is read or changed; sections are plain dicts."""

    def __init__(self, data: Any) -> None:
        known = data if isinstance(data, dict) else {}
        self.cooldowns: dict[str, dict[str, Any]] = dict(known.get("cooldowns", {}))
        self.contact: dict[str, dict[str, Any]] = dict(known.get("contact", {}))
        self.experience = {name: Experience(*entry) for name, entry in known.get("experience", {}).items()}
        self.latency: dict[str, float] = dict(known.get("latency", {}))
        self.cursors: dict[str, int] = dict(known.get("cursors", {}))

    def as_data(self) -> dict[str, Any]:
        """Return the health as it is stored."""
        return {name: getattr(self, name) for name in SECTIONS}


def read(state: Path) -> Health:
    """Read the health; a missing or quarantined file is a clean one."""
    return Health(jsonfile.read(state / NAME))


def update(state: Path, change: Callable[[Health], None]) -> None:
    """Apply *change* under the lock."""

    def apply(old: Any) -> Any:
        health = Health(old)
        change(health)
        return health.as_data()

    jsonfile.update(state / NAME, apply)
