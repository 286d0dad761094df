"""Inventory, policy and prices over the catalog (catalog-registry-router 3-4, rulings 5, 6, 15, 18, 19)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.deployment import Capabilities, DeclaredModel, Deployment, ObservedModel
from llmpool.core.policy import Policy
from llmpool.core.price import FREE, Price
from llmpool.core.routing import HARD
from llmpool.registry.compiled import row
from tests.unit.registry.layers import DEN, SKY, deployments, discovered_as


def den(
    declared: dict[str, Any] | None = None, seen: dict[str, Any] | None = None, **layers: Any
) -> Deployment:
    """Return den/a as declared with *declared* and observed with *seen*; None is not at all."""
    models = [] if declared is None else [DeclaredModel(id="den/a", **declared)]
    observed = {} if seen is None else {"den": [ObservedModel(name="a", **seen)]}
    return deployments(DEN, models=[*models, *layers.pop("models", [])], observed=observed, **layers)["den/a"]


def test_declared_and_observed_are_one_deployment() -> None:
    """What the owner declares and the provider lists is one, with source config."""
    both = deployments(DEN, models=[DeclaredModel(id="den/a")], observed={"den": ["a", "b"]})
    assert list(both) == ["den/a", "den/b"]
    assert [each.source for each in both.values()] == ["config", "discovered"]
    assert both["den/a"].declared
    assert both["den/a"].observed


@pytest.mark.parametrize(("declared", "listed"), [("a", "a:latest"), ("a:latest", "a")])
def test_a_and_a_latest_are_one_model(declared: str, listed: str) -> None:
    """Ruling 18: either spelling finds the other, and the owner's is the id."""
    found = deployments(DEN, models=[DeclaredModel(id=f"den/{declared}")], observed={"den": [listed]})
    assert list(found) == [f"den/{declared}"]
    assert found[f"den/{declared}"].observed


@pytest.mark.parametrize(("declared", "spoken"), [("a", "a:latest"), ("a:latest", "a")])
def test_a_default_is_the_declared_model_however_it_is_spelt(declared: str, spoken: str) -> None:
    """Else there were a second one beside it that knows nothing of what its owner switched off."""
    models, ref = [DeclaredModel(id=f"den/{declared}", supports=(("tools", False),))], f"den/{spoken}"
    named: dict[str, Any] = {"default_model": ref} | discovered_as("routable", fallbacks=(ref,))
    for listed in ("a", "a:latest"):
        found = deployments(DEN, models=models, observed={"den": [listed]}, **named)
        assert {each.id: each.capabilities.tools for each in found.values()} == {f"den/{declared}": False}


def test_another_tag_is_another_model() -> None:
    """Only the implied tag is left out; `a:8b` stays apart."""
    found = deployments(DEN, models=[DeclaredModel(id="den/a")], observed={"den": ["a:8b"]})
    assert list(found) == ["den/a", "den/a:8b"]
    assert found["den/a"].observed is None


@pytest.mark.parametrize(("said", "is_"), [("den/a:latest", "den/a"), ("den/a", "den/a:latest")])
def test_policy_and_price_hold_for_either_spelling(said: str, is_: str) -> None:
    """Ruling 18: what was decided about `a:latest` still binds when the config calls it `a`."""
    policies, prices = (
        {said: Policy(state="inactive")},
        {"sky/a:latest": Price(input="1", output="2", source="x")},
    )
    found = deployments(
        DEN, SKY, models=[DeclaredModel(id=is_), DeclaredModel(id="sky/a")], policies=policies, prices=prices
    )
    assert found[is_].blocked == "inactive by policy"
    assert found["sky/a"].price is not None


def test_a_declared_model_that_is_not_listed_stays() -> None:
    """3.4: missing upstream changes nothing about a configured deployment."""
    found = deployments(DEN, models=[DeclaredModel(id="den/a")], observed={"den": ["b"]})["den/a"]
    assert (found.routable, found.blocked, found.observed) == (True, "", None)


