"""Downloads of LM Studio, read as its documentation has them, and as a hostile server might."""

from __future__ import annotations

import json

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Target
from llmpool.formats.pulling import MOST_BYTES, Moved
from llmpool.formats.pulling_lmstudio import is_handle, pull_call, read_status, status_call
from tests.contract.lmstudio.shapes import documented

TARGET = Target(provider="lms", url="http://h:1234/v1", key="k")
SIZE = 2_279_145_003


def answer(fields: object, status: int = 200) -> Answer:
    """Make an answer of *fields*."""
    return Answer(status=status, headers={}, body=json.dumps(fields).encode())


def failure(fields: object, status: int = 200, handle: str = "job_1") -> Failure:
    """Read an answer that is a failure, and return why."""
    with pytest.raises(UpstreamError) as caught:
        read_status(answer(fields, status), handle)
    return caught.value.failure


def test_a_download_is_started_and_asked_after() -> None:
    """Both calls go to the native API, whichever address the owner wrote."""
    start = pull_call(TARGET, "ibm/granite-4-micro")
    assert (start.method, start.url) == ("POST", "http://h:1234/api/v1/models/download")
    assert json.loads(start.body or b"") == {"model": "ibm/granite-4-micro"}
    assert dict(start.headers)["authorization"] == "Bearer k"
    status = status_call(TARGET, "job_493c7c9ded")
    assert (status.method, status.url) == (
        "GET",
        "http://h:1234/api/v1/models/download/status/job_493c7c9ded",
    )


def test_the_documented_answers() -> None:
    """Started, done, and there already."""
    started = read_status(documented("v1-models-download"))
    assert started == Moved("downloading", 0, SIZE, handle="job_493c7c9ded")
    done = read_status(documented("v1-models-download-status"), started.handle)
    assert done == Moved("completed", SIZE, SIZE, over=True, handle="job_493c7c9ded")
    assert read_status(answer({"status": "already_downloaded"})) == Moved("already_downloaded", over=True)


def test_a_paused_download_is_none_that_failed() -> None:
    """It goes on when its owner says so in LM Studio."""
    paused = {"job_id": "job_1", "status": "paused", "total_size_bytes": 10, "downloaded_bytes": 4}
    assert read_status(answer(paused)) == Moved("paused", 4, 10, handle="job_1")


def test_failures_are_told() -> None:
    """A failed job, an unknown model, a job nobody knows."""
    assert failure({"job_id": "job_1", "status": "failed"}).message == "the download failed without a word"
    said = {"status": "failed", "message": "disk full"}
    assert failure(said).message == "the download failed: disk full"
    unknown = {"error": {"type": "model_not_found", "message": "Model 'x' not found"}}
    assert failure(unknown, 404).kind == "model_not_found"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"error": "Unexpected endpoint or method. (POST /api/v1/models/download)"}, 200),
        ({"error": "not found"}, 404),
        ("404 page not found", 404),
    ],
)
def test_an_older_server_is_told_as_one(fields: object, status: int) -> None:
    """Before 0.4 there is no such endpoint, which LM Studio says with status 200."""
    assert failure(fields, status).message == (
        "this server takes no downloads over its API, as LM Studio does from 0.4 on"
    )


@pytest.mark.parametrize("fields", [{}, {"status": 7}, {"status": "melting"}, [], "x", 7, None])
def test_a_state_nobody_knows_is_an_error(fields: object) -> None:
    """What is neither over nor going on cannot be waited for."""
    assert failure(fields).kind == "wrong_format"


@pytest.mark.parametrize(
    "handle", ["", ".", "..", "../x", "a/b", "a b", "a?b", "x" * 129, "\u202ex", 7, None, ["job"]]
)
def test_a_handle_becomes_a_path_only_when_it_can(handle: object) -> None:
    """A job's name that could lead elsewhere is none; without one there is nothing to ask after."""
    assert not (isinstance(handle, str) and is_handle(handle))
    assert failure({"status": "downloading", "job_id": handle}, handle="").kind == "wrong_format"
    assert read_status(answer({"status": "downloading", "job_id": handle}), "job_7").handle == "job_7"


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (-1, 10, (0, 10)),
        ("3", "10", (0, 0)),
        (20, 10, (10, 10)),
        (1 << 80, 1 << 90, (MOST_BYTES, MOST_BYTES)),
        (5, None, (5, 0)),
        (True, True, (0, 0)),
        (1.5, 2.5, (0, 0)),
    ],
)
def test_impossible_figures_are_no_figures(done: object, total: object, expected: tuple[int, int]) -> None:
    """Negative, huge, text: nothing crashes, and nothing is more than all."""
    fields = {"status": "downloading", "job_id": "j", "downloaded_bytes": done, "total_size_bytes": total}
    moved = read_status(answer(fields))
    assert (moved.done, moved.total) == expected
