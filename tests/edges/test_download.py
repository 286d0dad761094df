"""One pull against a server: what is told of it, how it fails, and what is left of it (ruling 18, C12)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.discovery import download, download_ways
from llmpool.discovery.download import PullEvent
from llmpool.discovery.download_ways import LMSTUDIO, OLLAMA, Pulled
from llmpool.embedded.part import Cancelled
from llmpool.errors import Busy, NoCredential, Refused, UnknownName, UpstreamFailed
from llmpool.pool import Pool
from llmpool.state import downloads
from llmpool.state.downloads import Job
from tests.fakes import faults
from tests.fakes.pulling import LMStudioCatalog, OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import closed_port, provider, wait_for

NOW = 1_790_000_000.0
AT = "2026-09-21T14:13:20Z"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a turn, and between two looks, a fraction of what a person's run does."""
    monkeypatch.setattr(downloads, "TURN_WAIT", 0.2)
    monkeypatch.setattr(download, "LOOK", 0.05)
    monkeypatch.setattr(download_ways, "LOOK", 0.01)


def open_pool(directory: Path, *tables: str, offline: bool = False, **env: str) -> Pool:
    """Open the pool that *tables* configure."""
    config = directory / "config.toml"
    config.write_text("\n".join(tables))
    return Pool(find_paths(env, str(config), str(directory / "state")), env, lambda: NOW, offline=offline)


def ollama(name: str, server: FakeServer, **fields: Any) -> str:
    """Write the table of an Ollama server."""
    return provider(name, server.root, format="ollama", **fields)


def pull(
    pool: Pool, model: str = "b:1", kind: str = OLLAMA, **options: Any
) -> tuple[Pulled, list[PullEvent]]:
    """Pull *model* at u1, and return what came of it and all that was told."""
    told: list[PullEvent] = []
    return download.pull(pool, kind, Job(provider="u1", model=model), told.append, **options), told


def left(pool: Pool) -> Job:
    """Return what is written of the pull at u1."""
    return downloads.read(pool.paths.state)["u1"]


def cancel_when(library: OllamaLibrary | LMStudioCatalog, pool: Pool, ref: str) -> threading.Thread:
    """Call *ref* off, from another thread, once the pull has begun."""

    def call_off() -> None:
        asked = library.pulls if isinstance(library, OllamaLibrary) else library.asked
        wait_for(lambda: bool(asked) and bool(downloads.read(pool.paths.state)))
        downloads.cancel(pool.paths.state, ref, AT)

    thread = threading.Thread(target=call_off)
    thread.start()
    return thread


def test_a_pull_tells_how_far_it_is(tmp_path: Path) -> None:
    """C12: exactly one pull, its progress told with the id, the bytes of all layers, and its end kept."""
    library = OllamaLibrary({"b:1": 4000})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        pulled, told = pull(pool)
    assert pulled == Pulled("u1/b:1")
    assert library.pulls == ["b:1"]
    assert {event.ref for event in told} == {"u1/b:1"}
    assert [(event.done, event.total) for event in told] == [
        (0, 0),
        *((done, 4000) for done in (0, 1000, 2000, 3000, 4000)),
        *[(4100, 4100)] * 4,
    ]
    assert [event.status for event in told[-3:]] == ["verifying sha256 digest", "writing manifest", "success"]
    job = left(pool)
    assert (job.state, job.done, job.total, job.since, job.pid) == ("done", 4100, 4100, AT, 0)


@pytest.mark.parametrize(
    ("fault", "words", "kind"),
    [
        ("error", "max retries exceeded: unexpected EOF", "server"),
        ("die", "closed the connection", "broken"),
        ("end", "ended the pull before it was done", "broken"),
        ("garbage", "is not JSON", "wrong_format"),
    ],
)  # fmt: skip
def test_a_pull_that_fails_is_kept_with_its_error(tmp_path: Path, fault: str, words: str, kind: str) -> None:
    """C12: `failed downloading model b:1: ...`; the failure stays in the queue, the next try goes on."""
    library = OllamaLibrary({"b:1": 4000}, fault=lambda _name, number: fault if number == 1 else "")
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        with pytest.raises(UpstreamFailed, match="failed downloading model b:1: ") as caught:
            pull(pool)
        job = left(pool)
        assert (job.state, job.kind) == ("failed", kind)
        assert caught.value.message == f"u1: failed downloading model b:1: {job.error}"
        assert words in job.error
        assert job.done == 1000
        _, told = pull(pool)
    assert [event.done for event in told][:3] == [0, 1000, 1750]  # it goes on from there
    assert (left(pool).state, left(pool).attempts, left(pool).error) == ("done", 2, "")


def test_a_model_nobody_has_is_an_unknown_name(tmp_path: Path) -> None:
    """The library's "file does not exist" is exit 3, with where to look for names."""
    library = OllamaLibrary({})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        with pytest.raises(UnknownName, match="failed downloading model b:1: pull model manifest") as caught:
            pull(pool)
    assert caught.value.hint == "what there is: https://ollama.com/library"
    assert left(pool).kind == "model_not_found"


