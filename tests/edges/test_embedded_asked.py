"""The embedded model is asked on this machine, and nowhere else."""

from __future__ import annotations

from unittest import mock

import pytest

from llmpool.chat import embedded
from llmpool.chat.speak import Speaker
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.provider import KeyRef, Provider
from llmpool.discovery import load_embedded
from llmpool.discovery.load import Ears
from llmpool.embedded import server
from llmpool.embedded.server import Endpoint
from llmpool.errors import StateUnusable


def test_no_other_address_is_asked() -> None:
    """It answers offline, as it needs no network: no other address of its table gets what it is asked."""
    provider = Provider(
        id="embedded",
        name="embedded",
        preset="embedded",
        format="openai",
        format_mode="pinned",
        url="",
        location="local",
        alternate_urls=("http://192.168.1.9/v1",),
    )
    here = mock.create_autospec(Speaker.ask, return_value=iter(()))
    with (
        mock.patch.object(server, "running", return_value=[]),
        mock.patch.object(server, "ensure", return_value=Endpoint("http://127.0.0.1:5/v1", "secret")),
        mock.patch.object(embedded.sizes, "declared", return_value=0),
        mock.patch.object(Speaker, "ask", here),
    ):
        key = KeyRef(label="none", source="env")
        request = ChatRequest(messages=(Message(role="user", text="hi"),))
        list(embedded.ask(mock.MagicMock(), mock.MagicMock(), provider, "tiny", key, request))
    asked = here.call_args.args[1]
    assert (asked.url, asked.alternate_urls) == ("http://127.0.0.1:5/v1", ())


@pytest.mark.parametrize("failure", [KeyboardInterrupt, StateUnusable("no")])
def test_a_server_that_was_being_stopped_is_there_again(failure: type[BaseException] | BaseException) -> None:
    """Who interrupts the moment in which the old server ends has it back, as after a load that fails."""
    live, started = mock.MagicMock(context=4096), []
    live.name = "tiny"
    asked = mock.MagicMock(model="tiny", ref="embedded/tiny", provider=mock.MagicMock(idle_ttl=None))
    with (
        mock.patch.object(load_embedded, "observed", return_value=None),
        mock.patch.object(server, "running", return_value=[live]),
        mock.patch.object(server, "stop", side_effect=failure),
        mock.patch.object(server, "ensure", side_effect=lambda *_, context, **__: started.append(context)),
        pytest.raises((KeyboardInterrupt, StateUnusable)),
    ):
        load_embedded.load(mock.MagicMock(), asked, 8192, None, Ears())
    assert started == [4096]
