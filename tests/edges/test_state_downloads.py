"""downloads.json: one pull a provider, whose process lives or not; reconcile-resolve 10 and C12."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import Busy
from llmpool.state import downloads, jsonfile
from llmpool.state.downloads import Job

AT, LATER = "2026-11-21T03:44:00Z", "2026-11-21T03:45:00Z"
B1 = ("u1", "b:1")
C1 = ("u1", "c:1")


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect warnings instead of printing them."""
    told: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [told.append])
    return told


def queue(state: Path, *wanted: tuple[str, str], at: str = AT) -> list[Job]:
    """Queue what is wanted at the providers u1 and u2."""
    return downloads.enqueue(state, wanted, at, ("u1", "u2"))


def running(state: Path, model: str = "b:1", **facts: Any) -> Job:
    """Note a pull of this process at u1."""
    return downloads.begin(state, Job(provider="u1", model=model, **facts), AT)


def test_a_provider_has_one_pull(tmp_path: Path) -> None:
    """C12: two models are missing at u1: one job, the first declared; another cycle adds none."""
    assert [job.ref for job in queue(tmp_path, B1, C1)] == ["u1/b:1"]
    assert queue(tmp_path, B1, C1, at=LATER) == []
    assert downloads.read(tmp_path) == {"u1": Job(provider="u1", model="b:1", since=AT)}


def test_the_next_cycle_queues_the_other(tmp_path: Path) -> None:
    """C12: once b:1 is there, c:1 takes the place; failed and cancelled pulls give theirs up as well."""
    queue(tmp_path, B1, C1)
    for state in (downloads.DONE, downloads.FAILED, downloads.CANCELLED):
        downloads.end(tmp_path, running(tmp_path).replace(state=state))
        assert [job.ref for job in queue(tmp_path, C1)] == ["u1/c:1"]


def test_nothing_wanted_is_nothing_written(tmp_path: Path) -> None:
    """C12: an empty queue is success."""
    assert queue(tmp_path) == []
    assert downloads.next_up(downloads.read(tmp_path), ()) is None
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    """The queue is in order of time; what was tried in this run is passed over."""
    queue(tmp_path, ("u2", "z"), at=LATER)
    queue(tmp_path, B1, ("u2", "z"))
    jobs = downloads.read(tmp_path)
    first = downloads.next_up(jobs, ())
    assert first is not None
    assert first.ref == "u1/b:1"
    second = downloads.next_up(jobs, {"u1/b:1"})
    assert second is not None
    assert second.ref == "u2/z"
    assert downloads.next_up(jobs, {"u1/b:1", "u2/z"}) is None


def test_a_declaration_that_is_gone_stands_in_nobodys_way(tmp_path: Path) -> None:
    """A queued pull nobody declares any more is replaced; one that a person asked for keeps its place."""
    queue(tmp_path, B1)
    assert [job.ref for job in queue(tmp_path, C1)] == ["u1/c:1"]
    downloads.end(tmp_path, running(tmp_path, asked=True).replace(state=downloads.INTERRUPTED))
    assert queue(tmp_path, C1) == []
    assert downloads.read(tmp_path)["u1"].ref == "u1/b:1"


def test_what_is_of_no_provider_is_forgotten(tmp_path: Path) -> None:
    """A pull at a provider that was removed goes with the next change."""
    queue(tmp_path, B1, ("u2", "z"))
    downloads.enqueue(tmp_path, [], AT, ("u2",))
    assert list(downloads.read(tmp_path)) == ["u2"]


def test_a_pull_runs_for_as_long_as_its_process_holds_the_lock(tmp_path: Path) -> None:
    """With the lock it runs, without it was interrupted, whatever the file says; nobody has to tidy up."""
    with downloads.turn(tmp_path, "u1"):
        job = running(tmp_path)
        assert (job.state, job.pid, job.attempts) == (downloads.RUNNING, os.getpid(), 1)
        assert downloads.read(tmp_path)["u1"].state == downloads.RUNNING
        assert downloads.is_held(tmp_path, "u1")
    assert downloads.read(tmp_path)["u1"].state == downloads.INTERRUPTED
    assert not downloads.is_held(tmp_path, "u1")


