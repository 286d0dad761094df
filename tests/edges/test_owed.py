"""Writes that fail are owed: made later, in order, and told where they cannot; no line is there twice."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llmpool.config.paths import find_paths
from llmpool.errors import Busy, StateUnusable
from llmpool.pool import Pool
from llmpool.state import jsonfile, jsonl
from llmpool.state.owed import Owed, check_writable
from tests.edges.failing import Bench


class Disk:
    """A disk that takes what is written to it, but for so many times."""

    def __init__(self) -> None:
        self.refusals = 0
        self.held: list[str] = []

    def write(self, text: str, reason: str = "full") -> Callable[[], None]:
        """Make a write of *text*."""

        def write() -> None:
            if self.refusals:
                self.refusals -= 1
                raise StateUnusable(reason, hint="make room")
            self.held.append(text)

        return write


def fails(monkeypatch: pytest.MonkeyPatch, name: str, times: int, then: Callable[[], object] = int) -> None:
    """Let a function of `os` fail so many times; *then* happens at each."""
    real, left = getattr(os, name), [times]

    def call(*args: object) -> object:
        if left[0]:
            left[0] -= 1
            then()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args)

    monkeypatch.setattr(os, name, call)


def test_what_failed_is_made_with_the_next_of_its_kind() -> None:
    """It comes before that one, so that records stay in their order; other kinds wait for nobody."""
    disk, owed = Disk(), Owed()
    owed.take("usage", disk.write("1"), StateUnusable("full"))
    owed.take("trial", disk.write("t"))
    assert disk.held == ["t"]
    assert ("usage" in owed, "trial" in owed, len(owed)) == (True, False, 1)
    owed.take("usage", disk.write("2"))
    assert disk.held == ["t", "1", "2"]
    assert owed.settled() is None
    assert not owed


def test_what_stays_undone_is_told_by_its_reason() -> None:
    """Kinds that failed for one reason share a line, which counts them; what can be made later is made."""
    disk, owed = Disk(), Owed()
    for kind, reason in (("usage lost", "full"), ("usage lost", "full"), ("token lost", "shut")):
        owed.take(kind, disk.write(kind, reason), Busy(reason))
    disk.refusals = 2
    left = owed.settled()
    assert left is not None
    assert (left.message, left.lines, left.hint) == (
        "usage lost (2 times): full",
        ("token lost: shut",),
        "make room",
    )
    assert (int(left.exit_code), left.reasons) == (10, ("full", "shut"))
    assert owed.settled() is None
    assert disk.held == ["usage lost", "usage lost", "token lost"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_line_that_the_disk_would_not_sync_is_there_once_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """What raised is not there and may be appended again; what did not raise is."""
    path = tmp_path / "usage" / "day.jsonl"
    jsonl.append(path, {"id": "old"})
    fails(monkeypatch, "fsync", times)
    if times == 1:
        jsonl.append(path, {"id": "new"})
    else:
        with pytest.raises(StateUnusable, match="Input/output error"):
            jsonl.append(path, {"id": "new"})
        assert path.read_text() == '{"id":"old"}\n'
        jsonl.append(path, {"id": "new"})
    assert path.read_text() == '{"id":"old"}\n{"id":"new"}\n'


def test_a_line_that_others_stand_behind_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be taken back then, so it is not written again either; that is told."""
    path, told = tmp_path / "usage" / "day.jsonl", list[str]()
    jsonl.append(path, {"id": "old"})

    def behind() -> None:
        with path.open("a") as file:
            file.write('{"id":"other"}\n')

    before = jsonfile.on_warning(told.append)
    try:
        fails(monkeypatch, "fsync", 1, behind)
        jsonl.append(path, {"id": "new"})
    finally:
        jsonfile.on_warning(before)
    assert path.read_text() == '{"id":"old"}\n{"id":"new"}\n{"id":"other"}\n'
    assert told == [f"{path} is written, but a power cut may undo that"]


def test_a_trial_of_the_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a token is renewed it is seen whether the new one could be kept."""
    place = tmp_path / "secrets.json"
    check_writable(place)
    fails(monkeypatch, "fsync", 1)
    with pytest.raises(StateUnusable, match="Input/output error"):
        check_writable(place)
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_cannot_be_used_is_no_failure_of_a_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another candidate answers; where there is none the run ends with 10, and nothing is recorded."""

    def resolve(key: object, provider: object, pool: object) -> object:
        if getattr(provider, "id", "") == "a":
            raise StateUnusable("cannot lock it", hint="make room")
        return real(key, provider, pool)  # type: ignore[arg-type]

    from llmpool import credentials

    real = credentials.resolve
    monkeypatch.setattr(credentials, "resolve", resolve)
    with Bench(tmp_path, a=(), b=()) as bench:
        assert bench.ask().by == "b/m"
        before = len(bench.usage())
        error = bench.ask("a/m").error
        assert error is not None
        assert (int(error.exit_code), error.message, error.hint) == (10, "a/m: cannot lock it", "make room")
        assert len(error.details["attempts"]) == 1
        assert len(bench.usage()) == before


def test_a_lock_that_was_waited_for_in_vain_is_waited_for_at_the_end() -> None:
    """Between two records nobody waits for it again: each wait takes ten seconds."""
    disk, owed = Disk(), Owed()
    owed.take("usage", disk.write("1"), Busy("in use"))
    owed.pay()
    assert disk.held == []
    assert owed.settled() is None
    assert disk.held == ["1"]


def test_who_waits_no_longer_is_told_what_is_left() -> None:
    """A second Ctrl-C ends the last try, and what could not be written is named all the same."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    owed = Owed()
    owed.take("usage not recorded", interrupted, StateUnusable("full"))
    left = owed.settled()
    assert left is not None
    assert "usage not recorded: full" in left.message


def test_a_write_that_is_interrupted_is_told(tmp_path: Path) -> None:
    """It is lost, as the run ends; nobody is left to believe that it was recorded."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    pool = Pool(find_paths({}, config=str(tmp_path / "c.toml"), state=str(tmp_path)), {}, lambda: 0.0)
    with pytest.raises(KeyboardInterrupt):
        pool.owe("usage not recorded", interrupted)
    assert pool.warnings == ["usage not recorded: interrupted"]
