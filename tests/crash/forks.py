"""Run llmpool again and again at the price of a fork, each time in a process of its own that may be killed.

`Forks` starts one interpreter that has loaded what commands need; for each run it forks a child, which is
told where it ends (`points`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.crash import points
from tests.crash.points import Call, Step
from tests.support import Home

ROOT = str(Path(__file__).resolve().parents[2])
SERVE = f"import sys; sys.path.append({ROOT!r}); from tests.crash import forks; forks.serve()"
_ahead = [0.0]  # seconds that the clock of a child is
LOADED = "httpcore httpx tomllib llmpool.chat.run llmpool.cli.chat llmpool.setup.providers"


class Ended(NamedTuple):
    """How a run ended: its code (-9: killed), its streams, and what it did under the watched directories.

    *calls* are those there were to act at, and *struck* says whether it came to that.
    """

    code: int
    out: str
    err: str
    calls: list[Call]
    steps: list[Step]
    struck: bool = False

    def __repr__(self) -> str:
        return f"exit {self.code}, {len(self.calls)} calls\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    @property
    def killed(self) -> bool:
        """Whether it was stopped in the middle."""
        return self.code == -9


class Forks:
    """Runs of llmpool, each in a home of its own."""

    def __init__(self, env: Mapping[str, str], cwd: Path) -> None:
        self.runs = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            encoding="utf-8",
        )

    def run(
        self,
        home: Home,
        *argv: str,
        stdin: str = "",
        wanted: tuple[Call, int] | None = None,
        act: str = points.BEFORE,
        clock: float = 0.0,
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a command line; at its *wanted* call it is killed or failed. *clock* is added to the time."""
        told = {"argv": argv, "stdin": stdin, "wanted": wanted, "act": act, "clock": clock}
        told |= {"root": str(home.dir), "cwd": str(home.cwd), "env": home.env | dict(env or {})}
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(told) + "\n")
        self._server.stdin.flush()
        self.runs += 1
        code, out, err, calls, steps, struck = json.loads(self._server.stdout.readline())
        made = [(kind, name) for kind, name in calls]
        return Ended(code, out, err, made, [_step(step) for step in steps], struck)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=30)


def _step(told: list[Any]) -> Step:
    kind, path, data, place, inode = told
    return Step(kind, path, data.encode("latin-1") if kind == "write" else data, place, inode)


def _plain(step: Step) -> Step:
    return step._replace(data=step.data.decode("latin-1")) if step.kind == "write" else step


def serve() -> None:
    """Run what is asked for until there is no more; what a run has loaded is there for those after it."""
    real = time.time
    time.time = lambda: real() + _ahead[0]  # before anybody takes it as the default of an argument
    for name in LOADED.split():
        import_module(name)
    for line in sys.stdin:
        ended, loaded = _forked(json.loads(line))
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()
        for name in loaded:
            with suppress(ImportError):
                import_module(name)


def _forked(told: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Run a line in a child; return how it ended, and which modules it loaded."""
    streams = [tempfile.TemporaryFile() for _ in range(4)]  # noqa: SIM115 - closed below
    streams[0].write(told["stdin"].encode())
    streams[0].seek(0)
    child = os.fork()
    if not child:
        _child(told, [stream.fileno() for stream in streams])
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for stream in streams:
        stream.seek(0)
        texts.append(stream.read().decode(errors="backslashreplace"))
        stream.close()
    calls, steps, loaded, struck = json.loads(texts[3] or "[[], [], [], false]")
    return [code, texts[1], texts[2], calls, steps, struck], loaded


def _child(told: dict[str, Any], descriptors: list[int]) -> None:
    """Be llmpool, and tell what was done."""
    code: Any = 1
    before = set(sys.modules)
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    sys.argv[1:] = told["argv"]
    _ahead[0] = told["clock"]
    wanted = told["wanted"] and (tuple(told["wanted"][0]), told["wanted"][1])
    watch = points.install([told["root"]], 0, told["act"], wanted)

    def tell() -> None:
        done = [_plain(step) for step in watch.steps]
        loaded = [*(sys.modules.keys() - before)]
        points.write_all(descriptors[3], json.dumps([watch.calls, done, loaded, watch.struck]).encode())

    watch.last_words = tell
    try:
        from llmpool.__main__ import main

        code = main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    tell()
    os._exit(int(code or 0))
