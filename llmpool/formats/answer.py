"""What reading an answer comes down to in every format: is it a good one, is it whole, is it empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from llmpool.core.chat import Delta
from llmpool.core.outcome import Failure, FailureKind, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Followed, Frame, Frames
from llmpool.formats import errors
from llmpool.formats.base import parse_body

MOST_TOKENS = 1 << 40  # no answer and no prompt has as many
WITHHELD = "the provider withheld the answer for what it says"
SILENCE = 3.0  # seconds behind a finish
CUT_OFF = frozenset({"broken", "timeout"})  # behind its finish an answer is whole all the same


class Reading(Protocol):
    """An answer being read, as every format reads its own."""

    @property
    def usage(self) -> TokenUsage | None:
        """What the answer cost, as far as it is told."""

    def last(self) -> Delta:
        """Return the last Delta; raise UpstreamError when this was no whole answer."""


def ending(reading: Reading) -> Iterator[Delta]:
    """Yield the last piece of an answer; where it is none, what it cost all the same, and raise."""
    try:
        last = reading.last()
    except UpstreamError:
        yield from paid(reading)
        raise
    yield last


def paid(reading: Reading) -> Iterator[Delta]:
    """Yield what was told of the tokens of an answer that goes wrong: its vendor charges for them."""
    if reading.usage is not None:
        yield Delta(usage=reading.usage)


def good(
    answer: Answer,
    read_error: Callable[[Answer], Failure] = errors.read_error,
    failure_in: Callable[[Any], Failure] = errors.failure_in,
) -> Any:
    """Return the JSON of a good answer; raise for any other, and for an error that hides in a 200.

    *read_error* and *failure_in* say what either means, where a format knows more than all have in common.
    """
    if not 200 <= answer.status < 300:
        raise UpstreamError(read_error(answer))
    payload = parse_body(answer)
    if is_error(payload):
        raise UpstreamError(failure_in(payload))
    return payload


def behind(
    finish: str, frames: Iterable[Frame], frame: Frame, *, anew: bool, silence: float = SILENCE
) -> None:
    """Bound the wait behind a *finish*: servers that neither mark the end nor hang up would be waited for.

    Usage and the end mark come at once or never; what is said *anew* gives the server all the time again.
    """
    if finish and isinstance(frames, Frames) and type(frame) is not Followed:
        frames.end_within(silence, anew=anew)


def is_error(payload: object) -> bool:
    """Whether a JSON object tells an error, in any of the ways that vendors mark one."""
    return isinstance(payload, dict) and bool(
        payload.get("error") or payload.get("object") == "error" or payload.get("type") == "error"
    )


def in_one_piece(data: str) -> Answer:
    """Make the answer of a server that was asked to stream and did not: it came as one frame, `json`."""
    return Answer(status=200, headers={}, body=data.encode("utf-8", "replace"))


def failed(kind: FailureKind, message: str) -> UpstreamError:
    """Make the error for an answer that is none."""
    return UpstreamError(Failure(kind=kind, message=message))


def broke_off() -> UpstreamError:
    """Make the error for an answer without its end."""
    return failed("broken", "the answer broke off before its end")


def lacks(payload: object, what: str, kind: FailureKind = "wrong_format") -> UpstreamError:
    """Make the error for JSON that is no answer; what it says instead is told, and may tell its kind.

    Some gateways write all their errors so: `{"code": 401, "message": "..."}` and status 200.
    """
    if not errors.said_by(payload).message:
        return failed(kind, what)
    failure = errors.failure_in(payload)
    known = failure.kind if failure.kind != "server" or failure.status else kind
    return UpstreamError(failure.replace(kind=known, message=f"{what}; it says: {failure.message}"))


def judge_empty(finish: str, *, thinking: bool, why: str = "") -> None:
    """Raise for an answer without text and tool calls, unless it was cut off while thinking.

    *why* is put behind the words, where the server told more.
    """
    if finish == "content":
        raise failed("content", WITHHELD + why)
    if not thinking:
        raise failed("empty", f"the answer is empty{why}")
    if finish != "length":
        raise failed("empty", f"the answer is empty: there was only thinking{why}")


def tokens(value: object) -> int | None:
    """Return *value* when it is a count of tokens; unknown is not 0."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < MOST_TOKENS else None


def with_reasoning(
    said: int | None, reasoning: int | None, sent: int | None, total: int | None, cached: int | None
) -> tuple[int | None, int | None]:
    """Return the tokens of an answer with its reasoning in them, and those of its reasoning.

    xAI, and Google's models at many gateways, count that beside the answer, some without a name: only the
    total tells. Where prompts are cached it may tell of those instead.
    """
    more = (total or 0) - (sent or 0) - (said or 0)
    unnamed = reasoning is None and bool(sent) and not cached
    if more > 0 and (more == reasoning or unnamed):
        return (said or 0) + more, more
    return said, reasoning
