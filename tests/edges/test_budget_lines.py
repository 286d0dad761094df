"""setup.budgets: what a budget is set to, and how it stands in words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from llmpool import budgets as kept
from llmpool.core.config import Budget
from llmpool.errors import Misuse, UnknownName
from llmpool.setup import budgets
from llmpool.setup.budgets import Wish
from llmpool.usage.budgets import Standing
from tests.builders import facts
from tests.edges.spending import Till, budget, costing


def test_how_all_budgets_stand_in_one_line(tmp_path: Path) -> None:
    """For whoever sums usage up; nothing where there are none."""
    with Till(tmp_path, work=()) as till:
        assert budgets.budgets_line(till.pool()) is None
        assert budgets.budgets_json(till.pool()) == []
        till.configure(budget("5"), budget("50", "big", per="month", scope="work", tag="batch"))
        till.servers["work"].behave([costing(1920)])
        till.ask()
        assert budgets.budgets_line(till.pool()) == (
            'Today $1.92 of $5.00 (daily).  This month $0.00 of $50.00 (big, work with the tag "batch")'
        )
        assert [each["spent"] for each in budgets.budgets_json(till.pool())] == ["1.92", "0"]


@pytest.mark.parametrize(
    ("amount", "limit", "per"),
    [
        ("5/day", "5", "day"),
        ("$0.50/daily", "0.50", "day"),
        ("20 / week", "20", "week"),
        ("20", "20", "month"),
        ("100/total", "100", "total"),
    ],
)
def test_an_amount_and_a_period(tmp_path: Path, amount: str, limit: str, per: str) -> None:
    """As people write it; a month where nothing is said."""
    with Till(tmp_path, work=()) as till:
        saved = budgets.save(till.pool(), Wish(amount)).budget
        assert (saved.limit, saved.per, saved.scope, saved.on_exceed) == (limit, per, "*", "deny")


def test_a_scope_is_what_it_means(tmp_path: Path) -> None:
    """A name that one deployment carries is that deployment; one over the same is changed, not doubled."""
    with Till(tmp_path, work=(), other=()) as till:
        till.configure(models=("work/only", "work/m", "other/m"), work={"keys": [{"label": "b", "env": "B"}]})
        assert budgets.save(till.pool(), Wish("1/day", scope="only")).budget.scope == "work/only"
        assert budgets.save(till.pool(), Wish("2/day", scope="work/only")).budget.name == "work-only-daily"
        assert budgets.save(till.pool(), Wish("2/day", scope="work:b")).budget.name == "work-b-daily"
        assert budgets.save(till.pool(), Wish("2/day", scope="work/new")).budget.scope == "work/new"
        assert budgets.names(till.pool()) == ["work-only-daily", "work-b-daily", "work-new-daily"]
        assert [each.limit for each in till.pool().config.budgets] == ["2", "2", "2"]
        with pytest.raises(UnknownName, match="2 deployments are m"):
            budgets.save(till.pool(), Wish("1/day", scope="m"))
        with pytest.raises(Misuse, match="the period"):
            budgets.save(till.pool(), Wish("1/year"))


def test_a_change_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    """By its name a budget keeps its scope, its tag and what it does at the limit."""
    with Till(tmp_path, budget("5", scope="work", tag="t", on_exceed="local"), work=()) as till:
        saved = budgets.save(till.pool(), Wish("7/week", name="daily")).budget
        assert (saved.limit, saved.per, saved.scope, saved.tag, saved.on_exceed) == (
            *("7", "week", "work", "t", "local"),
        )
        saved = budgets.save(till.pool(), Wish("7/week", scope="all", name="daily")).budget
        assert saved.scope == "*"


def test_what_is_not_there_now_is_said(tmp_path: Path) -> None:
    """A budget over nobody counts once there is somebody."""
    with Till(tmp_path, budget("5", scope="gone/m"), work=()) as till:
        (stands,) = budgets.survey(till.pool())
        assert budgets.notes(till.pool(), stands) == ["nothing is over gone/m now; calls count once there is"]


@pytest.mark.parametrize(("accounts", "bound"), [(["alice"], True), (["alice", "bob"], False)])
def test_a_budget_over_one_account_leaves_the_others(accounts: list[str], *, bound: bool) -> None:
    """A provider is bound by what its keys have left only where each key, or each login, has a budget."""
    entry = {"id": "hub", "keys": [], "oauth": "copilot", "key_env": []}
    routing = {"providers": [entry], "unpriced": ""}
    pool: Any = SimpleNamespace(routing=routing, accounts={"hub": accounts}, env={}, clock=lambda: 0.0)
    spent = Budget(name="hers", limit="1", per="day", scope="hub:alice")
    stands = [Standing(spent, Decimal(1), Decimal(0), 0.0, None)]
    with mock.patch.object(kept, "standings", return_value=stands):
        assert [cap.scope for cap in kept.with_caps(pool, facts()).caps] == ["hub"] * bound
