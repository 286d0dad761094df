"""`llmpool usage prices` and `usage reprice`: what is shown, set, taken back, fetched and written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from llmpool.state import jsonl
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture
def priced(home: Home) -> Home:
    """Give a home with a vendor, a gateway and a machine of one's own."""
    home.write_config(
        "[providers.openai]",
        provider("work", NOBODY, location="cloud"),
        provider("den", NOBODY),
        *(model(ref) for ref in ("openai/gpt-4o", "work/gpt-4o", "work/mystery", "den/qwen3:8b")),
        model("openai/o3", aliases=["deep"]),
    )
    return home


def test_every_deployment_with_its_price_and_whose_word_it_is(priced: Home) -> None:
    """In a pipe lines with tabs; what has no price says so, and how to give it one."""
    shown = priced.here("usage", "prices")
    assert [line.split("\t")[:3] for line in shown.out.splitlines()] == [
        ["den/qwen3:8b", "$0.00", "$0.00"],
        ["openai/gpt-4o", "$2.50", "$10.00"],
        ["openai/o3", "$2.00", "$8.00"],
        ["work/gpt-4o", "$2.50", "$10.00"],
        ["work/mystery", "unknown", ""],
    ]
    assert "1 deployment without a price" in shown.err
    assert "usage prices set" in shown.err
    assert priced.here("usage", "prices", "--unpriced").out.split("\t")[0] == "work/mystery"
    told = priced.here("usage", "prices", "list", "--json").json
    assert set(told) == {"schema", "prices", "unpriced", "book"}
    assert (told["unpriced"], told["book"]["source_url"]) == (1, None)
    by_id = {entry["deployment"]: entry["price"] for entry in told["prices"]}
    assert by_id["work/mystery"] is None
    assert by_id["den/qwen3:8b"]["source"] == "local"
    assert (by_id["openai/gpt-4o"]["source"], by_id["openai/gpt-4o"]["matched"]) == ("book", "openai/gpt-4o")
    assert by_id["openai/gpt-4o"]["version"] == told["book"]["version"]


def test_show_says_which_rule_matched_and_what_else_costs(priced: Home) -> None:
    """DESIGN 3.2: input, output, cache, tiers, source and version, what matched; unlisted ids too."""
    shown = priced.here("usage", "prices", "show", "anthropic/claude-sonnet-4-5", "--json").json
    price = shown["price"]
    assert (shown["deployment"], price["input"], price["output"]) == (
        "anthropic/claude-sonnet-4-5",
        "3",
        "15",
    )
    assert (price["cache_read"], price["cache_write"], price["cache_write_1h"]) == ("0.3", "3.75", "6")
    assert price["tiers"][0]["above"] == 200000
    assert (price["tiers"][0]["input"], price["tiers"][0]["output"]) == ("6", "22.5")
    assert (price["source"], price["matched"]) == ("book", "anthropic/claude-sonnet-4-5")
    assert price["version"].startswith("genai-prices ")
    text = priced.here("usage", "prices", "show", "claude-sonnet-4-5").out
    assert text.splitlines()[0] == "claude-sonnet-4-5   $3.00 in, $15.00 out per million tokens"
    assert "200,000 tokens: input $6, output $22.5" in text
    assert "price book, anthropic/claude-sonnet-4-5, genai-prices" in text
    alias = priced.here("usage", "prices", "show", "deep")
    assert alias.out.startswith("openai/o3   $2.00 in, $8.00 out")
    both = priced.here("usage", "prices", "show", "gpt-4o")
    assert (both.code, both.out) == (3, "")
    unknown = priced.here("usage", "prices", "show", "mystery")
    assert (unknown.code, unknown.out) == (0, "work/mystery   no price is known\n")
    assert "usage prices set work/mystery" in unknown.err


