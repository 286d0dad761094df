"""health.json: cooldowns, experience, latency, turns and the last contact with each provider.

Deadlines are wall-clock seconds since the epoch, so that they hold across processes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from llmpool.core.routing import Experience
from llmpool.state import jsonfile, shape

NAME = "health.json"
SECTIONS = ("cooldowns", "contact", "experience", "latency", "cursors")

_COOLDOWN = {"until": shape.instant, "seconds": shape.instant, "reason": shape.text}
_CONTACT = {"at": shape.instant, "kind": shape.text, "message": shape.text}


class Health:
    """The health of the pool while it is read or changed; sections are plain dicts.

    Making one of data that is nobody's health raises TypeError or ValueError; None is a clean one.
    """

    def __init__(self, data: Any) -> None:
        known = {} if data is None else shape.fields(data, dict.fromkeys(SECTIONS, shape.mapping))
        self.cooldowns = shape.entries(known.get("cooldowns", {}), _COOLDOWN)
        self.contact = shape.entries(known.get("contact", {}), _CONTACT)
        self.experience: dict[str, Experience] = {
            name: Experience._make(entry) for name, entry in known.get("experience", {}).items()
        }
        self.latency: dict[str, float] = {n: shape.number(ms) for n, ms in known.get("latency", {}).items()}
        self.cursors: dict[str, int] = dict(known.get("cursors", {}))
        shape.all_counts(chain.from_iterable(self.experience.values()))
        shape.all_counts(self.cursors.values())

    def as_data(self) -> dict[str, Any]:
        """Return the health as it is stored."""
        return {name: getattr(self, name) for name in SECTIONS}


def read(state: Path) -> Health:
    """Read the health; a missing or quarantined file is a clean one."""
    return jsonfile.read(state / NAME, decode=Health)


def update(state: Path, change: Callable[[Health], None]) -> None:
    """Apply *change* under the lock."""

    def apply(health: Health) -> Any:
        change(health)
        return health.as_data()

    jsonfile.update(state / NAME, apply, decode=Health)
