"""A trial: what its licence grants, how much of that is used, and the words for its end (ledger spec 8)."""

from __future__ import annotations

from llmpool.core.record import Record

TRIAL = "trial"  # the id of the one provider a licence may make, and its preset
OVER = "trial: "  # how every reason begins for which routing refuses it


class Terms(Record):
    """What a licence grants, its key left out; times are unix seconds, *expires* 0 is never."""

    kid: str
    url: str
    format: str
    model: str
    limit: int
    issued: int
    expires: int = 0


class Quota(Record):
    """How much of a trial is used; *hwm* is the latest time at which it was counted, in unix seconds."""

    tokens_used: int = 0
    exhausted: bool = False
    reason: str = ""
    last_updated: str = ""
    hwm: int = 0
    issued: int = 0
