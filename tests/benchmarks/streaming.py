"""Time a streamed answer on its way into a pipe, against a script of httpx-sse, json.loads and write.

Both are asked the same of the same server: once for a single word, once for a megabyte in parts of a token.
The difference of the two is what streaming costs (CPU, user and system), whatever starting costs; the least
of all rounds counts, which no neighbour weighs on. The script writes and flushes each part as it comes, as a
program does that wants it seen. Needs `pip install httpx-sse` and a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import _installed, _rows
from tests.benchmarks._installed import Program
from tests.benchmarks._process import well
from tests.benchmarks._rows import Row
from tests.support import Home, model, provider

SIZE = 1_000_000
PROSE = "The quick brown fox jumps over the lazy dog and goes home.\n\n"
GOAL, GOAL_MS = 0.95, 5
AHEAD = 0.3  # seconds between the head of an answer and its first word: the reader has started by then
RAW = """
import json, sys
import httpx
from httpx_sse import connect_sse

asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": sys.argv[2]}]}
with httpx.Client() as client, connect_sse(client, "POST", sys.argv[1], json=asked) as source:
    for event in source.iter_sse():
        if event.data == "[DONE]":
            break
        for choice in json.loads(event.data)["choices"]:
            text = choice["delta"].get("content")
            if text:
                sys.stdout.write(text)
                sys.stdout.flush()
"""
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)


class Server:
    """Answers every request with a word, or with a megabyte where that is asked for; bytes lie ready.

    *together* events go out in one chunk. *sent* is when the first word of the last answer did.
    """

    def __init__(self, token: int, together: int, size: int = SIZE) -> None:
        text = (PROSE * (size // len(PROSE) + 1))[:size]
        parts = [text[place : place + token] for place in range(0, size, token)]
        self._long, self._short = list(_chunks(parts, together)), list(_chunks(["hello"], 1))
        self.sent = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                self._answer(connection, _asked(connection))

    def _answer(self, connection: socket.socket, asked: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HEAD)
        if b"LATE" in asked:
            time.sleep(AHEAD)
        first, *rest = self._long if b"LONG" in asked else self._short
        self.sent = time.monotonic()
        connection.sendall(first)
        if b"LATE" in asked:
            time.sleep(AHEAD)
        connection.sendall(b"".join(rest))


def _chunks(parts: list[str], together: int) -> Iterator[bytes]:
    """Yield the events of an answer in chunks of HTTP, the first one alone."""
    events = [_event({"content": part}, None) for part in parts]
    ends = [_event({}, "stop"), b"data: [DONE]\n\n"]
    groups = [events[place : place + together] for place in range(1, len(events), together)]
    for group in [events[:1], *groups, ends]:
        body = b"".join(group)
        yield b"%x\r\n%s\r\n" % (len(body), body)
    yield b"0\r\n\r\n"


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    return b"data: %s\n\n" % json.dumps({**chunk, "choices": [choice]}).encode()


def _asked(connection: socket.socket) -> bytes:
    """Read a request to the end of its body and return it."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < int(length.partition(b":")[2]):
        body += connection.recv(65536)
    return body


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--runs", type=int, default=5, help="rounds; the least counts (default 5)")
    options.add_argument("--token", type=int, default=20, help="characters of a part (default 20)")
    options.add_argument("--together", default="1,8", help="events in a chunk of HTTP (default 1,8)")


def run(options: argparse.Namespace) -> None:
    """Measure and print throughput as a ratio to the script's, and how late the first word is."""
    found = importlib.util.find_spec("httpx_sse")
    if found is None or found.origin is None:
        raise SystemExit("the script to compare with needs httpx-sse: pip install httpx-sse")
    with tempfile.TemporaryDirectory(prefix="llmpool-streaming-") as directory:
        for together in (int(count) for count in options.together.split(",")):
            row = throughput(_installed.here(), Path(directory), options.runs, together, options.token)
            print(_rows.line(row), flush=True)
        for row in lateness(_installed.here(), Path(directory), options.runs):
            print(_rows.line(row))


def rows(program: Program, directory: Path, rounds: int, late: int) -> list[Row]:
    """Measure throughput with one event in a chunk and with eight, and how late the first byte is."""
    found = [throughput(program, directory / str(n), rounds, n) for n in (1, 8)]
    return found + lateness(program, directory / "late", late)


def _home(directory: Path, server: Server) -> Home:
    home = Home(directory)
    home.write_config(provider("p", server.url), model("p/m"))
    return home


def _commands(program: Program, server: Server, word: str) -> list[list[str]]:
    ours = program.llmpool("chat", "-m", "p/m", word)
    return [ours, program.run(RAW, f"{server.url}/chat/completions", word)]


def throughput(program: Program, directory: Path, rounds: int, together: int, token: int = 20) -> Row:
    """Compare what a megabyte takes in CPU, less what a word takes; more is better."""
    server = Server(token, together)
    home = _home(directory, server)
    pairs = zip(_commands(program, server, "LONG"), _commands(program, server, "short"), strict=True)
    commands = [command for pair in pairs for command in pair]
    env = program.env(home)
    took = [[well(command, env, home.cwd).cpu for command in commands] for _ in range(rounds + 1)][1:]
    values = [(raw - raw_word) / (ours - word) for ours, word, raw, raw_word in took]
    ours, word, raw, raw_word = (min(column) for column in zip(*took, strict=True))
    events = "event" if together == 1 else "events"
    told = f"throughput of a stream, {together} {events} a chunk, to httpx-sse's"
    return Row(told, GOAL, values=values, best=(raw - raw_word) / (ours - word), at_least=True)


def lateness(program: Program, directory: Path, rounds: int) -> list[Row]:
    """Measure how long after the server sent its first word that word came out of the program."""
    server = Server(20, 1)
    home = _home(directory, server)
    commands = _commands(program, server, "LATE")
    late = [[_late(program.env(home), home, server, each) for each in commands] for _ in range(rounds + 1)]
    ours, raw = ([1000 * seconds for seconds in column] for column in zip(*late[1:], strict=True))
    return [
        Row("first byte out after first byte in", GOAL_MS, "ms", ours),
        Row("the same of the script of httpx-sse", None, "ms", raw),
    ]


def _late(env: dict[str, str], home: Home, server: Server, command: list[str]) -> float:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, env=env, cwd=home.cwd
    ) as child:
        assert child.stdout is not None
        child.stdout.read(1)
        at = time.monotonic()
        child.stdout.read()
    return at - server.sent
