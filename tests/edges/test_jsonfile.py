"""state.jsonfile: what is read back, what is refused or set aside, and what a failed write leaves."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import Busy, StateUnusable
from llmpool.state import jsonfile
from llmpool.state.lock import locked

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
CORRUPT = [
    b"",
    b"{",
    b"[1, 2]",
    b'"text"',
    b"null",
    b'{"version":1,"data":{"a":"\xff"}}',
    b'\xff\xfe{\x00"\x00',
    b'{"data": {}}',
    b'{"version": 1}',
    b'{"version": "1", "data": {}}',
    b'{"version": true, "data": {}}',
    b'{"version": 0, "data": {}}',
    b"\0" * 300,
    b"[" * 100_000,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "policy.json"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the warnings of one test."""
    monkeypatch.setattr(jsonfile, "_warning_hooks", [jsonfile._to_stderr])
    seen: list[str] = []
    jsonfile.on_warning(seen.append)
    return seen


def plant(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def names(path: Path, start: str) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name.startswith(start))


def fails_with(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def add_one(old: Any) -> Any:
    return {"n": (old or {"n": 0})["n"] + 1}


def test_a_missing_file_is_none(path: Path) -> None:
    """Reading what was never written gives None and creates nothing."""
    assert jsonfile.read(path) is None
    assert not path.parent.exists()


def test_the_envelope(path: Path) -> None:
    """A file holds its version, the UTC time of writing and the data, on one line of UTF-8."""
    jsonfile.write(path, {"name": "größe"}, version=3)
    text = path.read_text(encoding="utf-8")
    envelope = json.loads(text)
    assert list(envelope) == ["version", "written_at", "data"]
    assert envelope["version"] == 3
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", envelope["written_at"])
    assert "größe" in text
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert jsonfile.read(path, version=3) == {"name": "größe"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_encoded_is_read_back(value: Any) -> None:
    """Any JSON value comes back as it was, from one line."""
    encoded = jsonfile.encode(value)
    assert b"\n" not in encoded
    assert jsonfile._unwrap(jsonfile._envelope(encoded, 1), Path("x.json"), 1) == value


def test_half_a_surrogate_pair_is_kept(path: Path) -> None:
    """A name that is no valid Unicode, as broken servers send, neither crashes a write nor spoils a file."""
    jsonfile.write(path, {"name": "a\ud800b"})
    assert jsonfile.read(path) == {"name": "a\ud800b"}


def test_not_a_number_is_never_written(path: Path) -> None:
    """NaN, which is no JSON, is a bug of the writer and leaves the old file."""
    jsonfile.write(path, {"n": 1})
    with pytest.raises(ValueError, match="JSON"):
        jsonfile.write(path, {"n": float("nan")})
    assert jsonfile.read(path) == {"n": 1}


@posix
def test_modes_under_any_umask(path: Path) -> None:
    """Files are 0600 and directories 0700 from the start, even under umask 0."""
    before = os.umask(0)
    try:
        jsonfile.update(path, add_one)
        jsonfile.write_atomic(path.parent / "deep" / "er" / "model-ids.txt", b"a/b\n")
    finally:
        os.umask(before)
    for entry in [path.parent, *path.parent.rglob("*")]:
        expected = 0o700 if entry.is_dir() else 0o600
        assert stat.S_IMODE(entry.stat().st_mode) == expected, entry


def test_update_gets_the_newest_and_returns_what_it_wrote(path: Path) -> None:
    """An update sees None first, then what the last one wrote, and returns the new data."""
    assert jsonfile.update(path, add_one) == {"n": 1}
    assert jsonfile.update(path, add_one) == {"n": 2}
    assert jsonfile.read(path) == {"n": 2}


def test_an_unchanged_value_is_not_written(path: Path) -> None:
    """Nothing is written when the update changes nothing: not even the time, and no file for None."""
    assert jsonfile.update(path, lambda old: old) is None
    assert not path.exists()
    jsonfile.update(path, add_one)
    before = (path.stat().st_ino, path.read_bytes())
    jsonfile.update(path, lambda old: old)
    jsonfile.update(path, dict)
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_a_change_in_place_is_written(path: Path) -> None:
    """An update that changes the old value itself, and returns it or a copy, is not lost."""
    jsonfile.write(path, {"n": 1})

    def in_place(old: dict[str, int]) -> dict[str, int]:
        old["n"] += 1
        return old

    jsonfile.update(path, in_place)
    jsonfile.update(path, lambda old: dict(in_place(old)))
    assert jsonfile.read(path) == {"n": 3}


def test_an_update_that_raises_changes_nothing(path: Path) -> None:
    """An error in the update passes through; the file stays and the lock is free."""
    jsonfile.write(path, {"n": 1})
    with pytest.raises(ZeroDivisionError):
        jsonfile.update(path, lambda old: 1 // 0)
    assert jsonfile.update(path, add_one, wait=0) == {"n": 2}


def test_update_waits_only_so_long(path: Path) -> None:
    """An update of a file that somebody else is changing ends in Busy."""
    with locked(path), pytest.raises(Busy, match=r"policy\.json"):
        jsonfile.update(path, add_one, wait=0.01)


def test_reading_takes_no_lock(path: Path) -> None:
    """A reader never waits for a writer."""
    jsonfile.write(path, {"n": 1})
    with locked(path):
        assert jsonfile.read(path) == {"n": 1}


@pytest.mark.parametrize("content", CORRUPT, ids=range(len(CORRUPT)))
def test_corrupt_observations_are_set_aside(path: Path, warnings: list[str], content: bytes) -> None:
    """Corrupt content is kept byte for byte under another name, with one warning that says where."""
    plant(path, content)
    assert jsonfile.read(path) is None
    (aside,) = names(path, "policy.json.corrupt-")
    assert (path.parent / aside).read_bytes() == content
    assert not path.exists()
    (warning,) = warnings
    assert str(path) in warning
    assert aside in warning
    assert jsonfile.read(path) is None
    assert len(warnings) == 1


@pytest.mark.parametrize("content", CORRUPT, ids=range(len(CORRUPT)))
def test_corrupt_decisions_end_the_run(path: Path, warnings: list[str], content: bytes) -> None:
    """Corrupt decisions and money are set aside too, but the run ends (exit 10) and says where they are."""
    plant(path, content)
    with pytest.raises(StateUnusable) as caught:
        jsonfile.read(path, precious=True)
    (aside,) = names(path, "policy.json.corrupt-")
    assert (path.parent / aside).read_bytes() == content
    assert aside in caught.value.message
    assert path.name in caught.value.hint
    assert caught.value.exit_code == 10
    assert not warnings


def test_nothing_set_aside_is_overwritten(path: Path, warnings: list[str]) -> None:
    """Files found corrupt in the same second are all kept."""
    for number in range(3):
        plant(path, b"broken %d" % number)
        assert jsonfile.read(path) is None
    kept = {(path.parent / name).read_bytes() for name in names(path, "policy.json.corrupt-")}
    assert kept == {b"broken 0", b"broken 1", b"broken 2"}


def test_update_of_a_corrupt_file(path: Path, warnings: list[str]) -> None:
    """An update sets corrupt observations aside and begins anew; of decisions it refuses to."""
    plant(path, b"broken")
    with pytest.raises(StateUnusable):
        jsonfile.update(path, add_one, precious=True)
    assert not path.exists()
    plant(path, b"broken")
    assert jsonfile.update(path, add_one) == {"n": 1}
    assert len(names(path, "policy.json.corrupt-")) == 2


def test_a_file_made_whole_meanwhile_is_read(
    path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looked corrupt is read again under the lock before anything is moved."""
    jsonfile.write(path, {"n": 1})
    contents = iter([b"half a li"])
    real = jsonfile._content
    monkeypatch.setattr(jsonfile, "_content", lambda p: next(contents, None) or real(p))
    assert jsonfile.read(path, precious=True) == {"n": 1}
    assert not warnings


def test_decisions_that_another_process_set_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saw corrupt decisions does not go on without them because another process was quicker."""
    path.parent.mkdir()
    monkeypatch.setattr(jsonfile, "_content", lambda _: b"broken")
    with pytest.raises(StateUnusable, match="another process"):
        jsonfile.read(path, precious=True)


def test_what_cannot_be_moved_stays(path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a corrupt file cannot be set aside it stays: reads go on or end as ever, a write is refused."""
    plant(path, b"broken")
    monkeypatch.setattr(Path, "rename", fails_with(errno.EACCES))
    assert jsonfile.read(path) is None
    assert "cannot be set aside" in warnings[0]
    for precious, act in ((True, jsonfile.read), (False, lambda p, **k: jsonfile.update(p, add_one, **k))):
        with pytest.raises(StateUnusable, match="cannot be set aside"):
            act(path, precious=precious)
    assert path.read_bytes() == b"broken"


def test_a_directory_that_cannot_be_written(
    path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a read-only directory a corrupt observation is only warned about, and an update is refused."""
    plant(path, b"broken")
    monkeypatch.setattr(os, "open", fails_with(errno.EROFS))
    assert jsonfile.read(path) is None
    assert "it stays where it is" in warnings[0]
    with pytest.raises(StateUnusable, match="corrupt"):
        jsonfile.read(path, precious=True)
    with pytest.raises(StateUnusable, match="cannot lock"):
        jsonfile.update(path, add_one)
    assert path.read_bytes() == b"broken"


@pytest.mark.parametrize("precious", [False, True])
@pytest.mark.parametrize("content", [b'{"version": 3, "data": {"n": 1}}', b'{"version": 3, "zstd": "..."}'])
def test_a_newer_version_is_refused(path: Path, warnings: list[str], content: bytes, precious: bool) -> None:
    """A file of a newer version is refused (exit 10), whatever its shape, and not touched."""
    plant(path, content)
    for act in (jsonfile.read, lambda p, **k: jsonfile.update(p, add_one, **k)):
        with pytest.raises(StateUnusable) as caught:
            act(path, version=2, precious=precious)
        assert "version 3" in caught.value.message
        assert "version 2" in caught.value.message
        assert "upgrade" in caught.value.hint
    assert path.read_bytes() == content
    assert not warnings


def test_an_older_version_is_handed_over_and_upgraded(path: Path) -> None:
    """The data of an older version is returned, and the next update writes the version of today."""
    jsonfile.write(path, {"n": 1}, version=1)
    assert jsonfile.read(path, version=2) == {"n": 1}
    jsonfile.update(path, lambda old: old, version=2)
    assert json.loads(path.read_bytes())["version"] == 2


def test_an_unreadable_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read, or is a directory, is an error with its way out, and stays."""
    path.mkdir(parents=True)
    with pytest.raises(StateUnusable) as caught:
        jsonfile.read(path)
    assert str(path) in caught.value.message
    monkeypatch.setattr(Path, "read_bytes", fails_with(errno.EACCES))
    with pytest.raises(StateUnusable, match="Permission denied") as caught:
        jsonfile.read(path)
    assert "LLMPOOL_STATE_DIR" in caught.value.hint
    assert path.is_dir()


@pytest.mark.parametrize("call", ["os.write", "os.fsync", "os.replace", "os.open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_write_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """A full or read-only disk ends in exit 10 naming file, reason and way out; the old file stays alone."""
    jsonfile.write(path, {"n": 1})
    with monkeypatch.context() as broken:
        broken.setattr(call, fails_with(number))
        with pytest.raises(StateUnusable) as caught:
            jsonfile.write(path, {"n": 2})
    assert str(path) in caught.value.message
    assert os.strerror(number) in caught.value.message
    assert "LLMPOOL_STATE_DIR" in caught.value.hint
    assert os.listdir(path.parent) == ["policy.json"]
    assert jsonfile.read(path) == {"n": 1}


@posix
def test_a_write_survives_a_power_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is on the disk before it takes the name, and the name before the write returns."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(*names: Any) -> None:
        steps.append("rename")
        replace(*names)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    jsonfile.write(path, {"n": 1})
    assert steps == ["file", "rename", "directory"]


@posix
def test_a_file_system_that_cannot_sync_directories(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where directories cannot be synced a write is done all the same; another failure of that is said."""
    fsync = os.fsync
    reason = errno.EINVAL

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(reason, os.strerror(reason))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    jsonfile.write(path, {"n": 1})
    assert jsonfile.read(path) == {"n": 1}
    reason = errno.EIO
    with pytest.raises(StateUnusable, match="cannot write"):
        jsonfile.write(path, {"n": 2})


def test_an_interrupted_write_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a write leaves the old file alone."""

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    jsonfile.write(path, {"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            jsonfile.write(path, {"n": 2})
    assert os.listdir(path.parent) == ["policy.json"]
    assert jsonfile.read(path) == {"n": 1}


def test_short_writes_are_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes a few bytes at a time is carried on until all are there."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))
    jsonfile.write(path, {"text": "x" * 100})
    assert jsonfile.read(path) == {"text": "x" * 100}


def test_a_write_that_takes_nothing_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no byte and reports no error is not asked for ever."""
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(StateUnusable, match="policy"):
        jsonfile.write(path, {"n": 1})


def test_leftovers_of_a_crash_are_removed_when_old(path: Path) -> None:
    """The next write of a file removes what a crashed writer of it left an hour ago, and nothing else."""
    jsonfile.write(path, {"n": 1})
    kept = [".policy.json.1-aa.tmp", ".health.json.1-aa.tmp", ".policy.json.note"]
    for name in [".policy.json.2-bb.tmp", *kept]:
        (path.parent / name).touch()
    for name in [".policy.json.2-bb.tmp", *kept[1:]]:
        os.utime(path.parent / name, (time.time() - 4000,) * 2)
    jsonfile.write(path, {"n": 2})
    assert sorted(os.listdir(path.parent)) == sorted([*kept, "policy.json"])


@posix
def test_a_link_is_replaced_itself(tmp_path: Path) -> None:
    """A write to a symbolic link makes it a file; what it pointed to is not touched."""
    (tmp_path / "elsewhere").write_text("theirs")
    (tmp_path / "policy.json").symlink_to("elsewhere")
    jsonfile.write(tmp_path / "policy.json", {"n": 1})
    assert (tmp_path / "elsewhere").read_text() == "theirs"
    assert not (tmp_path / "policy.json").is_symlink()


def test_warnings_go_to_stderr(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless told otherwise a warning is one line on stderr, and nothing on stdout."""
    monkeypatch.setattr(jsonfile, "_warning_hooks", [jsonfile._to_stderr])
    plant(path, b"broken")
    jsonfile.read(path)
    streams = capsys.readouterr()
    assert streams.out == ""
    assert re.fullmatch(r"warning: [^\n]*policy\.json[^\n]*\n", streams.err)
