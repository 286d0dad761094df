"""Budgets in the config: how they stand, and changes that keep its comments."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from itertools import chain, count
from typing import Any, NamedTuple

from llmpool.budgets import budgets, document, standings, unpriced
from llmpool.core.config import Budget
from llmpool.core.ids import is_provider_id, split_ref
from llmpool.core.money import usd
from llmpool.core.near import meant, near
from llmpool.core.text import few
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.setup import configfile
from llmpool.usage import budgets as rules
from llmpool.usage.budgets import Standing

NEAR = Decimal("0.8")  # the part of a limit from which each answer says how it stands
NAMES = {"day": "daily", "week": "weekly", "month": "monthly", "total": "total"}
_AMOUNT = re.compile(r"\$?([0-9]{1,12}(?:\.[0-9]{1,12})?)(?:\s*/\s*([a-z]+))?")
_WHEN = {"day": "Today", "week": "This week", "month": "This month", "total": "In all"}


class Wish(NamedTuple):
    """What a budget is to be; what is not said stays as it is, or is as the config has it by default."""

    amount: str
    scope: str = ""
    tag: str = ""
    on_exceed: str = ""
    name: str = ""
    unpriced: str = ""


def survey(pool: Pool, name: str = "") -> list[Standing]:
    """Tell how all budgets stand, or the one of this name; raises UnknownName."""
    found = standings(pool)
    return [each for each in found if each.budget.name == _known(pool, name)] if name else found


def save(pool: Pool, wish: Wish) -> Standing:
    """Make a budget, or change the one over the same; raises Misuse, UnknownName."""
    from llmpool.config import edit

    limit, said = _amount(wish.amount)
    known = {budget.name: budget for budget in budgets(pool)}
    per = said or (known[wish.name].per if wish.name in known else "month")
    scope = _scope(pool, wish.scope or "*")
    name = wish.name or _name(pool, per, scope, wish.tag)
    if not is_provider_id(name):
        raise Misuse(f"{name!r} cannot name a budget", hint="letters, digits, - and _")
    _one_of(wish.on_exceed, ("", "deny", "local", "warn"), "--on-exceed")
    _one_of(wish.unpriced, ("", "allow", "deny"), "--unpriced")
    fields: dict[str, Any] = {"limit": limit, "per": per}
    if name not in known or wish.scope:
        fields["scope"] = scope if scope != "*" or name in known else None
    fields |= {key: value for key, value in (("tag", wish.tag), ("on_exceed", wish.on_exceed)) if value}

    def changed(text: str) -> str:
        text = edit.with_table(text, ("budgets", name), fields)
        return edit.with_value(text, ("policy", "unpriced"), wish.unpriced) if wish.unpriced else text

    configfile.change(pool, changed)
    return survey(pool, name)[0]


def clear(pool: Pool, names: list[str]) -> None:
    """Take budgets out of the config; raises UnknownName for one that is not there, and changes nothing."""
    from llmpool.config import edit

    known = [_known(pool, name) for name in names]

    def changed(text: str) -> str:
        for name in known:
            text = edit.without(text, ("budgets", name))
        return text

    configfile.change(pool, changed)


def names(pool: Pool) -> list[str]:
    """Name the budgets of the config."""
    return [budget.name for budget in budgets(pool)]


def known(pool: Pool, wanted: list[str]) -> list[str]:
    """Return the budgets of these names; raises UnknownName with the nearest, or all there are."""
    return [_known(pool, name) for name in wanted]


def notes(pool: Pool, saved: Standing) -> list[str]:
    """Say what a budget refuses besides what is too dear, and what it is over that is not there."""
    from llmpool.router.caps import is_unpriced

    budget, found = saved.budget, []
    over = [row for row in pool.table.rows if rules.is_over(budget, row.id)]
    if not over:
        found.append(f"nothing is over {budget.scope} now; calls count once there is")
    nameless = [row.id for row in over if is_unpriced(row)]
    if nameless and budget.on_exceed != "warn" and unpriced(pool) != "allow":
        has = "has no price, so it is" if len(nameless) == 1 else "have no price, so they are"
        found.append(f"{few(nameless, 1)} {has} refused while a cap holds.  lift: --unpriced allow")
    return found


def about(budget: Budget) -> str:
    """Say in words what a budget is over."""
    kind = "everything" if budget.scope == "*" else budget.scope
    return f'{kind} with the tag "{budget.tag}"' if budget.tag else kind


def begins(saved: Standing) -> str:
    """Say since when a budget counts, in local time and with its zone."""
    if not saved.since:
        return "from the first record on"
    moment = time.localtime(saved.since)
    form = "%H:%M" if saved.budget.per == "day" else "%a %d %b"
    return f"from {time.strftime(form, moment)} {zone(moment)}"


def zone(moment: time.struct_time) -> str:
    """Name the local time zone as a person knows it: by its place, else by its letters."""
    import os
    from pathlib import Path

    named = os.environ.get("TZ", "").lstrip(":")
    if not named:
        try:
            named = str(Path("/etc/localtime").readlink()).partition("zoneinfo/")[2]
        except OSError:
            named = ""
    return named if re.fullmatch(r"[A-Za-z]+(/[A-Za-z_+-]+)+", named) else moment.tm_zone


def nearly_spent(pool: Pool, deployment: str, key: str, tag: str) -> list[Standing]:
    """Return the budgets over a call of which four fifths are spent, or more."""
    found = [each for each in standings(pool) if rules.covers(each.budget, deployment, key, tag)]
    return [each for each in found if each.share >= NEAR]


def told(pool: Pool, stands: Standing) -> str:
    """Say in one line how a budget stands."""
    figures = f"{rules.fact(stands)} ({percent(stands)})"
    return f"budget {stands.budget.name}: {figures}, {rules.reset(stands, pool.clock())}"


def percent(stands: Standing) -> str:
    """Write the part of a limit that is spent; all of it only where it is."""
    share = stands.share
    return f"{min(99, int(share * 100)) if share < 1 else int(share * 100)} %"


def budgets_line(pool: Pool) -> str | None:
    """Tell in one line how all budgets stand; None where there are none."""
    found = [
        f"{_WHEN[each.budget.per]} {usd(each.spent)} of {usd(each.limit)} ({_about(each.budget)})"
        for each in standings(pool)
    ]
    return ".  ".join(found) or None


def budgets_json(pool: Pool) -> list[dict[str, Any]]:
    """Show how all budgets stand, as `--json` has it."""
    return [document(each) for each in standings(pool)]


def _about(budget: Budget) -> str:
    return budget.name if budget.scope == "*" and not budget.tag else f"{budget.name}, {about(budget)}"


def _amount(text: str) -> tuple[str, str]:
    """Read `5/day` as an amount and a period, which may be left out; raises Misuse."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    per = (
        {"daily": "day", "weekly": "week", "monthly": "month"}.get(found[2] or "", found[2]) if found else ""
    )
    if found is None:
        raise Misuse(
            f"{text!r} is no budget", hint="an amount in USD and a period: 5/day, 20/month, 100/total"
        )
    per = per or ""
    _one_of(per, ("", *NAMES), "the period")
    return found[1], per


