"""Budgets follow the ledger where whoever changes it is stopped half-way."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from llmpool.setup import reprice, usage_import
from llmpool.usage.span import Span
from tests.edges.spending import Till, budget

TOTAL = "total *"


def test_what_was_priced_again_before_a_stop_is_counted(tmp_path: Path) -> None:
    """Ctrl-C after the first of two days: that one costs twice as much, and the count says so."""

    def stop(number: int, _days: int) -> None:
        if number:
            raise KeyboardInterrupt

    with Till(tmp_path, budget("5", per="total"), work=()) as till:
        till.ask()
        till.now += 86400
        till.ask()
        assert till.spent(TOTAL) == Decimal("0.004")
        till.price("*", "0", "2000")
        with pytest.raises(KeyboardInterrupt):
            reprice.apply(till.pool(), Span(), stop)
        assert till.spent(TOTAL) == Decimal("0.006")


def test_what_was_imported_before_a_stop_is_counted(tmp_path: Path) -> None:
    """Its days are there for good, and the next import finds nothing in them to add."""

    def stop(words: str) -> None:
        if words == f"adding {second[:10]}":
            raise KeyboardInterrupt

    with Till(tmp_path, budget("5", per="total"), work=()) as till:
        till.ask()
        (record,) = till.usage()
        second = "2026-11-02T00:00:00Z"
        lines = [record | {"id": f"x{at[:10]}", "at": at} for at in ("2026-11-01T00:00:00Z", second)]
        source = tmp_path / "more.jsonl"
        source.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(KeyboardInterrupt):
            usage_import.take_in(till.pool(), str(source), "", stop)
        assert till.spent(TOTAL) == Decimal("0.004")
        usage_import.take_in(till.pool(), str(source), "", lambda _: None)
        assert till.spent(TOTAL) == Decimal("0.006")
