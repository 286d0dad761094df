"""keys.json: how often each key was used and when, whose turn it is, what tells it apart; never a key.

A key is known by its label; its digest and its mask are kept, and those of the keys it has replaced. These
are no decisions: a file that is lost costs an even spread for a while, and a key that is added twice is not
noticed, so it is set aside with a warning as observations are. Kept are the 512 keys that were used last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.state import jsonfile, shape

NAME = "keys.json"
MOST_KEYS = 512
MOST_PAST = 8  # keys that one has replaced


class Use(NamedTuple):
    """How often a key was used, and when last: seconds since the epoch."""

    times: int = 0
    last_used: float = 0.0


class Past(NamedTuple):
    """A key that was replaced, and when: seconds since the epoch."""

    digest: str
    mask: str
    until: float


class Known(NamedTuple):
    """What is kept of a key that llmpool has seen: its SHA-256, what may be shown, since when, before it.

    Digest and mask are empty where the key that is there now was never seen, and only its past is known.
    """

    digest: str
    mask: str
    since: float
    past: tuple[Past, ...] = ()


class Keys(NamedTuple):
    """The uses of each provider's keys by label, the label a provider's turn was last at, what is known."""

    uses: dict[str, dict[str, Use]]
    turns: dict[str, str]
    known: dict[str, dict[str, Known]]


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


def learn(
    state: Path, provider: str, label: str, key: Known, *, among: Callable[[], Collection[str]] = tuple
) -> str:
    """Remember a key by its digest, what it replaces as its past; return the label it already has, if any.

    Then nothing is changed. *among* names, under the lock, the labels that count; others are of keys that are
    gone.
    """
    double: list[str] = []

    def change(known: Keys) -> Any:
        mine = known.known.setdefault(provider, {})
        same = [name for name, other in mine.items() if other.digest == key.digest and name != label]
        double[:] = [name for name in same if name in among()]
        if not double:
            mine[label] = _after(mine.get(label), key)
        return _as_data(known)

    jsonfile.update(state / NAME, change, decode=_keys)
    return double[0] if double else ""


def outdate(state: Path, provider: str, label: str, now: float) -> None:
    """Make what is known under a label the past of a key that nobody has seen yet: its digest is empty."""

    def change(known: Keys) -> Any:
        mine = known.known.get(provider, {})
        if label in mine:
            mine[label] = _after(mine[label], Known("", "", now))
        return _as_data(known)

    if (state / NAME).exists():
        jsonfile.update(state / NAME, change, decode=_keys)


def forget(state: Path, provider: str, label: str) -> None:
    """Forget all of a key that is gone: its uses, its turn, its digest."""

    def change(known: Keys) -> Any:
        known.uses.get(provider, {}).pop(label, None)
        known.known.get(provider, {}).pop(label, None)
        if known.turns.get(provider) == label:
            del known.turns[provider]
        return _as_data(known)

    if (state / NAME).exists():
        jsonfile.update(state / NAME, change, decode=_keys)


def _after(old: Known | None, new: Known) -> Known:
    """Return what is known of a key once it is the new one."""
    if old is None or old.digest == new.digest:
        return old or new
    if not old.digest:  # nobody has seen the one in between
        return new._replace(past=old.past)
    return new._replace(past=(*old.past, Past(old.digest, old.mask, new.since))[-MOST_PAST:])


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
    turns = {name: label for name, label in known.turns.items() if name in uses}
    return {"uses": uses, "turns": turns, "known": _known_data(known)}


def _known_data(known: Keys) -> dict[str, Any]:
    """Return what is stored of what is known: of the keys that came last."""
    lines = [(p, label, key) for p, mine in known.known.items() for label, key in mine.items()]
    data: dict[str, Any] = {}
    for provider, label, key in sorted(sorted(lines, key=lambda line: -line[2].since)[:MOST_KEYS]):
        past = [before._asdict() for before in key.past]
        data.setdefault(provider, {})[label] = key._asdict() | {"past": past}
    return data


def _keys(data: Any) -> Keys:
    known = shape.fields({} if data is None else data, _SECTIONS)
    return Keys(known.get("uses", {}), known.get("turns", {}), known.get("known", {}))


def _uses(value: Any) -> dict[str, dict[str, Use]]:
    return {
        provider: {label: Use(**shape.fields(use, _USE)) for label, use in shape.mapping(uses).items()}
        for provider, uses in shape.mapping(value).items()
    }


def _turns(value: Any) -> dict[str, str]:
    return {name: shape.text(label) for name, label in shape.mapping(value).items()}


def _known(value: Any) -> dict[str, dict[str, Known]]:
    return {
        provider: {label: Known(**shape.fields(key, _KNOWN)) for label, key in shape.mapping(mine).items()}
        for provider, mine in shape.mapping(value).items()
    }


def _past(value: Any) -> tuple[Past, ...]:
    return tuple(Past(**before) for before in shape.listed(lambda each: shape.fields(each, _PAST))(value))


_USE: dict[str, Callable[[Any], Any]] = {"times": shape.whole, "last_used": shape.instant}
_PAST: dict[str, Callable[[Any], Any]] = {"digest": shape.text, "mask": shape.text, "until": shape.instant}
_KNOWN: dict[str, Callable[[Any], Any]] = {
    "digest": shape.text,
    "mask": shape.text,
    "since": shape.instant,
    "past": _past,
}
_SECTIONS: dict[str, Callable[[Any], Any]] = {"uses": _uses, "turns": _turns, "known": _known}
