"""setup.simulate: recorded decisions under another policy, config or strategy, and what that comes to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.policy import Policy
from llmpool.core.routing import Experience, RouteRequest
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.router.route import route
from llmpool.router.strategy import take_turn
from llmpool.setup.compared import Comparison
from llmpool.setup.simulate import Setting, pairs, simulate
from llmpool.state import health
from tests.edges.recorded import FLEET, NOW, SINCE, UNTIL, line, outcome, plant, pool_in

NO_DEN = Setting(policies={"den": Policy(state="inactive", reason="moved")})


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Open a pool with three decisions: two easy ones and a hard one."""
    made = pool_in(tmp_path)
    plant(
        made,
        line(1, outcome=outcome()),
        line(2, outcome=outcome(tokens=None)),
        line(3, "sky/big", complexity="complex", outcome=outcome("sky/big")),
    )
    return made


def tried(pool: Pool, *keys: str, policies: dict[str, Policy] | None = None) -> Comparison:
    return simulate(pool, [Setting(policies, pairs(list(keys)))], SINCE, UNTIL)


def test_another_policy(pool: Pool) -> None:
    """Who is chosen instead under other policies, and the difference in cost and quality."""
    told = simulate(pool, [NO_DEN], SINCE, UNTIL).as_json()
    assert (told["decisions"], told["changed"]) == (3, 2)
    assert told["moves"] == [{"from": "den/small", "to": "sky/mid", "decisions": 2}]
    assert told["not_eligible"] == {"today": 0, "other": 0, "became": 0, "reasons": []}
    assert (told["cost"]["decisions"], told["cost"]["unpriced"], told["cost"]["uncounted"]) == (0, 2, 1)
    assert told["quality"] == {"today": 5.7, "other": 7.0, "difference": 1.3, "decisions": 3}


def test_a_rule_about_prices_binds_here_as_in_routing(pool: Pool) -> None:
    """`policy.unpriced = "deny"` is nothing that is used up: who has no price is chosen here neither."""
    rule = pairs(["policy.unpriced=deny"])
    told = simulate(pool, [Setting(keys=rule)], SINCE, UNTIL).as_json()
    assert told["moves"] == [{"from": "sky/mid", "to": "den/small", "decisions": 1}]
    nobody = simulate(pool, [Setting(NO_DEN.policies, rule)], SINCE, UNTIL).as_json()["not_eligible"]
    assert (nobody["other"], nobody["became"]) == (3, 3)


@pytest.mark.parametrize(("more", "denies"), [((), True), (("on_exceed=warn",), False), (("tag=x",), False)])
def test_a_budget_over_everything_keeps_out_what_has_no_price(
    pool: Pool, more: tuple[str, ...], denies: bool
) -> None:
    """As it does in routing, where nothing is said about calls of unknown price."""
    fields = ("limit=5", "per=day", *more)
    keys = tuple(pair for field in fields for pair in pairs([f"budgets.all.{field}"]))
    told = simulate(pool, [Setting(keys=keys)], SINCE, UNTIL).as_json()
    moved = [{"from": "sky/mid", "to": "den/small", "decisions": 1}]
    assert told["moves"] == (moved if denies else [])


def test_what_differs_already_today_is_told_apart(pool: Pool) -> None:
    """The hard one would go to sky/mid today in any case: that is no effect of the change."""
    told = simulate(pool, [NO_DEN], SINCE, UNTIL).as_json()
    assert told["since_recorded"] == 1
    assert {"from": "sky/big", "to": "sky/mid", "decisions": 1} not in told["moves"]


def test_the_present_policies_change_nothing(pool: Pool) -> None:
    """Under the setting that is in force no decision differs, whatever was recorded."""
    told = tried(pool, policies={}).as_json()
    assert (told["changed"], told["moves"], told["quality"]["difference"]) == (0, [], 0.0)


def test_another_config(pool: Pool) -> None:
    """Keys are set as `config set` would, one after another, and nothing but in memory."""
    assert tried(pool, "routing.mode=cloud").changed() == 2
    assert tried(pool, "providers.den.enabled=false").changed() == 2
    assert tried(pool, "models.sky/mid.quality=3", "models.sky/mid.cost_tier=3").as_json()["moves"] == [
        {"from": "sky/mid", "to": "den/small", "decisions": 1}
    ]
    assert tried(pool, "routing.strategy=cost").as_json()["moves"] == [
        {"from": "sky/mid", "to": "den/small", "decisions": 1}
    ]