def test_a_server_that_is_not_there_or_refuses(tmp_path: Path) -> None:
    """Nobody listens, a key is refused, a proxy answers: each is told as what it is."""
    pool = open_pool(tmp_path, provider("u1", f"http://127.0.0.1:{closed_port()}", format="ollama"))
    with pytest.raises(UpstreamFailed) as caught:
        pull(pool)
    assert left(pool).kind == "connect"
    assert caught.value.hint == "is the server running? then: llmpool models pull u1/b:1"
    with FakeServer(speaks=("ollama",), routes={"/api/pull": faults.status(401)}) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        with pytest.raises(NoCredential):
            pull(pool)
    with FakeServer(speaks=("ollama",), routes={"/api/pull": faults.html(200)}) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        with pytest.raises(UpstreamFailed, match="answered HTML"):
            pull(pool)


def test_a_silent_server_is_waited_for_so_long(tmp_path: Path) -> None:
    """There is no limit for a pull as a whole, only for the silence in it."""
    library = OllamaLibrary({"b:1": 4000}, fault=lambda _name, _number: "silent")
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server, total_timeout="1ms", read_timeout="1ms"))
        with pytest.raises(UpstreamFailed, match="failed downloading model b:1"):
            pull(pool, silence=0.3)
    assert left(pool).kind == "timeout"
    assert left(pool).done == 1000
    assert download_ways.SILENCE == 600


@pytest.mark.parametrize("ref", ["u1", "b:1", "u1/b:1"])
def test_a_pull_is_cancelled_even_when_nothing_comes(tmp_path: Path, ref: str) -> None:
    """C12: cancelled by provider, model or id; the connection is closed although the server says nothing."""
    library = OllamaLibrary({"b:1": 4000}, fault=lambda _name, _number: "silent")
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        thread = cancel_when(library, pool, ref)
        with pytest.raises(Cancelled, match="failed downloading model b:1: cancelled from another process"):
            pull(pool)
        thread.join()
        wait_for(lambda: library.at_once == 0)
    assert (left(pool).state, left(pool).error, left(pool).stop) == ("cancelled", "", False)


def test_an_interrupted_pull_is_left_as_such(tmp_path: Path) -> None:
    """Ctrl-C in the middle: the job says so, how far it came, and what goes on is said."""
    library = OllamaLibrary({"b:1": 4000})

    def interrupt(event: PullEvent) -> None:
        if event.done >= 2000:
            raise KeyboardInterrupt

    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        with pytest.raises(KeyboardInterrupt):
            download.pull(pool, OLLAMA, Job(provider="u1", model="b:1", asked=True), interrupt)
    assert (left(pool).state, left(pool).done, left(pool).pid) == ("interrupted", 2000, 0)
    assert pool.warnings == ["u1/b:1 is interrupted; go on: llmpool models pull"]


def test_two_at_once_pull_a_model_once(tmp_path: Path) -> None:
    """The second watches the first and gets its result; a pull of another model there is told to wait."""
    library = OllamaLibrary({"b:1": 4000, "c:1": 4000})
    library.gate.clear()
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool, second = (open_pool(tmp_path, ollama("u1", server)) for _ in range(2))
        first = threading.Thread(target=pull, args=(pool,))
        first.start()
        wait_for(lambda: bool(library.pulls))
        with pytest.raises(Busy, match="u1 is busy: another process pulls u1/b:1"):
            pull(second, "c:1")
        with pytest.raises(Busy):
            pull(second, follow=False)
        told: list[PullEvent] = []

        def tell(event: PullEvent) -> None:
            told.append(event)
            library.gate.set()

        pulled = download.pull(second, OLLAMA, Job(provider="u1", model="b:1"), tell)
        first.join()
    assert library.pulls == ["b:1"]
    assert pulled == Pulled("u1/b:1", 4100)
    assert {event.status for event in told} == {"pulled by another process"}


def test_the_second_takes_over_what_the_first_left(tmp_path: Path) -> None:
    """When the process it watches goes away in the middle, the pull is taken up at once."""
    library = OllamaLibrary({"b:1": 4000})
    with FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("u1", server))
        hold, taken = threading.Event(), threading.Event()

        def other() -> None:
            with downloads.turn(pool.paths.state, "u1"):
                downloads.begin(pool.paths.state, Job(provider="u1", model="b:1"), AT)
                taken.set()
                hold.wait(10)

        thread = threading.Thread(target=other)
        thread.start()
        taken.wait(10)
        told: list[PullEvent] = []

        def tell(event: PullEvent) -> None:
            told.append(event)
            hold.set()

        assert download.pull(pool, OLLAMA, Job(provider="u1", model="b:1"), tell) == Pulled("u1/b:1")
        thread.join()
    assert told[0].status == "pulled by another process"
    assert (left(pool).state, left(pool).attempts) == ("done", 2)


