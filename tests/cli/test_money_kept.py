"""What a request may cost, and what it did cost: no way of asking or of failing gets around either."""

from __future__ import annotations

import json
import os
import pkgutil
import signal
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from llmpool.chat import fitting
from llmpool.state import budgets
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, model, provider

RATES = {"input": "0", "output": "1000"}
CHEAP = {"input": "0", "output": "1"}
CLAUDE = "claude-3-7-sonnet"  # has its thoughts on top of a limit that is smaller
PAID = {"work:m": RATES, f"work:{CLAUDE}": RATES, "work:low": CHEAP}
TOOL = '[{"name": "write", "parameters": {"type": "object"}}]'
BUDGET = '[budgets.daily]\nlimit = "100"\nper = "day"'


@pytest.fixture
def shop(home: Home, server: FakeServer) -> Home:
    """Give a home whose answers cost a dollar for a thousand tokens."""
    home.write_config(provider("work", server.url, location="cloud"), model("work/m"))
    priced(home, PAID)
    return home


def priced(home: Home, prices: dict[str, Any]) -> None:
    """Set the owner's prices."""
    home.state.mkdir(exist_ok=True)
    data = {"custom": prices, "default": None}
    envelope = {"version": 1, "written_at": "2026-11-18T00:00:00Z", "data": data}
    (home.state / "prices.json").write_text(json.dumps(envelope))


def records(home: Home) -> list[dict[str, Any]]:
    """Read what was used."""
    found: list[dict[str, Any]] = home.here("usage", "list", "--json").json["records"]
    return found


def tally(home: Home) -> tuple[list[Any], Decimal]:
    """Read who has reserved, and what is spent."""
    data = json.loads((home.state / "budgets.json").read_text())["data"]
    return data["leases"], Decimal(data["counts"]["day *"][1])


def test_the_cost_limit_of_a_profile_is_sent_along(shop: Home, server: FakeServer) -> None:
    """What a profile's max_cost was reckoned with is the longest answer that is asked for."""
    shop.write_config(shop.config.read_text(), '[profiles.low]\nmax_cost = "10"')
    assert shop.here("chat", "--profile", "low", "hi").code == 0
    assert server.chats[-1].json["max_tokens"] == 4096


def test_the_limit_of_a_provider_is_lowered_to_what_a_cost_limit_affords(
    shop: Home, server: FakeServer
) -> None:
    """A provider's own max_tokens makes no answer longer than --max-cost has room for, and that is said."""
    params = {"max_tokens": 20_000}
    shop.write_config(provider("work", server.url, location="cloud", params=params), model("work/m"))
    done = shop.here("chat", "--max-cost", "10", "hi")
    assert (done.code, server.chats[-1].json["max_tokens"]) == (0, 10_000)
    assert "--max-cost 10 affords work/m an answer of 10000 tokens, not 20000" in done.err


def test_thoughts_count_against_a_cost_limit(shop: Home) -> None:
    """Who would think for more than --max-cost allows is not asked; nobody else there is 6, and no record."""
    with FakeServer([CLAUDE], speaks=["anthropic"]) as claude:
        shop.write_config(
            provider("work", claude.root, location="cloud", format="anthropic"), model(f"work/{CLAUDE}")
        )
        refused = shop.here("chat", "--json", "--max-cost", "10", "--think", "high", "hi")
        assert (refused.code, claude.chats, records(shop)) == (6, [], [])
        reasons = ["could cost 24.8320 USD, over 10"]
        assert refused.error["rejections"] == [{"deployment": f"work/{CLAUDE}", "reasons": reasons}]
        assert shop.here("chat", "--max-cost", "30", "--think", "high", "hi").code == 0
        assert claude.chats[-1].json["max_tokens"] == 28_672


