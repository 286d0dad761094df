"""Sessions that change their end or their name: in one step each, whoever else goes on with them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmpool.chat import session, talks
from llmpool.core.chat import Message
from llmpool.errors import Misuse, StateUnusable, UnknownName
from llmpool.state import jsonl, sessions
from llmpool.state.lock import locked

NOW = 1_795_295_100.0  # 2026-11-21 21:05 UTC


@pytest.fixture(autouse=True)
def nothing_held() -> Any:
    """Let no test go on with what another held in memory."""
    yield
    sessions._held.clear()


def turn(role: str, text: str, **fields: Any) -> dict[str, Any]:
    """Return a turn as it is kept."""
    return {"at": "2026-11-21T21:05:00.000Z", "role": role, "text": text, **fields}


A = [turn("system", "be brief"), turn("user", "a"), turn("assistant", "A")]
B = [turn("user", "b"), turn("assistant", "B")]
C = [turn("user", "c"), turn("assistant", "C")]


@pytest.mark.parametrize("held", [False, True])
def test_the_last_exchange_is_taken_back(tmp_path: Path, *, held: bool) -> None:
    """Then the one before it, with the system's words that came along; then nothing is left."""
    if held:
        sessions.hold("s")
    sessions.append(tmp_path, "s", A)
    sessions.append(tmp_path, "s", B)
    assert sessions.take_back(tmp_path, "s") == B
    assert sessions.read(tmp_path, "s") == A
    assert sessions.take_back(tmp_path, "s") == A
    assert sessions.take_back(tmp_path, "s") == []
    assert sessions.read(tmp_path, "s") == []
    assert (tmp_path / "sessions").exists() is not held


def test_foreign_lines_survive_in_front(tmp_path: Path) -> None:
    """Taking back cuts the end off and touches nothing else; a torn line behind goes as well."""
    path = sessions.path_of(tmp_path, "s")
    sessions.append(tmp_path, "s", A)
    with path.open("ab") as file:
        file.write(b'{"torn": \n[1]\n')
    sessions.append(tmp_path, "s", B)
    with path.open("ab") as file:
        file.write(b'{"role": "us')
    before = path.read_bytes()
    assert sessions.take_back(tmp_path, "s") == B
    assert (
        path.read_bytes()
        == before[: before.index(b'{"at":"2026-11-21T21:05:00.000Z","role":"user","text":"b"')]
    )