@pytest.mark.parametrize(
    ("declared", "seen", "window", "origin"),
    [
        (
            {"context_window": 8192},
            {"context_window": 1, "loaded_context": 2, "max_context": 3},
            8192,
            "config",
        ),
        ({}, {"context_window": 1, "loaded_context": 2, "max_context": 3}, 2, "loaded"),
        ({}, {"context_window": 1, "max_context": 3}, 1, "observed"),
        ({}, {"loaded_context": 2, "max_context": 3}, 2, "loaded"),
        ({}, {"max_context": 3}, 3, "maximum"),
        ({"context_window": 0}, {"max_context": 3}, 3, "maximum"),
        ({}, {}, 65536, "config of the same model"),
        ({}, None, 65536, "config of the same model"),
    ],
)
def test_the_first_known_context_window_counts(
    declared: dict[str, int], seen: dict[str, int] | None, window: int, origin: str
) -> None:
    """Config, loaded, what runs, maximum, the same name declared elsewhere; 0 is unknown.

    1.6 puts the loaded window behind the observed one; but it is the real one, so it comes first here.
    """
    twin = DeclaredModel(id="sky/a", context_window=65536)
    found = deployments(
        DEN,
        SKY,
        models=[DeclaredModel(id="den/a", **declared), twin],
        observed={} if seen is None else {"den": [ObservedModel(name="a", **seen)]},
    )["den/a"]
    assert (found.context_window, dict(found.origin)["context_window"]) == (window, origin)


def test_a_window_nobody_knows_is_zero() -> None:
    """Unknown stays unknown; no provider default is made up (ruling 15)."""
    assert (den({}).context_window, dict(den({}).origin)["context_window"]) == (0, "unknown")


def test_golden_g6_the_override_stands_beside_what_was_observed() -> None:
    """G6: window override 8192 over loaded 4096 and maximum 131072 is 8192, and the others stay readable."""
    found = den({"context_window": 8192}, {"loaded_context": 4096, "max_context": 131072})
    assert found.context_window == 8192
    assert found.observed is not None
    assert (found.observed.loaded_context, found.observed.max_context) == (4096, 131072)


@pytest.mark.parametrize(
    ("declared", "seen", "provider", "tools", "origin"),
    [
        ({"supports": (("tools", False),)}, True, True, False, "config"),
        ({"supports": (("tools", True),)}, False, False, True, "config"),
        ({}, False, True, False, "observed"),
        ({}, None, False, False, "provider"),
        ({}, None, None, True, "format"),
    ],
)
def test_the_first_that_knows_a_capability_decides(
    declared: dict[str, Any], seen: bool | None, provider: bool | None, tools: bool, origin: str
) -> None:
    """Ruling 15: the owner, observation, the provider's table, the name, the format; origin tells."""
    observed = {"den": [ObservedModel(name="a", capabilities=Capabilities(tools=seen))]}
    table = DEN.replace(supports_tools=provider)
    models = [DeclaredModel(id="den/a", **declared)]
    found = deployments(table, models=models, observed=observed)["den/a"]
    assert (found.capabilities.tools, dict(found.origin)["tools"]) == (tools, origin)


def test_the_name_decides_what_nobody_said() -> None:
    """Images by name or family, no chat for an embedding model, json and the like unknown."""
    observed = {"den": ["llava", "text-embedding-3-small", ObservedModel(name="m", family="llava")]}
    found = deployments(DEN, observed=observed)
    assert found["den/llava"].capabilities.images is True
    assert found["den/m"].capabilities.images is True
    assert dict(found["den/llava"].origin)["images"] == "name"
    embedder = found["den/text-embedding-3-small"].capabilities
    assert (embedder.chat, embedder.tools, embedder.embeddings) == (False, False, True)
    assert found["den/m"].capabilities.json is None
    assert dict(found["den/m"].origin)["json"] == "unknown"


