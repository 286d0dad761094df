"""Usage records as CSV that a spreadsheet opens without harm.

A cell that a spreadsheet would take for a formula gets an apostrophe in front: those beginning with
`=`, `+`, `-` or `@`, also in full width. Line ends and control characters become visible or go. Text that
another locale might cut in two is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from llmpool.core.text import one_line
from llmpool.usage.fields import FIELDS, known

_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/ -]*", re.ASCII)


def csv_lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write *records* as CSV, one line after another, the names of the columns first."""
    yield row(FIELDS)
    for record in records:
        fields = known(record) | _cost(record)
        yield row(fields.get(name) for name in FIELDS)


def row(values: Iterable[Any]) -> str:
    """Write one line of CSV."""
    return ",".join(map(cell, values)) + "\n"


def cell(value: Any) -> str:
    """Write one cell: nothing for what is unknown, numbers as they are, text so that it stays text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    text = one_line(value.encode("utf-8", "replace").decode())
    text = f"'{text}" if text.startswith(_FORMULA) else text
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def _cost(record: dict[str, Any]) -> dict[str, Any]:
    """Return the cost as a number without exponent, which is how people and spreadsheets read money."""
    cost = known({"cost": record.get("cost")}).get("cost")
    return {"cost": f"{Decimal(cost):f}"} if cost is not None else {}
