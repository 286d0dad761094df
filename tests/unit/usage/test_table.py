"""usage.table: CSV that programs read back and spreadsheets do not run."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.text import one_line
from llmpool.usage import table
from llmpool.usage.fields import FIELDS

RECORD = {"id": "u1", "at": "2026-11-21T03:44:00.123Z", "model": "m", "success": True, "cost": "1.5E-7"}


def rows(*records: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(table.csv_lines(records)))))


def test_the_columns_keep_their_order() -> None:
    """Scripts count columns: the first ones are these, and a new one comes at the end."""
    header = next(table.csv_lines([]))
    assert header.startswith(
        "id,at,provider,model,deployment,success,error,input_tokens,output_tokens,cache_read_tokens,"
        "cache_write_tokens,cache_write_1h_tokens,reasoning_tokens,estimated,request_count,latency_ms,ttft_ms,"
        "cost,price_source,key,tag,session,requested,selected,reason,complexity,decision_id,attempts,"
        "interrupted,price_dated,cost_original,price_source_original,lost_tokens,lost_cost"
    )
    assert header.rstrip("\n").split(",") == list(FIELDS)


def test_a_record_is_a_line() -> None:
    """What is unknown is empty, never 0; flags are words; money has no exponent; strangers stay out."""
    (row,) = rows(RECORD | {"prompt": "secret", "input_tokens": "many", "latency_ms": 5})
    known = {name: value for name, value in row.items() if value}
    assert known == {
        "id": "u1",
        "at": "2026-11-21T03:44:00.123Z",
        "model": "m",
        "success": "true",
        "latency_ms": "5",
        "cost": "0.00000015",
    }


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_nothing_is_a_formula(begins: str) -> None:
    """An apostrophe makes text of what a spreadsheet would run, also behind blanks and line ends."""
    for text in (f"{begins}1+1", f" \t\r\n{begins}1+1", f'{begins}HYPERLINK("http://x";"y")'):
        (row,) = rows(RECORD | {"model": text})
        assert row["model"] == "'" + one_line(text)


@pytest.mark.parametrize(
    "text", ["a,=1+1", "a;=1+1", "a\t=1+1", 'a"b', "a\n=1+1", "a\x1b[2Jb", "\ud800"], ids=repr
)
def test_a_cell_stays_one_cell(text: str) -> None:
    """Also for readers that part at semicolons: text that could be parted stands in quotes, on one line."""
    (line,) = list(table.csv_lines([RECORD | {"model": text}]))[1:]
    assert line.count("\n") == 1
    assert line.isprintable() or line[:-1].isprintable()
    assert line.split(",", 3)[3].startswith('"')


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_programs_read_every_cell_back(texts: list[str]) -> None:
    """Whatever a text is, a CSV reader gets it on one line, behind an apostrophe at most."""
    (cells,) = csv.reader(io.StringIO(table.row(["x", *texts])))
    shown = [one_line(text.encode("utf-8", "replace").decode()) for text in texts]
    assert [cell.removeprefix("'") for cell in cells[1:]] == [text.removeprefix("'") for text in shown]


def test_numbers_are_numbers() -> None:
    """They are never quoted or marked, because sums are made of them."""
    assert table.row([0, 12, True, False, None]) == "0,12,true,false,\n"
