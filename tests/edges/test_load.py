"""Loading at servers with a memory: the flow of catalog-registry-router 5.3, and what commands refuse."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.outcome import UpstreamError
from llmpool.discovery import place
from llmpool.discovery.load import Ears, Loaded, load, load_ref
from llmpool.discovery.memory import unload
from llmpool.discovery.place import observed
from llmpool.discovery.refresh import refresh
from llmpool.errors import AmbiguousName, Misuse, NoCredential, Refused, UnknownName, UpstreamFailed
from llmpool.formats.loading import Wish
from llmpool.formats.loading_windows import can_expand
from llmpool.pool import Pool
from tests.fakes import faults
from tests.fakes.faults import Behaviour
from tests.fakes.loading import LMStudioMemory, OllamaMemory, RouterMemory
from tests.fakes.server import FakeServer
from tests.support import closed_port, model, provider

OOM = faults.status(500, body={"error": {"message": "insufficient system resources"}})


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a load that goes on by itself more often than a person's run does."""
    monkeypatch.setattr(place, "LOOK_EVERY", 0.02)


def open_pool(directory: Path, *tables: str, offline: bool = False) -> Pool:
    """Open the pool that *tables* configure."""
    config = directory / "config.toml"
    config.write_text("\n".join(tables))
    return Pool(find_paths({}, str(config), str(directory / "state")), {}, time.time, offline=offline)


def studio(memory: LMStudioMemory) -> FakeServer:
    """Serve LM Studio with this memory."""
    return FakeServer(list(memory.models), speaks=["lmstudio"], routes=memory.routes, behave=memory.chat)


def known(directory: Path, server: FakeServer, *more: str, preset: str = "lmstudio", **fields: Any) -> Pool:
    """Open a pool with *server* as provider `lm`, refreshed."""
    table = provider("lm", server.root, preset=preset, format=None, **fields)
    pool = open_pool(directory, table, *more)
    refresh(pool, ("lm",))
    return pool


def window(pool: Pool, name: str = "big") -> int:
    """Return the loaded window that the inventory has of a model."""
    seen = observed(pool, "lm", name)
    return seen.loaded_context if seen else -1


def test_a_model_is_unloaded_loaded_and_taken_up(tmp_path: Path) -> None:
    """5.3: unload the known instance, load with the window, refresh; the inventory shows what is loaded."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096})
    with studio(memory) as server:
        pool = known(tmp_path, server)
        done = load_ref(pool, "lm/big", context=32768)
    assert memory.orders == [("unload", "big"), ("load", "big", 32768)]
    assert done._replace(seconds=0, memory=None) == Loaded("lm/big", True, 32768, 4096, "big")
    assert done.memory is not None
    assert (done.memory.context, done.memory.size) == (32768, 1_000_000_000)
    assert (window(pool), pool.table.rows[0].window) == (32768, 32768)


def test_an_override_is_what_counts_and_the_loaded_window_what_is_observed(tmp_path: Path) -> None:
    """G6: override 8192, loaded 4096, at most 131072: effective 8192, observed 4096, expandable from 4097."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096})
    with studio(memory) as server:
        (found,) = known(tmp_path, server, model("lm/big", context_window=8192)).registry.deployments
    seen = found.observed
    assert seen is not None
    assert (found.context_window, seen.loaded_context, seen.max_context) == (8192, 4096, 131072)
    sizes = (4096, 4097, 131072, 131073)
    able = [can_expand("lmstudio", seen.loaded_context, seen.max_context, size) for size in sizes]
    assert able == [False, True, True, False]


def test_what_is_loaded_as_wanted_is_left_alone(tmp_path: Path) -> None:
    """5.3: where nothing is to be done no order is given; without a window any that is loaded will do."""
    memory = LMStudioMemory({"big": 131072}, {"big": 8192})
    with studio(memory) as server:
        pool = known(tmp_path, server)
        done = [load_ref(pool, "big", context=8192), load_ref(pool, "lm/big")]
    assert [(each.changed, each.context) for each in done] == [(False, 8192)] * 2
    assert memory.orders == []


