"""Servers that answer every question of a whole command with the same bytes: heads, framing, redirects."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import socket
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from llmpool.embedded import download, make_private_dirs
from llmpool.embedded.part import Pull
from tests.edges.raw_server import RawServer
from tests.fuzz import bytewise, kept_answers
from tests.fuzz.command_targets import ended, some
from tests.fuzz.golden import KEY, Golden
from tests.fuzz.plan import Step
from tests.fuzz.promise import Target, refused_or_read
from tests.support import Home, model, provider

WIRES = ("openai", "responses", "anthropic", "google", "ollama", "lmstudio")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("refresh",),
    ("refresh", "--json"),
    ("chat", "hello", "--max-wait", "1s"),
    ("chat", "hello", "--json", "--max-wait", "1s"),
    ("providers", "limits"),
    ("providers", "limits", "--json"),
    ("models", "ps"),
    ("usage", "prices", "update"),
    ("refresh", "--catalog", "--json"),
)
OWN: tuple[tuple[str, ...], ...] = (
    ("chat", "-m", "WIRE/m", "hello", "--max-wait", "1s"),
    ("chat", "-m", "WIRE/m", "hello", "--json", "--no-stream", "--max-wait", "1s"),
    ("models", "probe", "-m", "WIRE/m"),
    ("models", "probe", "-m", "WIRE/m", "--capabilities"),
    ("providers", "verify", "WIRE"),
    ("models", "load", "WIRE/m", "--timeout", "2s"),
    ("models", "unload", "WIRE/m"),
    ("models", "pull", "ollama/m"),  # at LM Studio it waits for minutes until something comes
    ("providers", "add", "http://HOST/WIRE"),
)
AFTER: tuple[tuple[str, ...], ...] = (
    ("models", "list"),
    ("usage", "list", "--json"),
    ("providers", "list", "--json"),
    ("doctor", "--offline"),
    ("route", "hello", "--json"),
)
HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-RateLimit-Remaining-Requests: 3\r\n\r\n",
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Type: application/json\r\n\r\n",
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n",
    b"HTTP/1.1 503 Service Unavailable\r\nServer: x\r\nContent-Type: text/html\r\n\r\n",
)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n"


class Stage(NamedTuple):
    """A home whose providers all go to one server, its place, and what that says now."""

    home: Golden
    host: str
    says: list[bytes]


@cache
def stage() -> Stage:
    """Make the home, once in a process; its server goes on answering."""
    says = [b""]

    def play(connection: socket.socket) -> None:
        connection.sendall(says[0])

    server = RawServer(play)
    atexit.register(server.close)
    home = Home(Path(tempfile.mkdtemp()))
    atexit.register(shutil.rmtree, home.dir, ignore_errors=True)
    home.write_config(
        f'catalog_url = "http://{server.host}/c"\nprices_url = "http://{server.host}/p"\n',
        "[routing]\nmax_retries = 0\n",
        *(
            provider(wire, f"http://{server.host}/v1", format=wire, keys=[{"label": "a", "env": "SKY_KEY"}])
            for wire in WIRES
        ),
        *(model(f"{wire}/m", supports_tools=True) for wire in WIRES),
    )
    home.state.mkdir(mode=0o700)
    golden = Golden(home, None, {"config.toml": (home.config.read_bytes(), home.config.stat().st_mtime_ns)})  # type: ignore[arg-type]
    return Stage(golden, server.host, says)


def ask(content: bytes) -> None:
    """Ask a server that answers so in its own format, and look at what is known of it afterwards."""
    named = re.search(rb"Server: (\w+)", content)
    wire = named[1].decode() if named else ""
    wire = wire if wire in WIRES else WIRES[zlib.crc32(content) % len(WIRES)]
    home, host, says = stage()
    home.restore()
    says[0] = content
    own = [tuple(word.replace("WIRE", wire).replace("HOST", host) for word in words) for words in OWN]
    for words in (*some(content, (*COMMANDS, *own), 2), *some(content[::-1], AFTER, 1)):
        ended(home, words)
    assert not home.home.files_with(KEY)


def answered(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate an answer: its body as what it is, the lines of its head, or the bytes of both."""
    head, _, body = content.partition(b"\r\n\r\n")
    inner = tuple(step for step in steps if step.kind >> 8 & 3)
    outer = tuple(step for step in steps if not step.kind >> 8 & 3)
    whole = body[:1] in (b"{", b"[")
    body = (bytewise.json_document if whole else bytewise.events)(body, inner)
    if outer:
        head = bytewise.text_lines(head, outer)
    return head + b"\r\n\r\n" + body


def _seeds() -> list[bytes]:
    return [seed for wire in WIRES for seed in _answers(wire)]


@cache
def _answers(wire: str) -> list[bytes]:
    bodies = [*kept_answers.documents(wire), *kept_answers.streams(wire)]
    whole = [head + body for body in bodies for head in HEADS[:2]]
    told = [head + json.dumps({"error": {"message": "no", "code": 4}}).encode() for head in HEADS[2:]]
    framed = [CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) for body in bodies[:4]]
    sized = [SIZED % len(body) + body for body in bodies[:4]]
    named = b"HTTP/1.1 200 OK\r\nServer: " + wire.encode()
    return [each.replace(b"HTTP/1.1 200 OK", named, 1) for each in (*whole, *told, *framed, *sized)]


def fetch(content: bytes) -> None:
    """Fetch a model from a server that answers so, from the beginning and where another time broke off."""
    _, host, says = stage()
    url = f"http://{host}/mine.gguf"
    head, _, notes = content.rpartition(MARK)
    says[0] = head
    for begun in (False, True):
        with tempfile.TemporaryDirectory() as place:
            pull = Pull(Path(place) / "state", "mine", lambda _done, _total: None, lambda: False)
            make_private_dirs(pull.state)
            if begun:
                pull.part.write_bytes(b"GGUF")
                pull.notes.write_bytes(notes.replace(b"URL", download._fingerprint(url).encode()))
            with refused_or_read():
                download.fetch_url(pull, url)
                assert pull.part.read_bytes() in head or begun


MARK = b"\n--notes--\n"
NOTES = json.dumps({"url": "URL", "validator": '"x"', "length": 8}).encode()


def _files() -> list[bytes]:
    first = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\nETag: "x"\r\n\r\nGGUFmore'
    rest = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-7/8\r\nContent-Length: 4\r\n\r\nmore"
    away = b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:9/x\r\nContent-Length: 0\r\n\r\n"
    chunks = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLast-Modified: x\r\n\r\n8\r\nGGUFmore\r\n0\r\n\r\n"
    )
    over = b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n"
    return [each + MARK + NOTES for each in (first, rest, away, chunks, over)]


def fetched(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate an answer, or what was noted of the one before."""
    head, _, notes = content.rpartition(MARK)
    inner = tuple(step for step in steps if step.kind >> 8 & 1)
    outer = tuple(step for step in steps if not step.kind >> 8 & 1)
    return bytewise.text_lines(head, outer) + MARK + bytewise.json_document(notes, inner)


TARGETS = [
    Target("served-answers", _seeds, answered, ask),
    Target("served-download", _files, fetched, fetch),
]
