"""Turns the lines of an OpenAI-style model listing, whoever wrote it, into observed models.

Vendors agree on `id` and on little else. Read here: llama.cpp (one model, or many as a router), LM Studio v0,
vLLM, OpenRouter, Mistral, Groq, Together, GitHub Models, Copilot, Fireworks, DeepInfra, Novita, Moonshot,
Venice, Vercel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.formats.base import Listing, count, mapping, word, words
from llmpool.formats.collect import NO_CHAT
from llmpool.formats.openai_prices import prices

CHAT_TYPES = ("chat", "llm", "vlm")
NO_CHAT_TYPES = (
    *("embedding", "embeddings", "rerank", "reranker", "moderation"),
    *("image", "video", "audio", "tts", "transcribe", "transcription"),
)
MAXIMUM_FIELDS = ("max_context_length", "max_model_len", "context_length", "context_window", "context_size")
OUTPUT_FIELDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
TOOL_WORDS = frozenset(
    ("tools", "tool_use", "tool-use", "tool-calling", "tool_calling", "function-calling", "function_calling")
)
PLAIN = frozenset(("id", "object", "created", "owned_by", "root", "parent", "permission"))


def named(lines: Iterable[Any]) -> Iterator[tuple[object, dict[str, Any]]]:
    """Give each line behind its name; one that is not offered for use has none."""
    for fields in map(mapping, lines):
        yield (fields.get("id") if _offered(fields) else None), fields


def observed(name: str, fields: dict[str, Any]) -> ObservedModel:
    """Read one line; most vendors' have but a name."""
    if fields.keys() <= PLAIN:
        return ObservedModel(name=name)
    meta = mapping(fields.get("meta"))
    loaded = count(meta.get("n_ctx")) or count(fields.get("loaded_context_length"))
    maximum = _maximum(fields, meta) or loaded
    input_price, output_price = prices(fields)
    return ObservedModel(
        name=name,
        kind=word(fields.get("type")) or word(mapping(fields.get("capabilities")).get("type")),
        family=word(fields.get("arch")),
        publisher=word(fields.get("publisher")),
        quantization=word(fields.get("quantization")),
        state=_state(fields, meta),
        capabilities=_capabilities(name, fields),
        context_window=loaded or _configured(fields) or maximum,
        max_context=maximum,
        loaded_context=loaded,
        max_output=_max_output(fields),
        size=count(meta.get("size")),
        input_price=input_price,
        output_price=output_price,
    )


def looks_like_llamacpp(lines: list[Any]) -> bool:
    """Say whether a listing is llama.cpp's, which knows more about its one model elsewhere."""
    return any(mapping(line).get("owned_by") == "llamacpp" for line in lines)


def with_props(listing: Listing, props: dict[str, Any]) -> Listing:
    """Add what `/props` of llama.cpp tells about its one model: the window of a slot, images, tools."""
    (model,) = listing.models
    window = count(mapping(props.get("default_generation_settings")).get("n_ctx"))
    sees = mapping(props.get("modalities")).get("vision")
    calls = mapping(props.get("chat_template_caps")).get("supports_tools")
    known = model.capabilities
    if not known.embeddings:
        known = known.replace(images=_first_known(sees, known.images), tools=_first_known(calls, known.tools))
    model = model.replace(capabilities=known)
    if window:
        model = model.replace(context_window=window, loaded_context=window)
    if props.get("is_sleeping") is True:
        model = model.replace(state="sleeping")
    return listing._replace(models=(model,))


def _offered(fields: dict[str, Any]) -> bool:
    """Say whether a line is a model for use: not switched off, not hidden, not for pictures alone."""
    if fields.get("active") is False or fields.get("model_picker_enabled") is False:
        return False
    if mapping(fields.get("policy")).get("state") == "disabled":  # Copilot: by its organisation
        return False
    outputs = _modalities(fields, "output")
    return outputs is None or not outputs.isdisjoint(("text", "embeddings")) or _embeds(fields)


def _modalities(fields: dict[str, Any], side: str) -> frozenset[str] | None:
    """Return what a model takes in (*side* `input`) or puts out (`output`), where its line tells."""
    architecture = fields.get("architecture")
    if not isinstance(architecture, dict):
        return _listed(fields.get(f"supported_{side}_modalities"))
    listed, modality = _listed(architecture.get(f"{side}_modalities")), architecture.get("modality")
    if listed is None and isinstance(modality, str) and "->" in modality:
        return frozenset(modality.split("->")[side == "output"].split("+"))
    return listed


def _embeds(fields: dict[str, Any]) -> bool:
    """Say whether a line is that of an embedding model, by what the server says of it."""
    own = mapping(fields.get("capabilities"))
    if any(
        "embed" in word(said).lower() for said in (fields.get("type"), own.get("type"), fields.get("kind"))
    ):
        return True
    arguments = words(mapping(fields.get("status")).get("args"))
    if not arguments.isdisjoint(("--embeddings", "--embedding")):  # llama.cpp as a router
        return True
    outputs = _modalities(fields, "output")
    told = outputs is not None and fields.get("owned_by") != "llamacpp"  # it says `text` of every model
    return told and ("embeddings" in (outputs or ()) or "embed" in str(fields.get("id")).lower())


