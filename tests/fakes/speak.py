"""How a server of one wire format talks: what all of them share.

A speaker knows its paths, checks a key where its vendor looks for it, and writes listings, answers, streams
and errors as its vendor does. It keeps nothing: the models and options are the server's, the words a Reply's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from tests.fakes.answers import Reply, error

if TYPE_CHECKING:
    from tests.fakes.exchange import Request
    from tests.fakes.server import FakeServer

Said = tuple[int, "dict[str, Any] | str"]  # a status and a body


class Asked(NamedTuple):
    """What a chat asks for, read off its request; *path* is without query, *body* the JSON that came."""

    path: str
    body: dict[str, Any]
    model: str = ""
    stream: bool = False
    usage: bool = True
    tools: bool = False


class Speaker:
    """One wire format; what is here is what OpenAI's and its many imitators have in common."""

    name = ""
    chat_paths: tuple[str, ...] = ()
    listing_paths: tuple[str, ...] = ()
    listing_method = "GET"
    stream_kind = "text/event-stream"
    line_start = b'data: {"'  # how an event begins that will never end

    def role(self, path: str, server: FakeServer) -> str:
        """Say what *path* is for: `chat`, `listing`, `more`, or nothing where it is not spoken here."""
        if path in self.chat_paths:
            return "chat"
        return "listing" if path in self.listing_paths else ""

    def addressed(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers show that this format is meant, where several share a path."""
        return False

    def admits(self, request: Request, key: str) -> bool:
        """Whether the request carries *key* where this format wants it."""
        return request.headers.get("authorization") == f"Bearer {key}"

    def refusal(self, request: Request) -> Said:
        """Refuse a key."""
        return 401, error("Incorrect API key provided.", kind="invalid_request_error", code="invalid_api_key")

    def asked(self, request: Request) -> Asked:
        """Read a chat's request; a body that is not a JSON object asks for nothing."""
        body = object_of(request)
        return self._asked(Asked(path_of(request), body))

    def _asked(self, asked: Asked) -> Asked:
        body = asked.body
        return asked._replace(
            model=str(body.get("model", "")), stream=bool(body.get("stream")), tools=bool(body.get("tools"))
        )

    def missing(self, request: Request) -> str:
        """Say what every request must have and this one has not, or nothing."""
        return ""

    def complaint(self, asked: Asked) -> str:
        """Say what this server would refuse in a chat, or nothing."""
        return ""

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List the models, a page of *most* of them (0: no limit) where the format has pages."""
        raise NotImplementedError

    def more(self, server: FakeServer, request: Request) -> Said:
        """Answer a path that is neither a chat nor a listing."""
        raise NotImplementedError

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build an answer that is not streamed."""
        raise NotImplementedError

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build a streamed answer, but not its end mark: what opens it, without text, then each piece."""
        raise NotImplementedError

    def end(self, reply: Reply, asked: Asked) -> bytes:
        """Build the end mark; empty in a format that has none."""
        return b""

    def frame(self, event: Any) -> bytes:
        """Frame one event for a stream; text goes out as it is."""
        return f"data: {as_text(event)}\n\n".encode()

    def error(self, message: str, status: int, *, code: str = "", param: str = "") -> dict[str, Any]:
        """Build the body of an answer that is not 2xx."""
        if not param:
            return error(message, code=code or status)
        refusal = error(message, kind="invalid_request_error", code=code or "unsupported_parameter")
        return {"error": refusal["error"] | {"param": param}}

    def error_event(self, message: str, code: str | int) -> dict[str, Any]:
        """Build the event with which a stream fails."""
        return error(message, kind="overloaded_error", code=code)

    def error_document(self, message: str, code: str | int) -> dict[str, Any]:
        """Build the body of an error that hides in a 200."""
        return self.error_event(message, code)

    def unknown_model(self, model: str) -> Said:
        """Refuse a model that is not listed."""
        return 404, error("The model does not exist.", kind="invalid_request_error", code="model_not_found")

    def nowhere(self, request: Request) -> Said:
        """Answer a path that nobody speaks here."""
        return 404, error(f"no {request.method} here", kind="invalid_request_error")


class Page(NamedTuple):
    """Rows of one page; *following* is where the next one starts, 0 when there is none."""

    rows: list[Any]
    following: int


def page_of(rows: list[Any], start: int, size: int) -> Page:
    """Cut a page out of *rows*; a size of 0 is all that is left."""
    end = start + size if size else len(rows)
    return Page(rows[start:end], end if end < len(rows) else 0)


def behind(rows: list[Any], name: str | None) -> int:
    """Return the position behind the row called *name*, the first where there is none."""
    names = [name_of(row) for row in rows]
    return names.index(name) + 1 if name is not None and name in names else 0


def rows_of(models: Iterable[Any], row: Callable[[str, dict[str, Any]], Any]) -> list[Any]:
    """Make a row of each model: of its name and what else was given; what is neither goes out as it is."""
    made = []
    for model in models:
        if isinstance(model, Mapping):
            made.append(row(name_of(model), {key: value for key, value in model.items() if key != "id"}))
        else:
            made.append(row(model, {}) if isinstance(model, str) else model)
    return made


def name_of(model: Any) -> Any:
    """Return the name of a model, whatever its format calls it."""
    if not isinstance(model, Mapping):
        return model
    return next((model[key] for key in ("id", "key", "name", "model") if key in model), "")


def path_of(request: Request) -> str:
    """Return the path without query and final slash."""
    return request.path.partition("?")[0].rstrip("/")


def query_of(request: Request) -> dict[str, str]:
    """Return the query, the first value of each name."""
    return {name: values[0] for name, values in parse_qs(request.path.partition("?")[2]).items()}


def number(text: str | None, otherwise: int) -> int:
    """Read a positive number out of a query."""
    return int(text) if text and text.isdecimal() and int(text) else otherwise


def object_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request's body, an empty one where there is none."""
    try:
        body = request.json
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def wrapped(before: bytes, pieces: list[bytes], after: bytes) -> Iterator[bytes]:
    """Yield *pieces* with what opens them stuck to the first and what closes them to the last."""
    pieces = pieces or [b""]
    pieces[0] = before + pieces[0]
    pieces[-1] += after
    yield from pieces


def typed(event: dict[str, Any]) -> bytes:
    """Frame an event that carries its name in `type` and in the stream."""
    return f"event: {event['type']}\ndata: {as_text(event)}\n\n".encode()


def as_text(event: Any) -> str:
    """Write an event as JSON; text goes out as it is."""
    return event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)


def halves(text: str) -> tuple[str, ...]:
    """Cut *text* in two, as tool arguments are streamed."""
    return text[: len(text) // 2], text[len(text) // 2 :]


def parsed(arguments: str) -> dict[str, Any]:
    """Return tool arguments as the object that most formats send; what is none becomes an empty one."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
