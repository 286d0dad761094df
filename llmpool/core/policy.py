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

    @property
    def decides(self) -> bool:
        """Whether anything is decided; a reason alone decides nothing."""
        return self.state is not None or self.routable is not None

    def same_as(self, other: Policy | None) -> bool:
        """Say whether two policies decide the same for the same reason, whenever that was."""
        return other is not None and self.replace(updated_at="") == other.replace(updated_at="")


def merged(
    before: Policy, *, state: str | None, routable: bool | None, reason: str | None, at: str
) -> Policy:
    """Lay what is given over a policy, field by field (DESIGN ruling 19); None stays as it was."""
    return Policy(
        state=before.state if state is None else state,
        routable=before.routable if routable is None else routable,
        reason=before.reason if reason is None else reason.strip(),
        updated_at=at,
    )


def chosen_automatically(own: Policy, provider: Policy, base: bool) -> tuple[bool, str]:
    """Say whether a deployment is routable and who says so, `overlay` or `default`.

    Its own policy comes first, then that of its provider, then *base*: what config and listing make of it.
    """
    for decided in (own.routable, provider.routable):
        if decided is not None:
            return decided, "overlay"
    return base, "default"
