"""The journal of a batch: torn lines, other people's files, answers to what has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.chat.batch_journal import Journal, encoded, opened
from llmpool.chat.batch_lines import Entry
from llmpool.errors import Busy, Misuse, StateUnusable
from tests.fuzz.promise import peak


def answer(number: int, key: str = "k", **fields: Any) -> dict[str, Any]:
    """Make a line of answers."""
    return {"schema": 1, "line": number, "key": key, "text": f"{number}"} | fields


def failure(number: int, key: str = "k") -> dict[str, Any]:
    """Make a line of an error."""
    return {"schema": 1, "line": number, "key": key, "error": {"exit": 7}}


def known(journal: Journal, numbers: range, key: str = "k") -> list[int]:
    """Let a journal see these lines of the input, and return those that are answered."""
    return [number for number in numbers if journal.known(Entry(number, key))]


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of answers."""
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Name a file of answers."""
    return tmp_path / "a.jsonl"


def test_answers_are_put_in_order_when_all_are_there(place: Path) -> None:
    """Kept as they come, written as they were asked; nothing but the file is left."""
    with opened(str(place)) as journal:
        assert known(journal, range(1, 4)) == []
        journal.keep([answer(3)])
        journal.keep([answer(1), failure(2)])
        assert not place.exists()
        journal.finish()
    assert lines(place) == [answer(1), failure(2), answer(3)]
    assert [path.name for path in place.parent.iterdir()] == ["a.jsonl"]


@given(cut=st.integers(0, 200))
@settings(max_examples=40)
def test_a_torn_line_is_asked_again_and_no_other(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Wherever a write broke off, the lines before it hold, and what follows is whole."""
    place = tmp_path_factory.mktemp("torn") / "a.jsonl"
    whole = b"".join(encoded(answer(number, id="x" * number)) for number in (1, 2, 3))
    torn = whole[: max(0, len(whole) - cut)]
    place.with_name("a.jsonl.part").write_bytes(torn)
    there = list(range(1, torn.count(b"\n") + 1))
    if torn and not torn.endswith(b"\n") and torn.endswith(b"}"):
        there.append(len(there) + 1)
    with opened(str(place)) as journal:
        assert known(journal, range(1, 4)) == there
        journal.keep([answer(number) for number in range(1, 4) if number not in there])
        journal.finish()
    assert [each["line"] for each in lines(place)] == [1, 2, 3]


def test_an_answer_is_not_lost_to_a_failure(place: Path) -> None:
    """Only an answer takes the place of an answer."""
    with opened(str(place)) as journal:
        known(journal, range(1, 3))
        journal.keep([answer(1), failure(2), failure(1), answer(2, text="late")])
        journal.finish()
    assert lines(place) == [answer(1), answer(2, text="late")]


def test_answers_to_what_has_changed_are_kept_aside(place: Path) -> None:
    """Another key, or a line that is gone: what was paid for moves to FILE.old."""
    place.write_bytes(b"".join(encoded(answer(number)) for number in (1, 2, 3)))
    with opened(str(place)) as journal:
        assert journal.answered == 3
        assert known(journal, range(1, 2), "other") == []
        assert known(journal, range(2, 3)) == [2]
        journal.keep([answer(1, "other", text="new")])
        assert journal.finish() == place.with_name("a.jsonl.old")
    assert lines(place) == [answer(1, "other", text="new"), answer(2)]
    assert lines(place.with_name("a.jsonl.old")) == [answer(1), answer(3)]


def test_a_kill_between_answer_and_order_keeps_both_answers(place: Path) -> None:
    """What FILE says of a changed line and what the journal says of it are both kept."""
    place.write_bytes(encoded(answer(1, "old")))
    place.with_name("a.jsonl.part").write_bytes(encoded(answer(1, "new", text="n")))
    with opened(str(place)) as journal:
        assert known(journal, range(1, 2), "new") == [1]
        journal.finish()
    assert lines(place) == [answer(1, "new", text="n")]
    assert lines(place.with_name("a.jsonl.old")) == [answer(1, "old")]


