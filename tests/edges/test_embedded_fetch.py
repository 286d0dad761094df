"""Bringing model files in: whole and verified under their name, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.embedded import embedded_dir, fetch, make_private_dirs, models_dir, part, server, try_lock
from llmpool.errors import Busy, Misuse, StateUnusable, UnknownName, UpstreamFailed
from tests.edges.model_files import digest, ignore, left


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a state directory that does not exist yet."""
    return tmp_path / "state"


# From a file


def test_file_is_installed(state: Path, tiny: Path) -> None:
    """A file is copied, hashed, listed with its origin, and private."""
    seen: list[tuple[int, int]] = []
    model = fetch.pull(state, "mine", source=str(tiny), progress=lambda *now: seen.append(now))
    assert model.sha256 == digest(tiny) == digest(model.file)
    assert model.origin == str(tiny)
    assert fetch.installed(state) == [model]
    assert seen[-1] == (model.size, model.size)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in models_dir(state).iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(models_dir(state).stat().st_mode) == 0o700
    assert left(state) == ["mine.gguf", "mine.json"]


@pytest.mark.parametrize("keep", [4, 24, 5000, -1])
def test_cut_file_is_refused(state: Path, tiny: Path, tmp_path: Path, keep: int) -> None:
    """A model file that lacks even its last byte is refused, and nothing is left of it."""
    (tmp_path / "cut").write_bytes(tiny.read_bytes()[:keep])
    with pytest.raises(UpstreamFailed, match="not a whole GGUF"):
        fetch.pull(state, "mine", source=str(tmp_path / "cut"), progress=ignore)
    assert left(state) == []


def test_foreign_file_is_refused(state: Path, tmp_path: Path) -> None:
    """Something that is no GGUF, or is not there, is refused before anything is written."""
    (tmp_path / "page").write_text("<html>not found</html>")
    for name in ("page", "absent"):
        with pytest.raises(Misuse):
            fetch.pull(state, "mine", source=str(tmp_path / name), progress=ignore)
    assert left(state) == []


def test_wrong_digest_keeps_the_old_model(state: Path, tiny: Path) -> None:
    """A file with another SHA-256 than demanded is refused; the model that was there stays."""
    model = fetch.pull(state, "mine", source=str(tiny), sha256=digest(tiny).upper(), progress=ignore)
    with pytest.raises(UpstreamFailed, match="SHA-256"):
        fetch.pull(state, "mine", source=str(tiny), sha256="0" * 64, progress=ignore)
    assert fetch.installed(state) == [model]
    with pytest.raises(Misuse, match="SHA-256"):
        fetch.pull(state, "mine", source=str(tiny), sha256="short", progress=ignore)


def test_kill_leaves_no_final_file(state: Path, tiny: Path) -> None:
    """A pull that is killed leaves no half file under the name, and the next one starts cleanly."""
    code = "import os, sys; from pathlib import Path; from llmpool.embedded.fetch import pull\n"
    code += "pull(Path(sys.argv[1]), 'mine', source=sys.argv[2], progress=lambda *_: os.kill(os.getpid(), 9))"
    env = os.environ | {"PYTHONPATH": str(Path(fetch.__file__).parents[2])}
    child = subprocess.run([sys.executable, "-c", code, str(state), str(tiny)], env=env, check=False)
    assert child.returncode == -signal.SIGKILL
    assert left(state) == [".mine.part"]
    assert fetch.installed(state) == []
    fetch.pull(state, "mine", source=str(tiny), progress=ignore)
    assert left(state) == ["mine.gguf", "mine.json"]


def test_cancelled_file_leaves_nothing(state: Path, tiny: Path) -> None:
    """A cancelled copy says so and leaves nothing."""
    with pytest.raises(fetch.Cancelled):
        fetch.pull(state, "mine", source=str(tiny), progress=ignore, cancelled=lambda: True)
    assert left(state) == []


def test_two_pulls_do_not_fight(state: Path, tiny: Path) -> None:
    """A second pull of the same model, or its removal, is told to try again later."""

    def interfere(_done: int, _total: int) -> None:
        with pytest.raises(Busy):
            fetch.pull(state, "mine", source=str(tiny), progress=ignore)
        with pytest.raises(Busy):
            fetch.remove(state, "mine")

    fetch.pull(state, "mine", source=str(tiny), progress=interfere)


