"""Pulls as commands want them: one model, what is declared or was left, and the declared state as a whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from llmpool.core.ids import split_ref
from llmpool.core.policy import Policy
from llmpool.core.times import rfc3339
from llmpool.core.word import word
from llmpool.discovery import download, removal
from llmpool.discovery.barred import refuse_barred
from llmpool.discovery.download import PullEvent, Tell
from llmpool.discovery.download_ways import EMBEDDED, Pulled, kind_of
from llmpool.discovery.refresh import refresh
from llmpool.embedded import fetch
from llmpool.embedded.download import public_url
from llmpool.errors import Busy, LlmpoolError, Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.registry import reconcile as rules
from llmpool.registry.reconcile import Plan
from llmpool.setup import models
from llmpool.state import downloads, inventory, policy
from llmpool.state.downloads import Job

__all__ = ["PullEvent", "Pulled", "Reconciled", "cancel", "listing", "pull", "reconcile"]

FRESH = 60.0  # seconds that a listing is good enough to delete by


class Reconciled(NamedTuple):
    """What was done to reach the declared state. *failed* has an id and its error each.

    *kept* would have been removed if their provider said `prune = true` and could, and the owner yes;
    *unpruned* are those of them that only miss the `prune`. *busy* were left to another process that pulls
    there. *broken* is what ended it early, while all the rest is done. *ways_out* has, of those that failed,
    an id and what helps.
    """

    pulled: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    kept: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    unpruned: tuple[str, ...] = ()
    broken: LlmpoolError | None = None
    ways_out: tuple[tuple[str, str], ...] = ()


def pull(pool: Pool, ref: str, tell: Tell, *, source: str = "", sha256: str = "") -> Pulled:
    """Pull one model and list it; an embedded one from the catalogue, or from *source*."""
    where = models.place(pool, ref)
    refuse_barred(pool, where.provider, where.ref)
    _check_source(where, source, sha256)
    kept = _to_keep(source)
    wanted = Job(provider=where.provider, model=where.model, asked=True, source=kept, sha256=sha256)
    pulled = download.pull(pool, where.kind, wanted, tell, source=source)
    models.list_anew(pool, where.provider, where.kind)
    return _with_listing(pool, pulled)


def listing(pool: Pool) -> list[Job]:
    """List the pull of each provider, by name."""
    jobs = downloads.read(pool.paths.state)
    return [jobs[name] for name in sorted(jobs)]


def cancel(pool: Pool, ref: str) -> list[Job]:
    """Call off the pulls that *ref* means; raises UnknownName when there is none."""
    found = downloads.cancel(pool.paths.state, ref, rfc3339(pool.clock()))
    if not found:
        refs = [job.ref for job in listing(pool) if job.state in downloads.OPEN]
        hint = (
            f"there is: {', '.join(refs)}" if refs else "nothing is being pulled: llmpool models pull --list"
        )
        raise UnknownName(f'no pull of "{ref}" is under way', hint=hint, details={"candidates": refs})
    return found


def reconcile(
    pool: Pool,
    names: Collection[str] | None = None,
    *,
    pull: bool,
    remove: bool,
    ask: Callable[[list[str]], bool],
    tell: Callable[[PullEvent], None],
) -> Reconciled:
    """Bring the providers *names*, or all that can pull, to the declared state: models to fetch, to delete.

    *ask* is shown all that would be deleted, and may say no; only providers with `prune = true` and a listing
    that is good and fresh are touched. Pulls go one after the other, left ones first; nothing here raises for
    one model's failure, nor for anything else once something is done.
    """
    kinds = _able(pool, names)
    _freshen(pool, kinds, pull=pull, remove=remove)
    plan = _plan(pool, kinds)
    done = _remove(pool, plan, kinds, ask) if remove else Reconciled()
    if pull:
        done = _pull_all(pool, plan, kinds | _unconfigured(pool, names), tell, done)
    return _list_changed(pool, done, kinds)


def _check_source(where: models.Place, source: str, sha256: str) -> None:
    """Raise for a source where there can be none, and for none where one is needed."""
    if where.kind != EMBEDDED:
        if source or sha256:
            raise Misuse(
                f"--from and --sha256 are for the embedded provider; {where.provider} fetches by name",
                hint=f"llmpool models pull {word(where.ref)}",
            )
        return
    if not source and where.model not in fetch.CATALOGUE:
        known = ", ".join(f"{EMBEDDED}/{model}" for model in fetch.CATALOGUE)
        hint = f"known: {known}; any GGUF: --from URL_OR_FILE"
        raise UnknownName(f"{where.model} is not in the catalogue", hint=hint)


def _to_keep(source: str) -> str:
    """Return what may be written down of a source: a file's path, a URL only if nothing in it is secret."""
    if "://" in source:
        return source if public_url(source) == source else ""
    return str(Path(source).expanduser().absolute()) if source else ""