def test_two_at_one_provider_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second at u1 is told that it is busy; u2 is free meanwhile."""
    monkeypatch.setattr(downloads, "TURN_WAIT", 0.0)
    with downloads.turn(tmp_path, "u1"):
        with pytest.raises(Busy), downloads.turn(tmp_path, "u1"):
            raise AssertionError
        with downloads.turn(tmp_path, "u2"):
            pass


def test_a_pull_that_is_taken_up_counts_its_tries(tmp_path: Path) -> None:
    """The next try of the same model knows how far the last one came; another model starts afresh."""
    first = running(tmp_path)
    downloads.note(tmp_path, first.replace(done=40, total=100, handle="job_1"))
    second = downloads.begin(tmp_path, Job(provider="u1", model="b:1"), LATER)
    assert (second.attempts, second.done, second.total, second.handle) == (2, 40, 100, "job_1")
    assert running(tmp_path, "b").attempts == 1
    assert running(tmp_path, "b:latest").attempts == 2
    downloads.end(tmp_path, running(tmp_path).replace(state=downloads.DONE))
    assert running(tmp_path).attempts == 1


def test_a_pull_under_way_is_called_off_by_a_mark(tmp_path: Path) -> None:
    """C12: by its provider, its id or its model; the mark outlives notes of progress, but not the pull."""
    for ref in ("u1", "b:1", "u1/b:1"):
        with downloads.turn(tmp_path, "u1"):
            job = running(tmp_path)
            assert not downloads.is_called_off(tmp_path, job)
            assert [found.stop for found in downloads.cancel(tmp_path, ref, LATER)] == [True]
            downloads.note(tmp_path, job.replace(done=7))
            assert downloads.is_called_off(tmp_path, job)
            downloads.end(tmp_path, job.replace(state=downloads.CANCELLED))
        assert downloads.read(tmp_path)["u1"].stop is False


def test_what_waits_is_cancelled_at_once(tmp_path: Path) -> None:
    """Nobody looks for a mark on a pull that waits; a model is cancelled wherever it is pulled."""
    queue(tmp_path, B1, ("u2", "b:1"))
    assert [job.ref for job in downloads.cancel(tmp_path, "b:1", LATER)] == ["u1/b:1", "u2/b:1"]
    assert {(job.state, job.since) for job in downloads.read(tmp_path).values()} == {("cancelled", LATER)}
    running(tmp_path)
    assert [job.state for job in downloads.cancel(tmp_path, "u1", LATER)] == ["cancelled"]


@pytest.mark.parametrize("ref", ["zzz", "u2", "b", "u1/c:1", "other/b:1", ""])
def test_cancelling_what_is_not_there_changes_nothing(tmp_path: Path, ref: str) -> None:
    """C12: another id has no effect on the pull; removing "zzz" leaves the queue as it is, without error."""
    queue(tmp_path, B1)
    before = (tmp_path / downloads.NAME).read_bytes()
    assert downloads.cancel(tmp_path, ref, LATER) == []
    assert (tmp_path / downloads.NAME).read_bytes() == before


def test_a_cancelled_pull_comes_back_while_it_is_declared(tmp_path: Path) -> None:
    """C12: cancelling is for now; the next cycle enqueues it again."""
    queue(tmp_path, B1)
    downloads.cancel(tmp_path, "u1", LATER)
    assert [job.ref for job in queue(tmp_path, B1)] == ["u1/b:1"]


def test_a_mark_for_an_earlier_pull_does_not_stop_a_later_one(tmp_path: Path) -> None:
    """A pull that begins is not called off, whatever was said of the one before."""
    with downloads.turn(tmp_path, "u1"):
        running(tmp_path)
        downloads.cancel(tmp_path, "u1", AT)
        later = downloads.begin(tmp_path, Job(provider="u1", model="b:1"), LATER)
        assert not downloads.is_called_off(tmp_path, later)


GOOD = {"provider": "u1", "model": "b:1"}
FOREIGN: list[Callable[[], Any]] = [
    list,
    lambda: {"u1": []},
    lambda: {"u1": {}},
    lambda: {"u1": {"provider": "u1"}},
    lambda: {"u1": GOOD | {"provider": "../u1"}},
    lambda: {"u1": GOOD | {"provider": 7}},
    lambda: {"u1": GOOD | {"state": "melting"}},
    lambda: {"u1": GOOD | {"state": ["done"]}},
    lambda: {"u1": GOOD | {"done": -1}},
    lambda: {"u1": GOOD | {"total": 1 << 70}},
    lambda: {"u1": GOOD | {"stop": 1}},
    lambda: {"u1": GOOD | {"since": "soon"}},
]


@pytest.mark.parametrize("data", FOREIGN)
def test_a_file_of_somebody_else_is_set_aside(
    tmp_path: Path, data: Callable[[], Any], warnings: list[str]
) -> None:
    """What is no queue is kept under another name, with a warning, and the queue is an empty one."""
    (tmp_path / downloads.NAME).write_text(json.dumps({"version": 1, "written_at": AT, "data": data()}))
    assert downloads.read(tmp_path) == {}
    assert len(warnings) == 1
    assert "downloads.json is corrupt" in warnings[0]
    assert [path.name.partition(".corrupt")[0] for path in tmp_path.glob("*.corrupt-*")] == ["downloads.json"]


def test_fields_of_a_later_version_are_left_alone(tmp_path: Path) -> None:
    """An unknown field is no reason to forget the pull."""
    entry = GOOD | {"since": AT, "speed": 7}
    (tmp_path / downloads.NAME).write_text(
        json.dumps({"version": 1, "written_at": AT, "data": {"u1": entry}})
    )
    assert downloads.read(tmp_path) == {"u1": Job(provider="u1", model="b:1", since=AT)}