def test_what_a_request_asked_for_itself_stays(pool: Pool) -> None:
    """A request with a mode or a strategy of its own is not moved by the config's."""
    plant(pool, line(4, asks={"mode": "local", "strategy": "score"}), line(5))
    told = tried(pool, "routing.mode=cloud", "routing.strategy=cost").as_json()
    assert (told["decisions"], told["changed"]) == (5, 3)
    assert {each["from"]: each["to"][:4] for each in told["moves"]} == {"den/small": "sky/"}


def test_decisions_that_find_nobody(pool: Pool) -> None:
    """A decision that nobody may answer any more is counted with the reason, and costs nothing."""
    plant(pool, line(4, asks={"local_only": True}))
    told = simulate(pool, [NO_DEN], SINCE, UNTIL).as_json()
    assert told["not_eligible"]["became"] == 1
    assert {"from": "den/small", "to": None, "decisions": 1} in told["moves"]
    (reason,) = told["not_eligible"]["reasons"]
    assert reason["decisions"] == 1
    assert reason["reason"] == "provider inactive by policy (moved)" or "not local" in reason["reason"]


def test_names_that_are_gone_find_nobody_at_either_end(pool: Pool) -> None:
    """A model that is gone is no effect of the change; an unlisted one is no candidate of other requests."""
    plant(pool, line(4, "x/y", {"model": "nosuch"}), line(5, "den/new", {"model": "den/new"}))
    told = simulate(pool, [NO_DEN], SINCE, UNTIL).as_json()
    assert told["not_eligible"] == {
        "today": 1,
        "other": 2,
        "became": 1,
        "reasons": [
            {"reason": "den/new: refused, provider den is inactive by policy: moved", "decisions": 1}
        ],
    }
    assert {each["to"] for each in told["moves"]} == {"sky/mid", None}


def test_latency_is_what_was_experienced(pool: Pool) -> None:
    """Expected latency is the deployments' average so far, where both ends have one."""

    def seen(state: health.Health) -> None:
        state.experience |= {"den/small": Experience(9, 0, 500, 0), "sky/mid": Experience(9, 0, 2000, 0)}

    health.update(pool.paths.state, seen)
    told = simulate(pool, [NO_DEN], SINCE, UNTIL).as_json()
    assert told["latency_ms"] == {"today": 1000.0, "other": 2000.0, "difference": 1000.0, "decisions": 3}


def test_a_moment_does_not_count(pool: Pool) -> None:
    """Who rests or is out of reach just now is neither in today's replay nor in the other."""

    def out(state: health.Health) -> None:
        rest = {"until": NOW + 30, "seconds": 60.0, "reason": "connect"}
        state.cooldowns |= {"provider:den": rest, "deployment:den/small": rest}
        state.contact["den"] = {"at": NOW, "kind": "connect", "message": "refused"}

    before = tried(pool, "routing.mode=cloud").as_json()
    health.update(pool.paths.state, out)
    pool.forget()
    assert tried(pool, "routing.mode=cloud").as_json() == before


def test_taking_turns(pool: Pool) -> None:
    """With round robin the turns move on from decision to decision, as they would have."""
    plant(pool, *(line(n) for n in range(10, 19)))
    moves = tried(pool, "routing.strategy=round_robin").as_json()["moves"]
    chosen = {each["to"]: each["decisions"] for each in moves if each["from"] == "den/small"}
    assert sum(chosen.values()) == 7  # of 11 easy ones; it was the turn of den/small itself four times
    assert sorted(chosen.values()) == [3, 4]


