"""Decide about a provider or a deployment: policies, laid over whatever was declared and observed."""

from __future__ import annotations

from llmpool.core.policy import STATES, Policy
from llmpool.core.times import rfc3339
from llmpool.errors import Misuse
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.state import policy


def target_of(pool: Pool, ref: str) -> str:
    """Return the id that *ref* means, a provider or one deployment; raises UnknownName, AmbiguousName."""
    if any(entry["id"] == ref for entry in pool.routing["providers"]):
        return ref
    return resolve.one(ref, pool.table).id


def decide(pool: Pool, ref: str, state: str, routable: bool | None, reason: str) -> tuple[str, Policy]:
    """Set what is given in the policy of *ref* and return (id, policy); the rest of it stays."""
    if state and state not in STATES:
        raise Misuse(f"--state {state!r} is not known", hint=f"one of: {', '.join(STATES)}")
    if not state and routable is None and not reason:
        raise Misuse("nothing is decided", hint="say --state, --routable or --no-routable, or --reason")
    target = target_of(pool, ref)
    decided = Policy(state=state or None, routable=routable, reason=reason, updated_at=rfc3339(pool.clock()))
    merged = policy.put(pool.paths.state, target, decided)
    pool.forget()
    return target, merged


def clear(pool: Pool, ref: str) -> str:
    """Drop the policy of *ref*, which need not exist any more; raises UnknownName when there is none."""
    target = ref if ref in policy.read(pool.paths.state) else target_of(pool, ref)
    if not policy.drop(pool.paths.state, target):
        raise Misuse(f"nothing is decided about {target}", hint="llmpool policy shows what is")
    pool.forget()
    return target
