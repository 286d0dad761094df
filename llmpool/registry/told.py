"""Windows that servers named when a prompt was too long: which of them still hold.

What a server says of itself beats what is listed of its model, where it is less; the owner's word beats both.
It ends after a week, with the model, and with a listing that tells how the model is loaded now.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import ProviderInventory, ToldWindow
from llmpool.core.names import latest


def window_of(model: str, told: Iterable[ToldWindow]) -> int:
    """Return the window that a model's server named, 0 for none; `a` and `a:latest` are one (ruling 18)."""
    name = latest(model)
    return next((window.tokens for window in told if latest(window.model) == name), 0)


def kept(old: ProviderInventory, new: ProviderInventory, oldest: str) -> tuple[ToldWindow, ...]:
    """Return the windows of *old* that hold beside the observation *new*: those told from *oldest* on.

    An observation that failed, or was under way when a window was told, says nothing against it.
    """
    before, now = _lines(old), _lines(new)

    def holds(window: ToldWindow) -> bool:
        name = latest(window.model)
        if new.error or window.at > new.attempted_at:
            return True
        return not _tells(now[name]) if name in now else name not in before

    return tuple(window for window in old.windows if window.at >= oldest and holds(window))


def _lines(seen: ProviderInventory) -> dict[str, ObservedModel]:
    return {latest(line.name): line for line in seen.models}


def _tells(line: ObservedModel) -> bool:
    """Say whether a line tells how a model is loaded, or that it is not: it may be loaded with more next."""
    return bool(line.loaded_context) or line.max_context > line.context_window
