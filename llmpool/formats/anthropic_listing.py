"""Lists the models of a server that speaks Anthropic's format, and reads what it says of each."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from urllib.parse import quote

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import listing
from llmpool.formats.answer import good
from llmpool.formats.anthropic_errors import failure_in, read_error
from llmpool.formats.base import Listing, count, get, join_url, mapping, with_key, with_query, yes_or_no
from llmpool.formats.collect import Collected, Line, is_last, lines_in, nothing_there
from llmpool.formats.urls import without

PAGE = "limit=1000"
EFFORTS = ("low", "medium", "high", "xhigh", "max")

Headers = tuple[tuple[str, str], ...]


def list_models(target: Target, base: str, headers: Headers) -> Generator[Call, Answer, Listing]:
    """List what there is under *base*, page by page; where it has no listing, at the server's root.

    Vendors that serve this format under `/anthropic` list their models beside it, in OpenAI's way and for a
    bearer of the key.
    """
    url = join_url(base, "/v1/models")
    answer = yield get(target, with_query(url, PAGE), headers)
    root = without(base, "/anthropic")
    if nothing_there(answer) and root != base:
        url, headers = join_url(root, "/v1/models"), with_key(target)
        answer = yield get(target, with_query(url, PAGE), headers)
    collected, asked = Collected(), {""}
    while True:
        payload = good(answer, read_error, failure_in)
        collected.take(map(_named, lines_in(payload)), _observed)
        last = _next_page(payload)
        if is_last(last, asked):
            return collected.listing()
        answer = yield get(target, with_query(url, f"{PAGE}&after_id={quote(last, safe='')}"), headers)


def _named(line: object) -> tuple[object, Line]:
    """Give a line behind its name; a retired model has none."""
    fields = mapping(line)
    return (None if fields.get("lifecycle") == "retired" else fields.get("id")), fields


def _observed(name: str, fields: Line) -> ObservedModel:
    """Read a line; one in OpenAI's way, which gateways write, is read as that."""
    said = mapping(fields.get("capabilities"))
    if fields.get("type") != "model" and "image_input" not in said and "max_input_tokens" not in fields:
        return listing.observed(name, fields)
    window = count(fields.get("max_input_tokens"))
    return ObservedModel(
        name=name,
        capabilities=Capabilities(
            chat=True,
            streaming=True,
            tools=True,
            images=_supported(said.get("image_input")),
            thinking=_thinks(said),
            json=_supported(said.get("structured_outputs")),
        ),
        context_window=window,
        max_context=window,
        max_output=count(fields.get("max_output_tokens")) or count(fields.get("max_tokens")),
    )


def _thinks(said: dict[str, Any]) -> bool | None:
    """Say whether a model thinks: as such, in one of its ways, or with some effort."""
    thinking, effort = mapping(said.get("thinking")), mapping(said.get("effort"))
    ways = mapping(thinking.get("types"))
    signs = [thinking, ways.get("adaptive"), ways.get("enabled"), effort, *(effort.get(e) for e in EFFORTS)]
    known = [sign for sign in map(_supported, signs) if sign is not None]
    return any(known) if known else None


def _supported(value: object) -> bool | None:
    return yes_or_no(mapping(value).get("supported"))


def _next_page(payload: object) -> str:
    """Return the name the next page comes after, or nothing."""
    fields = mapping(payload)
    last = fields.get("last_id")
    return last if fields.get("has_more") is True and isinstance(last, str) else ""