def _capabilities(name: str, fields: dict[str, Any]) -> Capabilities:
    """Take what the server says of a model; what its name alone tells is the registry's to judge."""
    kind = (word(fields.get("type")) or word(mapping(fields.get("capabilities")).get("type"))).lower()
    own = mapping(fields.get("capabilities"))  # Mistral, Copilot
    if _embeds(fields) or (own and "completion_chat" in own and "embed" in name.lower()):
        return NO_CHAT.replace(embeddings=True)
    ends = _listed(fields.get("supported_endpoints"))
    elsewhere = ends is not None and not any(end.endswith("/chat/completions") for end in ends)
    never = False in (own.get("completion_chat"), fields.get("supports_chat"))  # Mistral, Fireworks
    if kind in NO_CHAT_TYPES or never or elsewhere:
        return NO_CHAT.replace(embeddings=False)
    told = True in (own.get("completion_chat"), fields.get("supports_chat"))
    chats = kind in CHAT_TYPES or told or _answers_in_text(fields)
    return _abilities(kind, fields, True if chats else None)


def _answers_in_text(fields: dict[str, Any]) -> bool:
    return fields.get("owned_by") != "llamacpp" and "text" in (_modalities(fields, "output") or ())


def _abilities(kind: str, fields: dict[str, Any], chats: bool | None) -> Capabilities:
    """Read tools, images, thinking, JSON and streaming, in whichever words they are told."""
    own = mapping(fields.get("capabilities"))
    supports = mapping(own.get("supports"))  # Copilot
    spec = mapping(mapping(fields.get("model_spec")).get("capabilities"))  # Venice
    said = _words_of(fields)
    knows = _listed(fields.get("supported_parameters"))  # OpenRouter
    tools = True if said & TOOL_WORDS else None
    sees = _any_of(_modalities(fields, "input"), "image")
    thinks = True if "reasoning" in said else None
    return Capabilities(
        chat=chats,
        streaming=_first_known(supports.get("streaming"), True if "streaming" in said else None),
        tools=_first_known(
            _any_of(knows, "tools"),
            own.get("function_calling"),
            supports.get("tool_calls"),
            _first_of(fields, "supports_tools", "supports_tool_use", "supports_function_calling"),
            spec.get("supportsFunctionCalling"),
            tools,
        ),
        images=_first_known(
            sees,
            own.get("vision"),
            supports.get("vision"),
            _first_of(fields, "supports_image_input", "supports_image_in", "supports_vision"),
            spec.get("supportsVision"),
            kind == "vlm" or "vision" in said or None,
        ),
        thinking=_first_known(
            _any_of(knows, "reasoning", "include_reasoning"),
            own.get("reasoning"),
            fields.get("supports_reasoning"),
            spec.get("supportsReasoning"),
            thinks,
        ),
        json=_first_known(
            _any_of(knows, "response_format", "structured_outputs"), supports.get("structured_outputs")
        ),
    )


def _words_of(fields: dict[str, Any]) -> frozenset[str]:
    """Return the words that name abilities: LM Studio, GitHub Models; Novita, Vercel, DeepInfra."""
    more = mapping(fields.get("metadata")).get("tags")
    lists = [fields.get(name) for name in ("capabilities", "features", "supported_features", "tags")]
    return frozenset[str]().union(*(words(each) for each in (*lists, more)))


def _first_of(fields: dict[str, Any], *names: str) -> bool | None:
    return _first_known(*(fields.get(name) for name in names))


def _maximum(fields: dict[str, Any], meta: dict[str, Any]) -> int:
    """Return the largest context; OpenRouter's top provider may take less than the model could."""
    top, limits = mapping(fields.get("top_provider")), _limits(fields)
    places = (
        (top, ("context_length",)),
        (fields, MAXIMUM_FIELDS),
        (limits, ("max_context_window_tokens", "max_prompt_tokens", "max_input_tokens")),
        (mapping(fields.get("metadata")), ("context_length",)),  # DeepInfra
        (mapping(fields.get("model_spec")), ("availableContextTokens",)),
        (meta, ("n_ctx_train",)),
    )
    said = (count(place.get(name)) for place, names in places if place for name in names)
    return next((size for size in said if size), 0)


def _configured(fields: dict[str, Any]) -> int:
    """Return the window that a router of llama.cpp would load a model with."""
    arguments = mapping(fields.get("status")).get("args")
    if not isinstance(arguments, list) or "--ctx-size" not in arguments[:-1]:
        return 0
    size = arguments[arguments.index("--ctx-size") + 1]
    return int(size) if isinstance(size, str) and size.isdecimal() and len(size) < 10 else 0


def _max_output(fields: dict[str, Any]) -> int:
    top, limits = mapping(fields.get("top_provider")), _limits(fields)
    said = (count(place.get(name)) for place in (top, fields, limits) if place for name in OUTPUT_FIELDS)
    return next((size for size in said if size), 0)


def _limits(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the limits of Copilot's and GitHub's lines."""
    return mapping(mapping(fields.get("capabilities")).get("limits")) or mapping(fields.get("limits"))


def _state(fields: dict[str, Any], meta: dict[str, Any]) -> str:
    """Say whether a local server has a model in memory; llama.cpp and vLLM have what they list."""
    said = word(fields.get("state")) or word(mapping(fields.get("status")).get("value"))
    here = fields.get("owned_by")
    warm = here == "vllm" or (here == "llamacpp" and count(meta.get("n_ctx")) > 0)
    return said or ("loaded" if warm else "")


def _listed(value: object) -> frozenset[str] | None:
    """Return the texts of a list, None where there is none: an empty one is one that nobody filled in."""
    return words(value) if isinstance(value, list) and value else None


def _any_of(listed: frozenset[str] | None, *names: str) -> bool | None:
    return None if listed is None else not listed.isdisjoint(names)


def _first_known(*values: object) -> bool | None:
    return next(_bools(values), None)


def _bools(values: Iterable[object]) -> Iterator[bool]:
    return (value for value in values if isinstance(value, bool))
