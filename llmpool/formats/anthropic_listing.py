"""Lists the models of a server that speaks Anthropic's format, and reads what it says of each."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from urllib.parse import quote

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import listing
from llmpool.formats.anthropic_errors import failure_in, read_error
from llmpool.formats.base import (
    MAX_MODELS,
    Listing,
    count,
    get,
    join_url,
    mapping,
    parse_body,
    usable_name,
    with_key,
    wrong_format,
)
from llmpool.formats.urls import without

MAX_PAGES = 100
PAGE = "limit=1000"
EFFORTS = ("low", "medium", "high", "xhigh", "max")

Headers = tuple[tuple[str, str], ...]


def list_models(target: Target, base: str, headers: Headers) -> Generator[Call, Answer, Listing]:
    """List what there is under *base*, page by page; where it has no listing, at the server's root.

    Vendors that serve this format under `/anthropic` list their models beside it, in OpenAI's way and for a
    bearer of the key.
    """
    url = join_url(base, "/v1/models")
    answer = yield get(target, _with(url, PAGE), headers)
    root = without(base, "/anthropic")
    if _nothing_there(answer) and root != base:
        url, headers = join_url(root, "/v1/models"), with_key(target)
        answer = yield get(target, _with(url, PAGE), headers)
    models: dict[str, ObservedModel] = {}
    skipped, asked = 0, {""}
    for _ in range(MAX_PAGES):
        payload = _good(answer)
        lines = _lines(payload)
        if len(models) + skipped + len(lines) > MAX_MODELS:
            raise wrong_format(f"the listing has more than {MAX_MODELS:,} models")
        skipped += _take(models, lines)
        last = _next_page(payload)
        if last in asked:
            break
        asked.add(last)
        answer = yield get(target, _with(url, f"{PAGE}&after_id={quote(last, safe='')}"), headers)
    return Listing(tuple(models.values()), skipped)


def _take(models: dict[str, ObservedModel], lines: list[Any]) -> int:
    """Add the lines of a page, the first of a name; return how many were of no use, retired models too."""
    before = len(models)
    for fields in map(mapping, lines):
        name = fields.get("id")
        if isinstance(name, str) and usable_name(name) and fields.get("lifecycle") != "retired":
            models.setdefault(name, _observed(name, fields))
    return len(lines) - (len(models) - before)


def _observed(name: str, fields: dict[str, Any]) -> ObservedModel:
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
    supported = mapping(value).get("supported")
    return supported if isinstance(supported, bool) else None


def _with(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _nothing_there(answer: Answer) -> bool:
    """Whether the address does not exist; some servers say so with a page."""
    return answer.status in {404, 405, 410} or answer.body[:200].lstrip().startswith(b"<")


def _good(answer: Answer) -> Any:
    """Return the JSON of a good answer; raise for any other, and for an error that hides in a 200."""
    if not 200 <= answer.status < 300:
        raise UpstreamError(read_error(answer))
    payload = parse_body(answer)
    if isinstance(payload, dict) and (payload.get("error") or payload.get("type") == "error"):
        raise UpstreamError(failure_in(payload))
    return payload


def _lines(payload: object) -> list[Any]:
    lines = payload if isinstance(payload, list) else mapping(payload).get("data")
    if not isinstance(lines, list):
        raise wrong_format("the listing has no list of models in `data`")
    return lines


def _next_page(payload: object) -> str:
    """Return the name the next page comes after, or nothing."""
    fields = mapping(payload)
    last = fields.get("last_id")
    return last if fields.get("has_more") is True and isinstance(last, str) else ""
