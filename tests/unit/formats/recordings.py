"""Reads the recorded answers of tests/contract; SOURCE.md beside them says where they come from."""

from __future__ import annotations

from pathlib import Path

from llmpool.core.wire import Answer, Frame
from llmpool.net.frames import SseFrames

CONTRACT = Path(__file__).parents[2] / "contract"
OPENAI = CONTRACT / "openai"


def recorded(name: str) -> Answer:
    """Return the answer recorded as *name*, such as `llama/chat`."""
    text = (OPENAI / f"{name}.txt").read_text(encoding="utf-8")
    _, _, rest = text.partition("\n< ")
    head, _, body = rest.partition("\n\n")
    status, *fields = head.split("\n")
    pairs = (field[2:].split(": ", 1) for field in fields if not field.startswith("< ("))
    headers = {name.lower(): value for name, value in pairs}
    body = body.partition("\n(connection ended")[0]
    return Answer(status=int(status.split()[0]), headers=headers, body=body.encode())


def framed(body: bytes, size: int = 0) -> list[Frame]:
    """Cut an event stream into frames, fed in chunks of *size*, or whole."""
    parser, frames = SseFrames(), []
    for start in range(0, len(body), size or len(body) or 1):
        frames += parser.feed(body[start : start + (size or len(body))])
    return frames + parser.end()