def _with_listing(pool: Pool, pulled: Pulled) -> Pulled:
    """Add what the listing says of a model that its server fetched."""
    provider, model = split_ref(pulled.ref)
    seen = inventory.read(pool.paths.state).providers.get(provider)
    listed = next((m for m in seen.models if rules.is_same(m.name, model)), None) if seen else None
    if listed is None:
        pool.warnings.append(f"{pulled.ref} is pulled, but {provider} does not list it by that name")
        return pulled
    return pulled._replace(size=listed.size or pulled.size, remote=listed.remote)


def _able(pool: Pool, names: Collection[str] | None) -> dict[str, str]:
    """Name the providers that can pull, with their kind, of *names* or all; who is out of service is said."""
    decided = policy.read(pool.paths.state)
    chosen = [p for p in pool.catalog.providers if names is None or p.id in names]
    out = {p.id: "inactive" for p in chosen if decided.get(p.id, Policy()).effective_state == "inactive"}
    out |= {p.id: "disabled" for p in chosen if not p.enabled}
    if names is not None:
        pool.warnings += [f"{name} is {why}: nothing is pulled or removed there" for name, why in out.items()]
    return {p.id: kind for p in chosen if p.id not in out and (kind := kind_of(pool, p))}


def _unconfigured(pool: Pool, names: Collection[str] | None) -> dict[str, str]:
    """Return the embedded provider where nobody configured it: what was left of its pulls goes on as well."""
    configured = any(provider.id == EMBEDDED for provider in pool.catalog.providers)
    return {} if configured or names is not None else {EMBEDDED: EMBEDDED}


def _plan(pool: Pool, kinds: Mapping[str, str]) -> Plan:
    seen = inventory.read(pool.paths.state)
    return rules.plan(rules.sides(pool.catalog, seen, kinds), rules.declaration_order(pool.catalog))


def _freshen(pool: Pool, kinds: Mapping[str, str], *, pull: bool, remove: bool) -> None:
    """List again what would be decided by a listing that is too old for that."""
    seen = inventory.read(pool.paths.state)
    oldest, now = rfc3339(pool.clock() - FRESH), rfc3339(pool.clock())
    sides = rules.sides(pool.catalog, seen, kinds)
    wanted = [s.provider for s in sides if (pull and s.wanted) or (remove and s.prune and s.declared)]
    fresh = [name for name, each in seen.providers.items() if oldest <= each.attempted_at <= now]
    old = [name for name in wanted if name not in fresh]
    refresh(pool, tuple(old))


