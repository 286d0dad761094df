"""Conversations that go on: turns kept under a name, read back as messages (DESIGN ruling 23)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.chat import warmth
from llmpool.chat.journey import Journey
from llmpool.core.chat import Image, Message
from llmpool.core.ids import split_ref
from llmpool.core.times import rfc3339_ms
from llmpool.errors import Busy, StateUnusable
from llmpool.pool import Pool
from llmpool.state import sessions, shape


class Conversation(NamedTuple):
    """What was said so far, and the *deployment* that answered last; *answered_at* is in seconds."""

    messages: tuple[Message, ...] = ()
    deployment: str = ""
    answered_at: float = 0.0


def conversation(state: Path, name: str) -> Conversation:
    """Read a session; raises UnknownName when there is no such one."""
    turns = sessions.read(state, name)
    spoken = tuple(_message(turn) for turn in turns)
    last: dict[str, Any] = next((turn for turn in reversed(turns) if turn["role"] == "assistant"), {})
    deployment = last.get("deployment")
    if not isinstance(deployment, str):
        return Conversation(spoken)
    return Conversation(spoken, deployment, _seconds(last.get("at")))


def is_warm(pool: Pool, talk: Conversation) -> bool:
    """Say whether who answered last likely has the prompt cached still; nobody does at no provider."""
    name = split_ref(talk.deployment)[0] if talk.deployment else ""
    known = any(entry["id"] == name for entry in pool.routing["providers"])
    return known and warmth.is_warm(pool.provider(name), talk.answered_at, pool.clock())


def take(pool: Pool, journey: Journey, keep: Callable[[Journey], None] | None) -> None:
    """Have *keep* take an answer, or what was shown of one that broke off: then failing is only a warning."""
    if keep is None or not (journey.success or (journey.shown and journey.answer)):
        return
    try:
        keep(journey)
    except (StateUnusable, Busy) as error:
        if journey.success:
            raise
        pool.warnings.append(f"what was shown is not kept: {error.message}")


def _message(turn: dict[str, Any]) -> Message:
    """Read a turn back; what is not shaped as it was written is left out."""
    carry, images = turn.get("carry"), turn.get("images")
    return Message(
        role=turn["role"],
        text=turn["text"],
        carry=tuple(c for c in carry if isinstance(c, dict)) if isinstance(carry, list) else (),
        images=tuple(Image(url=u) for u in images if isinstance(u, str)) if isinstance(images, list) else (),
    )


def _seconds(at: Any) -> float:
    if not shape.is_moment(at):
        return 0.0
    from datetime import datetime

    return datetime.fromisoformat(at).timestamp()


def keep(
    state: Path,
    name: str,
    exchange: tuple[Message, ...],
    deployment: str,
    now: float,
    *,
    anew: bool,
    partial: bool = False,
) -> None:
    """Keep an exchange (system and user turn, answer) under *name*; *anew* forgets what was there.

    It is kept as one: whoever goes on with the same session meanwhile has no turn between these. *partial*
    marks an answer that broke off: what was shown of it stays, for the next question to go on from.
    """
    at = rfc3339_ms(now)
    turns = [
        {"at": at, "role": message.role, "text": message.text}
        | ({"deployment": deployment} if message.role == "assistant" else {})
        | ({"partial": True} if partial and message.role == "assistant" else {})
        | ({"carry": [carry | {"by": deployment} for carry in message.carry]} if message.carry else {})
        | ({"images": [image.url for image in message.images]} if message.images else {})
        for message in exchange
    ]
    sessions.append(state, name, turns, anew=anew)
