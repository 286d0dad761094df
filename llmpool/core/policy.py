"""Policy: what the owner decided about a provider or a deployment, laid over everything else."""

from __future__ import annotations

from llmpool.core.record import Record

STATES = ("active", "inactive", "flagged")


class Policy(Record):
    """One overlay: *state* and *routable* are None where the owner said nothing."""

    state: str | None = None
    routable: bool | None = None
    reason: str = ""
    updated_at: str = ""

    @property
    def effective_state(self) -> str:
        """The state in force; `active` where none was set."""
        return self.state or "active"
