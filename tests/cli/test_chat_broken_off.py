"""`llmpool chat` that is ended from outside: what was heard is recorded, and the exit code says why."""

from __future__ import annotations

import signal

import pytest

from tests.cli.test_chat import lines, pool_of
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, wait_for

pytestmark = pytest.mark.usefixtures("impatient")


def test_interrupted_answers_are_recorded(home: Home) -> None:
    """Ctrl-C ends with 130 and the usage line counts what was streamed."""
    with FakeServer(behave=[faults.slow(between=0.3)], models=("m",)) as one:
        pool_of(home, one)
        child = home.start("chat", "hi")
        wait_for(lambda: one.chats)
        assert child.stdout.read(3) == "hel"
        assert end_of(child, send=signal.SIGINT).code == 130
        record = lines(home, "usage")[0]
        assert record["interrupted"] is True
        assert record["output_tokens"] >= 1


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_terminated_ends_with_143(home: Home, sent: signal.Signals) -> None:
    """SIGTERM, and the window that is closed, end with 143 and still record."""
    with FakeServer(behave=[faults.hang(30)]) as one:
        pool_of(home, one)
        child = home.start("chat", "hi")
        wait_for(lambda: one.chats)
        assert end_of(child, send=sent).code == 143
        assert lines(home, "usage")[0]["error"] == "cancelled"


def test_a_reader_that_leaves_ends_with_141(home: Home) -> None:
    """When nobody reads stdout any more the run ends with 141 and no traceback."""
    with FakeServer(text="word " * 50000) as one:
        pool_of(home, one)
        child = home.start("chat", "hi")
        child.stdout.read(10)
        child.stdout.close()
        child.stdout = None
        assert child.wait(30) == 141
        assert "Traceback" not in child.stderr.read()