def test_what_a_provider_reports_outranks_the_name() -> None:
    """Row 39 rejects embedding-bert-512-v1 even if flagged chat; ruling 15 puts observation above names.

    The readers of listings apply row 39 themselves, so nothing they report is flagged so.
    """
    flagged = ObservedModel(name="embedding-bert-512-v1", capabilities=Capabilities(chat=True))
    assert (
        deployments(DEN, observed={"den": [flagged]})["den/embedding-bert-512-v1"].capabilities.chat is True
    )


@pytest.mark.parametrize(("word", "blocked"), [("routable", ""), ("explicit", "only by name")])
def test_how_discovered_deployments_take_part_is_the_owners_choice(word: str, blocked: str) -> None:
    """Ruling 6: routable from the start, or only by name until promoted; declared ones always are."""
    found = deployments(
        DEN, models=[DeclaredModel(id="den/mine")], observed={"den": ["a"]}, **discovered_as(word)
    )
    assert found["den/a"].blocked == blocked
    assert found["den/a"].routable is (not blocked)
    assert found["den/mine"].blocked == ""


@pytest.mark.parametrize(
    ("declared", "name", "weak"),
    [
        (None, "smollm2:135m", True),
        (None, "llama3.2:3b", False),
        (None, "llama3.2:1b", True),
        ({"quality": 1}, "smollm2:135m", False),
    ],
)
def test_only_weak_models_nobody_rated_are_last_resorts(
    declared: dict[str, int] | None, name: str, weak: bool
) -> None:
    """Ruling 6: below auto_min_quality (4) a discovered model waits; declared quality is the owner's word."""
    models = [] if declared is None else [DeclaredModel(id=f"den/{name}", **declared)]
    assert deployments(DEN, models=models, observed={"den": [name]})[f"den/{name}"].last_resort is weak


def test_the_line_below_which_models_are_last_resorts_can_be_moved() -> None:
    """auto_min_quality 5 makes a 3B model one."""
    found = deployments(DEN, observed={"den": ["x:3b"]}, **discovered_as("routable", auto_min_quality=5))
    assert found["den/x:3b"].last_resort


def flags(found: Deployment) -> int:
    """Return the flags of a deployment's row."""
    return row(found, {"den": 0, "sky": 1}).flags


def test_an_inactive_deployment_answers_only_by_name() -> None:
    """4.3: excluded from automatic routing with its reason, and not hard."""
    found = den({}, policies={"den/a": Policy(state="inactive", reason="too slow")})
    assert found.blocked == "inactive by policy: too slow"
    assert not flags(found) & HARD


def test_an_inactive_provider_is_refused_even_by_name() -> None:
    """Ruling 19: the block is hard, for each of its deployments."""
    found = den({}, policies={"den": Policy(state="inactive", reason="moved out")})
    assert found.blocked == "provider inactive by policy: moved out"
    assert flags(found) & HARD


def test_a_reason_cannot_make_a_soft_block_hard() -> None:
    """The owner's words are quoted behind ours, never taken for them."""
    assert not flags(den({}, policies={"den/a": Policy(state="inactive", reason="provider disabled")})) & HARD


def test_flagged_is_only_a_label() -> None:
    """4.3: same as active, for providers and deployments."""
    found = den({}, policies={"den/a": Policy(state="flagged"), "den": Policy(state="flagged")})
    assert (found.blocked, found.policy.state, found.provider_policy.state) == ("", "flagged", "flagged")


def test_an_overlay_promotes_and_demotes() -> None:
    """4.3: routable=true brings a discovered one in, routable=false takes a declared one out; both say so."""
    promoted = den(None, {}, policies={"den/a": Policy(routable=True)}, **discovered_as("explicit"))
    demoted = den({}, policies={"den/a": Policy(routable=False)})
    assert (promoted.routable, promoted.blocked) == (True, "")
    assert (demoted.routable, demoted.blocked) == (False, "not routable by policy")
    assert promoted.routable_source == demoted.routable_source == "overlay"
    assert den({}).routable_source == "default"


