"""Drives OAuth flows for tests: answers in order, a clock that only waiting moves."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from llmpool.auth.oauth import Application, Show, Wait
from llmpool.auth.oauth_kinds import KINDS
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call

NOW = 1_700_000_000.0
CODE = {
    "device_code": "dev-1",
    "user_code": "ABCD-1234",
    "verification_uri": "https://github.test/device",
    "expires_in": 900,
    "interval": 2,
}
TOKEN = {"access_token": "gho_1", "token_type": "bearer"}


def app(kind: str, **fields: Any) -> Application:
    """Make the owner's client of a type."""
    return KINDS[kind].replace(client_id="mine", **fields)


def said(body: Any, status: int = 200) -> Answer:
    """Make an answer with a JSON body, or a text as it is."""
    content = body if isinstance(body, str) else json.dumps(body)
    return Answer(status=status, headers={}, body=content.encode())


def form_of(call: Any) -> dict[str, str]:
    """Return the form of a call."""
    return {name: values[0] for name, values in parse_qs(call.body.decode()).items()}


class Script:
    """Drives a flow: answers in order, a clock that only waiting moves, and everything that was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.now = NOW
        self.waits: list[float] = []
        self.shown: list[Show] = []
        self.calls: list[Call] = []

    def clock(self) -> float:
        """Tell the time."""
        return self.now

    def run(self, flow: Any) -> Any:
        """Drive *flow* to its end and return what it gave."""
        try:
            step = next(flow)
            while True:
                step = self._next(flow, step)
        except StopIteration as end:
            return end.value

    def _next(self, flow: Any, step: Any) -> Any:
        if isinstance(step, Wait):
            self.waits.append(step.seconds)
            self.now += step.seconds
            return flow.send(None)
        if isinstance(step, Show):
            self.shown.append(step)
            return flow.send(None)
        if isinstance(step, Call):
            self.calls.append(step)
        answer = self.answers.pop(0)
        return flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)


def away() -> UpstreamError:
    """Make the error of a network that is not there."""
    return UpstreamError(Failure(kind="connect", message="no route"))
