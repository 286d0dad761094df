"""An answer as it arrives: its status is known, its body is read whole or in frames."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from llmpool.core.outcome import Failure, FailureKind, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Frames
from llmpool.net.blot import Blot
from llmpool.net.deadline import ENDED, Deadline
from llmpool.net.faults import Phase, failure_of, timeout_failure
from llmpool.net.frames import LineFrames, SseFrames, is_half

MAX_ERROR_BYTES = 1024 * 1024
EXPECTED = {"sse": "an event stream", "ndjson": "JSON lines", "json": "JSON"}
WRITTEN = re.compile(
    r"iso8859-\d+|cp12\d\d|utf-(16|32)(-[lb]e)?|shift_jis\w*|gb\w+|big5\w*|euc_\w+|koi8-[ru]"
)
NAMED = {"text/event-stream": "sse", "application/x-ndjson": "ndjson", "application/json": "json"}


class Sent(NamedTuple):
    """What sending a call left: the library's response, the call's limits, the errors reading may raise."""

    response: Any
    deadline: Deadline
    errors: tuple[type[Exception], ...]


class StreamReply:
    """An answer whose status is known and whose body is still to come; use it as a context manager."""

    def __init__(self, call: Call, host: str, sent: Sent) -> None:
        self.status: int = sent.response.status_code
        self._blot = Blot(call.headers)
        said = sent.response.headers.items()
        self.headers = {name.lower(): self._blot.text(value) for name, value in said}
        if "retry-after" in self.headers and "date" not in self.headers:
            self.headers["date"] = _now()  # a date to wait for is read against the server's clock, or ours
        self.host = host
        self._call = call
        self._response = sent.response
        self._deadline = sent.deadline
        self._errors = sent.errors

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, in the middle of the answer too."""
        self._deadline.stop()
        self._response.close()

    def read(self) -> Answer:
        """Return the whole answer. An error's body is cut at 1 MiB, or where it broke: its status counts."""
        body = bytearray()
        try:
            for piece in self._pieces():
                body += piece
        except UpstreamError:
            if self.status < 400:
                raise
        plain = _as_utf8(bytes(body), self._charset())
        return Answer(status=self.status, headers=self.headers, body=self._blot.body(plain))

    def frames(self) -> Frames:
        """Return the frames of the body as they come; `json` is the event of one that came whole."""
        return Frames(self._frames(), self._deadline.end_within)

    def _frames(self) -> Iterator[Frame]:
        pieces = self._pieces()
        head, framing = b"", self._framing()
        if framing != "sse":
            head = _first(pieces)
            framing = self._framing_by_body(head, framing)
        if framing == "json":
            whole = _as_utf8(b"".join([head, *pieces]), self._charset())
            yield Frame("json", self._blot.last(whole.decode("utf-8", "replace")))
            return
        kind = SseFrames if framing == "sse" else LineFrames
        parser = kind(self._blot, self._charset())
        yield from parser.feed(head)
        broken = None
        while broken is None:
            try:
                piece = next(pieces)
            except StopIteration:
                break
            except UpstreamError as error:
                broken = error
            else:
                yield from parser.feed(piece)
        if broken is not None:
            raise broken  # half an event is no event: what was lost is the connection, not the format
        for frame in parser.end():
            if is_half(frame):
                words = "closed the connection in the middle of its answer"
                raise UpstreamError(Failure(kind="broken", message=f"{self.host}: {words}"))
            yield frame

    def _framing(self) -> str:
        """Say what the server calls its body, when it says something we know."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/html":
            raise self._page()
        if kind == "application/json" and self._call.framing == "ndjson":
            return "ndjson"  # a single line is a line too
        return NAMED.get(kind, "")

    def _charset(self) -> str:
        """Return the character set the server names, if it is one that texts are written in."""
        _, _, named = self.headers.get("content-type", "").lower().partition("charset=")
        name = named.partition(";")[0].strip(" \"'")
        try:
            known = codecs.lookup(name).name if name else ""
        except (LookupError, ValueError):
            known = ""
        return known if WRITTEN.fullmatch(known) else "utf-8"

    def _framing_by_body(self, head: bytes, named: str) -> str:
        """Look at the first bytes: a page is refused, and JSON is JSON whatever it is called."""
        start = head.lstrip()[:1]
        if start == b"<":
            raise self._page()
        if named:
            return named
        return "json" if self._call.framing == "sse" and start in (b"{", b"[") else self._call.framing

    def _pieces(self) -> Iterator[bytes]:
        """Yield the body unpacked, bounded in size."""
        good = self.status < 400
        limit = self._call.max_bytes if good else min(MAX_ERROR_BYTES, self._call.max_bytes)
        size = 0
        pieces, encoding = self._raw(), self.headers.get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity"}:
            pieces = _unpacked(pieces, encoding, self._fault)
        for piece in pieces:
            size += len(piece)
            if size > limit:
                raise self._fault(f"the answer is larger than {limit / 1024 / 1024:.3g} MiB")
            yield piece

    def _raw(self) -> Iterator[bytes]:
        """Yield the bytes as they come, every error of the libraries translated."""
        raw, piece, begun = self._response.iter_raw(), b"", False
        while True:
            failure, piece = None, b""
            try:
                piece = next(raw, b"")
            except self._errors as error:
                if self._deadline.expired == ENDED:
                    return
                phase = Phase("read", self._deadline.expired)
                failure = failure_of(error, self.host, phase, self._call.timeouts)
            expired = self._deadline.expired
            if failure is None and expired and expired != ENDED:  # a shut socket may look like a proper end
                failure = timeout_failure(self.host, expired, self._call.timeouts)
            if failure is not None:
                raise UpstreamError(failure)
            if not piece:
                return
            if not begun:
                begun = not _keeps_alive(piece)
                (self._deadline.first_byte if begun else self._deadline.kept_alive)()
            yield piece

    def _page(self) -> UpstreamError:
        expected = EXPECTED.get(self._call.framing, "JSON")
        return self._fault(f"answered HTML instead of {expected}", code="html")

    def _fault(self, words: str, kind: FailureKind = "wrong_format", code: str = "") -> UpstreamError:
        message = f"{self.host}: {words}"
        return UpstreamError(Failure(kind=kind, message=message, status=self.status, code=code))


def _keeps_alive(piece: bytes) -> bool:
    """Whether *piece* only says that the server is there: blank, or comments of an event stream."""
    return all(not line or line.startswith(b":") for line in map(bytes.strip, piece.splitlines()))


def _as_utf8(body: bytes, charset: str) -> bytes:
    """Return *body* as UTF-8: what can be read as that is that, whatever the server calls it."""
    if charset == "utf-8":
        return body
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(charset, "replace").encode("utf-8", "replace")
    return body


def _now() -> str:
    from email.utils import formatdate

    return formatdate(usegmt=True)


def _first(pieces: Iterator[bytes]) -> bytes:
    """Return the body up to its first byte that is not blank."""
    head = bytearray()
    for piece in pieces:
        head += piece
        if piece.strip():
            break
    return bytes(head)


def _unpacked(pieces: Iterator[bytes], encoding: str, fault: Any) -> Iterator[bytes]:
    """Undo gzip or deflate in pieces of 64 KiB at most, however much a small body grows."""
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise fault("packed its answer in a way that was not asked for")
    inflater = zlib.decompressobj(wbits=47)  # the header says whether gzip or zlib
    packed = b""
    for packed in pieces:
        rest = packed
        while rest:
            try:
                piece = inflater.decompress(rest, 65536)
            except zlib.error:
                raise fault("the answer cannot be unpacked") from None
            rest = inflater.unconsumed_tail
            if piece:
                yield piece
        if inflater.eof:
            break  # whatever comes behind the end is nobody's, and may have none
    yield inflater.flush()
    if packed and not inflater.eof:
        raise fault("closed the connection in the middle of its answer", "broken")
