"""A model file whose header is damaged."""

from __future__ import annotations

import struct
from pathlib import Path
from unittest import mock

import pytest

from llmpool.embedded import gguf


@pytest.mark.parametrize(
    "damaged",
    [
        struct.pack("<4sIQQ", b"GGUF", 3, 0, 1 << 60),
        struct.pack("<4sIQQ", b"GGUF", 3, 1 << 60, 0),
        struct.pack("<4sIQQQcIIQ", b"GGUF", 3, 0, 1, 1, b"a", 9, 8, 1 << 60),
    ],
    ids=["values", "tensors", "texts"],
)
def test_a_damaged_count_is_not_walked_over(tmp_path: Path, damaged: bytes) -> None:
    """Gigabytes of noughts behind it took a refresh as many minutes."""
    path = tmp_path / "x.gguf"
    path.write_bytes(damaged + bytes(1 << 16))
    with (
        mock.patch.object(gguf, "_number", wraps=gguf._number) as read,
        pytest.raises(gguf.NotWholeError, match="header is damaged"),
    ):
        gguf.summarise(path)
    assert read.call_count < 10
