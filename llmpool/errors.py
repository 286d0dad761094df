"""The errors llmpool raises on purpose, and the exit code each ends with (DESIGN 3.3).

LlmpoolError
 +- Misuse              2   the command line does not make sense
 +- UnknownName         3   no such provider, model, session...
 |   +- AmbiguousName       several deployments carry the name
 +- ConfigInvalid       4   config.toml, with every problem
 +- NoCredential        5   a key is missing, expired or refused
 |   +- UnusableCredential  one is configured, but cannot be had or used
 +- NothingEligible     6   no deployment may answer, or nothing is configured
 +- UpstreamFailed      7   every attempt failed, or the answer broke off
 +- Refused             8   by budget, quota or policy
 +- StateUnusable      10   a state file is corrupt or unwritable
 |   +- LaterState          it is from a newer version
 |   +- DamagedModel        the file of an embedded model; others may answer in its place
 +- Busy               75   try again at `retry_at`
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes; scripts rely on them."""

    OK = 0
    BUG = 1
    USAGE = 2
    UNKNOWN_NAME = 3
    CONFIG = 4
    CREDENTIALS = 5
    NOTHING_ELIGIBLE = 6
    FAILED = 7
    REFUSED = 8
    PARTLY = 9
    STATE = 10
    BUSY = 75
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


class LlmpoolError(Exception):
    """An error with its way out: *message* names the thing and the fact, *hint* the remedy.

    *details* are extra fields of the JSON error (`rejections`, `attempts`, `candidates`), *lines* further
    lines for a person.
    """

    exit_code = Exit.BUG
    kind = "bug"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        lines: tuple[str, ...] = (),
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.lines = lines
        self.details = details or {}

    @property
    def told(self) -> str:
        """The fact in one line, with the way out where only the error itself knows it."""
        return self.message

    def as_json(self) -> dict[str, Any]:
        """Return the error document of `--json` (DESIGN 3.2)."""
        error = {"exit": int(self.exit_code), "kind": self.kind, "message": self.message, "hint": self.hint}
        return {"schema": 1, "error": error | self.details}


class Misuse(LlmpoolError):
    """The command line, or a value in it, does not make sense."""

    exit_code = Exit.USAGE
    kind = "usage"


class UnknownName(LlmpoolError):
    """A name nobody carries; the nearest ones are listed."""

    exit_code = Exit.UNKNOWN_NAME
    kind = "unknown_name"


class AmbiguousName(UnknownName):
    """A name that several deployments carry, where one must be meant; they are listed."""

    kind = "ambiguous_name"


class ConfigInvalid(LlmpoolError):
    """The config has problems; every one of them is listed with file and key."""

    exit_code = Exit.CONFIG
    kind = "config"


class NoCredential(LlmpoolError):
    """A key is missing, expired or refused."""

    exit_code = Exit.CREDENTIALS
    kind = "credentials"


class UnusableCredential(NoCredential):
    """A key is configured, but cannot be had or used: that is a fault, a missing one need not be."""

    @property
    def told(self) -> str:
        """The fact and the way out."""
        return f"{self.message}: {self.hint}" if self.hint else self.message


class NothingEligible(LlmpoolError):
    """No deployment may answer this request, or nothing is configured."""

    exit_code = Exit.NOTHING_ELIGIBLE
    kind = "nothing_eligible"


class UpstreamFailed(LlmpoolError):
    """Every attempt failed, or an answer broke off after it had begun."""

    exit_code = Exit.FAILED
    kind = "all_failed"


class Refused(LlmpoolError):
    """A budget, a quota, a policy or `--offline` forbids it."""

    exit_code = Exit.REFUSED
    kind = "refused"


def offline_forbids(what: str) -> Refused:
    """Make the error of what `--offline` forbids."""
    return Refused(f"--offline forbids {what}", hint="run it without --offline")


class StateUnusable(LlmpoolError):
    """A state file is corrupt, cannot be written, or comes from a newer version."""

    exit_code = Exit.STATE
    kind = "state"


_UPGRADE = "upgrade llmpool, or point LLMPOOL_STATE_DIR at another directory"


class LaterState(StateUnusable):
    """A state file was written by a later version of llmpool; this one must not touch it."""

    def __init__(self, path: object, written: int, known: int, *, hint: str = _UPGRADE) -> None:
        super().__init__(f"{path} is of version {written}; this llmpool knows version {known}", hint=hint)


class DamagedModel(StateUnusable):
    """A model file of this machine cannot be loaded."""

    kind = "damaged_model"


class Busy(LlmpoolError):
    """Something else holds what this needs, or a rate limit does; `retry_at` says when to try again."""

    exit_code = Exit.BUSY
    kind = "busy"
