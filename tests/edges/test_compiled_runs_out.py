"""What was compiled holds no longer than what it was compiled of: files, prices by the hour, verdicts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from llmpool.chat.batch_ask import Asker, Shared, Terms
from llmpool.config.paths import Paths
from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import Probe, ProviderInventory
from llmpool.errors import Refused
from llmpool.pool import Pool, open_pool
from llmpool.state import compiled, inventory

# As the book that is built in has it: twice as much from 01:00 to 04:00 and from 06:00 to 10:00.
DEEPSEEK = '[providers.deepseek]\nkey = { env = "K" }\n[[models]]\nid = "deepseek/deepseek-v4-pro"\n'
DEN = '[providers.den]\npreset = "ollama"\nurl = "http://den.lan:1"\n'


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")


def at(paths: Paths, time: str) -> Pool:
    """Open the pool at a time of 2026-11-22, in UTC, or at that of any day."""
    text = time if "T" in time else f"2026-11-22T{time}"
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    return open_pool(paths, env={"K": "k"}, clock=lambda: moment)


def price(pool: Pool) -> float | None:
    (row,) = (row for row in pool.table.rows if row.id == "deepseek/deepseek-v4-pro")
    return row.output_price


def shown(pool: Pool) -> str:
    (entry,) = json.loads(f"[{pool.listing_text()}]")
    assert pool.listing["models"] == [entry]
    return str(entry["price"]["output"])


def test_a_price_by_the_hour_is_that_of_the_hour(paths: Paths) -> None:
    """A decision and the listing go by the price that holds now, though no file has changed."""
    paths.config.write_text(DEEPSEEK)
    for time, output in (
        ("05:00", 1.98),
        ("05:59:59", 1.98),
        ("06:00", 3.96),
        ("10:00", 1.98),
        ("23:00", 1.98),
    ):
        assert price(at(paths, time)) == output, time
        assert shown(at(paths, time)) == f"{output}", time
    assert price(at(paths, "2026-11-23T01:00")) == 3.96


def test_nothing_is_compiled_while_a_price_holds(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the next change of a price what was compiled is read, and after it once more."""
    paths.config.write_text(DEEPSEEK)
    made: list[str] = []
    compile_ = Pool._compile
    monkeypatch.setattr(Pool, "_compile", lambda pool: made.append(time) or compile_(pool))
    for time in ("06:00", "08:00", "09:59:59", "10:00", "12:00"):
        assert price(at(paths, time))
    assert made == ["06:00", "10:00"]


def test_a_verdict_that_is_over_is_not_shown(paths: Paths) -> None:
    """A week after a probe what it found to be missing is available again (ruling 15), in the listing too."""
    paths.config.write_text(DEN)
    entry = ProviderInventory(
        provider="den",
        attempted_at="2026-11-22T05:00:00Z",
        fetched_at="2026-11-22T05:00:00Z",
        models=(ObservedModel(name="m"),),
    )
    inventory.update(paths.state, [entry])
    inventory.remember_probes(
        paths.state, "den", [Probe(model="m", at="2026-11-22T06:00:00Z", available=False)]
    )
    available = [
        at(paths, f"2026-11-{day}").listing["models"][0]["available"]
        for day in ("22T07:00", "29T06:00", "29T06:00:01")
    ]
    assert available == [False, False, True]


def test_a_file_put_in_place_with_an_old_time_is_another(paths: Paths) -> None:
    """A config of the same size and time is read all the same: some tools give every file one time."""
    for text in ("local_first = true \n", "local_first = false\n"):
        fresh = paths.config.with_name("fresh")
        fresh.write_text(text + DEN)
        os.utime(fresh, (1, 1))
        fresh.rename(paths.config)
        pool = open_pool(paths, env={})
        assert pool.routing["local_first"] is ("true" in text)
    assert (paths.state / compiled.ROUTING).exists()


def test_a_batch_goes_by_the_price_of_the_hour(paths: Paths) -> None:
    """A run of hours holds a line to --max-cost with the price that holds when it is asked."""
    paths.config.write_text(DEEPSEEK)
    now = [at(paths, "05:59").clock()]
    pool = open_pool(paths, env={"K": "k"}, clock=lambda: now[0])
    asker = Asker(pool, Terms(lambda _pool, _decision: Refused("")), Event(), lambda _: None, Shared(pool))
    seen = []
    for minutes in (0, 2, 3, 239, 242):
        now[0] = at(paths, "05:59").clock() + 60 * minutes
        asker._look_afresh()
        seen.append(price(asker.pool))
    assert seen == [1.98, 3.96, 3.96, 3.96, 1.98]
