"""Providers that are out of service: orders are refused as a chat is, with its exit codes (ruling 19)."""

from __future__ import annotations

from llmpool.core.policy import Policy
from llmpool.errors import NothingEligible, Refused
from llmpool.pool import Pool
from llmpool.state import policy


def refuse_barred(pool: Pool, provider: str, ref: str, *, clears: bool = False) -> None:
    """Raise where the *provider* of *ref* is out of service: nothing is ordered there, not even by name.

    Refused for one that is inactive by policy, NothingEligible for one that is disabled. What only *clears*
    its memory or disk a disabled one still takes, with a note: it is how a machine is given up.
    """
    known = {entry["id"]: entry["enabled"] for entry in pool.routing["providers"]}
    enabled = known.get(provider, True)  # the embedded one need not be configured
    if not enabled and not clears:
        raise NothingEligible(
            f"{ref}: provider disabled; nothing was sent",
            hint=f"llmpool providers enable {provider}",
            details={"rejections": [{"deployment": ref, "reasons": ["provider disabled"]}]},
        )
    decided = policy.read(pool.paths.state).get(provider, Policy())
    if decided.effective_state == "inactive":
        raise _inactive(provider, ref, decided.reason)
    if not enabled:
        pool.warn_once(f"{provider} is disabled; what is there is cleared away all the same")


def out_of_service(pool: Pool) -> dict[str, str]:
    """Say who is asked nothing unless it is named, and why: `disabled`, or `inactive` by policy."""
    decided = policy.read(pool.paths.state)
    found = {}
    for entry in pool.routing["providers"]:
        if not entry["enabled"]:
            found[entry["id"]] = "disabled"
        elif decided.get(entry["id"], Policy()).effective_state == "inactive":
            found[entry["id"]] = "inactive"
    return found


def _inactive(provider: str, ref: str, reason: str | None) -> Refused:
    because = f": {reason}" if reason else ""
    return Refused(
        f"{ref}: refused, provider {provider} is inactive by policy{because}",
        hint=f"lift it: llmpool policy clear {provider}",
        details={
            "rejections": [{"deployment": ref, "reasons": [f"provider inactive by policy{because}"]}],
        },
    )