def _remove(pool: Pool, plan: Plan, kinds: Mapping[str, str], ask: Callable[[list[str]], bool]) -> Reconciled:
    """Delete what is not declared, if the owner says yes to the list of it."""
    can = [ref for ref in plan.removals if kinds[split_ref(ref)[0]] in removal.CAN_REMOVE]
    cannot = tuple(ref for ref in plan.removals if ref not in can)
    for provider in dict.fromkeys(split_ref(ref)[0] for ref in cannot):
        pool.warnings.append(f"{provider}: prune has no effect; nobody can delete in LM Studio from outside")
    if not can or not ask(can):
        return Reconciled(kept=(*plan.kept, *plan.removals), unpruned=plan.kept)
    pool.forget()  # the question may have stood for long, and others have declared something meanwhile
    still = _plan(pool, kinds).removals
    removed: list[str] = []
    failed: list[tuple[str, str]] = []
    for ref in [ref for ref in can if ref in still]:
        provider, model = split_ref(ref)
        try:
            models.delete(pool, models.Place(provider, model, kinds[provider]))
        except LlmpoolError as error:
            failed.append((ref, error.message))
        else:
            removed.append(ref)
    kept = (*plan.kept, *cannot)
    return Reconciled(removed=tuple(removed), failed=tuple(failed), kept=kept, unpruned=plan.kept)


def _pull_all(pool: Pool, plan: Plan, kinds: Mapping[str, str], tell: Tell, done: Reconciled) -> Reconciled:
    """Pull what is missing and what was left, one unit of work at a time, each once."""
    tried: set[str] = set()
    try:
        done = done._replace(failed=done.failed + _unlisted(pool, plan))
        while (job := _next_up(pool, plan, kinds, tried)) is not None:
            tried.add(job.ref)
            done = _pull_next(pool, kinds[job.provider], job, tell, done)
    except LlmpoolError as error:
        return done._replace(broken=error)
    waiting = tuple(ref for ref in plan.pulls if ref not in tried)
    return done._replace(busy=(*done.busy, *waiting))


def _next_up(pool: Pool, plan: Plan, kinds: Mapping[str, str], tried: Collection[str]) -> Job | None:
    """Queue what is missing and not *tried*, and return the pull to take up at one of *kinds*."""
    state = pool.paths.state
    missing = [split_ref(ref) for ref in plan.pulls if ref not in tried]
    configured = {provider.id for provider in pool.catalog.providers} | {EMBEDDED}
    downloads.enqueue(state, missing, rfc3339(pool.clock()), configured)
    jobs = {name: job for name, job in downloads.read(state).items() if name in kinds}
    return downloads.next_up(jobs, tried)


def _pull_next(pool: Pool, kind: str, job: Job, tell: Tell, done: Reconciled) -> Reconciled:
    """Pull one model and add how it went to what is *done*."""
    fresh = Job(provider=job.provider, model=job.model, asked=job.asked, source=job.source, sha256=job.sha256)
    try:
        download.pull(pool, kind, fresh, tell, follow=False)
    except Busy:
        return done._replace(busy=(*done.busy, job.ref))
    except LlmpoolError as error:
        words = error.message.removeprefix(f"{job.provider}: ")  # its id says so already
        ways_out = (*done.ways_out, (job.ref, error.hint))
        return done._replace(failed=(*done.failed, (job.ref, words)), ways_out=ways_out)
    return done._replace(pulled=(*done.pulled, job.ref))


def _unlisted(pool: Pool, plan: Plan) -> tuple[tuple[str, str], ...]:
    """Say of which models nobody knows whether they are there; one that may be away is not asked about."""
    seen = inventory.read(pool.paths.state).providers
    optional = {provider.id for provider in pool.catalog.providers if provider.optional}
    return tuple(
        (
            model.id,
            f"{name} could not be listed: {seen[name].error}" if name in seen else f"{name} was never listed",
        )
        for model in pool.catalog.models
        for name in (split_ref(model.id)[0],)
        if model.pull and name in plan.unlisted and name not in optional
    )


def _list_changed(pool: Pool, done: Reconciled, kinds: Mapping[str, str]) -> Reconciled:
    """List anew where something came or went, and say what a server calls otherwise than it was asked for."""
    changed = dict.fromkeys(split_ref(ref)[0] for ref in (*done.removed, *done.pulled))
    try:
        for provider in changed:
            models.list_anew(pool, provider, kinds.get(provider, EMBEDDED))
        for ref in done.pulled:
            _with_listing(pool, Pulled(ref))
    except LlmpoolError as error:
        return done._replace(broken=done.broken or error)
    return done
