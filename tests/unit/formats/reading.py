"""Reads frames as a format does, to the answer or to the failure they end with."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from llmpool.core.chat import Delta
from llmpool.core.outcome import FAILURE_KINDS, Failure, UpstreamError
from llmpool.core.wire import Frame
from llmpool.formats import wire_format


class Reader:
    """Reads what comes in the format *name*."""

    def __init__(self, name: str) -> None:
        self.wire = wire_format(name)

    def read(self, frames: Iterable[Frame]) -> list[Delta]:
        """Read *frames* to the end."""
        return list(self.wire.read_stream(frames))

    def failure(self, frames: Iterable[Frame]) -> Failure:
        """Return the failure that reading *frames* ends with."""
        with pytest.raises(UpstreamError) as raised:
            self.read(frames)
        assert raised.value.failure.kind in FAILURE_KINDS
        return raised.value.failure


def text(deltas: Iterable[Delta]) -> str:
    """Join the text of *deltas*."""
    return "".join(delta.text for delta in deltas)
