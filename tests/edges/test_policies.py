"""setup.policies: what a decision means, planned, previewed and carried out as one change."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.config.paths import Paths
from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.policy import Policy
from llmpool.errors import AmbiguousName, Busy, Misuse, UnknownName
from llmpool.pool import Pool, open_pool
from llmpool.setup.policies import Change, Plan, Wish, carry_out, plan_clear, plan_replace, plan_set
from llmpool.setup.targets import literal
from llmpool.state import inventory, policy

CONFIG = """
[providers.den]
preset = "ollama"
url = "http://127.0.0.1:9"
[providers.sky]
format = "openai"
url = "http://127.0.0.1:9/v1"
[[models]]
id = "sky/gpt-5"
aliases = ["best"]
"""
START = 1_800_000_000.0
AT, LATER = "2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z"
OFF = Wish(state="inactive")
LISTED = {"den": ("llama3:latest", "qwen3:8b", "twin"), "sky": ("gpt-4", "gpt-4-turbo", "twin")}


class Clock:
    """A clock that stands until it is moved."""

    now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(tmp_path: Path, clock: Clock) -> Pool:
    """Open a pool of two providers that were listed."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    made = open_pool(Paths(config, tmp_path / "state", tmp_path / "secrets.json"), env={}, clock=clock)
    observe(made, **LISTED)
    return made


def observe(pool: Pool, **models: tuple[str, ...]) -> None:
    """Put what providers list into the inventory."""
    seen = [
        ProviderInventory(
            provider=name,
            attempted_at=AT,
            fetched_at=AT,
            models=tuple(ObservedModel(name=model) for model in found),
        )
        for name, found in models.items()
    ]
    inventory.update(pool.paths.state, seen)
    pool.forget()


def targets(plan: Plan) -> list[str]:
    return [change.target for change in plan.changes]


def stored(pool: Pool) -> dict[str, Policy]:
    return policy.read(pool.paths.state)


def test_a_decision_is_about_an_id(pool: Pool) -> None:
    """Ids, aliases, names that one deployment carries and `:latest` all mean the one id (ruling 1)."""
    refs = ["den", "best", "gpt-4", "llama3", "den/qwen3:8b", "den"]
    assert targets(plan_set(pool, refs, OFF)) == [
        "den",
        "sky/gpt-5",
        "sky/gpt-4",
        "den/llama3:latest",
        "den/qwen3:8b",
    ]
    with pytest.raises(AmbiguousName):
        plan_set(pool, ["twin"], OFF)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["den", "sky"]),
        ("s*", ["sky"]),
        ("sky/gpt-4*", ["sky/gpt-4", "sky/gpt-4-turbo"]),
        ("*/twin", ["den/twin", "sky/twin"]),
        ("den/*", ["den/llama3:latest", "den/qwen3:8b", "den/twin"]),
        ("*/llama3", ["den/llama3:latest"]),
        ("d?n/[lq]*", ["den/llama3:latest", "den/qwen3:8b"]),
    ],
)
def test_patterns_mean_providers_or_deployments(pool: Pool, pattern: str, expected: list[str]) -> None:
    """Without a slash a pattern means providers; with one each half must match."""
    assert targets(plan_set(pool, [pattern], OFF)) == expected


def test_a_pattern_that_means_nothing_is_no_decision(pool: Pool) -> None:
    """It ends with 3, and where a slash was forgotten it says so."""
    with pytest.raises(UnknownName, match="nothing matches"):
        plan_set(pool, ["*/lama*"], OFF)
    with pytest.raises(UnknownName) as forgotten:
        plan_set(pool, ["gpt*"], OFF)
    assert forgotten.value.hint == "without a slash it means providers; models of any provider: '*/gpt*'"


