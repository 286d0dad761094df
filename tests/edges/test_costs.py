"""costs: a price out of one compiled line, what tokens cost at a time, and the worst of a request."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmpool import costs
from llmpool.config.paths import find_paths
from llmpool.core.outcome import TokenUsage
from llmpool.core.routing import RouteRequest
from llmpool.data import prices as built_in
from llmpool.decide import decide
from llmpool.pool import Pool
from llmpool.pricing.lookup import Own
from llmpool.state import compiled, price_book, prices
from tests.support import model, provider

pytestmark = pytest.mark.usefixtures("old_book")
NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
BOOK: dict[str, Any] = {
    "schema": 1,
    "version": "v7",
    "vendors": {
        "openai": {
            "match": "^gpt-",
            "models": [
                ["gpt-4o", {"input": "2.5", "output": "10", "cache_read": "1.25"}],
                [
                    "gpt-long",
                    {"input": ["3", [200000, "6"]], "output": ["15", [200000, "22.5"]], "cache_write": "4"},
                ],
                [
                    "gpt-dated",
                    [{"input": "4", "output": "8"}, {"input": "2", "output": "4", "from": "2026-09-01"}],
                ],
                [
                    "gpt-hours",
                    [
                        {"input": "4", "output": "8"},
                        {"input": "9", "output": "8", "hours": ["14:20", "15:00"]},
                    ],
                ],
                ["gpt-image", {"other": {"images_kcount": "40"}}],
                ["gpt-each", {"input": "1", "output": "1", "per_request": "0.01"}],
            ],
        }
    },
}
NAMES = ("gpt-4o", "gpt-long", "gpt-dated", "gpt-hours", "gpt-image", "gpt-each")


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Open a pool with a price book of its own, all of whose models are declared."""
    state, config = tmp_path / "state", tmp_path / "config.toml"
    tables = [provider("den", "http://127.0.0.1:9/v1"), "[providers.openai]", "[providers.work]"]
    tables += ['format = "openai"', 'url = "https://work.example/v1"']
    config.write_text(
        "\n".join([*tables, *(model(f"openai/{name}") for name in NAMES), model("den/m"), model("work/m")])
    )
    price_book.keep(state, price_book.Stored("", "2026-09-20T00:00:00Z", "https://b.test", BOOK))
    return again(tmp_path)


def again(directory: Path) -> Pool:
    paths = find_paths({}, str(directory / "config.toml"), str(directory / "state"))
    return Pool(paths, {}, lambda: NOW)


def usage(sent: int, got: int, cached: int = 0) -> TokenUsage:
    return TokenUsage(input=sent, output=got, cache_read=cached)


def test_a_cost_has_its_price_and_the_datas_version(pool: Pool) -> None:
    """Example 1, gpt-4o: 1000 in, 500 out is 0.0075; cached tokens are inside input (ruling 16)."""
    assert costs.cost(pool, "openai/gpt-4o", usage(1000, 500), NOW) == costs.Cost(
        Decimal("0.0075"), "book", "v7"
    )
    cached = costs.cost(pool, "openai/gpt-4o", usage(1000, 500, cached=800), NOW)
    assert cached.amount == Decimal("0.0065")


def test_local_is_free_and_unknown_is_not(pool: Pool) -> None:
    """What runs at home costs 0; what nobody knows costs nobody knows what."""
    assert costs.cost(pool, "den/m", usage(1000, 500), NOW) == costs.Cost(Decimal(0), "local", None)
    assert costs.cost(pool, "work/m", usage(1000, 500), NOW) == costs.Cost(None, None, None)
    assert costs.cost(pool, "openai/gpt-4o", None, NOW) == costs.Cost(None, None, None)
    assert costs.cost(pool, "openai/gpt-image", usage(1000, 500), NOW) == costs.Cost(None, None, None)


def test_a_price_holds_from_its_day_and_in_its_hours(pool: Pool) -> None:
    """The time of the request counts, not that of the look-up."""
    august = datetime(2026, 8, 31, 23, 59, tzinfo=UTC).timestamp()
    assert costs.cost(pool, "openai/gpt-dated", usage(1_000_000, 0), august).amount == 4
    assert costs.cost(pool, "openai/gpt-dated", usage(1_000_000, 0), NOW).amount == 2
    assert costs.cost(pool, "openai/gpt-hours", usage(1_000_000, 0), NOW).amount == 4
    assert costs.cost(pool, "openai/gpt-hours", usage(1_000_000, 0), NOW + 600).amount == 9


