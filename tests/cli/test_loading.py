"""`llmpool models load`, `unload` and `ps` as a person and a script use them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.loading import LMStudioMemory, OllamaMemory
from tests.fakes.server import FakeServer
from tests.packaging.test_imports import loaded
from tests.support import Home, closed_port, end_of, finish, model, provider, wait_for
from tests.tools.make_tiny_gguf import write_tiny_gguf


@pytest.fixture
def memory() -> LMStudioMemory:
    """Give LM Studio with one model of a small window."""
    return LMStudioMemory({"big": 131072}, {"big": 4096})


@pytest.fixture
def studio(home: Home, memory: LMStudioMemory) -> Iterator[FakeServer]:
    """Serve it as provider `lm`, refreshed."""
    with FakeServer(["big"], speaks=["lmstudio"], routes=memory.routes, behave=memory.chat) as server:
        home.write_config(
            "# mine",
            provider("lm", server.root, preset="lmstudio", format=None),
            provider("sky", server.url, location="cloud"),
        )
        assert home.here("refresh", "lm").code == 0
        yield server


def test_a_model_is_loaded_with_a_window_for_always(
    home: Home, studio: FakeServer, memory: LMStudioMemory
) -> None:
    """The new and the old window are told; --save declares it beside the owner's own lines."""
    done = home.here("models", "load", "lm/big", "--context", "32k", "--save")
    assert (done.code, done.out) == (0, "")
    assert "declared: lm/big has a context window of 32,768 tokens" in done.err
    assert "lm/big: loaded in 0." in done.err
    assert "32,768 tokens (was 4,096)" in done.err
    text = home.config.read_text()
    assert text.startswith("# mine")
    assert "context_window = 32768" in text
    assert memory.orders == [("unload", "big"), ("load", "big", 32768)]
    shown = home.here("models", "load", "big", "--json").json
    assert shown == {
        "schema": 1,
        "model": {
            "id": "lm/big",
            "provider": "lm",
            "model": "big",
            "changed": False,
            "seconds": 0.0,
            "previous_context": None,
            "state": "loaded",
            "instance": "big",
            "context": 32768,
            "size": 1_000_000_000,
            "size_vram": None,
            "until": None,
        },
    }


def test_how_long_it_stays_and_how_to_have_it_always_is_said(
    home: Home, studio: FakeServer, memory: LMStudioMemory
) -> None:
    """After `idle_ttl` or what was ordered, else as its server decides; no time at all is refused."""
    once = home.here("models", "load", "lm/big", "--context", "32k")
    assert once.err.endswith("32,768 tokens (was 4,096); kept as its server decides.  Always: --save\n")
    again = home.here("models", "load", "lm/big", "--context", "32k")
    assert again.err == "lm/big is loaded already, 32,768 tokens.  Always: --save\n"
    assert home.here("config", "set", "providers.lm.idle_ttl", "10m").code == 0
    saved = home.here("models", "load", "lm/big", "--context", "16k", "--save")
    assert saved.err.endswith("16,384 tokens (was 32,768); kept 10 min after last use\n")
    ollama = OllamaMemory()
    with FakeServer(["m"], speaks=["ollama"], routes=ollama.routes) as den:
        home.write_config(provider("den", den.root, preset="ollama", format=None))
        home.here("refresh")
        hour = home.here("models", "load", "den/m", "--context", "32k", "--keep-alive", "1h")
        none = home.here("models", "load", "den/m", "--keep-alive", "0s")
    assert hour.err.endswith("32,768 tokens, 75 % GPU; kept 60 min after last use.  Always: --save\n")
    assert none.code == 2
    assert "llmpool models unload den/m" in none.err
    assert ollama.orders == [("load", "m", 32768)]


def test_what_is_in_memory_is_shown_and_taken_out(home: Home, studio: FakeServer) -> None:
    """`ps` has every local server, one that is away makes it 9 and is named; `unload` empties it."""
    ollama = OllamaMemory({"m": 8192}, until="2318-01-01T00:00:00Z")
    with FakeServer(["m"], speaks=["ollama"], routes=ollama.routes) as den, home.config.open("a") as file:
        file.write(provider("den", den.root, preset="ollama", format=None))
        file.write(provider("gone", f"http://127.0.0.1:{closed_port()}", preset="ollama", format=None))
        file.flush()
        result = home.here("models", "ps", "--json")
        plain = home.here("models", "ps")
        one = home.here("models", "ps", "den")
        out = home.here("models", "unload", "lm/big")
        again = home.here("models", "unload", "lm/big")
    assert result.code == 9
    assert [(m["id"], m["context"], m["size_vram"], m["until"]) for m in result.json["models"]] == [
        ("den/m", 8192, 1_500_000_000, "2318-01-01T00:00:00Z"),
        ("lm/big", 4096, None, None),
    ]
    (error,) = result.json["errors"]
    assert (error["provider"], error["kind"], error["optional"]) == ("gone", "connect", False)
    assert (plain.code, plain.out) == (
        9,
        "den/m\t8k\t2.0 GB\t75 %\tuntil it is unloaded\nlm/big\t4k\t1.0 GB\t?\t\n",
    )
    assert "warning: gone: " in plain.err
    assert (one.code, one.out.count("\n")) == (0, 1)
    assert (out.err, again.err) == ("lm/big is unloaded\n", "lm/big was not loaded\n")


