"""Scripted behaviours of the fake server: each function returns one, to be played for one request.

Those that say something (thinking, tool_call, no_usage...) are answers with a difference; the others are
faults as networks and servers commit them. All of them work for a chat, those without words for a listing
too, and all of them in every format: an error comes in the envelope of the format that was asked in.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tests.fakes.answers import USAGE, Reply, error
from tests.fakes.exchange import Exchange, Request

Behaviour = Callable[[Exchange], None]
MIB = 1 << 20


def ok(text: str = "hello there", **fields: Any) -> Behaviour:
    """Answer well; *fields* are those of `Reply`, usage included by default."""
    reply = Reply(text=text, **({"usage": USAGE} | fields))
    return lambda exchange: exchange.answer(reply)


def thinking(thought: str = "let me see", text: str = "hello there", **fields: Any) -> Behaviour:
    """Think first, then answer."""
    return ok(text, thinking=thought, **fields)


def tool_call(name: str = "add", arguments: str = '{"a": 1, "b": 2}', **fields: Any) -> Behaviour:
    """Ask for a tool instead of answering."""
    return ok(**({"text": "", "tool_calls": ((name, arguments),), "finish": "tool_calls"} | fields))


def empty() -> Behaviour:
    """Finish well without having said anything."""
    return ok("")


def no_done(**fields: Any) -> Behaviour:
    """Give a finish reason but never the `[DONE]` mark."""
    return ok(**({"done": False} | fields))


def no_usage(**fields: Any) -> Behaviour:
    """Answer without counting tokens."""
    return ok(**({"usage": None} | fields))


def wrong_model(name: str = "another-model") -> Behaviour:
    """Answer in the name of a model that was not asked for."""
    return ok(served_as=name)


def status(
    code: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | dict[str, Any] | None = None,
) -> Behaviour:
    """Answer with a status; the body is an error as the format writes it unless one is given."""

    def play(exchange: Exchange) -> None:
        given = exchange.speaker.error(f"scripted {code}", code) if body is None else body
        exchange.send(code, given, headers=headers or {})

    return play


def said(code: int, body: Mapping[str, Any] | str) -> Behaviour:
    """Answer with a body: JSON, or what is no object as the text or the page it is."""
    if isinstance(body, Mapping):
        return lambda exchange: exchange.send(code, body)
    kind = "text/html" if body.startswith("<") else "text/plain"
    return lambda exchange: exchange.send(code, body, kind=f"{kind}; charset=utf-8")


def always(behaviour: Behaviour) -> Callable[[int, Request], Behaviour]:
    """Make a script that does the same every time."""
    return lambda _number, _request: behaviour


def refuse(parameter: str, message: str = "", code: int = 400) -> Behaviour:
    """Refuse a request for one of its parameters, which the error names where the format has room for it."""
    words = message or f"Unsupported parameter: '{parameter}' is not supported with this model."

    def play(exchange: Exchange) -> None:
        exchange.send(code, exchange.speaker.error(words, code, param=parameter))

    return play


def refusing(*parameters: str) -> Callable[[int, Request], Behaviour | None]:
    """Make a script that refuses the first of *parameters* a request has, wherever in its body."""

    def behave(_number: int, request: Request) -> Behaviour | None:
        found = [name for name in parameters if f'"{name}":'.encode() in request.body.replace(b'": ', b'":')]
        return refuse(found[0]) if found else None

    return behave


def responses_only() -> Behaviour:
    """Refuse the chat completions of a server that has moved on to responses."""
    words = "Unsupported legacy protocol: /v1/chat/completions is not supported. Please use /v1/responses."
    return status(400, body=error(words, kind="invalid_request_error"))


def redirect(to: str, code: int = 307) -> Behaviour:
    """Send the client elsewhere."""
    return status(code, {"Location": to}, b"")


def html(code: int = 200) -> Behaviour:
    """Answer with a page for people, as a captive portal or a wrong path does."""
    page = b"<!doctype html>\n<html><head><title>Sign in</title></head><body>Welcome</body></html>\n"
    return lambda exchange: exchange.send(code, page, kind="text/html; charset=utf-8")


def reset() -> Behaviour:
    """Break the connection with a TCP reset before a byte of the answer."""
    return lambda exchange: exchange.reset()


def close() -> Behaviour:
    """Close the connection politely before a byte of the answer."""
    return lambda exchange: exchange.hang_up()


def hang(seconds: float = 3600) -> Behaviour:
    """Say nothing for *seconds*, or until the client leaves, then close."""

    def play(exchange: Exchange) -> None:
        exchange.sleep(seconds)
        exchange.hang_up()

    return play


def slow(*, headers: float = 0, first: float = 0, between: float = 0, **fields: Any) -> Behaviour:
    """Answer well but late: seconds before the headers, before the first event, between events."""
    reply = Reply(**({"usage": USAGE} | fields))

    def play(exchange: Exchange) -> None:
        exchange.sleep(headers)
        exchange.answer(reply, first=first, between=between)

    return play


def cut(after: int = 2, how: Literal["drop", "clean", "reset"] = "drop", **fields: Any) -> Behaviour:
    """Stop an answer after so many events (the first carries no text), before any finish reason.

    `drop` closes inside the chunked body, `clean` ends the body as if all were well, `reset` is a TCP reset.
    A plain answer stops in the middle of its body, `clean` or not.
    """
    reply = Reply(**({"usage": USAGE} | fields))

    def play(exchange: Exchange) -> None:
        if not exchange.streaming:
            body = exchange.document(reply)
            exchange.head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
            exchange.write(body[: len(body) // 2])
        else:
            exchange.begin_stream()
            _first_events(exchange, reply, after)
        {"drop": exchange.hang_up, "clean": exchange.end_stream, "reset": exchange.reset}[how]()

    return play


def malformed(after: int = 0) -> Behaviour:
    """Send an event (or a body) that is not JSON, after so many good events."""

    def play(exchange: Exchange) -> None:
        _stray(exchange, "{malformed <<<", "{malformed <<<", after)

    return play


def error_in_stream(after: int = 0, message: str = "scripted overload", code: str | int = 529) -> Behaviour:
    """Send an error inside a 200 answer, as the format does it, after so many good events."""

    def play(exchange: Exchange) -> None:
        speaker = exchange.speaker
        document, event = speaker.error_document(message, code), speaker.error_event(message, code)
        _stray(exchange, document, event, after)

    return play


def half_json() -> Behaviour:
    """Send the first half of a JSON document as a whole body."""

    def play(exchange: Exchange) -> None:
        body = exchange.document(Reply(usage=USAGE))
        exchange.send(200, body[: len(body) // 2])

    return play


def endless_line(most: int = 64 * MIB) -> Behaviour:
    """Send one line that does not end, until the client leaves or *most* bytes are out."""

    def play(exchange: Exchange) -> None:
        streaming = exchange.streaming
        exchange.begin_stream("" if streaming else "application/json")
        exchange.chunk(exchange.speaker.line_start if streaming else b'{"')
        for _ in range(most // 65536):
            exchange.chunk(b"a" * 65536)
        exchange.hang_up()

    return play


def huge_headers(size: int = 10_000_000) -> Behaviour:
    """Send a good answer behind a header of *size* bytes."""

    def play(exchange: Exchange) -> None:
        exchange.send(200, exchange.document(Reply(usage=USAGE)), headers={"X-Padding": "p" * size})

    return play


def wrong_charset(encoding: str = "utf-16", named: str = "utf-8") -> Behaviour:
    """Send the right body in one encoding and call it another."""

    def play(exchange: Exchange) -> None:
        body = exchange.document(Reply(text="gr\u00fc\u00df dich", usage=USAGE)).decode().encode(encoding)
        exchange.send(200, body, kind=f"application/json; charset={named}")

    return play


def huge_listing(models: int = 100_000) -> Behaviour:
    """List so many models, whatever the server has."""

    def play(exchange: Exchange) -> None:
        exchange.send(200, exchange.fake.listing(exchange, [f"model-{n}" for n in range(models)]))

    return play


def with_headers(headers: Mapping[str, str], behaviour: Behaviour | None = None) -> Behaviour:
    """Say more in the headers of any answer: rates, say; a good answer unless another is given."""

    def play(exchange: Exchange) -> None:
        exchange.extra = dict(headers)
        (behaviour or ok())(exchange)

    return play


def gzip_bomb(size: int = 256 * MIB) -> Behaviour:
    """Send a small compressed body that unpacks to *size* blanks and an empty object."""

    def play(exchange: Exchange) -> None:
        packed = {"Content-Encoding": "gzip"}
        exchange.send(200, _packed_blanks(size // MIB), headers=packed, kind="application/json")

    return play


def _stray(exchange: Exchange, document: Mapping[str, Any] | str, event: Any, after: int) -> None:
    """Put something unexpected into an answer and end it there."""
    if not exchange.streaming:
        exchange.send(200, document)
        return
    exchange.begin_stream()
    _first_events(exchange, Reply(), after)
    exchange.chunk(exchange.speaker.frame(event))
    exchange.end_stream()


def _first_events(exchange: Exchange, reply: Reply, how_many: int) -> None:
    """Send the first events of an answer; the very first is without text, or empty, in every format."""
    asked = exchange.asked._replace(usage=False)
    for _, event in zip(range(how_many), exchange.speaker.events(reply, asked), strict=False):
        exchange.chunk(event)


@functools.cache
def _packed_blanks(mebibytes: int) -> bytes:
    """Compress one mebibyte and repeat it: a flushed deflate block does not know what came before it."""
    blanks = b" " * MIB
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(b"{}") + packer.flush()
    checksum = 0
    for _ in range(mebibytes):
        checksum = zlib.crc32(blanks, checksum)
    checksum = zlib.crc32(b"{}", checksum)
    length = (mebibytes * MIB + 2) % (1 << 32)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + block * mebibytes + last + checksum.to_bytes(4, "little") + length.to_bytes(4, "little")
