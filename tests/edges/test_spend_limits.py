"""The limit of an answer that keeps to a budget: a server that takes none is not asked without it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.edges.spending import Till, budget, costing
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.server import FakeServer

SPEAKS = {"format": "responses"}
WORDS = "Unsupported parameter: 'max_output_tokens'"
REFUSAL = {"error": {"message": WORDS, "type": "invalid_request_error", "param": "max_output_tokens"}}


def takes_no_limit(_number: int, request: Request) -> faults.Behaviour:
    """Refuse a limit of the answer, as some gateways to this format do; what has none costs 8 USD."""
    return faults.status(400, body=REFUSAL) if "max_output_tokens" in request.json else costing(8000)


@pytest.fixture
def url() -> Iterator[str]:
    with FakeServer(["m"], speaks=("responses",), behave=takes_no_limit) as server:
        yield server.url


@pytest.mark.parametrize("learnt", [False, True])
def test_a_limit_is_not_left_out_where_a_budget_needs_it(tmp_path: Path, url: str, learnt: bool) -> None:
    """Whoever takes no limit costs what it likes: another answers, whatever was learnt of it before."""
    with Till(tmp_path, work=url, other=()) as till:
        if learnt:
            till.configure(work=SPEAKS | {"params": {"max_tokens": 9}})
            assert till.ask().by == "work/m"
        till.configure(budget("20"), work=SPEAKS)
        came = till.ask()
        assert came.by == "other/m"
        assert came.notices == [f"work/m: {WORDS} (status 400); other/m is asked next"]
        assert till.spent() == (Decimal("8.002") if learnt else Decimal("0.002"))
        alone = till.ask("work/m")
        assert alone.error is not None
        assert "cannot be kept without that limit" in alone.error.hint


def test_a_budget_that_only_warns_needs_no_limit(tmp_path: Path, url: str) -> None:
    """It is asked without, and what it cost is counted."""
    with Till(tmp_path, work=url) as till:
        till.configure(budget("1", on_exceed="warn"), work=SPEAKS)
        assert till.ask().by == "work/m"
        assert till.spent() == 8
        assert till.ask(max_cost="9").error is not None
