"""The whole way with a real llama.cpp: the embedded provider, from a model file to a recorded answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import Home, provider
from tests.tools.make_tiny_gguf import write_tiny_gguf

pytest.importorskip("xllamacpp")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model of random weights that a real server loads."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_tiny_gguf(path)
    return path


@pytest.fixture
def embedded(home: Home, tiny: Path) -> Iterator[Home]:
    """Make a home with the embedded provider and the tiny model, pulled from a file."""
    home.write_config('[providers.embedded]\nidle_ttl = "20s"\n')
    pulled = home.here("models", "pull", "embedded/tiny", "--from", str(tiny), "--json")
    assert pulled.code == 0, pulled
    yield home
    home.here("models", "unload", "embedded/tiny")


def usage(home: Home) -> list[dict]:
    """Return all usage records."""
    return [json.loads(line) for path in (home.state / "usage").glob("*.jsonl") for line in path.open()]


def test_a_pulled_model_is_listed_and_routed(embedded: Home) -> None:
    """After a pull the model is in the pool with what its file says, and route finds it."""
    listed = embedded.here("models", "list", "--json").json["models"][0]
    assert (listed["id"], listed["location"], listed["context_window"]) == ("embedded/tiny", "local", 8192)
    assert embedded.here("route", "hi").out == "embedded/tiny\n"


def test_it_answers_and_the_server_s_own_count_is_recorded(embedded: Home) -> None:
    """The recorded usage equals what the server counts for the same request asked directly."""
    shown = embedded.here(
        "chat", "--json", "--temperature", "0", "--max-tokens", "12", "Why is the sky blue?"
    ).json
    assert shown["text"].strip()
    assert shown["cost"] == "0"
    counted = _ask_directly(embedded)
    mine = usage(embedded)[0]
    assert mine["input_tokens"] == shown["usage"]["input_tokens"] == counted["prompt_tokens"]
    assert mine["output_tokens"] == shown["usage"]["output_tokens"] == counted["completion_tokens"]
    assert mine["deployment"] == "embedded/tiny"


def _ask_directly(home: Home) -> dict:
    """Ask the running server the same without llmpool."""
    import http.client

    info = json.loads((home.state / "embedded" / "tiny.json").read_text())
    connection = http.client.HTTPConnection("127.0.0.1", info["port"], timeout=20)
    body = {
        "model": "tiny",
        "temperature": 0,
        "max_tokens": 12,
        "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    }
    headers = {"Authorization": f"Bearer {info['key']}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    return json.loads(connection.getresponse().read())["usage"]


def test_concurrent_first_calls_share_one_server(embedded: Home) -> None:
    """Three cold chats at once start one server and all get an answer."""
    children = [embedded.start("chat", "--max-tokens", "8", f"question {n}") for n in range(3)]
    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        assert out.strip()
    assert len(embedded.here("models", "ps", "--json").json["models"]) == 1


def test_a_killed_server_is_started_again(embedded: Home) -> None:
    """After kill -9 of the server the next chat answers all the same."""
    import os
    import signal

    assert embedded.here("chat", "--max-tokens", "8", "one").code == 0
    os.kill(embedded.here("models", "ps", "--json").json["models"][0]["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert embedded.here("chat", "--max-tokens", "8", "two").code == 0


def test_a_streamed_answer_has_a_first_token_time(embedded: Home) -> None:
    """A streamed chat records the time to its first token, no longer than the whole."""
    assert embedded.here("chat", "--max-tokens", "20", "hello").code == 0
    record = usage(embedded)[0]
    assert 0 <= record["ttft_ms"] <= record["latency_ms"]


def test_the_server_s_key_is_nowhere_but_in_its_state(embedded: Home) -> None:
    """The loopback key stands in one file of mode 0600 and in no output."""
    result = embedded.here("chat", "--json", "--max-tokens", "8", "hi")
    path = embedded.state / "embedded" / "tiny.json"
    key = json.loads(path.read_text())["key"]
    assert key not in result.out + result.err
    assert embedded.files_with(key) == [str(path.relative_to(embedded.dir))]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_plain_openai_provider_reaches_the_same_server(embedded: Home) -> None:
    """The server is an ordinary one: configured by URL and key variable it is listed with its window."""
    embedded.here("chat", "--max-tokens", "4", "warm up")
    info = json.loads((embedded.state / "embedded" / "tiny.json").read_text())
    url = f"http://127.0.0.1:{info['port']}/v1"
    with embedded.config.open("a") as file:
        file.write("\n" + provider("llama", url, key={"env": "LLAMA_KEY"}))
    assert embedded.here("refresh", "llama", env={"LLAMA_KEY": info["key"]}).code == 0
    answer = embedded.here(
        "chat", "-m", "llama/tiny", "--max-tokens", "8", "hi", env={"LLAMA_KEY": info["key"]}
    )
    assert answer.code == 0
    assert answer.out.strip()
    wrong = embedded.here("chat", "-m", "llama/tiny", "hi", env={"LLAMA_KEY": "sk-not-it-at-all"})
    assert wrong.code == 5


def test_removing_it_takes_it_out_of_the_pool(embedded: Home) -> None:
    """`models remove --yes` stops the server and deletes file and deployment; without --yes it refuses."""
    assert embedded.here("models", "remove", "embedded/tiny").code == 2
    assert embedded.here("models", "remove", "embedded/tiny", "--yes").code == 0
    assert embedded.here("models", "list", "--json").json["models"] == []
    assert not list((embedded.state / "embedded" / "models").glob("*.gguf"))


def test_a_damaged_model_file_is_one_clear_line(embedded: Home) -> None:
    """A truncated model ends with one error that names the file, not with a traceback or a hang."""
    path = embedded.state / "embedded" / "models" / "tiny.gguf"
    path.write_bytes(path.read_bytes()[:100_000])
    result = embedded.here("chat", "hi")
    assert result.code == 7
    assert "tiny" in result.err
    assert "Traceback" not in result.err


def test_pulling_something_that_is_no_model_is_refused(home: Home, tmp_path: Path) -> None:
    """A file that is no GGUF never gets a model's name."""
    home.write_config("[providers.embedded]\n")
    (tmp_path / "page.gguf").write_text("<html>not found</html>")
    result = home.here("models", "pull", "embedded/page", "--from", str(tmp_path / "page.gguf"))
    assert result.code != 0
    assert "Traceback" not in result.err
    assert home.here("models", "list", "--json").json["models"] == []
    assert home.here("models", "pull", "embedded/nosuch").code == 3
    assert home.here("models", "pull", "openai/gpt-5").code == 3
    assert home.here("models", "pull", "nosuch").code == 3
