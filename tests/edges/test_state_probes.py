"""What probes found lives in the inventory: through refreshes, until the next probe, for a week."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Probe, ProviderInventory, ToldWindow
from llmpool.state import inventory


def seen(day: int, *models: str, error: str = "") -> ProviderInventory:
    """Return what den said on a day of November."""
    lines = tuple(ObservedModel(name=name) for name in models)
    at = f"2026-11-{day:02}T03:44:00Z"
    return ProviderInventory(
        provider="den", attempted_at=at, fetched_at="" if error else at, models=lines, error=error
    )


def tried(model: str, day: int, available: bool | None = False) -> Probe:
    """Return what a probe found on a day of November."""
    return Probe(model=model, at=f"2026-11-{day:02}T03:44:00Z", available=available)


def kept(state: Path) -> list[tuple[str, str]]:
    """Return the models with a probe, and the days of their probes."""
    return [(probe.model, probe.at[8:10]) for probe in inventory.read(state).providers["den"].probes]


def test_a_refresh_keeps_what_probes_found(tmp_path: Path) -> None:
    """A good listing and a failed one hand probes on, and they stand beside what was observed."""
    inventory.update(tmp_path, [seen(1, "a", "b")])
    inventory.remember_probes(tmp_path, "den", [tried("a", 2), tried("b", 2, available=True)])
    inventory.update(tmp_path, [seen(3, "a", "b", "c")])
    inventory.update(tmp_path, [seen(4, error="refused")])
    assert kept(tmp_path) == [("a", "02"), ("b", "02")]
    assert inventory.read(tmp_path).providers["den"].error == "refused"


def test_a_probe_replaces_the_last_one_of_its_model(tmp_path: Path) -> None:
    """The newest verdict counts, under either spelling of a name; other models keep theirs."""
    inventory.remember_probes(tmp_path, "den", [tried("a", 2), tried("b", 2)])
    able = Capabilities(tools=True)
    inventory.remember_probes(
        tmp_path, "den", [tried("a:latest", 3, available=True).replace(capabilities=able)]
    )
    assert kept(tmp_path) == [("a:latest", "03"), ("b", "02")]
    assert inventory.read(tmp_path).providers["den"].probes[0].capabilities == able


@pytest.mark.parametrize(("day", "holds"), [(9, True), (10, False)])
def test_a_verdict_ends_after_a_week(tmp_path: Path, day: int, holds: bool) -> None:
    """On the eighth day a refresh, or another model's probe, drops it."""
    inventory.remember_probes(tmp_path, "den", [tried("a", 2)])
    inventory.update(tmp_path, [seen(day, "a", "b")])
    assert bool(kept(tmp_path)) is holds
    inventory.remember_probes(tmp_path, "pit", [tried("a", 2)])
    found = inventory.remember_probes(tmp_path, "pit", [tried("b", day)]).providers["pit"].probes
    assert ("a" in [probe.model for probe in found]) is holds


def test_a_model_that_is_gone_takes_its_probe_along(tmp_path: Path) -> None:
    """Gone is what a healthy listing had and has no more; what it never had was declared, and stays."""
    inventory.update(tmp_path, [seen(1, "a:latest", "b")])
    inventory.remember_probes(tmp_path, "den", [tried("a", 2), tried("b", 2), tried("declared", 2)])
    inventory.update(tmp_path, [seen(3, error="refused")])
    assert kept(tmp_path) == [("a", "02"), ("b", "02"), ("declared", "02")]
    inventory.update(tmp_path, [seen(4, "a:latest", "b")])
    inventory.update(tmp_path, [seen(5, "b")])
    assert kept(tmp_path) == [("b", "02"), ("declared", "02")]


def test_a_provider_that_was_never_listed_can_be_probed(tmp_path: Path) -> None:
    """Its probes are kept, and its first listing adds to them as any other does."""
    inventory.remember_probes(tmp_path, "den", [tried("a", 2)])
    entry = inventory.read(tmp_path).providers["den"]
    assert (entry.attempted_at, entry.fetched_at, entry.models) == ("", "", ())
    inventory.update(tmp_path, [seen(3, "a")])
    assert kept(tmp_path) == [("a", "02")]
    assert inventory.read(tmp_path).providers["den"].models == (ObservedModel(name="a"),)


def test_probes_touch_nothing_else(tmp_path: Path) -> None:
    """Other providers, and all that was observed of this one, are as they were."""
    other = seen(1, "x").replace(provider="sky")
    inventory.update(tmp_path, [seen(1, "a"), other])
    after = inventory.remember_probes(tmp_path, "den", [tried("a", 2)])
    assert after.providers["sky"] == other
    assert after.providers["den"].replace(probes=()) == seen(1, "a")


def test_another_address_has_another_servers_models(tmp_path: Path) -> None:
    """Where the config names another address by now, verdicts and windows of the old one end with a refresh.

    It may fail: there is nothing that the old server knows of the new one. What was kept before the address
    was is of the same one.
    """
    here, there = "http://one.lan:1234", "http://two.lan:1234"
    inventory.update(tmp_path, [seen(1, "a")])
    inventory.remember_probes(tmp_path, "den", [tried("a", 2)])
    inventory.remember_window(tmp_path, "den", ToldWindow(model="a", at="2026-11-02T03:44:00Z", tokens=2048))
    inventory.update(tmp_path, [seen(3, "a").replace(url=here)])
    inventory.update(tmp_path, [seen(4, "a").replace(url=here)])
    assert kept(tmp_path) == [("a", "02")]
    inventory.update(tmp_path, [seen(5, error="refused").replace(url=there)])
    entry = inventory.read(tmp_path).providers["den"]
    assert (entry.url, entry.probes, entry.windows) == (there, (), ())


def test_a_verdict_of_a_clock_that_was_ahead_ends_with_a_refresh(tmp_path: Path) -> None:
    """It would hold until that day comes, and a week more; one of a moment ago is another process's."""
    now = datetime.fromisoformat("2026-11-03T03:44:00Z").timestamp()
    inventory.remember_probes(tmp_path, "den", [tried("a", 9), tried("b", 3)])
    inventory.remember_window(tmp_path, "den", ToldWindow(model="a", at="2026-11-09T03:44:00Z", tokens=2048))
    listed = seen(3, "a", "b").replace(attempted_at="2026-11-03T03:43:00Z")
    inventory.update(tmp_path, [listed], clock=lambda: now)
    assert kept(tmp_path) == [("b", "03")]
    assert inventory.read(tmp_path).providers["den"].windows == ()
