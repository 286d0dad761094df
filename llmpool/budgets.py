"""The owner's budgets as a run meets them: which there are, and what they leave for one decision."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from llmpool.core.config import Budget
from llmpool.core.ids import is_of_key
from llmpool.core.routing import LOCAL, Cap, Facts
from llmpool.core.times import rfc3339
from llmpool.errors import ConfigInvalid, Refused
from llmpool.pool import Pool
from llmpool.registry import readback

if TYPE_CHECKING:
    from decimal import Decimal

    from llmpool.state.budgets import Keeping
    from llmpool.usage.budgets import Short, Standing

DENY = "deny"


def budgets(pool: Pool) -> tuple[Budget, ...]:
    """Return the budgets of the config, their scopes by the ids that aliases mean."""
    aliases = pool.routing["aliases"]
    found = [Budget(**entry) for entry in pool.routing["budgets"]]
    return tuple(each.replace(scope=aliases.get(each.scope, each.scope)) for each in found)


def unpriced(pool: Pool) -> str:
    """Return what is decided about calls of unknown price: allow, deny, or nothing."""
    return str(pool.routing["unpriced"] or "")


def keeping(pool: Pool) -> Keeping:
    """Return whose budgets are kept where, as `state.budgets` wants it."""
    from llmpool.state.budgets import Keeping

    return Keeping(pool.paths.state, pool.paths.config, budgets(pool), pool.clock, pool.tell)


def standings(pool: Pool) -> list[Standing]:
    """Tell how each budget of the config stands now."""
    if not pool.routing["budgets"]:
        return []
    from llmpool.state import budgets as kept

    return kept.standings(keeping(pool))


def recount(pool: Pool) -> None:
    """Count what is spent anew, after records of earlier calls were added or priced again."""
    try:
        counted = bool(pool.routing["budgets"])
    except ConfigInvalid:
        return  # once it is mended it is another config, for which all is counted anew
    if counted:
        from llmpool.state import budgets as kept

        pool.owe("budgets not counted anew", lambda: kept.recount(keeping(pool)))


def world(pool: Pool) -> Facts:
    """Return the facts of a decision with what budgets leave, for whoever decides besides `decide.choose`."""
    bound = pool.routing["budgets"] or pool.routing["unpriced"] == DENY
    return with_caps(pool, pool.facts()) if bound else pool.facts()


def with_caps(pool: Pool, facts: Facts) -> Facts:
    """Add to the facts of a decision what the budgets that forbid leave now."""
    from llmpool.usage import budgets as rules

    now = pool.clock()
    providers = pool.routing["providers"]
    keys = {entry["id"]: readback.labels(entry, pool.env, pool.accounts) for entry in providers}
    found = [
        Cap(
            each.budget.name,
            each.budget.scope,
            each.budget.tag,
            each.budget.on_exceed == "local",
            each.left,
            f"{rules.fact(each)}, {rules.reset(each, now)}",
        )
        for each in standings(pool)
        if each.budget.on_exceed != "warn"
    ]
    return facts.replace(caps=tuple(_of_providers(found, keys)), unpriced=unpriced(pool))


def _of_providers(caps: list[Cap], keys: Mapping[str, list[str]]) -> list[Cap]:
    """Make caps of keys ones of their provider: only when none of its keys has more left do they bind it."""
    found = [cap for cap in caps if not is_of_key(cap.scope)]
    of_keys = [cap for cap in caps if is_of_key(cap.scope)]
    of_keys.sort(key=lambda cap: (cap.scope.partition(":")[0], cap.tag or ""))
    for (name, _), group in groupby(of_keys, key=lambda cap: (cap.scope.partition(":")[0], cap.tag)):
        held: dict[str, Cap] = {}
        for cap in sorted(group, key=lambda each: each.left, reverse=True):
            held[cap.scope.partition(":")[2]] = cap  # the tightest of each key comes last
        if set(keys.get(name) or held) <= set(held):
            found.append(max(held.values(), key=lambda each: each.left)._replace(scope=name))
    return found


def refusal(
    pool: Pool,
    told: Mapping[str, str],
    tag: str,
    details: dict[str, Any],
    *,
    lines: tuple[str, ...] = (),
    short: Short | None = None,
    worst: Decimal | None = None,
) -> Refused:
    """Build the error of a request that budgets alone keep from being sent, with the way out.

    *told* are deployments with what is said of each; the budget is that of *short*, where one was reserved
    from, else the tightest over any of them. *worst* is the least that the cheapest of them is reserved with;
    so is that of *short*.
    """
    from llmpool.router.caps import NO_PRICE
    from llmpool.usage import budgets as rules

    now = pool.clock()
    lines = lines if len(told) > 1 else ()
    nameless = next((ref for ref, words in told.items() if NO_PRICE in words), "")
    dear = [ref for ref, words in told.items() if NO_PRICE not in words]
    if nameless and not dear:
        return _nameless(nameless, told[nameless], lines, details)
    stands = [short.standing] if short else [each for each in standings(pool) if _binds(each, dear, tag)]
    if not stands:
        return Refused("the budgets leave nothing for this", lines=lines, details=details)
    first = min(stands, key=lambda each: (each.left, each.budget.name))
    details |= {
        "budgets": [document(each) for each in stands],
        "retry_at": None if first.resets is None else rfc3339(first.resets),
    }
    local = any(row.flags & LOCAL for row in pool.table.rows)
    ways = ["go on: --local-only"] if local else []
    least = short.worst if short else worst
    if least is not None:
        details["costs_at_least"] = format(least, "f")
    wanted = f"{rules.higher(first, least)}/{first.budget.per}"
    ways.append(f"raise it: llmpool policy budget set {wanted} --name {first.budget.name}")
    fact = rules.headline(first, least)
    message = f"{fact}; {rules.reset(first, now)} [budgets.{first.budget.name}]"
    return Refused(message, hint="   ".join(ways), lines=lines, details=details)


def document(stands: Standing) -> dict[str, Any]:
    """Show how a budget stands, as `--json` has it."""
    budget = stands.budget
    return {
        "name": budget.name,
        "limit": format(stands.limit, "f"),
        "per": budget.per,
        "scope": budget.scope,
        "tag": budget.tag,
        "on_exceed": budget.on_exceed,
        "spent": format(stands.spent, "f"),
        "reserved": format(stands.reserved, "f"),
        "left": format(stands.left, "f"),
        "since": rfc3339(stands.since) if stands.since else None,
        "resets_at": None if stands.resets is None else rfc3339(stands.resets),
    }


def _nameless(ref: str, words: str, lines: tuple[str, ...], details: dict[str, Any]) -> Refused:
    """Build the error of what has no price, and how it gets one."""
    name = words.partition(":")[0].removeprefix("budget ")
    why = 'unpriced = "deny" holds' if name == "rule unpriced" else f"budget {name} holds"
    from llmpool.core.word import word

    hint = (
        f"price it: llmpool usage prices set {word(ref)} --input 1.25 --output 10   "
        "or let it be: llmpool config set policy.unpriced allow"
    )
    return Refused(
        f"{ref} has no price, so it is refused while {why}", hint=hint, lines=lines, details=details
    )


def _binds(stands: Standing, refs: list[str], tag: str) -> bool:
    """Say whether a budget forbids, and is over any of these deployments with any key."""
    from llmpool.usage.budgets import is_over

    budget = stands.budget
    over = any(is_over(budget, ref) for ref in refs)
    return budget.on_exceed != "warn" and over and budget.tag in (None, tag)
