"""Turns the lines of Google's model listings into observed models."""

from __future__ import annotations

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.formats.base import count, mapping, yes_or_no
from llmpool.formats.collect import NO_CHAT, Collected, Line, lines_in


def take_page(collected: Collected, payload: object, *, first: bool) -> str:
    """Add the models of a page of `models.list`; return the token of the next page, or nothing.

    A page without models is one only behind another: Google leaves out what is empty.
    """
    page = mapping(payload)
    lines = lines_in(page if first else {"models": []} | page, "models")
    collected.take(map(_named, lines), _observed)
    token = page.get("nextPageToken")
    return token if isinstance(token, str) and len(token) < 8192 else ""


def _named(line: object) -> tuple[object, Line]:
    fields = mapping(line)
    name = fields.get("name")
    return (name.removeprefix("models/") if isinstance(name, str) else None), fields


def _observed(name: str, fields: Line) -> ObservedModel:
    """Read one line; what a model sees and which tools it takes is not said here."""
    context = count(fields.get("inputTokenLimit"))
    capabilities = _capabilities(fields)
    return ObservedModel(
        name=name,
        kind="embedding" if capabilities.embeddings and not capabilities.chat else "",
        capabilities=capabilities,
        context_window=context,
        max_context=context,
        max_output=count(fields.get("outputTokenLimit")),
    )


def _capabilities(fields: Line) -> Capabilities:
    methods, thinks = fields.get("supportedGenerationMethods"), yes_or_no(fields.get("thinking"))
    if not isinstance(methods, list) or not methods:
        return Capabilities(thinking=thinks)
    embeds = "embedContent" in methods
    if "generateContent" in methods:  # what generates also streams, though the listing does not say so
        return Capabilities(chat=True, streaming=True, thinking=thinks, embeddings=embeds)
    return NO_CHAT.replace(embeddings=embeds)
