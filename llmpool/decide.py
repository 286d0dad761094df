"""From what was asked to who answers: resolve the reference, then route (DESIGN ruling 1, 3.1).

A request that names a model goes down a ladder until some deployment may answer: those that carry the name;
the same with the windows their servers could load; what matches loosely, where that was asked for.

Windows that grow, for whoever sends (`chat/prepare`): a local deployment that was asked for by name and whose
server could load it with the window the request needs (`registry.windows`) is not refused for the one it has
now. The decision selects it and `Decision.grows` says up to how many tokens; the rows of `pool.table` keep
the present window, so it must be loaded anew before it is asked. Where `grows` is 0 the selected one fits as
it is, or its owner's `context_window` is the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from llmpool.config.paths import from_home
from llmpool.core.config import MODES
from llmpool.core.ids import short_id, split_ref
from llmpool.core.routing import BUDGET, HARD, Decision, RouteRequest, RoutingRow, RoutingTable
from llmpool.core.text import few
from llmpool.core.times import rfc3339_ms
from llmpool.errors import NothingEligible, Refused, UnknownName
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.router import eligible, route
from llmpool.router.explain import SHOWN
from llmpool.router.lineup import BY_AFFINITY
from llmpool.router.route import Choice

INACTIVE = "provider inactive by policy"  # how the registry says that the owner bars a whole provider
NAMED = 3  # deployments that an error names
Heal = Callable[[RouteRequest], bool]  # looks around; says whether deciding once more is worth it


class Asked(NamedTuple):
    """A request with its profile applied, and the rows its model names (None: any).

    *typed* are the exclusions as they were written, *said* what else was asked for before the config filled
    it in; *loose* the ids that only resemble the name; *grows* the windows that some of the named could be
    loaded with.
    """

    request: RouteRequest
    named: list[RoutingRow] | None
    notes: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    said: tuple[tuple[str, object], ...] = ()
    loose: frozenset[str] = frozenset()
    grows: tuple[tuple[str, int], ...] = ()


def decide(
    pool: Pool,
    request: RouteRequest,
    *,
    profile: str = "",
    force: bool = False,
    detail: int = SHOWN,
    heal: Heal | None = None,
) -> Choice:
    """Understand *request*, then choose; see `understand` and `choose`.

    Where nobody carries the name, or nothing at all is eligible, *heal* may look around, and it is decided
    once more if that was of use; a second failure stays one.
    """
    wanted = _laid_out(pool, request, profile)
    try:
        choice = choose(pool, _resolved(pool, wanted, force=force), detail)
    except UnknownName:
        if heal is None or not heal(wanted.request):
            raise
    else:
        if heal is None or not _too_little_known(choice, wanted.request) or not heal(wanted.request):
            return choice
    return choose(pool, _resolved(pool, _laid_out(pool, request, profile), force=force), detail)


def choose(pool: Pool, asked: Asked, detail: int = SHOWN) -> Choice:
    """Choose a deployment; nothing is raised when nothing is eligible.

    The best *detail* candidates carry their rule hits, all of them with 0.
    """
    stamp = (short_id("d"), rfc3339_ms(pool.clock()))
    if asked.request.difficulty is None and pool.table.judges(asked.request.strategy):
        from llmpool import judging

        asked = asked._replace(request=judging.judged(asked.request))
    facts = pool.facts()
    if pool.routing["budgets"] or pool.routing["unpriced"] == "deny":
        from llmpool import budgets

        facts = budgets.with_caps(pool, facts)
    if asked.named and (asked.request.strategy or pool.table.routing.strategy) in BY_AFFINITY:
        facts = facts.replace(affinity=pool.affinity(row.id for row in asked.named))
    choice = route.route(asked.request, pool.table, facts, named=asked.named, stamp=stamp, detail=detail)
    decision = choice.decision
    grows = dict(asked.grows).get(decision.selected, 0)
    loads = f"; it is loaded with a larger window first, {grows} tokens at most" if grows else ""
    decision = decision.replace(
        reasoning=decision.reasoning + loads,
        notes=(*asked.notes, *_lifted(asked, decision), *decision.notes),
        options=_options(asked, decision),
        grows=grows,
    )
    return Choice(_with_resemblance(decision, asked), choice.plan)


def _lifted(asked: Asked, decision: Decision) -> list[str]:
    """Say it where only its name lets a deployment answer that its owner set inactive (ruling 19)."""
    chosen = next((row for row in asked.named or () if row.id == decision.selected), None)
    barred = chosen is not None and chosen.blocked.startswith(eligible.RESTS)
    return [f"{chosen.id} is {chosen.blocked}; it was asked for by name"] if chosen and barred else []


def _options(asked: Asked, decision: Decision) -> tuple[tuple[str, object], ...]:
    """Tell the options as they were written, so that a decision can be replayed."""
    request = asked.request
    written = dict(asked.said) | {"exclude": asked.typed, "loose": request.loose}
    told = dict(decision.options) | {name: value for name, value in written.items() if value}
    told |= {"stated": request.stated}
    if request.fallback is not None:
        told["fallback"] = request.fallback
    return tuple(told.items())


def _with_resemblance(decision: Decision, asked: Asked) -> Decision:
    """Say it where the selected one only resembles the name that was asked for (ruling 20)."""
    if decision.selected not in asked.loose:
        return decision
    carried = any(row.id not in asked.loose for row in asked.named or ())
    nobody = "nobody who carries" if carried else "nobody carries"
    answer = " may answer" if carried else ""
    note = f'{nobody} "{decision.requested}"{answer}; {decision.selected} resembles it'
    return decision.replace(loosely=True, notes=(note, *decision.notes))


def understand(pool: Pool, request: RouteRequest, *, profile: str = "", force: bool = False) -> Asked:
    """Apply the profile and the config's mode, resolve the model and every other name.

    Raises UnknownName for a name nobody carries, Refused where policy bars the providers of all who do.
    """
    return _resolved(pool, _laid_out(pool, request, profile), force=force)


def _laid_out(pool: Pool, request: RouteRequest, profile: str) -> Asked:
    """Lay profile, config and the words for a mode under the request; check every name but the model's."""
    table = pool.table
    if not table.providers:
        raise nothing_configured(pool)
    request = resolve.with_mode(request)
    if profile:
        from llmpool.router import profiles

        request = profiles.laid_under(request, table, profile)
    request = request.replace(model=request.model.strip())
    if request.model.lower() in MODES:
        request = request.replace(mode=request.mode or request.model.lower(), model="")
    said = (("strategy", request.strategy), ("mode", request.mode), ("profile", profile))
    request = request.replace(mode=request.mode or table.routing.mode)
    notes: tuple[str, ...] = ()
    if request.local_only and request.mode == "cloud":
        request, notes = request.replace(mode="local"), ("--local-only holds, so mode cloud does not",)
    _check_group(request, table)
    typed = request.exclude
    if typed or request.prefer:
        request = request.replace(
            exclude=tuple(dict.fromkeys(ref for given in typed for ref in resolve.meant(given, table))),
            prefer=next(iter(resolve.meant(request.prefer, table)), "") if request.prefer else "",
        )
    return Asked(request, None, notes, typed, said)


