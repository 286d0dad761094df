"""Asks LM Studio what it has: its own listings from the newest down to the one that only knows names.

`/api/v1/models` (0.4.0), `/api/v0/models`, `/v1/models`: the next is asked where the server knows nothing of
one, which LM Studio says with status 200. A model that is loaded several times counts as loaded with the
largest window, for a request can be sent to that instance (catalog-registry-router 2.3).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import errors
from llmpool.formats.answer import lacks
from llmpool.formats.base import (
    Listing,
    count,
    get,
    join_url,
    mapping,
    parse_body,
    with_key,
    word,
    yes_or_no,
)
from llmpool.formats.collect import NO_CHAT, Collected, Line, Read

NO_CHAT_KINDS = ("embedding", "embeddings", "rerank", "transcription", "speech")
NOT_THERE = (404, 405, 501)


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
        raise _no_listing(key, payload)
    return lines


def _no_listing(key: str, payload: object = None) -> UpstreamError:
    """Make the error for JSON that is no listing; unless it says why, another address may have one."""
    failure = lacks(payload, f"the listing has no list of models in `{key}`").failure
    return UpstreamError(failure.replace(code="no_endpoint") if failure.kind == "wrong_format" else failure)


def _listing(lines: list[Any], read: Read) -> Listing:
    """Read the lines; the older listings call `id` what the newest calls `key`."""
    collected = Collected()
    collected.take(((line.get("key", line.get("id")), line) for line in map(mapping, lines)), read)
    return collected.listing()


def _of_v1(name: str, fields: Line) -> ObservedModel:
    """Read a line of `/api/v1/models`."""
    own = mapping(fields.get("capabilities"))
    listed = fields.get("loaded_instances")
    instances = [mapping(one) for one in listed] if isinstance(listed, list) else []
    largest: dict[str, Any] = max(instances, key=_window, default={})
    kind = word(fields.get("type")).lower()
    return _model(
        name,
        fields,
        kind=kind,
        family=word(fields.get("architecture")),
        quantization=word(mapping(fields.get("quantization")).get("name")),
        parameter_size=word(fields.get("params_string")),
        compatibility_type=word(fields.get("format")),
        state="loaded" if instances else "",
        capabilities=_capabilities(
            kind,
            tools=yes_or_no(own.get("trained_for_tool_use")),
            images=yes_or_no(own.get("vision")),
            thinking=_thinks(own.get("reasoning")),
        ),
        loaded=_window(largest),
        loaded_instance=word(largest.get("id")),
        size=count(fields.get("size_bytes")),
    )


def _of_v0(name: str, fields: Line) -> ObservedModel:
    """Read a line of `/api/v0/models`; versions before 0.3.16 say nothing of tools."""
    kind, listed = word(fields.get("type")).lower(), fields.get("capabilities")
    return _model(
        name,
        fields,
        kind=kind,
        family=word(fields.get("arch")),
        quantization=word(fields.get("quantization")),
        compatibility_type=word(fields.get("compatibility_type")),
        state=word(fields.get("state")),
        capabilities=_capabilities(
            kind,
            tools="tool_use" in listed if isinstance(listed, list) else None,
            images=True if kind == "vlm" else None,
        ),
        loaded=count(fields.get("loaded_context_length")),
    )


def _named(name: str, _fields: Line) -> ObservedModel:
    """Read a line of `/v1/models`: a name."""
    return ObservedModel(name=name)


def _model(name: str, fields: Line, *, loaded: int, **known: Any) -> ObservedModel:
    maximum = count(fields.get("max_context_length"))
    return ObservedModel(
        name=name,
        publisher=word(fields.get("publisher")),
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
    if kind in NO_CHAT_KINDS:
        return NO_CHAT.replace(embeddings=kind.startswith("embedding"))
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


RUNGS: tuple[tuple[str, str, Read], ...] = (
    ("/api/v1/models", "models", _of_v1),
    ("/api/v0/models", "data", _of_v0),
    ("/v1/models", "data", _named),
)
