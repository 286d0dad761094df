"""Conversations that go on: turns kept under a name, read back as messages (DESIGN ruling 23)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.chat import warmth
from llmpool.chat.journey import Journey
from llmpool.chat.record import twice
from llmpool.core.chat import Image, Message
from llmpool.core.ids import split_ref
from llmpool.core.times import rfc3339_ms
from llmpool.errors import Busy, LlmpoolError, StateUnusable, UnknownName
from llmpool.pool import Pool
from llmpool.state import sessions

_PICTURES = ("data:image/", "http://", "https://")


class Conversation(NamedTuple):
    """What was said so far, and the *deployment* that answered last; *answered_at* is in seconds."""

    messages: tuple[Message, ...] = ()
    deployment: str = ""
    answered_at: float = 0.0


def conversation(state: Path, name: str) -> Conversation:
    """Read a session; raises UnknownName when there is no such one."""
    turns = sessions.read(state, name)
    spoken = _as_told(tuple(_message(turn) for turn in turns))
    last: dict[str, Any] = next((turn for turn in reversed(turns) if turn["role"] == "assistant"), {})
    return Conversation(spoken, last.get("deployment", ""), _seconds(last.get("at", "")))


def to_go_on(state: Path) -> str:
    """Return the conversation that `--continue` goes on with: the newest; raises UnknownName without one."""
    name = sessions.newest(state)
    if not name:
        raise UnknownName("no conversation is kept yet", hint="begin one: llmpool chat -i, or --session NAME")
    return name


def _as_told(spoken: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return what was said as a model is told it: of the system's words only the latest, and first.

    Whoever gives it other words in the middle wants these to hold; words that are blank take the old ones
    back. Two contradicting sets would leave it to the format which of them a model obeys.
    """
    system = [message for message in spoken if message.role == "system"]
    latest = tuple(message for message in system[-1:] if message.text.strip())
    return (*latest, *(message for message in spoken if message.role != "system"))


def is_warm(pool: Pool, talk: Conversation) -> bool:
    """Say whether who answered last likely has the prompt cached still; nobody does at no provider."""
    name = split_ref(talk.deployment)[0] if talk.deployment else ""
    known = any(entry["id"] == name for entry in pool.routing["providers"])
    return known and warmth.is_warm(pool.provider(name), talk.answered_at, pool.clock())


def take(pool: Pool, journey: Journey, keep: Callable[[Journey], None] | None) -> LlmpoolError | None:
    """Have *keep* take an answer, or what was shown of one that broke off: then failing is only a warning.

    Returns why an answer could not be kept: it is there all the same, and nobody should have to wait for it.
    """
    if keep is None or not (journey.success or (journey.shown and journey.answer)):
        return None
    try:
        twice(lambda: keep(journey))
    except (StateUnusable, Busy) as error:
        if journey.success:
            return error
        pool.warnings.append(f"what was shown is not kept: {error.message}")
    return None


def _message(turn: dict[str, Any]) -> Message:
    return Message(
        role=turn["role"],
        text=turn["text"],
        carry=tuple(turn.get("carry", ())),
        images=tuple(Image(url=url) for url in pictures(turn)),
    )


def pictures(turn: dict[str, Any]) -> list[str]:
    """Return the addresses of the pictures in a turn; what is none was not written here."""
    return [url for url in turn.get("images", ()) if url.startswith(_PICTURES)]


def _seconds(at: str) -> float:
    if not at:
        return 0.0
    from llmpool.registry.staleness import epoch

    return epoch(at)


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
