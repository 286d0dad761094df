"""Many OpenAI-compatible servers at one address, `/pN/v1` each, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support import python_environment


@contextmanager
def serving(directory: Path, providers: int, deployments: int) -> Iterator[int]:
    """Serve in a process of its own for a while, on the port that is yielded."""
    command = [sys.executable, "-m", "tests.benchmarks._scale_server", str(providers), str(deployments)]
    child = subprocess.Popen(command, env=python_environment(directory), stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout
        yield int(child.stdout.readline())
    finally:
        child.terminate()
        child.wait(10)


_WINDOWS = (8192, 16_384, 32_768, 40_960, 65_536, 98_304, 131_072)


class _Answers(BaseHTTPRequestHandler):
    """Lists the models of the provider in the path, and answers every chat with two words."""

    protocol_version = "HTTP/1.1"
    providers, deployments = 1, 1

    def do_GET(self) -> None:
        """List the models."""
        number = self._provider()
        models = range(number, self.deployments, self.providers) if "models" in self.path else ()
        found = [
            {"id": f"m{each}", "object": "model", "context_length": _WINDOWS[each % len(_WINDOWS)]}
            for each in models
        ]
        self._send(json.dumps({"object": "list", "data": found}), "application/json", 200 if found else 404)

    def do_POST(self) -> None:
        """Answer, as a stream where that is asked for."""
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        told = {"id": "c", "object": "chat.completion", "model": asked["model"]}
        counts = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        choice = {"index": 0, "finish_reason": "stop"}
        if not asked.get("stream"):
            message = choice | {"message": {"role": "assistant", "content": "hello there"}}
            self._send(json.dumps(told | {"choices": [message], "usage": counts}), "application/json")
            return
        piece = choice | {"delta": {"role": "assistant", "content": "hello there"}}
        events = [told | {"choices": [piece]}, told | {"choices": [], "usage": counts}]
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        self._send("".join([*lines, "data: [DONE]\n\n"]), "text/event-stream")

    def _provider(self) -> int:
        name = self.path.strip("/").partition("/")[0]
        return int(name[1:]) if name[1:].isdecimal() else 0

    def _send(self, text: str, kind: str, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def main() -> None:
    """Serve until the process is ended."""
    _Answers.providers, _Answers.deployments = int(sys.argv[1]), int(sys.argv[2])
    server = _Server(("127.0.0.1", 0), _Answers)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
