"""state.jsonfile: modes, and what a failed or interrupted write leaves on the disk."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import StateUnusable
from llmpool.state import jsonfile

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")


def written(path: Path, data: Any) -> None:
    """Put data in its envelope at *path*, whatever was there."""
    jsonfile.write_atomic(path, jsonfile._envelope(jsonfile.encode(data), 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "policy.json"


def fails_with(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def add_one(old: Any) -> Any:
    return {"n": (old or {"n": 0})["n"] + 1}


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
    written(path, {"n": 1})
    with monkeypatch.context() as broken:
        broken.setattr(call, fails_with(number))
        with pytest.raises(StateUnusable) as caught:
            written(path, {"n": 2})
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
    written(path, {"n": 1})
    assert steps == ["directory", "file", "rename", "directory"]  # the state directory is new
    steps.clear()
    written(path, {"n": 2})
    assert steps == ["file", "rename", "directory"]


@posix
def test_a_file_system_that_cannot_sync_directories(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where directories cannot be synced a write is done all the same; another failure of that is said.

    It is no error: the new file is there, and whoever took it for unwritten would count twice.
    """
    path.parent.mkdir()
    fsync = os.fsync
    reason = errno.EINVAL

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(reason, os.strerror(reason))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    written(path, {"n": 1})
    assert jsonfile.read(path) == {"n": 1}
    assert capsys.readouterr().err == ""
    reason = errno.EIO
    written(path, {"n": 2})
    assert jsonfile.read(path) == {"n": 2}
    told = f"warning: {path} is written, but a power cut may undo that: {os.strerror(errno.EIO)}\n"
    assert capsys.readouterr().err == told


def test_an_interrupted_write_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a write leaves the old file alone."""

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    written(path, {"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            written(path, {"n": 2})
    assert os.listdir(path.parent) == ["policy.json"]
    assert jsonfile.read(path) == {"n": 1}


def test_short_writes_are_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes a few bytes at a time is carried on until all are there."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))
    written(path, {"text": "x" * 100})
    assert jsonfile.read(path) == {"text": "x" * 100}


def test_a_write_that_takes_nothing_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no byte and reports no error is not asked for ever."""
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(StateUnusable, match="policy"):
        written(path, {"n": 1})


def test_leftovers_of_a_crash_are_removed_when_old(path: Path) -> None:
    """The next write in a directory removes what crashed writers left there an hour ago, and nothing else."""
    written(path, {"n": 1})
    gone = [".policy.json.2-0123abcd.tmp", ".2026-01-20.day.17-89abcdef.tmp"]
    theirs = [".health.json.1-aa.tmp", ".policy.json.note", ".x.0123abcd.tmp", "a.1-0123abcd.tmp"]
    young = ".policy.json.1-0123abcd.tmp"
    for name in (*gone, *theirs, young):
        (path.parent / name).touch()
    for name in (*gone, *theirs):
        os.utime(path.parent / name, (time.time() - 4000,) * 2)
    written(path, {"n": 2})
    assert sorted(os.listdir(path.parent)) == sorted([*theirs, young, "policy.json"])


@posix
def test_a_link_is_replaced_itself(tmp_path: Path) -> None:
    """A write to a symbolic link makes it a file; what it pointed to is not touched."""
    (tmp_path / "elsewhere").write_text("theirs")
    (tmp_path / "policy.json").symlink_to("elsewhere")
    written(tmp_path / "policy.json", {"n": 1})
    assert (tmp_path / "elsewhere").read_text() == "theirs"
    assert not (tmp_path / "policy.json").is_symlink()
