"""Which server a name means when a model is pulled or removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.discovery import download, download_ways, removal
from llmpool.discovery.refresh import refresh
from llmpool.embedded import make_private_dirs, models_dir
from llmpool.embedded.fetch import installed
from llmpool.errors import AmbiguousName, Busy, Misuse, UnknownName
from llmpool.setup import downloads as pulls
from llmpool.setup import models
from llmpool.setup.models import Place, place
from llmpool.state import downloads, inventory
from llmpool.state.downloads import Job
from tests.edges.test_download import AT, lmstudio, ollama, open_pool
from tests.fakes import faults
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import model, provider

OTHER = provider("work", "http://127.0.0.1:9/v1")
HOSTED = provider("hosted", "https://ollama.com", format="ollama", location="cloud")
EMBEDDED = Place("embedded", "smollm2-135m", "embedded")
DEN_M = Place("den", "m:1", "ollama")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("den/qwen3:8b", Place("den", "qwen3:8b", "ollama")),
        ("den/hf.co/org/model:Q4", Place("den", "hf.co/org/model:Q4", "ollama")),
        ("m:1", DEN_M),
        ("mine", DEN_M),
        ("qwen3:8b", Place("den", "qwen3:8b", "ollama")),
        ("hf.co/org/model", Place("den", "hf.co/org/model", "ollama")),
        ("smollm2-135m", EMBEDDED),
        ("embedded/smollm2-135m", EMBEDDED),
        ("embedded/new", Place("embedded", "new", "embedded")),
    ],
)
def test_a_name_means_one_place(tmp_path: Path, ref: str, expected: Place) -> None:
    """An id, an alias, a name that is listed, a new name for the only server that pulls, an embedded one."""
    with FakeServer(["m:1"], speaks=("ollama",)) as server:
        pool = open_pool(tmp_path, ollama("den", server), OTHER, HOSTED, model("den/m:1", aliases=["mine"]))
        refresh(pool, ("den",))
        assert place(pool, ref) == expected


@pytest.mark.parametrize(
    ("ref", "error", "words"),
    [
        ("work/gpt-5", Misuse, "work is no server whose models can be pulled"),
        ("hosted/gpt-oss:120b", Misuse, "hosted is no server whose models can be pulled"),
        ("den", Misuse, "den is a provider; say which model of it"),
        ("den/", Misuse, "den is a provider; say which model of it"),
        ("deen/qwen3:8b", UnknownName, 'no provider "deen" is configured'),
        ("openai/gpt-5", UnknownName, 'no provider "openai" is configured'),
        ("new", AmbiguousName, '"new" may be meant for 2 servers'),
        ("m:1", AmbiguousName, '"m:1" may be meant for 2 servers'),
        ("den/\x1b[2J", Misuse, "cannot name a model"),
        ("", Misuse, "cannot name a model"),
    ],
)
def test_what_is_not_clear_is_not_guessed(
    tmp_path: Path, ref: str, error: type[Exception], words: str
) -> None:
    """A provider that cannot pull, a mistyped one, or several that could: nobody is asked."""
    with FakeServer(["m:1"], speaks=("ollama", "lmstudio")) as server:
        pool = open_pool(tmp_path, ollama("den", server), lmstudio("lms", server), OTHER, HOSTED)
        refresh(pool, ("den", "lms"))
        with pytest.raises(error, match=words.replace("[", r"\[")) as caught:
            place(pool, ref)
        if isinstance(caught.value, AmbiguousName):
            assert caught.value.details["candidates"] == [f"den/{ref}", f"lms/{ref}"]


def test_with_nobody_who_pulls_there_is_a_way_out(tmp_path: Path) -> None:
    """A pool of cloud keys alone is told what would help."""
    with pytest.raises(UnknownName, match='no server that could pull "qwen3:8b"') as caught:
        place(open_pool(tmp_path, OTHER), "qwen3:8b")
    assert "llmpool providers add http://HOST:11434" in caught.value.hint


def test_a_format_that_was_found_out_can_pull(tmp_path: Path) -> None:
    """A server without a preset or a format pulls once a refresh has heard that it is an Ollama."""
    with FakeServer(["m:1"], speaks=("ollama",)) as server:
        pool = open_pool(tmp_path, provider("box", server.root, format=None))
        with pytest.raises(Misuse):
            place(pool, "box/new")
        refresh(pool)
        assert place(pool, "box/new") == Place("box", "new", "ollama")


def test_c6_no_server_is_meant_by_default(tmp_path: Path) -> None:
    """Ruling 1 replaces C6: `default` an LM Studio, beta and zeta Ollamas: a new name is none of theirs."""
    url = "http://127.0.0.1:9"
    tables = [provider(name, url, format="ollama") for name in ("zeta", "beta")]
    pool = open_pool(tmp_path, provider("default", url, format="lmstudio"), *tables)
    with pytest.raises(AmbiguousName) as caught:
        place(pool, "qwen3:8b")
    assert caught.value.details["candidates"] == ["beta/qwen3:8b", "default/qwen3:8b", "zeta/qwen3:8b"]


def test_what_is_removed_must_be_the_only_one_of_its_name(tmp_path: Path) -> None:
    """One carrier can be asked to delete it and one cannot: both are listed, and nobody is asked."""
    with FakeServer(["m:1"], speaks=("ollama", "openai")) as server:
        pool = open_pool(tmp_path, ollama("den", server), provider("work", server.url))
        refresh(pool)
        with pytest.raises(AmbiguousName) as caught:
            place(pool, "m:1", known=True)
        assert caught.value.details["candidates"] == ["den/m:1", "work/m:1"]
        assert place(pool, "m:1").ref == "den/m:1"


def test_what_is_removed_must_be_known(tmp_path: Path) -> None:
    """A bare name nobody lists is exit 3 with the nearest names, not a question to a server."""
    with FakeServer(["qwen3:8b"], speaks=("ollama",)) as server:
        pool = open_pool(tmp_path, ollama("den", server))
        refresh(pool)
        with pytest.raises(UnknownName, match='no model "qwen3:9b"'):
            place(pool, "qwen3:9b", known=True)
        assert place(pool, "qwen3:8b", known=True).ref == "den/qwen3:8b"


def test_a_model_is_removed_and_unlisted(tmp_path: Path) -> None:
    """One DELETE, a new listing; a second removal is an unknown name."""
    library = OllamaLibrary({})
    with FakeServer(["m:1"], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("den", server))
        refresh(pool)
        models.remove(pool, DEN_M)
        assert library.deleted == ["m:1"]
        assert pool.listing["models"] == []
        with pytest.raises(UnknownName, match="den/m:1 is not deleted: model 'm:1' not found"):
            models.remove(pool, DEN_M)


def test_what_is_removed_is_not_pulled_by_whoever_goes_on(tmp_path: Path, tiny: Path) -> None:
    """A pull that was left halfway goes with what it left, or the next `refresh --pull` has it all back."""
    pool = open_pool(tmp_path, "[providers.embedded]")
    state = pool.paths.state
    with downloads.turn(state, "embedded"):
        downloads.begin(state, Job(provider="embedded", model="mine", asked=True, source=str(tiny)), AT)
    make_private_dirs(state)
    (models_dir(state) / ".mine.part").write_bytes(b"GGUF")
    assert [job.state for job in downloads.read(state).values()] == ["interrupted"]
    models.remove(pool, Place("embedded", "mine", "embedded"))
    done = pulls.reconcile(pool, pull=True, remove=False, ask=lambda _refs: False, tell=lambda _event: None)
    assert (done.pulled, installed(state)) == ((), [])


def test_lm_studio_is_refused_in_words(tmp_path: Path) -> None:
    """There is no call that deletes there: nothing is asked, and the way out is named."""
    pool = open_pool(tmp_path, provider("lms", "http://127.0.0.1:9", format="lmstudio"))
    with pytest.raises(Misuse, match="LM Studio has no way to delete") as caught:
        models.remove(pool, Place("lms", "m", "lmstudio"))
    assert "My Models" in caught.value.hint
    with pytest.raises(Misuse):
        removal.remove(pool, "lmstudio", "lms", "m")


def test_a_model_that_is_being_pulled_is_not_removed(tmp_path: Path) -> None:
    """The pull is called off first; the error says how."""
    pool = open_pool(tmp_path, provider("den", "http://127.0.0.1:9", format="ollama"))
    with downloads.turn(pool.paths.state, "den"):
        downloads.begin(pool.paths.state, Job(provider="den", model="m:1"), AT)
        with pytest.raises(Busy, match="den/m:1 is being pulled just now") as caught:
            models.remove(pool, DEN_M)
    assert caught.value.hint == "call it off first: llmpool models pull --cancel den/m:1"


@pytest.mark.parametrize("another", [{"sha256": "0" * 64}, {"source": "/models/another.gguf"}])
def test_a_pull_of_another_file_is_not_followed(tmp_path: Path, another: dict[str, str]) -> None:
    """What comes of it has neither the digest that was demanded nor the origin that was named."""
    pool = open_pool(tmp_path)
    ours = Job(provider="embedded", model="mine", source="/models/mine.gguf", sha256="1" * 64)
    with downloads.turn(pool.paths.state, "embedded"):
        downloads.begin(pool.paths.state, ours.replace(**another), AT)
        with pytest.raises(Busy, match="another process pulls embedded/mine"):
            download.pull(pool, download_ways.EMBEDDED, ours, lambda _event: None)


def test_a_file_that_is_named_from_where_one_stands_is_followed_all_the_same(tmp_path: Path) -> None:
    """It is kept as a whole path, and that is what tells whether another process pulls it already."""
    pool = open_pool(tmp_path)
    ours = Job(provider="embedded", model="mine", source="/models/mine.gguf")
    heard: list[str] = []

    def tell(event: download.PullEvent) -> None:
        heard.append(event.status)
        downloads.end(pool.paths.state, job.replace(state=downloads.DONE))

    with downloads.turn(pool.paths.state, "embedded"):
        job = downloads.begin(pool.paths.state, ours, AT)
        pulled = download.pull(pool, download_ways.EMBEDDED, ours, tell, source="mine.gguf")
    assert (pulled.ref, heard) == ("embedded/mine", ["pulled by another process"])


def test_a_model_that_runs_elsewhere_is_said_to(tmp_path: Path) -> None:
    """A `-cloud` name is pulled as Ollama does it, and what came is known to be no more than a name."""
    library = OllamaLibrary({"gpt-oss:120b-cloud": 384})
    with FakeServer([], speaks=("ollama",), routes=library.routes()) as server:
        pool = open_pool(tmp_path, ollama("den", server))
        listed = {"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com", "size": 384}
        server.behave_listing(lambda _n, _r: faults.said(200, {"models": [listed]}))
        pulled = pulls.pull(pool, "den/gpt-oss:120b-cloud", lambda _event: None)
    assert (pulled.remote, pulled.size) == (True, 384)
    assert [d.location for d in pool.registry.deployments] == ["cloud"]


def test_a_source_is_for_embedded_models_alone(tmp_path: Path) -> None:
    """Servers fetch by name; and an embedded model in no catalogue needs a source."""
    pool = open_pool(tmp_path, provider("den", "http://127.0.0.1:9", format="ollama"))
    with pytest.raises(Misuse, match="--from and --sha256 are for the embedded provider"):
        pulls.pull(pool, "den/m", lambda _event: None, source="m.gguf")
    with pytest.raises(UnknownName, match="mine is not in the catalogue"):
        pulls.pull(pool, "embedded/mine", lambda _event: None)


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("https://h.example/a.gguf", "https://h.example/a.gguf"),
        ("https://h.example/a.gguf?token=s3cret", ""),
        ("https://me:s3cret@h.example/a.gguf", ""),
        ("/models/a.gguf", "/models/a.gguf"),
        ("", ""),
    ],
)
def test_a_secret_in_a_url_is_not_kept(source: str, kept: str) -> None:
    """What a queue on disk may know of where a model comes from."""
    assert pulls._to_keep(source) == kept


@pytest.mark.parametrize("gone", [False, True])
def test_what_was_changed_during_a_pull_is_listed_as_it_is_then(tmp_path: Path, *, gone: bool) -> None:
    """A pull may take hours: a provider that was moved is listed where it is now, a removed one nowhere."""
    library = OllamaLibrary({"b:1": 400})
    with (
        FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as old,
        FakeServer(["c:1"], speaks=("ollama",)) as new,
    ):
        pool = open_pool(tmp_path, ollama("den", old), OTHER)
        moved = "\n".join([OTHER] if gone else [ollama("den", new), OTHER])
        pulls.pull(pool, "den/b:1", lambda _event: (tmp_path / "config.toml").write_text(moved))
        seen = inventory.read(pool.paths.state).providers
        assert [m.name for e in seen.values() for m in e.models] == ([] if gone else ["c:1"])
    assert any("not configured any more" in text for text in pool.warnings) is gone
