"""downloads.json: for each provider one pull, which waits, is under way, or shows how the last one ended.

Whoever pulls at a provider holds its lock, `pull-ID.lock`, for as long as the process lives: a pull that says
`running` while nobody holds the lock was interrupted, however that happened. Another process calls a pull
off by a mark in the file, which its puller looks for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from llmpool.core.ids import is_provider_id
from llmpool.core.record import Record, plain
from llmpool.errors import Busy
from llmpool.registry.reconcile import is_same
from llmpool.state import jsonfile, shape
from llmpool.state.lock import file_of, locked

NAME = "downloads.json"
QUEUED, RUNNING, INTERRUPTED = "queued", "running", "interrupted"
FAILED, CANCELLED, DONE = "failed", "cancelled", "done"
STATES = (QUEUED, RUNNING, INTERRUPTED, FAILED, CANCELLED, DONE)
OPEN = (QUEUED, RUNNING, INTERRUPTED)  # what is not over
TURN_WAIT = 1.0  # whoever only looks holds the lock for a moment


class Job(Record):
    """The pull of a model. *asked*: a person wanted it, else the config does. Times are RFC 3339 UTC.

    *since* is when it came into its state; *handle* is the server's name for it. *source* and *sha256* are
    those of an embedded model from elsewhere. *stop* is the mark of somebody who calls it off.
    """

    provider: str
    model: str
    state: str = QUEUED
    asked: bool = False
    source: str = ""
    sha256: str = ""
    handle: str = ""
    pid: int = 0
    attempts: int = 0
    since: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    kind: str = ""
    stop: bool = False

    @property
    def ref(self) -> str:
        """The id of what is pulled."""
        return f"{self.provider}/{self.model}"


Jobs = dict[str, Job]  # by provider


def read(state: Path) -> Jobs:
    """Read every provider's pull; one whose process is gone shows as interrupted."""
    jobs = _stored(state)
    left = [job for job in jobs.values() if job.state == RUNNING and not is_held(state, job.provider)]
    if not left:
        return jobs
    again = _stored(state)  # it may have ended well between the two looks
    gone = {job.provider: job.replace(state=INTERRUPTED) for job in left if again.get(job.provider) == job}
    return again | gone


def is_held(state: Path, provider: str) -> bool:
    """Say whether a live process pulls at *provider*."""
    if not lock_of(state, provider).exists():
        return False
    try:
        with locked(_place(state, provider), shared=True, wait=0):
            return False
    except Busy:
        return True


def turn(state: Path, provider: str) -> AbstractContextManager[None]:
    """Hold the right to pull at *provider*; raises Busy when another process has it."""
    return locked(_place(state, provider), wait=TURN_WAIT)


def lock_of(state: Path, provider: str) -> Path:
    """Return the file that whoever pulls at *provider* has locked."""
    return file_of(_place(state, provider))


def _place(state: Path, provider: str) -> Path:
    return state / f"pull-{provider}"


def begin(state: Path, wanted: Job, at: str) -> Job:
    """Note that this process pulls now, and return the job; goes on from an earlier try of the same model."""
    begun: list[Job] = []

    def change(jobs: Jobs) -> None:
        job = wanted.replace(state=RUNNING, pid=os.getpid(), attempts=1, since=at)
        old = jobs.get(wanted.provider)
        if old and is_same(old.model, wanted.model) and old.state not in (DONE, CANCELLED):
            job = job.replace(attempts=old.attempts + 1, handle=old.handle, done=old.done, total=old.total)
        jobs[wanted.provider] = job
        begun.append(job)

    _change(state, change)
    return begun[0]


def note(state: Path, job: Job) -> None:
    """Write down how far a pull of this process is; a mark that calls it off stays."""

    def change(jobs: Jobs) -> None:
        stored = jobs.get(job.provider)
        jobs[job.provider] = job.replace(stop=bool(stored and stored.stop and _is_one(stored, job)))

    _change(state, change)


def end(state: Path, job: Job) -> None:
    """Write down how a pull of this process ended."""
    _change(state, lambda jobs: jobs.update({job.provider: job.replace(stop=False, pid=0)}))


