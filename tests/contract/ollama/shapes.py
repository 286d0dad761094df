"""Reads the answers kept in this directory."""

from __future__ import annotations

from pathlib import Path

from llmpool.core.wire import Answer, Frame
from llmpool.net.frames import LineFrames

HERE = Path(__file__).parent


def documented(name: str) -> Answer:
    """Return the documented answer *name*, such as `show-unknown.404.json`, with the status it names."""
    parts = name.split(".")
    status = int(parts[1]) if parts[1].isdecimal() else 200
    return Answer(status=status, headers={}, body=(HERE / "documented" / name).read_bytes())


def recorded(name: str) -> Answer:
    """Return the answer recorded from aimock as *name*, such as `chat`."""
    text = (HERE / "aimock" / f"{name}.txt").read_text(encoding="utf-8")
    head, _, body = text.partition("\n< ")[2].partition("\n\n")
    status, *fields = head.split("\n")
    pairs = (field[2:].split(": ", 1) for field in fields if not field.startswith("< ("))
    headers = {name.lower(): value for name, value in pairs}
    return Answer(status=int(status.split()[0]), headers=headers, body=body.encode())


def framed(body: bytes, size: int = 0) -> list[Frame]:
    """Cut JSON lines into frames, fed in chunks of *size*, or whole."""
    parser, frames = LineFrames(), []
    for start in range(0, len(body), size or len(body) or 1):
        frames += parser.feed(body[start : start + (size or len(body))])
    return frames + parser.end()
