"""The error of a request that nobody may answer: who was rejected and why, and the way out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmpool import budgets
from llmpool.core.ids import split_ref
from llmpool.core.text import few
from llmpool.core.trial import OVER
from llmpool.core.word import word
from llmpool.errors import LlmpoolError, NoCredential, NothingEligible, Refused
from llmpool.router import away, caps, obstacle
from llmpool.router.eligible import TOO_SMALL

if TYPE_CHECKING:
    from llmpool.core.routing import Decision, Rejection
    from llmpool.pool import Pool

SHOWN = 12  # lines of reasons that a person is shown; --json has them all
NAMED = 3  # deployments that one sentence names


def nothing_eligible(pool: Pool, decision: Decision) -> LlmpoolError:
    """Build the error of a request nobody may answer: who was rejected, grouped by the same reasons.

    It is one about credentials when a missing key is all that stands in the way of somebody.
    """
    rejections = [rejection.as_json() for rejection in decision.rejections]
    grouped = _grouped(pool, decision)
    lines, details = (*_sighted(pool, decision), *_lines(grouped)), {"rejections": rejections}
    message = _message(decision, lines)
    alone = [r.reasons[0] for r in decision.rejections if len(r.reasons) == 1]
    if "offline" in alone:
        return Refused(message, hint="run it without --offline", lines=lines, details=details)
    forbidden = {r.deployment: "; ".join(r.reasons) for r in decision.rejections if caps.is_forbidden(r)}
    if forbidden:
        tag, worst = str(dict(decision.options).get("tag", "")), caps.least(decision, pool.table.rows)
        return budgets.refusal(pool, forbidden, tag, details, lines=lines, worst=worst)
    if any(reason.startswith(OVER) for reason in alone):
        from llmpool.state import trial

        way_out = trial.way_out(pool.paths.state, pool.clock())
        return Refused(message, hint=way_out, lines=lines, details=details)
    barred = (r for r in decision.rejections if len(r.reasons) == 1 and r.reasons[0].startswith("no key: "))
    keyless = next(barred, None)
    if keyless:
        hint = _way_to_a_key(keyless.deployment, keyless.reasons[0].removeprefix("no key: "))
        return NoCredential(message, hint=hint, lines=lines, details=details)
    message, hint = _too_long(pool, decision) or _blind(decision) or (message, _way_out(grouped))
    return NothingEligible(message, hint=hint, lines=lines, details=details)


def _way_to_a_key(ref: str, fact: str) -> str:
    """Return what brings a provider the key that it lacks: a variable, a login, or a look at it."""
    owner = ref.partition("/")[0]
    if fact.endswith(" is not set"):
        return f"export {fact.partition(' ')[0]}=..., or: llmpool providers list"
    return f"llmpool providers {'login' if 'logged in' in fact else 'show'} {owner}"


def _message(decision: Decision, lines: tuple[str, ...]) -> str:
    options = dict(decision.options)
    emptied = next((note for note in decision.notes if f"group {options.get('group')} " in note), "")
    if emptied:
        return f"{emptied}; nothing was sent"
    if not lines:
        return "no model is known yet; nothing was sent"
    if options.get("local_only") or decision.mode == "local":
        return "nothing local can answer; nothing was sent"
    return "nothing may answer this; nothing was sent"


def _grouped(pool: Pool, decision: Decision) -> dict[str, list[str]]:
    """Gather the deployments that are rejected for the same reasons, these in words for a person."""
    from llmpool.decide import largest

    named = {r.deployment for r in decision.rejections} if decision.requested else set()
    room = largest(pool, [row for row in pool.table.rows if row.id in named])
    apart = {rejection.deployment for rejection in _seeing(pool, decision)}
    alike: dict[tuple[str, ...], list[Rejection]] = {}
    forced = away.is_forced(os.environ)
    for rejection in decision.rejections:
        if rejection.deployment not in apart:
            figures = _figures(rejection.window, room.get(rejection.deployment, 0)) if named else TOO_SMALL
            words = away.told(rejection, pool.routing, forced=forced)
            reasons = (figures if each == TOO_SMALL else each for each in words)
            alike.setdefault(tuple(reasons), []).append(rejection)
    return {_worded(reasons, same): [r.deployment for r in same] for reasons, same in alike.items()}


def _worded(reasons: tuple[str, ...], same: list[Rejection]) -> str:
    """Write the reasons that several share, with the largest of the windows that are too small."""
    best = max(same, key=lambda rejection: rejection.window)
    return obstacle.in_figures(reasons, best.needed, best.window, several=len(same) > 1)


def _seeing(pool: Pool, decision: Decision) -> list[Rejection]:
    return obstacle.sighted(decision, pool.table) if "images" in decision.needs else []


def _sighted(pool: Pool, decision: Decision) -> tuple[str, ...]:
    """Show those that see pictures one by one, each with what else keeps it (catalog-registry-router 5.7)."""
    forced = away.is_forced(os.environ)
    told = ((r, away.told(r, pool.routing, forced=forced)) for r in _seeing(pool, decision))
    return tuple(f"{r.deployment} sees: {'; '.join(reasons)}" for r, reasons in told)


def _figures(window: int, most: int) -> str:
    """Tell a window that is too small now from one that is too small at its largest (5.4)."""
    return f"its window of {window} tokens is too small" + (
        f", and so is its largest, {most}" if most else ""
    )


def _lines(grouped: dict[str, list[str]]) -> tuple[str, ...]:
    width = max((len(ids[0]) for ids in grouped.values()), default=0)
    return tuple(
        f"{ids[0] if len(ids) == 1 else f'{len(ids)} deployments':{width}}   {reason}"
        for reason, ids in list(grouped.items())[:SHOWN]
    )


def _too_long(pool: Pool, decision: Decision) -> tuple[str, str] | None:
    """Explain a request that is larger than every window that could have taken it (13.2)."""
    from llmpool.decide import largest

    tight = obstacle.tight(decision)
    rows = [row for row in pool.table.rows if row.id in tight]
    room, windows = largest(pool, rows), {row.id: row.window for row in rows}
    short = obstacle.shortfall(decision, windows | room if decision.requested else windows)
    if short is None:
        return None
    message = (
        f"the request needs {short.needed} tokens of context; the largest window there is for it, that of "
        f"{short.deployment}, has {short.window}; nothing was sent"
    )
    hint = "use a larger-context model, fewer tools or a shorter prompt"
    if dict(decision.options).get("continues"):
        hint += ", or begin a new conversation"
    by_name = min((name for name in room if room[name] >= short.needed), default="")
    if by_name and not decision.requested:
        hint = f"asked for by name, {by_name} is loaded with more: -m {by_name}    or {hint}"
    return message, hint


def _blind(decision: Decision) -> tuple[str, str] | None:
    """Explain a request whose pictures nobody who is left can see (13.3); text alone is never sent."""
    names = obstacle.text_only(decision)
    if not names:
        return None
    message = f"nothing that sees pictures may answer; {few(names, NAMED)} can only read"
    probe = f"llmpool models probe -m {word(names[0])} --capabilities"
    return message, f"does it see? {probe}   or set: --supports images=yes"


def _way_out(grouped: dict[str, list[str]]) -> str:
    """Name the one command that lets somebody answer, where all wait for the same."""
    if not grouped:
        return "run: llmpool refresh"
    ways = {_command(reason, ids[0]) for reason, ids in grouped.items()} - {""}
    return ways.pop() if len(ways) == 1 else "loosen a requirement, or: llmpool models list"


def _command(reason: str, deployment: str) -> str:
    provider = split_ref(deployment)[0]
    commands = {
        "provider disabled": f"llmpool providers enable {provider}",
        "provider inactive": f"llmpool policy clear {provider}",
        "not listed since": "llmpool refresh",
    }
    return next((command for begins, command in commands.items() if reason.startswith(begins)), "")
