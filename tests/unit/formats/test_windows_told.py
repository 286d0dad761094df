"""What servers say of a prompt that is too long, in the words of each vendor, and what is read of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import Failure
from llmpool.core.wire import Answer
from llmpool.formats import errors, windows_told
from llmpool.formats.windows_told import Told, told
from tests.unit.formats.recordings import CONTRACT, recorded

WORDS = json.loads((CONTRACT / "windows" / "too_long.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", WORDS["told"], ids=lambda line: line["who"])
def test_each_wording_tells_its_window(line: dict[str, Any]) -> None:
    """The window and the count are read of every known wording, and all of them are of the kind they are."""
    assert told(line["says"]) == Told(line["window"], line["counted"])
    body = json.dumps({"error": {"message": line["says"]}}).encode()
    assert errors.read_error(Answer(status=400, headers={}, body=body)).kind == "context_length"


@pytest.mark.parametrize("words", WORDS["silent"])
def test_what_tells_no_window_teaches_none(words: str) -> None:
    """A limit of something else, a code or no figure at all is no window."""
    assert told(words).window == 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("llama/chat-context-overflow", Told(2048, 6025)), ("aimock/chat-400-context", Told(8192, 0))],
)
def test_recorded_refusals_are_read(answer: str, expected: Told) -> None:
    """What a real server answered is read as it came."""
    assert told(json.loads(recorded(answer).body)["error"]["message"]) == expected


def test_figures_beside_the_words_are_taken() -> None:
    """llama.cpp of 2025 has its figures in fields of their own; they come into the message, once."""
    words = "the request exceeds the available context size, try increasing it"
    failure = Failure(kind="context_length", message=words, status=400)
    body = {"error": {"code": 400, "message": words, "n_prompt_tokens": 6025, "n_ctx": 2048}}
    found = windows_told.with_figures(failure, json.dumps(body).encode())
    assert found.message == f"{words} (n_ctx: 2048, n_prompt_tokens: 6025)"
    assert told(found.message) == Told(2048, 6025)
    assert windows_told.with_figures(found, json.dumps(body).encode()) == found


@pytest.mark.parametrize(
    "body", [b"", b"\xff{", b"[]", b'{"error": []}', b'{"error": {"n_ctx": "2048"}}', b'{"n_ctx": true}']
)
def test_a_body_that_is_none_adds_nothing(body: bytes) -> None:
    """Nothing a server may send in place of its figures is taken for them."""
    failure = Failure(kind="context_length", message="too long", status=400)
    assert windows_told.with_figures(failure, body) == failure


def test_other_failures_keep_their_words() -> None:
    """Only a refusal for its length is looked at."""
    failure = Failure(kind="bad_request", message="no", status=400)
    assert windows_told.with_figures(failure, b'{"n_ctx": 2048}') == failure


PIECES = st.sampled_from(
    ["maximum context length is ", "context limit: ", " > ", "tokens", "1", "999", *",() "]
)


@given(st.lists(PIECES, max_size=200).map("".join) | st.text(max_size=2000))
def test_any_text_is_read_without_harm(words: Any) -> None:
    """Whatever a server says, what is read of it is a size or nothing."""
    for tokens in told(words):
        assert tokens == 0 or 128 <= tokens <= 200_000_000
