"""What Ollama's errors mean: mostly plain text, sometimes another server's error packed in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, UpstreamError
from llmpool.core.wire import Answer, Frame
from llmpool.formats import wire_format
from tests.contract.ollama.shapes import documented, recorded

OLLAMA = wire_format("ollama")
# What versions say of a prompt that does not fit, when asked not to cut it: 0.12.6, 0.32 and 0.40.
TOO_LONG = [
    "prompt too long; exceeded max context length by 4 tokens",
    "input length exceeds maximum context length",
    "the input length exceeds the context length",
    "the prompt is longer than the context length currently available to the model; shorten the prompt",
    (
        '{"error":{"code":400,"message":"request (2622 tokens) exceeds the available context size'
        ' (512 tokens), try increasing it","type":"exceed_context_size_error","n_ctx":512}}'
    ),
]


def answer(status: int, payload: object) -> Answer:
    """Make an answer of *payload*."""
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("words", TOO_LONG)
def test_a_prompt_over_the_context_is_refused_as_such(words: str, status: int) -> None:
    """Another deployment may take it; the words are the server's own, unpacked where they were packed."""
    failure = OLLAMA.read_error(answer(status, {"error": words}))
    assert (failure.kind, failure.status) == ("context_length", status)
    assert "{" not in failure.message
    with pytest.raises(UpstreamError) as raised:
        list(OLLAMA.read_stream([Frame("", json.dumps({"error": words}))]))
    assert raised.value.failure.kind == "context_length"
    assert "{" not in raised.value.failure.message


ERRORS = [
    (documented("chat-unknown.404.json"), "model_not_found", "model 'nope' not found"),
    (recorded("429"), "rate_limit", "Rate limit reached for requests"),
    (recorded("show"), "wrong_format", "Not found"),
    (
        answer(400, {"error": "registry.ollama.ai/library/gemma3:4b does not support tools"}),
        "bad_request",
        "",
    ),
    (answer(400, {"error": '"nomic-embed-text" does not support chat'}), "bad_request", ""),
    (answer(400, {"error": "illegal base64 data at input byte 0"}), "bad_request", ""),
    (
        answer(400, {"error": '{"error":{"message":"no images","type":"invalid_request_error"}}'}),
        "bad_request",
        "",
    ),
    (answer(500, {"error": "model requires more system memory (9 GiB) than is available"}), "server", ""),
    (
        answer(503, {"error": "server busy, please try again.  maximum pending requests exceeded"}),
        "overloaded",
        "server busy, please try again. maximum pending requests exceeded",
    ),
    (Answer(status=404, headers={}, body=b"404 page not found"), "wrong_format", "404 page not found"),
    (answer(401, {"error": "unauthorized"}), "auth", "unauthorized"),
    (answer(500, {"error": '{"error": torn'}), "server", '{"error": torn'),
]


@pytest.mark.parametrize(("given_answer", "kind", "words"), ERRORS)
def test_errors_have_their_kind(given_answer: Answer, kind: str, words: str) -> None:
    """Status first, words last; what the server said is what is shown."""
    failure = OLLAMA.read_error(given_answer)
    assert (failure.kind, failure.status) == (kind, given_answer.status)
    assert words in failure.message
    with pytest.raises(UpstreamError) as raised:
        list(OLLAMA.read_reply(given_answer))
    assert raised.value.failure == failure


def test_who_must_sign_in_is_told_where() -> None:
    """A model of the cloud behind one's own server asks for a login in the browser."""
    place = "https://ollama.com/connect?name=den&key=abc"
    failure = OLLAMA.read_error(answer(401, {"error": "unauthorized", "signin_url": place}))
    assert (failure.kind, failure.message) == ("auth", f"unauthorized (sign in: {place})")
    for junk in ("javascript:alert(1)", 5, None, "", "https://a\x1b[31mb"):
        failure = OLLAMA.read_error(answer(401, {"error": "unauthorized", "signin_url": junk}))
        assert "javascript" not in failure.message
        assert failure.message.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "signin_url"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(
    JSON | JSON.map(lambda inner: {"error": json.dumps(inner)}), st.sampled_from([200, 400, 401, 404, 500])
)
def test_no_error_is_too_odd_to_read(payload: object, status: int) -> None:
    """Whatever shape an error has, packed or not, it becomes a failure of a known kind with a message."""
    failure = OLLAMA.read_error(answer(status, payload))
    assert failure.kind in FAILURE_KINDS
    assert failure.message