def test_full_disk_is_told_first(state: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too small a disk is an error before anything is written."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1024))
    with pytest.raises(StateUnusable, match="MiB free"):
        fetch.pull(state, "mine", source=str(tiny), progress=ignore)
    assert left(state) == []


def test_remove(state: Path, tiny: Path) -> None:
    """A removed model is gone with all that lay beside it; removing it twice is an unknown name."""
    fetch.pull(state, "mine", source=str(tiny), progress=ignore)
    fetch.remove(state, "mine")
    assert left(state) == []
    with pytest.raises(UnknownName):
        fetch.remove(state, "mine")


def test_a_link_to_a_model_that_is_gone_is_none(state: Path, tiny: Path, tmp_path: Path) -> None:
    """A model may be linked to; without it nothing is listed, and the link can be removed."""
    make_private_dirs(state)
    link, there = models_dir(state) / "mine.gguf", tmp_path / "there.gguf"
    shutil.copy(tiny, there)
    link.symlink_to(there)
    assert [model.name for model in fetch.installed(state)] == ["mine"]
    there.unlink()
    assert fetch.installed(state) == []
    fetch.remove(state, "mine")
    assert not link.is_symlink()


def test_what_cannot_be_read_is_told(state: Path, tiny: Path) -> None:
    """A directory in the place of what is noted beside a model, or a link that leads to itself."""
    fetch.pull(state, "mine", source=str(tiny), progress=ignore)
    sidecar = models_dir(state) / "mine.json"
    sidecar.unlink()
    sidecar.mkdir()
    with pytest.raises(StateUnusable, match=r"mine\.json: Is a directory"):
        fetch.installed(state)
    (embedded_dir(state) / "mine.run").symlink_to("mine.run")
    with pytest.raises(StateUnusable, match=r"mine\.run: Too many levels"):
        server.stop(state, "mine")


def test_listing_is_by_name(state: Path, tiny: Path) -> None:
    """Models put there by hand are listed too; other files, and a missing directory, are no models."""
    assert fetch.installed(state) == []
    for name in ("b", "a.1"):
        fetch.pull(state, name, source=str(tiny), progress=ignore)
    (models_dir(state) / "b.json").unlink()
    (models_dir(state) / "Not A Name.gguf").touch()
    assert [(model.name, bool(model.sha256)) for model in fetch.installed(state)] == [
        ("a.1", True),
        ("b", False),
    ]


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", ".a", "a" * 65, "a\n"])
def test_bad_names_are_refused(state: Path, name: str) -> None:
    """A name that could leave the directory, or hide in it, is refused."""
    with pytest.raises(Misuse):
        fetch.pull(state, name, progress=ignore)


@pytest.mark.parametrize("words", [b"[]", b"null", b"{", b"[" * 100_000])
def test_a_foreign_file_beside_a_model_is_told(state: Path, tiny: Path, words: bytes) -> None:
    """Whatever lies where a model's words should be, no traceback comes of it."""
    fetch.pull(state, "mine", source=str(tiny), progress=ignore)
    (models_dir(state) / "mine.json").write_bytes(words)
    with pytest.raises(StateUnusable, match=r"mine\.json is not what was written"):
        fetch.installed(state)


@pytest.mark.skipif(os.name != "posix", reason="there are no hosts on Windows")
@pytest.mark.parametrize("words", [b"{}", b'{"port": 1}', b"[]", b"{"])
def test_what_no_host_wrote_is_told(state: Path, words: bytes) -> None:
    """A live host whose file says less than a host does is an error with the way out, not a bug."""
    make_private_dirs(state)
    held = try_lock(embedded_dir(state) / "mine.run")
    assert held is not None
    (embedded_dir(state) / "mine.json").write_bytes(words)
    with pytest.raises(StateUnusable, match="is not what the embedded server wrote"):
        server.running(state)
    os.close(held)


def test_a_disk_that_takes_nothing_is_told(state: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot mark a model as used, or delete it, ends with 10 and the way out."""
    fetch.pull(state, "mine", source=str(tiny), progress=ignore)

    def refuse(path: Path, *_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(server, "open_private", refuse)
    with pytest.raises(StateUnusable, match=r"cannot use .*mine\.used: Read-only") as raised:
        server.ensure(state, "mine")
    assert "--state" in raised.value.hint
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StateUnusable, match=r"cannot use .*mine\.gguf: Read-only"):
        fetch.remove(state, "mine")


# From a URL


class _Files(BaseHTTPRequestHandler):
    """Serves one file, with ranges; `cut` makes it hang up after so many bytes."""

    data = b""
    etag = '"one"'
    cut = 0
    asked: list[str]
    redirect = ""

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.asked.append(asked)
        if self.redirect:
            self.send_response(302)
            self.send_header("Location", self.redirect)
            self.end_headers()
            return
        fits = asked and self.headers.get("If-Range") == self.etag
        start = int(asked.removeprefix("bytes=").rstrip("-")) if fits else 0
        body = self.data[start:]
        self.send_response(206 if fits else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", self.etag)
        if fits:
            self.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        self.end_headers()
        self.wfile.write(body[: self.cut or None])

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def files(tiny: Path) -> Iterator[tuple[str, type[_Files]]]:
    """Give the URL of a model file, and the class that decides how it is served."""
    serving = type("Serving", (_Files,), {"data": tiny.read_bytes(), "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), serving) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/tiny.gguf?token=hidden", serving
        server.shutdown()
        thread.join()


def test_url_is_installed(state: Path, tiny: Path, files: tuple[str, type[_Files]]) -> None:
    """A model is downloaded with progress; its origin is kept without the query, which may be a secret."""
    seen: list[tuple[int, int]] = []
    model = fetch.pull(state, "mine", source=files[0], progress=lambda *now: seen.append(now))
    assert model.sha256 == digest(tiny)
    assert model.origin == files[0].partition("?")[0]
    assert seen[-1] == (model.size, model.size)
    assert left(state) == ["mine.gguf", "mine.json"]


def test_broken_download_goes_on(state: Path, tiny: Path, files: tuple[str, type[_Files]]) -> None:
    """A download that broke off is told, keeps what came, and the next pull fetches the rest alone."""
    url, serving = files
    serving.cut = 200_000
    with pytest.raises(UpstreamFailed, match="broke off after 200000"):
        fetch.pull(state, "mine", source=url, progress=ignore)
    assert fetch.installed(state) == []
    assert b"hidden" not in (models_dir(state) / ".mine.part.json").read_bytes()
    serving.cut = 0
    model = fetch.pull(state, "mine", source=url, progress=ignore)
    assert serving.asked == ["", "bytes=200000-"]
    assert model.sha256 == digest(tiny)


@pytest.mark.parametrize("notes", [b"", b"[]", b"{}", b'{"url": 1}', b"null"])
def test_foreign_notes_are_no_notes(
    state: Path, tiny: Path, files: tuple[str, type[_Files]], notes: bytes
) -> None:
    """Where the notes of an unfinished download are not ours it begins anew."""
    url, serving = files
    serving.cut = 200_000
    with pytest.raises(UpstreamFailed):
        fetch.pull(state, "mine", source=url, progress=ignore)
    (models_dir(state) / ".mine.part.json").write_bytes(notes)
    serving.cut = 0
    assert fetch.pull(state, "mine", source=url, progress=ignore).sha256 == digest(tiny)
    assert serving.asked == ["", ""]


def test_changed_file_starts_over(state: Path, tiny: Path, files: tuple[str, type[_Files]]) -> None:
    """What came of an older version is never joined to a newer one."""
    url, serving = files
    serving.cut = 200_000
    with pytest.raises(UpstreamFailed):
        fetch.pull(state, "mine", source=url, progress=ignore)
    serving.cut, serving.etag = 0, '"two"'
    assert fetch.pull(state, "mine", source=url, progress=ignore).sha256 == digest(tiny)


def test_cancelled_download_goes_on(state: Path, files: tuple[str, type[_Files]]) -> None:
    """A cancelled download keeps what came."""
    url, serving = files
    serving.data += bytes(2 * part.CHUNK)
    with pytest.raises(fetch.Cancelled):
        fetch.pull(state, "mine", source=url, progress=ignore, cancelled=lambda: True)
    fetch.pull(state, "mine", source=url, progress=ignore)
    assert serving.asked == ["", f"bytes={part.CHUNK}-"]


def test_wrong_download_is_refused(state: Path, files: tuple[str, type[_Files]]) -> None:
    """A page instead of a model, or a model with another SHA-256, is refused and not kept."""
    url, serving = files
    with pytest.raises(UpstreamFailed, match="SHA-256"):
        fetch.pull(state, "mine", source=url, sha256="0" * 64, progress=ignore)
    serving.data = b"<html>log in first</html>"
    with pytest.raises(UpstreamFailed, match="not a whole GGUF"):
        fetch.pull(state, "mine", source=url, progress=ignore)
    assert left(state) == []


@pytest.mark.parametrize(
    "url", ["http://example.org/a.gguf", "ftp://127.0.0.1/a", "https://me:pw@example.org/a"]
)
def test_unsafe_urls_are_refused(state: Path, url: str) -> None:
    """Plain http leaves this machine for nobody, and passwords do not belong in a URL or its error."""
    with pytest.raises(Misuse) as caught:
        fetch.pull(state, "mine", source=url, progress=ignore)
    assert "pw" not in caught.value.message


def test_redirects_obey_the_same_rules(state: Path, files: tuple[str, type[_Files]]) -> None:
    """A redirect to an unsafe URL is refused as the URL itself would be."""
    files[1].redirect = "http://example.org/a.gguf"
    with pytest.raises(Misuse, match=r"example\.org"):
        fetch.pull(state, "mine", source=files[0], progress=ignore)


def test_unreachable_server_is_told(state: Path) -> None:
    """A refused connection is a failure that names the URL."""
    with pytest.raises(UpstreamFailed, match=r"127\.0\.0\.1:9/a\.gguf could not be downloaded"):
        fetch.pull(state, "mine", source="http://127.0.0.1:9/a.gguf?token=x", progress=ignore)
