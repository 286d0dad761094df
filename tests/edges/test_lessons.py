"""Lessons of a long run: averages wait for each other, what others should know of does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmpool.chat import lessons
from llmpool.chat.lessons import Answer, Lessons
from llmpool.core.limits import Headroom
from llmpool.core.outcome import Attempt
from llmpool.core.routing import Experience
from llmpool.errors import Busy
from llmpool.state import health, keys, limits
from llmpool.state.health import Health
from llmpool.state.lock import locked

NOW = 1_800_000_000.0


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


@pytest.fixture
def watch() -> Watch:
    """Make a clock."""
    return Watch()


@pytest.fixture
def kept(tmp_path: Path, watch: Watch) -> Lessons:
    """Make the lessons of a run whose provider `den` was heard last."""
    put(tmp_path, lambda known: known.contact.update(den=contact("")))
    return Lessons(tmp_path, watch)


def put(state: Path, change: Any) -> None:
    """Change the health."""
    health.update(state, change)


def contact(kind: str, at: float = NOW - 60) -> dict[str, Any]:
    """Write a contact as it is stored."""
    return {"at": at, "kind": kind, "message": kind}


def rest(at: float) -> dict[str, Any]:
    """Write a rest as it is stored."""
    return {"until": at + 60, "seconds": 60.0, "reason": "server", "failures": 1, "passing": 0, "at": at}


def answer(ref: str = "den/m", took: int = 100, at: float = NOW) -> Answer:
    """Make an answer that *took* so many milliseconds."""
    return Answer(Attempt(deployment=ref, key="a", latency_ms=took), at, 10)


def test_answers_are_written_together_when_it_is_time(kept: Lessons, tmp_path: Path, watch: Watch) -> None:
    """Nothing is written for a second, then all of it by one change."""
    before = (tmp_path / health.NAME).stat().st_ino
    assert kept.take(answer(took=100))
    assert kept.take(answer(took=200, at=NOW + 1))
    assert kept.write_when_due() == []
    assert (tmp_path / health.NAME).stat().st_ino == before
    watch.at = lessons.EVERY
    assert kept.write_when_due() == []
    known = health.read(tmp_path)
    assert known.experience == {"den/m": Experience(2, 0, 150, 10)}
    assert known.latency == {"den": 130.0}
    assert known.contact == {"den": {"at": NOW + 1, "kind": "", "message": ""}}
    after = (tmp_path / health.NAME).stat().st_ino
    watch.at *= 2
    assert kept.write_when_due() == []
    assert (tmp_path / health.NAME).stat().st_ino == after


@pytest.mark.parametrize("scope", ["provider:den", "deployment:den/m", "key:den/a"])
def test_an_answer_that_ends_a_rest_is_not_taken(kept: Lessons, tmp_path: Path, scope: str) -> None:
    """Others should know at once that the provider, the deployment or the key works again."""
    put(tmp_path, lambda known: known.cooldowns.update({scope: rest(NOW)}))
    assert not kept.take(answer())


def test_an_answer_of_somebody_else_is_taken(kept: Lessons, tmp_path: Path) -> None:
    """The rest of another deployment, or of another key, has nothing to do with it."""
    rests = {"deployment:den/other": rest(NOW), "key:den/b": rest(NOW)}
    put(tmp_path, lambda known: known.cooldowns.update(rests))
    assert kept.take(answer())


@pytest.mark.parametrize("ref", ["away/m", "new/m"])
def test_the_answer_of_who_was_not_heard_is_not_taken(kept: Lessons, tmp_path: Path, ref: str) -> None:
    """Who was out of reach, or never heard of, is in reach for all from now on."""
    put(tmp_path, lambda known: known.contact.update(away=contact("connect")))
    assert not kept.take(answer(ref))


def test_a_failure_that_came_in_between_stays(kept: Lessons, tmp_path: Path) -> None:
    """An answer that waited wakes nobody who has failed since, and is no contact after that one."""
    assert kept.take(answer(at=NOW))
    put(tmp_path, lambda known: known.contact.update(den=contact("connect", NOW + 0.5)))
    put(tmp_path, lambda known: known.cooldowns.update({"deployment:den/m": rest(NOW + 0.5)}))
    assert kept.close() == []
    known = health.read(tmp_path)
    assert known.contact["den"]["kind"] == "connect"
    assert set(known.cooldowns) == {"deployment:den/m"}
    assert known.experience["den/m"].successes == 1


def test_a_file_in_use_is_written_later(
    kept: Lessons, tmp_path: Path, watch: Watch, monkeypatch: Any
) -> None:
    """A run that goes on waits for nobody, and loses nothing by that."""
    monkeypatch.setattr(lessons, "PATIENCE", 0.01)
    assert kept.take(answer(took=100))
    watch.at = lessons.EVERY
    with locked(tmp_path / health.NAME):
        assert kept.write_when_due() == []
    assert kept.take(answer(took=200))
    assert kept.close() == []
    assert health.read(tmp_path).latency == {"den": 130.0}


def test_what_cannot_be_written_is_told(kept: Lessons, tmp_path: Path) -> None:
    """A file of a newer version is left alone, and said so."""
    assert kept.take(answer())
    newer = {"version": 9, "written_at": "2026-11-22T00:00:00Z", "data": {}}
    (tmp_path / health.NAME).write_text(json.dumps(newer))
    assert not kept.take(answer())
    (wrong,) = kept.close()
    assert "version 9" in wrong


def test_of_each_key_the_last_word_counts(kept: Lessons, tmp_path: Path) -> None:
    """What a vendor said of its allowances is written once, as it was said last."""
    for left in (9, 8):
        kept.hear("den", "a", (Headroom(what="requests", remaining=left),), NOW)
    assert not (tmp_path / limits.NAME).exists()
    assert kept.close() == []
    (entry,) = limits.read(tmp_path)["den"]["a"].entries
    assert entry.remaining == 8


def test_averages_are_what_they_would_be_one_by_one(tmp_path: Path) -> None:
    """Folding many answers at once is folding each."""
    answers = [answer(took=took, at=NOW + took) for took in (100, 900, 40, 0, 7)]
    at_once, one_by_one = Health(None), Health(None)
    lessons.fold(at_once, answers)
    for each in answers:
        lessons.fold(one_by_one, [each])
    assert at_once.as_data() == one_by_one.as_data()


def test_uses_of_keys_are_counted_together(kept: Lessons, tmp_path: Path, watch: Watch) -> None:
    """Not by each prompt alone: what was used, what was taken back, and when a key was used last."""
    kept.count({("den", "a"): 1, ("den", "b"): 2}, NOW)
    kept.count({("den", "a"): 1, ("den", "b"): -1}, NOW + 2)
    kept.count({("den", "c"): 1}, NOW + 1)
    kept.count({("den", "c"): -1}, NOW + 1)
    assert kept.write_when_due() == []
    assert not (tmp_path / keys.NAME).exists()
    watch.at = lessons.EVERY
    assert kept.write_when_due() == []
    assert {label: use.times for label, use in keys.read(tmp_path).uses["den"].items()} == {"a": 2, "b": 1}
    before = (tmp_path / keys.NAME).stat().st_mtime_ns
    assert kept.close() == []
    assert (tmp_path / keys.NAME).stat().st_mtime_ns == before


def test_one_file_that_cannot_be_written_holds_up_no_other(kept: Lessons, tmp_path: Path) -> None:
    """Averages of a newer version are left alone, and the keys are counted all the same; one in use later."""
    assert kept.take(answer())
    kept.count({("den", "a"): 1}, NOW)
    newer = {"version": 9, "written_at": "2026-11-22T00:00:00Z", "data": {}}
    (tmp_path / health.NAME).write_text(json.dumps(newer))
    (wrong,) = kept.close()
    assert "version 9" in wrong
    assert keys.read(tmp_path).uses["den"]["a"].times == 1


def test_uses_that_could_not_be_written_are_kept(
    kept: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that others hold is written the next time."""
    kept.count({("den", "a"): 1}, NOW)

    def busy(*_: object) -> None:
        raise Busy("in use")

    with monkeypatch.context() as patch:
        patch.setattr(keys, "note", busy)
        assert kept.close() == ["in use"]
    kept.count({("den", "a"): 1}, NOW)
    assert kept.close() == []
    assert keys.read(tmp_path).uses["den"]["a"].times == 2
