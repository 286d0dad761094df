"""Models on the disks of servers: which one a name means there, and how it is removed."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.config.presets import presets
from llmpool.core.ids import split_ref
from llmpool.core.near import near
from llmpool.core.policy import Policy
from llmpool.core.times import rfc3339
from llmpool.core.word import word
from llmpool.discovery import removal
from llmpool.discovery.barred import refuse_barred
from llmpool.discovery.download_ways import EMBEDDED, kind_of
from llmpool.discovery.refresh import refresh
from llmpool.embedded import fetch
from llmpool.errors import AmbiguousName, Busy, Misuse, UnknownName
from llmpool.formats.base import usable_name
from llmpool.pool import Pool, unknown_provider
from llmpool.registry import resolve
from llmpool.registry.reconcile import is_same
from llmpool.setup.init import Findings, write
from llmpool.state import downloads, policy


class Place(NamedTuple):
    """A model at a provider that can pull; *kind* is the way models come there."""

    provider: str
    model: str
    kind: str

    @property
    def ref(self) -> str:
        """The id of the deployment."""
        return f"{self.provider}/{self.model}"


def place(pool: Pool, ref: str, *, known: bool = False) -> Place:
    """Find where *ref* is pulled or removed: an id, an alias, a model's name, or a new name.

    A new name belongs to the only server that can pull, one that must be *known* to the only one that carries
    it. Raises AmbiguousName where several would do, UnknownName, and Misuse for a provider that cannot pull.
    """
    if not usable_name(ref):
        raise Misuse(f"{ref!r} cannot name a model")
    configured = [entry["id"] for entry in pool.routing["providers"]]
    provider, model = split_ref(ref)
    if ref in configured or provider in configured:
        return _at(pool, provider or ref, model if provider else "")
    if provider == EMBEDDED or ref in fetch.CATALOGUE:
        return Place(EMBEDDED, model, EMBEDDED)
    if known:
        return _at(pool, *split_ref(resolve.one(ref, pool.table).id))
    carried = [row.id for row in resolve.find(ref, pool.table)]
    able = [found for found in map(split_ref, carried) if kind_of(pool, pool.provider(found[0]))]
    able = [found for found in able if _serves(pool, found[0])] or able
    if len(able) > 1:
        raise _ambiguous(ref, ["/".join(found) for found in able])
    if able:
        return _at(pool, *able[0])
    return _new(pool, ref, configured)


def check_removable(pool: Pool, where: Place) -> None:
    """Raise when a model cannot be removed: Misuse for LM Studio's, Busy while it is being pulled.

    Refused at an inactive provider; what a disabled one has may go.
    """
    refuse_barred(pool, where.provider, where.ref, clears=True)
    removal.check(where.kind, where.ref)
    job = downloads.read(pool.paths.state).get(where.provider)
    if job and job.state == downloads.RUNNING and is_same(job.model, where.model):
        hint = f"call it off first: llmpool models pull --cancel {word(job.ref)}"
        raise Busy(f"{job.ref} is being pulled just now", hint=hint)


def disk_of(pool: Pool, where: Place) -> str:
    """Say whose disk a model lies on."""
    if where.kind == EMBEDDED:
        return "this machine's disk"
    return f"the disk of {where.provider} ({pool.provider(where.provider).url})"


def is_wanted(pool: Pool, where: Place) -> bool:
    """Say whether the config wants a model to be pulled, so that it will come back."""
    own = (m for m in pool.catalog.models if m.pull and split_ref(m.id)[0] == where.provider)
    return any(is_same(split_ref(model.id)[1], where.model) for model in own)


def remove(pool: Pool, where: Place) -> None:
    """Delete a model from its server's disk, and list what is left there."""
    delete(pool, where)
    list_anew(pool, where.provider, where.kind)


def delete(pool: Pool, where: Place) -> None:
    """Delete a model from its server's disk, and call off what would bring it back."""
    check_removable(pool, where)
    removal.remove(pool, where.kind, where.provider, where.model)
    _call_off(pool, where)


def _call_off(pool: Pool, where: Place) -> None:
    """Let a pull that was left halfway rest: the next one to take pulls up would bring the model back."""
    job = downloads.read(pool.paths.state).get(where.provider)
    if job and job.state in (downloads.QUEUED, downloads.INTERRUPTED) and is_same(job.model, where.model):
        downloads.end(pool.paths.state, job.replace(state=downloads.CANCELLED, since=rfc3339(pool.clock())))


def list_anew(pool: Pool, provider: str, kind: str) -> None:
    """List what is at *provider* now, by the config as it is: what came before may have taken hours.

    An embedded one is configured when it was not; one that is gone is not listed.
    """
    pool.forget()
    if kind == EMBEDDED and not any(entry["preset"] == EMBEDDED for entry in pool.routing["providers"]):
        write(pool, Findings([], [], 0, 0), embedded=True)
    elif provider not in {entry["id"] for entry in pool.routing["providers"]}:
        pool.warnings.append(f"{provider} is not configured any more, so it is not listed")
        return
    report = refresh(pool, (provider,))
    pool.warnings += [f"{e.provider} could not be listed anew: {e.error}" for e in report.observed if e.error]


def _at(pool: Pool, provider: str, model: str) -> Place:
    """Return the place of *model* at a configured provider; raises Misuse when it cannot pull."""
    kind = kind_of(pool, pool.provider(provider))
    if not kind:
        raise Misuse(
            f"{provider} is no server whose models can be pulled or removed from here",
            hint="Ollama, LM Studio and the embedded provider can; llmpool providers list shows yours",
        )
    if not model:
        raise Misuse(f"{provider} is a provider; say which model of it", hint=f"such as {provider}/NAME")
    return Place(provider, model, kind)


def _new(pool: Pool, ref: str, configured: list[str]) -> Place:
    """Give a name that nobody carries yet to the one server that can pull it."""
    head, _ = split_ref(ref)
    if head and (head in presets() or near(head, configured)):
        raise unknown_provider(head, configured)  # mistyped: it must not become a part of the model's name
    kinds = {entry["id"]: kind_of(pool, pool.provider(entry["id"])) for entry in pool.routing["providers"]}
    able = [name for name, kind in kinds.items() if kind and kind != EMBEDDED and pool.provider(name).enabled]
    able = [name for name in able if _serves(pool, name)] or able  # the only one is refused by its name
    if len(able) > 1:
        raise _ambiguous(ref, [f"{name}/{ref}" for name in able])
    if able:
        return Place(able[0], ref, kinds[able[0]])
    raise UnknownName(
        f'there is no server that could pull "{ref}"',
        hint="a server: llmpool providers add http://HOST:11434    "
        f"without one: llmpool models pull {EMBEDDED}/{next(iter(fetch.CATALOGUE))}",
    )


def _serves(pool: Pool, provider: str) -> bool:
    """Say whether no policy keeps a provider out of use."""
    return policy.read(pool.paths.state).get(provider, Policy()).effective_state != "inactive"


def _ambiguous(ref: str, ids: list[str]) -> AmbiguousName:
    message = f'"{ref}" may be meant for {len(ids)} servers'
    return AmbiguousName(message, lines=tuple(ids), hint="name one of them", details={"candidates": ids})
