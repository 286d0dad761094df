"""A refused parameter is remembered; that a value was out of range is not."""

from __future__ import annotations

import pytest

from llmpool.core.outcome import Failure
from llmpool.core.wire import Answer
from llmpool.formats import wire_format
from llmpool.formats.refused import lasts, refused

SAID = [
    ("Unsupported value: 'temperature' does not support 2.2 with this model. Only the default (1) is.", True),
    ("Unsupported parameter: 'max_tokens' is not supported with this model; the maximum is its own.", True),
    ("temperature: Extra inputs are not permitted", True),
    ("`temperature` and `top_p` cannot both be specified", True),
    ("Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5.", False),
    ("Invalid 'max_output_tokens': integer above maximum value.", False),
    ("max_tokens is too large: 99999. This model supports at most 16384 of them.", False),
    ("`max_tokens` must be less than or equal to `8192`", False),
    ("Invalid 'stop': array too long. Expected an array with maximum length 4.", False),
    ("max_tokens (9000) cannot exceed 8192", False),
    ("Invalid argument: temperature must be between 0 and 2", False),
]


@pytest.mark.parametrize(("message", "lasting"), SAID)
def test_a_value_out_of_range_tells_nothing_about_the_next(message: str, lasting: bool) -> None:
    """Vendors' own words, of one and of the other."""
    assert lasts(Failure(kind="bad_request", message=message, status=400)) == lasting


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (
            "`temperature` may only be set to 1 when thinking is enabled. Please consult our docs",
            "temperature",
        ),
        ("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.", "top_p"),
        ("Thinking may not be enabled here", "thinking"),
    ],
)
@pytest.mark.parametrize("wire", ["anthropic", "openai"])
def test_what_thinking_forbids_is_left_out_and_not_thinking(wire: str, message: str, name: str) -> None:
    """Anthropic's words, which gateways of other formats pass on: who asked for thoughts gets them."""
    failure = Failure(kind="bad_request", message=message, status=400)
    assert refused(failure, wire_format(wire).droppable) == name
    assert lasts(failure) == (name == "thinking")


def test_a_field_that_is_named_beside_the_words_is_known() -> None:
    """FastAPI has its name in `loc` alone."""
    openai = wire_format("openai")
    body = b'{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}'
    failure = openai.read_error(Answer(status=422, headers={}, body=body))
    assert refused(failure, openai.droppable) == "stream_options"
