"""Turns the lines of an OpenAI-style model listing, whoever wrote it, into observed models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.formats.base import MAX_MODELS, Listing, count, mapping, shown, usable_name, wrong_format

NO_CHAT_TYPES = ("embedding", "embeddings", "rerank", "reranker", "image", "audio", "moderation", "video")
MAXIMUM_FIELDS = ("max_context_length", "max_model_len", "context_length", "context_window")


class Collected:
    """Models as they come in, page by page: the first of a name counts, what cannot be used is counted."""

    def __init__(self) -> None:
        self._models: dict[str, ObservedModel] = {}
        self._skipped = 0

    def take(self, lines: list[Any]) -> None:
        """Add the *lines* of a page."""
        for line in lines:
            fields = mapping(line)
            name = fields.get("id")
            if isinstance(name, str) and usable_name(name) and name not in self._models:
                self._models[name] = observed(name, fields)
            else:
                self._skipped += 1
        if len(self._models) + self._skipped > MAX_MODELS:
            raise wrong_format(f"the listing has more than {MAX_MODELS:,} models")

    def listing(self) -> Listing:
        """Return what came in."""
        return Listing(tuple(self._models.values()), self._skipped)


def observed(name: str, fields: dict[str, Any]) -> ObservedModel:
    """Read one line; vendors agree on `id` and on little else."""
    meta = mapping(fields.get("meta"))
    loaded = count(meta.get("n_ctx")) or count(fields.get("loaded_context_length"))
    maximum = _maximum(fields, meta) or loaded
    top = mapping(fields.get("top_provider"))
    return ObservedModel(
        name=name,
        kind=_word(fields.get("type")),
        family=_word(fields.get("arch")),
        publisher=_word(fields.get("publisher")),
        quantization=_word(fields.get("quantization")),
        state=_word(fields.get("state")) or _word(mapping(fields.get("status")).get("value")),
        capabilities=_capabilities(fields),
        context_window=loaded or maximum,
        max_context=maximum,
        loaded_context=loaded,
        max_output=count(top.get("max_completion_tokens")) or count(fields.get("max_completion_tokens")),
        size=count(meta.get("size")),
    )


def _maximum(fields: dict[str, Any], meta: dict[str, Any]) -> int:
    top = mapping(fields.get("top_provider"))
    candidates: Iterator[object] = (fields.get(name) for name in MAXIMUM_FIELDS)
    said = next((count(value) for value in candidates if count(value)), 0)
    return said or count(top.get("context_length")) or count(meta.get("n_ctx_train"))


def _capabilities(fields: dict[str, Any]) -> Capabilities:
    """Take what the server says of a model; what its name tells is the registry's to judge."""
    kind = _word(fields.get("type")).lower()
    own = mapping(fields.get("capabilities"))  # Mistral
    embeds = kind in {"embedding", "embeddings"}
    if kind in NO_CHAT_TYPES or own.get("completion_chat") is False:
        return Capabilities(
            chat=False,
            streaming=False,
            tools=False,
            images=False,
            thinking=False,
            json=False,
            embeddings=embeds or None,
        )
    takes = _listed(mapping(fields.get("architecture")).get("input_modalities"))
    knows = _listed(fields.get("supported_parameters"))
    return Capabilities(
        chat=True if kind or own.get("completion_chat") else None,
        tools=_first_known(_any_of(knows, "tools"), own.get("function_calling")),
        images=_first_known(_any_of(takes, "image"), own.get("vision"), True if kind == "vlm" else None),
        thinking=_any_of(knows, "reasoning", "include_reasoning"),
        json=_any_of(knows, "response_format", "structured_outputs"),
    )


def _listed(value: object) -> frozenset[str] | None:
    return frozenset(v for v in value if isinstance(v, str)) if isinstance(value, list) and value else None


def _any_of(listed: frozenset[str] | None, *names: str) -> bool | None:
    return None if listed is None else not listed.isdisjoint(names)


def _first_known(*values: object) -> bool | None:
    return next(_bools(values), None)


def _bools(values: Iterable[object]) -> Iterator[bool]:
    return (value for value in values if isinstance(value, bool))


def _word(value: object) -> str:
    return shown(value, 80) if isinstance(value, str) else ""
