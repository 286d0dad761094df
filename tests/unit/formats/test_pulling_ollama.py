"""Pulls and removals at Ollama, read as its documentation has them, and as a hostile server might."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Frame, Target
from llmpool.formats.pulling import MOST_BYTES, Moved
from llmpool.formats.pulling_ollama import (
    MOST_LAYERS,
    pull_call,
    read_error,
    read_progress,
    read_removed,
    remove_call,
)
from tests.contract.ollama.shapes import documented, framed

TARGET = Target(provider="u1", url="http://h:11434", key="k", headers=(("x-team", "a"),))
BIG, SMALL = 9_608_338_848, 11_355
END = {"status": "success"}


def told(*lines: object) -> list[Moved]:
    """Read a pull that says *lines*."""
    return list(read_progress([Frame("", json.dumps(line)) for line in lines]))


def failure(*lines: object) -> Failure:
    """Read a pull that fails, and return why."""
    with pytest.raises(UpstreamError) as caught:
        told(*lines)
    return caught.value.failure


def test_a_pull_asks_for_a_stream() -> None:
    """The call names the model and wants lines; a long one is not cut for its length."""
    call = pull_call(TARGET.replace(url="http://h:11434/v1"), "hf.co/o/m:Q4")
    assert (call.method, call.url, call.framing) == ("POST", "http://h:11434/api/pull", "ndjson")
    assert json.loads(call.body or b"") == {"model": "hf.co/o/m:Q4", "stream": True}
    assert dict(call.headers)["authorization"] == "Bearer k"
    assert dict(call.headers)["x-team"] == "a"
    assert call.max_bytes == 1 << 34


@pytest.mark.parametrize("size", [0, *range(1, 40)])
def test_layers_are_summed_wherever_the_lines_are_cut(size: int) -> None:
    """Two layers: what is done of both, of both; the last line is the end. Re-chunked at every byte."""
    moved = list(read_progress(framed(documented("pull.ndjson").body, size)))
    assert [(m.done, m.total) for m in moved] == [
        (0, 0),
        (0, BIG),
        (241_970, BIG),
        (4_804_169_424, BIG),
        (BIG, BIG),
        (BIG + SMALL, BIG + SMALL),
        (BIG + SMALL, BIG + SMALL),
        (BIG + SMALL, BIG + SMALL),
        (BIG + SMALL, BIG + SMALL),
    ]
    assert [m.over for m in moved] == [False] * 8 + [True]
    assert [m.status for m in moved[-3:]] == ["verifying sha256 digest", "writing manifest", "success"]


def test_every_cut_of_a_stream_is_the_same_pull() -> None:
    """Fed byte by byte, or in two pieces cut anywhere, the lines say the same."""
    body = documented("pull-interrupted.ndjson").body
    for size in range(1, len(body) + 1):
        with pytest.raises(UpstreamError) as caught:
            list(read_progress(framed(body, size)))
        assert caught.value.failure.message == "max retries exceeded: unexpected EOF"


def test_an_error_in_the_stream_is_an_error() -> None:
    """Status 200 says nothing: a line with `error` ends the pull; an unknown model is told as one."""
    frames = framed(documented("pull-unknown.ndjson").body)
    with pytest.raises(UpstreamError) as caught:
        list(read_progress(frames))
    assert caught.value.failure.kind == "model_not_found"
    assert caught.value.failure.message == "pull model manifest: file does not exist"
    assert failure({"error": "write /m: no space left on device"}).kind == "server"
    assert failure({"error": {"message": "unauthorized", "code": "unauthorized"}}).kind == "auth"


@pytest.mark.parametrize("lines", [(), ({"status": "pulling manifest"},), ({"status": "writing manifest"},)])
def test_a_stream_that_ends_without_success_is_an_error(lines: tuple[object, ...]) -> None:
    """Only `success` is an end; a polite close in the middle is none."""
    assert failure(*lines).kind == "broken"


@pytest.mark.parametrize("line", [[], "x", 7, None, True])
def test_a_line_that_is_no_object_is_an_error(line: object) -> None:
    """What is no JSON object is not the protocol."""
    assert failure(line).kind == "wrong_format"


def test_what_follows_the_end_is_not_read() -> None:
    """The pull is over with `success`, whatever a server goes on to say."""
    assert told(END, {"error": "x"}) == [Moved("success", over=True)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"total": -5, "completed": 3}, (0, 0)),
        ({"total": "9", "completed": "3"}, (0, 0)),
        ({"total": True, "completed": True}, (0, 0)),
        ({"total": 1e9, "completed": 5.5}, (0, 0)),
        ({"total": 10, "completed": -1}, (0, 10)),
        ({"total": 10, "completed": 99}, (10, 10)),
        ({"total": 10, "completed": None}, (0, 10)),
        ({"total": 1 << 80, "completed": 1 << 90}, (MOST_BYTES, MOST_BYTES)),
        ({"total": 10, "completed": 4, "digest": 7}, (0, 0)),
        ({"total": 10, "completed": 4, "digest": ""}, (0, 0)),
        ({"total": 10, "completed": 4, "digest": ["sha256:a"]}, (0, 0)),
    ],
)  # fmt: skip
def test_impossible_figures_are_no_figures(fields: dict[str, object], expected: tuple[int, int]) -> None:
    """Negative, huge, text, or of another type: nothing crashes, and nothing is more than all."""
    moved = told({"status": "pulling a", "digest": "sha256:a", **fields}, END)[0]
    assert (moved.done, moved.total) == expected


def test_a_part_that_is_fetched_again_takes_its_bytes_back() -> None:
    """A layer's `completed` may fall; the sum falls with it."""
    layer = {"status": "pulling a", "digest": "sha256:a", "total": 100}
    assert [m.done for m in told(layer | {"completed": 80}, layer | {"completed": 30}, END)] == [80, 30, 30]


