"""What is pulled and removed to reach the declared state: reconcile-resolve 9-11 and C13 under ruling 18."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.config import Config, Group, Profile, Routing
from llmpool.core.deployment import DeclaredModel, ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.names import latest
from llmpool.core.provider import Provider
from llmpool.core.registry import Catalog
from llmpool.registry.reconcile import Plan, Side, declaration_order, is_same, one_name, plan, sides

AT = "2026-11-21T03:44:00Z"
NOTHING = Plan((), (), (), ())


def catalog(*declared: str, pull: Iterable[str] = (), prune: bool = True, **config: object) -> Catalog:
    """Make the catalog of the providers u1 and u2 with these declared models."""
    models = tuple(DeclaredModel(id=ref, pull=ref in set(pull)) for ref in declared)
    providers = tuple(
        Provider(
            id=name, name=name, preset="ollama", format="ollama", format_mode="", url="", location="local"
        )
        for name in ("u1", "u2")
    )
    made = Config(path="", models=models, **config)  # type: ignore[arg-type]
    return Catalog(config=made, providers=tuple(p.replace(prune=prune) for p in providers), models=models)


def seen(provider: str, *names: str, **facts: str) -> ProviderInventory:
    """Make the last listing of a provider."""
    models = tuple(ObservedModel(name=name) for name in names)
    return ProviderInventory(
        **{"provider": provider, "attempted_at": AT, "fetched_at": AT, "models": models} | facts  # type: ignore[arg-type]
    )


def planned(known: Catalog, *listings: ProviderInventory) -> Plan:
    """Plan for both providers."""
    inventory = Inventory(providers={entry.provider: entry for entry in listings})
    return plan(sides(known, inventory, ("u1", "u2")), declaration_order(known))


def test_what_is_missing_is_pulled_in_the_order_of_its_declaration() -> None:
    """C12: a:1 is there, c:1 and b:1 are declared and missing; the order is that of the config."""
    declared = ("u1/a:1", "u2/z:1", "u1/c:1", "u1/b:1")
    found = planned(catalog(*declared, pull=declared), seen("u1", "a:1"), seen("u2"))
    assert found == NOTHING._replace(pulls=("u2/z:1", "u1/c:1", "u1/b:1"))


def test_only_what_shall_be_pulled_is_pulled() -> None:
    """A declaration alone rates a model; `pull = true` is what keeps it there."""
    assert planned(catalog("u1/a", "u1/b", pull=["u1/b"]), seen("u1")).pulls == ("u1/b",)


def test_the_undeclared_is_removed_where_its_owner_says_so() -> None:
    """C13: lists [a:1, x:1], declared [a:1]: x:1 goes where `prune = true`, and stays everywhere else."""
    listings = (seen("u1", "a:1", "x:1"), seen("u2", "x:1"))
    assert planned(catalog("u1/a:1"), *listings) == NOTHING._replace(removals=("u1/x:1",))
    assert planned(catalog("u1/a:1", prune=False), *listings) == NOTHING._replace(kept=("u1/x:1",))


@pytest.mark.parametrize(
    ("declared", "listed"),
    [
        ("a", "a:latest"),
        ("a:latest", "a"),
        ("library/a", "a:latest"),
        ("registry.ollama.ai/library/a:1", "a:1"),
        ("https://registry.ollama.ai/library/a", "a:latest"),
        ("Qwen3:8B", "qwen3:8b"),
        ("hf.co/Org/Model-GGUF", "hf.co/Org/Model-GGUF:latest"),
        ("google/gemma-4@q4_k_m", "google/gemma-4"),
    ],
)
def test_one_model_in_two_spellings_is_one(declared: str, listed: str) -> None:
    """C13, the hazard: declaring `a` where `a:latest` is listed neither deletes nor fetches it, ever."""
    known = catalog(f"u1/{declared}", pull=[f"u1/{declared}"])
    assert planned(known, seen("u1", listed)) == NOTHING
    assert is_same(declared, listed)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("a:1", "a:2"), ("a", "a:1"), ("x/a", "a")])
def test_two_models_are_two(one: str, other: str) -> None:
    """Another tag, or another owner, is another model."""
    assert not is_same(one, other)


@pytest.mark.parametrize(
    "entry",
    [
        seen("u1", "x:1", error="connection refused", stale_since=AT),
        seen("u1", "x:1", error="status 500"),
        seen("u1", "x:1", stale_since=AT),
        seen("u1", fetched_at=""),
    ],
)
def test_a_listing_that_is_not_good_decides_nothing(entry: ProviderInventory) -> None:
    """A failed, stale or missing listing neither removes nor pulls; what is wanted there is said."""
    known = catalog("u1/a:1", pull=["u1/a:1"])
    assert planned(known, entry) == NOTHING._replace(unlisted=("u1",))
    assert planned(known) == NOTHING._replace(unlisted=("u1",))
    assert planned(catalog("u1/a:1"), entry) == NOTHING


def test_where_nothing_is_declared_nothing_is_undeclared() -> None:
    """Section 9 [A]: a declared set that is empty deleted everything there; here it deletes nothing."""
    assert planned(catalog("u2/a"), seen("u1", "x:1", "y:1"), seen("u2", "a")) == NOTHING


def test_what_the_config_names_elsewhere_stays() -> None:
    """Default and recovery model, fallbacks, profiles and groups are the owner's word as well."""
    known = catalog(
        "u1/a",
        default_model="u1/default",
        recovery_model="recover:1",
        routing=Routing(fallbacks=("u1/fall",)),
        profiles=(Profile(name="p", model="u1/profile:2"),),
        groups=(Group(name="g", models=("u1/grouped", "team-*")), Group(name="all")),
    )
    names = ("a", "default:latest", "recover:1", "fall", "profile:2", "grouped", "team-7:1", "x:1", "fallow")
    assert planned(known, seen("u1", *names)).removals == ("u1/x:1", "u1/fallow")


NAMES = st.sampled_from(["a", "a:latest", "A", "b", "b:1", "c", "library/c", "x", "y:2"])


@given(st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=5), st.booleans())
def test_what_was_done_is_done(
    wanted: list[str], declared: list[str], listed: list[str], prune: bool
) -> None:
    """After pulls and removals there is nothing left to do: no model is fetched and deleted in turn."""
    side = Side("u1", (*wanted, *declared), tuple(wanted), tuple(dict.fromkeys(listed)), prune)
    first = plan([side])
    gone = {ref.removeprefix("u1/") for ref in first.removals}
    came = [latest(ref.removeprefix("u1/")) for ref in first.pulls]
    again = plan([side._replace(listed=(*(name for name in listed if name not in gone), *came))])
    assert (again.pulls, again.removals) == ((), ())
    assert not {one_name(ref) for ref in first.pulls} & {one_name(ref) for ref in first.removals}
    assert len({one_name(ref) for ref in first.pulls}) == len(first.pulls)
