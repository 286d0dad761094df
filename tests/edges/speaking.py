"""A server on loopback that knows a few paths and says of all others that they are not there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

NOT_FOUND = (404, {"error": "not here"})


class Asked(NamedTuple):
    """A request as it came; header names in lower case, *body* None where there was none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def model(self) -> str | None:
        """The model that was asked for, if one was."""
        return self.body.get("model") if isinstance(self.body, dict) else None


Says = tuple[int, Any] | Callable[[Asked], tuple[int, Any]]


class Speaking:
    """Serves *paths*: each a status and a body (text as HTML, else JSON), or a function of the request."""

    def __init__(self, paths: Mapping[str, Says], otherwise: Says = NOT_FOUND) -> None:
        self.paths = dict(paths)
        self.otherwise = otherwise
        self.asked: list[Asked] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_of": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def posted(self, path: str) -> list[Asked]:
        """List what was posted to *path*, in order."""
        return [asked for asked in self.asked if (asked.method, asked.path) == ("POST", path)]

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Keep the request and choose what is said to it."""
        self.asked.append(asked)
        says = self.paths.get(asked.path.partition("?")[0], self.otherwise)
        return says(asked) if callable(says) else says


class _Handler(BaseHTTPRequestHandler):
    server_of: Speaking

    def do_GET(self) -> None:
        """Answer any method."""
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, said = self.server_of.answer(
            Asked(self.command, self.path, headers, json.loads(raw) if raw else None)
        )
        body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(said, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", "http://127.0.0.1:9/login")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name is http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""