def test_the_worst_is_never_less_than_what_comes(pool: Pool) -> None:
    """All of the prompt into the dearest cache, at its tier, and the rates of the next ten minutes."""
    assert costs.worst(pool, "openai/gpt-4o", 1000, 500) == Decimal("0.0075")
    assert costs.worst(pool, "openai/gpt-long", 100_000, 1000) == Decimal("0.415")  # cache writes at 4
    assert costs.worst(pool, "openai/gpt-long", 300_000, 1000) == Decimal(
        "1.8225"
    )  # over 200,000: 6 and 22.5
    assert costs.worst(pool, "openai/gpt-hours", 1_000_000, 0) == 9
    assert costs.worst(pool, "openai/gpt-each", 1000, 1000) == Decimal("0.012")
    assert costs.worst(pool, "den/m", 1000, 1000) == 0
    assert costs.worst(pool, "work/m", 1000, 1000) is None
    assert costs.worst(pool, "openai/gpt-image", 1000, 1000) is None


def test_an_unlisted_deployment_has_the_price_a_listed_one_would_have(pool: Pool) -> None:
    """At a provider that is configured, at one that is only known to the book, and where nothing is known."""
    assert costs.price_of(pool, "work/gpt-4o") == costs.price_of(pool, "openai/gpt-4o")
    assert costs.price_of(pool, "work/zzz") is None
    assert costs.price_of(pool, "gone/gpt-4o") == costs.price_of(pool, "openai/gpt-4o")
    local = costs.price_of(pool, "den/other")
    assert local is not None
    assert local.source == "local"


