"""Runs a listing against prepared answers, as the client would."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, NamedTuple

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call
from llmpool.formats.base import Listing
from llmpool.formats.collect import Collected
from llmpool.formats.listing import named, observed


class Listed(NamedTuple):
    """What a listing made of its answers, and what it asked."""

    listing: Listing
    calls: list[Call]

    @property
    def urls(self) -> list[str]:
        """The addresses asked, in order."""
        return [call.url for call in self.calls]

    @property
    def names(self) -> list[str]:
        """The names of the models."""
        return [model.name for model in self.listing.models]


def answer(payload: object, status: int = 200) -> Answer:
    """Make an answer of *payload*."""
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


def page(body: str = "<!doctype html>", status: int = 200) -> Answer:
    """Make an answer that is a page."""
    return Answer(status=status, headers={}, body=body.encode())


def collected(*pages: list[Any]) -> Listing:
    """Collect the lines of an OpenAI-style listing, page by page."""
    models = Collected()
    for lines in pages:
        models.take(named(lines), observed)
    return models.listing()


def run(
    flow: Generator[Call, Answer, Listing], *answers: Answer | UpstreamError, all_used: bool = True
) -> Listed:
    """Answer what *flow* asks with *answers*, in order; an error is thrown as the client throws it."""
    calls, coming = [], iter(answers)
    try:
        call = next(flow)
        while True:
            calls.append(call)
            said = next(coming)
            call = flow.throw(said) if isinstance(said, UpstreamError) else flow.send(said)
    except StopIteration as end:
        assert not all_used or next(coming, None) is None, "an answer was left over"
        return Listed(end.value, calls)
