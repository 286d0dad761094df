"""Commands as processes of their own, forked from one that has loaded all of llmpool: a tenth of the price.

    python -P forks.py < plan

starts so many members at the same moment; each runs one command after the other in a child of its own, with
its own id, locks and streams, and writes a line about each. The plan and those lines are JSON (see crowd.py).
What a command waited for each lock is told as well.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import llmpool
from llmpool.state import lock

LEFT_OUT = ("llmpool.__main__", "llmpool.embedded", "llmpool.cli.editor")
_waits: list[tuple[str, float]] = []


def load() -> None:
    """Load what commands load; plain lines are read without Typer, which costs half a run to put together."""
    for found in pkgutil.walk_packages(llmpool.__path__, "llmpool."):
        if not found.name.startswith(LEFT_OUT):
            importlib.import_module(found.name)


def time_locks() -> None:
    """Note how long each lock is waited for."""
    wait_for = lock._wait_for

    def timed(descriptor: int, path: Path, **options: Any) -> None:
        began = time.monotonic()
        try:
            wait_for(descriptor, path, **options)
        finally:
            _waits.append((path.name, time.monotonic() - began))

    lock._wait_for = timed


def run(argv: list[str], seconds: float = 120) -> dict[str, Any]:
    """Run a command line in a child and tell how it ended; a code of None is one that never did."""
    out, err, told = (tempfile.TemporaryFile() for _ in range(3))  # noqa: SIM115 - they are closed below
    began = time.time()
    child = os.fork()
    if not child:
        _be(argv, out.fileno(), err.fileno(), told.fileno())
    code = _ended(child, seconds)
    ended, texts = time.time(), []
    for stream in (out, err, told):
        stream.seek(0)
        texts.append(stream.read().decode(errors="backslashreplace"))
        stream.close()
    waits = json.loads(texts[2] or "[]")
    return {
        "argv": argv, "code": code, "began": began, "ended": ended,
        "out": texts[0], "err": texts[1], "waits": waits,
    }  # fmt: skip


def _be(argv: list[str], out: int, err: int, told: int) -> None:
    """Be the child: run the command line and end."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.argv[1:] = argv
        from llmpool.__main__ import main

        code = int(main() or 0)
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os.write(told, json.dumps(_waits).encode())
        os._exit(code)


def _ended(child: int, seconds: float) -> int | None:
    """Wait for a child, and end it when it takes too long: it is stuck."""
    deadline, pause = time.monotonic() + seconds, 0.001
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def main() -> None:
    """Run the plan on stdin: each member is a process that goes through its command lines."""
    plan = json.load(sys.stdin)
    sys.path.append(str(Path(__file__).parent))  # -P leaves it out, lest a file here hides a module
    load()
    time_locks()
    sys.modules["forks"] = sys.modules[__name__]  # what a member imports is this very module
    from member import Member  # type: ignore[import-not-found]

    gate, opener = os.pipe()
    members = []
    for number in range(plan["members"]):
        child = os.fork()
        if not child:
            os.close(opener)
            os.read(gate, 1)  # until all are there
            try:
                Member(number, plan).live()
                os._exit(0)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
        members.append(child)
    os.close(opener)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in members]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
