"""Models that a server of one's own only forwards, as Ollama does to its cloud (DESIGN ruling 5)."""

from __future__ import annotations

from llmpool.core.ids import split_ref
from llmpool.core.outcome import FORWARDED, Failure
from llmpool.core.routing import LOCAL
from llmpool.pool import Pool
from llmpool.registry.kinds import runs_elsewhere

SIGN_IN = "sign in on the machine of its server: ollama signin"


def judged(pool: Pool, ref: str, failure: Failure) -> Failure:
    """Say of a refused account whose it is, at a local provider.

    Where the model runs elsewhere it is its server's there, and what the server runs itself needs none.
    """
    flags = next((row.flags for row in pool.table.rows if row.id == ref), LOCAL)
    if failure.status < 400 or (flags & LOCAL and not runs_elsewhere(split_ref(ref)[1])):
        return failure
    hint = failure.hint or (SIGN_IN if failure.kind == "auth" else "")
    return failure.replace(code=FORWARDED, hint=hint)
