"""cli.filters: the entries of the listing that were asked for, judged as the router judges them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.cli.filters import Wanted, keep, window
from llmpool.config.paths import Paths
from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.policy import Policy
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool, open_pool
from llmpool.state import inventory, policy

CONFIG = """
[groups.home]
providers = ["den"]
[providers.den]
url = "http://127.0.0.1:9/v1"
location = "local"
[providers.sky]
url = "http://127.0.0.1:8/v1"
location = "cloud"
[[models]]
id = "sky/blind"
supports_images = false
aliases = ["Mole"]
quality = 9
"""
AT = "2026-11-21T03:44:00Z"
SEES = Capabilities(chat=True, images=True, json=True)
BLIND = Capabilities(chat=True, images=False, json=False)
LISTED = {
    "den": (
        ObservedModel(name="eye", capabilities=SEES, context_window=128000),
        ObservedModel(name="nomic-embed", capabilities=Capabilities(chat=False, embeddings=True)),
    ),
    "sky": (
        ObservedModel(name="blind", capabilities=BLIND, context_window=200000),
        ObservedModel(name="maybe", capabilities=Capabilities(chat=True, thinking=True)),
    ),
}


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Open a pool of four deployments, one of each kind; of sky/maybe neither json nor window is known."""
    (tmp_path / "config.toml").write_text(CONFIG)
    entries = [
        ProviderInventory(provider=name, attempted_at=AT, fetched_at=AT, models=models)
        for name, models in LISTED.items()
    ]
    inventory.update(tmp_path / "state", entries)
    decided = {"sky": Policy(state="flagged"), "den/eye": Policy(state="inactive")}
    policy.update(tmp_path / "state", lambda _: decided)
    return open_pool(Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "s.json"), env={})


def ids(pool: Pool, **wanted: Any) -> list[str]:
    return [model["id"] for model in keep(pool, pool.listing["models"], Wanted(**wanted)).models]


EVERY = ["den/eye", "den/nomic-embed", "sky/blind", "sky/maybe"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, EVERY),
        ({"mode": "auto"}, EVERY),
        ({"mode": "local"}, ["den/eye", "den/nomic-embed"]),
        ({"mode": "cloud"}, ["sky/blind", "sky/maybe"]),
        ({"exclude": ("den",)}, ["sky/blind", "sky/maybe"]),
        ({"exclude": ("Mole, *-embed",)}, ["den/eye", "sky/maybe"]),
        ({"context_size": "128000"}, ["den/eye", "sky/blind"]),
        ({"context_size": "128k"}, ["sky/blind"]),
        ({"context_size": "100k", "min_context": "150k"}, ["sky/blind"]),
        ({"provider": "sky"}, EVERY[2:]),
        ({"query": "EY"}, ["den/eye"]),
        ({"query": "mole"}, ["sky/blind"]),
        ({"needs": "images"}, ["den/eye"]),
        ({"needs": "vision,thinking"}, ["den/eye"]),
        ({"needs": "images", "provider": "sky"}, []),
        ({"needs": "embeddings"}, ["den/nomic-embed"]),
        ({"supports": ("json=no",)}, ["den/nomic-embed", "sky/blind"]),
        ({"supports": ("json=unknown",)}, ["sky/maybe"]),
        ({"supports": ("thinking",)}, ["sky/maybe"]),
        ({"local_only": True}, EVERY[:2]),
        ({"group": "home"}, EVERY[:2]),
        ({"min_quality": 9}, ["sky/blind"]),
        ({"min_context": "128k"}, ["den/eye", "sky/blind"]),
        ({"min_context": "128001"}, ["sky/blind"]),
        ({"max_price": "0"}, EVERY[:2]),
        ({"policy": "inactive"}, ["den/eye"]),
        ({"policy": "flagged"}, EVERY[2:]),
        ({"policy": "active"}, ["den/nomic-embed"]),
        ({"source": "config"}, ["sky/blind"]),
        ({"source": "discovered", "provider": "sky"}, ["sky/maybe"]),
        ({"routable": True, "query": "sky"}, EVERY[2:]),
        ({"routable": False}, []),
    ],
    ids=str,
)
def test_each_filter_keeps_what_it_names(pool: Pool, wanted: dict[str, Any], expected: list[str]) -> None:
    """Every filter alone, whether or not the deployment could be chosen just now; two of them bind both."""
    assert ids(pool, **wanted) == expected


def test_what_is_unknown_never_passes_silently(pool: Pool) -> None:
    """Ruling 15: it passes where nothing known does, marked; else it is counted as left out."""
    models = pool.listing["models"]
    known = keep(pool, models, Wanted(needs="json"))
    assert known.notes == ["1 left out: json unknown, and others are known to do"]
    assert "unknown" not in known.models[0]
    (found,) = keep(pool, models, Wanted(provider="sky", needs="json", supports=("thinking",))).models
    assert (found["id"], found["unknown"]) == ("sky/maybe", ["json"])
    (found,) = keep(pool, models, Wanted(query="maybe", min_context="1k")).models
    assert found["unknown"] == ["context window"]
    assert keep(pool, models, Wanted(max_price="5")).notes == ["2 left out: price unknown"]


@pytest.mark.parametrize("needs", ["images", "json", "thinking", "tools", "json,tools"])
def test_filters_agree_with_route(pool: Pool, needs: str) -> None:
    """What a decision ranks for a requirement is what the list shows for it, of all that may be chosen."""
    policy.update(pool.paths.state, lambda _: {})
    pool.forget()
    request = RouteRequest(needs=tuple(needs.split(",")))
    ranked = {each.deployment for each in decide(pool, request).decision.candidates}
    shown = keep(pool, pool.listing["models"], Wanted(needs=needs)).models
    assert ranked == {model["id"] for model in shown if model["capabilities"]["chat"]} != set()


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"provider": "dem"}, UnknownName),
        ({"group": "work"}, UnknownName),
        ({"exclude": ("den/nobody",)}, UnknownName),
        ({"mode": "moon"}, Misuse),
        ({"context_size": "huge"}, Misuse),
        ({"policy": "off"}, Misuse),
        ({"source": "toml"}, Misuse),
        ({"needs": "flying"}, Misuse),
        ({"supports": ("tools=perhaps",)}, Misuse),
        ({"supports": ("",)}, Misuse),
        ({"min_context": "huge"}, Misuse),
        ({"max_price": "cheap"}, Misuse),
        ({"max_price": "-1"}, Misuse),
        ({"max_price": "nan"}, Misuse),
    ],
    ids=str,
)
def test_a_filter_that_means_nothing_is_refused(
    pool: Pool, wanted: dict[str, Any], error: type[Exception]
) -> None:
    """A typing error is no empty list."""
    with pytest.raises(error):
        keep(pool, pool.listing["models"], Wanted(**wanted))


def test_a_window_that_is_shown_passes_as_it_is_typed() -> None:
    """128,000 and 131,072 tokens are both shown as 128k, and `--min-context 128k` takes both."""
    assert (window("128k"), window("1M"), window("900"), window("0.5M")) == (128000, 1000000, 900, 500000)