def test_set_counts_at_once_and_unset_takes_it_back(priced: Home) -> None:
    """Example 6: a deployment's price beats its model's; the registry's generation moves with them."""
    assert (
        "it counts for openai/gpt-4o, work/gpt-4o"
        in priced.here("usage", "prices", "set", "gpt-4o", "7", "7").err
    )
    done = priced.here(
        "usage", "prices", "set", "openai/gpt-4o", "--input", "$1", "--output", "1.0", "--json"
    ).json
    assert done == {
        "schema": 1,
        "target": "openai/gpt-4o",
        "default": False,
        "price": {"input": "1", "output": "1"},
        "deployments": ["openai/gpt-4o"],
    }
    shown = {e["id"]: e["price"] for e in priced.here("models", "list", "--json").json["models"]}
    assert shown["openai/gpt-4o"] == {"input": "1", "output": "1", "source": "custom"}
    assert shown["work/gpt-4o"] == {"input": "7", "output": "7", "source": "custom"}
    price = priced.here("usage", "prices", "show", "work/gpt-4o", "--json").json
    assert (price["price"]["matched"], price["without_own"]["input"]) == ("gpt-4o", "2.5")
    assert (
        "otherwise         $2.50 in, $10.00 out" in priced.here("usage", "prices", "show", "work/gpt-4o").out
    )
    assert "custom (gpt-4o)" in " ".join(priced.here("models", "show", "work/gpt-4o").out.split())
    more = priced.here("usage", "prices", "set", "openai/gpt-4o", "--cache-read", "0.5", "--json").json
    assert more["price"] == {"input": "1", "output": "1", "cache_read": "0.5"}
    own = priced.here("usage", "prices", "list", "--own", "--json").json
    assert [entry["target"] for entry in own["custom"]] == ["gpt-4o", "openai/gpt-4o"]
    assert priced.here("usage", "prices", "unset", "gpt-4o", "openai/gpt-4o").code == 0
    assert priced.here("usage", "prices", "list", "--own").out == ""
    assert priced.here("usage", "prices", "show", "openai/gpt-4o", "--json").json["price"]["input"] == "2.5"


def test_a_price_goes_by_the_name_by_which_it_came(priced: Home) -> None:
    """Set for an alias it is its deployment's, and the alias takes it back."""
    assert "openai/o3: " in priced.here("usage", "prices", "set", "deep", "7", "7").err
    assert priced.here("usage", "prices", "unset", "deep", "openai/o3").code == 0
    assert priced.here("usage", "prices", "list", "--own").out == ""


