"""An answer that is withheld, or all thought, is paid for: the ledger has what its server counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from llmpool.errors import Busy, StateUnusable
from llmpool.state import budgets
from tests.cli.test_money_kept import BUDGET, PAID, priced, records, tally
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

COUNTED: dict[str, Any] = {"prompt_tokens": 7, "completion_tokens": 2000, "total_tokens": 2007}
THOUGHT: dict[str, Any] = {"completion_tokens_details": {"reasoning_tokens": 2000}}


@pytest.mark.parametrize("streamed", [(), ("--no-stream",)])
def test_an_answer_that_is_withheld_costs_what_was_counted(home: Home, streamed: tuple[str, ...]) -> None:
    """The budget and the record of a refused answer have its server's count (2,000 tokens for 2 USD)."""
    withheld = faults.ok("", usage=COUNTED, finish="content_filter")
    with FakeServer(["m"], behave=[withheld]) as server:
        home.write_config(provider("work", server.url, location="cloud"), model("work/m"), BUDGET)
        priced(home, PAID)
        assert home.here("chat", *streamed, "hi").code == 7
    (record,) = records(home)
    assert (record["success"], record["error"], record["cost"]) == (False, "content", "2")
    assert (record["input_tokens"], record["output_tokens"]) == (7, 2000)
    assert tally(home)[1] == 2


def test_a_limit_spent_on_hidden_thoughts_is_an_answer_cut_off(home: Home) -> None:
    """An answer that --max-tokens ended while its model thought is an answer, and nobody else is paid."""
    cut = faults.ok("", usage=COUNTED | THOUGHT, finish="length")
    with FakeServer(["m", "n"], behave=[cut]) as server:
        home.write_config(
            provider("work", server.url, location="cloud"), model("work/m"), model("work/n", quality=1)
        )
        priced(home, PAID | {"work:n": PAID["work:m"]})
        done = home.here("chat", "--json", "--max-tokens", "2000", "hi")
        assert (done.code, len(server.chats)) == (0, 1)
    assert (done.json["finish"], done.json["cost"], done.json["usage"]["reasoning_tokens"]) == (
        "length",
        "2",
        2000,
    )


def test_what_was_withheld_is_paid_for_beside_the_answer_of_another(home: Home) -> None:
    """The record has the count of the server that gave no answer, as the budget has, and no estimate."""
    withheld = faults.ok("", usage=COUNTED, finish="content_filter")
    good = faults.ok("hello", usage={"prompt_tokens": 7, "completion_tokens": 1000, "total_tokens": 1007})
    with FakeServer(["m"], behave=[withheld]) as server, FakeServer(["n"], behave=[good]) as other:
        home.write_config(
            *(provider("work", server.url, location="cloud"), model("work/m", quality=9)),
            *(provider("near", other.url, location="cloud"), model("near/n", quality=1), BUDGET),
        )
        priced(home, PAID | {"near:n": PAID["work:m"]})
        done = home.here("chat", "--json", "hi")
        assert (done.code, done.json["served_by"]) == (0, "near/n")
    (record,) = records(home)
    assert (record["lost_tokens"], record["lost_cost"], record["cost"]) == (2007, "2", "3")
    assert tally(home)[1] == 3
    assert (done.json["attempts"][0]["output_tokens"], "estimated" in done.json["attempts"][0]) == (
        2000,
        False,
    )


