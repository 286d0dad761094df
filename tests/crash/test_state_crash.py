"""State on disk under crashes and crowds: processes killed at every step, many writers at once, no space.

Each script runs in a fresh interpreter and forks from there, so that nothing of pytest is in the children.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmpool.state import jsonfile, jsonl
from llmpool.state.lock import locked
from tests.support import python_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts fork and kill")

COMMON = """
import os, signal, sys, time, traceback
from pathlib import Path
from llmpool.errors import Busy, StateUnusable
from llmpool.state import jsonfile, jsonl, rewrite
from llmpool.state.lock import locked

path = Path(sys.argv[1])

def start(work, *args):
    pid = os.fork()
    if pid:
        return pid
    try:
        work(*args)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def finish(children):
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert not any(statuses), statuses

def no_sync():
    os.fsync = lambda descriptor: None  # what processes see of each other does not depend on the disk
"""

COUNT = """
def count():
    for _ in range(50):
        jsonfile.update(path, lambda old: {"n": (old or {"n": 0})["n"] + 1}, wait=60)

no_sync()
finish([start(count) for _ in range(8)])
"""

REPLACE = """
def write(letter):
    for n in range(150):
        jsonfile.update(path, lambda _: {"text": letter * (n * 200)})

def look():
    jsonfile.on_warning(sys.exit)
    while not path.with_name("done").exists():
        assert len(set(jsonfile.read(path, precious=True)["text"])) < 2

no_sync()
jsonfile.update(path, lambda _: {"text": ""})
readers = [start(look) for _ in range(2)]
finish([start(write, letter) for letter in "ab"])
path.with_name("done").touch()
finish(readers)
"""

APPEND = """
def append(writer):
    for n in range(200):
        jsonl.append(path, {"writer": writer, "n": n, "text": "x" * (n * 37 % 9000)})

finish([start(append, writer) for writer in range(16)])
"""

APPEND_AND_REWRITE = """
def append(writer):
    for n in range(150):
        jsonl.append(path, {"writer": writer, "n": n, "seen": n % 3 == 0})

def marked(record):
    return None if record["seen"] else record | {"seen": True}

def go_over():
    while not path.with_name("done").exists():
        rewrite.revise(path, marked)
        time.sleep(0.003)  # nobody rewrites without a pause; the appends get in between

