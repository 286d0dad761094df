"""The host of one model: `python -m llmpool.embedded.host STATE NAME IDLE_SECONDS CONTEXT RUN_FD READY_FD`.

It detaches, loads the model into llama.cpp's server on a free port of loopback, writes where it listens and
the key it made up into the state file, and ends when nobody has used it for the idle time. RUN_FD holds the
lock that says it is alive, READY_FD is the pipe its starter listens on.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.times import rfc3339
from llmpool.embedded import embedded_dir, gguf, model_file, try_lock, write_private

CONTEXT_CAP = 8192  # tokens, unless the caller asks for more
DRAIN = 5.0  # seconds an answer under way is given after SIGTERM


class Place(NamedTuple):
    """The files of one host, and how long it stays without work."""

    state: Path
    name: str
    idle: float

    def file(self, suffix: str) -> Path:
        """Return the file of this host with that *suffix*."""
        return embedded_dir(self.state) / (self.name + suffix)


def main(arguments: list[str]) -> None:
    """Leave the starter behind, then serve until idle or told to stop."""
    if os.fork():
        os._exit(0)  # the host belongs to no one who would have to wait for it
    os.umask(0o077)
    state, name, idle, context, run, ready = arguments
    place = Place(Path(state), name, max(1.0, float(idle)))
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    server, info = _load(place, int(context), int(run), int(ready))
    write_private(place.file(".json"), info)
    _tell(int(ready), "ready")
    os.close(int(ready))
    _watch(server, place, info, stopping)
    place.file(".json").unlink(missing_ok=True)
    _drain(server)
    os._exit(0)  # taking the server apart would wait for every open connection


def _load(place: Place, context: int, run: int, ready: int) -> tuple[Any, bytes]:
    """Load the model and return its server with what clients need to know, or say why not and end."""
    import fcntl

    import xllamacpp

    path = model_file(place.state, place.name)
    found = path.stat()
    size = _context(path, context)
    key = secrets.token_urlsafe(32)
    try:
        server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), place, size, key))
    except (RuntimeError, AttributeError) as error:  # AttributeError: an xllamacpp of other parameters
        fcntl.flock(run, fcntl.LOCK_UN)  # nobody takes what is left of this process for a live host
        time.sleep(0.1)  # llama.cpp writes its log from a thread that nothing waits for
        _tell(ready, _fault(path) or str(error).splitlines()[0])
        os._exit(1)
    info = {
        "port": int(server.listening_address.rpartition(":")[2]),
        "key": key,
        "pid": os.getpid(),
        "context": size,
        "model": [found.st_ino, found.st_size, found.st_mtime_ns],
        "started_at": rfc3339(time.time()),
    }
    return server, json.dumps(info).encode()


def _parameters(parameters: Any, place: Place, context: int, key: str) -> Any:
    """Fill in llama.cpp's parameters: loopback, one key, no pages, no prompt cache, a quiet log."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
    parameters.model.path = str(model_file(place.state, place.name))
    parameters.model_alias = {place.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_metrics = True
    parameters.cache_ram_mib = 0
    parameters.verbosity = 2  # warnings: at 3 each request leaves seven lines
    parameters.n_ctx = context
    parameters.n_parallel = min(4, max(2, cores))
    parameters.kv_unified = True  # each of them may use the whole context
    # Threads wait for each other by spinning: two busy hosts with a thread a core each are 30 times slower
    # than with half of that, which alone costs a tenth. Prompts are read in long strides and take all cores.
    parameters.cpuparams.n_threads = max(1, cores // 2)
    parameters.cpuparams_batch.n_threads = cores
    return parameters


def _context(path: Path, wanted: int) -> int:
    """Return the context size to load with: *wanted*, else the model's own up to the cap."""
    try:
        trained = gguf.summarise(path).context
    except gguf.NotWholeError:
        trained = 0  # the server says better what is wrong
    return min(wanted or CONTEXT_CAP, trained or CONTEXT_CAP)


def _fault(path: Path) -> str:
    """Return why a file that would not load is no whole model, nothing when it seems to be one."""
    try:
        gguf.summarise(path)
    except gguf.NotWholeError as error:
        return str(error)
    return ""


def _tell(ready: int, word: str) -> None:
    """Say *word* to the starter, which listens until this end of the pipe is closed."""
    with suppress(BrokenPipeError):  # it has been killed; the next client finds this host all the same
        os.write(ready, f"{word}\n".encode())


def _watch(server: Any, place: Place, info: bytes, stopping: threading.Event) -> None:
    """Return when told to stop, or when nothing has been asked for the idle time.

    What a client marks is looked at for another mark alone: the clock it was made by may be set back.
    """
    used, before = time.monotonic(), _seen(server, place)
    while not stopping.wait(min(1.0, place.idle / 4)):
        busy, *_ = now = _seen(server, place)
        if busy or now != before:
            used = time.monotonic()
        before = now
        if time.monotonic() - used >= place.idle and _retire(server, place, info, now):
            return


def _seen(server: Any, place: Place) -> tuple[float, float, int]:
    """Return how many requests are under way, and what is another whenever anything was asked."""
    return *_activity(server), _touched(place)


def _activity(server: Any) -> tuple[float, float]:
    """Return how many requests are under way, and a count that grows with every token."""
    numbers = {
        name: float(value)
        for name, _, value in (line.partition(" ") for line in server.handle_metrics().splitlines())
        if name.startswith("llamacpp:")
    }
    busy = numbers["llamacpp:requests_processing"] + numbers["llamacpp:requests_deferred"]
    work = ("prompt_tokens_total", "prompt_tokens_cached_total", "tokens_predicted_total")
    return busy, sum(numbers.get(f"llamacpp:{name}", 0.0) for name in work)


def _touched(place: Place) -> int:
    """Return when a client last marked the model as used."""
    try:
        return place.file(".used").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _retire(server: Any, place: Place, info: bytes, before: tuple[float, float, int]) -> bool:
    """Withdraw the state file under the start lock, and again offer it when a client came meanwhile.

    The lock is kept until the process ends, so nobody starts a second host beside this one.
    """
    lock = try_lock(place.file(".start"))
    if lock is None:
        return False
    place.file(".json").unlink(missing_ok=True)
    if _seen(server, place) == before:
        return True
    write_private(place.file(".json"), info)
    os.close(lock)
    return False


def _drain(server: Any) -> None:
    """Let the answers under way end, for a while."""
    deadline = time.monotonic() + DRAIN
    quiet = 0
    while time.monotonic() < deadline and quiet < 4:  # a count of none says nothing of what is on the wire
        time.sleep(0.05)
        quiet = 0 if _activity(server)[0] else quiet + 1


if __name__ == "__main__":
    main(sys.argv[1:])
