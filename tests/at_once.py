"""Many processes of llmpool that begin in the same moment, at the price of one.

Each is a process of its own, with its own id, locks and streams. They are forked from one that has loaded
what a chat needs, and held until all of them are there, so that they meet where processes started one after
the other pass each other by.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.support import Home, Result

FORK = """
import json, os, sys, tempfile

import httpcore, httpx
import llmpool.chat.gate, llmpool.chat.record, llmpool.chat.run, llmpool.chat.warmth, llmpool.cli.answer_view
import llmpool.cli.asking, llmpool.cli.chat, llmpool.cli.output, llmpool.formats.openai_answer
import llmpool.registry.readback, llmpool.state.rates, llmpool.world
from llmpool.__main__ import main

gate, opener = os.pipe()


def begin(line):
    streams = [tempfile.TemporaryFile() for _ in range(2)]
    child = os.fork()
    if child:
        return child, streams
    os.close(opener)
    os.read(gate, 1)
    for number, stream in enumerate(streams, 1):
        os.dup2(stream.fileno(), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        sys.argv[1:] = line
        code = main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))


def result(child, streams):
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for stream in streams:
        stream.seek(0)
    return [code, *(stream.read().decode(errors="backslashreplace") for stream in streams)]


begun = [begin(line) for line in json.load(sys.stdin)]
os.close(opener)
print(json.dumps([result(*each) for each in begun]))
"""


def at_once(home: Home, *lines: tuple[str, ...], env: dict[str, str] | None = None) -> list[Result]:
    """Run all command *lines* in *home*, each in a process, and return how they ended, in this order."""
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        input=json.dumps(lines),
        env=home.env | (env or {}),
        cwd=home.cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return [Result(*each) for each in results]
