"""What must hold of every reader of hostile input, whatever it is given."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from llmpool.core.outcome import FAILURE_KINDS, Failure, UpstreamError
from llmpool.core.record import Record, plain
from llmpool.errors import LlmpoolError
from llmpool.state import jsonfile
from tests.fuzz.plan import Plan, Step

Mutate = Callable[[bytes, tuple[Step, ...]], bytes]
ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)  # what acts on a terminal, hides, or cannot be encoded
MOST_MESSAGE = 4000


class Target(NamedTuple):
    """A reader: the valid documents it starts from, how they are mutated, and what is done with one."""

    name: str
    seeds: Callable[[], list[bytes]]
    mutate: Mutate
    check: Callable[[bytes], None]

    def document(self, plan: Plan) -> bytes:
        """Make the document of a plan."""
        seeds = self.seeds()
        return self.mutate(seeds[plan.seed % len(seeds)], plan.steps)

    def run(self, plan: Plan) -> None:
        """Check the document of a plan."""
        self.check(self.document(plan))


@contextmanager
def refused_or_read() -> Iterator[None]:
    """Let a document be refused with an error of the program's own; a failure's words are fit for a terminal.

    Those of other errors are made so where they are printed, which the commands are held to.
    """
    try:
        yield
    except UpstreamError as error:
        sound_failure(error.failure)
    except LlmpoolError as error:
        jsonfile.encode(error.as_json())


def fit(text: str) -> None:
    """Hold that a text can be shown: nothing in it acts on a terminal, hides or cannot be encoded."""
    assert isinstance(text, str), type(text)
    assert not ACTING.search(text), repr(text[:300])
    assert len(text) <= MOST_MESSAGE, f"{len(text)} characters"


def sound_failure(failure: Failure) -> None:
    """Hold that a failure is one of the known kinds and can be shown, kept and waited for."""
    assert failure.kind in FAILURE_KINDS, failure
    for text in (failure.message, failure.code, failure.param, failure.hint):
        fit(text)
    assert failure.message, failure
    assert isinstance(failure.status, int)
    assert failure.retry_after is None or 0 < failure.retry_after < float("inf"), failure
    kept(failure)


def kept(value: Any) -> bytes:
    """Hold that a value can be written into a state file."""
    return jsonfile.encode(plain(value))


def sound(record: Record) -> None:
    """Hold that the texts of a record can be shown, and all of it be kept."""
    for value in record.as_dict().values():
        if isinstance(value, str):
            fit(value)
        elif isinstance(value, Record):
            sound(value)
    kept(record)


def peak(act: Callable[[], object]) -> int:
    """Return the most bytes that *act* held at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
