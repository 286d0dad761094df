"""What the tests of `google` and `cloudcode` share: recorded answers, and a listing driven to its end."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from hypothesis import strategies as st

from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats.base import Listing, WireFormat
from tests.unit.formats.recordings import CONTRACT

FIELDS = (
    "candidates content parts text thought thoughtSignature functionCall name args id finishReason response "
    "models promptFeedback blockReason usageMetadata promptTokenCount candidatesTokenCount error code status "
    "message details reason violations quotaId metadata retryDelay fieldViolations field modelVersion "
    "willContinue"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=4)
    ),
    max_leaves=25,
)


def recorded(name: str) -> Answer:
    """Return the answer recorded as *name*, such as `pydantic-ai/stream`, byte for byte."""
    _, _, rest = (CONTRACT / "google" / f"{name}.txt").read_bytes().partition(b"\n< ")
    head, _, body = rest.partition(b"\n\n")
    status, *fields = head.decode().split("\n")
    pairs = (field[2:].split(": ", 1) for field in fields if not field.startswith("< ("))
    return Answer(
        status=int(status.split()[0]), headers={name.lower(): value for name, value in pairs}, body=body
    )


def documented(name: str) -> bytes:
    """Return a documented body, such as `cloudcode/documented/chat.json`."""
    return (CONTRACT / name).read_bytes()


def answer(payload: object, status: int = 200) -> Answer:
    """Make an answer of *payload*."""
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


def frame(payload: object) -> Frame:
    """Make a piece of a stream."""
    return Frame("", json.dumps(payload))


def piece(*parts: dict[str, Any], finish: str = "", **more: Any) -> dict[str, Any]:
    """Make a chunk with *parts*."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})]} | more


def listed(wire: WireFormat, target: Target, *answers: Answer) -> tuple[Listing, list[Call]]:
    """Run a listing against *answers*; return it and the calls it made."""
    flow: Generator[Call, Answer, Listing] = wire.list_models(target)
    calls, coming = [], iter(answers)
    try:
        call = next(flow)
        while True:
            calls.append(call)
            call = flow.send(next(coming))
    except StopIteration as end:
        return end.value, calls