def _resolved(pool: Pool, asked: Asked, *, force: bool) -> Asked:
    """Find the rows that the model names: the first rung of the ladder on which one may answer."""
    if not asked.request.model:
        return asked
    asked = _carriers(pool, asked._replace(said=(*asked.said, ("force", force))), force=force)
    if asked.named and _may_answer(pool, asked):
        return asked
    for wider in (_grown(pool, asked), _loosened(pool, asked)):
        if wider is not None and (not asked.named or _may_answer(pool, wider)):
            return wider
    if not asked.named:
        raise _unknown(pool, asked.request.model)
    _refuse_inactive(asked)
    return asked


def _carriers(pool: Pool, asked: Asked, *, force: bool) -> Asked:
    """Take the rows that carry the name, or the model that may be called as it stands; none is no error."""
    rows = resolve.find(asked.request.model, pool.table)
    if rows:
        gone = _gone(pool, asked.request.model)
        return asked._replace(named=eligible.sharing_a_name(rows), notes=(*asked.notes, *gone))
    unlisted = _unlisted(pool, asked.request.model, force=force)
    if unlisted is None:
        return asked._replace(named=[])
    row, note = unlisted
    return asked._replace(named=[row], notes=(*asked.notes, note))


def _gone(pool: Pool, ref: str) -> tuple[str, ...]:
    if not pool.routing["dead"]:
        return ()
    from llmpool.registry.dead import notes_on

    return notes_on(ref, pool.routing["dead"])


def _may_answer(pool: Pool, asked: Asked) -> bool:
    return bool(eligible.check(asked.named or [], asked.request, pool.table, pool.facts(), named=True).rows)


def _grown(pool: Pool, asked: Asked) -> Asked | None:
    """Give the named rows the windows that their servers could load, where the present ones are too small."""
    rows, size = asked.named or [], eligible.takes(asked.request)
    room = largest(pool, [row for row in rows if 0 < row.window < size])
    if not any(most >= size for most in room.values()):
        return None
    grown = [row._replace(window=room.get(row.id, row.window)) for row in rows]
    return asked._replace(named=grown, grows=tuple(room.items()))


def largest(pool: Pool, rows: Iterable[RoutingRow]) -> dict[str, int]:
    """Return the windows that local servers could load *rows* with, where that is more than they have."""
    rows = list(rows)
    if not rows:
        return {}
    from llmpool.formats.loading_windows import GROWING
    from llmpool.registry import windows

    growing = {
        provider for provider in {split_ref(row.id)[0] for row in rows} if _format(pool, provider) in GROWING
    }
    if not growing:
        return {}
    declared = {model.id for model in pool.catalog.models if model.context_window}
    return windows.most(rows, growing, pool.inventory, declared)