def test_cheaper_ones_at_the_same_provider_are_asked(shop: Home, server: FakeServer) -> None:
    """However many of a provider are too dear to think, the one that is not answers."""
    dear = [f"work/m{n}" for n in range(6)]
    shop.write_config(
        provider("work", server.url, location="cloud"),
        *(model(ref, quality=9) for ref in dear),
        model("work/low", quality=1),
    )
    priced(shop, PAID | {ref.replace("/", ":"): RATES for ref in dear})
    done = shop.here("chat", "--json", "--max-cost", "10", "--think", "high", "hi")
    assert (done.code, done.json["served_by"]) == (0, "work/low")


def test_no_budget_makes_an_answer_longer(shop: Home, server: FakeServer) -> None:
    """The caller's --max-tokens is sent as it is, however much there is to be thought."""
    shop.write_config(shop.config.read_text(), BUDGET)
    assert shop.here("chat", "--max-tokens", "100", "--think", "high", "hi").code == 0
    assert server.chats[-1].json["max_tokens"] == 100


def test_a_preview_tells_the_most_that_a_cost_limit_lets_it_be(shop: Home) -> None:
    """Under --max-cost the worst case of a preview is that of the call (ruling 22)."""
    shown = shop.here("chat", "--dry-run", "--json", "--max-cost", "10", "hi").json
    assert Decimal(shown["cost"]["worst"]) == Decimal("4.096")


def test_calls_of_tools_that_broke_off_were_paid_for(shop: Home, server: FakeServer) -> None:
    """What a model wrote of a call counts as any text does, in the ledger and in the budget."""
    shop.write_config(shop.config.read_text(), BUDGET)
    (shop.cwd / "tools.json").write_text(TOOL)
    server.behave([faults.cut(3, text="", tool_calls=(("write", json.dumps({"text": "x" * 4000})),))])
    done = shop.here("chat", "--max-wait", "0", "-m", "work/m", "--tools", "tools.json", "hi")
    (record,) = records(shop)
    assert (done.code, record["success"], record["estimated"]) == (7, False, True)
    assert record["output_tokens"] == 503
    assert tally(shop) == ([], Decimal(record["cost"]))


def test_an_answer_on_which_llmpool_breaks_is_paid_for(shop: Home) -> None:
    """A bug met with an answer costs its owner no record, and keeps no part of the budget reserved."""
    shop.write_config(shop.config.read_text(), BUDGET)
    (shop.cwd / "schema.json").write_text('{"type": "object"}')
    with mock.patch.object(fitting, "complaint", side_effect=RuntimeError("a bug")):
        done = shop.here("chat", "--json", "-m", "work/m", "--schema", "schema.json", "hi")
    (record,) = records(shop)
    assert (done.code, record["success"], record["error"]) == (1, False, "cancelled")
    assert Decimal(record["cost"]) > 0
    assert tally(shop) == ([], Decimal(record["cost"]))


def test_a_number_that_is_too_large_is_the_answers_fault(shop: Home, server: FakeServer) -> None:
    """What cannot be divided does not fit the schema, of which nobody says that it is none."""
    (shop.cwd / "schema.json").write_text('{"type": "number", "multipleOf": 0.1}')
    server.text = "1" + "0" * 400
    done = shop.here("chat", "--json", "--max-wait", "0", "-m", "work/m", "--schema", "schema.json", "hi")
    assert (done.code, done.error["attempts"][0]["kind"], len(records(shop))) == (7, "unfit", 1)
    assert done.error["attempts"][0]["message"] == "the answer has a number that is too large to be checked"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("where", ["llmpool.state.budgets.settle", "llmpool.state.ledger.append"])
def test_a_signal_waits_for_what_is_written_of_an_answer(
    shop: Home, where: str, number: int, code: int
) -> None:
    """Whoever ends a run in the moment its answer is charged or recorded loses neither."""
    shop.write_config(shop.config.read_text(), BUDGET)
    real, signals = pkgutil.resolve_name(where), [number]

    def interrupted(*args: Any) -> Any:
        while signals:
            os.kill(os.getpid(), signals.pop())
        return real(*args)

    with mock.patch(where, interrupted):
        done = shop.here("chat", "-m", "work/m", "hi")
    (record,) = records(shop)
    assert (done.code, done.out, record["success"], done.err) == (code, "hello there", True, "")
    assert tally(shop) == ([], Decimal(record["cost"]))
    assert len(shop.here("usage", "decisions", "--json").json["decisions"]) == 1


