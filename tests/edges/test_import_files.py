"""Files of other programs: only read, of bounded size, and hostile until the opposite is shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.importers import files
from llmpool.importers.files import Unreadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACE = Path("settings.json")


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_json_reads_as_it_is(document: dict[str, Any]) -> None:
    """JSON without comments reads as ever, whatever its strings contain."""
    assert files.parsed(json.dumps(document, ensure_ascii=False), PLACE) == document
    assert files.parsed(json.dumps(document, indent=2), PLACE) == document


@given(
    st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    st.sampled_from(["// a, b\n", "/* ] } */", "/**/"]),
)
def test_comments_between_values_change_nothing(document: dict[str, Any], comment: str) -> None:
    """A comment on any line, of either kind, changes nothing; nor does a comma at the end."""
    text = json.dumps(document, indent=1).replace("\n", f" {comment}\n")
    assert files.parsed(f"{comment}{text}{comment}", PLACE) == document
    assert (
        files.parsed(json.dumps({"a": [1, 2], "b": document})[:-1] + f", {comment}}}", PLACE)["b"] == document
    )


def test_what_looks_like_a_comment_in_a_string_stays() -> None:
    """Strings keep their slashes, stars, commas and brackets."""
    text = r'{"url": "https://h/v1", "b": "a /* b */ c", "c": ",]", "d": "\"//\\", }'
    found = files.parsed(text, PLACE)
    assert found == {"url": "https://h/v1", "b": "a /* b */ c", "c": ",]", "d": '"//\\'}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"a"}',
        "{'a': 1}",
        '{"a": "b',
        "[" * 100_000,
        '{"a": ' * 50_000,
        "1" * 5000,
        '"\\"' * 99_999,
    ],
    ids=range(8),
)
def test_what_is_no_json_is_told(text: str) -> None:
    """Text that is no JSON raises one kind of error; nothing of it is repeated."""
    with pytest.raises(Unreadable, match=r"settings.json is no JSON") as caught:
        files.parsed(text, PLACE)
    assert len(caught.value.message) < 80


def test_an_error_names_the_line() -> None:
    """Comments keep their line ends, so the line of an error is that of the file."""
    with pytest.raises(Unreadable, match=r"line 5"):
        files.parsed('{\n// one\n/* two\n*/\n"a": !}', PLACE)


@pytest.mark.parametrize("text", ["[1]", "3", "null", '"x"', "", "  \n", "// only this", "/* never closed"])
def test_what_is_no_object_counts_as_empty(text: str) -> None:
    """Settings are an object; anything else says nothing."""
    assert files.parsed(text, PLACE) == {}


def test_links_are_followed_and_a_bom_is_dropped(tmp_path: Path) -> None:
    """Settings kept in a dotfiles repository are links; editors on Windows write a byte order mark."""
    (tmp_path / "real").write_bytes(b"\xef\xbb\xbf" + '{"a": "ä"}'.encode())
    (tmp_path / "link").symlink_to("real")
    assert files.json_with_comments(tmp_path / "link") == {"a": "ä"}


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO is not waited for; a directory, a device and a link in a circle are told as what they are."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    for place in ("fifo", "folder", "circle", "missing"):
        with pytest.raises(Unreadable, match=place):
            files.text(tmp_path / place)
    with pytest.raises(Unreadable, match="no file"):
        files.text(Path("/dev/zero"))


def test_a_file_that_is_too_large_or_not_text_is_refused(tmp_path: Path) -> None:
    """More than 4 MB is not read, and what is not UTF-8 is said to be none."""
    (tmp_path / "large").write_bytes(b" " * (files.MOST + 1))
    (tmp_path / "odd").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(Unreadable, match="larger than 4 MB"):
        files.text(tmp_path / "large")
    with pytest.raises(Unreadable, match="not UTF-8"):
        files.text(tmp_path / "odd")


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Somebody else's file would say where keys are sent, so it is not read."""
    path = tmp_path / "theirs"
    path.write_text("{}")
    os.chown(path, 12345, 12345)
    with pytest.raises(Unreadable, match=r"another user \(uid 12345\)"):
        files.text(path)
