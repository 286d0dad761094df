"""Names of the config whose target is gone upstream, each with the nearest replacement."""

from __future__ import annotations

from typing import Any

from llmpool.core.config import ProviderTable, Routing
from llmpool.core.deployment import DeclaredModel
from llmpool.core.inventory import Inventory
from llmpool.core.policy import Policy
from llmpool.registry import compiled
from llmpool.registry.dead import DeadName, dead_names, in_words, news
from tests.unit.registry.layers import DEN, SKY, inventory, listing, registry


def dead(*tables: ProviderTable, seen: Inventory, **layers: Any) -> list[DeadName]:
    """List the dead names of a registry that was made of *seen*."""
    observed = {name: entry.models for name, entry in seen.providers.items()}
    return list(dead_names(registry(*tables, observed=observed, **layers), seen))


def alias(target: str, *names: str) -> list[DeclaredModel]:
    return [DeclaredModel(id=target, aliases=names)]


def test_an_alias_of_a_model_that_is_no_longer_listed_is_dead() -> None:
    """The nearest is the one most like it; an alias whose target is there is well, under either spelling."""
    declared = [*alias("den/qwen3:8b", "small", "tiny"), *alias("den/phi4", "phi")]
    seen = inventory({"den": ["qwen3:14b", "mistral:7b", "phi4:latest"]})
    assert dead(DEN, seen=seen, models=declared) == [
        DeadName("small", "alias", "den/qwen3:8b", "den/qwen3:14b"),
        DeadName("tiny", "alias", "den/qwen3:8b", "den/qwen3:14b"),
    ]


def test_default_recovery_and_fallbacks_die_likewise() -> None:
    """Each says in which part it was meant; one that stands for an alias tells the deployment."""
    seen = inventory({"den": ["qwen3:8b"], "sky": ["gpt-x"]})
    found = dead(
        DEN,
        SKY,
        seen=seen,
        models=alias("sky/gpt-w", "big"),
        default_model="big",
        recovery_model="den/qwen2:8b",
        routing=Routing(fallbacks=("sky/gpt-x", "den/llama9")),
    )
    assert found == [
        DeadName("big", "alias", "sky/gpt-w", "sky/gpt-x"),
        DeadName("big", "default_model", "sky/gpt-w", "sky/gpt-x"),
        DeadName("den/qwen2:8b", "recovery_model", "den/qwen2:8b", "den/qwen3:8b"),
        DeadName("den/llama9", "fallback", "den/llama9", ""),
    ]


def test_only_a_healthy_listing_can_declare_a_name_dead() -> None:
    """A provider that failed, was never asked, or is read in the catalog only, may well have the model."""
    declared = alias("den/a", "x")
    failed = Inventory(providers={"den": listing("den", ["b"], error="refused")})
    assert dead(DEN, seen=failed, models=declared) == []
    assert dead(DEN, seen=inventory({}), models=declared) == []
    assert dead(DEN.replace(metadata="catalog"), seen=inventory({"den": []}), models=declared) == []
    assert dead(DEN, seen=inventory({"den": []}), models=declared) == [DeadName("x", "alias", "den/a", "")]


def test_a_bare_name_is_dead_when_everybody_was_asked() -> None:
    """While one enabled provider has not told what it has, the name may turn up there."""
    asked = inventory({"den": ["b"], "sky": []})
    assert dead(DEN, SKY, seen=asked, default_model="a") == [DeadName("a", "default_model", "a", "")]
    assert dead(DEN, SKY, seen=inventory({"den": ["b"]}), default_model="a") == []
    off = SKY.replace(enabled=False)
    assert len(dead(DEN, off, seen=inventory({"den": ["b"]}), default_model="a")) == 1
    assert dead(DEN, SKY, seen=asked, default_model="b") == []


def test_a_local_model_is_replaced_by_a_local_one() -> None:
    """What ran at home is not pointed at a cloud while another machine at home has something like it."""
    seen = inventory({"den": ["qwen3:14b-instruct"], "sky": ["qwen3:8b"]})
    assert dead(DEN, SKY, seen=seen, models=alias("den/qwen3:8b", "q"))[0].nearest == "den/qwen3:14b-instruct"
    seen = inventory({"den": ["moondream"], "sky": ["qwen3:8b"]})
    assert dead(DEN, SKY, seen=seen, models=alias("den/qwen3:8b", "q"))[0].nearest == "sky/qwen3:8b"


def test_nobody_is_sent_to_what_cannot_answer() -> None:
    """An embedding model, an inactive deployment or another one that is gone stands in for nobody."""
    seen = inventory({"sky": ["qwen3-embedding", "qwen3-9b"]})
    declared = [*alias("sky/qwen3-8b", "q"), DeclaredModel(id="sky/qwen3-8")]
    off = {"sky/qwen3-9b": Policy(state="inactive")}
    assert dead(SKY, seen=seen, models=declared)[0].nearest == "sky/qwen3-9b"
    assert dead(SKY, seen=seen, models=declared, policies=off)[0].nearest == ""


def test_the_compiled_document_has_them() -> None:
    """Hot commands need no second pass."""
    seen = inventory({"den": []})
    made = registry(DEN, observed={"den": []}, models=alias("den/a", "x"))
    assert compiled.routing_document(made, seen)["dead"] == [
        {"name": "x", "role": "alias", "target": "den/a", "nearest": ""}
    ]


def test_a_dead_name_says_what_it_meant_and_what_is_nearest() -> None:
    """An alias by its name, a part of the config by its key."""
    alias = {"name": "q", "role": "alias", "target": "den/a", "nearest": "den/b"}
    assert in_words(alias) == "alias q means den/a, which is gone upstream; nearest: den/b"
    default = {"name": "q", "role": "default_model", "target": "den/a", "nearest": ""}
    assert in_words(default) == "default model means den/a, which is gone upstream"


def test_news_are_the_names_that_died_since() -> None:
    """One that was dead already is none, though another model is nearest to it now; one revived neither."""
    old = {"name": "q", "role": "alias", "target": "den/a", "nearest": "den/b"}
    new = old | {"role": "default_model"}
    assert news([old], [old | {"nearest": "den/c"}, new]) == (new,)
    assert news([old], []) == ()
