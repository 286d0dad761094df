"""The unfinished file of one pull, and how it becomes a model: checked, synced, renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

from llmpool.core.times import rfc3339
from llmpool.embedded import gguf, model_file, models_dir, open_private, write_private
from llmpool.errors import StateUnusable, UpstreamFailed

CHUNK = 1024 * 1024
SPARE = 16 * CHUNK  # bytes left free on the disk, whatever is pulled


class Cancelled(UpstreamFailed):
    """The pull was called off; what can be resumed is kept."""

    kind = "cancelled"


class EmbeddedModel(NamedTuple):
    """An installed model; *sha256*, *licence* and *origin* are empty when nobody said."""

    name: str
    file: Path
    size: int
    sha256: str = ""
    licence: str = ""
    origin: str = ""


class Expected(NamedTuple):
    """What the finished file must be; zero and empty are not checked."""

    size: int = 0
    sha256: str = ""
    licence: str = ""
    origin: str = ""


class Pull(NamedTuple):
    """One pull under way: progress is told as (bytes done, bytes in all or 0)."""

    state: Path
    name: str
    progress: Callable[[int, int], None]
    cancelled: Callable[[], bool]

    @property
    def part(self) -> Path:
        """The unfinished file."""
        return models_dir(self.state) / f".{self.name}.part"

    @property
    def notes(self) -> Path:
        """What is known of the download the unfinished file belongs to."""
        return models_dir(self.state) / f".{self.name}.part.json"

    def check_cancelled(self) -> None:
        """Raise when the pull has been called off."""
        if self.cancelled():
            msg = f"the pull of embedded/{self.name} was cancelled"
            raise Cancelled(msg, hint=f"llmpool models pull embedded/{self.name} goes on")

    def check_space(self, needed: int) -> None:
        """Raise when the disk cannot take *needed* more bytes."""
        free = shutil.disk_usage(models_dir(self.state)).free
        if free < needed + SPARE:
            place = models_dir(self.state)
            msg = f"{place} has {free // CHUNK} MiB free; {needed // CHUNK + 1} MiB are needed"
            raise StateUnusable(msg, hint="make room, or move the state directory (--state)")

    def write(self, source: IO[bytes], total: int, *, done: int = 0) -> None:
        """Write *source* into the unfinished file, from its start or after the *done* bytes it holds.

        One that has more than it said, as what unpacks itself may, is given up before it fills the disk, with
        UpstreamFailed.
        """
        how = os.O_APPEND if done else os.O_TRUNC
        with os.fdopen(open_private(self.part, os.O_WRONLY | os.O_CREAT | how), "ab") as file:
            while piece := source.read(CHUNK):
                done += len(piece)
                if total and done > total:
                    self.discard()
                    msg = f"embedded/{self.name} has more than the {total} bytes it should have"
                    raise UpstreamFailed(msg, hint="nothing was installed; check where it comes from")
                if not total:
                    self.check_space(0)
                file.write(piece)
                self.progress(done, total)
                self.check_cancelled()

    def discard(self) -> None:
        """Delete the unfinished file and its notes."""
        self.part.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def finish(self, expected: Expected) -> EmbeddedModel:
        """Check the unfinished file and give it its name; a wrong one is deleted."""
        try:
            digest = _digest(self.part)
            self._check(expected, digest)
        except UpstreamFailed:
            self.discard()
            raise
        final = model_file(self.state, self.name)
        final.with_suffix(".json").unlink(missing_ok=True)  # never another model's words beside this one
        self.part.replace(final)
        model = EmbeddedModel(
            self.name, final, final.stat().st_size, digest, expected.licence, expected.origin
        )
        write_private(final.with_suffix(".json"), _sidecar(model))
        _sync_directory(final.parent)
        self.notes.unlink(missing_ok=True)
        return model

    def _check(self, expected: Expected, digest: str) -> None:
        """Raise when the unfinished file is not the model that was asked for."""
        size = self.part.stat().st_size
        origin = expected.origin or self.name
        if expected.size and size != expected.size:
            msg = f"{origin} has {size} bytes instead of {expected.size}"
            raise UpstreamFailed(msg, hint="pull it again")
        if expected.sha256 and digest != expected.sha256:
            msg = f"{origin} has SHA-256 {digest} instead of {expected.sha256}"
            raise UpstreamFailed(msg, hint="nothing was installed; find out who changed the file")
        try:
            gguf.summarise(self.part)
        except gguf.NotWholeError as error:
            msg = f"{origin} is not a whole GGUF model: {error}"
            raise UpstreamFailed(msg, hint="check where it comes from, and pull it again") from None


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, which is on the disk for certain afterwards."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sidecar(model: EmbeddedModel) -> bytes:
    """Return the JSON kept beside a model file."""
    words = model._asdict() | {"fetched_at": rfc3339(time.time())}
    kept = ("origin", "licence", "sha256", "size", "fetched_at")
    return json.dumps({name: words[name] for name in kept}, indent=1).encode()


def _sync_directory(directory: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
