"""When an embedded server goes: after its idle time, whatever the clock does, and never under a client."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from llmpool.embedded import host, make_private_dirs

QUIET = "llamacpp:requests_processing 0\nllamacpp:requests_deferred 0\n"
INFO = b"where it listens"


class Server:
    """A server that nobody asks; *come* is called once, when its state file is withdrawn."""

    def __init__(self, place: host.Place, *, come: bool = False) -> None:
        self.place, self.come, self.came = place, come, False

    def handle_metrics(self) -> str:
        """Return figures as llama.cpp does."""
        if self.come and not self.place.file(".json").exists():
            self.come, self.came = False, True
            mark(self.place, time.time())
        elif self.came:
            assert self.place.file(".json").read_bytes() == INFO
            self.came = False
        return QUIET


def mark(place: host.Place, moment: float) -> None:
    """Mark a model as used at a moment."""
    place.file(".used").touch()
    os.utime(place.file(".used"), (moment, moment))


@pytest.fixture
def place(tmp_path: Path) -> host.Place:
    make_private_dirs(tmp_path)
    place = host.Place(tmp_path, "tiny", 0.05)
    place.file(".json").write_bytes(INFO)
    return place


def watched(server: Server) -> bool:
    """Watch a server until it retires; False where it had to be told after a while."""
    stopping = threading.Event()
    ending = threading.Timer(20, stopping.set)
    ending.start()
    host._watch(server, server.place, INFO, stopping)
    ending.cancel()
    return not server.place.file(".json").exists()


def test_a_clock_that_was_set_back_keeps_no_host_alive(place: host.Place) -> None:
    """A mark from a time that is still to come is as old as it was seen."""
    mark(place, time.time() + 86400 * 365)
    assert watched(Server(place))


def test_who_comes_as_it_withdraws_finds_it_again(place: host.Place) -> None:
    """It offers itself anew, and goes when that one has let it be idle as well."""
    mark(place, time.time() - 3600)
    server = Server(place, come=True)
    assert watched(server)
    assert not server.come
