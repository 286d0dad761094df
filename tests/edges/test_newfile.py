"""state.newfile: a file that is written bit by bit is seen whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from llmpool.errors import Misuse, StateUnusable
from llmpool.state.newfile import new_file


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_it_appears_when_it_is_whole(tmp_path: Path) -> None:
    """For its owner alone, and without anything beside it."""
    path = tmp_path / "usage.csv"
    with new_file(path, replace=False) as write:
        write("a\n")
        assert not path.exists()
        write("b\n")
    assert path.read_bytes() == b"a\nb\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["usage.csv"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("there", [False, True])
def test_a_block_that_breaks_off_leaves_what_was(
    tmp_path: Path, error: type[BaseException], there: bool
) -> None:
    """Neither half of the new nor less of the old."""
    path = tmp_path / "usage.csv"
    if there:
        path.write_text("old")

    def break_off() -> None:
        with new_file(path, replace=True) as write:
            write("half")
            raise error

    with pytest.raises(error):
        break_off()
    assert names(tmp_path) == (["usage.csv"] if there else [])
    assert not there or path.read_text() == "old"


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Unless it may be replaced; also when somebody makes it meanwhile."""
    path = tmp_path / "usage.csv"
    path.write_text("old")
    with pytest.raises(Misuse, match="exists") as refused, new_file(path, replace=False):
        pytest.fail("it began")
    assert refused.value.hint == "--force replaces it"
    with new_file(path, replace=True) as write:
        write("new")
    assert path.read_text() == "new"
    path.unlink()

    def race() -> None:
        with new_file(path, replace=False) as write:
            write("late")
            path.write_text("early")

    with pytest.raises(Misuse, match="exists"):
        race()
    assert path.read_text() == "early"
    assert names(tmp_path) == ["usage.csv"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is written."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with new_file(link, replace=True) as write:
        write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """What is no file is no file to be careful with."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with new_file(pipe, replace=False) as write:
        write("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A directory that is not there is a slip, one that is in the way is told, and nothing is made."""
    with pytest.raises(Misuse, match="no directory"), new_file(tmp_path / "no" / "x.csv", replace=False):
        pytest.fail("it began")
    with pytest.raises(StateUnusable, match="Is a directory"), new_file(tmp_path, replace=True):
        pytest.fail("it began")
    assert names(tmp_path) == []


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file gets its name all the same."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    with new_file(tmp_path / "x", replace=False) as write:
        write("a")
    assert (tmp_path / "x").read_text() == "a"
    assert names(tmp_path) == ["x"]