def test_probes_are_charged_to_the_budgets(shop: Home) -> None:
    """What a probe cost is as spent as what a chat did: the next chat is refused for it."""
    shop.write_config(shop.config.read_text(), BUDGET.replace("100", "0.1"))
    assert shop.here("models", "probe", "work").code == 0
    (record,) = records(shop)
    assert (record["cost"], tally(shop)) == ("0.002", ([], Decimal("0.002")))
    shop.write_config(shop.config.read_text())  # of another time: the count is made of the ledger once more
    (daily,) = shop.here("policy", "budget", "list", "--json").json["budgets"]
    assert daily["spent"] == "0.002"


@pytest.mark.parametrize("where", ["llmpool.state.budgets.charge", "llmpool.state.jsonl.append_all"])
def test_a_signal_waits_for_what_is_written_of_a_probe(shop: Home, where: str) -> None:
    """Whoever ends a run of probes in the moment its cost is written down loses none of it."""
    shop.write_config(shop.config.read_text(), BUDGET)
    real, signals = pkgutil.resolve_name(where), [signal.SIGINT]

    def interrupted(*args: Any) -> Any:
        while signals:
            os.kill(os.getpid(), signals.pop())
        return real(*args)

    with mock.patch(where, interrupted):
        assert shop.here("models", "probe", "work").code == 130
    (record,) = records(shop)
    assert (record["cost"], tally(shop)) == ("0.002", ([], Decimal("0.002")))


def test_what_broke_off_has_its_cost_though_a_last_one_was_not_reached(
    shop: Home, server: FakeServer
) -> None:
    """Nothing came of a refused connection, so it makes no cost unknown, whatever its price might be."""
    away = f"http://127.0.0.1:{closed_port()}/v1"
    shop.write_config(
        "[routing]\nmax_retries = 0",
        provider("work", server.url, location="cloud"),
        provider("odd", away, location="cloud"),
        model("work/m", quality=9),
        model("odd/x", quality=1),
    )
    server.behave([faults.cut(3, text="one two three four")])
    assert shop.here("chat", "--on-break", "restart", "--max-wait", "0", "hi").code == 7
    (record,) = records(shop)
    assert (record["deployment"], record["lost_cost"], record["cost"]) == ("odd/x", "0.002", "0.002")


def test_a_preview_reckons_with_thoughts_and_with_the_limit_of_a_provider(shop: Home) -> None:
    """What an answer costs at most is what may really be asked for, one prompt or a batch of them."""
    limited = ("--max-tokens", "100", "--think", "high")
    one = shop.here("chat", "--dry-run", "--json", *limited, "hi").json
    many = shop.here("chat", "--batch", "-", "--dry-run", "--json", *limited, stdin='"hi"').json
    assert (one["cost"]["worst"], many["deployments"][0]["cost_at_most"]) == ("28.672", "28.672")
    table = shop.config.read_text().replace("[[models]]", "params = { max_tokens = 20000 }\n[[models]]")
    shop.write_config(table)
    assert shop.here("chat", "--dry-run", "--json", "hi").json["cost"]["worst"] == "20"


def test_a_signal_while_it_is_reserved_leaves_nothing_reserved(shop: Home, server: FakeServer) -> None:
    """Whoever ends a run before anything is sent has the whole budget for the next."""
    shop.write_config(shop.config.read_text(), BUDGET)

    real = budgets.reserve

    def reserve(*args: Any) -> Any:
        got = real(*args)
        os.kill(os.getpid(), signal.SIGINT)
        return got

    with mock.patch.object(budgets, "reserve", reserve):
        assert shop.here("chat", "-m", "work/m", "hi").code == 130
    assert (server.chats, tally(shop)) == ([], ([], Decimal(0)))
