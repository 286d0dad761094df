"""Reconciling some of the providers: the others are neither asked nor changed; and what is done is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.core.policy import Policy
from llmpool.discovery.refresh import refresh
from llmpool.errors import StateUnusable
from llmpool.setup.downloads import Reconciled, reconcile
from llmpool.state import downloads, policy
from llmpool.state.downloads import Job
from tests.edges.test_download import AT, ollama, open_pool
from tests.edges.test_reconcile import DONE, wanted
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import model

QUIET: dict[str, Any] = {"ask": lambda _refs: True, "tell": lambda _event: None}


def test_only_the_named_are_reconciled(tmp_path: Path) -> None:
    """Two servers that would lose and get models, one of them named: the other has not one request."""
    library = OllamaLibrary({"p:1": 400, "left": 400})
    with (
        FakeServer(["x:1"], speaks=("ollama",), routes=library.routes()) as den,
        FakeServer(["x:1"], speaks=("ollama",), routes=OllamaLibrary({}).routes()) as other,
    ):
        pool = open_pool(
            tmp_path,
            ollama("den", den, prune=True),
            ollama("other", other, prune=True),
            *wanted("den/p:1", "other/p:1"),
        )
        refresh(pool)
        left = Job(provider="other", model="left", asked=True, state=downloads.INTERRUPTED, since=AT)
        downloads.end(pool.paths.state, left)
        other.requests.clear()
        done = reconcile(pool, ("den",), pull=True, remove=True, **QUIET)
        assert other.requests == []
    assert done == DONE._replace(pulled=("den/p:1",), removed=("den/x:1",))
    assert (library.pulls, library.deleted) == (["p:1"], ["x:1"])
    assert downloads.read(pool.paths.state)["other"] == left


@pytest.mark.parametrize(("fields", "state"), [({"enabled": False}, "disabled"), ({}, "inactive")])
def test_who_is_out_of_service_stays_so_when_named(
    tmp_path: Path, fields: dict[str, Any], state: str
) -> None:
    """A refresh asks a disabled or inactive provider that is named; orders it gets none, and that is said."""
    with FakeServer(["x:1"], speaks=("ollama",), routes=OllamaLibrary({}).routes()) as server:
        pool = open_pool(tmp_path, ollama("den", server, prune=True, **fields), *wanted("den/p:1"))
        if not fields:
            policy.update(pool.paths.state, lambda _old: {"den": Policy(state="inactive")})
        assert reconcile(pool, ("den",), pull=True, remove=True, **QUIET) == DONE
        assert reconcile(pool, pull=True, remove=True, **QUIET) == DONE
        assert server.requests == []
    assert pool.warnings == [f"den is {state}: nothing is pulled or removed there"]


def test_what_breaks_off_tells_what_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue cannot be written after the first pull: what was removed and pulled is told beside that."""
    library = OllamaLibrary({"b:1": 400, "c:1": 400})
    whole, calls = downloads.enqueue, list[object]()

    def once(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 2:
            raise StateUnusable("no space left on device")
        return whole(*given)

    monkeypatch.setattr(downloads, "enqueue", once)
    with FakeServer(["x:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("den", server, prune=True), *wanted("den/b:1", "den/c:1"))
        done = reconcile(pool, pull=True, remove=True, **QUIET)
    assert (done.removed, done.pulled, done.busy) == (("den/x:1",), ("den/b:1",), ())
    assert isinstance(done.broken, StateUnusable)
    assert [row.id for row in pool.table.rows] == ["den/b:1", "den/c:1"]


def test_a_no_is_for_removals_alone(tmp_path: Path) -> None:
    """The owner says no: all is kept, and what is missing is pulled all the same; no `prune` is not asked."""
    library = OllamaLibrary({"b:1": 400})
    with FakeServer(["x:1"], speaks=("ollama",), routes=library.routes()) as server:
        tables = ollama("den", server, prune=True), ollama("box", server)
        pool = open_pool(tmp_path, *tables, *wanted("den/b:1"), model("box/a"))
        refresh(pool)
        done = reconcile(pool, pull=True, remove=True, ask=lambda _refs: False, tell=lambda _event: None)
    assert done == Reconciled(pulled=("den/b:1",), kept=("box/x:1", "den/x:1"), unpruned=("box/x:1",))
    assert library.deleted == []
