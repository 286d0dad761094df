"""Loading a model whose server is ours: how long it may take, and what an interrupt leaves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from unittest import mock

import pytest

from llmpool.discovery import load, load_embedded
from llmpool.discovery.load import Ears
from llmpool.embedded import server
from llmpool.errors import UpstreamFailed
from tests.support import wait_for


def test_a_load_may_take_as_long_as_was_said() -> None:
    """A large model from a slow disk takes minutes: its server is waited for as any other."""
    asked = mock.MagicMock(
        model="tiny", ref="embedded/tiny", provider=mock.MagicMock(idle_ttl=None, preset="embedded")
    )
    with (
        mock.patch.object(load, "meant", return_value=asked),
        mock.patch.object(load, "refuse_barred"),
        mock.patch.object(load_embedded, "observed", return_value=None),
        mock.patch.object(load_embedded, "declared_window", return_value=0),
        mock.patch.object(server, "running", return_value=[]),
        mock.patch.object(server, "ensure") as ensure,
    ):
        load.load_ref(mock.MagicMock(), "embedded/tiny", seconds=1200)
    assert ensure.call_args.kwargs["wait"] == 1200


def test_a_start_that_is_interrupted_is_ended_first() -> None:
    """The old server is back with the window it had, and none goes on loading behind the back of it all."""
    live, done = mock.MagicMock(context=4096), []
    live.name, ears = "tiny", Ears(tick=mock.MagicMock(side_effect=KeyboardInterrupt))
    asked = mock.MagicMock(model="tiny", ref="embedded/tiny", provider=mock.MagicMock(idle_ttl=None))

    def ensure(*_: object, context: int, stopped: Callable[[], bool], **__: object) -> None:
        if context == 8192:
            wait_for(stopped)
        done.append(context)

    with (
        mock.patch.object(load_embedded, "observed", return_value=None),
        mock.patch.object(server, "running", return_value=[live]),
        mock.patch.object(server, "stop"),
        mock.patch.object(load_embedded, "LEAVING_SECONDS", 60),  # of a thread that may be slow to wake
        mock.patch.object(server, "ensure", side_effect=ensure),
        pytest.raises(KeyboardInterrupt),
    ):
        load_embedded.load(mock.MagicMock(), asked, 8192, None, ears, 60)
    assert done == [8192, 4096]


def test_a_host_that_is_not_wanted_any_more_is_not_waited_for() -> None:
    """Whoever started it ends it then."""
    ready, told = os.pipe()
    try:
        with pytest.raises(UpstreamFailed):
            server._hear(ready, "tiny", time.monotonic() + 60, lambda: True)
    finally:
        os.close(ready)
        os.close(told)
