"""Servers whose models can be pulled and deleted, as routes for `FakeServer`.

    library = OllamaLibrary({"qwen3:8b": 3000})
    with FakeServer(["small:1"], speaks=("ollama",), routes=library.routes()) as server:
        ...  # POST /api/pull adds to the listing, DELETE /api/delete takes away

Lines and answers are those of the vendors' documentation, with other figures: nothing here was recorded. By
hand: `python -m tests.fakes.pulling --port 18151 --library qwen3:8b,gemma3:1b --seconds 20`.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.fakes.exchange import Exchange
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.fakes.speak import name_of

MANIFEST = {"status": "pulling manifest"}
LAST: tuple[dict[str, Any], ...] = (
    {"status": "verifying sha256 digest"},
    {"status": "writing manifest"},
    {"status": "success"},
)
STEPS = 4  # lines a layer is told in, unless a library says otherwise


def tagged(name: str) -> str:
    """Write a model's name as Ollama lists it."""
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def digest(name: str, layer: int = 0) -> str:
    """Return a digest for a layer of a model."""
    return f"sha256:{abs(hash((name, layer))):064x}"[:71]


def lines(name: str, size: int, done: int = 0, steps: int = STEPS) -> Iterator[Any]:
    """Tell a whole pull: a layer of *size* bytes, *done* of which are there, then a small one."""
    yield MANIFEST
    large = digest(name)
    layer: dict[str, Any] = {"status": f"pulling {large[7:19]}", "digest": large, "total": size}
    yield layer | ({"completed": done} if done else {})
    for step in range(1, steps + 1):
        now = done + (size - done) * step // steps
        yield layer | {"completed": now}
    small = digest(name, 1)
    yield {"status": f"pulling {small[7:19]}", "digest": small, "total": 100, "completed": 100}
    yield from LAST


class OllamaLibrary:
    """What an Ollama server can pull: sizes by name. It remembers how much came of a pull that broke off.

    *seconds* is how long a pull takes, in *steps*; none is done before *gate* is set. *fault* is looked up by
    name and number of the try, from 1, and says how that one fails at half: `error` (a line), `die` (the
    connection breaks), `end` (no success), `silent` (nothing more) or `garbage`.
    """

    def __init__(
        self,
        models: Mapping[str, int],
        *,
        seconds: float = 0,
        steps: int = STEPS,
        fault: Callable[[str, int], str] = lambda _name, _try: "",
    ) -> None:
        self.models = {tagged(name): size for name, size in models.items()}
        self.seconds = seconds
        self.steps = steps
        self.fault = fault
        self.here: dict[str, int] = {}  # bytes that came of a pull
        self.tries: dict[str, int] = {}
        self.pulls: list[str] = []
        self.deleted: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.at_once = 0
        self.peak = 0  # most pulls at the same time
        self._lock = threading.Lock()

    def routes(self) -> dict[str, Behaviour]:
        """Return the routes of the server."""
        return {"/api/pull": self._pull, "/api/delete": self._delete}

    def _pull(self, exchange: Exchange) -> None:
        asked = exchange.record.json
        name = tagged(str(asked.get("model", "")))
        with self._lock:
            self.pulls.append(str(asked.get("model", "")))
            self.tries[name] = self.tries.get(name, 0) + 1
            self.at_once += 1
            self.peak = max(self.peak, self.at_once)
        try:
            exchange.begin_stream("application/x-ndjson")
            self._tell(exchange, name, self.fault(name, self.tries[name]))
        finally:
            with self._lock:
                self.at_once -= 1

    def _tell(self, exchange: Exchange, name: str, fault: str) -> None:
        if name not in self.models:
            for line in (MANIFEST, {"error": "pull model manifest: file does not exist"}):
                exchange.chunk(_line(line))
            exchange.end_stream()
            return
        size = self.models[name]
        for line in lines(name, size, self.here.get(name, 0), self.steps):
            if fault and line.get("completed", 0) >= size // 2:
                self._fail(exchange, fault)
                return
            if line == LAST[-1]:
                while not self.gate.is_set():
                    exchange.sleep(0.02)
                _listed(exchange.fake, name, size)
            exchange.chunk(_line(line))
            if line.get("total") == size:
                self.here[name] = line.get("completed", 0)
                exchange.sleep(self.seconds / self.steps)
        exchange.end_stream()

    def _fail(self, exchange: Exchange, fault: str) -> None:
        if fault == "die":
            exchange.hang_up()
            return
        if fault == "silent":
            exchange.sleep(3600)
        if fault in ("error", "garbage"):
            broken: Any = {"error": "max retries exceeded: unexpected EOF"}
            exchange.chunk(_line(broken) if fault == "error" else b"<<<\n")
        exchange.end_stream()

    def _delete(self, exchange: Exchange) -> None:
        if exchange.command != "DELETE":
            exchange.send(405, {"error": "method not allowed"})
            return
        asked = str(exchange.record.json.get("model", ""))
        kept = [model for model in exchange.fake.models if tagged(name_of(model)) != tagged(asked)]
        if len(kept) == len(exchange.fake.models):
            exchange.send(404, {"error": f"model '{asked}' not found"})
            return
        self.deleted.append(asked)
        self.here.pop(tagged(asked), None)
        exchange.fake.models[:] = kept
        exchange.send(200, b"", kind="text/plain")


