"""discovery.refresh: whom a refresh asks, and what it keeps."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.inventory import Inventory
from llmpool.core.times import rfc3339
from llmpool.discovery import refresh as refreshing
from llmpool.discovery.refresh import Heard, choose, refresh
from llmpool.errors import Busy, ConfigInvalid, Refused
from llmpool.pool import Pool
from llmpool.registry.diff import Change, Moved
from llmpool.registry.readiness import kind_of
from llmpool.state import inventory
from llmpool.state.lock import locked
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import closed_port, model, provider

T0 = 1_790_000_000.0


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> float:
        return self.now


def open_pool(
    directory: Path, *tables: str, clock: Callable[[], float] = lambda: T0, offline: bool = False, **env: str
) -> Pool:
    """Open the pool that *tables* configure; without tables the one that is there."""
    config = directory / "config.toml"
    if tables:
        config.write_text("\n".join(tables))
    return Pool(find_paths(env, str(config), str(directory / "state")), env, clock, offline=offline)


def seen(pool: Pool) -> Inventory:
    """Read what is kept."""
    return inventory.read(pool.paths.state)


def asked(server: FakeServer) -> int:
    """Count the listings a server was asked for since the last count."""
    count = len(server.listings)
    server.listings.clear()
    return count


def test_c8_a_cycle_has_an_entry_for_each_and_forgets_who_is_gone(tmp_path: Path, server: FakeServer) -> None:
    """C8: a dead and a good one both have entries, the cycle succeeds; a deleted one is gone with the next.

    An unknown type cannot be configured here (the config refuses it), and no key is ever in the state.
    """
    dead = provider("dead", f"http://127.0.0.1:{closed_port()}", format="ollama")
    good = provider("good", server.url, key={"env": "K"})
    pool = open_pool(tmp_path, dead, good, K="sk-planted-in-the-state-0123")
    report = refresh(pool)
    assert [(e.provider, bool(e.error), len(e.models)) for e in report.observed] == [
        ("dead", True, 0),
        ("good", False, 1),
    ]
    assert report.failed == ("dead",)
    assert seen(pool).providers["dead"].stale_since == ""  # it never was anything but dead
    pool = open_pool(tmp_path, good, K="sk-planted-in-the-state-0123")
    refresh(pool)
    assert list(seen(pool).providers) == ["good"]
    written = (tmp_path / "state/inventory.json").read_text()
    assert "planted" not in written
    json.loads(written)


@pytest.mark.parametrize("written", ["", "[providers.a"])
def test_a_config_that_is_being_written_forgets_nobody(
    tmp_path: Path, server: FakeServer, written: str
) -> None:
    """An editor empties a file before it fills it again; whoever was just observed is not gone for that."""
    pool = open_pool(tmp_path, provider("a", server.url))

    def edited(heard: Heard) -> None:
        if heard.done:
            pool.paths.config.write_text(written)

    with suppress(ConfigInvalid):  # what is said at the end wants the config as well
        refresh(pool, progress=edited)
    assert [len(entry.models) for entry in seen(pool).providers.values()] == [1]


def test_c9_reads_at_7_and_15_and_an_explicit_refresh(tmp_path: Path, server: FakeServer) -> None:
    """C9, `--if-stale 15s` as the read: t0 asks, +7.5 does not, +15 does; explicit at +16: +30 no, +31 yes.

    Times are kept in whole seconds, so that the read at +7.5 is at +7.
    """
    clock = Clock()
    pool = open_pool(tmp_path, provider("a", server.url), clock=clock)

    def read(at: float) -> int:
        clock.now = T0 + at
        refresh(pool, within=15)
        return asked(server)

    assert [read(0), read(7), read(15)] == [1, 0, 1]
    clock.now = T0 + 16
    refresh(pool)
    assert asked(server) == 1
    assert [read(30), read(31)] == [0, 1]


def test_c9_a_provider_that_was_added_is_asked_at_once(tmp_path: Path, server: FakeServer) -> None:
    """Ruling 7 over C9: staleness is of each provider, so that a new one is not invisible for 15 s."""
    clock = Clock()
    refresh(open_pool(tmp_path, provider("a", server.url), clock=clock), within=15)
    clock.now += 7
    pool = open_pool(tmp_path, provider("a", server.url), provider("b", server.url), clock=clock)
    report = refresh(pool, within=15)
    assert ([e.provider for e in report.observed], report.fresh) == (["b"], ("a",))


def test_c9_there_is_no_cache_of_listings(tmp_path: Path, server: FakeServer) -> None:
    """Ruling 7 (`refresh` always observes) over C9's cache of an hour: every refresh asks."""
    pool = open_pool(tmp_path, provider("a", server.url))
    for _ in range(2):
        refresh(pool)
        assert asked(server) == 1


