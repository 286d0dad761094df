"""The declared state is reached, and nothing beyond it: C12 and C13 of reconcile-resolve, ruling 18."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.discovery.refresh import refresh
from llmpool.errors import Refused
from llmpool.pool import Pool
from llmpool.setup.downloads import Reconciled, pull, reconcile
from llmpool.state import downloads, inventory
from llmpool.state.downloads import Job
from tests.edges.test_download import AT, lmstudio, ollama, open_pool
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.pulling import LMStudioCatalog, OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import closed_port, model, provider
from tests.tools.make_tiny_gguf import write_tiny_gguf

DONE = Reconciled()


def run(
    pool: Pool, *, remove: bool = False, ask: Callable[[list[str]], bool] = lambda _refs: True
) -> Reconciled:
    """Pull what is declared, and remove what is not if that is asked for; on a pool opened afresh."""
    pool.forget()
    return reconcile(pool, pull=not remove, remove=remove, ask=ask, tell=lambda _event: None)


def wanted(*refs: str) -> list[str]:
    """Declare models that shall be there."""
    return [model(ref, pull=True) for ref in refs]


def asked(server: FakeServer, method: str, path: str) -> list[Request]:
    """List the requests of one kind."""
    return [request for request in server.requests if (request.method, request.path) == (method, path)]


def test_what_is_declared_and_missing_is_pulled_one_after_the_other(tmp_path: Path) -> None:
    """C12: [a:1] is there, b:1 and c:1 are pulled in order, one at a time; the next run asks for nothing."""
    library = OllamaLibrary({"b:1": 400, "c:1": 400})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server), *wanted("u1/a:1", "u1/b:1", "u1/c:1"))
        assert run(pool) == DONE._replace(pulled=("u1/b:1", "u1/c:1"))
        assert (library.pulls, library.peak) == (["b:1", "c:1"], 1)
        listed = inventory.read(pool.paths.state).providers["u1"].models
        assert [m.name for m in listed] == ["a:1", "b:1", "c:1"]
        assert run(pool) == DONE
        assert library.pulls == ["b:1", "c:1"]
    assert not library.deleted


def test_a_failed_pull_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """One model is unknown, one server breaks off: each has its error, the others are pulled."""
    library = OllamaLibrary({"b:1": 400, "c:1": 400}, fault=lambda name, _n: "error" if name == "b:1" else "")
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server), *wanted("u1/nope", "u1/b:1", "u1/c:1"))
        done = run(pool)
    assert done.pulled == ("u1/c:1",)
    assert [ref for ref, _ in done.failed] == ["u1/nope", "u1/b:1"]
    assert done.failed[1][1] == "failed downloading model b:1: max retries exceeded: unexpected EOF"


def test_a_cancelled_pull_comes_back_with_the_next_run(tmp_path: Path) -> None:
    """C12: cancelling is for now; while the model is declared the next cycle pulls it."""
    library = OllamaLibrary({"b:1": 400})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server), *wanted("u1/b:1"))
        downloads.enqueue(pool.paths.state, [("u1", "b:1")], AT, ("u1",))
        downloads.cancel(pool.paths.state, "u1", AT)
        assert run(pool).pulled == ("u1/b:1",)


def test_what_was_left_is_taken_up_first(tmp_path: Path) -> None:
    """A pull that a person asked for and that was interrupted goes on; a failed one waits to be asked for."""
    library = OllamaLibrary({"b:1": 400, "x": 400, "y": 400})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server), ollama("u2", server), *wanted("u1/b:1"))
        left = Job(provider="u1", model="x", asked=True, state=downloads.INTERRUPTED, since=AT)
        downloads.end(pool.paths.state, left)
        downloads.end(pool.paths.state, left.replace(provider="u2", model="y", state=downloads.FAILED))
        assert run(pool).pulled == ("u1/x", "u1/b:1")
    assert library.pulls == ["x", "b:1"]


def test_a_provider_that_is_busy_is_left_to_whoever_pulls_there(tmp_path: Path) -> None:
    """Another process pulls at u1: nothing fails, nobody waits, u2 gets its model."""
    library = OllamaLibrary({"b:1": 400, "c:1": 400})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(
            tmp_path, ollama("u1", server), ollama("u2", server), *wanted("u1/b:1", "u1/c:1", "u2/b:1")
        )
        with downloads.turn(pool.paths.state, "u1"):
            downloads.begin(pool.paths.state, Job(provider="u1", model="b:1"), AT)
            assert run(pool) == DONE._replace(pulled=("u2/b:1",), busy=("u1/b:1", "u1/c:1"))
    assert library.pulls == ["b:1"]


def test_the_undeclared_is_removed_and_the_rest_listed_again(tmp_path: Path) -> None:
    """C13: lists [a:1, x:1], declared [a:1]: one DELETE for x:1, then a second listing without it."""
    library = OllamaLibrary({})
    with FakeServer(["a:1", "x:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), model("u1/a:1"))
        refresh(pool)
        shown: list[list[str]] = []

        def ask(refs: list[str]) -> bool:
            shown.append(refs)
            return True

        done = run(pool, remove=True, ask=ask)
        assert done == DONE._replace(removed=("u1/x:1",))
        assert shown == [["u1/x:1"]]
        assert library.deleted == ["x:1"]
        assert [(r.method, r.path) for r in server.requests if r.path in ("/api/tags", "/api/delete")] == [
            ("GET", "/api/tags"),
            ("DELETE", "/api/delete"),
            ("GET", "/api/tags"),
        ]
        assert [m.name for m in inventory.read(pool.paths.state).providers["u1"].models] == ["a:1"]
        assert run(pool, remove=True) == DONE


@pytest.mark.parametrize(("declared", "listed"), [("a", "a:latest"), ("a:latest", "a"), ("A", "a:latest")])
def test_a_and_a_latest_never_chase_each_other(tmp_path: Path, declared: str, listed: str) -> None:
    """C13, the hazard: neither a DELETE nor a pull, however often it runs."""
    library = OllamaLibrary({"a": 400})
    with FakeServer([listed], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), *wanted(f"u1/{declared}"))
        for _ in range(2):
            assert run(pool) == DONE
            assert run(pool, remove=True) == DONE
    assert (library.pulls, library.deleted) == ([], [])


def test_nothing_is_removed_without_prune_or_against_the_owner(tmp_path: Path) -> None:
    """C13: skip-delete is zero DELETEs: without `prune`, at a no, by a pull, where nothing is declared."""
    library = OllamaLibrary({"a:1": 400})
    with FakeServer(["a:1", "x:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server), model("u1/a:1"))
        refresh(pool)
        assert run(pool, remove=True) == DONE._replace(kept=("u1/x:1",), unpruned=("u1/x:1",))
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), *wanted("u1/a:1"))
        assert run(pool, remove=True, ask=lambda _refs: False) == DONE._replace(kept=("u1/x:1",))
        assert run(pool) == DONE
        pool = open_pool(tmp_path, ollama("u1", server, prune=True))
        assert run(pool, remove=True) == DONE
        assert not asked(server, "DELETE", "/api/delete")


def test_a_listing_is_fresh_before_it_decides_what_goes(tmp_path: Path) -> None:
    """An old observation is made again first: what it lists may have become somebody's since."""
    library = OllamaLibrary({})
    with FakeServer(["a:1", "x:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), model("u1/a:1"))
        pool.clock = lambda: 1_790_000_000.0 - 3600
        refresh(pool)
        pool.clock = lambda: 1_790_000_000.0
        server.models[:] = ["a:1", "y:1"]
        assert run(pool, remove=True).removed == ("u1/y:1",)


def test_a_server_that_does_not_list_is_left_alone(tmp_path: Path) -> None:
    """Its listing fails: nothing is pulled or removed; what is wanted is said, unless it may be away."""
    library = OllamaLibrary({"b:1": 400})
    with FakeServer(["a:1", "x:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), *wanted("u1/a:1", "u1/b:1"))
        refresh(pool)
        server.behave_listing(faults.always(faults.status(500)))
        pool.clock = lambda: 1_790_000_000.0 + 3600
        assert run(pool, remove=True) == DONE
        done = run(pool)
    assert [ref for ref, _ in done.failed] == ["u1/a:1", "u1/b:1"]
    assert "u1 could not be listed: " in done.failed[0][1]
    assert (library.pulls, library.deleted) == ([], [])
    away = provider("u1", f"http://127.0.0.1:{closed_port()}", format="ollama", optional=True)
    assert run(open_pool(tmp_path, away, *wanted("u1/b:1"))) == DONE


def test_a_removal_that_fails_is_told(tmp_path: Path) -> None:
    """The server refuses one: it is told with its error, the other is removed."""
    library = OllamaLibrary({})

    def delete(exchange: Any) -> None:
        if exchange.record.json["model"] == "x:1":
            exchange.send(500, {"error": "permission denied"})
        else:
            library.routes()["/api/delete"](exchange)

    routes = library.routes() | {"/api/delete": delete}
    with FakeServer(["a:1", "x:1", "y:1"], speaks=("ollama",), routes=routes) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), model("u1/a:1"))
        done = run(pool, remove=True)
    assert done.removed == ("u1/y:1",)
    assert done.failed == (("u1/x:1", "u1/x:1 is not deleted: permission denied (status 500)"),)


def test_who_is_out_of_service_is_neither_asked_nor_changed(tmp_path: Path) -> None:
    """Disabled providers, and those that cannot pull, have nothing to reconcile."""
    library = OllamaLibrary({"b:1": 400})
    with FakeServer(["a:1"], speaks=("ollama", "openai"), routes=library.routes()) as server:
        pool = open_pool(
            tmp_path,
            ollama("u1", server, enabled=False, prune=True),
            provider("cloudy", server.url),
            *wanted("u1/b:1", "cloudy/b:1"),
        )
        assert run(pool) == DONE
        assert run(pool, remove=True) == DONE
        assert server.requests == []


def test_lm_studio_fetches_but_never_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its models come by reconcile; `prune` there is told to have no effect."""
    monkeypatch.setattr("llmpool.discovery.download_ways.LOOK", 0.01)
    catalog = LMStudioCatalog({"ibm/granite": 900})
    with FakeServer(["old"], speaks=("lmstudio",), routes=catalog.routes()) as server:
        table = lmstudio("lms", server) + "prune = true\n"
        pool = open_pool(tmp_path, table, *wanted("lms/ibm/granite"))
        assert run(pool).pulled == ("lms/ibm/granite",)
        assert run(pool, remove=True) == DONE._replace(kept=("lms/old",))
    assert pool.warnings == ["lms: prune has no effect; nobody can delete in LM Studio from outside"]


def test_embedded_models_are_reconciled_too(tmp_path: Path) -> None:
    """Their files are removed where the owner says so; one that is in no catalogue cannot be fetched."""
    pool = open_pool(
        tmp_path, "[providers.embedded]\nprune = true", model("embedded/mine"), *wanted("embedded/nope")
    )
    from llmpool.embedded import fetch

    write_tiny_gguf(tmp_path / "tiny.gguf")
    for name in ("mine", "other"):
        fetch.pull(pool.paths.state, name, source=str(tmp_path / "tiny.gguf"), progress=lambda *_: None)
    assert run(pool, remove=True).removed == ("embedded/other",)
    assert [m.name for m in fetch.installed(pool.paths.state)] == ["mine"]
    done = run(pool)
    assert [ref for ref, _ in done.failed] == ["embedded/nope"]
    assert "no embedded model 'nope' is known" in done.failed[0][1]


def test_an_interrupted_embedded_pull_goes_on_from_its_source(tmp_path: Path) -> None:
    """A file, or a URL without a secret, is remembered with the pull; its queue and its end are as any."""
    write_tiny_gguf(tmp_path / "tiny.gguf")
    pool = open_pool(tmp_path, "[providers.embedded]")

    def interrupt(_event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(pool, "embedded/mine", interrupt, source=str(tmp_path / "tiny.gguf"))
    left = downloads.read(pool.paths.state)["embedded"]
    assert (left.state, left.source) == ("interrupted", str(tmp_path / "tiny.gguf"))
    assert run(pool) == DONE._replace(pulled=("embedded/mine",))
    assert [m.id for m in pool.registry.deployments] == ["embedded/mine"]


def test_a_model_listed_by_another_name_is_said_to_be(tmp_path: Path) -> None:
    """What a server calls otherwise than it was asked for would be fetched with every run: it is told."""
    library = OllamaLibrary({"b:1": 400})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        server.behave_listing(lambda _n, _r: faults.said(200, {"models": [{"name": "renamed:1"}]}))
        pool = open_pool(tmp_path, ollama("u1", server), *wanted("u1/b:1"))
        assert run(pool).pulled == ("u1/b:1",)
    assert pool.warnings == ["u1/b:1 is pulled, but u1 does not list it by that name"]


def test_offline_nothing_is_reconciled(tmp_path: Path) -> None:
    """`--offline` refuses once anybody would have to be asked; with nothing declared there is nobody."""
    with FakeServer(["a:1"], speaks=("ollama",)) as server:
        with pytest.raises(Refused):
            run(open_pool(tmp_path, ollama("u1", server), *wanted("u1/b:1"), offline=True))
        assert run(open_pool(tmp_path, ollama("u1", server), offline=True)) == DONE
        assert server.requests == []


def test_what_is_removed_is_not_pulled_again(tmp_path: Path) -> None:
    """A pull of it that was left halfway is called off, in the same run and for the next."""
    library = OllamaLibrary({"x:1": 400, "y:1": 400})
    with FakeServer(["a:1", "x:1", "y:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), model("u1/a:1"))
        refresh(pool)
        state = pool.paths.state
        left = Job(provider="u1", model="x:1", asked=True, state=downloads.INTERRUPTED, since=AT)
        downloads.end(state, left)
        pool.forget()
        done = reconcile(pool, pull=True, remove=True, ask=lambda _refs: True, tell=lambda _event: None)
    assert (done.removed, done.pulled, library.pulls) == (("u1/x:1", "u1/y:1"), (), [])
    assert downloads.read(state)["u1"].state == downloads.CANCELLED


def test_what_is_being_pulled_is_not_removed(tmp_path: Path) -> None:
    """Another process brings a newer one: it is told, and the rest is removed."""
    library = OllamaLibrary({})
    with FakeServer(["a:1", "x:1", "y:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), model("u1/a:1"))
        refresh(pool)
        with downloads.turn(pool.paths.state, "u1"):
            downloads.begin(pool.paths.state, Job(provider="u1", model="x:1"), AT)
            done = run(pool, remove=True)
    assert done.removed == ("u1/y:1",)
    assert done.failed == (("u1/x:1", "u1/x:1 is being pulled just now"),)


def test_what_is_declared_while_the_question_stands_is_not_removed(tmp_path: Path) -> None:
    """Another process wants it by the time of the yes; so it is with a `prune` that is taken back."""
    library = OllamaLibrary({})
    with FakeServer(["a:1", "x:1", "y:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, prune=True), model("u1/a:1"))
        refresh(pool)
        config = tmp_path / "config.toml"

        def yes(_refs: list[str]) -> bool:
            config.write_text(f"{config.read_text()}\n{model('u1/x:1')}")
            return True

        assert run(pool, remove=True, ask=yes).removed == ("u1/y:1",)
    assert library.deleted == ["y:1"]