def test_a_pattern_that_means_several_is_shown_first(pool: Pool) -> None:
    """One that means a single target is as good as its name; names need no preview, however many."""
    assert plan_set(pool, ["sky/gpt-4*"], OFF).broad
    assert not plan_set(pool, ["sky/gpt-4-*"], OFF).broad
    assert not plan_set(pool, ["sky/gpt-4", "den", "sky"], OFF).broad
    carry_out(pool, plan_set(pool, ["*"], OFF))
    assert plan_clear(pool, ["*"]).broad
    assert plan_clear(pool, [], every=True).broad
    assert not plan_clear(pool, ["den", "sky"]).broad


def test_a_pattern_means_gone_ones_that_are_decided_about(pool: Pool) -> None:
    """What is absent but decided about is changed with the rest, and comes back no other way."""
    carry_out(pool, plan_set(pool, ["sky/gpt-4-turbo"], Wish(routable=False)))
    observe(pool, sky=("gpt-4",))
    assert targets(plan_set(pool, ["sky/gpt-4*"], OFF)) == ["sky/gpt-4", "sky/gpt-4-turbo"]


def test_a_pattern_is_one_whatever_a_server_calls_its_models(pool: Pool) -> None:
    """A model called `*` disarms no pattern: it is one of those that are meant, and shown with them."""
    observe(pool, sky=("*", "gpt-4", "m[1]", "m1"))
    every = ["sky/*", "sky/gpt-4", "sky/gpt-5", "sky/m1", "sky/m[1]"]
    plan = plan_set(pool, ["sky/*"], OFF)
    assert (targets(plan), plan.broad) == (every, True)
    assert targets(plan_set(pool, ["sky/m[1]"], OFF)) == ["sky/m1", "sky/m[1]"]
    assert literal("sky/m[1]*?") == "sky/m[[]1][*][?]"
    for name in ("sky/*", "sky/m[1]"):
        assert targets(plan_set(pool, [literal(name)], OFF)) == [name]
    carry_out(pool, plan)
    assert targets(plan_clear(pool, ["sky/*"])) == every
    assert targets(plan_clear(pool, [literal("sky/*")])) == ["sky/*"]


def test_a_plan_says_what_was_and_what_will_be(pool: Pool, clock: Clock) -> None:
    """Nothing is written by a plan; carried out it is one change, field by field."""
    first = plan_set(pool, ["sky/gpt-4*"], Wish(state="flagged", reason="watch"))
    assert stored(pool) == {}
    carry_out(pool, first)
    clock.now += 60
    plan = plan_set(pool, ["sky/*"], Wish(routable=False))
    watched = Policy(state="flagged", reason="watch", updated_at=AT)
    assert plan.changes[0] == Change("sky/gpt-4", watched, watched.replace(routable=False, updated_at=LATER))
    assert plan.changes[2] == Change("sky/gpt-5", None, Policy(routable=False, updated_at=LATER))
    assert carry_out(pool, plan).changes == plan.changes
    assert stored(pool) == {change.target: change.after for change in plan.changes}


def test_a_plan_is_carried_out_on_what_is_there_by_then(pool: Pool) -> None:
    """Decisions that others took after the preview are merged with, not written over."""
    plan = plan_set(pool, ["sky/gpt-4*"], OFF)
    carry_out(pool, plan_set(pool, ["sky/gpt-4", "den"], Wish(routable=False, reason="dear")))
    done = carry_out(pool, plan)
    assert done.changes[0].after == Policy(state="inactive", routable=False, reason="dear", updated_at=AT)
    assert stored(pool)["den"] == Policy(routable=False, reason="dear", updated_at=AT)


@pytest.mark.parametrize(
    ("wish", "hint"),
    [
        (Wish(), "say --state"),
        (Wish(state="Inactive"), "did you mean inactive?"),
        (Wish(state="asleep"), "one of: active, inactive, flagged"),
        (Wish(reason="because"), "say --state"),
    ],
)
def test_what_decides_nothing_is_refused(pool: Pool, wish: Wish, hint: str) -> None:
    """4.3: a state is one of three, case matters, and a reason needs something it is the reason of."""
    with pytest.raises(Misuse) as refused:
        plan_set(pool, ["den"], wish)
    assert hint in refused.value.hint
    assert stored(pool) == {}


