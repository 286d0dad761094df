"""Isolation for every test: a home of its own, no keys, no keyring, no network beyond loopback.

Which llmpool is tested: the one a plain `python -m llmpool` finds, in this process and in every child alike.
An installed copy (`pip install .`, as CI does) comes first; an editable install or none at all means this
checkout. Pytest puts the checkout at the head of `sys.path`, where it would hide an installed copy from this
process but not from its children, so it is moved to the end before llmpool is first imported; children get a
`PYTHONPATH` only where the copy under test is not installed (tests/support.py), and run in a directory where
no other llmpool lies about.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = str(Path(__file__).resolve().parents[1])
sys.path[:] = [place for place in sys.path if os.path.realpath(place or ".") != ROOT] + [ROOT]

from hypothesis import settings  # noqa: E402

from llmpool.state import jsonfile  # noqa: E402
from tests.fakes.server import FakeServer  # noqa: E402
from tests.support import Home, is_foreign, isolated  # noqa: E402

settings.register_profile(  # no deadline: time depends on the neighbours
    "llmpool", deadline=None, database=None, max_examples=200 if "LONG" in os.environ else 25
)
settings.load_profile("llmpool")

MEMORY, ROOM = "/dev/shm", 2 << 30
_numbers = itertools.count()


def _write_into_memory() -> None:
    """Keep what tests write off the disk, whose fsync takes longer than all they compute.

    Where memory is a place for files, has room and lets them be run; a TMPDIR of one's own is left alone.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK | os.X_OK):
        return
    place = os.statvfs(MEMORY)
    if place.f_bavail * place.f_frsize > ROOM and not place.f_flag & getattr(os, "ST_NOEXEC", 0):
        os.environ["TMPDIR"] = MEMORY
        tempfile.tempdir = None


_write_into_memory()  # before pytest, or a worker of it, asks for a directory


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Let half as many again work as there are cores: a third of the time a test waits for a process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + cores // 2


def pytest_configure(config: pytest.Config) -> None:
    """Leave slow tests out unless `-m` says otherwise: the everyday suite is done in three minutes."""
    if not config.option.markexpr:
        config.option.markexpr = "not slow"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect twelve thousand tests as cheaply as may be, and keep them out of later searches for garbage.

    Rewriting their asserts takes twice as long as all the rest, so it is kept even where Python is told to
    write no bytecode (for the length of the collection), and each worker begins with another share.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    gc.disable()
    try:
        _import_own_share(session.config)
        return (yield)
    finally:
        sys.dont_write_bytecode = before
        gc.collect()
        gc.freeze()
        gc.enable()


def _import_own_share(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted(Path(ROOT, "tests").rglob("test_*.py"))
    mine, workers = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    for file in files[mine * len(files) // workers : (mine + 1) * len(files) // workers] if mine else ():
        with suppress(Exception, pytest.skip.Exception):  # told when it is collected
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this process an empty home and nobody's settings, for the length of one test."""
    directory = tmp_path_factory.getbasetemp() / f"home-{next(_numbers)}"  # mktemp would list them all
    directory.mkdir()
    for name in [name for name in os.environ if is_foreign(name)]:
        monkeypatch.delenv(name)
    for name, value in isolated(directory).items():
        monkeypatch.setenv(name, value)
    return directory


@pytest.fixture(autouse=True)
def warnings_of_its_own() -> Iterator[None]:
    """Send a test's warnings to stderr, whoever listened in the test before."""
    before = jsonfile.on_warning(jsonfile._to_stderr)
    yield
    jsonfile.on_warning(before)


@pytest.fixture
def home(own_home: Path) -> Iterator[Home]:
    """Give a home with a config and a state of its own, to run the program in."""
    made = Home(own_home)
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """Give a fresh server that speaks the openai format on loopback."""
    with FakeServer() as running:
        yield running
