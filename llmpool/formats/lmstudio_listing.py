"""Asks LM Studio what it has: its own listings from the newest down to the one that only knows names.

`/api/v1/models` (0.4.0), `/api/v0/models`, `/v1/models`: the next is asked where the server knows nothing of
one, which LM Studio says with status 200. A model that is loaded several times counts as loaded with the
largest window, for a request can be sent to that instance (catalog-registry-router 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import errors
from llmpool.formats.base import (
    MAX_MODELS,
    Listing,
    count,
    get,
    join_url,
    mapping,
    parse_body,
    shown,
    usable_name,
    with_key,
    wrong_format,
)

NO_CHAT = ("embedding", "embeddings", "rerank", "transcription", "speech")
NOT_THERE = (404, 405, 501)
_NEITHER = Capabilities(chat=False, streaming=False, tools=False, images=False, thinking=False, json=False)


def list_models(target: Target, root: str) -> Generator[Call, Answer, Listing]:
    """List with the first of the three that the server knows; any other failure ends it."""
    headers = with_key(target)
    missing = _no_listing("models")
    for path, key, read in RUNGS:
        answer = yield get(target, join_url(root, path), headers)
        try:
            return _listing(_lines(answer, key), read)
        except UpstreamError as error:
            failure = error.failure
            if failure.kind != "wrong_format" or failure.code not in ("html", "no_endpoint"):
                raise
            missing = error
    raise missing


def _lines(answer: Answer, key: str) -> list[Any]:
    """Return the lines of a listing; the code `no_endpoint` means that there is none at this address."""
    good = 200 <= answer.status < 300
    payload = parse_body(answer) if good else None
    if not good or mapping(payload).get("error"):
        failure = errors.failure_in(payload) if good else errors.read_error(answer)
        if answer.status in NOT_THERE or "unexpected endpoint or method" in failure.message.lower():
            failure = failure.replace(kind="wrong_format", code="no_endpoint")
        raise UpstreamError(failure)
    lines = mapping(payload).get(key)
    if not isinstance(lines, list):
        raise _no_listing(key)
    if len(lines) > MAX_MODELS:
        raise wrong_format(f"the listing has more than {MAX_MODELS:,} models")
    return lines


def _no_listing(key: str) -> UpstreamError:
    message = f"the listing has no list of models in `{key}`"
    return UpstreamError(Failure(kind="wrong_format", message=message, code="no_endpoint"))


def _listing(lines: list[Any], read: Callable[[dict[str, Any]], ObservedModel]) -> Listing:
    """Read the lines; the first of a name counts, and what has no usable name is counted as skipped."""
    models: dict[str, ObservedModel] = {}
    for line in lines:
        fields = mapping(line)
        name = fields.get("key", fields.get("id"))
        if isinstance(name, str) and usable_name(name) and name not in models:
            models[name] = read(fields | {"name": name})
    return Listing(tuple(models.values()), len(lines) - len(models))


def _of_v1(fields: dict[str, Any]) -> ObservedModel:
    """Read a line of `/api/v1/models`."""
    own = mapping(fields.get("capabilities"))
    listed = fields.get("loaded_instances")
    instances = [mapping(one) for one in listed] if isinstance(listed, list) else []
    largest: dict[str, Any] = max(instances, key=_window, default={})
    kind = _word(fields.get("type")).lower()
    return _model(
        fields,
        kind=kind,
        family=_word(fields.get("architecture")),
        quantization=_word(mapping(fields.get("quantization")).get("name")),
        parameter_size=_word(fields.get("params_string")),
        state="loaded" if instances else "",
        capabilities=_capabilities(
            kind,
            tools=_known(own.get("trained_for_tool_use")),
            images=_known(own.get("vision")),
            thinking=_thinks(own.get("reasoning")),
        ),
        loaded=_window(largest),
        loaded_instance=_word(largest.get("id")),
        size=count(fields.get("size_bytes")),
    )


def _of_v0(fields: dict[str, Any]) -> ObservedModel:
    """Read a line of `/api/v0/models`; versions before 0.3.16 say nothing of tools."""
    kind, listed = _word(fields.get("type")).lower(), fields.get("capabilities")
    return _model(
        fields,
        kind=kind,
        family=_word(fields.get("arch")),
        quantization=_word(fields.get("quantization")),
        state=_word(fields.get("state")),
        capabilities=_capabilities(
            kind,
            tools="tool_use" in listed if isinstance(listed, list) else None,
            images=True if kind == "vlm" else None,
        ),
        loaded=count(fields.get("loaded_context_length")),
    )


def _named(fields: dict[str, Any]) -> ObservedModel:
    """Read a line of `/v1/models`: a name."""
    return ObservedModel(name=fields["name"])


def _model(fields: dict[str, Any], *, loaded: int, **known: Any) -> ObservedModel:
    maximum = count(fields.get("max_context_length"))
    return ObservedModel(
        name=fields["name"],
        publisher=_word(fields.get("publisher")),
        context_window=loaded or maximum,
        max_context=maximum,
        loaded_context=loaded,
        **known,
    )


def _window(instance: dict[str, Any]) -> int:
    return count(mapping(instance.get("config")).get("context_length"))


def _capabilities(
    kind: str, *, tools: bool | None, images: bool | None, thinking: bool | None = None
) -> Capabilities:
    """Say what a model of this kind can do; whatever it answers, it can be held to a schema."""
    if kind in NO_CHAT:
        return _NEITHER.replace(embeddings=kind.startswith("embedding"))
    return Capabilities(
        chat=True,
        streaming=True,
        tools=tools,
        images=images,
        thinking=thinking,
        json=True,
        embeddings=False if kind else None,
    )


def _thinks(reasoning: object) -> bool | None:
    """Say whether a model has a way to think; servers before that field say nothing."""
    options = mapping(reasoning).get("allowed_options")
    return any(option != "off" for option in options) if isinstance(options, list) else None


def _known(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _word(value: object) -> str:
    return shown(value, 100) if isinstance(value, str) else ""


RUNGS: tuple[tuple[str, str, Callable[[dict[str, Any]], ObservedModel]], ...] = (
    ("/api/v1/models", "models", _of_v1),
    ("/api/v0/models", "data", _of_v0),
    ("/v1/models", "data", _named),
)
