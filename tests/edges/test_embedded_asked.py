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
from llmpool.errors import Busy, LlmpoolError, StateUnusable, UpstreamFailed
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider


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
        load_embedded.load(mock.MagicMock(), asked, 8192, None, Ears(), 5)
    assert started == [4096]


@pytest.mark.parametrize(
    ("failure", "kind", "alone"),
    [(UpstreamFailed("it died", hint="see log"), "server", 7), (Busy("others start it"), "unusable", 75)],
)
def test_others_answer_where_no_server_comes_up(
    home: Home, server: FakeServer, failure: LlmpoolError, kind: str, alone: int
) -> None:
    """A model of this machine whose server dies, or is not there in time, has the next candidate answer."""
    order = '[routing]\nstrategy = "priority"\n[providers.embedded]\npriority = 90'
    home.write_config(
        order, provider("good", server.url, priority=10), model("embedded/tiny"), model("good/m")
    )
    with (
        mock.patch.object(embedded.server, "running", return_value=[]),
        mock.patch.object(embedded.server, "ensure", side_effect=failure),
    ):
        done, pinned = home.here("chat", "--json", "hi"), home.here("chat", "-m", "embedded/tiny", "hi")
    assert (done.code, done.json["served_by"]) == (0, "good/m")
    assert [attempt.get("kind") for attempt in done.json["attempts"]] == [kind, None]
    assert pinned.code == alone
    assert failure.message in pinned.err
