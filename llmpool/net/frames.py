"""Cuts the bytes of a streamed answer into frames: event streams (WHATWG) and JSON lines.

Both are fed bytes as they come and return what is complete; where the bytes were cut does not matter.
"""

from __future__ import annotations

import codecs
import json

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Followed, Frame
from llmpool.net.blot import Blot

MAX_LINE = 8 * 1024 * 1024


class _Lines:
    """Bytes to lines: decoded, no byte order mark, no secrets, CR, LF and CRLF alike, each line bounded."""

    def __init__(self, blot: Blot | None, charset: str, *, cr_ends_line: bool) -> None:
        self._blot = blot or Blot()
        self._charset = charset
        self._others = [charset, f"{charset}-le"]  # what is tried where it cannot be read, each once
        self._decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-8")(
            "replace" if charset == "utf-8" else "strict"
        )
        self._read = self._decoder.decode if charset == "utf-8" else self._decode
        self._cr_ends_line = cr_ends_line
        self._undecoded = False  # whether the next bytes cannot be read by themselves
        self._started = False
        self._after_cr = False
        self._partial: list[str] = []
        self._size = 0

    def whole(self, data: bytes) -> str:
        """Return *data* as text when it is whole events and nothing is pending, as it nearly always is.

        Else nothing is returned and nothing was taken: `feed` reads anything.
        """
        pending = self._partial or self._undecoded or self._after_cr or not self._started
        if pending or not data.endswith(b"\n\n") or b"\r" in data or len(data) > MAX_LINE:
            return ""
        try:
            return self._blot.text(data.decode())
        except UnicodeDecodeError:
            return ""

    def feed(self, data: bytes, *, final: bool = False) -> list[str]:
        """Return the lines that *data* completes; *final* ends the last one too."""
        text = self._read(data, final)
        self._undecoded = self._charset != "utf-8" or bool(self._decoder.getstate()[0])
        if not self._started and text:
            self._started = True
            text = text.removeprefix("\ufeff")
        if self._cr_ends_line and ("\r" in text or self._after_cr):
            text = self._without_cr(text)
        if not final and "\n" not in text:
            self._keep(text)
            return []
        whole = "".join([*self._partial, text])
        self._partial, self._size = [], 0
        if final:
            return self._blot.last(whole).split("\n") if whole else []
        *lines, rest = self._blot.text(whole).split("\n")
        self._keep(rest)
        return lines

    def _decode(self, data: bytes, final: bool = False) -> str:
        """Read *data* as UTF-8, and as what the server calls it from where it is none.

        UTF-16 and UTF-32 without a mark of their byte order are taken for the usual one.
        """
        try:
            return self._decoder.decode(data, final)
        except UnicodeError:
            pending, _ = self._decoder.getstate()
            self._decoder = codecs.getincrementaldecoder(self._others.pop(0))("replace")
            return self._decode(pending + data, final)

    def _without_cr(self, text: str) -> str:
        """Make every line end a LF; a CR ends its line at once, and the LF that may follow it counts not."""
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _keep(self, rest: str) -> None:
        """Remember the piece of an unfinished line; pieces are joined once, when its end arrives."""
        if rest:
            self._size += len(rest)
            check_size(self._size)
            self._partial.append(rest)


class SseFrames:
    """The events of a `text/event-stream`; `id` and `retry` are of no use here."""

    def __init__(self, blot: Blot | None = None, charset: str = "utf-8") -> None:
        self._lines = _Lines(blot, charset, cr_ends_line=True)
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Return the events that *data* completes."""
        text = "" if self._data or self._event else self._lines.whole(data)
        if not text:
            return self._frames(self._lines.feed(data))
        if text.startswith("data: ") and text.find("\n") == len(text) - 2:
            return [Frame("", text[6:-2])]
        frames: list[Frame] = []
        for block in text[:-2].split("\n\n"):
            if block.startswith("data: ") and "\n" not in block:  # nearly all events of nearly all streams
                frames.append(Followed("", block[6:]))
            else:
                frames += self._frames([*block.split("\n"), ""])
        if frames:
            frames[-1] = Frame(*frames[-1])
        return frames

    def end(self) -> list[Frame]:
        """Return what was pending: whether an event without its blank line counts is the format's choice."""
        return self._frames([*self._lines.feed(b"", final=True), ""])

    def _frames(self, lines: list[str]) -> list[Frame]:
        frames: list[Frame] = []
        for line in lines:
            if not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
                    frames.append(Frame(self._event, data))
                    self._data, self._size = [], 0
                self._event = ""
            elif line.startswith("data:"):
                self._add(line[6:] if line.startswith(" ", 5) else line[5:])
            elif line == "data":
                self._add("")
            elif line.startswith("event:"):
                self._event = line[6:].removeprefix(" ")
        return frames

    def _add(self, value: str) -> None:
        self._size += len(value) + 1
        check_size(self._size)
        self._data.append(value)


class LineFrames:
    """One frame per line that is not blank, as in `application/x-ndjson`."""

    def __init__(self, blot: Blot | None = None, charset: str = "utf-8") -> None:
        self._lines = _Lines(blot, charset, cr_ends_line=False)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the lines that *data* completes."""
        return [Frame("", line.strip()) for line in self._lines.feed(data) if line.strip()]

    def end(self) -> list[Frame]:
        """Return the last line when no line end follows it."""
        return [Frame("", line.strip()) for line in self._lines.feed(b"", final=True) if line.strip()]


def is_half(frame: Frame) -> bool:
    """Whether a frame that was pending at the end of a body is half an object: there the server broke off.

    Not every connection tells: one that ends where it closes looks like any other end.
    """
    if frame.data[:1] != "{":
        return False
    try:
        json.loads(frame.data)
    except (ValueError, RecursionError):
        return True
    return False


def check_size(size: int) -> None:
    """Refuse a line or an event over the limit: nothing a model says is that long, and memory is finite."""
    if size > MAX_LINE:
        raise UpstreamError(Failure(kind="wrong_format", message="the server sent a line over 8 MiB"))
