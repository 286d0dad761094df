"""The tiny model: what the tests of the embedded provider, and anybody by hand, may rely on."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmpool.embedded import gguf, is_available
from tests.tools.make_tiny_gguf import SENTENCES, write_tiny_gguf

needs_server = pytest.mark.skipif(not is_available(), reason="the extra 'embedded' is not installed")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of a real server with the tiny model, in this process."""
    import xllamacpp

    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write_tiny_gguf(path)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = 1024
    parameters.cache_ram_mib = 0
    parameters.verbosity = 1
    server = xllamacpp.Server(parameters)
    with httpx.Client(base_url=server.listening_address, trust_env=False, timeout=20) as made:
        yield made


def _ask(client: httpx.Client, **options: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "What does the river do?"}], "max_tokens": 300}
    answer = client.post("/v1/chat/completions", json=body | options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_bytes_repeat(tmp_path: Path) -> None:
    """A seed always makes the same bytes, another seed makes others, and both are small and quick."""
    started = time.process_time()
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_tiny_gguf(tmp_path / name, seed=seed)
    assert time.process_time() - started < 6
    digests = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "abc"]
    assert digests[0] == digests[1] != digests[2]
    assert (tmp_path / "a").stat().st_size < 2 * 1024 * 1024


def test_header_is_whole(tmp_path: Path) -> None:
    """The header says the context that was asked for and exactly the size the file has."""
    write_tiny_gguf(tmp_path / "a", context=4096)
    assert gguf.summarise(tmp_path / "a") == (4096, (tmp_path / "a").stat().st_size)


@needs_server
def test_answers_in_words_and_stops(client: httpx.Client) -> None:
    """Answers are readable words of the vocabulary, counted, and end by themselves."""
    answers = [_ask(client, seed=seed) for seed in range(20)]
    texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    assert len(words & set(SENTENCES.split())) > 0.9 * len(words) > 10
    assert all(text.strip() for text in texts)
    assert sum(answer["choices"][0]["finish_reason"] == "stop" for answer in answers) >= 18
    usage = answers[0]["usage"]
    assert usage["prompt_tokens"] > 10
    assert usage["completion_tokens"] > 1


@needs_server
def test_repeats_and_ends_at_temperature_zero(client: httpx.Client) -> None:
    """The likeliest answer is always the same and ends."""
    answers = [_ask(client, temperature=0)["choices"][0] for _ in range(2)]
    assert answers[0]["message"]["content"] == answers[1]["message"]["content"]
    assert answers[0]["finish_reason"] == "stop"


@needs_server
def test_streams(client: httpx.Client) -> None:
    """A streamed answer comes in several pieces and ends with its usage."""
    body = {"messages": [{"role": "user", "content": "Go on."}], "stream": True, "max_tokens": 20}
    body |= {"stream_options": {"include_usage": True}, "ignore_eos": True}
    with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    chunks = [json.loads(line) for line in lines if line != "[DONE]"]
    pieces = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
    assert len([piece for piece in pieces if piece]) > 10
    assert chunks[-1]["usage"]["completion_tokens"] == 20
