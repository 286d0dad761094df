"""Code out of an answer keeps every character that stands in it."""

from __future__ import annotations

from llmpool.chat.extract import first_block, unfenced


def test_what_separates_lines_elsewhere_stays_in_the_code() -> None:
    """A form feed or a line separator in code is no end of a line; CRLF is one."""
    assert first_block("```\r\na\x0cb\u2028c\x1cd\r\n```\r\n") == "a\x0cb\u2028c\x1cd\n"
    assert unfenced('```json\n{"a": "x\u2028y"}\n```') == '{"a": "x\u2028y"}'