def test_taking_back_beside_others_who_append(tmp_path: Path) -> None:
    """Whatever comes meanwhile, what stays and what was taken back is all that was said, in pairs."""

    def say(writer: int) -> None:
        for n in range(25):
            sessions.append(
                tmp_path, "s", [turn("user", f"{writer}.{n}"), turn("assistant", f"{writer}.{n}")]
            )

    sessions.append(tmp_path, "s", [turn("user", "0"), turn("assistant", "0")])
    writers = [threading.Thread(target=say, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    taken: list[str] = []
    while any(writer.is_alive() for writer in writers):
        exchange = sessions.take_back(tmp_path, "s")
        assert len({each["text"] for each in exchange}) <= 1
        taken += [each["text"] for each in exchange]
    left = [each["text"] for each in sessions.read(tmp_path, "s")]
    said = [f"{writer}.{n}" for writer in range(3) for n in range(25)]
    assert sorted(each for each in taken + left if each != "0") == sorted(said * 2)


def test_a_session_gets_another_name(tmp_path: Path) -> None:
    """It is moved or copied as a whole; a name that is taken is refused, and nothing is lost."""
    sessions.append(tmp_path, "one", A)
    sessions.append(tmp_path, "two", B)
    with pytest.raises(Misuse, match='there is a session "two" already'):
        sessions.move(tmp_path, "one", "two")
    sessions.move(tmp_path, "one", "three")
    sessions.move(tmp_path, "two", "four", copy=True)
    kept = {each.name: each.turns for each in sessions.every(tmp_path)}
    assert kept == {"two": 2, "three": 3, "four": 2}
    assert sessions.read(tmp_path, "three") == A


def test_a_session_in_memory_is_no_file(tmp_path: Path) -> None:
    """It is read, added to and taken back as any other, until it is saved on order."""
    talk = talks.begin(tmp_path, NOW, kept=False)
    sessions.append(tmp_path, talk.name, A)
    assert session.conversation(tmp_path, talk.name).messages[1] == Message(role="user", text="a")
    assert not tmp_path.joinpath("sessions").exists()
    saved = talks.save(tmp_path, talk, "kept")
    assert (saved.name, sessions.read(tmp_path, "kept"), sessions.is_held(talk.name)) == ("kept", A, False)


def test_a_fresh_name_is_the_minute_and_nobody_elses(tmp_path: Path) -> None:
    """Two that begin in one minute have a name each; one in which nothing was said leaves none."""
    first, second = (talks.begin(tmp_path, NOW, kept=True) for _ in range(2))
    assert [first.name, second.name] == ["2026-11-21-2105", "2026-11-21-2105-2"]
    assert sessions.every(tmp_path) == []
    sessions.append(tmp_path, second.name, B)
    assert (talks.end(tmp_path, first), talks.end(tmp_path, second)) == (False, True)
    assert [each.name for each in sessions.every(tmp_path)] == ["2026-11-21-2105-2"]


def test_the_newest_is_gone_on_with(tmp_path: Path) -> None:
    """Whatever its name; what a terminal keeps as `last` goes on under a name that stays."""
    with pytest.raises(UnknownName, match="no conversation is kept yet"):
        talks.go_on(tmp_path, NOW, "", kept=True)
    for at, name in ((3, "old"), (9, "new"), (5, "last")):
        sessions.append(tmp_path, name, B)
        os.utime(sessions.path_of(tmp_path, name), (at, at))
    assert talks.go_on(tmp_path, NOW, "", kept=True) == talks.Talk("new", goes_on=True)
    os.utime(sessions.path_of(tmp_path, "last"), (10, 10))
    copied = talks.go_on(tmp_path, NOW, "", kept=True)
    assert (copied.name, sessions.read(tmp_path, copied.name)) == ("2026-11-21-2105", B)
    assert sessions.read(tmp_path, "last") == B


def test_where_nothing_can_be_kept_it_is_held(tmp_path: Path) -> None:
    """A directory that refuses is told, and no reason not to talk."""
    (tmp_path / "sessions").write_text("in the way")
    talk = talks.begin(tmp_path, NOW, kept=True)
    assert sessions.is_held(talk.name)
    assert "sessions" in talk.refused


def test_the_systems_latest_words_hold(tmp_path: Path) -> None:
    """They come first, alone; blank ones take the old back; only who may speak does."""
    sessions.append(tmp_path, "s", [*A, turn("system", "be kind"), *B, turn("tool", "x")])
    told = session.conversation(tmp_path, "s").messages
    assert [(m.role, m.text) for m in told] == [
        ("system", "be kind"),
        ("user", "a"),
        ("assistant", "A"),
        ("user", "b"),
        ("assistant", "B"),
    ]
    sessions.append(tmp_path, "s", [turn("system", "")])
    assert session.conversation(tmp_path, "s").messages[0].role == "user"


def test_a_list_tells_of_each_what_it_began_with(tmp_path: Path) -> None:
    """The first question, who answered last, and when; hostile lines and types are passed over."""
    path = sessions.path_of(tmp_path, "s")
    lines = [
        *A[:2],
        turn("assistant", "A", deployment="den/m"),
        turn("assistant", "B", deployment=5),
        {"role": {}},
    ]
    path.parent.mkdir()
    path.write_bytes(
        b"\xff\xfe\n[[[\n"
        + b"[" * 100_000
        + b"\n"
        + b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    )
    assert sessions.every(tmp_path) == [
        sessions.Session("s", 4, "2026-11-21T21:05:00.000Z", deployment="den/m", first="a")
    ]
    assert len(sessions.read(tmp_path, "s")) == 4
    jsonl.put_together(path, [turn("user", "x" * 500)], anew=True)
    assert sessions.every(tmp_path)[0].first == "x" * 200


def test_what_is_added_while_a_session_gets_its_new_name_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever adds an exchange in that moment finds it under the new name."""
    sessions.append(tmp_path, "one", A)

    @contextmanager
    def late(path: Path) -> Iterator[None]:
        sessions.append(tmp_path, "one", B)
        with locked(path):
            yield

    monkeypatch.setattr(sessions, "locked", late)
    sessions.move(tmp_path, "one", "two")
    assert sessions.read(tmp_path, "two") == [*A, *B]
    with pytest.raises(UnknownName, match="one"):
        sessions.move(tmp_path, "one", "three")


def test_a_session_is_deleted_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes under the lock: who adds to it writes it anew, and would bring back all that was deleted."""
    sessions.append(tmp_path, "one", A)
    path = sessions.path_of(tmp_path, "one")
    seen: list[tuple[Path, bool]] = []

    @contextmanager
    def watched(place: Path) -> Iterator[None]:
        seen.append((place, path.exists()))
        with locked(place):
            yield
            seen.append((place, path.exists()))

    monkeypatch.setattr(sessions, "locked", watched)
    sessions.delete(tmp_path, "one")
    gate = jsonl.gate(path.parent)
    assert seen == [(gate, True), (gate, False)]


def test_an_exchange_takes_the_place_of_another(tmp_path: Path) -> None:
    """What somebody else has said behind it meanwhile stays; where it is gone the new one comes last."""
    later = "2026-11-21T21:06:00.000Z"
    new = [turn("user", "b") | {"at": later}, turn("assistant", "better") | {"at": later}]
    for each in (A, B, C):
        sessions.append(tmp_path, "s", each)
    sessions.put_instead(tmp_path, "s", B, new)
    assert sessions.read(tmp_path, "s") == [*A, *new, *C]
    sessions.put_instead(tmp_path, "s", B, B)
    assert sessions.read(tmp_path, "s") == [*A, *new, *C, *B]


def test_of_two_exchanges_that_are_word_for_word_the_same_the_last_one_gives_way(tmp_path: Path) -> None:
    """A file that was written elsewhere may tell no times, which part them otherwise."""
    same = [turn("user", "hi"), turn("assistant", "hello")]
    untimed = [{name: value for name, value in each.items() if name != "at"} for each in same]
    sessions.append(tmp_path, "s", [*untimed, *untimed])
    sessions.put_instead(tmp_path, "s", untimed, B)
    assert sessions.read(tmp_path, "s") == [*untimed, *B]


def test_one_that_cannot_be_written_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one is on the disk, the new one in memory, until the disk takes it again."""
    sessions.append(tmp_path, "s", A)
    monkeypatch.setattr(sessions, "put_instead", full)
    with pytest.raises(StateUnusable), talks.once_more(tmp_path, "s"):
        sessions.append(tmp_path, "s", B)
    assert (sessions.read(tmp_path, "s"), sessions.is_held("s")) == (B, True)
    talks.let_go(tmp_path, "s")()
    assert sessions.read(tmp_path, "s") == [*A, *B]


def full(*_given: Any) -> None:
    raise StateUnusable("no space")
