"""Turns the lines of Google's model listings into observed models."""

from __future__ import annotations

from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.formats.base import MAX_MODELS, Listing, count, mapping, usable_name, wrong_format

NO_CHAT = Capabilities(chat=False, streaming=False, tools=False, images=False, thinking=False, json=False)


class Collected:
    """Models as they come in, page by page: the first of a name counts, what cannot be used is counted."""

    def __init__(self) -> None:
        self._models: dict[str, ObservedModel] = {}
        self._skipped = 0

    def take(self, name: object, observed: ObservedModel) -> None:
        """Add a model under *name*, or count it as one that cannot be used."""
        if isinstance(name, str) and usable_name(name) and name not in self._models:
            self._models[name] = observed.replace(name=name)
        else:
            self._skipped += 1
        if len(self._models) + self._skipped > MAX_MODELS:
            raise wrong_format(f"the listing has more than {MAX_MODELS:,} models")

    def listing(self) -> Listing:
        """Return what came in."""
        return Listing(tuple(self._models.values()), self._skipped)


def take_page(collected: Collected, payload: object, *, first: bool) -> str:
    """Add the models of a page of `models.list`; return the token of the next page, or nothing.

    A page without models is one only behind another: Google leaves out what is empty.
    """
    page = mapping(payload)
    lines = page.get("models", None if first else [])
    if not isinstance(lines, list):
        raise wrong_format("the listing has no list of models in `models`")
    for line in lines:
        fields = mapping(line)
        name = fields.get("name")
        collected.take(name.removeprefix("models/") if isinstance(name, str) else None, _observed(fields))
    token = page.get("nextPageToken")
    return token if isinstance(token, str) and len(token) < 8192 else ""


def _observed(fields: dict[str, Any]) -> ObservedModel:
    """Read one line; what a model sees and which tools it takes is not said here."""
    context = count(fields.get("inputTokenLimit"))
    capabilities = _capabilities(fields)
    return ObservedModel(
        name="",
        kind="embedding" if capabilities.embeddings and not capabilities.chat else "",
        capabilities=capabilities,
        context_window=context,
        max_context=context,
        max_output=count(fields.get("outputTokenLimit")),
    )


def _capabilities(fields: dict[str, Any]) -> Capabilities:
    methods, thinking = fields.get("supportedGenerationMethods"), fields.get("thinking")
    thinks = thinking if isinstance(thinking, bool) else None
    if not isinstance(methods, list) or not methods:
        return Capabilities(thinking=thinks)
    embeds = "embedContent" in methods
    if "generateContent" in methods:  # what generates also streams, though the listing does not say so
        return Capabilities(chat=True, streaming=True, thinking=thinks, embeddings=embeds)
    return Capabilities(**(NO_CHAT.as_dict() | {"embeddings": embeds}))
