"""Keeps the limits httpx has none for: to the first byte, for the whole call, and behind an answer's finish.

httpx bounds each single read; a server that sends a byte now and then would never end. When a limit passes,
a timer shuts the socket, and the read that waits on it returns at once.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from llmpool.core.wire import Timeouts

GIVEN_UP = "given up"
ENDED = "ended"
KEPT_ALIVE = "event"
PATIENCE = 10  # times as long as for the first event, where the server says meanwhile that it is alive


class Deadline:
    """The limits of one call. *expired* names the one that passed; `trace` learns the socket from httpx."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.expired = ""
        self._first_token = timeouts.first_token
        self._ends = math.inf
        self._stream: Any = None
        self._timers: dict[str, threading.Timer] = {}
        if timeouts.total is not None:
            self._start("total", timeouts.total)

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Follow the call: remember its socket, and count the wait from the moment it is sent."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]
            if self.expired:
                self._shut()
        elif event.endswith(
            ("send_request_body.complete", "send_request_body.failed")
        ):  # it may answer early
            self._start("first_token", self._first_token)

    def first_byte(self) -> None:
        """End the wait: the answer has begun."""
        self._cancel("first_token")
        self._cancel(KEPT_ALIVE)

    def kept_alive(self) -> None:
        """Wait longer, but not for ever: the server is there, and its answer has not begun."""
        self._cancel("first_token")
        if KEPT_ALIVE not in self._timers:
            self._start(KEPT_ALIVE, PATIENCE * self._first_token)

    def stop(self) -> None:
        """Lift every limit: the call is over."""
        for limit in tuple(self._timers):
            self._cancel(limit)
        self._stream = None

    def end_within(self, seconds: float, *, anew: bool) -> None:
        """End the answer in a while, which is no failure: all that matters of it has come."""
        until = time.monotonic() + seconds
        if anew or until < self._ends:
            self._ends = until
            self._start(ENDED, seconds)

    def give_up(self) -> None:
        """End the call from another thread: whatever it waits for comes to nothing."""
        self._expire(GIVEN_UP)

    def _start(self, limit: str, seconds: float) -> None:
        self._cancel(limit)
        timer = threading.Timer(min(max(seconds, 0.0), threading.TIMEOUT_MAX), self._expire, (limit,))
        timer.daemon = True  # an exit never waits for it
        self._timers[limit] = timer
        timer.start()

    def _cancel(self, limit: str) -> None:
        timer = self._timers.pop(limit, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, limit: str) -> None:
        self.expired = self.expired or limit
        self._shut()

    def _shut(self) -> None:
        stream = self._stream
        raw = stream.get_extra_info("socket") if stream is not None else None
        if raw is not None:
            with suppress(OSError):  # closed already: what this is for
                socket.socket.shutdown(raw, socket.SHUT_RDWR)  # under TLS too, without a farewell
