"""What failures leave on disk: rests, latencies, turns, shared by all runs (ruling 10, DESIGN 3.5)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.outcome import Failure
from llmpool.core.routing import Experience
from llmpool.router.cooldown import Cooldown, cool_provider
from llmpool.setup.roster import view
from llmpool.setup.statistics import statistics
from llmpool.state import health, jsonfile
from llmpool.usage.stats import Stats
from tests.edges.failing import NOW, Bench, failing
from tests.fakes import faults
from tests.fakes.exchange import Exchange

DOWN = faults.status(500)
REST = {"until": NOW + 60, "seconds": 60.0, "reason": "server"}


def keep(bench: Bench, **rests: Cooldown) -> None:
    """Store rests, under scopes written with `_` for `:` and `__` for `/`."""
    named = {name.replace("__", "/").replace("_", ":", 1): rest._asdict() for name, rest in rests.items()}
    health.update(bench.state, lambda state: state.cooldowns.update(named))


def test_14_the_only_provider_is_never_blocked(tmp_path: Path) -> None:
    """Row 14, ruling 10: with one provider enabled nothing is counted against it, however often it fails."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        bench.configure(b={"enabled": False})
        for _ in range(6):
            bench.ask()
        assert bench.rest("provider:a") == 0
        assert "provider:a" not in bench.health().cooldowns
        bench.configure()
        bench.now += 7200
        bench.ask()
        assert bench.health().cooldowns["provider:a"]["failures"] == 1


def test_22_three_failed_chains_rest_a_provider(tmp_path: Path) -> None:
    """Row 22 through the loop: a chain counts once however often it was repeated; the third rests 30 s."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        bench.configure(models=("a/x", "a/y", "a/z", "b/m"))
        came = bench.ask()
        assert len(came.tried) == 10
        entry = bench.health().cooldowns["provider:a"]
        assert (entry["failures"], entry["seconds"]) == (3, 30.0)
        facts = bench.pool().facts()
        assert facts.cooling["a"].startswith("rests after a server error, again at ")
        assert facts.free_at["a"] == entry["until"]
        assert set(facts.resting) == {"a/x", "a/y", "a/z"}


def test_a_failed_deployment_rests_before_the_next_one_answers(tmp_path: Path) -> None:
    """Others start meanwhile: they see the rest while this request is still being answered."""
    seen: list[float] = []

    def look(exchange: Exchange) -> None:
        seen.append(bench.rest("deployment:a/m"))
        faults.ok()(exchange)

    with Bench(tmp_path, a=failing(DOWN), b=[look]) as bench:
        bench.ask()
    assert seen == [60]


def test_success_forgets_deployment_key_and_provider(tmp_path: Path) -> None:
    """Ruling 10: a success clears its own three scopes and leaves all others."""
    with Bench(tmp_path, a=(), b=()) as bench:
        over = Cooldown(NOW - 1, 60, "server", 2, 0, NOW - 61)
        keep(bench, provider_a=over, deployment_a__m=over, key_a__none=over, deployment_b__m=over)
        assert bench.ask().by == "a/m"
        assert list(bench.health().cooldowns) == ["deployment:b/m"]


def test_a_rest_is_dropped_an_hour_after_its_end(tmp_path: Path) -> None:
    """Ruling 10: entries expire; the next record of anybody takes them out."""
    with Bench(tmp_path, a=(), b=()) as bench:
        keep(bench, deployment_b__m=Cooldown(NOW, 60, "server", 4, 0, NOW - 60))
        bench.now = NOW + 3599
        bench.ask()
        assert "deployment:b/m" in bench.health().cooldowns
        bench.now = NOW + 3600
        bench.ask()
        assert bench.health().cooldowns == {}


def test_32_latencies_average(tmp_path: Path) -> None:
    """Row 32: 100 ms then 200 ms are 130; a first failure of 100 ms counts double; both tries count."""
    with Bench(tmp_path, a=(), b=()) as bench:
        health.update(bench.state, lambda state: state.latency.update(a=100.0))
        came = bench.ask()
        assert came.journey is not None
        took = came.journey.latency_ms
        assert bench.health().latency["a"] == pytest.approx(0.7 * 100 + 0.3 * took, abs=0.06)
        bench.servers["b"].behave([DOWN])
        came = bench.ask("b/m")
        assert came.journey is not None
        assert bench.health().latency["b"] == sum(a.latency_ms for a in came.journey.attempts)
        bench.servers["a"].behave(failing(faults.status(400)))
        health.update(bench.state, lambda state: state.latency.clear())
        failed = bench.ask("a/m").error
        assert failed is not None
        assert bench.health().latency["a"] == 2 * failed.details["attempts"][0]["latency_ms"]


def test_twenty_at_once_lose_no_count(tmp_path: Path) -> None:
    """Failures that happen together are counted together."""
    failure = Failure(kind="server", message="x", status=500)

    def fail() -> None:
        def change(state: health.Health) -> None:
            state.cool("provider:a", lambda old: cool_provider(old, failure, NOW))
            state.latency["a"] = state.latency.get("a", 0.0) + 1

        health.update(tmp_path, change)

    together(fail)
    seen = health.read(tmp_path)
    assert (seen.cooldowns["provider:a"]["failures"], seen.latency["a"]) == (20, 20)


def test_twenty_at_once_share_no_turn(tmp_path: Path) -> None:
    """Round robin under the lock: each run is given a turn of its own, none is left out."""
    with Bench(tmp_path, a=(), b=()) as bench:
        taken: list[int] = []

        def take() -> None:
            pool = bench.pool()
            pool.take_turns(("m",))
            taken.append(pool.facts().cursors["m"])

        together(take)
        assert sorted(taken) == list(range(20))
        assert bench.health().cursors == {"m": 20}


def together(act: Any) -> None:
    """Do something twenty times at once."""
    threads = [threading.Thread(target=act) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_averages_that_cannot_be_written_cost_a_warning(tmp_path: Path) -> None:
    """Failover and answer go on; what could not be kept is said, and the rest is kept; usage is owed."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        bench.state.mkdir()
        (bench.state / "usage").write_text("in the way")
        (bench.state / "health.json.lock").mkdir()
        came = bench.ask()
        assert came.by == "b/m"
        assert [text.partition(":")[0] for text in came.warnings] == ["not recorded"]
        assert bench.decisions()[0]["outcome"]["served_by"] == "b/m"


