"""Windows that servers named when a prompt was too long: kept in the inventory, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.chat import overflow
from llmpool.config.paths import find_paths
from llmpool.core.deployment import DeclaredModel, ModelFacts, ObservedModel
from llmpool.core.inventory import Inventory, Probe, ProviderInventory, ToldWindow
from llmpool.core.outcome import Failure
from llmpool.errors import StateUnusable
from llmpool.pool import Pool
from llmpool.registry import capabilities
from llmpool.registry.capabilities import Told
from llmpool.registry.provenance import provenance
from llmpool.setup import leaving
from llmpool.state import inventory
from tests.support import model as declared
from tests.support import provider

NOW = 1_795_232_640.0  # 2026-11-21T03:44:00Z
TOO_LONG = Failure(
    kind="context_length", message="This model's maximum context length is 4096 tokens.", status=400
)


def day(number: int) -> str:
    """Return a moment of a day in November."""
    return f"2026-11-{number:02}T03:44:00Z"


def seen(number: int, *lines: ObservedModel, error: str = "") -> ProviderInventory:
    """Return what den said on a day of November."""
    fetched = "" if error else day(number)
    return ProviderInventory(
        provider="den", attempted_at=day(number), fetched_at=fetched, models=lines, error=error
    )


def kept(state: Path) -> list[tuple[str, int, str]]:
    """Return the windows that are kept: model, tokens, day."""
    windows = inventory.read(state).providers["den"].windows
    return [(window.model, window.tokens, window.at[8:10]) for window in windows]


def told(model: str, tokens: int, number: int = 2) -> ToldWindow:
    """Return a window that was named on a day of November."""
    return ToldWindow(model=model, at=day(number), tokens=tokens)


def test_a_window_outlives_refreshes_and_the_next_one_replaces_it(tmp_path: Path) -> None:
    """A listing that says nothing of it leaves it, a failed one too; of a model the newest counts."""
    plain = ObservedModel(name="a", context_window=131072, max_context=131072)
    inventory.update(tmp_path, [seen(1, plain)])
    inventory.remember_window(tmp_path, "den", told("a", 32768))
    inventory.remember_window(tmp_path, "den", told("b", 9000))
    inventory.update(tmp_path, [seen(3, plain, ObservedModel(name="b"))])
    inventory.update(tmp_path, [seen(4, error="refused")])
    inventory.remember_window(tmp_path, "den", told("a:latest", 16384, 5))
    assert kept(tmp_path) == [("a:latest", 16384, "05"), ("b", 9000, "02")]
    inventory.remember_probes(tmp_path, "den", [Probe(model="a", at=day(5), available=True)])
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        (ObservedModel(name="a", loaded_context=8192, max_context=131072), False),
        (ObservedModel(name="a", max_context=131072), False),  # not loaded: with how much it will be is open
        (ObservedModel(name="a", context_window=131072, max_context=131072), True),
        (ObservedModel(name="a:latest"), True),
        (ObservedModel(name="other"), False),  # the model is gone
    ],
)
def test_a_listing_that_tells_better_ends_it(tmp_path: Path, line: ObservedModel, holds: bool) -> None:
    """What a server says of how a model is loaded now counts, and so does that it has it no more."""
    inventory.update(tmp_path, [seen(1, ObservedModel(name="a"))])
    inventory.remember_window(tmp_path, "den", told("a", 4096))
    inventory.update(tmp_path, [seen(3, line)])
    assert bool(kept(tmp_path)) is holds


def test_a_listing_that_was_under_way_ends_nothing(tmp_path: Path) -> None:
    """It began before the window was named."""
    inventory.remember_window(tmp_path, "den", told("a", 4096, 3))
    inventory.update(tmp_path, [seen(2, ObservedModel(name="a", loaded_context=8192))])
    assert kept(tmp_path) == [("a", 4096, "03")]


@pytest.mark.parametrize(("number", "holds"), [(9, True), (10, False)])
def test_it_ends_after_a_week(tmp_path: Path, number: int, holds: bool) -> None:
    """On the eighth day a refresh drops it; a declared model that nobody lists keeps it until then."""
    inventory.remember_window(tmp_path, "den", told("a", 4096, 2))
    inventory.update(tmp_path, [seen(number)])
    assert bool(kept(tmp_path)) is holds


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Told(learnt=4096), (4096, "learnt")),
        (Told(learnt=4096, facts=ModelFacts(context_window=8192)), (4096, "learnt")),
        (Told(learnt=4096, observed=ObservedModel(name="a", context_window=8192)), (4096, "learnt")),
        (Told(learnt=4096, observed=ObservedModel(name="a", loaded_context=2048)), (2048, "loaded")),
        (Told(learnt=4096, facts=ModelFacts(context_window=4096)), (4096, "vendored")),
        (Told(DeclaredModel(id="den/a", context_window=32768), learnt=4096), (32768, "config")),
        (Told(DeclaredModel(id="den/a"), learnt=4096), (4096, "learnt")),
    ],
)
def test_it_counts_below_the_owners_word_where_it_is_less(told: Told, expected: tuple[int, str]) -> None:
    """Of all that is listed nothing larger stands beside what the server said itself."""
    assert capabilities.window(told, 0) == expected


class Den:
    """A provider with a model that is declared with nothing but its name, and its pool."""

    def __init__(self, path: Path, **fields: Any) -> None:
        self.path = path
        self.state = path / "state"
        (path / "config.toml").write_text(
            "\n".join([provider("den", "http://127.0.0.1:9"), declared("den/a", **fields)])
        )

    @property
    def pool(self) -> Pool:
        """Another run's pool."""
        return Pool(find_paths({}, str(self.path / "config.toml"), str(self.state)), {}, lambda: NOW)

    def window(self) -> int:
        """Return the window that a decision goes by."""
        (row,) = self.pool.table.rows
        return row.window

    def learn(self, failure: Failure = TOO_LONG) -> Pool:
        """Let a run learn of *failure*."""
        pool = self.pool
        overflow.learn(pool, pool.provider("den"), "a", failure)
        return pool


