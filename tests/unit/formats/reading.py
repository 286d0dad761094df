"""Reads frames as a format does, to the answer or to the failure they end with."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from llmpool.core.chat import Delta
from llmpool.core.outcome import FAILURE_KINDS, Failure, UpstreamError
from llmpool.core.wire import Frame
from llmpool.formats import wire_format
from llmpool.formats.written_calls import Watch, WrittenCall


def parse(text: str, names: Iterable[str]) -> tuple[list[WrittenCall], str]:
    """Return the calls that *text* is made of, and the text around them: all of it where it is none."""
    watch = Watch(names)
    said = watch.feed(text)
    calls, rest = watch.end()
    return calls, said + rest


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