def test_patterns_the_default_and_unlisted_models(priced: Home) -> None:
    """The longest pattern counts, the default comes last, and a name nobody lists is remembered."""
    assert (
        "it counts for work/gpt-4o, work/mystery"
        in priced.here("usage", "prices", "set", "work/*", "3", "4").err
    )
    assert "no deployment goes by it" in priced.here("usage", "prices", "set", "later", "1", "1").err
    assert (
        "it counts for work/mystery" not in priced.here("usage", "prices", "set", "--default", "5", "15").err
    )
    assert priced.here("usage", "prices", "unset", "work/*").code == 0
    shown = priced.here("usage", "prices", "show", "work/mystery", "--json").json["price"]
    assert (shown["input"], shown["output"], shown["source"]) == ("5", "15", "default")
    assert priced.here("usage", "prices", "show", "later", "--json").json["price"]["source"] == "custom"
    refused = priced.here("usage", "prices", "unset", "--all")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert priced.here("usage", "prices", "unset", "--all", "--yes").code == 0
    assert priced.here("usage", "prices", "show", "work/mystery", "--json").json["price"] is None


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("set", "m", "1"), 2, "two prices"),
        (("set", "m"), 2, "missing: input, output"),
        (("set", "m", "--input", "1"), 2, "missing: output"),
        (("set", "m", "1", "2", "--input", "3"), 2, "input is given twice"),
        (("set", "m", "1", "x"), 2, "no price"),
        (("set", "m", "1", "nan"), 2, "no price"),
        (("set", "m", "--input=-1", "--output", "1"), 2, "no price"),
        (("set", "m", "1e3", "1"), 2, "plain digits"),
        (("set", "a\x1b[31mb", "1", "1"), 2, "no name"),
        (("set", "--default", "m", "1", "1"), 2, "two prices"),
        (("unset",), 2, "name what to unset"),
        (("unset", "m", "--all"), 2, "name what to unset"),
        (("unset", "m"), 3, "no price is set"),
        (("unset", "--default"), 3, "no price is set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_no_price_changes_nothing(priced: Home, args: tuple[str, ...], code: int, words: str) -> None:
    """Spec 2.2: negative prices are refused, zero is one; the error says the way out."""
    result = priced.here("usage", "prices", *args)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert not (priced.state / "prices.json").exists()


@pytest.fixture
def published() -> Iterator[FakeServer]:
    """Serve a price list with one model."""
    entry = {"id": "gpt-4o", "match": {"equals": "gpt-4o"}, "prices": {"input_mtok": 3, "output_mtok": 9}}
    vendor = {"id": "openai", "model_match": {"starts_with": "gpt"}, "models": [entry]}
    with FakeServer(["m"]) as server:
        server.routes["/p.json"] = lambda exchange: exchange.send(200, json.dumps([vendor]))
        yield server


def test_an_update_prints_what_costs_something_else(priced: Home, published: FakeServer) -> None:
    """Demand C 8: the difference is shown; a price of one's own stays; failing is 9, and `--offline` 8."""
    text = priced.config.read_text()
    priced.config.write_text(f'prices_url = "{published.root}/p.json"\n{text}')
    priced.here("usage", "prices", "set", "work/gpt-4o", "1", "1")
    offline = priced.here("usage", "prices", "update", "--offline")
    assert (offline.code, offline.out) == (8, "")
    done = priced.here("usage", "prices", "update")
    assert done.code == 0
    assert "openai: repriced gpt-4o (input 2.5 -> 3), gpt-4o (output 10 -> 9)" in done.out
    assert "work:" not in done.out
    assert done.err.startswith("updated: genai-prices of ")
    again = priced.here("usage", "prices", "update", "--json").json
    assert set(again) == {"schema", "status", "source_url", "error", "version", "models", "changes"}
    assert (again["status"], again["models"], again["changes"]) == ("unchanged", 1, [])
    priced.config.write_text(f'prices_url = "http://127.0.0.1:9/p.json"\n{text}')
    failed = priced.here("usage", "prices", "update")
    assert (failed.code, failed.out) == (9, "")
    assert "127.0.0.1" in failed.err
    assert "stays in force" in failed.err


def test_refresh_looks_for_prices_too(home: Home, published: FakeServer) -> None:
    """`refresh --prices`: what became dearer is among the changes, and in the document."""
    home.write_config(
        f'prices_url = "{published.root}/p.json"',
        provider("den", published.url, location="cloud"),
        model("den/gpt-4o"),
    )
    home.here("models", "list")
    done = home.here("refresh", "--prices", "--json").json
    assert done["prices"]["status"] == "updated"
    assert done["prices"]["changes"][0]["repriced"][0] == {
        "model": "gpt-4o",
        "field": "input",
        "was": "2.5",
        "now": "3",
    }
    assert home.here("refresh", "--json").json["prices"] is None


def test_chat_records_cost_source_and_date(home: Home, published: FakeServer) -> None:
    """A cloud answer is priced by the owner's word or the book; what nobody prices has cost null."""
    home.write_config(provider("sky", published.url, location="cloud"), model("sky/m"))
    assert home.here("chat", "-m", "sky/m", "--json", "hi").json["cost"] is None
    home.here("usage", "prices", "set", "sky/m", "1000", "1000")
    shown = home.here("chat", "-m", "sky/m", "--json", "hi").json
    tokens = shown["usage"]["input_tokens"] + shown["usage"]["output_tokens"]
    assert float(shown["cost"]) == pytest.approx(tokens / 1000)
    first, last = sorted(
        home.here("usage", "list", "--json").json["records"], key=lambda line: str(line["at"])
    )
    assert (first["cost"], "price_source" in first) == (None, False)
    assert (last["cost"], last["price_source"]) == (shown["cost"], "custom")
    assert last["price_dated"][:4] == last["at"][:4]
    assert home.here("usage", "reprice", "--since", "all").out.startswith("until ")
    view = home.here("usage", "reprice", "--json").json
    assert (view["records"], view["changed"], view["unpriced"], view["applied"]) == (2, 1, 1, None)
    assert home.here("usage", "reprice", "--apply").code == 2
    done = home.here("usage", "reprice", "--apply", "--yes")
    assert done.err == "1 record rewritten; what they had before is kept in each\n"
    (day,) = jsonl.iter_days(home.state / "usage")
    written = [json.loads(line) for line in day.read_text().splitlines()]
    assert (written[0]["cost"], written[0]["cost_original"]) == (shown["cost"], None)
    assert "cost_original" not in written[1]


def test_what_was_streamed_before_it_broke_is_paid_for(home: Home, published: FakeServer) -> None:
    """A request that breaks off costs what came of it; one that nothing came of costs nothing."""
    home.write_config(provider("sky", published.url, location="cloud"), model("sky/m"))
    home.here("usage", "prices", "set", "sky/m", "--input", "1", "--output", "1000", "--per-request", "7")
    published.behave(faults.always(faults.cut(3)))
    assert home.here("chat", "-m", "sky/m", "hi there").code == 7
    published.behave(faults.always(faults.status(400)))
    assert home.here("chat", "-m", "sky/m", "hi").code == 7
    records = sorted(home.here("usage", "list", "--json").json["records"], key=lambda line: str(line["at"]))
    broken, refused = records
    assert (broken["success"], broken["estimated"]) == (False, True)
    wanted = (Decimal(broken["input_tokens"]) + 1000 * Decimal(broken["output_tokens"])) / 1_000_000 + 7
    assert (Decimal(broken["cost"]), broken["output_tokens"] > 0) == (wanted, True)
    assert (refused["cost"], refused["price_source"], "output_tokens" in refused) == ("0", "custom", False)


def test_a_local_machine_stays_free_whatever_is_set(priced: Home) -> None:
    """Local costs 0 (ruling 16), and the words say so at once."""
    done = priced.here("usage", "prices", "set", "den/qwen3:8b", "1", "2")
    assert done.err.endswith("; but it runs on your own machines, and those stay free\n")


def test_a_config_that_breaks_meanwhile_costs_the_cost_and_not_the_record(
    home: Home, published: FakeServer
) -> None:
    """Nothing acknowledged is lost: the answer is there, its tokens are recorded."""
    whole = provider("sky", published.url, location="cloud") + model("sky/gpt-4o")
    home.write_config(whole)

    def break_it(_: int, __: Request) -> faults.Behaviour:
        home.config.write_text("[providers\n")
        return faults.ok()

    published.behave(break_it)
    done = home.here("chat", "-m", "sky/gpt-4o", "hi")
    assert (done.code, done.out) == (0, "hello there\n")
    assert "the cost is not known" in done.err
    home.write_config(whole)
    (record,) = home.here("usage", "list", "--json").json["records"]
    assert (record["cost"], record["success"]) == (None, True)
    assert home.here("usage", "reprice", "--json").json["changed"] == 1


def test_ones_own_prices_travel_with_an_export(priced: Home, tmp_path: Path) -> None:
    """They come to the other machine with the config, over those that were set there."""
    priced.here("usage", "prices", "set", "work/mystery", "3", "4")
    priced.here("usage", "prices", "set", "--default", "5", "15")
    assert priced.here("config", "export", "pool.llmpool").code == 0
    other = Home(tmp_path / "other")
    other.write_config("")
    other.here("usage", "prices", "set", "mine", "1", "1")
    other.here("usage", "prices", "set", "work/mystery", "9", "9")
    came = other.here("init", "--from", str(priced.cwd / "pool.llmpool"), "--yes")
    assert came.code == 9, came  # nobody answers there
    own = other.here("usage", "prices", "list", "--own", "--json").json
    assert [(entry["target"], entry["input"]) for entry in own["custom"]] == [
        ("mine", "1"),
        ("work/mystery", "3"),
    ]
    assert own["default"]["output"] == "15"
    text = (priced.cwd / "pool.llmpool").read_text().replace('"3"', '"-3"')
    (priced.cwd / "pool.llmpool").write_text(text)
    damaged = other.here("init", "--from", str(priced.cwd / "pool.llmpool"), "--yes")
    assert (damaged.code, "its prices are none" in damaged.err) == (2, True)


def test_what_a_plan_pays_costs_nothing_more(home: Home) -> None:
    """Presets of accounts: 0 by the plan, in listings too, unless the owner sets a price."""
    home.write_config('[providers.seat]\npreset = "github-copilot"', model("seat/gpt-4o"))
    shown = home.here("usage", "prices", "show", "seat/gpt-4o")
    assert shown.out.splitlines() == [
        "seat/gpt-4o   $0.00 in, $0.00 out per million tokens",
        "  source            paid by your plan",
    ]
    assert home.here("usage", "prices").out.split() == ["seat/gpt-4o", "$0.00", "$0.00", "plan"]
    price = home.here("models", "list", "--json").json["models"][0]["price"]
    assert price == {"input": "0", "output": "0", "source": "plan"}
    assert "plan" in next(
        line for line in home.here("models", "show", "seat/gpt-4o").out.splitlines() if "price" in line
    )
    home.here("usage", "prices", "set", "seat/gpt-4o", "3", "4")
    shown = home.here("usage", "prices", "show", "seat/gpt-4o")
    assert "otherwise         $0.00 in, $0.00 out   paid by your plan" in shown.out
