"""Budgets as their user sees them: set in a word, kept by all processes together, told in figures."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import Any

import pytest

from tests.at_once import at_once
from tests.edges.spending import costing
from tests.fakes.server import FakeServer
from tests.packaging.test_imports import loaded
from tests.support import Home, model, provider, wait_for

PRICE = json.dumps({"custom": {"work:m": {"input": "0", "output": "1000"}}, "default": None})
OWN = "--on-exceed local: own machines answer"
KEPT = f'{{"version":1,"written_at":"2026-11-18T00:00:00Z","data":{PRICE}}}'


@pytest.fixture
def shop(home: Home, server: FakeServer) -> Home:
    """Give a home with a dear deployment in the cloud, a free one of its own, and one of unknown price."""
    home.write_config(
        "# mine",
        "local_first = false",
        provider("work", server.url, location="cloud"),
        provider("den", server.url),
        model("work/m", quality=9),
        model("work/odd", quality=1),
        model("den/small", quality=3),
    )
    home.state.mkdir()
    (home.state / "prices.json").write_text(KEPT)
    return home


def tally(home: Home) -> dict[str, Any]:
    """Read what is spent and reserved."""
    found: dict[str, Any] = json.loads((home.state / "budgets.json").read_text())["data"]
    return found


@pytest.mark.slow
def test_twenty_processes_send_what_a_budget_for_ten_allows(shop: Home, server: FakeServer) -> None:
    """Of 20 chats at once of a dime each against a dollar 10 are sent; the others end with 8, and say why."""
    assert shop.here("policy", "budget", "set", "1/day", "--unpriced", "allow").code == 0
    server.behave([costing(100)] * 40)
    args = ("chat", "--json", "--max-tokens", "100", "--max-wait", "0", "-m", "work/m", "hi")
    ended = at_once(shop, *[args] * 20)
    assert sorted(result.code for result in ended) == [0] * 10 + [8] * 10
    assert len(server.chats) == 10
    assert tally(shop)["leases"] == []
    assert tally(shop)["counts"]["day *"][1] == "1"
    for result in ended:
        if result.code == 8:
            assert result.error["kind"] == "refused"
            assert result.error["message"].startswith("today's budget ")
            assert result.error["budgets"][0]["limit"] == "1"
            assert result.error["retry_at"].endswith("T00:00:00Z")


def test_a_killed_process_leaves_a_lease_that_ends(shop: Home, server: FakeServer) -> None:
    """After kill -9 in the middle of a call what it had reserved is held, and for ten minutes only."""
    assert shop.here("policy", "budget", "set", "1/day").code == 0
    server.delay = 30
    child = shop.start("chat", "-m", "work/m", "--max-tokens", "1000", "hi")
    wait_for(lambda: bool(server.chats))
    child.kill()
    child.wait(10)
    server.delay = 0
    (lease,) = tally(shop)["leases"]
    assert lease[-1] == "1"
    refused = shop.here("chat", "--json", "--max-wait", "0", "-m", "work/m", "hi")
    assert refused.code == 8
    assert "$1.00 reserved" in refused.error["message"]
    known = json.loads((shop.state / "budgets.json").read_text())
    known["data"]["leases"][0][1] -= 600
    (shop.state / "budgets.json").write_text(json.dumps(known))
    assert shop.here("chat", "-m", "work/m", "hi").code == 0


def test_set_writes_the_config_and_says_what_it_means(shop: Home) -> None:
    """The comment stays, the name follows from what it is over, what was spent before counts at once."""
    assert shop.here("chat", "-m", "work/m", "hi").code == 0
    done = shop.here("policy", "budget", "set", "$5/day")
    assert done.code == 0
    assert done.err.splitlines() == [
        f"[budgets.daily] $5.00, everything, from 00:00 UTC. At the cap: requests refused ({OWN})",
        "$0.0020 of it is spent already (0 %)",
        "note: work/odd has no price, so it is refused while a cap holds.  lift: --unpriced allow",
    ]
    more = ("--scope", "work/m", "--tag", "batch", "--on-exceed", "local", "--unpriced", "allow", "--json")
    saved = shop.here("policy", "budget", "set", "20", *more).json
    assert saved["budget"] | {"since": "", "resets_at": ""} == {
        "name": "batch-work-m-monthly",
        "limit": "20",
        "per": "month",
        "scope": "work/m",
        "tag": "batch",
        "on_exceed": "local",
        "spent": "0",
        "reserved": "0",
        "left": "20",
        "since": "",
        "resets_at": "",
    }
    assert shop.here("policy", "budget", "set", "6/day").err.startswith("[budgets.daily] $6.00")
    text = shop.config.read_text()
    assert text.startswith("# mine\n")
    known = tomllib.loads(text)
    assert known["policy"] == {"unpriced": "allow"}
    assert known["budgets"] == {
        "daily": {"limit": "6", "per": "day"},
        "batch-work-m-monthly": {
            "limit": "20",
            "per": "month",
            "scope": "work/m",
            "tag": "batch",
            "on_exceed": "local",
        },
    }


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("five",), 2, "'five' is no budget"),
        (("5/fortnight",), 2, "one of: day, week, month, total"),
        (("5/day", "--on-exceed", "explode"), 2, "one of: deny, local, warn"),
        (("5/day", "--scope", "nobody"), 3, "nobody is no provider, deployment or key"),
        (("5/day", "--scope", "work:spare"), 3, 'work has no key "spare"'),
        (("5/day", "--name", "a b"), 2, "cannot name a budget"),
    ],
)
def test_what_makes_no_sense_changes_nothing(shop: Home, args: tuple[str, ...], code: int, said: str) -> None:
    """The mistake is named with what would be right, and the config stays as it is."""
    before = shop.config.read_text()
    done = shop.here("policy", "budget", "set", *args)
    assert done.code == code
    assert said in done.err
    assert shop.config.read_text() == before


def test_list_and_clear(shop: Home) -> None:
    """A line each with a bar; a cleared one limits nothing any more; nothing is cleared by accident."""
    assert "no budget is set" in shop.here("policy", "budget").err
    shop.here("policy", "budget", "set", "0.004/day", "--unpriced", "allow")
    shop.here("chat", "-m", "work/m", "--max-tokens", "2", "hi")
    assert shop.here("policy", "budget", "list").out == (
        "daily\tall\t$0.0020 of $0.0040\t$0.0020\t████···· 50 %\t00:00\tdeny\n"
    )
    (told,) = shop.here("policy", "budget", "--json").json["budgets"]
    assert (told["spent"], told["left"]) == ("0.002", "0.002")
    assert shop.here("policy", "budget", "list", "dayly").code == 3
    assert shop.here("policy", "budget", "clear", "daily").code == 2  # nobody can be asked
    assert shop.here("policy", "budget", "clear", "daily", "nix", "--yes").code == 3
    assert shop.here("policy", "budget", "clear", "--all", "--yes").code == 0
    assert "budgets" not in tomllib.loads(shop.config.read_text())
    assert shop.here("chat", "-m", "work/m", "hi").code == 0


def test_a_budget_that_is_nearly_spent_is_said_with_each_answer(shop: Home, server: FakeServer) -> None:
    """From four fifths on, on stderr; not below, not for what is free; exceeded it is a warning."""
    shop.here("policy", "budget", "set", "1/day", "--unpriced", "allow")
    server.behave([costing(700), costing(100), costing(1500)])
    chat = ("chat", "-m", "work/m", "--max-tokens", "100", "hi")
    assert "budget" not in shop.here(*chat).err
    assert shop.here(*chat).err == "budget daily: $0.80 of $1.00 spent today (80 %), resets 00:00\n"
    assert shop.here(*chat, "--json").err == (
        "warning: budget daily: $2.30 of $1.00 spent today (230 %), resets 00:00\n"
    )
    assert "budget" not in shop.here("chat", "-m", "den/small", "hi").err
    shop.here("policy", "budget", "set", "1/day", "--on-exceed", "warn")
    assert "warning: budget daily: $2.30 of $1.00" in shop.here(*chat, "-q").err


def test_at_the_limit_the_request_is_refused_and_the_way_out_works(shop: Home, server: FakeServer) -> None:
    """Exit 8, how much is spent, until when, --local-only; a preview and route say the same."""
    shop.here("policy", "budget", "set", "5/day")
    server.behave([costing(4980)])
    assert shop.here("chat", "hi").code == 0
    refused = shop.here("chat", "hi")
    assert refused.code == 8
    assert refused.err.splitlines()[0] == (
        "error: today's budget is spent ($4.98 of $5.00); resets 00:00 [budgets.daily]"
    )
    assert refused.err.splitlines()[-1] == (
        "  go on: --local-only   raise it: llmpool policy budget set 10/day --name daily"
    )
    assert shop.here("route", "hi").code == shop.here("chat", "--dry-run", "hi").code == 8
    found = shop.here("route", "--json", "-m", "work/m", "hi").json["decision"]["rejections"]
    assert found == [
        {"deployment": "work/m", "reasons": ["budget daily: $4.98 of $5.00 spent today, resets 00:00"]}
    ]
    assert shop.here("chat", "--local-only", "hi").code == 0
    assert shop.here("chat", "-m", "den/small", "hi").code == 0
    assert shop.here("policy", "budget", "set", "5/day", "--on-exceed", "local").code == 0
    answered = shop.here("chat", "--json", "hi")
    assert answered.json["served_by"] == "den/small"
    assert "$4.98 of $5.00 spent today, resets 00:00; own machines answer" in answered.err
    assert shop.here("usage", "decisions", "--json", "--limit", "1").json["decisions"][0]["selected"]


def test_what_has_no_price_is_refused_with_the_way_to_price_it(shop: Home) -> None:
    """By name too, with the command that sets a price."""
    shop.here("policy", "budget", "set", "5/day")
    refused = shop.here("chat", "-m", "work/odd", "hi")
    assert refused.code == 8
    assert "work/odd has no price, so it is refused while budget daily holds" in refused.err
    assert "llmpool usage prices set work/odd --input 1.25 --output 10" in refused.err
    shown = shop.here("chat", "--dry-run", "hi").out
    assert "at most 4096 out" in shown
    assert "not work/odd: budget daily: its price is not known" in shown


def test_a_corrupt_file_of_budgets_ends_every_run_that_needs_it(shop: Home, server: FakeServer) -> None:
    """Exit 10, until the owner has put a copy back or deleted what was set aside."""
    shop.here("policy", "budget", "set", "5/day")
    (shop.state / "budgets.json").write_text("{")
    for args in (("chat", "hi"), ("route", "hi"), ("policy", "budget", "list")):
        done = shop.here(*args)
        assert done.code == 10
        assert "budgets.json" in done.err
    assert not server.chats


def test_nothing_of_it_is_loaded_without_a_budget(shop: Home) -> None:
    """A chat that nothing limits knows of no budget."""
    assert not {name for name in loaded(shop, "chat", "-m", "work/m", "hi") if _is_about_budgets(name)}
    shop.here("policy", "budget", "set", "5/day")
    assert {name for name in loaded(shop, "chat", "-m", "work/m", "hi") if _is_about_budgets(name)}
    names = loaded(shop, "route", "--json", "-m", "work/m", "hi")
    assert not {"tomllib", "httpx", "rich", "llmpool.config.load"} & names


def _is_about_budgets(name: str) -> bool:
    return name.startswith("llmpool.") and name.rpartition(".")[2] in ("budgets", "spend", "caps")


def test_a_second_budget_of_a_like_name_leaves_the_first(shop: Home) -> None:
    """A tag called as a provider, and names that differ in a sign alone, are other budgets, not the same."""
    for words in (("--scope", "den"), ("--tag", "den"), ("--scope", "den/q:8b"), ("--scope", "den/q-8b")):
        assert shop.here("policy", "budget", "set", "5/month", *words).code == 0
    assert shop.here("policy", "budget", "set", "6/month", "--tag", "den").code == 0
    found = tomllib.loads(shop.config.read_text())["budgets"]
    assert {name: (each["limit"], each.get("scope"), each.get("tag")) for name, each in found.items()} == {
        "den-monthly": ("5", "den", None),
        "den-monthly-2": ("6", None, "den"),
        "den-q-8b-monthly": ("5", "den/q:8b", None),
        "den-q-8b-monthly-2": ("5", "den/q-8b", None),
    }


def test_a_figure_in_the_config_is_a_limit(shop: Home) -> None:
    """What `config set` writes is in force as what `budget set` writes is."""
    done = shop.here("config", "set", "budgets.tiny", "limit=0.001", "per=total")
    assert done.code == 0
    refused = shop.here("chat", "--json", "-m", "work/m", "hi")
    assert refused.code == 8
    assert refused.error["message"].startswith("the whole budget leaves $0.0010")
    assert Decimal(refused.error["budgets"][0]["left"]) == Decimal("0.001")
    assert refused.error["retry_at"] is None


def test_what_is_priced_again_or_imported_counts_at_once(shop: Home) -> None:
    """A count follows the ledger up and down; what others have reserved stays."""
    assert shop.here("policy", "budget", "set", "5/day").code == 0
    assert shop.here("chat", "-m", "work/m", "hi").code == 0

    def spent() -> str:
        return str(shop.here("policy", "budget", "list", "--json").json["budgets"][0]["spent"])

    assert spent() == "0.002"
    for price, now in (("2000", "0.004"), ("500", "0.001")):
        assert shop.here("usage", "prices", "set", "work/m", "0", price).code == 0
        assert shop.here("usage", "reprice", "--apply", "--yes").code == 0
        assert spent() == now
    (line,) = shop.here("usage", "export").documents
    (shop.cwd / "more.jsonl").write_text(json.dumps(line | {"id": "elsewhere"}))
    assert shop.here("usage", "import", "more.jsonl", "--dry-run").code == 0
    assert spent() == "0.001"
    assert shop.here("usage", "import", "more.jsonl").code == 0
    assert spent() == "0.002"


def test_a_budget_that_is_named_keeps_its_period(shop: Home) -> None:
    """Who says another amount of it has not asked for another period."""
    shop.here("policy", "budget", "set", "100/total", "--name", "trip")
    assert shop.here("policy", "budget", "set", "150", "--name", "trip").code == 0
    assert tomllib.loads(shop.config.read_text())["budgets"] == {"trip": {"limit": "150", "per": "total"}}


def test_a_limit_is_told_in_plain_digits(shop: Home) -> None:
    """However small, as all money in JSON is: no exponent."""
    done = shop.here("policy", "budget", "set", "0.0000001/day", "--json")
    assert done.json["budget"]["limit"] == "0.0000001"
