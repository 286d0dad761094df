"""Scripted behaviours of the fake server: each function returns one, to be played for one request.

Those that say something (thinking, tool_call, no_usage...) are answers with a difference; the others are
faults as networks and servers commit them. All of them work for a chat, those without words for a listing
too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tests.fakes.answers import USAGE, Reply, document, error, events, sse
from tests.fakes.exchange import Exchange

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
    """Answer with a status; the body is an OpenAI error object unless one is given."""
    given = error(f"scripted {code}", code=code) if body is None else body
    return lambda exchange: exchange.send(code, given, headers=headers or {})


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
            body = json.dumps(document(reply, exchange.model)).encode()
            exchange.head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
            exchange.write(body[: len(body) // 2])
        else:
            exchange.begin_stream()
            for _, event in zip(range(after), events(reply, exchange.model, with_usage=False), strict=False):
                exchange.chunk(sse(event))
        {"drop": exchange.hang_up, "clean": exchange.end_stream, "reset": exchange.reset}[how]()

    return play


def malformed(after: int = 0) -> Behaviour:
    """Send an event (or a body) that is not JSON, after so many good events."""
    return _stray("{malformed <<<", after)


def error_in_stream(after: int = 0, message: str = "scripted overload", code: str | int = 529) -> Behaviour:
    """Send an error object inside a 200 answer, after so many good events."""
    return _stray(error(message, kind="overloaded_error", code=code), after)


def half_json() -> Behaviour:
    """Send the first half of a JSON document as a whole body."""

    def play(exchange: Exchange) -> None:
        body = json.dumps(document(Reply(usage=USAGE), exchange.model)).encode()
        exchange.send(200, body[: len(body) // 2], kind="application/json")

    return play


def endless_line(most: int = 64 * MIB) -> Behaviour:
    """Send one line that does not end, until the client leaves or *most* bytes are out."""

    def play(exchange: Exchange) -> None:
        exchange.begin_stream("text/event-stream" if exchange.streaming else "application/json")
        exchange.chunk(b'data: {"' if exchange.streaming else b'{"')
        for _ in range(most // 65536):
            exchange.chunk(b"a" * 65536)
        exchange.hang_up()

    return play


def huge_headers(size: int = 10_000_000) -> Behaviour:
    """Send a good answer behind a header of *size* bytes."""
    reply = json.dumps(document(Reply(usage=USAGE), "m")).encode()
    return lambda exchange: exchange.send(200, reply, headers={"X-Padding": "p" * size})


def gzip_bomb(size: int = 256 * MIB) -> Behaviour:
    """Send a small compressed body that unpacks to *size* blanks and an empty object."""

    def play(exchange: Exchange) -> None:
        packed = {"Content-Encoding": "gzip"}
        exchange.send(200, _packed_blanks(size // MIB), headers=packed, kind="application/json")

    return play


def _stray(event: Any, after: int) -> Behaviour:
    """Put something unexpected into an answer and end it there."""

    def play(exchange: Exchange) -> None:
        if not exchange.streaming:
            exchange.send(200, event if isinstance(event, dict) else event.encode(), kind="application/json")
            return
        exchange.begin_stream()
        good = events(Reply(), exchange.model, with_usage=False)
        for _, each in zip(range(after), good, strict=False):
            exchange.chunk(sse(each))
        exchange.chunk(sse(event))
        exchange.end_stream()

    return play


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
