"""health.json: cooldowns, experience, latency, turns and the last contact with each provider.

Deadlines are wall-clock seconds since the epoch, so that they hold across processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpool.core.routing import Experience
from llmpool.state import jsonfile, shape

if TYPE_CHECKING:
    from llmpool.router.cooldown import Cooldown

NAME = "health.json"
SECTIONS = ("cooldowns", "contact", "experience", "latency", "cursors")

_COUNTED = {"failures": shape.whole, "passing": shape.whole, "at": shape.instant, "told": shape.instant}
_COOLDOWN = {"until": shape.instant, "seconds": shape.instant, "reason": shape.text} | _COUNTED
_CONTACT = {"at": shape.instant, "kind": shape.text, "message": shape.text}


class Health:
    """The health of the pool while it is read or changed; sections are plain dicts.

    Making one of data that is nobody's health raises TypeError or ValueError; None is a clean one.
    """

    def __init__(self, data: Any) -> None:
        known = {} if data is None else shape.fields(data, dict.fromkeys(SECTIONS, shape.mapping))
        self.cooldowns = shape.entries(known.get("cooldowns", {}), _COOLDOWN, optional=_COUNTED)
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

    def cool(self, scope: str, change: Callable[[Cooldown], Cooldown]) -> None:
        """Change the cooldown of a scope; one that counts nothing is not kept."""
        from llmpool.router import cooldown

        entry = self.cooldowns.get(scope)
        old = cooldown.read(entry) if entry else cooldown.NONE
        if (new := change(old)) != old:
            self.cooldowns[scope] = new._asdict()

    def tidy(self, now: float) -> None:
        """Drop the cooldowns that tell nothing any more (ruling 10: an hour after their deadline)."""
        if not self.cooldowns:
            return
        from llmpool.router import cooldown

        for scope in [s for s, entry in self.cooldowns.items() if cooldown.read(entry).is_forgotten(now)]:
            del self.cooldowns[scope]

    def answered(self, provider: str, ref: str, key: str) -> None:
        """Forget the rests of who has just answered: the deployment, its key, its provider."""
        for scope in _scopes(provider, ref, key):
            self.cooldowns.pop(scope, None)

    def is_well(self, provider: str, ref: str, key: str) -> bool:
        """Say whether an answer would only move averages: its provider was heard last, and nobody rests."""
        contact = self.contact.get(provider)
        heard = contact is not None and not contact["kind"]
        return heard and self.cooldowns.keys().isdisjoint(_scopes(provider, ref, key))

    def average(self, provider: str, milliseconds: float) -> None:
        """Fold how long a call took into the average of its provider."""
        old = self.latency.get(provider, 0.0)
        self.latency[provider] = milliseconds if not old else round(0.7 * old + 0.3 * milliseconds, 1)

    def listed(self, provider: str) -> None:
        """Forget what a good listing disproves: that a provider fails, refuses its keys, lacks its models."""
        if not self.cooldowns:
            return
        from llmpool.router import cooldown

        for scope, entry in tuple(self.cooldowns.items()):
            lifted = scope.startswith("provider:") or entry["reason"] in ("auth", "model_not_found")
            if lifted and cooldown.belongs(scope, provider):
                del self.cooldowns[scope]

    def forget(self, provider: str) -> None:
        """Forget the last contact with a provider, and every rest of it, its keys and its deployments."""
        from llmpool.router import cooldown

        self.contact.pop(provider, None)
        for scope in [scope for scope in self.cooldowns if cooldown.belongs(scope, provider)]:
            del self.cooldowns[scope]


def read(state: Path) -> Health:
    """Read the health; a missing or quarantined file is a clean one."""
    return jsonfile.read(state / NAME, decode=Health)


def update(state: Path, change: Callable[[Health], None], *, wait: float = 10.0) -> None:
    """Apply *change* under the lock, for which *wait* seconds are waited at most."""

    def apply(health: Health) -> Any:
        change(health)
        return health.as_data()

    jsonfile.update(state / NAME, apply, wait=wait, decode=Health)


def wake(state: Path, scope: str) -> None:
    """End the rest of *scope*; where it does not rest nothing is written."""

    def change(health: Health) -> None:
        health.cooldowns.pop(scope, None)

    if scope in read(state).cooldowns:
        update(state, change)


def take_turns(state: Path, turns: Iterable[str]) -> dict[str, int]:
    """Take the next turn of each counter under the lock: nobody else is given the same."""
    from llmpool.router.strategy import take_turn

    taken: dict[str, int] = {}

    def change(health: Health) -> None:
        mine, health.cursors = take_turn(health.cursors, turns)
        taken.update(mine)

    update(state, change)
    return taken


def _scopes(provider: str, ref: str, key: str) -> tuple[str, ...]:
    """Name what an answer wakes: the deployment, the key it was asked with, the provider of both."""
    return (f"provider:{provider}", f"deployment:{ref}", f"key:{provider}/{key}")