def test_mistakes_are_told_with_the_way_out(home: Home, studio: FakeServer, memory: LMStudioMemory) -> None:
    """The cloud has nothing to load (2), nor has a name nobody carries (3); sizes are checked first."""
    cases = {
        ("load", "sky/gpt"): (2, "sky/gpt runs in the cloud: nothing is loaded there"),
        ("unload", "sky/gpt"): (2, "sky/gpt runs in the cloud"),
        ("ps", "sky"): (2, "sky runs in the cloud"),
        ("load", "nosuch"): (3, 'no model "nosuch" is known'),
        ("load", "lm/big", "--context", "lots"): (2, "'lots' is no size"),
        ("load", "lm/big", "--context", "1M"): (2, "has 131,072 tokens at most"),
        ("load", "lm/big", "--save"): (2, "--save declares a context window"),
        ("load", "lm/big", "--keep-alive", "soon"): (2, "'soon' is no duration"),
        ("load", "lm/big", "--offline"): (8, "--offline forbids"),
    }
    for words, (code, text) in cases.items():
        result = home.here("models", *words)
        assert (result.code, text in result.err) == (code, True), result
    assert memory.orders == []


def test_a_terminal_shows_how_long_it_takes_and_an_interrupt_restores(
    home: Home, studio: FakeServer, memory: LMStudioMemory
) -> None:
    """Seconds are counted on a terminal; Ctrl-C ends with 130, the old window back in memory."""
    memory.delay = 1
    child = home.terminal("models", "load", "lm/big", "--context", "8k")
    child.expect("loading lm/big   0 s")
    assert finish(child).code == 0
    stopped = home.start("models", "load", "lm/big", "--context", "64k")
    wait_for(lambda: len(memory.orders) == 4)
    result = end_of(stopped, send=signal.SIGINT)
    assert (result.code, memory.windows) == (130, {"big": 8192})
    assert "lm/big is being loaded again with the 8,192 tokens it had" in result.err


def test_an_everyday_question_loads_nothing_of_all_this(home: Home, studio: FakeServer) -> None:
    """What prepares windows is loaded for a request that needs a larger one, by name, and for no other."""
    names = loaded(home, "chat", "-m", "lm/big", "hi") | loaded(home, "chat", "hi")
    assert not {name for name in names if "loading" in name or name.startswith("llmpool.discovery")}
    assert not {"llmpool.chat.prepare", "llmpool.chat.guard"} & names


@pytest.fixture
def embedded(home: Home, tmp_path: Path) -> Iterator[Home]:
    """Make a home with the embedded provider and a tiny model."""
    pytest.importorskip("xllamacpp")
    write_tiny_gguf(tmp_path / "tiny.gguf")
    home.write_config('[providers.embedded]\nidle_ttl = "20s"\n')
    pulled = home.here("models", "pull", "embedded/tiny", "--from", str(tmp_path / "tiny.gguf"))
    assert pulled.code == 0, pulled
    yield home
    home.here("models", "unload", "embedded/tiny")


def test_an_embedded_model_is_started_anew_for_another_window(embedded: Home) -> None:
    """Its server is ours: load, load with less, ps without the network, unload."""
    first = embedded.here("models", "load", "embedded/tiny", "--context", "2048", "--json").json["model"]
    assert (first["changed"], first["context"]) == (True, 2048)
    second = embedded.here("models", "load", "embedded/tiny", "--context", "1024")
    assert "1,024 tokens (was 2,048)" in second.err
    same = embedded.here("models", "load", "embedded/tiny")
    assert same.err == "embedded/tiny is loaded already, 1,024 tokens\n"
    (running,) = embedded.here("models", "ps", "--json", "--offline").json["models"]
    assert (running["id"], running["context"], running["name"]) == ("embedded/tiny", 1024, "tiny")
    assert embedded.here("models", "load", "embedded/tiny", "--context", "1M").code == 2
    assert embedded.here("models", "unload", "embedded/tiny").err == "embedded/tiny is unloaded\n"
    assert embedded.here("models", "ps", "--json").json["models"] == []


def test_an_embedded_model_has_the_window_that_was_declared(embedded: Home) -> None:
    """A declared window is what the chat starts it with; a smaller one is left while the prompt fits."""
    with embedded.config.open("a") as file:
        file.write(model("embedded/tiny", context_window=4096))
    assert embedded.here("models", "load", "embedded/tiny", "--context", "1024").code == 0
    short = embedded.here("chat", "-m", "embedded/tiny", "--max-tokens", "4", "hi")
    assert (short.code, "loaded" in short.err) == (0, False)
    long = embedded.here("chat", "-m", "embedded/tiny", "--max-tokens", "4", "word " * 1000)
    assert long.code == 0
    assert "tiny is being loaded with a window of 4,096 tokens, it has 1,024" in long.err