class LMStudioCatalog:
    """What LM Studio can download: sizes by name, each in so many answers. Jobs are `job_1`, `job_2`...

    *status* is what a job says from its second answer on, until its *answers* are used up.
    """

    def __init__(
        self, models: Mapping[str, int], *, answers: int = 3, status: str = "downloading", jobs: int = 8
    ) -> None:
        self.models = dict(models)
        self.answers = answers
        self.status = status
        self.started: list[str] = []
        self.asked: dict[str, int] = {}
        self.jobs = jobs

    def routes(self) -> dict[str, Behaviour]:
        """Return the routes of the server."""
        status = "/api/v1/models/download/status/job_{}"
        told = {status.format(number): self._status for number in range(1, self.jobs + 1)}
        return {"/api/v1/models/download": self._start, **told}

    def _start(self, exchange: Exchange) -> None:
        name = str(exchange.record.json.get("model", ""))
        if name in {name_of(model) for model in exchange.fake.models}:
            exchange.send(200, {"status": "already_downloaded"})
            return
        if name not in self.models:
            unknown = {"type": "model_not_found", "message": f"Model '{name}' not found"}
            exchange.send(404, {"error": unknown})
            return
        self.started.append(name)
        exchange.send(200, self._job(f"job_{len(self.started)}", "downloading"))

    def _status(self, exchange: Exchange) -> None:
        job = exchange.record.path.rsplit("/", 1)[1]
        if int(job[4:]) > len(self.started):
            exchange.send(404, {"error": {"type": "job_not_found", "message": f"Job '{job}' not found"}})
            return
        self.asked[job] = self.asked.get(job, 0) + 1
        name = self.started[int(job[4:]) - 1]
        over = self.asked[job] >= self.answers
        if over and self.status != "failed":
            _listed(exchange.fake, name, self.models[name])
        share = min(self.asked[job], self.answers) / self.answers
        told = self._job(job, "completed" if over and self.status != "failed" else self.status)
        exchange.send(200, told | {"downloaded_bytes": int(self.models[name] * share)})

    def _job(self, job: str, status: str) -> dict[str, Any]:
        size = self.models[self.started[int(job[4:]) - 1]]
        began = "2026-01-01T00:00:00.000Z"
        return {"job_id": job, "status": status, "total_size_bytes": size, "started_at": began}


def _listed(server: FakeServer, name: str, size: int) -> None:
    if name not in {name_of(model) for model in server.models}:
        server.models.append({"id": name, "size": size})


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def main() -> None:
    """Serve an Ollama with a library until interrupted."""
    options = argparse.ArgumentParser(prog="python -m tests.fakes.pulling", description=main.__doc__)
    options.add_argument("--models", default="small:1", help="comma-separated, there already")
    options.add_argument("--library", default="qwen3:8b", help="comma-separated, to be pulled")
    options.add_argument("--seconds", type=float, default=5, help="how long a pull takes")
    options.add_argument("--port", type=int, default=0, help="0 picks a free one")
    given = options.parse_args()
    library = OllamaLibrary(
        dict.fromkeys(given.library.split(","), 5_200_000_000), seconds=given.seconds, steps=100
    )
    with FakeServer(
        given.models.split(","), speaks=("ollama",), routes=library.routes(), port=given.port
    ) as server:
        print(server.root, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