def test_different_providers_pull_side_by_side(tmp_path: Path) -> None:
    """One pull at a provider, but nobody waits for another provider's."""
    library = OllamaLibrary({"b:1": 4000})
    library.gate.clear()
    with (
        FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as one,
        FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as two,
    ):
        pool = open_pool(tmp_path, ollama("u1", one), ollama("u2", two))
        _ = pool.table, pool.memories
        jobs = [Job(provider=name, model="b:1") for name in ("u1", "u2")]
        threads = [
            threading.Thread(target=download.pull, args=(pool, OLLAMA, job, lambda _event: None))
            for job in jobs
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: library.peak == 2)
        library.gate.set()
        for thread in threads:
            thread.join()
    assert library.peak == 2
    assert {job.state for job in downloads.read(pool.paths.state).values()} == {"done"}


def test_offline_nothing_is_fetched(tmp_path: Path) -> None:
    """`--offline` refuses, and leaves no trace in the queue."""
    with FakeServer(speaks=("ollama",)) as server:
        pool = open_pool(tmp_path, ollama("u1", server), offline=True)
        with pytest.raises(Refused):
            pull(pool)
        assert server.requests == []
    assert downloads.read(pool.paths.state) == {}


def lmstudio(name: str, server: FakeServer) -> str:
    """Write the table of an LM Studio."""
    return provider(name, server.root, format="lmstudio")


def test_lm_studio_is_asked_until_it_has_the_model(tmp_path: Path) -> None:
    """A job is started and asked after until it is done; what is there already is said to be."""
    catalog = LMStudioCatalog({"ibm/granite": 900}, answers=3)
    with FakeServer(["a"], speaks=("lmstudio",), routes=catalog.routes()) as server:
        pool = open_pool(tmp_path, lmstudio("u1", server))
        pulled, told = pull(pool, "ibm/granite", LMSTUDIO)
        assert pulled == Pulled("u1/ibm/granite", 900)
        assert [event.done for event in told] == [0, 300, 600, 900]
        again, _ = pull(pool, "ibm/granite", LMSTUDIO)
    assert again.present
    assert catalog.started == ["ibm/granite"]


def test_lm_studio_goes_on_with_the_download_it_has(tmp_path: Path) -> None:
    """A pull that was left is asked after by its job; one that LM Studio forgot is started anew."""
    catalog = LMStudioCatalog({"m": 900}, answers=2)
    with FakeServer(["a"], speaks=("lmstudio",), routes=catalog.routes()) as server:
        pool = open_pool(tmp_path, lmstudio("u1", server))
        catalog.started.append("m")
        job = Job(provider="u1", model="m", state=downloads.INTERRUPTED, handle="job_1")
        downloads.end(pool.paths.state, job)
        pull(pool, "m", LMSTUDIO)
        assert catalog.started == ["m"]
        server.models.remove({"id": "m", "size": 900})
        downloads.end(pool.paths.state, job.replace(handle="job_7"))
        pull(pool, "m", LMSTUDIO)
    assert catalog.started == ["m", "m"]


def test_lm_studio_fails_in_its_ways(tmp_path: Path) -> None:
    """An unknown model, a failed download, one that stands still, a server older than 0.4."""
    catalog = LMStudioCatalog({"m": 900}, status="failed")
    with FakeServer(["a"], speaks=("lmstudio",), routes=catalog.routes()) as server:
        pool = open_pool(tmp_path, lmstudio("u1", server))
        with pytest.raises(UnknownName, match="failed downloading model nope") as caught:
            pull(pool, "nope", LMSTUDIO)
        assert "lmstudio.ai" in caught.value.hint
        with pytest.raises(UpstreamFailed, match="the download failed without a word"):
            pull(pool, "m", LMSTUDIO)
    catalog = LMStudioCatalog({"m": 900}, status="paused", answers=10**9)
    with FakeServer(["a"], speaks=("lmstudio",), routes=catalog.routes()) as server:
        pool = open_pool(tmp_path, lmstudio("u1", server))
        with pytest.raises(UpstreamFailed, match=r"LM Studio paused it for 0\.2 s"):
            pull(pool, "m", LMSTUDIO, silence=0.2)
    with FakeServer(["a"], speaks=("lmstudio",), lmstudio_v1=False) as server:
        pool = open_pool(tmp_path, lmstudio("u1", server))
        with pytest.raises(UpstreamFailed, match=r"as LM Studio does from 0\.4 on"):
            pull(pool, "m", LMSTUDIO)


def test_cancelling_says_that_lm_studio_goes_on(tmp_path: Path) -> None:
    """Nobody can stop a download there from outside; the way out is named."""
    catalog = LMStudioCatalog({"m": 900}, answers=10**9)
    with FakeServer(["a"], speaks=("lmstudio",), routes=catalog.routes()) as server:
        pool = open_pool(tmp_path, lmstudio("u1", server))
        thread = cancel_when(catalog, pool, "u1/m")
        with pytest.raises(Cancelled) as caught:
            pull(pool, "m", LMSTUDIO)
        thread.join()
    assert caught.value.hint == "LM Studio itself goes on; stop it there, under Downloads"