def test_the_older_file_is_read_and_written_anew(tmp_path: Path) -> None:
    """Rests of the first version hold on; its entries get the new fields with the next failure."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        data = {"cooldowns": {"provider:a": REST | {"reason": "recent timeout"}}}
        jsonfile.update(bench.state / health.NAME, lambda _: data)
        assert bench.rest("provider:a") == 60
        assert bench.ask().tried == ["b/m"]
        bench.now += 61
        bench.ask("a/m")
        assert bench.health().cooldowns["provider:a"]["failures"] == 1


@pytest.mark.parametrize(
    "entry", [REST | {"failures": -1}, REST | {"passing": 1.5}, REST | {"at": "now"}, REST | {"until": 1e300}]
)
def test_a_foreign_rest_sets_the_file_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any]
) -> None:
    """What no version wrote is nobody's health."""
    monkeypatch.setattr(jsonfile, "_warning_hooks", [lambda _: None])
    (tmp_path / health.NAME).write_text(
        '{"version":1,"written_at":"","data":{"cooldowns":{"provider:a":'
        + str(entry).replace("'", '"')
        + "}}}"
    )
    assert health.read(tmp_path).cooldowns == {}


def all_of_a() -> health.Health:
    """Return the health of a provider all of whose scopes rest, and of another one."""
    made = health.Health(None)
    made.contact["a"] = {"at": NOW, "kind": "connect", "message": "refused"}
    for scope, reason in (
        ("provider:a", "server"),
        ("deployment:a/m", "server"),
        ("deployment:a/gone", "model_not_found"),
        ("key:a/x", "auth"),
        ("key:a/y", "quota"),
        ("provider:ab", "server"),
        ("key:ab/x", "auth"),
    ):
        made.cooldowns[scope] = REST | {"reason": reason}
    return made


def test_clearing_a_provider_clears_all_its_scopes(tmp_path: Path) -> None:
    """`providers clear`: contact, provider, keys and deployments, and nobody else's."""
    state = all_of_a()
    state.forget("a")
    assert list(state.cooldowns) == ["provider:ab", "key:ab/x"]
    assert state.contact == {}


def test_a_good_listing_clears_what_it_disproves(tmp_path: Path) -> None:
    """A refresh that succeeds: the provider is there, takes the key, has the models; limits stay limits."""
    state = all_of_a()
    state.listed("a")
    assert list(state.cooldowns) == ["deployment:a/m", "key:a/y", "provider:ab", "key:ab/x"]


def test_g19_how_a_provider_stands_is_listed_with_the_time_left(tmp_path: Path) -> None:
    """G19 tells a list of models `cooldown (4m59s remaining)`; DESIGN 3.1 has `providers list` tell it."""
    with Bench(tmp_path, a=(), b=()) as bench:
        keep(
            bench,
            deployment_a__m=Cooldown(NOW + 299.7, 300, "server", 2, 0, NOW),
            provider_b=Cooldown(NOW + 41, 120, "timeout", 3, 0, NOW),
            key_b__none=Cooldown(NOW + 3600, 3600, "auth", 1, 0, NOW),
        )
        rows = {row["id"]: row for row in view(bench.pool()).rows}
        assert [r["message"] for r in rows["a"]["resting"]] == ["m rests 5 min more after a server error"]
        assert (rows["b"]["state"], rows["b"]["reason"]) == ("down", "rests 41 s more after a time-out")
        assert rows["b"]["resting_until"] == rows["b"]["again_at"] == "2026-11-18T11:07:21Z"
        assert [r["message"] for r in rows["b"]["resting"]] == ["key none was refused, rests 60 min more"]


def test_unreachable_is_told_until_when(tmp_path: Path) -> None:
    """Ruling 2: the last contact failed to connect under 15 minutes ago; a clock set back ends it."""
    with Bench(tmp_path, a="http://127.0.0.1:9/v1", b=()) as bench:
        bench.ask()
        facts = bench.pool().facts()
        assert set(facts.unreachable) == {"a"}
        assert facts.free_at["a"] == pytest.approx(bench.now + 900)
        bench.now -= 10
        assert bench.pool().facts().unreachable == {}


def test_g5_experience_that_is_put_in_place_makes_nobody_rest(tmp_path: Path) -> None:
    """G5 of catalog-registry-router 8, case 14: 9 good and 5 bad are known of two, and nobody is cooling.

    There each counts 8 requests, which makes the total of 16; here what is remembered is outcomes (9 and 5),
    and requests are counted from usage records, of which there are none. `usage.stats` has the rest of G5.
    """
    with Bench(tmp_path, primary=(), backup=()) as bench:
        seen = {"primary/m": Experience(7, 1, 3200, 2), "backup/m": Experience(2, 4, 24_000, 2)}
        health.update(bench.state, lambda state: state.experience.update(seen))
        told = statistics(bench.pool(), Stats())
        assert (told["cooldowns"], told["total_requests"]) == ({}, 0)
        assert told["experience"] == {ref: each._asdict() for ref, each in seen.items()}
        assert bench.ask().by == "primary/m"