def test_layers_without_end_cost_no_memory() -> None:
    """A server that invents layers is heard up to a thousand of them."""
    lines = [{"status": "x", "digest": f"sha256:{n}", "total": 1, "completed": 1} for n in range(1500)]
    assert told(*lines, END)[-1] == Moved("success", MOST_LAYERS, MOST_LAYERS, over=True)


def test_words_of_a_stranger_are_made_harmless() -> None:
    """A status is shown on a terminal: no escapes, no second line, not endless."""
    status = told({"status": "\x1b[2Jpulling\nx" + "y" * 500}, END)[0].status
    assert status.isprintable()
    assert status.startswith("[2Jpulling x")
    assert len(status) == 80


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
LINE = st.fixed_dictionaries({}, optional=dict.fromkeys(("status", "digest", "total", "completed"), JSON))


@given(st.lists(LINE, max_size=8))
def test_whatever_it_says_the_figures_are_plausible(lines: list[dict[str, object]]) -> None:
    """Any objects at all: a list of moves, or an error of ours."""
    for moved in told(*lines, END):
        assert 0 <= moved.done <= (moved.total or moved.done) <= MOST_BYTES


def test_a_removal_is_a_delete_with_a_body() -> None:
    """The call names the model; 404 is a model that is not there, other errors are errors."""
    call = remove_call(TARGET, "x:1")
    assert (call.method, call.url) == ("DELETE", "http://h:11434/api/delete")
    assert json.loads(call.body or b"") == {"model": "x:1"}
    read_removed(Answer(status=200, headers={}, body=b""))
    for status, said, kind in (
        (404, "model 'x:1' not found", "model_not_found"),
        (400, "invalid", "bad_request"),
    ):
        answer = Answer(status=status, headers={}, body=json.dumps({"error": said}).encode())
        with pytest.raises(UpstreamError) as caught:
            read_removed(answer)
        assert (caught.value.failure.kind, caught.value.failure.message) == (kind, said)
        assert read_error(answer) == caught.value.failure
