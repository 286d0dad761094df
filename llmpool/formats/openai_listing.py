"""Asks for the models of a server that answers as OpenAI does, wherever its paths begin."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import urls
from llmpool.formats.answer import good
from llmpool.formats.base import Listing, get, join_url, mapping, with_key, with_query
from llmpool.formats.collect import Collected, is_last, lines_in, nothing_there
from llmpool.formats.listing import looks_like_llamacpp, named, observed, with_props

PROPS_SECONDS = 3.0


def list_models(target: Target) -> Generator[Call, Answer, Listing]:
    """List `/models`, under `/v1` and then without where the address carries no version; all its pages."""
    nowhere: Failure | None = None
    for base in _bases(target):
        answer = yield from ask(target, join_url(base, "/models"))
        if not nothing_there(answer):
            return (yield from _listing(target, base, answer))
        nowhere = _why(answer, nowhere)
    raise UpstreamError(nowhere or Failure(kind="wrong_format", message="there is no address to ask"))


def ask(target: Target, url: str) -> Generator[Call, Answer, Answer]:
    """Read *url*; once more without the key where it is refused and the address is the owner's own.

    Some servers list their models to everybody, and refuse a key they do not know.
    """
    answer = yield get(target, url, with_key(target))
    if answer.status in (401, 403) and target.key and not target.exact:
        keyless = yield get(target, url, target.headers)
        if 200 <= keyless.status < 300:
            return keyless
    return answer


def _bases(target: Target) -> tuple[str, ...]:
    """Say what `/models` is appended to: one place where that is known, else under `/v1` first."""
    bases = (urls.openai_base(target.url, exact=target.exact), urls.openai_base(target.url, exact=True))
    return tuple(dict.fromkeys(bases))


def _why(answer: Answer, before: Failure | None) -> Failure:
    """Say what an address answered that is none; a page tells most about what is wrong."""
    try:
        good(answer)
    except UpstreamError as error:
        failure = error.failure
    else:
        failure = Failure(kind="wrong_format", message="there is no listing")
    if failure.kind == "model_not_found":  # for the word `models` in its address
        failure = failure.replace(kind="wrong_format")
    if failure.code == "html":
        failure = failure.replace(message=f"{failure.message}; check the URL and the key")
    return before if before is not None and before.code == "html" else failure


def _listing(target: Target, base: str, answer: Answer) -> Generator[Call, Answer, Listing]:
    """Read the first page and follow to the last; the key goes along as it was taken."""
    url = join_url(base, "/models")
    collected, asked = Collected(), {""}
    payload = first = good(answer)
    while True:
        collected.take(named(lines_in(payload)), observed)
        following = _next_page(payload, url)
        if is_last(following, asked):
            break
        payload = good((yield from ask(target, following)))
    listing = collected.listing()._replace(base=_found_at(target, base))
    if len(listing.models) == 1 and looks_like_llamacpp(lines_in(first)):
        listing = with_props(listing, (yield from _props(target, base)))
    return listing


def _found_at(target: Target, base: str) -> str:
    """Return *base* where it is news; an address that names its endpoint is not to be bettered."""
    given = urls.clean(target.url)
    named = given != urls.without(given, "/chat/completions", "/responses")
    return "" if base == given or named else base


def _props(target: Target, base: str) -> Generator[Call, Answer, dict[str, Any]]:
    """Ask llama.cpp what its one model is set up for; without an answer nothing is lost."""
    call = get(target, join_url(urls.root_of(base), "/props"), with_key(target))
    limits = call.timeouts
    soon = min(PROPS_SECONDS, limits.total or PROPS_SECONDS)
    try:
        answer = yield call.replace(timeouts=limits._replace(total=soon))
        return mapping(good(answer))
    except UpstreamError:
        return {}


def _next_page(payload: object, url: str) -> str:
    """Return the address of the next page, or nothing; never another host's, for the key goes along."""
    fields = mapping(payload)
    last = fields.get("last_id")
    if fields.get("has_more") is True and isinstance(last, str) and last:
        from urllib.parse import quote

        return with_query(url, f"after={quote(last, safe='')}")
    following = mapping(fields.get("links")).get("next")
    origin = "/".join(url.split("/", 3)[:3]) + "/"
    if not isinstance(following, str):
        return ""
    if following.startswith("/") and not following.startswith("//"):
        following = origin + following[1:]
    return following if following.startswith(origin) else ""
