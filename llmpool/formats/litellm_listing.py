"""Asks a LiteLLM proxy for its models: `/model/info`, wherever it answers (pool-routing-formats 6.3)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import urls
from llmpool.formats.answer import good
from llmpool.formats.base import Listing, count, get, join_url, mapping, with_key, wrong_format, yes_or_no
from llmpool.formats.collect import NO_CHAT, Collected, Line
from llmpool.formats.openai_prices import per_million

CHAT_MODES = ("chat", "responses")


def litellm_listing(target: Target) -> Generator[Call, Answer, Listing]:
    """List the first address that has models; a refused key is the end of it, for it fits none of them."""
    failure = wrong_format("no models at /model/info")
    for url in _addresses(target):
        answer = yield get(target, url, with_key(target))
        try:
            listing = _listing(good(answer))
        except UpstreamError as error:
            if error.failure.kind == "auth" or error.failure.status in (401, 403):
                raise
            failure = error
            continue
        if listing.models:
            return listing._replace(base=urls.openai_base(target.url, exact=target.exact))
    raise failure


def _addresses(target: Target) -> tuple[str, ...]:
    """List where to ask: a base that ends in `/v1` has its information beside that."""
    base = urls.openai_base(target.url, exact=True)
    root = urls.without(base, "/v1")
    if root != base:
        return (join_url(root, "/model/info"), join_url(root, "/models/info"), join_url(base, "/model/info"))
    return tuple(join_url(base, path) for path in ("/model/info", "/models/info", "/v1/model/info"))


def _listing(payload: object) -> Listing:
    """Read `data`: an object with the models' names as its keys, or a list of lines."""
    data, collected = mapping(payload).get("data"), Collected()
    lines: list[tuple[object, Line]]
    if isinstance(data, dict):
        lines = [(name, mapping(line)) for name, line in data.items()]
    elif isinstance(data, list):
        lines = [(mapping(line).get("model_name"), mapping(line)) for line in data]
    else:
        raise wrong_format("the listing has no models in `data`")
    collected.take(((None if "*" in str(name) else name, line) for name, line in lines), _observed)
    return collected.listing()


def _observed(name: str, line: Line) -> ObservedModel:
    info = mapping(line.get("model_info")) or line
    window = count(info.get("max_input_tokens"))  # its `max_tokens` may mean either end
    return ObservedModel(
        name=name,
        capabilities=_capabilities(info),
        context_window=window,
        max_context=window,
        max_output=count(info.get("max_output_tokens")),
        input_price=per_million(info.get("input_cost_per_token")),
        output_price=per_million(info.get("output_cost_per_token")),
    )


def _capabilities(info: dict[str, Any]) -> Capabilities:
    """Read what the proxy's table says of a model; a missing yes is not a no there."""
    mode = info.get("mode")
    if isinstance(mode, str) and mode not in CHAT_MODES:
        return NO_CHAT.replace(embeddings=mode == "embedding")
    known = ("supports_function_calling", "supports_vision", "supports_reasoning", "supports_response_schema")
    tools, images, thinking, schema = (yes_or_no(info.get(name)) for name in known)
    return Capabilities(
        chat=True if isinstance(mode, str) else None,
        tools=tools,
        images=images,
        thinking=thinking,
        json=schema,
    )