@pytest.mark.parametrize("strategy", ["cost", "priority", "round_robin"])
def test_turns_go_round_as_they_do_in_fact(pool: Pool, strategy: str) -> None:
    """Of as many alike decisions as there are turns, each deployment gets what it gets from real counters."""
    changed = pool_in(pool.paths.config.parent, FLEET + f'\n[routing]\nstrategy = "{strategy}"\n')
    table, cursors, real = changed.table, dict[str, int](), Counter[str]()
    for _ in range(12):
        decision = route(
            RouteRequest(query="hello"), table, changed.facts().replace(cursors=cursors)
        ).decision
        cursors = take_turn(cursors, decision.turns)[1]
        real[decision.selected] += 1
    plant(changed, *(line(n, "x/y", at="2027-01-03T00:00:00.000Z") for n in range(12)))
    found = simulate(changed, [Setting(policies={})], SINCE, "2027-01-04T00:00:00Z")
    assert {course.ends[1]: each.decisions for course, each in found.courses.items()} == real


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([], Misuse, "nothing is to be tried"),
        (["routing.mode"], Misuse, "has no value"),
        (["routing.mode=elsewhere"], Misuse, "--set routing.mode=elsewhere: "),
        (["routing.moed=local"], UnknownName, "there is no key routing.moed"),
        (["routing=x"], Misuse, "is a table"),
        (["providers=x"], Misuse, "is a table"),
        (["routing.strategy=best"], Misuse, "--set routing.strategy=best: "),
        (["providers.den.nosuch=1"], UnknownName, "there is no key"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be(pool: Pool, words: list[str], error: type, message: str) -> None:
    """A setting with a mistake is refused before anything is compared, in the words of `config set`."""
    with pytest.raises(error, match=message):
        tried(pool, *words)


def test_a_span_and_lines_that_tell_too_little(pool: Pool) -> None:
    """Only the span counts; lines that are torn or without features are left out, and counted."""
    plant(
        pool,
        line(7, at="2026-12-31T00:00:00.000Z"),
        line(8) | {"request": {}},
        line(9) | {"id": 1},
    )
    found = simulate(pool, [NO_DEN], SINCE, UNTIL)
    assert found.decisions == 3
    assert found.skipped == {"its features are not all recorded": 1, "it could not be read": 1}


def test_nothing_is_changed(pool: Pool) -> None:
    """No file of config or state is written, and none is added, the compiled registry included."""

    def files() -> list[tuple[str, int, int]]:
        found = (path for path in pool.paths.config.parent.rglob("*") if path.is_file())
        return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found)

    before = files()
    tried(pool, "routing.mode=cloud", "models.sky/mid.quality=3", policies={"sky": Policy(state="inactive")})
    assert files() == before
    assert pool.config.routing.mode == "auto"


def test_alike_decisions_are_made_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand requests of a thousand sizes cost as many decisions as there are kinds of them."""
    from llmpool import decide

    plant(pool, *(line(n, asks={"context_size": n}) for n in range(100, 1100)))
    made: list[Any] = []
    real = decide.choose
    monkeypatch.setattr(decide, "choose", lambda *args: (made.append(1), real(*args))[1])
    assert simulate(pool, [NO_DEN], SINCE, UNTIL).decisions == 1003
    assert len(made) <= 8


def test_a_fleet_without_anything_recorded(tmp_path: Path) -> None:
    """Nothing recorded is nothing changed, and nothing known of cost, latency or quality."""
    told = tried(pool_in(tmp_path, FLEET), "routing.mode=cloud").as_json()
    assert (told["decisions"], told["changed"], told["moves"]) == (0, 0, [])
    assert told["cost"]["today"] is None
    assert told["quality"] == {"today": None, "other": None, "difference": None, "decisions": 0}


def test_strategies_are_tried_over_one_compiled_pool(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand deployments are compiled once for all of them; for other policies once more."""
    from llmpool.registry import compiled as module

    compiled = Counter[int]()
    real = module.routing_document
    monkeypatch.setattr(module, "routing_document", lambda *a: (compiled.update([0]), real(*a))[1])
    several = [Setting(keys=(("routing.strategy", name),)) for name in ("cost", "value", "priority")]
    simulate(pool, several, SINCE, UNTIL)
    assert compiled[0] == 1
    simulate(pool, [NO_DEN], SINCE, UNTIL)
    tried(pool, "routing.discovered=explicit")
    assert compiled[0] == 5


def test_a_limit_on_the_cost_counts_the_price_of_a_long_prompt(tmp_path: Path) -> None:
    """Tiers of a price bind in a simulation as they do in a decision; whoever is too dear has one reason."""
    pool = pool_in(
        tmp_path, '[providers.google]\n[[models]]\nid = "google/gemini-2.5-pro"\n', {"GEMINI_API_KEY": "k"}
    )
    asked = [
        {"context_size": size, "max_cost": "0.5", "max_tokens": 10} for size in (190_000, 210_000, 220_000)
    ]
    plant(pool, *(line(n, asks=each) for n, each in enumerate(asked)))
    told = tried(pool, "routing.strategy=cost").as_json()
    assert told["not_eligible"]["today"] == 2


def test_a_limit_that_is_no_amount_is_left_out(pool: Pool) -> None:
    """A line that somebody has written by hand costs itself alone."""
    plant(pool, line(4, asks={"max_cost": "much"}), line(5, asks={"max_cost": "1E-7"}))
    found = simulate(pool, [NO_DEN], SINCE, UNTIL)
    assert (found.decisions, found.skipped) == (4, {"max_cost is not what it should be": 1})
