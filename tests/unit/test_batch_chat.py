"""How a batch is counted, streamed and ended, without a thread or a file."""

from __future__ import annotations

import signal
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.chat.batch import Result, Tally
from llmpool.chat.batch_lines import Entry
from llmpool.chat.batch_sheet import AHEAD, InOrder
from llmpool.chat.batch_stop import heeded
from llmpool.errors import Busy, Exit, LlmpoolError, Misuse, NoCredential, UpstreamFailed


def ended(*errors: LlmpoolError | None) -> Tally:
    """Count lines that were answered (None) or failed so."""
    tally = Tally()
    for number, error in enumerate(errors, 1):
        tally.take(Result(Entry(number, "k"), {"line": number}, error, cost=None if error else Decimal(1)))
    return tally


def test_the_code_says_how_it_went() -> None:
    """0 all answered, 9 some, else what all failures share or 7; what stopped it comes first."""
    assert ended().exit_code() == Exit.OK
    assert ended(None, None).exit_code() == Exit.OK
    assert ended(None, Misuse("x")).exit_code() == Exit.PARTLY
    assert ended(NoCredential("x"), NoCredential("y")).exit_code() == Exit.CREDENTIALS
    assert ended(NoCredential("x"), UpstreamFailed("y")).exit_code() == Exit.FAILED
    stopped = ended(None, Misuse("x"))
    stopped.why = Busy("later")
    assert stopped.exit_code() == Exit.BUSY
    stopped.code = Exit.INTERRUPTED
    assert stopped.exit_code() == Exit.INTERRUPTED
    resumed = ended(Misuse("x"))
    resumed.known = 3
    assert resumed.exit_code() == Exit.PARTLY


def test_what_is_interrupted_is_neither_answered_nor_failed() -> None:
    """A line without a document is asked another time."""
    tally = Tally()
    tally.take(Result(Entry(1, "k")))
    assert (tally.answered, tally.failed, tally.done, tally.open) == (0, [], 0, 1)


def test_a_warning_is_told_once() -> None:
    """A thousand lines that notice the same are one warning, and there are twenty at most."""
    tally = Tally()
    for number in range(1000):
        tally.notice(("the same", f"number {number}"))
    assert list(tally.warnings)[:2] == ["the same", "number 0"]
    assert len(tally.warnings) == 20


@given(st.permutations(list(range(12))), st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_lines_leave_in_the_order_they_were_taken(arrival: list[int], sizes: list[int]) -> None:
    """However they come, and however many at a time."""
    written: list[dict[str, Any]] = []
    sheet = InOrder(written.append)
    for number in range(12):
        assert not sheet.known(Entry(number + 1, "k"))
    rest = list(arrival)
    for size in sizes:
        sheet.keep([{"line": number + 1} for number in rest[:size]])
        rest = rest[size:]
        assert written == [{"line": number + 1} for number in range(len(written))]
    sheet.finish()
    assert [each["line"] for each in written] == list(range(1, 13))


def test_what_waits_for_another_line_is_bounded() -> None:
    """Where the first line takes long, the others do not run ahead for ever."""
    sheet = InOrder(lambda _document: None)
    for number in range(AHEAD):
        assert sheet.has_room()
        sheet.known(Entry(number, "k"))
    assert not sheet.has_room()
    sheet.keep([{"line": 0}])
    assert sheet.has_room()


def test_signals_are_noted_and_break_nothing() -> None:
    """Inside the block a signal is counted; after it, it does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    with heeded() as signals:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert (signals.times, signals.code) == (2, Exit.TERMINATED)
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has none")
def test_a_window_that_is_closed_breaks_nothing_either() -> None:
    """What is under way is answered and kept, as after SIGTERM; under nohup it is not heard at all."""
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _frame: heard.append(number))
    try:
        with heeded() as signals:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)  # by the shell as well
            assert (signals.times, signals.code, heard) == (1, Exit.TERMINATED, [])
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with heeded() as signals:
            signal.raise_signal(signal.SIGHUP)
            assert signals.times == 0
    finally:
        signal.signal(signal.SIGHUP, before)
