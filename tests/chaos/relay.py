"""A real llama.cpp server behind servers that let its answers through, break them, or say something else."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Self
from urllib.parse import urlsplit

from tests.chaos.flood import Asked
from tests.chaos.weather import number_of
from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import model, provider

TOKENS = 12


class Llama:
    """The real server: where it is, its key, and what it answers when nobody is in between."""

    def __init__(self, url: str, key: str) -> None:
        self.place, self._key = urlsplit(url).netloc, key

    @contextmanager
    def opened(self, body: bytes) -> Iterator[http.client.HTTPResponse]:
        """Post a chat and read its answer."""
        connection = http.client.HTTPConnection(self.place, timeout=120)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def answer(self, prompt: str) -> Any:
        """Return its answer to *prompt*, the likeliest."""
        asked = {"model": "tiny", "temperature": 0, "max_tokens": TOKENS}
        body = asked | {"messages": [{"role": "user", "content": prompt}]}
        with self.opened(json.dumps(body).encode()) as response:
            return json.loads(response.read())


def through(llama: Llama, *, most: int = -1, ends: str = "", noise: bytes = b"") -> Behaviour:
    """Pass a real answer on; after *most* bytes of it break off, as *ends* says, behind *noise*."""

    def play(exchange: Exchange) -> None:
        left = most
        with llama.opened(exchange.record.body) as response:
            kind = response.getheader("Content-Type") or "application/json"
            exchange.head(response.status, {"Content-Type": kind, "Transfer-Encoding": "chunked"})
            while piece := response.read1(256):
                if 0 <= left <= len(piece):
                    exchange.chunk(piece[:left] + noise)
                    _end(exchange, ends)
                    return
                exchange.chunk(piece)
                left -= len(piece) if left >= 0 else 0
        exchange.write(b"0\r\n\r\n")

    return play


def _end(exchange: Exchange, how: str) -> None:
    if how == "stall":
        exchange.sleep(60)
    if how == "reset":
        exchange.reset()
    elif how == "clean":
        exchange.write(b"0\r\n\r\n")
    else:
        exchange.hang_up()


def _broken(llama: Llama, random: Random, *, stalls: bool) -> tuple[str, Behaviour]:
    """Choose what goes wrong, and when."""
    wait = random.choice(({}, {"Retry-After": "1"}, {"Retry-After": "20"}))
    most = random.randrange(700)
    chances: tuple[tuple[str, Callable[[], Behaviour]], ...] = (
        ("429", lambda: faults.status(429, wait)),
        ("503", lambda: faults.status(503, wait)),
        ("reset", faults.reset),
        ("stall", lambda: faults.hang(60)),
        ("garbage", lambda: faults.html(200)),
        ("dropped", lambda: through(llama, most=most, ends="drop")),
        ("cut clean", lambda: through(llama, most=most, ends="clean")),
        ("reset in it", lambda: through(llama, most=most, ends="reset")),
        ("stalled in it", lambda: through(llama, most=most, ends="stall")),
        ("garbage in it", lambda: through(llama, most=most, ends="drop", noise=b"\n\ndata: {\xff\x00<<\n\n")),
    )
    kind, make = random.choice([each for each in chances if stalls or "stall" not in each[0]])
    return kind, make()


class Ways:
    """The ways to one real server: of `names` all but the last break what they pass on, by a seed.

    *hiccup* is how often even the last one does, once for a prompt at most.
    """

    names = ("north", "east", "south", "west")

    def __init__(self, llama: Llama, seed: int, *, hiccup: float = 0.0) -> None:
        self.llama, self.random, self.hiccup = llama, Random(seed), hiccup
        self.asked: dict[str, list[Asked]] = {name: [] for name in self.names}
        self.let_through: dict[int, int] = {}  # whole answers, by prompt
        self._stumbled: set[int] = set()
        self._lock = Lock()
        self.servers = {name: FakeServer(("tiny",), behave=self._script(name)) for name in self.names}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.close()

    def config(self, *, seconds: int = 3) -> str:
        """Write the config: the one that works comes last, so that the others are asked when they may be."""
        limits = [f'{name}_timeout = "{seconds}s"' for name in ("connect", "first_token", "read")]
        parts = ["[routing]", *limits]
        for place, (name, server) in enumerate(self.servers.items()):
            patience = "120s" if name == self.names[-1] else None  # it is slow, and never stalls
            parts += [provider(name, server.url, timeout=patience), model(f"{name}/tiny", quality=9 - place)]
        return "\n".join(parts)

    def failing(self) -> list[Asked]:
        """List what the failing ways were asked."""
        return [each for name in self.names[:-1] for each in self.asked[name]]

    def _script(self, name: str) -> Callable[[int, Request], Behaviour]:
        def behave(_: int, request: Request) -> Behaviour:
            number = number_of(request)
            with self._lock:
                kind, does = self._chosen(name, number)
                self.asked[name].append(Asked(request.at, f"{name}/tiny", name, number, kind))
                return does

        return behave

    def _chosen(self, name: str, number: int) -> tuple[str, Behaviour]:
        stumbles = self.random.random() < self.hiccup and number not in self._stumbled
        if name != self.names[-1] or stumbles:
            if stumbles:
                self._stumbled.add(number)
            return _broken(self.llama, self.random, stalls=name != self.names[-1])
        self.let_through[number] = self.let_through.get(number, 0) + 1
        return "whole", through(self.llama)


@contextmanager
def llama_of(state: Path) -> Iterator[Llama]:
    """Start the embedded server with the tiny model in *state*, and end it."""
    from llmpool.embedded import make_private_dirs, model_file, server
    from tests.tools.make_tiny_gguf import write_tiny_gguf

    make_private_dirs(state)
    write_tiny_gguf(model_file(state, "tiny"))
    found = server.ensure(state, "tiny", idle_ttl=900)
    try:
        yield Llama(found.url, found.key)
    finally:
        with suppress(OSError):
            server.stop(state, "tiny")