def _format(pool: Pool, name: str) -> str:
    return (provider := pool.provider(name)).format or pool.memories.detected_format(provider)


def _loosened(pool: Pool, asked: Asked) -> Asked | None:
    """Add what matches loosely to the rows that carry the name, if the request asks for that.

    Nobody named it, so whatever bars a deployment from being chosen automatically bars it here.
    """
    if not asked.request.loose:
        return None
    from llmpool.registry import loose

    rows, facts = asked.named or [], pool.facts()
    carrying = {row.id for row in rows}
    found = [row for row in loose.find(asked.request.model, pool.table) if row.id not in carrying]
    if not found:
        return None
    providers = [str(entry["id"]) for entry in pool.table.providers]
    barred = [
        row.blocked or facts.absent.get(row.id, "") or facts.stale.get(providers[row.provider], "")
        for row in found
    ]
    like = [
        row._replace(blocked=why, flags=row.flags | HARD) if why else row
        for row, why in zip(found, barred, strict=True)
    ]
    return asked._replace(named=[*rows, *like], loose=frozenset(row.id for row in found))


def _refuse_inactive(asked: Asked) -> None:
    """Refuse what policy bars even by name: all who carry it are at providers set inactive (ruling 19)."""
    rows = asked.named or []
    barred = [row for row in rows if row.blocked.startswith(INACTIVE)]
    if len(barred) < len(rows) or asked.request.fallback:
        return
    owners = list(dict.fromkeys(split_ref(row.id)[0] for row in barred))
    reason = barred[0].blocked.removeprefix(INACTIVE) if len(owners) == 1 else ""
    who = f"provider {owners[0]} is" if len(owners) == 1 else f"providers {few(owners, NAMED)} are"
    raise Refused(
        f"{few([row.id for row in barred], NAMED)}: refused, {who} inactive by policy{reason}",
        hint=f"lift it: llmpool policy clear {' '.join(owners)}    or let others answer: --fallback",
        details={"rejections": [{"deployment": row.id, "reasons": [row.blocked]} for row in barred]},
    )


def _too_little_known(choice: Choice, request: RouteRequest) -> bool:
    """Say whether nothing is eligible of a choice among all, which a look around may change."""
    spent = any(reason.startswith(BUDGET) for each in choice.decision.rejections for reason in each.reasons)
    return choice.decision.no_eligible and not request.model and not spent


def _unknown(pool: Pool, ref: str) -> UnknownName:
    """Build the error for a name nobody carries; it says so where providers may have more than is known."""
    error = resolve.unknown(ref, pool.table)
    asking = [e for e in pool.table.providers if e["enabled"] and e["metadata"] != "catalog"]
    dark = [str(e["id"]) for e in asking if e.get("stale_since") or not e.get("fetched_at")]
    if dark:
        error.lines += (f"what {few(dark, NAMED)} may have is not known: llmpool refresh",)
    from llmpool.registry import loose

    if loose.find(ref, pool.table):
        error.hint += "   what resembles it may answer with: --loose"
    return error


def nothing_configured(pool: Pool) -> NothingEligible:
    """Build the error of a first run: nothing there yet, and what to do about it."""
    where, there = from_home(pool.paths.config, pool.env), pool.paths.config.exists()
    return NothingEligible(
        f"no provider is configured ({f'{where} names none' if there else f'no {where}'})",
        hint="run: llmpool init    (finds keys and local servers; spends no tokens)",
        details={"rejections": []},
    )


def _check_group(request: RouteRequest, table: RoutingTable) -> None:
    """Refuse a group that does not exist, before it can silently mean nothing."""
    if request.group and not any(group.name == request.group for group in table.groups):
        from llmpool.router import profiles

        raise profiles.missing("group", request.group, [group.name for group in table.groups])


def _unlisted(pool: Pool, ref: str, *, force: bool) -> tuple[RoutingRow, str] | None:
    """Call an unlisted `provider/model` as is when its listing cannot contradict it (ruling 1).

    Policy, allow-list, location and what its name tells bind it as they bind any other. None: it may not be.
    """
    table, (name, model) = pool.table, split_ref(ref)
    place = {str(entry["id"]): n for n, entry in enumerate(table.providers)}
    if name not in place or not model.strip() or not model.isprintable():
        return None
    entry = table.providers[place[name]]
    healthy = entry.get("fetched_at") and not entry.get("stale_since")
    if healthy and not force:
        return None
    from llmpool.data import metadata
    from llmpool.registry import compiled, merge

    asked = (pool.catalog, pool.provider(name), model, pool.policies)
    made = merge.unlisted(*asked, prices=pool.prices, facts=metadata.facts, official=pool.official)
    row = compiled.row(made, place)
    pool.take(row)
    why = "by --force" if healthy else "its listing failed" if entry.get("stale_since") else "never listed"
    return row, f"{ref} is not known at {name} ({why}); called as it stands"
