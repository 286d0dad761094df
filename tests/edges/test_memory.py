"""What is in the memory of local servers: all of them asked side by side, and one of them emptied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmpool.core.policy import Policy
from llmpool.discovery.memory import ps, unload
from llmpool.embedded import embedded_dir, make_private_dirs, try_lock
from llmpool.errors import Misuse, Refused, UnknownName
from llmpool.state import policy
from tests.edges.test_load import CLOUD, known, open_pool, studio, window
from tests.fakes.loading import LMStudioMemory, OllamaMemory, RouterMemory
from tests.fakes.server import FakeServer
from tests.support import closed_port, provider


def test_all_instances_of_a_model_are_unloaded(tmp_path: Path) -> None:
    """A model that is loaded twice is gone afterwards, and the inventory knows."""
    memory = LMStudioMemory({"big": 131072, "other": 8192}, {"big": 4096, "other": 4096})
    memory.instances["big:2"] = ("big", 8192)
    with studio(memory) as server:
        pool = known(tmp_path, server)
        assert unload(pool, "lm/big") is True
        assert window(pool) == 0
    assert memory.windows == {"other": 4096}


def test_ps_asks_all_local_servers_and_tells_who_did_not_answer(tmp_path: Path) -> None:
    """Every enabled local provider is asked; one that fails is named with its reason, the others answer."""
    studio_memory, ollama = LMStudioMemory({"big": 8192}, {"big": 4096}), OllamaMemory({"m": 2048})
    router = RouterMemory({"a": "loaded", "b": "unloaded"})
    gone = f"http://127.0.0.1:{closed_port()}"
    with (
        studio(studio_memory) as one,
        FakeServer(["m"], speaks=["ollama"], routes=ollama.routes) as two,
        FakeServer([], routes=router.routes) as three,
    ):
        pool = open_pool(
            tmp_path,
            CLOUD,
            provider("lm", one.root, preset="lmstudio", format=None),
            provider("den", two.root, preset="ollama", format=None),
            provider("r", three.root, preset="llamacpp", format=None),
            provider("off", gone, preset="ollama", format=None, enabled=False),
            provider("away", gone, preset="ollama", format=None, optional=True),
        )
        report = ps(pool)
        shown = [(e.provider, e.memory.name, e.memory.context, e.memory.until) for e in report.entries]
        assert shown == [
            ("den", "m", 2048, "2025-12-31T22:00:00Z"),
            ("lm", "big", 4096, ""),
            ("r", "a", 2048, ""),
        ]
        assert [(each.provider, each.kind, each.optional) for each in report.unheard] == [
            ("away", "connect", True)
        ]
        assert report.partly is False
        assert ps(pool, "off").partly is True
        with pytest.raises(Misuse, match="runs in the cloud"):
            ps(pool, "sky")
        with pytest.raises(UnknownName):
            ps(pool, "nosuch")
        pool.offline = True
        dark = ps(pool)
        assert (dark.entries, sorted(name for name, _ in dark.skipped)) == ((), ["away", "den", "lm", "r"])
        with pytest.raises(Refused):
            ps(pool, "den")


def test_ps_leaves_out_who_is_inactive_unless_it_is_named(tmp_path: Path) -> None:
    """What a policy keeps out of use is not asked, nor sent its key, as in a refresh."""
    ollama = OllamaMemory({"m": 2048})
    with FakeServer(["m"], speaks=["ollama"], routes=ollama.routes) as den:
        pool = open_pool(tmp_path, provider("den", den.root, preset="ollama", format=None))
        policy.update(pool.paths.state, lambda known: known | {"den": Policy(state="inactive")})
        report = ps(pool)
        assert (report.entries, report.unheard, den.requests) == ((), (), [])
        assert [entry.provider for entry in ps(pool, "den").entries] == ["den"]


@pytest.mark.skipif(os.name != "posix", reason="there are no hosts elsewhere")
def test_ps_tells_of_a_damaged_note_beside_what_the_others_say(tmp_path: Path) -> None:
    """What is wrong with the embedded provider keeps nobody from hearing of an Ollama."""
    ollama = OllamaMemory({"m": 2048})
    with FakeServer(["m"], speaks=["ollama"], routes=ollama.routes) as den:
        pool = open_pool(
            tmp_path, provider("den", den.root, preset="ollama", format=None), "[providers.embedded]"
        )
        make_private_dirs(pool.paths.state)
        (embedded_dir(pool.paths.state) / "tiny.json").write_text("{")
        held = try_lock(embedded_dir(pool.paths.state) / "tiny.run")
        assert held is not None
        try:
            report = ps(pool)
        finally:
            os.close(held)
    assert [entry.provider for entry in report.entries] == ["den"]
    assert [(each.provider, each.kind) for each in report.unheard] == [("embedded", "state")]
    assert report.partly
