"""setup.upkeep: what one refresh does besides observing, and in what order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.discovery.refresh import refresh
from llmpool.errors import Misuse, Refused, StateUnusable
from llmpool.pool import Pool
from llmpool.setup import upkeep
from llmpool.setup.upkeep import Told, Wish
from llmpool.state.lock import locked
from tests.edges.test_refresh import asked, open_pool, seen
from tests.fakes.server import FakeServer
from tests.support import provider


def quiet(**given: Any) -> Told:
    """Tell nobody, and say no to every question."""
    silent: dict[str, Any] = {
        "waits": lambda _: None,
        "observes": lambda _: None,
        "pulls": lambda _: None,
        "may_remove": lambda _: False,
        "reports": lambda _: None,
    }
    return Told(**(silent | given))


def test_jitter_waits_a_random_part_of_what_it_may(tmp_path: Path, server: FakeServer) -> None:
    """A quarter of ten minutes is 150 s, said before it is waited, and asked is nobody before that."""
    pool = open_pool(tmp_path, provider("a", server.url))
    order: list[Any] = []

    def sleep(pause: float) -> None:
        order.append(("sleeps", pause, len(server.listings)))

    told = quiet(waits=lambda pause: order.append(("says", pause)))
    upkeep.run(pool, Wish(jitter=600), told, chance=lambda: 0.25, sleep=sleep)
    assert order == [("says", 150.0), ("sleeps", 150.0, 0)]
    assert asked(server) == 1


def test_what_its_owner_changes_during_the_jitter_counts(tmp_path: Path, server: FakeServer) -> None:
    """Ten minutes later a provider may be disabled, or somewhere else."""
    pool = open_pool(tmp_path, provider("a", server.url))

    def sleep(_pause: float) -> None:
        open_pool(tmp_path, provider("a", server.url, enabled=False))

    done = upkeep.run(pool, Wish(jitter=600), quiet(), sleep=sleep)
    assert (asked(server), done.report.skipped) == (0, (("a", "disabled"),))


def test_jitter_is_not_waited_for_nothing(tmp_path: Path, server: FakeServer) -> None:
    """Nobody is due, so there is nothing to spread; nor is there offline."""
    pool = open_pool(tmp_path, provider("a", server.url))
    refresh(pool)

    def sleep(_pause: float) -> None:
        pytest.fail("it slept")

    done = upkeep.run(pool, Wish(if_stale=60, jitter=600), quiet(), sleep=sleep)
    assert (done.report.fresh, done.partly) == (("a",), False)
    with pytest.raises(Refused):
        upkeep.run(open_pool(tmp_path, offline=True), Wish(jitter=600), quiet(), sleep=sleep)


def test_an_interrupt_ends_the_wait(tmp_path: Path, server: FakeServer) -> None:
    """Ctrl-C while it waits: nobody is asked."""

    def interrupted(_pause: float) -> None:
        raise KeyboardInterrupt

    pool = open_pool(tmp_path, provider("a", server.url))
    with pytest.raises(KeyboardInterrupt):
        upkeep.run(pool, Wish(jitter=1), quiet(), sleep=interrupted)
    assert asked(server) == 0


@pytest.mark.parametrize(
    "wish", [Wish(timeout=0), Wish(timeout=1e9), Wish(jitter=1e9), Wish(timeout=float("inf"))]
)
def test_times_nobody_means_are_refused(tmp_path: Path, wish: Wish) -> None:
    """Nothing at all and more than a day are mistakes, named by their option."""
    with pytest.raises(Misuse, match=r"--timeout|--jitter"):
        upkeep.run(open_pool(tmp_path, provider("a", "http://x/v1")), wish, quiet())


def test_the_catalog_and_accounts_are_asked_where_somebody_is_due(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--catalog --accounts` with a provider due asks both, with none due neither; a failed one is partly."""
    from llmpool.discovery import catalog, limits

    calls: list[str] = []
    failed = catalog.CatalogNews("failed", "", "no route to host", 3)
    monkeypatch.setattr(catalog, "update", lambda *_: (calls.append("catalog"), failed)[1])
    monkeypatch.setattr(
        limits, "survey", lambda *_a, **_k: (calls.append("accounts"), limits.Report((), ()))[1]
    )
    pool = open_pool(tmp_path, provider("a", server.url))
    wish = Wish(if_stale=60, catalog=True, accounts=True)
    first = upkeep.run(pool, wish, quiet())
    assert (calls, first.partly, first.report.failed) == (["catalog", "accounts"], True, ())
    again = upkeep.run(pool, wish, quiet())
    assert (calls, again.catalog, again.accounts, again.partly) == (
        ["catalog", "accounts"],
        None,
        None,
        False,
    )


def test_pulls_come_after_the_observation_and_outside_its_lock(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull may take an hour: it must not keep the next refresh out. It comes though nobody is due."""
    from llmpool.setup import downloads

    pool = open_pool(tmp_path, provider("a", server.url))
    calls: list[tuple[bool, bool]] = []

    def reconcile(_pool: Pool, _names: object, *, pull: bool, remove: bool, **_: Any) -> downloads.Reconciled:
        assert "a" in seen(pool).providers
        with locked(pool.paths.state / "refresh", wait=0):
            calls.append((pull, remove))
        return downloads.Reconciled(failed=(("a/x", "no such model"),) * pull)

    monkeypatch.setattr(downloads, "reconcile", reconcile)
    assert upkeep.run(pool, Wish(pull=True), quiet()).partly
    assert not upkeep.run(pool, Wish(if_stale=60, remove=True), quiet()).partly
    assert calls == [(True, False), (False, True)]
    with pytest.raises(Refused, match="pulling and removing"):
        upkeep.run(open_pool(tmp_path, offline=True), Wish(if_stale=60, pull=True), quiet())


def test_what_breaks_off_later_does_not_lose_what_was_observed(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is told before anything is pulled, and comes back beside the error of what came after."""
    from llmpool.discovery import limits
    from llmpool.setup import downloads

    def full(*_: Any, **_given: Any) -> Any:
        raise StateUnusable("downloads.json: no space left on device")

    pool = open_pool(tmp_path, provider("a", server.url))
    monkeypatch.setattr(downloads, "reconcile", full)
    told: list[upkeep.Round] = []
    done = upkeep.run(pool, Wish(pull=True), quiet(reports=told.append))
    assert [change.added for change in done.report.changes] == [("m",)]
    assert isinstance(done.broken, StateUnusable)
    assert [(each.report, each.broken) for each in told] == [(done.report, None)]
    monkeypatch.setattr(limits, "survey", full)
    again = upkeep.run(pool, Wish(pull=True, accounts=True), quiet(reports=told.append))
    assert (told[1].report, isinstance(again.broken, StateUnusable)) == (again.report, True)