def _scope(pool: Pool, scope: str) -> str:
    """Return the id that a scope means; raises UnknownName where nothing is called so."""
    from llmpool.registry import resolve

    scope = "*" if scope in ("all", "everything") else scope
    provider, _, label = scope.partition(":")
    entry = next((each for each in pool.routing["providers"] if each["id"] == provider), None)
    if scope == "*" or (entry and not label):
        return scope
    if entry and label:
        return _key(entry, scope, label)
    if "/" in scope and any(each["id"] == split_ref(scope)[0] for each in pool.routing["providers"]):
        return pool.table.aliases.get(scope, scope)
    rows = resolve.find(scope, pool.table)
    if len(rows) != 1:
        raise UnknownName(
            f"{scope} is no provider, deployment or key"
            if not rows
            else f"{len(rows)} deployments are {scope}",
            hint="a provider, provider/model, or provider:key; see llmpool providers list, models list",
            details={"candidates": [row.id for row in rows]},
        )
    return rows[0].id


def _key(entry: dict[str, Any], scope: str, label: str) -> str:
    labels = [key["label"] for key in entry["keys"]] or list(entry["key_env"])
    if label not in labels:
        raise UnknownName(
            f'{entry["id"]} has no key "{label}"',
            hint=f"its keys: {', '.join(labels) or 'none'}",
            details={"candidates": labels},
        )
    return scope


def _name(pool: Pool, per: str, scope: str, tag: str) -> str:
    """Name a budget after what it is over, or take the name of the one that is over the same already.

    One that is over something else keeps its name: `den:8b` and `den-8b` read the same in one, and so do a
    tag and a provider of one name. Who asks for a second limit has not given up the first.
    """
    known = budgets(pool)
    for budget in known:
        if (budget.per, budget.scope, budget.tag or "") == (per, scope, tag):
            return budget.name
    about = "" if scope == "*" else re.sub(r"[^A-Za-z0-9_-]+", "-", scope).strip("-")
    parts = filter(None, (re.sub(r"[^A-Za-z0-9_-]+", "-", tag).strip("-"), about, NAMES[per]))
    name = "-".join(parts)[:120]
    taken = {budget.name for budget in known}
    return next(each for each in chain([name], (f"{name}-{n}" for n in count(2))) if each not in taken)


def _known(pool: Pool, name: str) -> str:
    there = names(pool)
    if name in there:
        return name
    close = near(name, there)
    hint = meant(close, f"configured: {', '.join(there) or 'none'}")
    raise UnknownName(f'no budget "{name}"', hint=hint, details={"candidates": close})


def _one_of(value: str, allowed: tuple[str, ...], what: str) -> None:
    if value not in allowed:
        raise Misuse(f"{what} {value!r} is not known", hint=f"one of: {', '.join(filter(None, allowed))}")
