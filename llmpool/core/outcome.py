"""How calls end: failures by kind, attempts, the outcome of a request and its usage record."""

from __future__ import annotations

from typing import Literal, get_args

from llmpool.core.record import Record

FailureKind = Literal[
    "auth",  # the key is refused or missing
    "quota",  # money or allowance is used up
    "rate_limit",  # too fast; wait
    "overloaded",  # the server says it is too busy
    "server",  # 5xx
    "connect",  # refused, unreachable, no such host, TLS
    "timeout",  # connect, first token or read took too long
    "model_not_found",  # this provider does not have the model
    "context_length",  # the prompt is too long for the model
    "bad_request",  # the server does not accept the request
    "wrong_format",  # the answer is not what this protocol promises
    "broken",  # the answer ended before its end mark
    "empty",  # the answer has no text and no tool call
    "unfit",  # the answer does not fit the schema that was asked for
    "content",  # refused for what it says
    "unusable",  # it cannot be called from here: no such format, model file or program
    "cancelled",  # the user stopped it
]
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)

FORWARDED = "forwarded"  # an account was refused that is its server's, elsewhere: its other models need none

# Codes that say what no server can: an error that has one of them for its own has none.
OWN_CODES = frozenset(
    (
        "budget --max-cost own_limit deadline state damaged_model config busy unknown_name nothing_eligible "
        f"redirect connect_timeout html no_endpoint responses_only {FORWARDED}"
    ).split()
)


def kind_of(text: str) -> FailureKind:
    """Return *text* where it is a kind of failure, as a file may have it; anything else is a fault there."""
    return text if text in FAILURE_KINDS else "server"


class Failure(Record):
    """Why a call failed. *retry_after* is seconds, None when the server gave no hint.

    *param* is the request's parameter the server named; *code* is the server's own, or ours: `html`,
    `no_endpoint`, `responses_only`, `connect_timeout`. *hint* is the way out, where it is known here alone.
    """

    kind: FailureKind
    message: str
    status: int = 0
    code: str = ""
    param: str = ""
    retry_after: float | None = None
    should_retry: bool | None = None
    hint: str = ""

    @property
    def told(self) -> str:
        """The message with its status, where the message does not say that itself."""
        said = not self.status or str(self.status) in self.message
        return self.message if said else f"{self.message} (status {self.status})"


class Attempt(Record):
    """One call to one deployment with one key. *latency_ms* counts from the first byte sent."""

    deployment: str
    key: str
    latency_ms: int
    failure: Failure | None = None

    def as_json(self) -> dict[str, object]:
        """Show the attempt as `--json` and the decision log have it."""
        shown: dict[str, object] = {
            "deployment": self.deployment,
            "key": self.key,
            "latency_ms": self.latency_ms,
        }
        shown["ok"] = self.failure is None
        if self.failure is not None:
            shown |= {
                "kind": self.failure.kind,
                "status": self.failure.status or None,
                "message": self.failure.message,
            }
        return shown


class TokenUsage(Record):
    """Tokens of one answer; cached tokens are inside *input* (DESIGN ruling 16). None: not reported.

    *cache_write_1h* is the part of *cache_write* that is kept for an hour; *reasoning* is inside *output*.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    estimated: bool = False


class UpstreamError(Exception):
    """A provider's call failed; *failure* is the whole story, and the text is its message."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