def test_an_unload_that_fails_is_only_told(tmp_path: Path) -> None:
    """5.3.1: its failure is said and the load goes on, and nothing is restored that was not taken away."""

    def refuse(_model: str, size: int) -> Behaviour | None:
        return faults.status(500, body={"error": "busy"}) if not size else None

    memory, told = LMStudioMemory({"big": 131072}, {"big": 4096}, refuse=refuse), list[str]()
    with studio(memory) as server:
        done = load_ref(known(tmp_path, server), "lm/big", context=8192, ears=Ears(told.append))
    assert memory.orders == [("unload", "big"), ("load", "big", 8192)]
    assert (done.instance, done.context) == ("big:2", 8192)
    assert told == ["big could not be unloaded: busy (status 500)"]


def test_a_load_that_fails_puts_the_old_window_back(tmp_path: Path) -> None:
    """5.3.3: the previous window is loaded again and taken up, and the first error is raised anyway."""
    memory = LMStudioMemory(
        {"big": 131072}, {"big": 4096}, refuse=lambda _, size: OOM if size > 9000 else None
    )
    with studio(memory) as server:
        pool = known(tmp_path, server)
        with pytest.raises(UpstreamFailed) as caught:
            load_ref(pool, "lm/big", context=65536)
    assert memory.orders == [("unload", "big"), ("load", "big", 65536), ("load", "big", 4096)]
    assert memory.windows == {"big": 4096}
    assert window(pool) == 4096
    assert caught.value.message == "lm/big: insufficient system resources (status 500)"


def test_two_failures_are_both_told(tmp_path: Path) -> None:
    """5.3.3: where the old window does not come back either, the error has both reasons."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096}, refuse=lambda _, size: OOM if size else None)
    with studio(memory) as server, pytest.raises(UpstreamFailed) as caught:
        load_ref(known(tmp_path, server), "lm/big", context=65536)
    message = caught.value.message
    assert message.count("insufficient system resources") == 2
    assert "its 4,096 tokens could not be loaded again" in message


def test_nothing_is_put_back_that_was_not_there(tmp_path: Path) -> None:
    """5.3.3: without a previous window a failed load is just that."""
    memory = LMStudioMemory({"big": 131072}, refuse=lambda _model, _size: OOM)
    with studio(memory) as server, pytest.raises(UpstreamFailed):
        load_ref(known(tmp_path, server), "lm/big", context=65536)
    assert memory.orders == [("load", "big", 65536)]


def test_an_interrupt_puts_the_old_window_back(tmp_path: Path) -> None:
    """5.3.3: the restore is out of reach of whoever interrupted the load."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096}, delay=0.6)

    def interrupt(_passed: float) -> None:
        raise KeyboardInterrupt

    with studio(memory) as server:
        pool = known(tmp_path, server)
        with pytest.raises(KeyboardInterrupt):
            load_ref(pool, "lm/big", context=65536, ears=Ears(tick=interrupt))
    assert memory.orders == [("unload", "big"), ("load", "big", 65536), ("load", "big", 4096)]
    assert window(pool) == 4096