no_sync()
rewriter = start(go_over)
finish([start(append, writer) for writer in range(4)])
path.with_name("done").touch()
finish([rewriter])
rewrite.revise(path, marked)
"""

KILL = """
def killed_at(step, work):
    # Run work in a child that kills itself at one of its calls: before it, within a write, or after it.
    when, number = step % 3, step // 3
    seen = 0

    def lethal(call):
        def called(*args, **kwargs):
            nonlocal seen
            seen += 1
            if seen - 1 != number:
                return call(*args, **kwargs)
            if when == 1 and call is real_write:
                call(args[0], bytes(args[1][: len(args[1]) // 2]))
            if when == 2:
                call(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return called

    def child():
        for name in ("open", "write", "fsync", "close", "replace"):
            setattr(os, name, lethal(getattr(os, name)))
        work()

    real_write = os.write
    status = os.waitpid(start(child), 0)[1]
    return os.WIFSIGNALED(status)
"""

KILL_UPDATE = (
    KILL
    + """
old, new = {"n": 1, "text": "o" * 5000}, {"n": 2, "text": "n" * 5000}
step = 0
seen = []
while True:
    jsonfile.update(path, lambda _: old)
    died = killed_at(step, lambda: jsonfile.update(path, lambda _: new, precious=True))
    found = jsonfile.read(path, precious=True)
    assert found in (old, new), step
    seen.append(found["n"])
    added = jsonfile.update(path, lambda data: data | {"n": data["n"] + 10}, precious=True, wait=0)
    assert added["n"] == found["n"] + 10, step
    strangers = {entry.name for entry in path.parent.iterdir()} - {path.name, path.name + ".lock"}
    assert all(name.startswith(".policy.json.") and name.endswith(".tmp") for name in strangers), strangers
    if not died:
        break
    step += 1
assert step > 15, step
assert seen == sorted(seen) and set(seen) == {1, 2}, seen  # the old file up to the rename, the new one after
"""
)

KILL_APPEND = (
    KILL
    + """
step = 0
while True:
    path.unlink(missing_ok=True)
    jsonl.append(path, {"n": 1})
    died = killed_at(step, lambda: jsonl.append(path, {"n": 2, "text": "x" * 5000}))
    jsonl.append(path, {"n": 3})
    records, bad = jsonl.read(path)
    found = [record["n"] for record in records]
    assert found in ([1, 3], [1, 2, 3]), (step, found)
    assert bad == (path.read_bytes().count(b"\\n") - len(found)), (step, bad)
    assert died or found == [1, 2, 3]
    if not died:
        break
    step += 1
assert step > 8, step
"""
)

KILL_HOLDER = """
def hold():
    with locked(path):
        os.write(said, b"!")
        signal.pause()

heard, said = os.pipe()
holder = start(hold)
assert os.read(heard, 1) == b"!"
try:
    with locked(path, wait=0.05):
        raise AssertionError("two held the lock")
except Busy:
    pass
os.kill(holder, signal.SIGKILL)
os.waitpid(holder, 0)
with locked(path, wait=1):
    pass
"""

FORK_HOLDER = """
def stay():
    os.read(heard, 1)

heard, said = os.pipe()
with locked(path):
    child = start(stay)
with locked(path, wait=0):  # though the child still has the lock file open
    pass
os.write(said, b"!")
finish([child])
"""

CORRUPT = """
def look():
    jsonfile.on_warning(lambda message: None)
    if jsonfile.read(path) not in (None, {"n": 1}):
        raise AssertionError
    jsonfile.update(path, lambda old: {"n": 1})

path.parent.mkdir(exist_ok=True)
path.write_bytes(b"broken")
finish([start(look) for _ in range(8)])
"""

NO_SPACE = """
import resource

def fill():
    # A limit on the size of files is a disk that fills up at this byte: the kernel writes half a line.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        jsonl.append(path, {"n": 2, "text": "x" * 100})
    except StateUnusable as error:
        assert str(path) in error.message, error.message
    else:
        raise AssertionError("a full disk took a line")
    try:
        jsonfile.update(path.with_name("policy.json"), lambda _: {"text": "x" * limit})
    except StateUnusable:
        return
    raise AssertionError("a full disk took a file")

jsonl.append(path, {"n": 1})
jsonfile.update(path.with_name("policy.json"), lambda _: {"n": 1})
limit = path.stat().st_size + 20
finish([start(fill)])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "policy.json"


def run(script: str, path: Path, home: Path) -> None:
    """Run *script* in a fresh interpreter with *path* as its argument; it must end well and say nothing."""
    done = subprocess.run(
        [sys.executable, "-c", COMMON + script, str(path)],
        capture_output=True,
        text=True,
        timeout=100,
        env=python_environment(home),
        cwd=home,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()}


def test_no_update_is_lost(path: Path, own_home: Path) -> None:
    """Eight processes that add one fifty times each make four hundred."""
    run(COUNT, path, own_home)
    assert jsonfile.read(path) == {"n": 400}
    assert names(path) == {"policy.json", "policy.json.lock"}


def test_no_reader_sees_half_a_file(path: Path, own_home: Path) -> None:
    """While two processes replace a file, two readers see one whole version or the other."""
    run(REPLACE, path, own_home)


def test_no_line_is_lost_or_torn(path: Path, own_home: Path) -> None:
    """Sixteen processes that append two hundred lines each, short and long, make 3,200, each there once."""
    run(APPEND, path, own_home)
    records, bad = jsonl.read(path)
    assert bad == 0
    found = [(record["writer"], record["n"]) for record in records]
    assert len(found) == 3200
    assert set(found) == {(writer, n) for writer in range(16) for n in range(200)}
    for writer in range(16):
        assert [n for w, n in found if w == writer] == list(range(200))


def test_a_rewrite_loses_no_line_appended_meanwhile(path: Path, own_home: Path) -> None:
    """While one process rewrites a file over and over, what others append is neither lost nor doubled."""
    run(APPEND_AND_REWRITE, path, own_home)
    records, bad = jsonl.read(path)
    assert bad == 0
    found = sorted((record["writer"], record["n"]) for record in records)
    assert found == [(writer, n) for writer in range(4) for n in range(150)]
    assert all(record["seen"] for record in records)


def test_killed_at_every_step_of_an_update(path: Path, own_home: Path) -> None:
    """Kill -9 before, within or after any step leaves the old file or the new; the next update works."""
    run(KILL_UPDATE, path, own_home)


def test_killed_at_every_step_of_an_append(path: Path, own_home: Path) -> None:
    """Kill -9 before, within or after any step costs at most the line itself; the next append is whole."""
    run(KILL_APPEND, path, own_home)


def test_a_killed_holder_frees_the_lock(path: Path, own_home: Path) -> None:
    """A lock dies with its holder."""
    run(KILL_HOLDER, path, own_home)
    with locked(path, wait=0):
        pass


def test_a_forked_child_does_not_keep_the_lock(path: Path, own_home: Path) -> None:
    """A child forked inside the block does not hold the lock once the block is left."""
    run(FORK_HOLDER, path, own_home)


def test_many_find_the_same_file_corrupt(path: Path, own_home: Path) -> None:
    """A corrupt file that eight processes find at once is set aside once, and the good one after it never."""
    run(CORRUPT, path, own_home)
    (aside,) = (name for name in names(path) if "corrupt" in name)
    assert (path.parent / aside).read_bytes() == b"broken"
    assert jsonfile.read(path) == {"n": 1}


def test_a_disk_that_fills_up_in_the_middle_of_a_line(path: Path, own_home: Path) -> None:
    """Half a line that the disk still took is taken back, and half a file never takes the name."""
    lines = path.with_name("2026-11-21.jsonl")
    run(NO_SPACE, lines, own_home)
    assert [json.loads(line) for line in lines.read_bytes().splitlines()] == [{"n": 1}]
    assert jsonfile.read(path) == {"n": 1}
    assert names(path) == {"2026-11-21.jsonl", "append.lock", "policy.json", "policy.json.lock"}
