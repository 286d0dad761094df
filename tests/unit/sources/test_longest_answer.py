"""A limit beyond what a model can answer is lowered to that (reconcile-resolve 14)."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, provider

MODELS = [{"id": "short", "max_tokens": 4096}, {"id": "open"}]
FIELDS = {"openai": "max_tokens", "anthropic": "max_tokens"}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    ("model", "wanted", "sent"),
    [
        ("short", 9000, 4096),
        ("short", 4096, 4096),
        ("short", 7, 7),
        ("open", 9000, 9000),
    ],
)
def test_no_more_is_asked_for_than_a_model_gives(
    home: Home, name: str, model: str, wanted: int, sent: int
) -> None:
    """The lesser of the two where both are known; what nobody knows is no limit."""
    with FakeServer(models=MODELS, speaks=(name,)) as server:
        home.write_config(provider("a", server.root if name == "anthropic" else server.url, format=name))
        assert home.here("refresh").code == 0
        answered = home.here("chat", "-m", f"a/{model}", "--max-tokens", str(wanted), "hi")
        assert (answered.code, server.chats[-1].json[FIELDS[name]]) == (0, sent)
    told = f"a/{model} answers with {sent} tokens at most; asked for that many"
    assert (told in answered.err) is (sent < wanted)


def test_an_owners_parameter_is_lowered_without_a_word(home: Home) -> None:
    """It is said once for all models of a provider, and the caller has asked for nothing."""
    with FakeServer(models=MODELS) as server:
        home.write_config(provider("a", server.url, params={"max_tokens": 9000}))
        assert home.here("refresh").code == 0
        answered = home.here("chat", "-m", "a/short", "hi")
        assert (server.chats[-1].json["max_tokens"], "at most" in answered.err) == (4096, False)


def test_a_model_nobody_lists_is_asked_for_what_was_wanted(home: Home, server: FakeServer) -> None:
    """Nothing is known of it, so nothing is lowered."""
    home.write_config(provider("den", server.url))
    assert home.here("chat", "-m", "den/x", "--force", "--max-tokens", "9000", "hi").code == 0
    assert server.chats[-1].json["max_tokens"] == 9000
