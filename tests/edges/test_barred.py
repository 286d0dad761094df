"""Providers out of service take no orders: to load, to pull, to unload, to remove (ruling 19)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.policy import Policy
from llmpool.discovery.load import load_ref
from llmpool.discovery.memory import unload
from llmpool.errors import NothingEligible, Refused
from llmpool.pool import Pool
from llmpool.setup import downloads, models
from llmpool.state import policy
from tests.edges.test_download import ollama, open_pool
from tests.fakes.loading import OllamaMemory
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import model

Order = Callable[[Pool], Any]
LOAD: Order = lambda pool: load_ref(pool, "den/m")  # noqa: E731 - one line each, side by side
PULL: Order = lambda pool: downloads.pull(pool, "den/m", lambda _event: None)  # noqa: E731
UNLOAD: Order = lambda pool: unload(pool, "den/m")  # noqa: E731
REMOVE: Order = lambda pool: models.remove(pool, models.place(pool, "den/m", known=True))  # noqa: E731


def den(directory: Path, server: FakeServer, state: str) -> Pool:
    """Open a pool with the one provider den, which is `disabled`, or has a policy."""
    pool = open_pool(directory, ollama("den", server, enabled=state != "disabled"), model("den/m"))
    if state == "inactive":
        policy.update(pool.paths.state, lambda _old: {"den": Policy(state=state, reason="too hot")})
    return pool


@pytest.mark.parametrize("order", [LOAD, PULL, UNLOAD, REMOVE], ids=["load", "pull", "unload", "remove"])
def test_an_inactive_provider_is_refused_by_name(tmp_path: Path, order: Order) -> None:
    """Exit 8 in the words of a chat, with the way to lift it; not one request is made."""
    with FakeServer(["m"], speaks=("ollama",)) as server:
        with pytest.raises(Refused) as caught:
            order(den(tmp_path, server, "inactive"))
        assert server.requests == []
    assert caught.value.message == "den/m: refused, provider den is inactive by policy: too hot"
    assert caught.value.hint == "lift it: llmpool policy clear den"


@pytest.mark.parametrize("order", [LOAD, PULL], ids=["load", "pull"])
def test_a_disabled_provider_gets_nothing_new(tmp_path: Path, order: Order) -> None:
    """Exit 6, as a chat with its model ends; not one request is made."""
    with FakeServer(["m"], speaks=("ollama",)) as server:
        with pytest.raises(NothingEligible) as caught:
            order(den(tmp_path, server, "disabled"))
        assert server.requests == []
    assert caught.value.details["rejections"] == [{"deployment": "den/m", "reasons": ["provider disabled"]}]
    assert caught.value.hint == "llmpool providers enable den"


def test_a_disabled_provider_can_be_cleared(tmp_path: Path) -> None:
    """What it has in memory and on its disk may go, with one note each."""
    memory, library = OllamaMemory({"m": 2048}), OllamaLibrary({})
    with FakeServer(["m"], speaks=("ollama",), routes={**memory.routes, **library.routes()}) as server:
        pool = den(tmp_path, server, "disabled")
        assert unload(pool, "den/m") is True
        REMOVE(pool)
    assert library.deleted == ["m"]
    assert pool.warnings == ["den is disabled; what is there is cleared away all the same"]
