"""Keeps the signed parts of an answer with its turn, and puts them back where they were.

Gemini signs what it thought (`thoughtSignature`, sealed) on a call, a text, or an empty text at the end. The
next request must repeat it in the very part it came in: Gemini 3 refuses a call whose signature is missing.
An entry is `{"format", "part"}` and either `"at"`, the characters of text before it, or `"call"`, its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmpool.core.chat import Message
from llmpool.formats.base import count, mapping

# What Google documents for calls that another model made, or whose signature is lost.
UNSIGNED = "skip_thought_signature_validator"


def kept(carrier: str, part: dict[str, Any], **where: int) -> dict[str, Any]:
    """Make the entry for a signed *part* of an answer."""
    return {"format": carrier, "part": part} | where


def spoken(message: Message, carrier: str) -> list[dict[str, Any]]:
    """Return the text of a turn as parts, whole and in order, with its signatures where they belong."""
    parts: list[dict[str, Any]] = []
    text, done = message.text, 0
    for part, at in _signed_texts(message, carrier):
        shown = "" if part.get("thought") else part["text"]
        if at < done or at > len(text) or not text.startswith(shown, at):
            continue  # the turn was edited: its text counts, not what was signed
        parts += _plain(text[done:at])
        parts.append(part)
        done = at + len(shown)
    return parts + _plain(text[done:])


def signed_calls(message: Message, carrier: str) -> dict[int, dict[str, Any]]:
    """Return the parts of a turn's signed calls by their number among its calls."""
    found = {}
    for entry in _entries(message, carrier):
        part, number = mapping(entry.get("part")), entry.get("call")
        call = part.get("functionCall")
        if isinstance(call, dict) and isinstance(number, int):
            found[number] = {"functionCall": call, "thoughtSignature": part["thoughtSignature"]}
    return found


def _signed_texts(message: Message, carrier: str) -> Iterator[tuple[dict[str, Any], int]]:
    for entry in _entries(message, carrier):
        part = mapping(entry.get("part"))
        if isinstance(part.get("text"), str) and "call" not in entry:
            thought = {"thought": True} if part.get("thought") is True else {}
            again = {"text": part["text"], "thoughtSignature": part["thoughtSignature"]}
            yield thought | again, count(entry.get("at"))


def _entries(message: Message, carrier: str) -> Iterator[dict[str, Any]]:
    for entry in message.carry:
        signature = mapping(mapping(entry).get("part")).get("thoughtSignature")
        if mapping(entry).get("format") == carrier and isinstance(signature, str) and signature:
            yield entry


def _plain(text: str) -> list[dict[str, Any]]:
    return [{"text": text}] if text else []