def test_a_state_is_trimmed_and_a_reason_can_follow(pool: Pool) -> None:
    """4.3: parsing trims; with a decision in place its reason alone can change. A reason is one line."""
    carry_out(pool, plan_set(pool, ["den"], Wish(state=" inactive ")))
    carry_out(pool, plan_set(pool, ["den"], Wish(reason=" mo\u202eving\n\n\tout\r\n")))
    assert stored(pool) == {"den": Policy(state="inactive", reason="moving out", updated_at=AT)}


def test_inactive_beats_routable(pool: Pool) -> None:
    """4.3: promoting what is inactive changes nothing, and the plan says so."""
    carry_out(pool, plan_set(pool, ["sky/gpt-4"], OFF))
    notes = plan_set(pool, ["sky/gpt-4"], Wish(routable=True)).notes
    assert notes == ("sky/gpt-4 stays inactive; to lift that too: --state active",)


def test_unlisted_ids_may_be_decided_about(pool: Pool) -> None:
    """Ruling 1: policy accepts unlisted ids, with a note; a slip of the finger needs --force."""
    plan = plan_set(pool, ["den/zephyr"], OFF)
    assert plan.notes == ("den does not list zephyr now; it holds when it does",)
    with pytest.raises(UnknownName) as slip:
        plan_set(pool, ["den/qwen3:9b"], OFF)
    assert slip.value.hint == "did you mean den/qwen3:8b?    or as it is spelled: --force"
    assert targets(plan_set(pool, ["den/qwen3:9b"], OFF, force=True)) == ["den/qwen3:9b"]
    for ref in ("attic", "attic/m"):
        with pytest.raises(UnknownName):
            plan_set(pool, [ref], OFF)
        assert targets(plan_set(pool, [ref], OFF, force=True)) == [ref]
    for ref in ("den/", "/m", "bad\x1b/m", "den/\nm"):
        with pytest.raises(UnknownName):
            plan_set(pool, [ref], OFF, force=True)


def test_a_provider_that_was_never_listed_contradicts_nothing(pool: Pool) -> None:
    """Whatever is decided about its models may be right."""
    inventory.update(pool.paths.state, [], gone=["den"])
    pool.forget()
    notes = plan_set(pool, ["den/qwen3:9b"], OFF).notes
    assert notes == ("den/qwen3:9b is not known at den yet; it holds when it is",)


def test_one_model_has_one_policy(pool: Pool) -> None:
    """Ruling 18: what was decided about `a` before it was listed as `a:latest` is what changes later."""
    inventory.update(pool.paths.state, [], gone=["den"])
    pool.forget()
    carry_out(pool, plan_set(pool, ["den/llama3"], Wish(state="flagged", reason="new")))
    observe(pool, **LISTED)
    for ref in ("den/llama3:latest", "llama3", "den/llama*"):
        carry_out(pool, plan_set(pool, [ref], OFF))
    assert stored(pool) == {"den/llama3": Policy(state="inactive", reason="new", updated_at=AT)}
    assert targets(plan_clear(pool, ["den/llama3:latest"])) == ["den/llama3"]


def test_clear_works_on_what_is_gone(pool: Pool) -> None:
    """4.3 [rec], ruling 19: a retained policy can be cleared while its deployment is absent."""
    carry_out(pool, plan_set(pool, ["den/qwen3:8b", "den/twin", "sky"], OFF))
    observe(pool, den=())
    done = carry_out(pool, plan_clear(pool, ["den/qwen3:8b"]))
    assert done.changes == (Change("den/qwen3:8b", Policy(state="inactive", updated_at=AT), None),)
    carry_out(pool, plan_clear(pool, ["den/*"]))
    assert list(stored(pool)) == ["sky"]
    carry_out(pool, plan_clear(pool, [], every=True))
    assert stored(pool) == {}


