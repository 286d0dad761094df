"""Lines of usage parsed together are the lines parsed one by one."""

from __future__ import annotations

import io
import json

import pytest

from llmpool.state import usagelines


@pytest.mark.parametrize(
    "lines",
    [
        ['{"a":1},{"b":2}', '{"a":[1', "2]}"],
        ['{"a":1},{"b":2}', '{"a":[{}', "{}]}"],
        ['{"a":"x}', '{y"}', '{"a":1},{"b":2}'],
        ['{"a":{"b":1}', '{"c":2}}', '{"a":1},{"b":2}'],
        ['{"a":1}', '{"a":"[x]"}', "[]", "", " ", "null", '{"a":1}\r', ' {"a":2}', "{"],
    ],
    ids=str,
)
def test_lines_that_would_make_sense_together(lines: list[str]) -> None:
    """However broken lines fit together, each is what it is by itself."""
    assert usagelines._parsed_together(lines) == [usagelines._parsed(line) for line in lines]


@pytest.mark.parametrize(
    "moments",
    [
        ["2026-11-20T00:00:00Z\n2026-11-20T00:00:01Z", ""],
        ["2026-11-20T00:00:00", "Z2026-11-20T00:00:00Z"],
        ["2026-11-20T00:00:00Z", "2026-11-20T24:00:00Z"],
        ["2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z\n"],
    ],
    ids=str,
)
def test_moments_that_would_make_sense_together(moments: list[str]) -> None:
    """Times are looked at together, yet what is no time by itself is no record."""
    lines = [json.dumps({"id": "u", "at": at}) for at in moments]
    content = "".join(f"{line}\n" for line in lines).encode()
    found = usagelines.Lines(io.BytesIO(content), "2026-11-20", 0, len(content))
    records = [record["at"] for some in found for record in some]
    assert records == [at for at in moments if at == "2026-11-20T00:00:00Z"]
    assert found.bad == 2 - len(records)