def test_a_kill_after_the_rename_leaves_nothing_to_do(place: Path) -> None:
    """A journal that was not removed says what the file says."""
    for name in ("a.jsonl", "a.jsonl.part"):
        place.with_name(name).write_bytes(encoded(answer(1)))
    place.with_name("a.jsonl.part.new").write_bytes(b"half")
    with opened(str(place)) as journal:
        assert known(journal, range(1, 2)) == [1]
        journal.finish()
    assert lines(place) == [answer(1)]
    assert [path.name for path in place.parent.iterdir()] == ["a.jsonl"]


def test_one_run_at_a_time(place: Path) -> None:
    """The second is told at once, and the lock does not outlive the first."""
    with opened(str(place)), pytest.raises(Busy, match="another run is writing"), opened(str(place)):
        pass
    with opened(str(place)):
        pass
    assert list(place.parent.iterdir()) == []


def test_a_link_is_followed(place: Path, tmp_path: Path) -> None:
    """The file that a link points to gets the answers, and the link stays."""
    (tmp_path / "there").mkdir()
    place.symlink_to(tmp_path / "there" / "b.jsonl")
    with opened(str(place)) as journal:
        known(journal, range(1, 2))
        journal.keep([answer(1)])
        journal.finish()
    assert place.is_symlink()
    assert lines(tmp_path / "there" / "b.jsonl") == [answer(1)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.part"])
@pytest.mark.parametrize("content", [b"notes", b"\x00\xff", b"[]\n", b'{"line": 1}\n'])
def test_other_files_are_refused_and_left(place: Path, name: str, content: bytes) -> None:
    """Nobody's file is cut, mended or written over."""
    place.with_name(name).write_bytes(content)
    with pytest.raises(Misuse), opened(str(place)):
        pass
    assert place.with_name(name).read_bytes() == content


def test_a_full_disk_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be kept ends the run, and says that nothing is asked twice."""

    def full(_descriptor: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with opened(str(place)) as journal:
        journal.keep([answer(1)])
        monkeypatch.setattr("llmpool.chat.batch_journal.write_all", full)
        with pytest.raises(StateUnusable, match="No space left") as told:
            journal.keep([answer(2)])
        assert "not asked twice" in told.value.hint
    assert lines(place.with_name("a.jsonl.part")) == [answer(1)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_lines_take_little_memory(place: Path) -> None:
    """A journal knows of each line where it stands and no more."""
    import tracemalloc

    with place.with_name("a.jsonl.part").open("wb") as file:
        file.writelines(encoded(answer(number)) for number in range(1_000_000, 0, -1))
    tracemalloc.start()
    with opened(str(place)) as journal:
        assert journal.answered == 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
        tracemalloc.stop()
        assert len(known(journal, range(1, 1_000_001))) == 1_000_000
        journal.finish()
    assert [each["line"] for each in lines(place)[:3]] == [1, 2, 3]


def test_a_question_that_changed_between_two_runs_mixes_nothing_up(place: Path) -> None:
    """Its answers stand in the journal twice, with others between them; the later one counts."""
    part = place.with_name("a.jsonl.part")
    kept = [answer(1, "old"), answer(2), answer(3), answer(1, "new"), failure(4), answer(2, "newer")]
    part.write_bytes(b"".join(map(encoded, kept)))
    with opened(str(place)) as journal:
        assert known(journal, range(1, 2), "new") == [1]
        assert known(journal, range(2, 3), "newer") == [2]
        assert known(journal, range(3, 5)) == [3]
        journal.finish()
    assert lines(place) == [answer(1, "new"), answer(2, "newer"), answer(3), failure(4)]
    assert lines(place.with_name("a.jsonl.old")) == [answer(1, "old"), answer(2)]


def test_a_line_number_beyond_reason_takes_no_memory(place: Path) -> None:
    """Forty damaged bytes would be an index of gigabytes."""
    place.with_name("a.jsonl.part").write_bytes(encoded(answer(1)) + encoded(answer((1 << 28) - 1)))

    def load() -> None:
        with opened(str(place)) as journal:
            assert known(journal, range(1, 3)) == [1]

    assert peak(load) < 1 << 20
