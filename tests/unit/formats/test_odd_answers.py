"""Good statuses with something else in them than an answer: what they say is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Frame, Target
from llmpool.formats import FORMATS, wire_format
from tests.unit.formats.listed import answer, run
from tests.unit.formats.reading import Reader

# Bodies that gateways send with status 200, what they are, and the words that are passed on.
ODD: list[tuple[dict[str, Any], str, str]] = [
    ({"code": 401, "message": "who are you?"}, "auth", "who are you?"),
    ({"success": False, "message": "Unauthorized"}, "auth", "Unauthorized"),
    ({"code": 500, "msg": "failed", "data": None}, "server", "failed"),
    ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "wrong_format", "login fail"),
    ({"detail": "Not Found"}, "wrong_format", "Not Found"),
    ({"code": "x", "message": "Too many requests, slow down"}, "rate_limit", "slow down"),
]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("payload", "kind", "words"), ODD)
def test_an_error_that_calls_itself_nothing_is_told_in_every_format(
    name: str, payload: dict[str, Any], kind: str, words: str
) -> None:
    """Whoever looks for an answer and finds none passes on what is there instead; a refused key is one."""
    with pytest.raises(UpstreamError) as raised:
        list(wire_format(name).read_reply(answer(payload)))
    said = raised.value.failure
    assert (said.kind, words in said.message, said.message.startswith("the answer has no `")) == (
        kind,
        True,
        True,
    )
    assert Reader(name).failure([Frame("json", json.dumps(payload))]) == said


@pytest.mark.parametrize(("payload", "kind", "words"), ODD)
def test_a_listing_that_is_none_says_why(payload: dict[str, Any], kind: str, words: str) -> None:
    """As `no list of models` alone would send people looking for the wrong mistake."""
    target = Target(provider="p", url="http://h", exact=True)
    with pytest.raises(UpstreamError) as raised:
        run(wire_format("openai").list_models(target), answer(payload))
    assert raised.value.failure.kind == kind
    assert words in raised.value.failure.message


def test_a_stream_that_says_something_else_is_told_too() -> None:
    """One piece that is no answer, with the end mark behind it or without."""
    openai = Reader("openai")
    odd = Frame("", '{"code": 20015, "message": "the parameter is invalid"}')
    for frames in ([odd], [odd, Frame("", "[DONE]")]):
        said = openai.failure(frames)
        assert (said.kind, said.message) == (
            "server",
            "there is no answer; it says: the parameter is invalid",
        )
    whole = [odd, Frame("", '{"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}')]
    assert [delta.text for delta in openai.read(whole)] == ["a", ""]


def test_a_line_that_says_something_else_is_told_too() -> None:
    """Ollama's lines have an object for a message; who writes a text there is not Ollama."""
    said = Reader("ollama").failure([Frame("", '{"code": 401, "message": "bad token"}')])
    assert (said.kind, said.told) == ("auth", "there is no answer; it says: bad token (status 401)")


def test_nothing_at_all_is_told_as_that() -> None:
    """A status without content is no answer in any format."""
    for name in FORMATS:
        with pytest.raises(UpstreamError, match="is not JSON: there is nothing in it"):
            list(wire_format(name).read_reply(Answer(status=204, headers={}, body=b"")))


@pytest.mark.parametrize("finish", ["error", "stop", None])
def test_an_error_inside_a_choice_is_an_error(finish: str | None) -> None:
    """OpenRouter puts what ended a provider's answer there, in one piece with status 200."""
    error = {"code": 429, "message": "Rate limited upstream", "metadata": {"raw": "x"}}
    choice = {"error": error, "finish_reason": finish, "message": {"role": "assistant", "content": "half"}}
    with pytest.raises(UpstreamError) as raised:
        list(wire_format("openai").read_reply(answer({"choices": [choice]})))
    said = raised.value.failure
    assert (said.kind, said.message, said.status) == ("rate_limit", "Rate limited upstream", 429)
