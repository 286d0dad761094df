"""Decide about providers and deployments: what a command would change, then the one change it is.

A plan is made of what is on disk, shown, and carried out on what is on disk by then: decisions that others
made meanwhile about other targets are never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmpool.core.near import meant, near
from llmpool.core.policy import STATES, Policy, merged
from llmpool.core.text import one_line
from llmpool.core.times import rfc3339
from llmpool.errors import AmbiguousName, Busy, Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.setup import targets
from llmpool.state import policy

Policies = dict[str, Policy]


class Wish(NamedTuple):
    """What the owner says of a target; None is not said, an empty reason takes the old one away."""

    state: str | None = None
    routable: bool | None = None
    reason: str | None = None


class Change(NamedTuple):
    """What becomes of one policy; None is no policy."""

    target: str
    before: Policy | None
    after: Policy | None


class Plan(NamedTuple):
    """What a command would change, target by target, and how; *broad* plans are shown before they run."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    broad: bool
    change: Callable[[Policies], Policies]

    @property
    def moved(self) -> tuple[Change, ...]:
        """The changes that decide something else than before."""
        return tuple(c for c in self.changes if (c.after or Policy()) != (c.before or Policy()))


def plan_set(pool: Pool, refs: list[str], wish: Wish, *, force: bool = False) -> Plan:
    """Plan to lay *wish* over the policies of all that *refs* mean, names or patterns, field by field."""
    wish = _checked(wish)
    at = rfc3339(pool.clock())
    before = policy.read(pool.paths.state)
    found, notes = _meant(pool, refs, before, force=force)

    def lay(policies: Policies) -> Policies:
        return policies | {name: _laid(name, policies.get(name), wish, at) for name in found}

    after = lay(before)
    changes = tuple(Change(name, before.get(name), after[name]) for name in found)
    broad = len(found) > 1 and any(map(targets.is_pattern, refs))
    return Plan(changes, (*notes, *_beaten(changes, wish)), broad, lay)


def plan_clear(pool: Pool, refs: list[str], *, every: bool = False) -> Plan:
    """Plan to drop the policies of all that *refs* mean, there or gone; *every* means all policies."""
    if bool(refs) == every:
        raise Misuse("say which targets, or --all", hint="see what is decided: llmpool policy")
    before = policy.read(pool.paths.state)
    found = dict.fromkeys(before if every else ())
    notes = [] if before or refs else ["nothing is decided about anything"]
    for ref in refs:
        if targets.is_pattern(ref):
            found |= dict.fromkeys(targets.matching(ref, before, see="llmpool policy"))
        elif (name := _decided(pool, ref, before)) in before:
            found[name] = None
        else:
            notes.append(f"nothing is decided about {name}")
    broad = len(found) > 1 and (every or any(map(targets.is_pattern, refs)))

    def drop(policies: Policies) -> Policies:
        return {name: kept for name, kept in policies.items() if name not in found}

    return Plan(tuple(Change(name, before[name], None) for name in found), tuple(notes), broad, drop)


def plan_replace(pool: Pool, wanted: Mapping[str, Policy]) -> Plan:
    """Plan to put *wanted* in the place of all policies; times are kept where the decision is the same."""
    before, at = policy.read(pool.paths.state), rfc3339(pool.clock())
    after = {name: _timed(each, before.get(name), at) for name, each in sorted(wanted.items())}

    def replace(policies: Policies) -> Policies:
        if policies != before:
            raise Busy(
                "another process has changed the policies meanwhile; nothing was done",
                hint="look at the difference again: --dry-run",
            )
        return after

    names = sorted(before.keys() | after.keys())
    changes = tuple(Change(name, before.get(name), after.get(name)) for name in names)
    absent = [name for name in after if not targets.is_there(pool, name)]
    notes = (f"not there now, to hold when they are: {', '.join(absent)}",) if absent else ()
    moved = any(c.before != c.after for c in changes)
    return Plan(changes, notes, moved, replace)


def carry_out(pool: Pool, plan: Plan) -> Plan:
    """Carry out a plan as one change; returns it with what the policies have become."""
    after = policy.update(pool.paths.state, plan.change)
    pool.forget()
    return plan._replace(changes=tuple(c._replace(after=after.get(c.target)) for c in plan.changes))


def _checked(wish: Wish) -> Wish:
    """Check what is said; raises Misuse."""
    state = None if wish.state is None else wish.state.strip()
    if state is not None and state not in STATES:
        hint = meant(near(state, STATES), f"one of: {', '.join(STATES)}")
        raise Misuse(f"--state {state!r} is not known", hint=hint)
    if wish == Wish():
        raise Misuse("nothing is decided", hint="say --state, --routable or --no-routable, or --reason")
    return wish._replace(state=state, reason=None if wish.reason is None else one_line(wish.reason))


def _meant(pool: Pool, refs: list[str], decided: Policies, *, force: bool) -> tuple[list[str], list[str]]:
    """List what *refs* mean, each once, and notes about what is not there."""
    found: dict[str, None] = {}
    notes = []
    ids = targets.known(pool, decided) if any(map(targets.is_pattern, refs)) else []
    for ref in refs:
        if targets.is_pattern(ref):
            found |= dict.fromkeys(targets.matching(ref, ids))
        else:
            name, note = _named(pool, ref, decided, force=force)
            found[name] = None
            notes += [note] if note else []
    return list(found), notes


def _named(pool: Pool, ref: str, decided: Policies, *, force: bool) -> tuple[str, str]:
    """Return the id that *ref* means and a note; an unknown name can be insisted on."""
    try:
        return targets.one(pool, ref, decided, force=force)
    except AmbiguousName:
        raise
    except UnknownName as error:
        error.hint += "" if force else "    or as it is spelled: --force"
        raise


def _laid(name: str, before: Policy | None, wish: Wish, at: str) -> Policy:
    """Merge one policy; raises Misuse when it would decide nothing."""
    after = merged(before or Policy(), state=wish.state, routable=wish.routable, reason=wish.reason, at=at)
    if not after.decides:
        raise Misuse(
            f"nothing is decided about {name} that this could be the reason of",
            hint="say --state, or --routable or --no-routable, as well",
        )
    return after


def _beaten(changes: tuple[Change, ...], wish: Wish) -> list[str]:
    """Note where `--routable` does nothing, because what is inactive stays inactive (4.3)."""
    if not wish.routable:
        return []
    resting = [c.target for c in changes if c.after and c.after.effective_state == "inactive"]
    verb = "stays" if len(resting) == 1 else "stay"
    return [f"{', '.join(resting)} {verb} inactive; to lift that too: --state active"] if resting else []


def _decided(pool: Pool, ref: str, decided: Policies) -> str:
    """Return the id whose policy *ref* means; raises UnknownName, AmbiguousName."""
    try:
        return targets.one(pool, ref, decided)[0]
    except AmbiguousName:
        raise
    except UnknownName as error:
        close = near(ref, decided)
        hint = meant(close, "see what is decided: llmpool policy")
        raise UnknownName(error.message, hint=hint, details={"candidates": close}) from None


def _timed(wanted: Policy, before: Policy | None, at: str) -> Policy:
    """Give a policy of a file its time.

    The file's own, unless it is that of a decision which differs by now: whoever edits a file leaves the
    times as they are. One without a time keeps that of the same decision.
    """
    if wanted.same_as(before) and before is not None:
        return wanted.replace(updated_at=wanted.updated_at or before.updated_at)
    edited = before is not None and wanted.updated_at == before.updated_at
    return wanted.replace(updated_at=at if edited else wanted.updated_at or at)
