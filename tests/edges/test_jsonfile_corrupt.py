"""state.jsonfile: what is not a file of ours, or of a newer version, is refused or set aside."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import StateUnusable
from llmpool.state import jsonfile

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
    jsonfile.update(path, lambda _: {"n": 1})
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
    jsonfile.update(path, lambda _: {"n": 1}, version=1)
    assert jsonfile.read(path, version=2) == {"n": 1}
    jsonfile.update(path, lambda old: old, version=2)
    assert json.loads(path.read_bytes())["version"] == 2


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
