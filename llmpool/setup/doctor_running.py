"""Checks of what runs or was broken off: locks held now, downloads, the embedded server and its models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from llmpool.core.text import size
from llmpool.core.times import rfc3339
from llmpool.embedded import is_held
from llmpool.errors import StateUnusable
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted, runnable
from llmpool.state import downloads as pulls
from llmpool.state.lock import held_by

EMBEDDED = "embedded"
_PLACES = (
    "*.lock",
    "usage/*.lock",
    "decisions/*.lock",
    "sessions/*.lock",
    "rates/*.lock",
    "embedded/*.start",
)
_LOCKS = Path("/proc/locks")


def locks(case: Case) -> Iterator[Finding]:
    """List the locks that are held now, and by whom; nothing is ever locked by a dead process."""
    for pattern in _PLACES:
        for path in sorted(case.paths.state.glob(pattern)):
            try:
                if not is_held(path):
                    continue
            except OSError as error:
                fact = f"cannot be locked: {error.strerror}; another file system may have locks"
                mend = "export LLMPOOL_STATE_DIR=$HOME/.local/state/llmpool"
                yield Finding(ERROR, "locks", path.name, fact, mend)
                return
            yield _held(case, path)


def _held(case: Case, path: Path) -> Finding:
    """Tell who holds a lock: its note says so, or the system does."""
    note = held_by(path.with_suffix(""))
    words = note.split()
    pid = words[0] if words and words[0].isdecimal() else holder(path)
    who = f"process {pid}" if pid else "a live process"
    if len(words) == 3 and words[2] < rfc3339(case.now):
        fact = f"held by {who} since {words[1]}, longer than a refresh can take"
        return Finding(WARNING, "locks", path.name, fact, quoted("kill", pid) if pid else "")
    since = f" since {words[1]}" if len(words) > 1 else ""
    look = quoted("ps", "-o", "pid,etime,args", "-p", pid) if pid else ""
    return Finding(NOTE, "locks", path.name, f"held now by {who}{since}; it is free when that ends", look)


def holder(path: Path) -> str:
    """Return the number of the process that has a lock, as Linux tells; empty where nobody does."""
    try:
        inode = path.stat().st_ino
        lines = _LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        words = line.split()
        if len(words) >= 8 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
            return words[4] if words[4] not in ("0", "-1") else ""
    return ""


def downloads(case: Case) -> Iterator[Finding]:
    """List pulls that were interrupted, wait, or failed."""
    if case.pool is None:
        return
    for job in pulls.read(case.pool.paths.state).values():
        lock = pulls.lock_of(case.paths.state, job.provider)
        if job.state in (pulls.DONE, pulls.CANCELLED) or is_held(lock):
            continue
        done = f" at {size(job.done)} of {size(job.total)}" if job.total else ""
        failed = f"the pull failed{done}: {job.error}"
        fact = {pulls.FAILED: failed, pulls.QUEUED: "waits to be pulled"}.get(job.state, f"interrupted{done}")
        severity = NOTE if job.state == pulls.QUEUED else WARNING
        yield Finding(severity, "downloads", job.ref, fact, quoted("llmpool", "models", "pull", job.ref))


def embedded(case: Case) -> Iterator[Finding]:
    """Look whether the embedded provider has what it takes, and which of its servers run."""
    if case.pool is None:
        return
    from llmpool import embedded as local

    enabled = [e for e in case.pool.routing["providers"] if e["preset"] == EMBEDDED and e["enabled"]]
    if enabled and not local.is_available():
        fact = "the embedded provider is configured, but its server is not installed"
        yield Finding(ERROR, EMBEDDED, enabled[0]["id"], fact, "pip install 'llmpool[embedded]'")
    if local.embedded_dir(case.paths.state).exists():
        yield from _models(case)
        yield from _servers(case)
    if enabled and not any(local.models_dir(case.paths.state).glob("*.gguf")):
        fact = "the embedded provider is configured, but no model is on this machine"
        mend = "llmpool models pull embedded/smollm2-135m"
        yield Finding(WARNING, EMBEDDED, enabled[0]["id"], fact, mend)


def _models(case: Case) -> Iterator[Finding]:
    """Look whether the model files are whole, and for parts of others."""
    from llmpool import embedded as local
    from llmpool.embedded import gguf

    folder = local.models_dir(case.paths.state)
    for path in sorted(folder.glob("*.gguf")):
        ref = f"{EMBEDDED}/{path.stem}"
        try:
            gguf.summarise(path)
        except gguf.NotWholeError as error:
            again = (
                f"{quoted('llmpool', 'models', 'remove', ref)} && {quoted('llmpool', 'models', 'pull', ref)}"
            )
            yield Finding(ERROR, EMBEDDED, ref, f"the model file is damaged: {error}", again)
    for path in sorted(folder.glob("*.json")):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            fact = "what was noted beside the model is not JSON; the model itself does not need it"
            yield Finding(WARNING, EMBEDDED, f"{EMBEDDED}/{path.stem}", fact, quoted("rm", "--", path))
    jobs = {job.ref for job in pulls.read(case.pool.paths.state).values()} if case.pool else set()
    for path in sorted(folder.glob(".*.part")):
        ref = f"{EMBEDDED}/{path.name[1:].removesuffix('.part')}"
        if ref not in jobs:
            fact = f"{size(path.stat().st_size)} of an unfinished download are left"
            yield Finding(NOTE, EMBEDDED, ref, fact, quoted("llmpool", "models", "pull", ref))


def _servers(case: Case) -> Iterator[Finding]:
    from llmpool.embedded import server

    try:
        for each in server.running(case.paths.state):
            fact = f"runs as process {each.pid} since {each.started_at}; it ends by itself when it is idle"
            mend = quoted("llmpool", "models", "unload", f"{EMBEDDED}/{each.name}")
            yield Finding(NOTE, EMBEDDED, f"{EMBEDDED}/{each.name}", fact, mend)
    except StateUnusable as error:
        file = error.message.partition(" is not ")[0]
        yield Finding(
            WARNING, EMBEDDED, EMBEDDED, error.message, runnable(error.hint) or quoted("rm", "--", file)
        )
    except (KeyError, TypeError, OSError) as error:
        fact = f"what a running server wrote of itself cannot be read ({type(error).__name__})"
        yield Finding(WARNING, EMBEDDED, EMBEDDED, fact, "llmpool models ps")
