"""What happens to one request on its way: events for whoever listens, and the account that is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.core.chat import Delta
from llmpool.core.limits import Headroom
from llmpool.core.outcome import Attempt, Failure, TokenUsage
from llmpool.core.routing import Decision
from llmpool.core.text import tokens


class Notice(NamedTuple):
    """Something a person should know while waiting: a failover, a wait, a model that is loading.

    A *warning* is about what may be lost, and is not for `--quiet` to silence.
    """

    text: str
    warning: bool = False


class Seam(NamedTuple):
    """An answer ends here, in the middle of being shown; nothing of it will follow."""


class Done(NamedTuple):
    """The end of a request that was answered."""

    journey: Journey


Event = Delta | Notice | Seam | Done


class Journey:
    """One request from decision to outcome; filled while it runs, written once when it ends.

    Milliseconds are counted from the start of the attempt that answered, as its user felt them.
    """

    def __init__(self, decision: Decision, tag: str = "", session: str = "") -> None:
        self.decision = decision
        self.tag = tag
        self.session = session
        self.attempts: list[Attempt] = []
        self.deployment = ""
        self.key = ""
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.tools: dict[int, dict[str, str]] = {}
        self.usage: TokenUsage | None = None
        self.finish = ""
        self.served_model = ""
        self.success = False
        self.interrupted = False
        self.carry: list[dict[str, Any]] = []
        self.headroom: dict[tuple[str, str], tuple[Headroom, ...]] = {}
        self.shown = False
        self.warnings: list[str] = []
        self.cost: Decimal | None = None
        self.usage_id = ""
        self.learnt = 0  # attempts that are in the pool's health already
        self.instead = ""  # what is to be said where somebody else answered than was asked for, and
        self.because = ""  # why that is
        self.rested: set[str] = set()  # deployments that rest for this request already
        self.began: list[float] = []  # when each attempt did, in seconds of the monotonic clock
        self._lost: dict[int, TokenUsage] = {}  # what came of answers that broke off, by attempt
        self.ttft_ms: int | None = None
        self.latency_ms = 0
        self._began = time.monotonic()

    def start_attempt(self, deployment: str, key: str) -> None:
        """Begin an attempt and forget what an earlier one produced, though a reader may have seen it."""
        self.deployment, self.key = deployment, key
        self.text, self.thinking, self.tools, self.carry = [], [], {}, []
        self.usage, self.finish, self.served_model, self.ttft_ms = None, "", "", None
        self.warnings = []
        self._began = time.monotonic()

    def take(self, delta: Delta) -> None:
        """Add a piece of the answer."""
        if self.ttft_ms is None and (delta.text or delta.thinking or delta.tools):
            self.ttft_ms = self.elapsed()
        if delta.text:
            self.text.append(delta.text)
        if delta.thinking:
            self.thinking.append(delta.thinking)
        for piece in delta.tools:
            call = self.tools.setdefault(piece.position, {"id": "", "name": "", "arguments": ""})
            call["id"] = piece.id or call["id"]
            call["name"] = piece.name or call["name"]
            call["arguments"] += piece.arguments
        if delta.carry or delta.finish or delta.usage or delta.served_model:  # the last piece, nearly always
            self.carry.extend(delta.carry)
            self.usage = delta.usage or self.usage
            self.finish = delta.finish or self.finish
            self.served_model = delta.served_model or self.served_model

    def redact(self, blot: Callable[[str], str]) -> None:
        """Blot out what may have come in pieces; what was shown by then is shown."""
        for name in ("text", "thinking"):
            whole = "".join(getattr(self, name))
            if blot(whole) != whole:
                setattr(self, name, [blot(whole)])
        for call in self.tools.values():
            call["arguments"] = blot(call["arguments"])

    def heard(self, provider: str, headroom: tuple[Headroom, ...]) -> None:
        """Note what an answer's headers said of the allowances of the key in use."""
        if headroom:
            self.headroom[provider, self.key] = headroom

    def end_attempt(self, failure: Failure | None) -> None:
        """End an attempt, well or badly."""
        self.latency_ms = self.elapsed()
        if failure is not None and (self.got or self.usage):
            self._lost[len(self.attempts)] = self.part()
        self.began.append(self._began)
        self.attempts.append(
            Attempt(deployment=self.deployment, key=self.key, latency_ms=self.latency_ms, failure=failure)
        )
        self.success = failure is None

    def passed_on(self, ref: str, failure: Failure, rests: str, following: str) -> Notice:
        """Say that a deployment failed, how long it *rests*, and who is asked instead.

        Where one answer ends in the middle and another begins, that is the mark: quiet does not silence it.
        """
        if self.shown and self.answer:
            return Notice(f"{ref} broke off: {failure.told}; {following} starts over", warning=True)
        words = (f"{ref}: {failure.told}", rests, f"{following} is asked next")
        return Notice("; ".join(filter(None, words)))

    def part(self) -> TokenUsage:
        """Count what came of an answer that broke off: as its server told, or more where more came."""
        told, came = self.usage or TokenUsage(), tokens(self.got)
        if came <= (told.output or 0) or (self.whole and told.output):
            return told
        return told.replace(output=came, estimated=True)

    def broken(self) -> Iterator[tuple[Attempt, TokenUsage]]:
        """Yield the attempts that broke off, the last one aside, each with what came of it."""
        for place, got in self._lost.items():
            if place < len(self.attempts) - 1:
                yield self.attempts[place], got

    def attempts_json(self) -> list[dict[str, object]]:
        """Show the attempts as `--json` and the decision log have them: with the reason, and who was next."""
        shown = [attempt.as_json() for attempt in self.attempts]
        if len(shown) == 1 and self.success:
            return shown
        from llmpool.router import summary

        for place, attempt in enumerate(self.attempts):
            if attempt.failure is None:
                continue
            shown[place]["reason"] = summary.reason(attempt.failure)
            if place in self._lost:
                part = self._lost[place]
                shown[place] |= {"output_tokens": part.output or 0} | (
                    {"estimated": True} if part.estimated else {}
                )
            following = self.attempts[place + 1 : place + 2]
            if following and following[0].deployment != attempt.deployment:
                shown[place]["next"] = following[0].deployment
        return shown

    def summary(self) -> str:
        """Tell the way of the request in one line (pool-routing-formats 11.7)."""
        from llmpool.router import summary

        return summary.summary(self.attempts)

    def since(self, place: int) -> float:
        """Return the seconds since the attempt at *place* began."""
        return time.monotonic() - self.began[place]

    def elapsed(self) -> int:
        """Return the milliseconds since this attempt began."""
        return round((time.monotonic() - self._began) * 1000)

    @property
    def whole(self) -> bool:
        """Whether the answer came to its end, fit or not: what its server counted is all of it then."""
        return self.success or bool(self.finish)

    @property
    def got(self) -> str:
        """All that came so far and is paid for: thoughts and calls of tools as well."""
        calls = (call["name"] + call["arguments"] for call in self.tools.values())
        return "".join((*self.text, *self.thinking, *calls))

    @property
    def answer(self) -> str:
        """The text so far."""
        return "".join(self.text)

    @property
    def reason(self) -> str:
        """Why another deployment than the selected one answered; empty when it is the one asked for."""
        first = next((a for a in self.attempts if a.failure), None)
        if first is None or first.failure is None or self.deployment == first.deployment:
            return ""
        return f"{first.deployment}: {first.failure.message}"


