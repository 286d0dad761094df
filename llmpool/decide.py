"""From what was asked to who answers: resolve the reference, then route (DESIGN ruling 1, 3.1)."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.core.config import MODES
from llmpool.core.ids import short_id, split_ref
from llmpool.core.routing import RouteRequest, RoutingRow, RoutingTable
from llmpool.core.times import rfc3339_ms
from llmpool.errors import Misuse, NothingEligible, UnknownName
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.router import route
from llmpool.router.explain import SHOWN
from llmpool.router.route import Choice


class Asked(NamedTuple):
    """A request with its profile applied, and the rows its model names (None: any)."""

    request: RouteRequest
    named: list[RoutingRow] | None
    notes: tuple[str, ...]


def decide(
    pool: Pool, request: RouteRequest, *, profile: str = "", force: bool = False, detail: int = SHOWN
) -> Choice:
    """Understand *request*, then choose; see `understand` and `choose`."""
    return choose(pool, understand(pool, request, profile=profile, force=force), detail)


def choose(pool: Pool, asked: Asked, detail: int = SHOWN) -> Choice:
    """Choose a deployment; nothing is raised when nothing is eligible.

    The best *detail* candidates carry their rule hits, all of them with 0.
    """
    stamp = (short_id("d"), rfc3339_ms(pool.clock()))
    facts = pool.facts()
    choice = route.route(asked.request, pool.table, facts, named=asked.named, stamp=stamp, detail=detail)
    notes = (*asked.notes, *choice.decision.notes)
    return Choice(choice.decision.replace(notes=notes), choice.plan)


def understand(pool: Pool, request: RouteRequest, *, profile: str = "", force: bool = False) -> Asked:
    """Apply the profile and the config's mode, resolve the model and every other name; raises UnknownName."""
    table = pool.table
    if not table.providers:
        raise nothing_configured(pool)
    request = _with_profile(request, table, profile) if profile else request
    if request.model in MODES:
        request = request.replace(mode=request.mode or request.model, model="")
    request = request.replace(mode=request.mode or table.routing.mode)
    _check_names(request, table)
    if request.exclude or request.prefer:
        request = request.replace(
            exclude=tuple(ref for given in request.exclude for ref in _meant(given, table)),
            prefer=next(iter(_meant(request.prefer, table)), "") if request.prefer else "",
        )
    if not request.model:
        return Asked(request, None, ())
    rows = resolve.find(request.model, table)
    if rows:
        return Asked(request, rows, ())
    row, note = _unlisted(pool, request.model, force=force)
    return Asked(request, [row], (note,))


def _meant(ref: str, table: RoutingTable) -> list[str]:
    """Return the provider, or the deployments, that *ref* means; a name nobody carries restricts nothing."""
    if any(entry["id"] == ref for entry in table.providers):
        return [ref]
    found = [row.id for row in resolve.find(ref, table)]
    if not found:
        raise resolve.unknown(ref, table)
    return found


def nothing_configured(pool: Pool) -> NothingEligible:
    """Build the error of a first run: nothing there yet, and what to do about it."""
    exists = pool.paths.config.exists()
    fact = f"{pool.paths.config} names none" if exists else f"no {pool.paths.config}"
    return NothingEligible(
        f"no provider is configured ({fact})",
        hint="run: llmpool init    (finds keys and local servers; spends no tokens)",
        details={"rejections": []},
    )


def _with_profile(request: RouteRequest, table: RoutingTable, name: str) -> RouteRequest:
    """Lay a profile under the request: what the caller said wins, hints of both are kept."""
    profile = next((p for p in table.profiles if p.name == name), None)
    if profile is None:
        known = ", ".join(p.name for p in table.profiles) or "none"
        raise UnknownName(f'no profile "{name}"', hint=f"configured: {known}")
    hints = {**dict(profile.hints), **dict(request.hints)}
    return request.replace(
        local_only=request.local_only or profile.local_only,
        model=request.model or profile.model or "",
        strategy=request.strategy or profile.strategy or "",
        mode=request.mode or profile.mode or "",
        group=request.group or profile.group or "",
        min_quality=request.min_quality if request.min_quality is not None else profile.min_quality,
        max_cost=request.max_cost if request.max_cost is not None else profile.max_cost,
        needs=tuple(dict.fromkeys((*request.needs, *profile.needs))),
        prefer=request.prefer or profile.prefer or "",
        exclude=(*request.exclude, *profile.exclude),
        hints=tuple(hints.items()),
        priority="background" if "background" in (request.priority, profile.priority) else request.priority,
    )


def _check_names(request: RouteRequest, table: RoutingTable) -> None:
    """Refuse a group or strategy that does not exist, before it can silently mean nothing."""
    if request.group and not any(group.name == request.group for group in table.groups):
        known = ", ".join(group.name for group in table.groups) or "none"
        raise UnknownName(f'no group "{request.group}"', hint=f"configured: {known}")
    if (request.strategy or table.routing.strategy) == "value":
        raise Misuse(
            "strategy value needs the difficulty score, which this version does not have",
            hint="use --strategy score, cost, latency, priority or round_robin",
        )


def _unlisted(pool: Pool, ref: str, *, force: bool) -> tuple[RoutingRow, str]:
    """Call an unlisted `provider/model` as is when its listing cannot contradict it (ruling 1).

    Policy, allow-list, location and what its name tells bind it as they bind any other.
    """
    from llmpool.data import metadata
    from llmpool.registry import compiled, merge
    from llmpool.state import policy

    table, (name, model) = pool.table, split_ref(ref)
    place = {str(entry["id"]): n for n, entry in enumerate(table.providers)}
    if name not in place or not model:
        raise resolve.unknown(ref, table)
    entry = table.providers[place[name]]
    healthy = entry.get("fetched_at") and not entry.get("stale_since")
    if healthy and not force:
        raise resolve.unknown(ref, table)
    deployment = merge.unlisted(
        pool.catalog,
        pool.provider(name),
        model,
        policy.read(pool.paths.state),
        facts=metadata.facts,
    )
    row = compiled.row(deployment, place)
    pool.take(row)
    why = "by --force" if healthy else "its listing failed" if entry.get("stale_since") else "never listed"
    return row, f"{ref} is not known at {name} ({why}); called as it stands"
