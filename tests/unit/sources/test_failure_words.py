"""Numbers in the words of an error: read nowhere as a status, as ruling 11 has it (the words come last)."""

from __future__ import annotations

import pytest

from llmpool.core.wire import Answer
from llmpool.formats.errors import failure_in, read_error
from llmpool.router.failure import another_format_may_help, same_again_may_help
from llmpool.router.summary import reason


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("API error 529: overloaded_error", "overloaded"),
        ("overloaded (529)", "overloaded"),
        ("529 upstream congestion", "server"),
        ("request rejected (529)", "server"),
        ("upstream returned status 529", "server"),
        ("prompt has 529 tokens in it", "server"),
        ("queue holds 529 pending records", "server"),
        ("req_a1529bc7", "server"),
        ("10.0.0.7:5290", "server"),
    ],
)
def test_a_529_in_words_is_no_status(words: str, kind: str) -> None:
    """catalog-registry-router 6.10 tells a genuine 529 from other numbers; here no number is a status.

    Either way the same is asked again and the deployment rests, so nothing hangs on telling them apart.
    """
    failure = failure_in({"error": {"message": words}})
    assert (failure.kind, failure.status) == (kind, 0)
    assert same_again_may_help(failure)


def test_a_529_of_the_server_is_overload() -> None:
    """The status itself is what counts."""
    assert read_error(Answer(status=529, headers={}, body=b"congestion")).kind == "overloaded"


def test_26_a_404_that_names_no_model_is_an_endpoint_that_is_not_there() -> None:
    """pool-routing-formats 26 takes it for a missing model; by ruling 11 the next format is tried."""
    failure = read_error(Answer(status=404, headers={}, body=b"resource does not exist"))
    assert (failure.kind, reason(failure)) == ("wrong_format", "api_error")
    assert another_format_may_help(failure)


def test_24_a_404_that_names_a_model_is_a_missing_model() -> None:
    """Row 24: no other format is tried for it, and it is no refused key either (ruling 10)."""
    failure = read_error(Answer(status=404, headers={}, body=b"model not found"))
    assert (failure.kind, reason(failure)) == ("model_not_found", "model_not_found")
    assert not another_format_may_help(failure)
