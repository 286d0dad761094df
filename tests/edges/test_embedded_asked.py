"""The embedded model is asked on this machine, and nowhere else."""

from __future__ import annotations

from unittest import mock

from llmpool.chat import embedded
from llmpool.chat.speak import Speaker
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.provider import KeyRef, Provider
from llmpool.embedded import server
from llmpool.embedded.server import Endpoint


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