def test_compiled_and_looked_up_are_the_same(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the state directory keeps nothing, each price is looked up, and is what the line would say."""
    refs = [f"openai/{name}" for name in NAMES] + ["den/m", "work/m"]
    lines = [costs.price_of(pool, ref) for ref in refs]
    monkeypatch.setattr(compiled, "read_costs", lambda *_: None)
    assert [costs.price_of(again(tmp_path), ref) for ref in refs] == lines


def test_new_prices_of_the_owner_or_of_the_book_are_in_force_at_once(pool: Pool, tmp_path: Path) -> None:
    """Both files are sources of what is compiled; the generation moves when a price does."""
    assert costs.worst(pool, "openai/gpt-4o", 1_000_000, 0) == Decimal("2.5")
    generation = pool.routing["generation"]
    entry = {"input": "1", "output": "1", "set_at": "2026-09-21T14:00:00Z"}
    prices.update(tmp_path / "state", lambda own: own._replace(custom={"openai/gpt-4o": entry}))
    pool = again(tmp_path)
    assert costs.cost(pool, "openai/gpt-4o", usage(1_000_000, 0), NOW) == costs.Cost(
        Decimal(1), "custom", "2026-09-21T14:00:00Z"
    )
    assert pool.routing["generation"] == generation + 1
    row = next(row for row in pool.table.rows if row.id == "openai/gpt-4o")
    assert (row.input_price, row.output_price) == (1.0, 1.0)
    newer = BOOK | {"version": "v8"}
    price_book.keep(
        tmp_path / "state", price_book.Stored("", "2026-09-21T00:00:00Z", "https://b.test", newer)
    )
    pool = again(tmp_path)
    assert costs.cost(pool, "openai/gpt-each", usage(0, 0), NOW).dated == "v8"
    assert pool.routing["generation"] == generation + 1


def test_the_listing_names_the_price_and_its_source(pool: Pool) -> None:
    """`models list --json` shows what the registry has: base tier, today's step; no price is null."""
    shown = {entry["id"]: entry["price"] for entry in pool.listing["models"]}
    assert shown["openai/gpt-long"] == {"input": "3", "output": "15", "source": "book"}
    assert shown["openai/gpt-dated"] == {"input": "2", "output": "4", "source": "book"}
    assert shown["den/m"] == {"input": "0", "output": "0", "source": "local"}
    assert shown["work/m"] is None
    assert shown["openai/gpt-image"] is None


def test_max_cost_counts_long_prompts_and_each_request(pool: Pool) -> None:
    """Never dropped: above 200,000 tokens the dearer rates count, and what a request costs."""
    request = RouteRequest(context_size=300_000, max_tokens=1000, max_cost="1.8")
    rejected = {each.deployment: each.reasons for each in decide(pool, request).decision.rejections}
    assert "could cost 1.8225 USD, over 1.8" in rejected["openai/gpt-long"]
    request = RouteRequest(context_size=1000, max_tokens=1000, max_cost="0.011")
    rejected = {each.deployment: each.reasons for each in decide(pool, request).decision.rejections}
    assert "could cost 0.0120 USD, over 0.011" in rejected["openai/gpt-each"]
    assert "could cost" not in str(rejected.get("openai/gpt-dated"))
    assert pool.routing["dear"] == {
        "openai/gpt-each": [[0, "1", "1", "0.01"]],
        "openai/gpt-long": [[0, "4", "15", "0"], [200000, "6", "22.5", "0"]],
    }


def test_max_cost_counts_a_prompt_that_is_written_to_a_cache(pool: Pool) -> None:
    """Some vendors cache unasked, and sessions ask for it: the worst case of --max-cost has that price."""
    request = RouteRequest(context_size=100_000, max_tokens=1000, max_cost="0.4")
    rejected = {each.deployment: each.reasons for each in decide(pool, request).decision.rejections}
    assert "could cost 0.4150 USD, over 0.4" in rejected["openai/gpt-long"]
    assert costs.worst(pool, "openai/gpt-long", 100_000, 1000) == Decimal("0.415")


def test_a_line_is_found_by_all_of_its_key() -> None:
    """A key inside another, in a value, or with signs of JSON in it is not mistaken."""
    known = {'a/b"c': 1, "a/b": None, "x/a/b": 2, "a/b\n[": 3, "größe": 0}
    lines = ",\n".join(json.dumps([key, value]) for key, value in known.items())
    for key, value in known.items():
        assert compiled.line_of(lines, key) == json.dumps(value)
    strange: tuple[str | int, ...] = ("a", "b", "a/b\\", "", 1, "grö")
    for other in strange:
        assert compiled.line_of(lines, other) is None
    assert compiled.line_of('[0, {"source": "x"}],\n["a/b", 0]', 0) == '{"source": "x"}'


@pytest.mark.parametrize(
    "data",
    [
        {"custom": []},
        {"custom": {"m": {"input": "1"}}},
        {"custom": {"m": {"input": "-1", "output": "1"}}},
        {"custom": {"m": {"input": 1.5, "output": "1"}}},
        {"custom": {"m": {"input": "NaN", "output": "1"}}},
        {"default": "5"},
        [],
    ],
    ids=str,
)
def test_broken_prices_are_set_aside_with_a_warning(
    pool: Pool, tmp_path: Path, data: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """DESIGN 3.5: prices are an observation; the book goes on, and the file is kept for its owner."""
    state = tmp_path / "state"
    envelope = {"version": 1, "written_at": "2026-09-21T00:00:00Z", "data": data}
    (state / "prices.json").write_text(json.dumps(envelope))
    assert costs.worst(again(tmp_path), "openai/gpt-4o", 1_000_000, 0) == Decimal("2.5")
    assert len(list(state.glob("prices.json.corrupt-*"))) == 1
    assert prices.read(state) == Own(custom={}, default=None)
    assert "prices.json is corrupt" in capsys.readouterr().err


def test_a_broken_price_book_gives_way_to_the_built_in_one(pool: Pool, tmp_path: Path) -> None:
    """Half a book is none: all of it is checked when it is read."""
    state = tmp_path / "state"
    broken = json.loads((state / "price-book.json").read_text())
    broken["data"]["content"]["vendors"]["openai"]["models"][0][1]["input"] = "-1"
    (state / "price-book.json").write_text(json.dumps(broken))
    found = costs.price_of(again(tmp_path), "openai/gpt-4o")
    assert found is not None
    assert found.version.startswith("genai-prices")
    assert len(list(state.glob("price-book.json.corrupt-*"))) == 1


def test_a_book_that_shipped_later_counts_before_an_older_download(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade nobody is left with the prices of a download from before it."""
    dated = BOOK | {"version": "v9", "date": "2026-09-20"}
    monkeypatch.setattr(built_in, "document", lambda: dated)
    assert pool.prices.book.version == "v7"  # of the same day
    monkeypatch.setattr(built_in, "document", lambda: dated | {"date": "2026-09-21"})
    assert again(tmp_path).prices.book.version == "v9"
