"""Whatever is declared, observed and tabled: the owner's word stands, and order decides nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.deployment import CAPABILITIES, Capabilities, DeclaredModel, ModelFacts, ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.registry import Registry
from llmpool.registry import official
from tests.unit.registry.layers import DEN, SKY, registry

QUICK = settings(max_examples=25)
NAMES = st.sampled_from(["a", "a:latest", "b", "gpt-4o", "llava", "text-embedding-3", "x-cloud", "o/c:8b"])
TABLES = st.sampled_from(["dynamic", "catalog"])
SIZES = st.sampled_from([0, 0, 1, 4096, 131072])
ABLE = st.builds(Capabilities, **dict.fromkeys(CAPABILITIES, st.none() | st.booleans()))
SEEN = st.builds(
    ObservedModel,
    name=NAMES,
    family=st.sampled_from(["", "llama", "llava"]),
    capabilities=ABLE,
    context_window=SIZES,
    max_context=SIZES,
    loaded_context=SIZES,
    remote=st.booleans(),
)
OWNED = st.builds(
    DeclaredModel,
    id=st.tuples(st.sampled_from(["den", "sky"]), NAMES).map("/".join),
    quality=st.none() | st.integers(0, 10),
    context_window=st.none() | SIZES,
    supports=st.dictionaries(st.sampled_from(["tools", "images", "streaming"]), st.booleans()).map(
        lambda given: tuple(given.items())
    ),
)
LINES = st.lists(SEEN, max_size=4, unique_by=lambda line: line.name)
WORDS = st.lists(st.sampled_from(["chat", "vision", "function_call", "thinking", "json", "odd"]), max_size=4)
ENTRIES = st.lists(
    st.fixed_dictionaries({"id": NAMES, "context_window": SIZES, "max_output": SIZES, "capabilities": WORDS}),
    max_size=4,
    unique_by=lambda entry: entry["id"],
)
LAYERS = st.fixed_dictionaries(
    {
        "models": st.lists(OWNED, max_size=4, unique_by=lambda model: model.id),
        "observed": st.fixed_dictionaries({"den": LINES, "sky": LINES}),
        "official": st.dictionaries(st.sampled_from(["ollama", "sky"]), ENTRIES).map(
            lambda models: official.read({"models": models})
        ),
        "facts": (st.none() | st.builds(ModelFacts, context_window=SIZES, capabilities=ABLE)).map(
            lambda known: lambda *_: known
        ),
    }
)


def build(den: str, sky: str, layers: dict[str, Any]) -> Registry:
    """Build a registry of a local and a cloud provider of these metadata modes."""
    return registry(DEN.replace(metadata=den), SKY.replace(metadata=sky), **layers)


@QUICK
@given(TABLES, TABLES, LAYERS)
def test_nothing_overrules_the_owner(den: str, sky: str, layers: Any) -> None:
    """No listing, table, name or format gives or takes what the owner decided; nor his window and ratings."""
    made = {each.id: each for each in build(den, sky, layers).deployments}
    for model in layers["models"]:
        found = made[model.id]
        for name, said in model.supports:
            assert getattr(found.capabilities, name) is said
            assert dict(found.origin)[name] == "config"
        assert not model.context_window or found.context_window == model.context_window
        assert model.quality is None or found.ratings.quality == model.quality


@QUICK
@given(TABLES, TABLES, LAYERS, st.randoms(use_true_random=False))
def test_the_order_of_lines_decides_nothing(den: str, sky: str, layers: Any, random: Any) -> None:
    """Providers list in any order they like; the same lines are the same registry, in the order of ids."""
    made = build(den, sky, layers).deployments
    shuffled = {name: random.sample(lines, len(lines)) for name, lines in layers["observed"].items()}
    models = random.sample(layers["models"], len(layers["models"]))
    assert build(den, sky, layers | {"observed": shuffled, "models": models}).deployments == made
    assert [each.id for each in made] == sorted(each.id for each in made)


@QUICK
@given(TABLES, TABLES, LAYERS)
def test_a_catalog_lists_models_only_where_it_was_asked_for(den: str, sky: str, layers: Any) -> None:
    """Ruling 7: elsewhere it fills in and adds nothing; and it makes nobody local."""
    modes = {"den": den, "sky": sky}
    with_it = {each.id: each for each in build(den, sky, layers).deployments}
    without = {each.id: each for each in build(den, sky, layers | {"official": official.NOTHING}).deployments}
    assert {name for name in with_it if modes[split_ref(name)[0]] == "dynamic"} == {
        name for name in without if modes[split_ref(name)[0]] == "dynamic"
    }
    for name in with_it.keys() & without.keys():
        assert (with_it[name].location, with_it[name].source) == (
            without[name].location,
            without[name].source,
        )


@QUICK
@given(LAYERS)
def test_a_table_never_beats_what_was_observed(layers: Any) -> None:
    """A listing's yes or no, and a size it tells, stand against both tables, with any name."""
    made = {each.id: each for each in build("dynamic", "dynamic", layers | {"models": []}).deployments}
    for provider, lines in layers["observed"].items():
        for line in lines:
            found = made[f"{provider}/{line.name}"]
            for name, said in line.capabilities.as_dict().items():
                assert said is None or getattr(found.capabilities, name) is said
            told = line.loaded_context or line.context_window or line.max_context
            assert not told or found.context_window == told
