"""Conversations that go on: turns kept under a name, read back as messages (DESIGN ruling 23)."""

from __future__ import annotations

from pathlib import Path

from llmpool.core.chat import Message
from llmpool.core.times import rfc3339_ms
from llmpool.state import sessions


def messages(state: Path, name: str) -> tuple[tuple[Message, ...], str]:
    """Return a session's messages and the deployment that answered last."""
    turns = sessions.read(state, name)
    answered = [str(turn.get("deployment", "")) for turn in turns if turn.get("role") == "assistant"]
    spoken = tuple(
        Message(role=turn["role"], text=turn["text"]) for turn in turns if "role" in turn and "text" in turn
    )
    return spoken, answered[-1] if answered else ""


def keep(
    state: Path, name: str, exchange: tuple[Message, ...], deployment: str, now: float, *, anew: bool
) -> None:
    """Keep an exchange (system and user turn, answer) under *name*; *anew* forgets what was there."""
    if anew:
        sessions.start_over(state, name)
    for message in exchange:
        turn = {"at": rfc3339_ms(now), "role": message.role, "text": message.text}
        if message.role == "assistant":
            turn["deployment"] = deployment
        sessions.append(state, name, turn)
