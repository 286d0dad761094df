"""state.backwards: a file's lines from its end, whatever falls on the border of a block."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import StateUnusable
from llmpool.state import backwards

content = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"\xc3\xa9", b"\r"]), max_size=30).map(b"".join)


@given(content, st.integers(1, 9))
def test_lines_come_back_in_reverse(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, block: int
) -> None:
    """Read in blocks of any size, the lines are those of the whole file, the last one first."""
    path = tmp_path_factory.getbasetemp() / "lines"
    path.write_bytes(text)
    expected = text.split(b"\n")[::-1] if text else []
    assert list(backwards.lines(path, block)) == expected


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    """Nothing was ever written, or it was pruned meanwhile."""
    assert list(backwards.lines(tmp_path / "none")) == []


def test_a_directory_in_the_way_is_said(tmp_path: Path) -> None:
    """What cannot be read is an error that names it."""
    with pytest.raises(StateUnusable, match=tmp_path.name):
        list(backwards.lines(tmp_path))