def is_called_off(state: Path, job: Job) -> bool:
    """Say whether somebody called the pull *job* of this process off."""
    stored = _stored(state).get(job.provider)
    return stored is not None and stored.stop and _is_one(stored, job)


def cancel(state: Path, ref: str, at: str) -> list[Job]:
    """Call off the pulls that *ref* means, and return them; an unknown one changes nothing (C12).

    *ref* is a provider, a model at it, or a model wherever it is pulled. One that waits or was left is
    cancelled at once; one under way by its own process, as soon as that sees the mark.
    """
    alive = {name for name, job in read(state).items() if job.state == RUNNING}
    found: list[Job] = []

    def change(jobs: Jobs) -> None:
        for name, job in jobs.items():
            if job.state in (DONE, CANCELLED) or not _means(ref, job):
                continue
            under_way = job.state == RUNNING and name in alive
            jobs[name] = job.replace(stop=True) if under_way else _over(job, at)
            found.append(jobs[name])

    _change(state, change)
    return found


def enqueue(
    state: Path, wanted: Iterable[tuple[str, str]], at: str, configured: Collection[str]
) -> list[Job]:
    """Queue what is declared and missing, one pull for each provider, in order; return the new ones.

    A pull that waits, runs, or was left halfway keeps its place, unless it is only there for a declaration
    that is gone. What is of no configured provider is forgotten.
    """
    known = read(state)
    alive = {name for name, job in known.items() if job.state == RUNNING}
    nobodys = {name for name in known if name not in configured and name not in alive}
    missing = list(wanted)
    fresh: list[Job] = []

    def change(jobs: Jobs) -> None:
        for name in nobodys:
            jobs.pop(name, None)
        for provider, model in missing:
            if not _keeps(jobs.get(provider), missing, alive):
                jobs[provider] = Job(provider=provider, model=model, since=at)
                fresh.append(jobs[provider])

    if missing or nobodys:
        _change(state, change)
    return fresh


def next_up(jobs: Jobs, tried: Collection[str]) -> Job | None:
    """Return the pull to take up: of those that wait or were left, the oldest that was not *tried*."""
    waiting = [j for j in jobs.values() if j.state in (QUEUED, INTERRUPTED) and j.ref not in tried]
    return min(waiting, key=lambda job: job.since, default=None)


def _keeps(job: Job | None, missing: list[tuple[str, str]], alive: Collection[str]) -> bool:
    """Say whether a job stands in the way of another at its provider."""
    if job is None or job.state not in OPEN:
        return False
    if job.asked or (job.state == RUNNING and job.provider in alive):
        return True
    return any(job.provider == provider and is_same(job.model, model) for provider, model in missing)


def _means(ref: str, job: Job) -> bool:
    return ref == job.provider or is_same(ref, job.model) or is_same(ref, job.ref)


def _over(job: Job, at: str) -> Job:
    return job.replace(state=CANCELLED, since=at, pid=0, stop=False)


def _is_one(stored: Job, job: Job) -> bool:
    return (stored.pid, stored.since, stored.model) == (job.pid, job.since, job.model)


def _stored(state: Path) -> Jobs:
    return jsonfile.read(state / NAME, decode=_jobs)


def _change(state: Path, change: Callable[[Jobs], None]) -> None:
    def apply(jobs: Jobs) -> Any:
        change(jobs)
        return {name: plain(jobs[name]) for name in sorted(jobs)}

    jsonfile.update(state / NAME, apply, decode=_jobs)


def _jobs(data: Any) -> Jobs:
    entries = {} if data is None else shape.mapping(data)
    return {name: Job(**shape.fields(entry, _JOB)) for name, entry in entries.items()}


def _provider(value: Any) -> str:
    if not is_provider_id(shape.text(value)):
        raise ValueError("no provider's id")  # a lock is called after it
    return shape.text(value)


def _state(value: Any) -> str:
    if value not in STATES:
        raise ValueError("no state of a pull")
    return shape.text(value)


_JOB = {
    **dict.fromkeys(("model", "source", "sha256", "handle", "error", "kind"), shape.text),
    **dict.fromkeys(("pid", "attempts", "done", "total"), shape.whole),
    **dict.fromkeys(("asked", "stop"), shape.flag),
    "provider": _provider,
    "since": shape.moment,
    "state": _state,
}
