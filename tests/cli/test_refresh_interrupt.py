"""A refresh that is interrupted while providers hang, and one that is asked for nobody."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from llmpool.config.paths import find_paths
from llmpool.discovery.refresh import refresh
from llmpool.pool import open_pool
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, provider, wait_for

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def left(home: Home) -> list[str]:
    """List the files of the state directory that hold anything."""
    files = (path for path in home.state.rglob("*") if path.is_file() and path.stat().st_size)
    return sorted(path.name for path in files)


def trying(port: int) -> int:
    """Count the connections to *port* of this machine that are being made: state 02 is SYN_SENT."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum((row[2], row[3]) == (f"0100007F:{port:04X}", "02") for row in rows)


@pytest.mark.parametrize(("sent", "code"), SIGNALS)
@pytest.mark.parametrize("jobs", ["1", "32"])
def test_an_interrupted_refresh_ends_at_once(home: Home, sent: signal.Signals, code: int, jobs: str) -> None:
    """Nobody waits for a provider that hangs: the sockets are closed, nothing is written, nothing is said."""
    hang = faults.hang(100)
    with FakeServer(behave_listing=lambda _number, _request: hang) as server:
        home.write_config(*(provider(name, server.url) for name in ("a", "b", "c")))
        child = home.start("refresh", "--jobs", jobs)
        wait_for(lambda: len(server.listings) == min(3, int(jobs)))
        began = time.monotonic()
        ended = end_of(child, send=sent)
        took = time.monotonic() - began
        wait_for(lambda: len(server.abandoned) == len(server.listings))
    assert (ended.code, ended.out, ended.err) == (code, "", "")
    assert took < 50  # about 0.1 s where the machine is idle
    assert len(server.listings) == min(3, int(jobs))
    assert "inventory.json" not in left(home)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/net/tcp")
def test_what_cannot_be_shut_is_left_behind(home: Home) -> None:
    """A connection that is still being made cannot be shut; the end does not wait for it either."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        home.write_config(
            "[routing]\nconnect_timeout = '100s'\n", provider("a", f"http://127.0.0.1:{port}/v1")
        )
        before = trying(port)
        child = home.start("refresh")
        wait_for(lambda: trying(port) > before)
        began = time.monotonic()
        ended = end_of(child, send=signal.SIGINT)
        for filler in fillers:
            filler.close()
    assert (ended.code, ended.err) == (130, "")
    assert time.monotonic() - began < 50


def test_nobody_is_observed_for_no_names(home: Home, server: FakeServer) -> None:
    """No names at all mean the whole pool, an empty tuple means nobody."""
    home.write_config(provider("a", server.url))
    pool = open_pool(find_paths(os.environ, str(home.config), str(home.state)))
    report = refresh(pool, ())
    assert (report.observed, report.changes, report.failed, report.skipped) == ((), (), (), ())
    assert (server.requests, "inventory.json" in left(home)) == ([], False)
    assert [entry.provider for entry in refresh(pool).observed] == ["a"]
    assert len(server.listings) == 1


def test_a_bug_in_a_thread_is_raised(home: Home, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong beside the main thread is not lost."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("llmpool.discovery.refresh.observe", broken)
    home.write_config(provider("a", server.url))
    pool = open_pool(find_paths(os.environ, str(home.config), str(home.state)))
    with pytest.raises(ZeroDivisionError):
        refresh(pool)
