"""Groups in the config: who is in them, and changes that keep its comments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmpool.core.config import Group
from llmpool.core.ids import is_provider_id
from llmpool.core.near import meant, near
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.router import groups
from llmpool.setup import configfile


class Membership(NamedTuple):
    """A group with its deployments, what it counts on and does not find, and the profiles that use it."""

    group: Group
    members: tuple[str, ...]
    missing: tuple[str, ...]
    profiles: tuple[str, ...]


class Wish(NamedTuple):
    """What is said of one list of a group: *given* replaces it, *every* takes it away, which means all."""

    given: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    fewer: tuple[str, ...] = ()
    every: bool = False


def survey(pool: Pool, name: str = "") -> list[Membership]:
    """List all groups, or the one of this name; raises UnknownName."""
    facts = pool.facts() if pool.table.groups else None
    wanted = [one(pool, name)] if name else pool.table.groups
    return [
        Membership(
            group=group,
            members=tuple(row.id for row in groups.members(group, pool.table)),
            missing=tuple(groups.missing(group, pool.table, facts)) if facts else (),
            profiles=tuple(p.name for p in pool.table.profiles if p.group == group.name),
        )
        for group in wanted
    ]


def save(pool: Pool, name: str, providers: Wish, models: Wish) -> Membership:
    """Make a group, or change the lists of one that exists; raises Misuse, UnknownName."""
    from llmpool.config import edit

    if name not in [group.name for group in pool.table.groups] and not is_provider_id(name):
        raise Misuse(f"{name!r} cannot name a group", hint="letters, digits, - and _")
    if providers == models == Wish():
        raise Misuse(f"nothing is said of {name}", hint="llmpool policy group set -h")
    for kind, wish in (("provider", providers), ("model", models)):
        if wish.every and wish != Wish(every=True):
            raise Misuse(f"--all-{kind}s goes with no other --{kind}", hint="leave one of them out")
    for ref in (*providers.given, *providers.more):
        pool.provider(ref)

    def listed(text: str) -> str:
        known = {group.name: group for group in configfile.parsed(pool, text).groups}
        group, new = known.get(name) or Group(name=name), name not in known
        fields = {
            "providers": _list("provider", group.providers, name, providers, new=new),
            "models": _list("model", group.models, name, models, new=new),
        }
        return edit.with_table(text, ("groups", name), fields)

    configfile.change(pool, listed)
    return survey(pool, name)[0]


def removable(pool: Pool, name: str) -> None:
    """Raise UnknownName for no group, and Misuse while a profile stays in it."""
    users = survey(pool, name)[0].profiles
    if users:
        raise Misuse(
            f"the profile {users[0]} stays in group {name}, and would no longer",
            hint=f"first: llmpool config unset profiles.{users[0]}.group",
            lines=tuple(f"so does the profile {each}" for each in users[1:]),
        )


def remove(pool: Pool, name: str) -> None:
    """Take a group out of the config; raises UnknownName, Misuse."""
    from llmpool.config import edit

    removable(pool, name)
    configfile.change(pool, lambda text: edit.without(text, ("groups", name)))


def one(pool: Pool, name: str) -> Group:
    """Find a group by its name; raises UnknownName with the nearest, or all there are."""
    known = {group.name: group for group in pool.table.groups}
    if name in known:
        return known[name]
    close = near(name, known)
    hint = meant(close, f"configured: {', '.join(known) or 'none'}")
    raise UnknownName(f'no group "{name}"', hint=hint, details={"candidates": close})


def _list(kind: str, before: tuple[str, ...] | None, name: str, wish: Wish, *, new: bool) -> list[str] | None:
    """Return what a list becomes; None is no list, which means all."""
    if wish.every:
        return None
    _check_fewer(kind, name, before, wish)
    if before is None and not wish.given:
        if wish.more and not new:
            raise Misuse(
                f"every {kind} is in group {name} already",
                hint=f"only {wish.more[0]}: --{kind} {wish.more[0]}",
            )
        return list(wish.more) or None
    kept = [each for each in wish.given or before or () if each not in wish.fewer]
    after = list(dict.fromkeys([*kept, *wish.more]))
    if not after:
        raise Misuse(
            f"without its last {kind}, group {name} would have no deployment",
            hint=f"all of them: --all-{kind}s    or: llmpool policy group remove {name}",
        )
    return after


def _check_fewer(kind: str, name: str, before: Iterable[str] | None, wish: Wish) -> None:
    """Refuse to drop what is not in a list, for its deployments would stay in the group."""
    there = [*(wish.given or before or ()), *wish.more]
    for each in wish.fewer:
        if each not in there:
            listed = ", ".join(there) or f"none; every {kind} belongs to it"
            raise Misuse(f"{each} is not in the list of {kind}s of {name}", hint=f"it has: {listed}")
