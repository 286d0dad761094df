"""The layers of DESIGN ruling 15: who decides what a deployment can do and hold, and how origin tells it."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.deployment import Capabilities, DeclaredModel, Deployment, ModelFacts, ObservedModel
from llmpool.core.inventory import Probe
from llmpool.core.provider import Provider
from tests.unit.registry.layers import DEN, SKY, deployments

AT = "2026-11-21T03:44:00Z"


def sky(
    declared: dict[str, Any] | None = None,
    tried: dict[str, bool | None] | None = None,
    seen: dict[str, Any] | None = None,
    known: dict[str, Any] | None = None,
    name: str = "a",
    **layers: Any,
) -> Deployment:
    """Return sky's one model as declared, probed, observed and vendored with these; None is not at all."""
    return deployments(
        layers.pop("table", SKY),
        models=[] if declared is None else [DeclaredModel(id=f"sky/{name}", **declared)],
        observed={} if seen is None else {"sky": [ObservedModel(name=name, **seen)]},
        probes={}
        if tried is None
        else {"sky": [Probe(model=name, at=AT, capabilities=Capabilities(**tried))]},
        facts=lambda _, model: ModelFacts(**known) if known and model == name else None,
        **layers,
    )[f"sky/{name}"]


def tools(found: Deployment) -> tuple[bool | None, str]:
    """Return whether a deployment calls tools, and who says so."""
    return found.capabilities.tools, dict(found.origin)["tools"]


@pytest.mark.parametrize("said", [True, False])
def test_the_strongest_that_knows_decides(said: bool) -> None:
    """Owner, probe, observation, the provider's word, the table, name and format, each over all behind it."""
    no = not said
    vendored = {"capabilities": Capabilities(tools=no)}
    observed = {"capabilities": Capabilities(tools=no)}
    table = SKY.replace(supports_tools=no)
    owner = {"supports": (("tools", said),)}
    assert tools(sky(owner, {"tools": no}, observed, vendored, table=table)) == (said, "config")
    assert tools(sky({}, {"tools": said}, observed, vendored, table=table)) == (said, "probed")
    observed = {"capabilities": Capabilities(tools=said)}
    assert tools(sky({}, {"tools": None}, observed, vendored, table=table)) == (said, "observed")
    table = SKY.replace(supports_tools=said)
    assert tools(sky({}, None, {}, vendored, table=table)) == (said, "provider")
    vendored = {"capabilities": Capabilities(tools=said)}
    assert tools(sky({}, None, {}, vendored, name="gpt-4o")) == (said, "vendored")


def test_a_name_decides_before_the_format() -> None:
    """A name that tells is believed; else every chat model is taken to call tools, as its format can."""
    assert tools(sky({}, name="gpt-4o")) == (True, "name")
    assert tools(sky({}, name="o1-preview")) == (False, "name")
    assert tools(sky({})) == (True, "format")


def test_golden_38_what_names_tell() -> None:
    """Row 38: vision, tools and thinking by name; `completion` (codellama) is no capability here."""
    found = {
        each.model: each.capabilities
        for each in deployments(
            SKY,
            observed={"sky": ["gpt-4o", "o1-preview", "deepseek-reasoner", "llava:latest", "codellama:7b"]},
        ).values()
    }
    assert (found["gpt-4o"].images, found["gpt-4o"].tools) == (True, True)
    assert (found["o1-preview"].thinking, found["o1-preview"].tools) == (True, False)
    assert found["deepseek-reasoner"].thinking is True
    assert found["llava:latest"].images is True
    assert (found["codellama:7b"].images, found["codellama:7b"].thinking) == (False, None)


@pytest.mark.parametrize("name", ["embedding-bert-512-v1", "text-embedding-3-small", "dall-e-3"])
def test_golden_39_what_does_not_talk_can_nothing_else(name: str) -> None:
    """Row 39 and 6.7: not for chat, so none of a chat model's abilities; bge-m3 by its whole id may."""
    found = sky(None, None, {}, name=name).capabilities
    assert not any((found.chat, found.streaming, found.tools, found.images, found.thinking, found.json))
    assert (found.chat, found.json) == (False, False)
    assert sky(None, None, {}, name="BAAI/bge-m3").capabilities.chat is True
    assert sky(None, None, {}, name="claude-sonnet-4-6").capabilities.chat is True


def test_whoever_says_that_it_does_not_chat_silences_the_name() -> None:
    """A listing or the table may know an embedding model whose name says nothing."""
    silent = {"capabilities": Capabilities(chat=False)}
    for layer in ({"seen": silent}, {"seen": {}, "known": silent}):
        found = sky(name="gpt-4o-vectors", **layer).capabilities
        assert (found.chat, found.tools, found.images, found.streaming) == (False, False, False, False)


def test_a_probe_of_a_latest_model_holds_for_its_plain_name() -> None:
    """Ruling 18: `a` and `a:latest` are one model, whichever a probe was told."""
    probe = Probe(model="a:latest", at=AT, capabilities=Capabilities(images=True))
    found = deployments(DEN, models=[DeclaredModel(id="den/a")], probes={"den": [probe]})["den/a"]
    assert (found.capabilities.images, dict(found.origin)["images"]) == (True, "probed")


@pytest.mark.parametrize(
    ("declared", "seen", "known", "window", "origin"),
    [
        ({"context_window": 1}, {"loaded_context": 2}, {"context_window": 3}, 1, "config"),
        ({}, {"loaded_context": 2}, {"context_window": 3}, 2, "loaded"),
        ({}, {"max_context": 2}, {"context_window": 3}, 2, "maximum"),
        ({}, {}, {"context_window": 3}, 3, "vendored"),
        ({}, {}, {}, 4, "config of the same model"),
    ],
)
def test_a_vendored_window_fills_what_nobody_observed(
    declared: dict[str, Any], seen: dict[str, Any], known: dict[str, Any], window: int, origin: str
) -> None:
    """Owner, observed, vendored, then a twin's declaration: a table never beats a running server."""
    twin = DeclaredModel(id="den/a", context_window=4)
    found = deployments(
        DEN,
        SKY,
        models=[DeclaredModel(id="sky/a", **declared), twin],
        observed={"sky": [ObservedModel(name="a", **seen)]},
        facts=lambda provider, _: ModelFacts(**known) if provider.id == "sky" else None,
    )["sky/a"]
    assert (found.context_window, dict(found.origin)["context_window"]) == (window, origin)


def test_the_longest_answer_is_observed_vendored_or_known_by_name() -> None:
    """In this order; what nobody knows is 0 and limits nothing."""
    known = {"max_output": 7}
    for found, wanted in (
        (sky({}, None, {"max_output": 5}, known), (5, "observed")),
        (sky({}, None, {}, known), (7, "vendored")),
        (sky({}, name="gpt-5"), (128000, "name")),
        (sky({}), (0, "unknown")),
    ):
        assert (found.max_output, dict(found.origin)["max_output"]) == wanted


def test_models_are_looked_up_as_their_provider_calls_them() -> None:
    """The table is asked with the provider and the model's own name, once for each deployment."""
    asked: list[tuple[str, str]] = []

    def look_up(provider: Provider, model: str) -> None:
        asked.append((provider.id, model))

    deployments(DEN, SKY, observed={"den": ["a:8b"], "sky": ["x/y"]}, facts=look_up)
    assert asked == [("den", "a:8b"), ("sky", "x/y")]