def test_c6_no_key_is_no_call_and_of_the_kind_that_says_so(tmp_path: Path) -> None:
    """C6: no key, no HTTP, api_key_missing; a variable that is not set is no call either (ruling 5)."""
    pool = open_pool(tmp_path, "[providers.openai]\n", offline=False)
    report = refresh(pool)
    (entry,) = report.observed
    assert (kind_of(entry.error, entry.error_kind), report.failed) == ("api_key_missing", ())
    assert "OPENAI_API_KEY" in entry.error


def test_c6_a_refused_key_is_of_the_kind_auth(tmp_path: Path) -> None:
    """C6: 401 is an error of the kind auth, and a failure."""
    with FakeServer(key="right") as server:
        pool = open_pool(tmp_path, provider("a", server.url, key={"env": "K"}), K="wrong")
        report = refresh(pool)
    (entry,) = report.observed
    assert (kind_of(entry.error, entry.error_kind), report.failed) == ("auth", ("a",))


def test_nothing_due_touches_neither_network_nor_lock(tmp_path: Path, server: FakeServer) -> None:
    """Where nobody is due a refresh ends well, offline and beside another refresh too."""
    refresh(open_pool(tmp_path, provider("a", server.url)))
    asked(server)
    pool = open_pool(tmp_path, offline=True)
    with locked(pool.paths.state / "refresh"):
        report = refresh(pool, within=3600)
    assert (report.observed, report.fresh, report.models, asked(server)) == ((), ("a",), 1, 0)
    with pytest.raises(Refused):
        refresh(pool)


def test_who_comes_second_is_told_by_whom_and_until_when(tmp_path: Path, server: FakeServer) -> None:
    """75: the process, since when, and when to try again: at worst jobs times time-out after the start."""
    pool = open_pool(tmp_path, *(provider(name, server.url) for name in "abc"))
    with refreshing._alone(pool, 60.0), pytest.raises(Busy) as caught:
        refresh(pool)
    details = caught.value.details
    assert details["holder"]["since"] == rfc3339(T0)
    assert details["retry_at"] == rfc3339(T0 + 61)
    assert f"process {details['holder']['pid']}, since {rfc3339(T0)}" in caught.value.message
    assert asked(server) == 0


@pytest.mark.parametrize("note", ["", "who knows", "1 2 3", "x " * 9, "4711 2026-13-01T00:00:00Z soon"])
def test_a_note_that_says_nothing_is_no_trouble(note: str) -> None:
    """Whatever a lock file holds, the answer is to try again soon."""
    busy = refreshing._busy(note, T0)
    assert busy.details == {"retry_at": rfc3339(T0 + 5)}
    assert busy.message == "another refresh of the whole pool is running"


def test_a_holder_long_past_its_time_is_asked_about_soon(tmp_path: Path) -> None:
    """The time to try again is never past."""
    busy = refreshing._busy(f"12 {rfc3339(T0 - 100)} {rfc3339(T0 - 50)}", T0)
    assert busy.details["retry_at"] == rfc3339(T0 + 5)


def test_an_interrupt_keeps_what_was_heard(tmp_path: Path, server: FakeServer) -> None:
    """Ctrl-C in the middle: who has answered is saved, who has not keeps what was known."""
    with FakeServer(behave_listing=lambda *_: faults.hang(100)) as hung:
        tables = [provider("hung", hung.url), *(provider(f"p{n}", server.url) for n in range(4))]
        pool = open_pool(tmp_path, *tables)

        def stop(heard: Heard) -> None:
            if heard.waiting == ("hung",):
                raise KeyboardInterrupt

        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            refresh(pool, progress=stop)
        assert time.monotonic() - began < 50
    assert list(seen(pool).providers) == ["p0", "p1", "p2", "p3"]
    assert pool.warnings == ["broken off; what 4 of 5 providers said is kept"]


