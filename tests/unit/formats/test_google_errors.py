"""The format google reads errors: what to do about them, and how long to wait."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from llmpool.core.outcome import FAILURE_KINDS
from llmpool.core.wire import Answer
from llmpool.formats import wire_format
from llmpool.formats.refused import refused
from tests.unit.formats.google_cases import JSON, answer, documented, recorded

GOOGLE = wire_format("google")
SHAPES = json.loads(documented("google/documented/errors.json"))

# name -> kind, seconds to wait
MEANINGS = {
    "minute": ("rate_limit", 46.0),
    "day": ("quota", None),
    "none": ("quota", None),
    "retry-in-words": ("rate_limit", 71.5),
    "exhausted": ("rate_limit", None),
    "key-invalid": ("auth", None),
    "too-long": ("context_length", None),
    "busy": ("overloaded", None),
    "entity-not-found": ("model_not_found", None),
    "method-not-found": ("wrong_format", None),
    "unknown-name": ("bad_request", None),
    "field": ("bad_request", None),
    "signature-missing": ("bad_request", None),
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_documented_error_means_what_its_details_say(name: str) -> None:
    """A minute's limit is waited for, a day's is not, though Google's words are the same for both."""
    body = SHAPES[name]
    said = GOOGLE.read_error(answer(body, body["error"]["code"]))
    assert (said.kind, said.retry_after) == MEANINGS[name]
    assert said.message


def test_an_error_in_a_list_is_one() -> None:
    """Streams that were not asked for as events fail with a list."""
    assert GOOGLE.read_error(answer([SHAPES["minute"]], 429)).retry_after == 46.0


@pytest.mark.parametrize("name", ["minute", "day", "none", "retry-in-words", "exhausted"])
def test_a_limit_means_the_same_at_the_door_for_openai(name: str) -> None:
    """Google answers there as it does at its own: a minute's limit is no spent allowance."""
    said = wire_format("openai").read_error(answer([SHAPES[name]], 429))
    assert (said.kind, said.retry_after) == MEANINGS[name]


def test_a_header_says_when_to_come_back_before_the_body_does() -> None:
    """The recorded mock sends one; it wins over details and words."""
    assert GOOGLE.read_error(recorded("aimock/chat-429")).retry_after == 2.0
    shaped = answer(SHAPES["minute"], 429).replace(headers={"retry-after": "3"})
    assert GOOGLE.read_error(shaped).retry_after == 3.0


def test_a_recorded_unknown_model_is_one() -> None:
    """The API answers 404 and says what it looked for."""
    said = GOOGLE.read_error(recorded("pydantic-ai/model-not-found"))
    assert (said.kind, said.status, said.code) == ("model_not_found", 404, "NOT_FOUND")
    assert said.message.startswith("models/gemini-3.6-flahs is not found")


def test_a_long_wait_for_a_days_quota_is_kept() -> None:
    """Hours are the day's own; seconds beside it are another limit's and are dropped."""
    body = json.loads(json.dumps(SHAPES["day"]))
    body["error"]["details"][-1]["retryDelay"] = "7200.5s"
    said = GOOGLE.read_error(answer(body, 429))
    assert (said.kind, said.retry_after) == ("quota", 7200.5)


REFUSALS = [
    ("unknown-name", "thinking_config", "thinking"),
    ("field", "stop", "stop"),
    ("too-long", "", ""),
    ("signature-missing", "", "carry"),
]


@pytest.mark.parametrize(("name", "param", "left_out"), REFUSALS)
def test_a_refused_parameter_is_named(name: str, param: str, left_out: str) -> None:
    """Violations name the field as Google does; the request can do without some."""
    said = GOOGLE.read_error(answer(SHAPES[name], 400))
    assert said.param == param
    assert refused(said, GOOGLE.droppable) == left_out


def test_a_refused_tool_config_is_the_tool_choice() -> None:
    """Two names of Google's for one of ours."""
    for field in ("tool_config.function_calling_config", "x.toolConfig"):
        body = {"error": {"message": "bad", "details": [{"fieldViolations": [{"field": field}]}]}}
        assert GOOGLE.read_error(answer(body, 400)).param == "tool_choice"


def test_a_page_is_told_as_one() -> None:
    """HTML has no details to read."""
    said = GOOGLE.read_error(Answer(status=404, headers={}, body=b"<html>not here</html>"))
    assert (said.kind, said.code) == ("wrong_format", "html")


@given(JSON, JSON)
def test_no_junk_is_stumbled_over(junk: object, details: object) -> None:
    """Whatever an error holds, it has a kind, and a wait that is one."""
    for body in (junk, {"error": junk}, {"error": {"code": 429, "details": details, "message": junk}}):
        for status in (400, 404, 429, 500):
            said = GOOGLE.read_error(answer(body, status))
            assert said.kind in FAILURE_KINDS
            assert said.retry_after is None or said.retry_after > 0