def test_inactive_beats_routable() -> None:
    """4.3: promotion does not wake what was put to sleep."""
    found = den({}, policies={"den/a": Policy(state="inactive", routable=True)})
    assert found.blocked == "inactive by policy"


def test_a_disabled_provider_blocks_hard() -> None:
    """Ruling 19: `enabled = false` is no candidate and not callable by name."""
    found = deployments(DEN.replace(enabled=False), models=[DeclaredModel(id="den/a")])["den/a"]
    assert found.blocked == "provider disabled"
    assert flags(found) & HARD


def test_allowed_models_are_globs_and_bind() -> None:
    """Only what matches a pattern is usable, case counts, and the implied tag does not."""
    table = SKY.replace(allowed_models=("gpt-5*", "plain"))
    found = deployments(table, observed={"sky": ["gpt-5-mini", "GPT-5", "o3", "plain:latest"]})
    blocked = {each.model: each.blocked for each in found.values()}
    refused = "not in allowed_models"
    assert blocked == {"gpt-5-mini": "", "GPT-5": refused, "o3": refused, "plain:latest": ""}
    assert flags(found["sky/o3"]) & HARD


def test_16_an_empty_list_allows_all() -> None:
    """Row 16 of pool-routing-formats 15: still routable; a list of two allows these two."""
    for allowed, refused in (((), set()), (("gpt-4o-mini", "gpt-5.3-codex"), {"sky/o3"})):
        found = deployments(
            SKY.replace(allowed_models=allowed), observed={"sky": ["gpt-4o-mini", "o3", "gpt-5.3-codex"]}
        )
        assert {each.id for each in found.values() if each.blocked} == refused


def test_models_the_config_names_exist_without_a_declaration() -> None:
    """A default, recovery or fallback model nobody listed is there, callable only by name."""
    routing = discovered_as("routable", fallbacks=("sky/third",))
    found = deployments(DEN, SKY, default_model="sky/first", recovery_model="den/second", **routing)
    assert {each.id: each.blocked for each in found.values()} == dict.fromkeys(
        ("den/second", "sky/first", "sky/third"), "only by name"
    )


def test_a_named_model_that_is_listed_is_like_any_other() -> None:
    """Being the default takes nothing away: once observed it is routable."""
    assert den(None, {}, default_model="den/a").blocked == ""


@pytest.mark.parametrize("seen", [ObservedModel(name="a", remote=True), ObservedModel(name="a:120b-cloud")])
def test_a_model_forwarded_elsewhere_is_cloud_at_a_local_provider(seen: ObservedModel) -> None:
    """Ruling 5: it is not local, not free and has no price until one is known."""
    found = deployments(DEN, observed={"den": [seen]})[f"den/{seen.name}"]
    assert (found.location, found.price, found.ratings.cost_tier) == ("cloud", None, 1)


def test_local_models_are_free_and_cloud_models_cost_what_is_known() -> None:
    """Ruling 16: local costs 0; elsewhere the price steers the cost tier."""
    price = Price(input="2", output="8", source="test")
    found = deployments(
        DEN, SKY, observed={"den": ["a"], "sky": ["a", "b"]}, prices={"sky/a": price, "den/a": price}
    )
    assert (found["den/a"].price, found["den/a"].ratings.cost_tier) == (FREE, 0)
    assert (found["sky/a"].price, found["sky/a"].ratings.cost_tier) == (price, 2)
    assert found["sky/b"].price is None


def test_deployments_come_in_id_order() -> None:
    """The router's last tie-break is id order, whatever provider and spelling they come from."""
    found = deployments(SKY, DEN, observed={"sky": ["b", "A", "a"], "den": ["z", "a:8b", "a"]})
    assert list(found) == ["den/a", "den/a:8b", "den/z", "sky/A", "sky/a", "sky/b"]


def test_origin_says_which_ratings_are_the_owners() -> None:
    """A rating is from config where it was declared, else a default."""
    origin = dict(den({"quality": 9}).origin)
    assert (origin["quality"], origin["speed"]) == ("config", "default")
