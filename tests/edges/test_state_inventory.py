"""inventory.json: how it is written, and how often a refresh reads it; there may be twenty thousand lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, Probe, ProviderInventory
from llmpool.discovery.refresh import refresh
from llmpool.pool import Pool
from llmpool.state import inventory
from tests.edges.test_refresh import open_pool
from tests.fakes.server import FakeServer
from tests.support import provider

if TYPE_CHECKING:
    import pytest

AT = "2026-11-21T03:44:00Z"
LINES = (ObservedModel(name="m"), ObservedModel(name="n", size=7, capabilities=Capabilities(tools=False)))
SEEN = ProviderInventory(provider="den", attempted_at=AT, models=LINES, probes=(Probe(model="m", at=AT),))


def test_what_a_line_does_not_say_is_not_written(tmp_path: Path) -> None:
    """A no is said, an unknown is not; and what comes back is what was observed."""
    assert inventory.update(tmp_path, [SEEN]).providers == {"den": SEEN}
    written = json.loads((tmp_path / inventory.NAME).read_text())["data"]["providers"]["den"]
    assert written["models"] == [{"name": "m"}, {"name": "n", "capabilities": {"tools": False}, "size": 7}]
    assert written["probes"] == [{"model": "m", "at": AT}]
    assert inventory.read(tmp_path).providers == {"den": SEEN}


def test_a_change_sees_what_is_known_under_the_lock(tmp_path: Path) -> None:
    """What is merged in may depend on what others have written; both are returned, before and after."""
    inventory.update(tmp_path, [SEEN])

    def observed(known: Inventory) -> tuple[list[ProviderInventory], list[str]]:
        return [known.providers["den"].replace(provider="box")], ["den"]

    before, after = inventory.change(tmp_path, observed)
    assert before.providers == {"den": SEEN}
    assert after.providers == {"box": SEEN.replace(provider="box")}


def test_a_refresh_reads_little_more_than_it_must(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inventory before it, after it, and to compile; the registry is compiled once, not read again."""
    pool = open_pool(tmp_path, provider("den", server.url))
    refresh(pool)
    entries, compiled = list[Any](), list[int]()
    read, compile_ = inventory._provider, Pool._compile
    monkeypatch.setattr(inventory, "_provider", lambda entry: (entries.append(entry), read(entry))[1])
    monkeypatch.setattr(Pool, "_compile", lambda self: (compiled.append(1), compile_(self))[1])
    server.models.append("n")
    report = refresh(open_pool(tmp_path))
    assert (report.models, compiled) == (2, [1])
    assert len(entries) <= 4


def test_an_observation_from_the_future_gives_way(tmp_path: Path) -> None:
    """A minute ahead is another process, whose later attempt wins; a day ahead is a clock gone wrong."""
    for kept, wins in (("2026-11-21T03:45:00Z", True), ("2026-11-22T03:44:00Z", False)):
        inventory.update(tmp_path, [SEEN.replace(attempted_at=kept, models=())], gone=["den"])
        inventory.update(tmp_path, [SEEN.replace(attempted_at=kept, models=())])
        after = inventory.update(tmp_path, [SEEN])
        assert (after.providers["den"].attempted_at == kept) is wins
