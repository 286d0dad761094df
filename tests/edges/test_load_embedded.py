"""Loading a model whose server is ours: how long it may take, and what an interrupt leaves."""

from __future__ import annotations

from unittest import mock

from llmpool.discovery import load, load_embedded
from llmpool.embedded import server


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