def test_progress_names_those_still_waited_for(tmp_path: Path, server: FakeServer) -> None:
    """It begins with all of them and ends with none."""
    told: list[Heard] = []
    pool = open_pool(tmp_path, *(provider(name, server.url) for name in "abc"))
    refresh(pool, jobs=1, progress=told.append)
    assert told == [
        Heard(0, 3, ("a", "b", "c")),
        Heard(1, 3, ("b", "c")),
        Heard(2, 3, ("c",)),
        Heard(3, 3, ()),
    ]


def test_a_slow_one_delays_nobody_and_all_is_saved_once(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are heard while one hangs, and the inventory is written one time."""
    writes: list[int] = []
    real = inventory.change
    monkeypatch.setattr(inventory, "change", lambda *a, **k: (writes.append(1), real(*a, **k))[1])
    with FakeServer(behave_listing=lambda *_: faults.hang(100)) as hung:
        tables = [provider("a-hung", hung.url), *(provider(f"p{n}", server.url) for n in range(5))]
        others_done = threading.Event()

        def note(heard: Heard) -> None:
            if heard.waiting == ("a-hung",):
                others_done.set()

        report = refresh(open_pool(tmp_path, *tables), timeout=2, progress=note)
    assert others_done.is_set()
    assert (report.failed, len(report.observed), writes) == (("a-hung",), 6, [1])


def test_what_was_declared_before_is_news_only_once(tmp_path: Path, server: FakeServer) -> None:
    """A declared model that is listed at last is added; that its values are known now is not told besides."""
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m", quality=7))
    (change,) = refresh(pool).changes
    assert (change.added, change.changed, change.repriced) == (("m",), (), ())


def test_who_is_chosen_where_none_is_named(tmp_path: Path) -> None:
    """Disabled ones are left out with the reason, and asked when they are named."""
    pool = open_pool(tmp_path, provider("a", "http://x/v1"), provider("b", "http://x/v1", enabled=False))
    everyone, named = choose(pool, None), choose(pool, ("b",))
    assert ([p.id for p in everyone.due], everyone.skipped) == (["a"], (("b", "disabled"),))
    assert [p.id for p in named.due] == ["b"]


def test_names_that_die_are_told_once_with_the_nearest(tmp_path: Path) -> None:
    """An alias whose target a healthy listing lost is flagged by the refresh that saw it, and by no later."""
    with FakeServer(["qwen3:8b"]) as server:
        tables = (provider("den", server.url), model("den/qwen3:8b", aliases=["small"]))
        assert refresh(open_pool(tmp_path, *tables)).dead == ()
        server.models[:] = ["qwen3:14b"]
        gone = {"name": "small", "role": "alias", "target": "den/qwen3:8b", "nearest": "den/qwen3:14b"}
        assert refresh(open_pool(tmp_path)).dead == (gone,)
        assert refresh(open_pool(tmp_path)).dead == ()
        server.models[:] = ["qwen3:8b"]
        assert refresh(open_pool(tmp_path)).dead == ()


def test_a_price_that_a_provider_lists_anew_is_told(tmp_path: Path) -> None:
    """`repriced` comes of what providers list themselves, in every refresh."""
    line: dict[str, Any] = {"id": "m", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}
    with FakeServer(behave_listing=lambda *_: faults.said(200, {"data": [line]})) as server:
        pool = open_pool(tmp_path, provider("sky", server.url))
        assert refresh(pool).changes[0].repriced == ()
        line["pricing"]["prompt"] = "0.0000015"
        (change,) = refresh(pool).changes
    assert change == Change("sky", repriced=(Moved("m", "input", "1", "1.5"),))


def test_a_clock_that_was_set_back_a_little_keeps_no_refresh_out(tmp_path: Path, server: FakeServer) -> None:
    """By some minutes, as the network's time sets it: what is heard then counts at once."""
    clock = Clock()
    clock.now += 600
    refresh(open_pool(tmp_path, provider("a", server.url), clock=clock))
    clock.now -= 600
    server.models.append("new")
    assert refresh(open_pool(tmp_path, clock=clock)).models == 2
    assert seen(open_pool(tmp_path)).providers["a"].attempted_at == rfc3339(T0)
