"""keys.json: how often each key was used and when, and whose turn it is; labels only, never a key.

These are counts, not decisions: a file that is lost costs an even spread for a while, so it is set aside with
a warning as observations are. Kept are the 512 keys that were used last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.state import jsonfile, shape

NAME = "keys.json"
MOST_KEYS = 512


class Use(NamedTuple):
    """How often a key was used, and when last: seconds since the epoch."""

    times: int = 0
    last_used: float = 0.0


class Keys(NamedTuple):
    """The uses of each provider's keys by label, and the label that a provider's turn was last at."""

    uses: dict[str, dict[str, Use]]
    turns: dict[str, str]


def read(state: Path) -> Keys:
    """Read the counts; a missing or quarantined file has none."""
    return jsonfile.read(state / NAME, decode=_keys)


def take(
    state: Path,
    provider: str,
    labels: Sequence[str],
    awake: Collection[str],
    *,
    rotation: str,
    now: float,
) -> list[str]:
    """Take a turn: the labels of the keys that are *awake*, in the order to try them; the first is counted.

    *labels* are all in the config's order. `round_robin` begins behind the key that was taken last,
    `least_used` with the one used least. Whoever comes at the same time is given the next turn.
    """
    order: list[str] = []

    def change(known: Keys) -> Any:
        order[:] = [label for label in _in_turn(known, provider, labels, rotation) if label in awake]
        if order:
            known.turns[provider] = order[0]
            _count(known, provider, order[0], 1, now)
        return _as_data(known)

    jsonfile.update(state / NAME, change, decode=_keys)
    return order


def note(state: Path, uses: Mapping[tuple[str, str], int], now: float) -> None:
    """Add uses, by provider and label, to what turns have counted; fewer than none take back a turn."""

    def change(known: Keys) -> Any:
        for (provider, label), times in uses.items():
            _count(known, provider, label, times, now)
        return _as_data(known)

    if uses:
        jsonfile.update(state / NAME, change, decode=_keys)


def _in_turn(known: Keys, provider: str, labels: Sequence[str], rotation: str) -> list[str]:
    if rotation == "least_used":
        uses = known.uses.get(provider, {})
        return sorted(labels, key=lambda label: uses.get(label, Use()).times)
    last = known.turns.get(provider)
    begin = labels.index(last) + 1 if rotation == "round_robin" and last in labels else 0
    return [*labels[begin:], *labels[:begin]]


def _count(known: Keys, provider: str, label: str, times: int, now: float) -> None:
    old = known.uses.setdefault(provider, {}).get(label, Use())
    last = max(old.last_used, now) if times > 0 else old.last_used
    known.uses[provider][label] = Use(max(0, old.times + times), last)


def _as_data(known: Keys) -> dict[str, Any]:
    """Return what is stored: the keys that were used last."""
    lines = [(p, label, use) for p, uses in known.uses.items() for label, use in uses.items()]
    kept = sorted(lines, key=lambda line: -line[2].last_used)[:MOST_KEYS]
    uses: dict[str, Any] = {}
    for provider, label, use in sorted(kept):
        uses.setdefault(provider, {})[label] = use._asdict()
    return {"uses": uses, "turns": {name: label for name, label in known.turns.items() if name in uses}}


def _keys(data: Any) -> Keys:
    known = shape.fields({} if data is None else data, _SECTIONS)
    return Keys(known.get("uses", {}), known.get("turns", {}))


def _uses(value: Any) -> dict[str, dict[str, Use]]:
    return {
        provider: {label: Use(**shape.fields(use, _USE)) for label, use in shape.mapping(uses).items()}
        for provider, uses in shape.mapping(value).items()
    }


def _turns(value: Any) -> dict[str, str]:
    return {name: shape.text(label) for name, label in shape.mapping(value).items()}


_USE: dict[str, Callable[[Any], Any]] = {"times": shape.whole, "last_used": shape.instant}
_SECTIONS: dict[str, Callable[[Any], Any]] = {"uses": _uses, "turns": _turns}