@pytest.mark.parametrize(("options", "code", "cost"), [((), 0, 4), (("--no-fallback", "-m", "work/m"), 7, 3)])
def test_a_prompt_that_was_refused_is_paid_for_whoever_was_asked_last(
    home: Home, options: tuple[str, ...], code: int, cost: int
) -> None:
    """Of a refused prompt only the input is counted: it costs that alone or beside another's answer."""
    refused = faults.ok("", usage={"prompt_tokens": 3000, "total_tokens": 3000}, finish="content_filter")
    good = faults.ok(usage={"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001})
    with FakeServer(["m"], behave=[refused]) as server, FakeServer(["n"], behave=[good]) as other:
        home.write_config(
            *(provider("work", server.url, location="cloud"), model("work/m", quality=9)),
            *(provider("near", other.url, location="cloud"), model("near/n", quality=1), BUDGET),
        )
        rates = {"input": "1000", "output": "0"}
        priced(home, {"work:m": rates, "near:n": rates})
        assert home.here("chat", *options, "hi").code == code
    (record,) = records(home)
    assert (record["success"], record["cost"], tally(home)[1]) == (not code, str(cost), cost)
    (decision,) = home.here("usage", "decisions", "--json").json["decisions"]
    assert decision["outcome"]["attempts"][0]["output_tokens"] == 0


def test_what_broke_off_is_paid_for_though_the_next_call_cannot_be_reserved(home: Home) -> None:
    """A budget whose file breaks under a request ends it with 10, and the record has what came before."""
    withheld = faults.ok("", usage=COUNTED, finish="content_filter")
    real, calls = budgets.reserve, iter((True, False))

    def reserve(*args: Any) -> Any:
        if next(calls):
            return real(*args)
        raise StateUnusable("budgets.json cannot be used")

    with FakeServer(["m"], behave=[withheld]) as server, FakeServer(["n"]) as other:
        home.write_config(
            *(provider("work", server.url, location="cloud"), model("work/m", quality=9)),
            *(provider("near", other.url, location="cloud"), model("near/n", quality=1), BUDGET),
        )
        priced(home, PAID | {"near:n": PAID["work:m"]})
        with mock.patch.object(budgets, "reserve", reserve):
            assert home.here("chat", "hi").code == 10
    assert other.chats == []
    (record,) = records(home)
    assert (record["success"], record["error"]) == (False, "unusable")
    assert (record["cost"], record["lost_cost"]) == ("2", "2")
    assert tally(home) == ([], 2)


def test_a_call_that_waited_for_the_budgets_in_vain_is_no_request(home: Home, server: FakeServer) -> None:
    """Where others hold the file of the budgets for too long nobody was asked, and no record says so."""
    home.write_config(provider("work", server.url, location="cloud"), model("work/m"), BUDGET)
    priced(home, PAID)
    with mock.patch.object(budgets, "reserve", side_effect=Busy("budgets.json is in use")):
        assert home.here("chat", "hi").code == 75
    assert (server.chats, records(home)) == ([], [])
    assert home.here("usage", "decisions", "--json").json["decisions"] == []


@pytest.mark.parametrize("others", [False, True])
def test_a_whole_answer_that_does_not_fit_costs_what_was_counted(home: Home, *, others: bool) -> None:
    """The count of an answer that came to its end is exact, however many bytes it had to a token."""
    (home.cwd / "schema.json").write_text('{"type": "object"}')
    counted = {"prompt_tokens": 7, "completion_tokens": 20, "total_tokens": 27}
    unfit = faults.ok(f"[{' ' * 400}]", usage=counted)
    fit = faults.ok("{}", usage=counted)
    with FakeServer(["m"], behave=[unfit, unfit, unfit]) as server, FakeServer(["n"], behave=[fit]) as other:
        home.write_config(
            *("[routing]\nmax_retries = 0", provider("work", server.url, location="cloud"), BUDGET),
            model("work/m", quality=9),
            *((provider("near", other.url, location="cloud"), model("near/n", quality=1)) if others else ()),
        )
        priced(home, PAID | {"near:n": PAID["work:m"]})
        done = home.here("chat", "--max-wait", "0", "--schema", "schema.json", "hi")
        assert done.code == (0 if others else 7)
        asked = len(server.chats) + len(other.chats)
    (record,) = records(home)
    assert (Decimal(record["cost"]), tally(home)[1]) == (Decimal("0.02") * asked, Decimal("0.02") * asked)
    assert "estimated" not in record
