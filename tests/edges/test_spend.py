"""Chats under budgets: reserved before they are sent, charged what they cost, refused without a call."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from llmpool.chat.manners import Manners
from llmpool.core.routing import BUDGET
from llmpool.errors import LaterState, Refused, StateUnusable
from llmpool.state import budgets, ledger
from tests.edges.spending import ALLOWANCE, Till, budget, costing
from tests.fakes import faults

FULL = costing(ALLOWANCE)  # an answer as long as any may be


def sent(till: Till, name: str = "work") -> dict[str, Any]:
    """Return what the last chat that reached a server asked for."""
    body: dict[str, Any] = till.servers[name].chats[-1].json
    return body


def test_without_a_budget_a_call_is_sent_as_it_is(tmp_path: Path) -> None:
    """No limit is added, and no file of budgets is made."""
    with Till(tmp_path, work=()) as till:
        assert till.ask().by == "work/m"
        assert "max_tokens" not in sent(till)
        assert not (till.state / "budgets.json").exists()


def test_a_call_under_a_budget_has_a_limit_and_is_charged_what_it_cost(tmp_path: Path) -> None:
    """4096 tokens where nobody says; what two words cost is spent, and nothing stays reserved."""
    with Till(tmp_path, budget("5"), work=()) as till:
        came = till.ask()
        assert (came.text, came.notices, came.warnings) == ("by work", [], [])
        assert sent(till)["max_tokens"] == ALLOWANCE
        assert till.spent() == Decimal("0.002")
        assert till.tally().leases == []


def test_the_answer_is_shortened_to_what_is_left(tmp_path: Path) -> None:
    """A dollar pays a thousand tokens; it is said, and the next one has what was not used."""
    with Till(tmp_path, budget("1"), work=()) as till:
        came = till.ask()
        assert sent(till)["max_tokens"] == 1000
        assert came.notices == ["budget daily affords work/m an answer of 1000 tokens, not 4096"]
        till.ask()
        assert sent(till)["max_tokens"] == 998


def test_at_the_limit_nothing_is_sent(tmp_path: Path) -> None:
    """A budget that is spent when the call is decided is a rejection with its figures."""
    with Till(tmp_path, budget("4.2"), work=()) as till:
        till.servers["work"].behave([FULL] * 9)
        assert till.ask().by == "work/m"
        came = till.ask()
        assert came.error is not None
        assert till.calls() == [1]
        assert till.spent() == Decimal("4.096")


def test_who_lost_the_race_is_refused_with_figures_and_the_way_out(tmp_path: Path) -> None:
    """Decided while there was room, sent when there is none: exit 8, which budget, how much, until when."""
    with Till(tmp_path, budget("5"), work=()) as till:
        till.servers["work"].behave([FULL] * 9)
        first = till.race(till.ask)
        error = first.error
        assert isinstance(error, Refused)
        assert error.exit_code == 8
        assert error.message == "today's budget is spent ($5.00 of $5.00); resets 00:00 [budgets.daily]"
        assert error.hint == "raise it: llmpool policy budget set 10/day --name daily"
        (told,) = error.details["budgets"]
        assert (told["name"], told["limit"], told["spent"], told["left"]) == ("daily", "5", "5", "0")
        assert told["resets_at"] == error.details["retry_at"] == "2026-11-19T00:00:00Z"
        (attempt,) = error.details["attempts"]
        assert attempt["message"].startswith(f"{BUDGET} daily: $5.00 of $5.00 spent today")
        assert till.calls() == [0]
        assert not list(ledger.Reading(till.state, ledger.USAGE))  # nobody was asked


def test_own_machines_do_not_step_in_where_a_budget_refuses(tmp_path: Path) -> None:
    """The next candidate costs nothing, and would be asked after any other failure; under local it is."""
    with Till(tmp_path, budget("5"), work=(), den=()) as till:
        assert isinstance(till.race(till.ask).error, Refused)
        assert till.calls("den") == [0]
        assert "--local-only" in till.race(till.ask).error.hint  # type: ignore[union-attr]
        till.configure(budget("5", on_exceed="local"))
        assert till.race(till.ask).by == "den/m"
        till.configure(budget("5"))
        till.servers["work"].behave([faults.status(500)] * 9)
        till.forget()
        assert till.ask().by == "den/m"  # work was asked, and failed


def test_what_costs_nothing_is_neither_limited_nor_refused(tmp_path: Path) -> None:
    """A local deployment answers under a budget of nothing, and so does one whose price is 0."""
    with Till(tmp_path, budget("0"), den=(), gift=()) as till:
        till.price("gift:m", "0", "0")
        for name in ("den", "gift"):
            assert till.ask(f"{name}/m").by == f"{name}/m"
            assert "max_tokens" not in sent(till, name)
        assert not (till.state / "budgets.json").exists() or till.spent() == 0


def test_each_attempt_reserves_in_its_turn(tmp_path: Path) -> None:
    """What failed before anything came costs nothing; what was streamed of a broken answer counts."""
    broken = faults.cut(after=2)
    with Till(tmp_path, budget("9"), refused=[faults.status(400)] * 9, broken=[broken] * 9, work=()) as till:
        came = till.ask(manners=Manners(shows=False))
        assert came.by == "work/m"
        streamed = till.streamed(came, "broken/m")
        assert streamed > 0
        assert till.spent() == Decimal(streamed + 2) / 1000
        assert till.tally().leases == []


def test_an_interrupted_answer_is_charged_what_was_streamed(tmp_path: Path) -> None:
    """Ctrl-C ends the lease; what nobody sees any more was paid for."""
    with Till(tmp_path, budget("9"), work=()) as till:
        till.servers["work"].text = "word " * 100
        till.interrupt(after=40)
        tally = till.tally()
        assert tally.leases == []
        assert Decimal("0.03") <= till.spent() <= Decimal("0.1")


def test_an_answer_that_takes_long_keeps_its_lease(tmp_path: Path) -> None:
    """Ten minutes are for the dead: who still answers after twenty holds what it may cost, then pays."""
    with Till(tmp_path, budget("9"), work=()) as till:
        till.servers["work"].text = "one two three four five"
        held = till.drag(400)
        assert len(held) > 4
        assert held[:-1] == [1] * (len(held) - 1)
        assert till.tally().leases == []
        assert till.spent() == Decimal("0.002")


def test_a_call_that_waited_in_line_is_reserved_for_from_when_it_left(tmp_path: Path) -> None:
    """Minutes may pass between the two; who looked in the next ones would find nothing reserved."""
    real = budgets.reserve

    def reserve(*args: Any) -> Any:
        got = real(*args)
        till.now += 400
        return got

    with Till(tmp_path, budget("5"), work=[faults.status(400)]) as till:
        with (
            mock.patch.object(budgets, "reserve", reserve),
            mock.patch.object(budgets, "renew", wraps=budgets.renew) as renewed,
        ):
            assert till.ask(stream=False).error is not None
        assert renewed.call_count == 1
        assert till.tally().leases == []


def test_more_than_was_reserved_is_charged_with_the_truth(tmp_path: Path) -> None:
    """A server that ignores the limit has the budget exceeded, and the next one is refused."""
    with Till(tmp_path, budget("1"), work=()) as till:
        till.servers["work"].behave([costing(1500)])
        till.ask()
        assert till.spent() == Decimal("1.5")
        assert till.ask().error is not None
        assert till.calls() == [1]


@pytest.mark.parametrize(("rule", "answers"), [("", False), ("deny", False), ("allow", True)])
def test_what_has_no_price_is_refused_while_a_budget_holds(tmp_path: Path, rule: str, answers: bool) -> None:
    """Unless that is allowed; by name as well, and the refusal says how to set a price."""
    policy = [f'[policy]\nunpriced = "{rule}"'] if rule else []
    with Till(tmp_path, budget("5"), *policy, work=()) as till:
        till.unpriced()
        came = till.ask("work/m")
        assert (came.error is None) is answers
        assert till.calls() == [int(answers)]
        if answers:
            assert sent(till)["max_tokens"] == ALLOWANCE


def test_a_rule_alone_refuses_what_has_no_price(tmp_path: Path) -> None:
    """Denied without any budget, what has a price is sent as it is."""
    with Till(tmp_path, '[policy]\nunpriced = "deny"', work=()) as till:
        assert till.ask().by == "work/m"
        assert "max_tokens" not in sent(till)
        till.unpriced()
        assert till.ask().error is not None


def test_a_budget_that_only_warns_refuses_nothing(tmp_path: Path) -> None:
    """It counts, beyond its limit too, and what has no price is sent."""
    with Till(tmp_path, budget("0.001", on_exceed="warn"), work=()) as till:
        till.ask()
        till.ask()
        assert till.spent() == Decimal("0.004")
        till.unpriced()
        assert till.ask().by == "work/m"


def test_a_tag_has_a_budget_of_its_own(tmp_path: Path) -> None:
    """Only calls with it are counted and refused."""
    with Till(tmp_path, budget("0.1", tag="batch"), work=()) as till:
        assert till.ask().by == "work/m"
        assert till.ask(manners=Manners(tag="batch"), tag="batch").error is not None
        assert till.calls() == [1]


def test_a_key_has_a_budget_of_its_own(tmp_path: Path) -> None:
    """Where it is spent the next key is asked with; where all are, nobody is."""
    keys = [{"label": "a", "env": "A"}, {"label": "b", "env": "B"}]
    limits = [budget("4.1", "a", scope="work:a"), budget("4.1", "b", scope="work:b")]
    with Till(tmp_path, *limits, work=()) as till:
        till.configure(*limits, work={"keys": keys})
        till.env |= {"A": "sk-a", "B": "sk-b"}
        till.servers["work"].behave([FULL] * 9)
        assert [till.ask().journey.key for _ in range(2)] == ["a", "b"]  # type: ignore[union-attr]
        assert till.ask().error is not None
        assert till.calls() == [2]


def test_a_key_that_is_too_fast_is_waited_for_where_the_other_is_spent(tmp_path: Path) -> None:
    """A budget over one key is no reason not to ask with another once its moment has passed."""
    keys = [{"label": "a", "env": "A"}, {"label": "b", "env": "B"}]
    limit = budget("0.01", scope="work:b")
    with Till(tmp_path, limit, work=[faults.status(429, headers={"retry-after": "1"})]) as till:
        till.configure(limit, work={"keys": keys})
        till.env |= {"A": "sk-a", "B": "sk-b"}
        came = till.ask()
        assert came.error is None
        assert [attempt.key for attempt in came.journey.attempts] == ["a", "b", "a"]  # type: ignore[union-attr]
        assert till.calls() == [2]


def test_what_others_reserved_is_waited_for_while_it_may_come_back(tmp_path: Path) -> None:
    """Most answers are shorter than they might be: nobody is refused for a reservation alone."""
    with Till(tmp_path, budget("5"), work=()) as till:
        came = till.beside_another(gives_back_after=1.0)
        assert came.by == "work/m"
        assert sum(came.waits) == pytest.approx(1.0)
        assert came.notices[0].endswith("waiting (Ctrl-C, or --max-wait 0)")
        assert "$4.90 reserved by calls under way" in came.notices[0]
        refused = till.beside_another(gives_back_after=99, manners=Manners(max_wait=2)).error
        assert isinstance(refused, Refused)
        assert "$4.90 reserved" in refused.message


def test_a_budget_whose_file_is_lost_sends_nothing(tmp_path: Path) -> None:
    """Money ends with 10 rather than going on without."""
    with Till(tmp_path, budget("5"), work=()) as till:
        (till.state / "budgets.json").write_text("{")
        with pytest.raises(StateUnusable):
            till.ask()
        error = till.race(till.ask, spoil=True).error
        assert isinstance(error, StateUnusable)
        assert (till.calls(), (till.state / "usage").exists()) == ([0], False)


def test_a_file_of_a_later_version_keeps_nothing_reserved(tmp_path: Path) -> None:
    """What ends a run between reserving and sending gives back what was reserved."""
    with Till(tmp_path, budget("5"), work=()) as till:
        till.ask()
        later = {"version": 99, "written_at": "2026-11-18T00:00:00Z", "data": {}}
        (till.state / "formats.json").write_text(json.dumps(later))
        assert isinstance(till.ask().error, LaterState)
        assert (len(till.usage()), till.tally().leases) == (1, [])


def test_thoughts_are_paid_for_too(tmp_path: Path) -> None:
    """What may be thought is reserved on top of the answer."""
    with Till(tmp_path, budget("50"), work=()) as till:
        till.configure(budget("50"), work={"params": {"thinking": "medium"}})
        till.ask()
        assert sent(till)["max_tokens"] == 8192 + ALLOWANCE


def test_a_caller_who_wants_less_has_less(tmp_path: Path) -> None:
    """Its limit is sent, and reserved."""
    with Till(tmp_path, budget("0.05"), work=()) as till:
        till.configure(budget("0.05"), work={"params": {"max_tokens": 50}})
        assert till.ask(max_tokens=50).by == "work/m"
        assert sent(till)["max_tokens"] == 50


def test_records_and_counts_agree(tmp_path: Path) -> None:
    """What the ledger says was spent is what the budget says."""
    with Till(tmp_path, budget("9"), work=()) as till:
        for _ in range(3):
            till.ask()
        records = list(ledger.Reading(till.state, ledger.USAGE))
        assert sum(Decimal(record["cost"]) for record in records) == till.spent() == Decimal("0.006")
        (till.state / "budgets.json").unlink()
        till.ask()
        assert till.spent() == Decimal("0.008")
        assert json.loads((till.state / "budgets.json").read_text())["version"] == 1
