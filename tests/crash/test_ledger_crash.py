"""The ledger under crowds, kill -9 and full disks: what was acknowledged is there, whole, once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmpool.state import collect, ledger
from llmpool.usage.span import Span
from tests.summing import summarize
from tests.support import Home, model, provider, python_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts fork and kill")

# Each writer tells what was acknowledged through a pipe of its own, whose content outlives it.
CROWD = """
import os, random, signal, sys, time
from pathlib import Path
from llmpool.state import ledger

state, writers, lines, kills, seed = Path(sys.argv[1]), *map(int, sys.argv[2:6])
random.seed(seed)

def append(writer, said):
    for n in range(lines):
        record = {"id": f"{writer}-{n}", "at": "2026-11-20T10:00:00.000Z", "cost": "1"}
        ledger.append(state, ledger.USAGE, record | {"text": "x" * (n * 37 % 3000)})
        os.write(said, b"%d %d\\n" % (writer, n))

def start(writer):
    said = os.open(state.parent / f"said-{writer}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    child = os.fork()
    if not child:
        try:
            append(writer, said)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    os.close(said)
    return child

running = {start(writer): writer for writer in range(writers)}
next_writer, left = writers, kills
while running:
    if left:
        time.sleep(random.random() * 0.05)
        victim = random.choice(list(running))
        os.kill(victim, signal.SIGKILL)
        left -= 1
        os.waitpid(victim, 0)
        del running[victim]
        running[start(next_writer)] = next_writer
        next_writer += 1
        continue
    child, status = os.wait()
    assert status == 0, status
    del running[child]
"""


def crowd(tmp_path: Path, home: Path, *, writers: int, lines: int, kills: int) -> None:
    """Let writers append, some of them killed and replaced, then look for every acknowledged line."""
    state = tmp_path / "state"
    state.mkdir()
    arguments = [str(state), *map(str, (writers, lines, kills, 7))]
    done = subprocess.run(
        [sys.executable, "-c", CROWD, *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        env=python_environment(home),
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = {line.replace(" ", "-") for p in tmp_path.glob("said-*") for line in p.read_text().splitlines()}
    reading = ledger.Reading(state, ledger.USAGE)
    found = [record["id"] for record in reading if len(record["text"]) == _length(record["id"])]
    assert len(found) == len(set(found))
    assert said <= set(found)
    assert len(found) - len(said) <= kills  # written, and killed before it could be told
    assert reading.bad <= kills
    sums = collect.collect(state, Span(), now=1_795_283_100.0)
    assert (summarize(sums.blocks, [])[0].cost, sums.bad) == (len(found), reading.bad)


def _length(ref: str) -> int:
    return int(ref.partition("-")[2]) * 37 % 3000


def test_every_acknowledged_line_is_there(tmp_path: Path, own_home: Path) -> None:
    """Six writers, four of them killed at any moment: each acknowledged line is there, whole, once."""
    crowd(tmp_path, own_home, writers=6, lines=60, kills=4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sixteen_writers_of_five_thousand_lines(tmp_path: Path, own_home: Path) -> None:
    """Sixteen processes append five thousand lines each, with forty killed on the way."""
    crowd(tmp_path, own_home, writers=16, lines=5000, kills=40)


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.argv[1:] = sys.argv[2:]
from llmpool.__main__ import main
sys.exit(main())
"""


def test_a_full_disk_costs_no_line(home: Home) -> None:
    """Without space the answer is given with a warning and nothing is torn; prune and import say it, exit 10.

    A limit on the size of files is a disk that fills up at that byte.
    """
    home.write_config(provider("den", "http://127.0.0.1:9/v1"), model("den/m"))
    old = {"id": "u", "at": "2026-01-20T10:00:00.000Z", "cost": "1", "deployment": "den/m", "success": True}
    ledger.append(home.state, ledger.USAGE, old | {"text": "x" * 300})
    path = home.state / "usage" / "2026-01-20.jsonl"
    before = path.read_bytes()

    def full(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", FULL, "60", *words],
            capture_output=True,
            text=True,
            env=home.env,
            cwd=home.cwd,
            check=False,
            timeout=60,
        )

    summary = full("usage", "--since", "all", "--json")
    assert (summary.returncode, json.loads(summary.stdout)["total"]["cost"]) == (0, "1")
    pruned = full("usage", "prune", "--yes")
    assert pruned.returncode == 10
    assert "free some space" in pruned.stderr
    assert path.read_bytes() == before
    recorded = full("route", "--record", "hi")
    assert recorded.returncode == 10
    assert "free some space" in recorded.stderr
    assert home.here("route", "--record", "hi").code == 0
    (log,) = (home.state / "decisions").glob("*.jsonl")
    assert [json.loads(line)["selected"] for line in log.read_text().splitlines()] == ["den/m"]
    assert home.here("usage", "prune", "--yes").code == 0
    assert home.here("usage", "--since", "all", "--json").json["total"]["cost"] == "1"
