"""Conversations that go on: turns kept under a name, read back as messages (DESIGN ruling 23)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.core.chat import Image, Message
from llmpool.core.times import rfc3339_ms
from llmpool.state import sessions


def messages(state: Path, name: str) -> tuple[tuple[Message, ...], str]:
    """Return a session's messages and the deployment that answered last."""
    turns = sessions.read(state, name)
    answered = [turn.get("deployment") for turn in turns if turn["role"] == "assistant"]
    spoken = tuple(_message(turn) for turn in turns)
    last = answered[-1] if answered else ""
    return spoken, last if isinstance(last, str) else ""


def _message(turn: dict[str, Any]) -> Message:
    """Read a turn back; what is not shaped as it was written is left out."""
    carry, images = turn.get("carry"), turn.get("images")
    return Message(
        role=turn["role"],
        text=turn["text"],
        carry=tuple(c for c in carry if isinstance(c, dict)) if isinstance(carry, list) else (),
        images=tuple(Image(url=u) for u in images if isinstance(u, str)) if isinstance(images, list) else (),
    )


def keep(
    state: Path, name: str, exchange: tuple[Message, ...], deployment: str, now: float, *, anew: bool
) -> None:
    """Keep an exchange (system and user turn, answer) under *name*; *anew* forgets what was there.

    It is kept as one: whoever goes on with the same session meanwhile has no turn between these.
    """
    at = rfc3339_ms(now)
    turns = [
        {"at": at, "role": message.role, "text": message.text}
        | ({"deployment": deployment} if message.role == "assistant" else {})
        | ({"carry": [carry | {"by": deployment} for carry in message.carry]} if message.carry else {})
        | ({"images": [image.url for image in message.images]} if message.images else {})
        for message in exchange
    ]
    sessions.append(state, name, turns, anew=anew)