def test_clearing_what_is_not_decided_is_no_error(pool: Pool) -> None:
    """G1: there is nothing to do, and it says so; a name nobody knows is one (3)."""
    plan = plan_clear(pool, ["den"])
    assert (plan.changes, plan.notes) == ((), ("nothing is decided about den",))
    assert plan_clear(pool, [], every=True).notes == ("nothing is decided about anything",)
    with pytest.raises(AmbiguousName):
        plan_clear(pool, ["twin"])
    for ref in ("dem", "x*"):
        with pytest.raises(UnknownName):
            plan_clear(pool, [ref])
    for refs, every in (([], False), (["den"], True)):
        with pytest.raises(Misuse):
            plan_clear(pool, refs, every=every)


def test_replacing_keeps_the_times_of_equal_decisions(pool: Pool, clock: Clock) -> None:
    """4.2: the same policies applied again change nothing; what differs gets a time."""
    carry_out(pool, plan_set(pool, ["den", "sky"], OFF))
    clock.now += 60
    before = stored(pool)
    assert not plan_replace(pool, before).broad
    untimed = {name: each.replace(updated_at="") for name, each in before.items()}
    assert not plan_replace(pool, untimed).moved
    edited = before | {"den": before["den"].replace(state="flagged"), "sky/gpt-4": Policy(routable=False)}
    carry_out(pool, plan_replace(pool, edited))
    assert stored(pool) == {
        "den": Policy(state="flagged", updated_at=LATER),
        "sky": Policy(state="inactive", updated_at=AT),
        "sky/gpt-4": Policy(routable=False, updated_at=LATER),
    }
    restored = plan_replace(pool, {"den": Policy(state="inactive", updated_at="2020-01-01T00:00:00Z")})
    assert [(c.target, c.after and c.after.updated_at) for c in restored.changes] == [
        ("den", "2020-01-01T00:00:00Z"),
        ("sky", None),
        ("sky/gpt-4", None),
    ]


def test_replacing_retains_absent_ids(pool: Pool) -> None:
    """4.3: ids are not checked; entries for what is absent are kept, and named."""
    plan = plan_replace(pool, {"attic/m": Policy(state="inactive"), "den": Policy(state="flagged")})
    assert plan.notes == ("not there now, to hold when they are: attic/m",)
    carry_out(pool, plan)
    assert list(stored(pool)) == ["attic/m", "den"]


def test_replacing_loses_nothing_that_was_decided_meanwhile(pool: Pool) -> None:
    """A decision that the preview did not show is not wiped out: the run ends with 75."""
    plan = plan_replace(pool, {"den": Policy(state="flagged")})
    carry_out(pool, plan_set(pool, ["sky"], OFF))
    with pytest.raises(Busy):
        carry_out(pool, plan)
    assert list(stored(pool)) == ["sky"]


def test_g1_the_generation_moves_with_each_decision(pool: Pool, clock: Clock) -> None:
    """G1 from the flag on: one up for what differs, the time included; clear works on what is absent."""
    start: int = pool.routing["generation"]

    def after(wish: Wish) -> int:
        carry_out(pool, plan_set(pool, ["den/twin"], wish))
        now: int = pool.routing["generation"]
        return now - start

    assert after(Wish(state="flagged")) == 1
    assert after(Wish(routable=True)) == 2
    assert after(Wish(routable=True)) == 2
    clock.now += 60
    assert after(Wish(routable=True)) == 3
    observe(pool, den=())
    assert pool.routing["generation"] - start == 4
    assert stored(pool)["den/twin"] == Policy(state="flagged", routable=True, updated_at=LATER)
    observe(pool, den=LISTED["den"])
    assert pool.routing["generation"] - start == 5
    back = next(each for each in pool.registry.deployments if each.id == "den/twin")
    assert (back.routable, back.routable_source) == (True, "overlay")
    carry_out(pool, plan_clear(pool, ["den/qwen3:8b"]))
    assert pool.routing["generation"] - start == 5