def tool_calls(journey: Journey) -> list[dict[str, Any]]:
    """List the tools the model wants called, in its order; arguments are JSON text as the model wrote it."""
    return [journey.tools[place] for place in sorted(journey.tools)]


def document(journey: Journey) -> dict[str, Any]:
    """Show an answer as `chat --json` does (DESIGN 3.2)."""
    usage = journey.usage or TokenUsage()
    shown: dict[str, Any] = {"text": journey.answer}
    if journey.thinking:
        shown["thinking"] = "".join(journey.thinking)
    if journey.tools:
        shown["tool_calls"] = tool_calls(journey)
    shown |= {
        "requested": journey.decision.requested or journey.decision.selected,
        "served_by": journey.deployment,
    }
    if journey.because:
        shown["reason"] = journey.because
    if journey.warnings:
        shown["warnings"] = journey.warnings
    counted = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
    }
    return shown | {
        "finish": journey.finish or "stop",
        "usage": counted | ({"estimated": True} if usage.estimated else {}),
        "cost": None if journey.cost is None else f"{journey.cost:f}",
        "ttft_ms": journey.ttft_ms,
        "latency_ms": journey.latency_ms,
        "attempts": journey.attempts_json(),
        "decision_id": journey.decision.id,
        "usage_id": journey.usage_id,
    }
