"""Files that lie beside the state: a batch half done, models of our own, moves, what was downloaded."""

from __future__ import annotations

import fcntl
import json
import tempfile
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path

from llmpool.chat import batch_journal
from llmpool.chat.batch_lines import Entry
from llmpool.data import prices
from llmpool.registry import official
from tests.fuzz import bytewise, data_targets
from tests.fuzz.command_targets import ended, some
from tests.fuzz.golden import golden
from tests.fuzz.promise import Target, peak, refused_or_read

AT = "2026-11-21T03:44:00Z"
MIB = 1 << 20
LINES = b"".join(
    batch_journal.encoded({"schema": 1, "line": number, "key": f"k{number}", **rest})
    for number, rest in ((1, {"text": "hi"}), (2, {"error": {"kind": "rate"}}), (3, {"id": 7, "text": "x"}))
)
SIDECAR = {"origin": "HF", "licence": "MIT", "sha256": "a" * 64, "size": 9, "fetched_at": AT}
HOST = {"model": [1, 2, 3], "pid": 1, "port": 9, "context": 4096, "started_at": AT, "key": "k" * 20}
EMBEDDED = (
    ("models", "list"),
    ("models", "ps", "--json"),
    ("models", "show", "embedded/mine"),
    ("models", "remove", "embedded/mine", "--yes"),
    ("refresh",),
    ("doctor", "--json"),
)
FETCHED = (
    ("models", "list", "--json"),
    ("models", "show", "den/small", "--json"),
    ("providers", "presets"),
    ("usage", "prices", "show", "sky/big"),
    ("usage", "prices", "list", "--json"),
    ("route", "hello", "--json"),
    ("usage", "reprice", "--dry-run"),
    ("doctor",),
)
RUNNING = (
    ("models", "list"),
    ("models", "ps"),
    ("models", "ps", "--json"),
    ("doctor",),
)  # none ends a process
BACK = (("providers", "import", "undo", "--yes"), ("providers", "import", "undo", "zimaos-1", "--dry-run"))
MOVE = {
    "source": "zimaos",
    "existed": True,
    "digest": "a" * 64,
    "keys": [["den", "a", "file"]],
    "policies": {"den/big": AT},
    "prices": {"": {"input": "1"}, "den/small": {"input": "1"}},
    "accounts": [["sky", "x"]],
    "renamed": [["no-file", "no-file.migrated"]],
}


BESIDE = {
    "embedded/models/mine.gguf": data_targets.gguf_seed(),
    "moves/zimaos-1/config.toml": b"local_first = true\n",
    "moves/zimaos-1/move.json": json.dumps(MOVE).encode(),
}


def read_journal(content: bytes) -> None:
    """Go on with a batch: what is no journal is left alone, and no line takes more than it is."""
    with tempfile.TemporaryDirectory() as place, refused_or_read():
        output = Path(place) / "out.jsonl"
        ours = zlib.crc32(content) % 2
        (Path(f"{output}.part") if ours else output).write_bytes(content)

        def go_on() -> None:
            with batch_journal.opened(str(output)) as journal:
                for number in (1, 2, 3, 4):
                    journal.known(Entry(number, f"k{number}"))
                journal.keep([{"line": 4, "key": "k4", "text": "y"}])
                journal.finish()

        assert peak(go_on) < 64 * MIB + 20 * len(content)
        for line in output.read_bytes().split(b"\n")[:-1]:
            assert json.loads(line)["key"]


def planted(name: str, commands: tuple[tuple[str, ...], ...], content: bytes) -> None:
    """Put the document where it belongs in a state directory, and look at all of it."""
    home = golden()
    home.restore("config.toml", home.files["config.toml"][0] + b"[providers.embedded]\n")
    beside = BESIDE | {name: content}
    for place in sorted(beside) if name.startswith(("embedded/", "moves/")) else [name]:
        path = home.home.state / place
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(beside[place])
        path.chmod(0o600)
    lock = home.home.state / "embedded/mine.run"
    with lock.open("wb") if commands is RUNNING else nullcontext() as held:
        if held:
            fcntl.flock(held, fcntl.LOCK_EX)  # as a server that runs does
        for words in some(content, commands, 2):
            ended(home, words)


@cache
def _catalog() -> bytes:
    content = official.as_data(official.read(json.loads(data_targets.CATALOG)))
    return _stored(content)


@cache
def _book() -> bytes:
    return _stored(json.loads(prices.FILE.read_bytes()) | {"vendors": {}})


def _stored(content: object) -> bytes:
    data = {"etag": '"x"', "last_updated_at": AT, "source_url": "https://x.test", "content": content}
    return json.dumps({"version": 1, "written_at": AT, "data": data}).encode()


def _list(content: object) -> list[bytes]:
    return [json.dumps(content).encode()]


def _planted(name: str, commands: tuple[tuple[str, ...], ...], seeds: Callable[[], list[bytes]]) -> Target:
    return Target(f"state-{name}", seeds, bytewise.json_document, partial(planted, name, commands))


TARGETS = [
    Target("read-journal", lambda: [LINES], bytewise.json_lines, read_journal),
    _planted("embedded/models/mine.json", EMBEDDED, partial(_list, SIDECAR)),
    _planted("embedded/mine.json", RUNNING, partial(_list, HOST)),
    _planted("catalog.json", FETCHED, lambda: [_catalog()]),
    _planted("price-book.json", FETCHED, lambda: [_book()]),
    _planted("moves/zimaos-1/move.json", BACK, partial(_list, MOVE)),
]