def test_the_second_to_want_the_same_finds_it_loaded(tmp_path: Path) -> None:
    """One loads at a provider at a time, the next says that it waits, and looks before it gives an order."""
    memory, told = LMStudioMemory({"big": 131072}, {"big": 4096}, delay=0.5), list[str]()
    done: list[Loaded] = []

    def wished(seen: Any) -> Wish | None:
        return None if seen.loaded_context >= 8192 else Wish("big", 8192)

    with studio(memory) as server:
        pools = [known(tmp_path, server) for _ in range(2)]
        threads = [
            threading.Thread(
                target=lambda pool=pool: done.append(
                    load(pool, pool.provider("lm"), "big", wished, Ears(told.append))
                )
            )
            for pool in pools
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert memory.orders == [("unload", "big"), ("load", "big", 8192)]
    assert sorted(each.changed for each in done) == [False, True]
    assert told == ["another llmpool is loading at lm; waiting for it"]


def test_a_restart_behind_our_back_is_seen_before_anything_is_unloaded(tmp_path: Path) -> None:
    """What somebody loaded since the last refresh is looked at first: a large window is not taken away."""
    memory = LMStudioMemory({"big": 131072}, {"big": 4096})
    with studio(memory) as server:
        pool = known(tmp_path, server)
        memory.instances["big"] = ("big", 65536)
        done = load(
            pool,
            pool.provider("lm"),
            "big",
            lambda s: None if s.loaded_context > 9000 else Wish("big"),
            Ears(),
        )
    assert (done.changed, done.context, memory.orders) == (False, 65536, [])


def test_ollama_is_told_window_and_time_to_stay(tmp_path: Path) -> None:
    """A declared window is the default; a loaded model keeps its own when only the time is told."""
    memory = OllamaMemory()
    declared = model("lm/m", context_window=16384)
    with FakeServer(["m"], speaks=["ollama"], routes=memory.routes) as server:
        pool = known(tmp_path, server, declared, preset="ollama")
        load_ref(pool, "lm/m")
        assert memory.loaded == {"m": 16384}
        load_ref(pool, "lm/m", context=8192, keep_alive=3600)
        load_ref(pool, "lm/m", context=8192, keep_alive=-1)
        asked = [r.json for r in server.requests if r.path == "/api/generate"]
        assert window(pool, "m") == 8192
    assert memory.loaded == {"m": 8192}
    assert [body.get("keep_alive") for body in asked] == [None, 3600, -1]
    assert [body["options"]["num_ctx"] for body in asked] == [16384, 8192, 8192]


def test_the_router_is_waited_for(tmp_path: Path) -> None:
    """Its order is answered at once; the load is done when the listing says so, and a failure is one."""
    memory = RouterMemory({"a": "unloaded", "bad": "unloaded"}, looks=2, broken=("bad",))
    with FakeServer([], speaks=["openai"], routes=memory.routes) as server:
        pool = known(tmp_path, server, preset="llamacpp")
        assert load_ref(pool, "lm/a").context == 2048
        assert load_ref(pool, "lm/a", context=1024).changed is False
        with pytest.raises(UpstreamFailed, match="exit code 1"):
            load_ref(pool, "lm/bad")
        with pytest.raises(Misuse, match="it has 2,048 tokens there") as caught:
            load_ref(pool, "lm/a", context=8192)
        assert "--ctx-size 8192" in caught.value.hint
        assert unload(pool, "lm/a") is True
        assert unload(pool, "lm/a") is False
    assert memory.orders == [("load", "a"), ("load", "bad"), ("unload", "a")]


CLOUD = provider("sky", "http://127.0.0.1:9/v1", location="cloud")


def test_what_cannot_be_loaded_is_refused_with_the_reason(tmp_path: Path) -> None:
    """The cloud, a protocol without the word, too large a window, a keep-alive nobody takes, no network."""
    memory = LMStudioMemory({"big": 8192})
    with studio(memory) as server:
        claude = provider("c", server.root, format="anthropic")
        pool = known(tmp_path, server, CLOUD, claude, model("sky/x"), model("c/x"))
        refusals = {
            "sky/x": "sky/x runs in the cloud: nothing is loaded there",
            "sky/anything": "sky/anything runs in the cloud: nothing is loaded there",
            "c/x": "c: servers that speak anthropic are not told what to load",
        }
        for ref, message in refusals.items():
            with pytest.raises(Misuse, match=message):
                load_ref(pool, ref)
        with pytest.raises(Misuse, match="8,192 tokens at most, not 9,000"):
            load_ref(pool, "lm/big", context=9000)
        with pytest.raises(Misuse, match="not told how long"):
            load_ref(pool, "lm/big", keep_alive=60)
        with pytest.raises(UnknownName):
            load_ref(pool, "lm/nosuch")
        offline = open_pool(tmp_path, (tmp_path / "config.toml").read_text(), offline=True)
        with pytest.raises(Refused):
            load_ref(offline, "lm/big")
    assert memory.orders == []


def test_an_ambiguous_name_is_refused(tmp_path: Path) -> None:
    """A command that changes something wants to know what (DESIGN 3.1)."""
    memory = LMStudioMemory({"big": 8192}, {"big": 4096})
    with studio(memory) as server:
        pool = known(tmp_path, server, provider("lm2", server.root, preset="lmstudio", format=None))
        refresh(pool, ("lm2",))
        for command in (load_ref, unload):
            with pytest.raises(AmbiguousName) as caught:
                command(pool, "big")
            assert caught.value.lines == ("lm/big", "lm2/big")
    assert memory.orders == []


def test_an_old_lmstudio_cannot_be_told(tmp_path: Path) -> None:
    """Before 0.4 there is no order to give, which is a mistake of the command, not of the server."""
    with (
        FakeServer(["m"], speaks=["lmstudio"], lmstudio_v1=False) as server,
        pytest.raises(Misuse, match=r"0\.4\.0"),
    ):
        load_ref(known(tmp_path, server), "lm/m", context=8192)


def test_a_server_that_is_not_there_or_refuses_the_key_is_told_as_that(tmp_path: Path) -> None:
    """Where no listing contradicts it an order is given as it stands, and fails as any call does."""
    pool = open_pool(
        tmp_path, provider("lm", f"http://127.0.0.1:{closed_port()}", preset="lmstudio", format=None)
    )
    with pytest.raises(UpstreamFailed, match="connection refused"):
        load_ref(pool, "lm/m")
    with FakeServer(["m"], speaks=["ollama"], key="sk-right-0123456789") as server:
        pool = open_pool(tmp_path, provider("lm", server.root, preset="ollama", format=None))
        with pytest.raises(NoCredential):
            load_ref(pool, "lm/m")


def test_what_was_loaded_once_is_not_told_of_a_server_that_is_gone(tmp_path: Path) -> None:
    """An old listing has the model in memory; nobody is there who could have it."""
    with studio(LMStudioMemory({"big": 131072}, {"big": 8192})) as server:
        pool = known(tmp_path, server)
    for context in (0, 8192):
        with pytest.raises(UpstreamFailed, match="connection refused"):
            load_ref(pool, "lm/big", context=context)


def test_a_refusal_names_what_helps_with_a_load(tmp_path: Path) -> None:
    """Nobody else can be asked, so nothing of a chat's way out is said: ps, or more time."""
    memory = LMStudioMemory({"big": 131072}, refuse=lambda _model, _window: OOM)
    with studio(memory) as server:
        pool = known(tmp_path, server)
        with pytest.raises(UpstreamFailed) as caught:
            load_ref(pool, "lm/big", context=16384)
    assert caught.value.hint == "why is in that server's log; what fills its memory: llmpool models ps lm"
    router = RouterMemory({"a": "unloaded"}, looks=1000)
    with FakeServer([], routes=router.routes) as server:
        pool = known(tmp_path, server, preset="llamacpp")
        with pytest.raises(UpstreamFailed) as caught:
            load_ref(pool, "lm/a", seconds=1)
    assert caught.value.hint == "give it longer: llmpool models load lm/a --timeout 2s"


def test_an_order_that_takes_too_long_is_a_time_out(tmp_path: Path) -> None:
    """A load may take so long and no longer; the router goes on by itself, which is said."""
    memory = RouterMemory({"a": "unloaded"}, looks=1000)
    with FakeServer([], routes=memory.routes) as server:
        pool = known(tmp_path, server, preset="llamacpp")
        with pytest.raises(UpstreamFailed, match="the server goes on loading it"):
            load_ref(pool, "lm/a", seconds=0.5)
        with pytest.raises(UpstreamError):
            load(pool, pool.provider("lm"), "a", lambda _seen: Wish("a"), Ears(), seconds=0.1)
