"""Whatever providers and models there are: what is compiled reads back equal, resolving never raises."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.deployment import CAPABILITIES, Capabilities, DeclaredModel, ModelFacts, ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.inventory import Inventory, Probe
from llmpool.core.policy import STATES, Policy
from llmpool.core.price import Price
from llmpool.core.provider import KeyRef, Params, RateLimit
from llmpool.core.record import plain
from llmpool.core.registry import Registry
from llmpool.registry import compiled, readback, resolve
from llmpool.registry.generation import essence
from llmpool.state import compiled as kept
from tests.unit.registry.layers import DEN, SKY, inventory, probed, registry

QUICK = settings(max_examples=8)
NAMES = st.text("abqz-./:8é", min_size=1, max_size=6)
WORDS = st.text(max_size=5)
MAYBE = st.none() | st.booleans()
RATING = st.none() | st.integers(0, 10)
SIZES = st.integers(0, 2**20)
MONEY = st.decimals(0, 1000, places=4).map(str)

LIMITS = st.builds(RateLimit, rpm=st.none() | SIZES, tpd=st.none() | SIZES, reset_tz=WORDS)
KEYS = st.builds(
    KeyRef,
    label=WORDS,
    source=st.sampled_from(["env", "command"]),
    env=WORDS,
    command=st.tuples(WORDS, WORDS),
)
PARAMS = st.builds(Params, temperature=st.none() | st.floats(0, 2), max_tokens=st.none() | SIZES)
PAIRS = st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple)
OWNERS = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "priority": st.integers(0, 100),
        "keys": st.lists(KEYS, max_size=2).map(tuple),
        "headers": PAIRS,
        "rate_limit": st.none() | LIMITS,
        "params": PARAMS,
        "allowed_models": st.lists(NAMES, max_size=2).map(tuple),
        "timeout": st.none() | st.floats(0, 600),
        "supports_tools": MAYBE,
        "location": st.sampled_from([None, "local", "cloud"]),
    },
)
ABLE = st.builds(Capabilities, **dict.fromkeys(CAPABILITIES, MAYBE))
SEEN = st.builds(
    ObservedModel,
    name=NAMES,
    family=WORDS,
    parameter_size=st.sampled_from(["", "8B", "135M", "?"]),
    state=st.sampled_from(["", "loaded"]),
    capabilities=ABLE,
    context_window=SIZES,
    max_context=SIZES,
    remote=st.booleans(),
)
DECLARED = st.builds(
    DeclaredModel,
    id=st.tuples(st.sampled_from(["den", "sky", "openai"]), NAMES).map("/".join),
    quality=RATING,
    cost_tier=st.none() | st.integers(0, 3),
    context_window=st.none() | SIZES,
    supports=st.lists(st.tuples(st.sampled_from(["tools", "images"]), st.booleans()), max_size=2).map(tuple),
    aliases=st.lists(NAMES, max_size=2).map(tuple),
)
POLICIES = st.dictionaries(
    st.sampled_from(["den", "sky", "den/a", "sky/b"]),
    st.builds(Policy, state=st.none() | st.sampled_from(STATES), routable=MAYBE, reason=WORDS),
    max_size=3,
)
PROBES = st.dictionaries(
    st.sampled_from(["den", "sky"]),
    st.lists(
        st.builds(
            Probe,
            model=NAMES,
            at=st.sampled_from(["2026-11-21T03:44:00Z", "2026-11-01T03:44:00Z"]),
            available=MAYBE,
            capabilities=ABLE,
        ),
        max_size=3,
    ),
)
FACTS = st.none() | st.builds(ModelFacts, context_window=SIZES, max_output=SIZES, capabilities=ABLE)
OBSERVED = st.dictionaries(
    st.sampled_from(["den", "sky"]), st.lists(SEEN, max_size=3, unique_by=lambda m: m.name)
)
LAYERS = st.fixed_dictionaries(
    {
        "models": st.lists(DECLARED, max_size=3, unique_by=lambda m: m.id),
        "observed": OBSERVED,
        "policies": POLICIES,
        "probes": PROBES,
        "facts": FACTS.map(lambda known: lambda *_: known),
        "prices": st.dictionaries(
            st.sampled_from(["sky/a", "sky/b"]), st.builds(Price, input=MONEY, output=MONEY, source=WORDS)
        ),
    }
)


def build(den: dict[str, Any], sky: dict[str, Any], layers: dict[str, Any]) -> Registry:
    """Build a registry of two providers with these fields."""
    return registry(DEN.replace(**den), SKY.replace(**sky), **layers)


def seen_in(layers: dict[str, Any]) -> Inventory:
    """Return the inventory that *layers* were made of."""
    return probed(inventory(layers["observed"]), layers["probes"])


def through_json(document: dict[str, Any]) -> dict[str, Any]:
    """Write and read a document, as the state directory does."""
    return dict(json.loads(json.dumps(document | {"generation": 3})))


@QUICK
@given(OWNERS, OWNERS, LAYERS)
def test_the_routing_document_reads_back_equal(den: Any, sky: Any, layers: Any) -> None:
    """Every row and every provider is the same value after JSON, so hot commands see what was compiled."""
    made = build(den, sky, layers)
    read = through_json(compiled.routing_document(made, seen_in(layers)))
    place = {provider.id: n for n, provider in enumerate(made.catalog.providers)}
    assert readback.table(read).rows == [compiled.row(each, place) for each in made.deployments]
    assert readback.table(read).routing == made.catalog.config.routing
    assert tuple(map(readback.provider, read["providers"])) == made.catalog.providers


@QUICK
@given(OWNERS, LAYERS)
def test_compiling_is_repeatable(den: Any, layers: Any) -> None:
    """The same layers make the same documents: a generation moves only for a difference."""
    seen = seen_in(layers)
    one, two = build(den, {}, layers), build(den, {}, layers)
    assert plain(one) == plain(two)
    assert compiled.routing_document(one, seen) == compiled.routing_document(two, seen)
    assert compiled.listing_document(one, seen) == compiled.listing_document(two, seen)


@QUICK
@given(OWNERS, OWNERS, LAYERS)
def test_what_is_kept_is_what_a_fresh_compile_gives(den: Any, sky: Any, layers: Any) -> None:
    """registry.json and routing.json read back equal to compiling anew, whatever there is to compile."""
    seen, policies = seen_in(layers), layers["policies"]
    with TemporaryDirectory() as directory:
        state = Path(directory)
        stamp = kept.stamps(state / "config.toml", state)
        ids = [each.id for each in build(den, sky, layers).deployments]
        written = kept.write(state, stamp, lambda _: compile_anew(den, sky, layers), ids)
        assert written[kept.ROUTING]["generation"] == 1
        fresh = compile_anew(den, sky, layers)
        for name in (kept.ROUTING, kept.LISTING):
            read = kept.read(state, name, stamp)
            assert read is not None
            assert read.items() >= plain(fresh[name]).items()
        text = kept.read_listing(state, stamp)
        assert json.loads(f"[{text}]") == plain(fresh[kept.LISTING]["models"])
        assert (state / kept.IDS).read_text(encoding="utf-8", errors="surrogateescape").splitlines() == ids
        touched = kept.stamps(state / "other.toml", state)
        again = kept.write(state, touched, lambda _: compile_anew(den, sky, layers), ids)
        assert again[kept.LISTING]["generation"] == 1, "nothing has changed"
    assert essence(build(den, sky, layers), seen, policies) == fresh[kept.ROUTING]["essence"]


def compile_anew(den: Any, sky: Any, layers: Any) -> dict[str, dict[str, Any]]:
    """Compile both documents of fresh layers."""
    made, seen = build(den, sky, layers), seen_in(layers)
    return {
        kept.ROUTING: compiled.routing_document(made, seen, layers["policies"]),
        kept.LISTING: compiled.listing_document(made, seen),
    }


@QUICK
@given(OWNERS, LAYERS)
def test_every_layer_is_in_the_registry(den: Any, layers: Any) -> None:
    """Ids are unique and in order, each declared model is there, each observed one under one of its names."""
    made = build(den, {}, layers)
    ids = [each.id for each in made.deployments]
    assert ids == sorted(set(ids))
    assert {model.id for model in layers["models"]} <= set(ids)
    for provider, lines in layers["observed"].items():
        for line in lines:
            name = f"{provider}/{line.name}"
            assert {name, f"{name}:latest", name.removesuffix(":latest")} & set(ids)


@QUICK
@given(OWNERS, LAYERS)
def test_a_deployment_is_what_its_parts_say(den: Any, layers: Any) -> None:
    """Id, source, window and price hang together for every deployment."""
    for each in build(den, {}, layers).deployments:
        assert (each.provider, each.model) == split_ref(each.id)
        assert (each.source == "config") == (each.declared is not None)
        assert each.context_window >= 0
        assert dict(each.origin).keys() >= {*CAPABILITIES, "context_window", "max_output"}
        assert each.location == "cloud" or (each.price is not None and each.price.source == "local")
        assert not (each.last_resort and each.declared and each.declared.quality is not None)


@QUICK
@given(LAYERS, NAMES | st.text(max_size=8))
def test_looking_a_name_up_finds_or_explains(layers: Any, ref: str) -> None:
    """An id finds itself, any text finds a list, and the error for nothing can always be built."""
    made = build({}, {}, layers)
    table = readback.table(through_json(compiled.routing_document(made, inventory({}))))
    for row in table.rows:
        assert resolve.find(row.id, table) == [row]
    if not resolve.find(ref, table):
        known = {row.id for row in table.rows} | set(table.aliases.values())
        assert set(resolve.unknown(ref, table).details["candidates"]) <= known