def test_the_next_run_goes_by_what_was_named(tmp_path: Path) -> None:
    """The compiled registry has it at once, `models show` quotes it, `providers clear` forgets it."""
    den = Den(tmp_path)
    assert den.window() == 0
    den.learn()
    assert den.window() == 4096
    pool = den.pool
    (found,) = pool.registry.deployments
    assert provenance(found, pool.told(found))["context_window"] == {
        "value": 4096,
        "from": "learnt",
        "learnt": 4096,
    }
    generation = pool.table.generation
    leaving.forget(den.pool, ["den"])
    assert (den.window(), kept(den.state)) == (0, [])
    assert den.pool.table.generation == generation + 1


def test_the_owners_window_stays(tmp_path: Path) -> None:
    """What is declared is the owner's word, whatever a server says."""
    den = Den(tmp_path, context_window=32768)
    den.learn()
    assert den.window() == 32768


def test_what_is_no_news_is_not_written(tmp_path: Path) -> None:
    """No figure, or the one that is known: nothing is touched."""
    den = Den(tmp_path)
    den.learn(TOO_LONG.replace(message="Please reduce the length of the messages."))
    assert not (den.state / inventory.NAME).exists()
    den.learn()
    before = (den.state / inventory.NAME).stat().st_mtime_ns
    den.learn()
    assert (den.state / inventory.NAME).stat().st_mtime_ns == before


def test_a_directory_that_refuses_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt goes on to the next; that nothing is kept is said."""

    def refuse(*_: Any) -> None:
        raise StateUnusable("disk full")

    den = Den(tmp_path)
    monkeypatch.setattr(inventory, "remember_window", refuse)
    assert den.learn().warnings == ["the window of den/a is not kept: disk full"]


def test_a_file_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    """Entries without the field are read, and so is what they hold beside it."""
    inventory.update(tmp_path, [seen(1, ObservedModel(name="a"))])
    found: Inventory = inventory.read(tmp_path)
    assert found.providers["den"].windows == ()
