"""What was decided about providers that become one: nothing of it is loosened, nothing lost in silence.

Where both ids of a model were decided about, their policies are joined field by field, and the stricter word
holds. An inactive provider that goes keeps its decision to itself: nobody is shut because a double was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce

from llmpool.core.policy import Policy
from llmpool.pricing.lookup import Own
from llmpool.setup import targets

_STRICTER = {None: 0, "active": 1, "flagged": 2, "inactive": 3}
_Parts = dict[str, list[tuple[str, Policy]]]


def joined(known: Mapping[str, Policy], names: Mapping[str, str]) -> dict[str, Policy]:
    """Return the policies when the providers of *names* have become those they are mapped to."""
    return {
        target: reduce(_join, (each for _, each in parts)) for target, parts in _parts(known, names).items()
    }


def told(known: Mapping[str, Policy], names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """List the policies that move, and what of the old ones does not hold any more."""
    after = joined(known, names)
    moved, dropped = [], []
    for target, parts in _parts(known, names).items():
        together = f": {_said(after[target])}" if len(parts) > 1 else ""
        moved += [f"policy {old} -> {target}{together}" for old, _ in parts if old != target]
        dropped += [f"policy of {old}: {_said(each)}" for old, each in parts if _loses(each, after[target])]
    left = (name for name in known if name in names and not _renamed(name, known[name], names))
    return moved, dropped + [f"policy of {name}: {_said(known[name])}" for name in left]


def priced(own: Own, names: Mapping[str, str]) -> Own:
    """Return the owner's prices when the providers of *names* have become those they are mapped to."""
    custom = {key: each for key, each in own.custom.items() if not _repriced(key, names)}
    for key, each in own.custom.items():
        if new := _repriced(key, names):
            custom.setdefault(new, each)
    return own._replace(custom=custom)


def told_prices(own: Own, names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """List the prices that move, and those of ids whose new name has another price."""
    after = priced(own, names).custom
    renamed = {key: new for key in own.custom if (new := _repriced(key, names))}
    moved = [f"price {key} -> {new}" for key, new in renamed.items() if after[new] is own.custom[key]]
    lost = [key for key, new in renamed.items() if after[new] is not own.custom[key]]
    return moved, [f"price of {key}; {renamed[key]} has one" for key in lost]


def _repriced(key: str, names: Mapping[str, str]) -> str:
    """Return the new name of what has a price, `provider/model` or `provider:model`; empty for its own."""
    head = re.split("[/:]", key, maxsplit=1)[0]
    return names[head] + key[len(head) :] if head in names and head != key else ""


def _parts(known: Mapping[str, Policy], names: Mapping[str, str]) -> _Parts:
    """Group policies by the id they will have; that of the id itself comes first."""
    renamed = {target: _renamed(target, each, names) for target, each in known.items()}
    parts = {target: [(target, each)] for target, each in known.items() if not renamed[target]}
    for target, new in renamed.items():
        if new:
            parts.setdefault(targets.spelled(new, parts), []).append((target, known[target]))
    return parts


def _renamed(target: str, decided: Policy, names: Mapping[str, str]) -> str:
    """Return the new id of a decided target; empty when it keeps its own."""
    provider, slash, model = target.partition("/")
    if provider not in names or (not slash and decided.effective_state == "inactive"):
        return ""
    return f"{names[provider]}{slash}{model}"


def _join(one: Policy, other: Policy) -> Policy:
    """Join two policies field by field; the reason is that of the stricter one, where it has any."""
    first, second = (one, other) if _bars(one) >= _bars(other) else (other, one)
    said = [each.routable for each in (one, other) if each.routable is not None]
    return Policy(
        state=max(first.state, second.state, key=_STRICTER.__getitem__),
        routable=min(said, default=None),
        reason=first.reason or second.reason,
        updated_at=max(one.updated_at, other.updated_at),
    )


def _bars(policy: Policy) -> tuple[bool, bool, int]:
    """Rank policies by how much they keep back."""
    return policy.state == "inactive", policy.routable is False, _STRICTER[policy.state]


def _loses(policy: Policy, after: Policy) -> bool:
    """Whether a policy said something that *after* does not say."""
    fields = ("state", "routable", "reason")
    return any(getattr(policy, name) not in (None, "", getattr(after, name)) for name in fields)


def _said(policy: Policy) -> str:
    """Say what a policy decides in a few words."""
    routable = {True: "routable", False: "not routable", None: ""}[policy.routable]
    words = ", ".join(filter(None, (policy.state, routable)))
    return f"{words} ({policy.reason})" if policy.reason else words
