"""Loads models into LM Studio, which can be told to since 0.4.0: `/api/v1/models/load` and `/unload`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats.answer import good
from llmpool.formats.base import count, get, join_url, mapping, post, text_of, usable_name, with_key, word
from llmpool.formats.lmstudio import root_of
from llmpool.formats.loading import InMemory, Loading, Wish, cannot

TOO_OLD = "this LM Studio cannot be told to load models; 0.4.0 and later can"


class LMStudioLoading(Loading):
    """LM Studio: a model may be in memory several times, each instance with its own window and name."""

    unloads_first = True

    def load(self, target: Target, wish: Wish) -> Generator[Call, Answer, InMemory]:
        """Load a model and have it say what it was loaded with."""
        context = {"context_length": wish.context} if wish.context > 0 else {}
        body = {"model": wish.model, **context, "echo_load_config": True}
        fields = mapping(_good((yield _post(target, "/api/v1/models/load", body))))
        if fields.get("status", "loaded") != "loaded":
            raise cannot(f"LM Studio answered that the model is {word(fields['status']) or 'not loaded'}")
        told = count(mapping(fields.get("load_config")).get("context_length"))
        return InMemory(wish.model, instance=_name(fields.get("instance_id")), context=told or wish.context)

    def unload(self, target: Target, model: str, instance: str) -> Generator[Call, Answer, None]:
        """Unload one instance; the first one has the model's own name."""
        _good((yield _post(target, "/api/v1/models/unload", {"instance_id": instance or model})))

    def in_memory(self, target: Target) -> Generator[Call, Answer, tuple[InMemory, ...]]:
        """List every instance; the older listing knows one of each model."""
        try:
            lines = _lines(_good((yield _get(target, "/api/v1/models"))), "models")
        except UpstreamError as error:
            if error.failure.code != "no_loading":
                raise
            lines = _lines(_good((yield _get(target, "/api/v0/models"))), "data")
        return tuple(entry for fields in map(mapping, lines) for entry in _instances(fields))


def _post(target: Target, path: str, body: dict[str, Any]) -> Call:
    return post(target, join_url(root_of(target.url), path), with_key(target), body)


def _get(target: Target, path: str) -> Call:
    return get(target, join_url(root_of(target.url), path), with_key(target))


def _good(answer: Answer) -> Any:
    """Return what a good answer says; a server that knows nothing of the path says so with 200 as well."""
    try:
        return good(answer)
    except UpstreamError as error:
        failure = error.failure
        if "unexpected endpoint or method" in failure.message.lower() or answer.status in (405, 501):
            raise cannot(TOO_OLD) from None
        if failure.kind == "wrong_format" and failure.code != "html":
            raise cannot(TOO_OLD) from None
        raise


def _lines(payload: object, key: str) -> list[Any]:
    lines = mapping(payload).get(key)
    return lines if isinstance(lines, list) else []


def _instances(fields: dict[str, Any]) -> list[InMemory]:
    name = fields.get("key", fields.get("id"))
    if not usable_name(name):
        return []
    model, size = str(name), count(fields.get("size_bytes"))
    if fields.get("state") == "loaded":  # a line of the older listing
        return [InMemory(model, context=count(fields.get("loaded_context_length")))]
    listed = fields.get("loaded_instances")
    instances = map(mapping, listed) if isinstance(listed, list) else ()
    return [
        InMemory(
            model,
            instance=_name(one.get("id")),
            context=count(mapping(one.get("config")).get("context_length")),
            size=size,
        )
        for one in instances
    ]


def _name(value: object) -> str:
    """Return a name as it has to be said again, or nothing."""
    return text_of(value) if usable_name(value) else ""
