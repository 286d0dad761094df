"""What a wire format is, and the reading that all of them share."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.deployment import ObservedModel
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target

MAX_MODELS = 100_000
MAX_NAME = 512
MAX_WORD = 80
DEEPEST = 100  # what is nested deeper could be read, and then neither be kept nor sent back
MOST = 1 << 53  # no count or size is larger; sums and products of figures beyond it are made up
# control characters, invisible marks, line separators, bidi overrides, what could not be decoded
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd\ud800-\udfff]"
)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
HALVES = re.compile("[\ud800-\udfff]")


def _finite(digits: str) -> float | None:
    """Read a number; one that no float holds is none: JSON could not tell it on."""
    number = float(digits)
    return number if math.isfinite(number) else None


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=lambda _name: None)
_decode = _DECODER.raw_decode  # json.loads without what it does for other kinds of input


class Listing(NamedTuple):
    """The models a provider reported; *skipped* counts the lines that could not be used.

    *base* is the URL the listing was found under, when that is not simply the target's.
    """

    models: tuple[ObservedModel, ...]
    skipped: int
    base: str = ""


class WireFormat(Protocol):
    """One wire protocol: it builds Calls, reads Answers and Frames, and keeps nothing.

    *takes_image_urls*: whether a server fetches images itself; if not, the caller sends them as data.
    *droppable*: what a request can do without when a server refuses it, in the words of `formats.refused`.
    Whatever reads an answer raises UpstreamError for one that is none; a call that the protocol cannot say
    raises it, too.
    """

    name: str
    takes_image_urls: bool
    droppable: frozenset[str]

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """Ask what there is; yields each Call and is sent its Answer."""

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call that puts *request* to *model*."""

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Read a streamed answer; the last Delta carries usage and finish."""

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Read a whole answer as the same Deltas."""

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer."""


def wrong_format(message: str) -> UpstreamError:
    """Make the error for an answer that is not what the protocol promises."""
    return UpstreamError(Failure(kind="wrong_format", message=message))


def parse_json(text: str, what: str = "the answer") -> Any:
    """Return the JSON value of *text*, with nothing in it that nobody could write again.

    Half of a surrogate pair becomes a mark for what cannot be read; NaN and numbers beyond all floats, which
    JSON does not have, are null. Raises UpstreamError for what is no JSON, or nested too deeply.
    """
    try:
        value, end = _decode(text)
        if end != len(text):
            value = _DECODER.decode(text)  # blanks behind it, or an error
        if "\\u" in text and ("\\ud" in text or "\\uD" in text):
            value = json.loads(HALVES.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        if text[:1].isspace():  # blanks ahead of it
            return parse_json(text.lstrip(), what)
        raise wrong_format(f"{what} is not JSON: {shown(text, 80) or 'there is nothing in it'}") from None
    if text.count("[") + text.count("{") > DEEPEST and not _is_flat(text) and is_deep(value):
        raise wrong_format(f"{what} is nested too deeply")
    return value


def _is_flat(text: str) -> bool:
    """Whether the brackets of *text* alone show that it is not deep; those in its words may hide that."""
    left = text.encode("utf-8", "replace").translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        before, left = left, left.replace(b"[]", b"").replace(b"{}", b"")
        if not left or left == before:
            break
    return not left


def is_deep(value: object) -> bool:
    """Whether lists and objects stand in each other deeper than anybody means it."""
    level = [value]
    for _ in range(DEEPEST):
        open_ones = [each for each in level if isinstance(each, (dict, list))]
        level = [v for each in open_ones for v in (each.values() if isinstance(each, dict) else each)]
        if not level:
            break
    return any(isinstance(each, (dict, list)) for each in level)


def parse_body(answer: Answer, what: str = "the answer") -> Any:
    """Return the JSON value of the body; raises UpstreamError, which tells a page as one."""
    text = answer.body.decode("utf-8", "replace").removeprefix("\ufeff")
    if text.lstrip()[:1] == "<":
        raise UpstreamError(
            Failure(
                kind="wrong_format",
                message=f"answered HTML (status {answer.status}) instead of JSON",
                status=answer.status,
                code="html",
            )
        )
    return parse_json(text, what)


def shown(text: str, limit: int) -> str:
    """Return *text* as a message may show it: on one line, without control characters, cut at *limit*."""
    line = " ".join(UNPRINTABLE.sub(" ", text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def with_key(target: Target, how: str = "bearer") -> tuple[tuple[str, str], ...]:
    """Return the headers of a call: the owner's, and the key in the way *how* or the target says.

    *how* is `bearer` or the name of a header. A header the owner set is left as it is: it is the key, then.
    """
    how = target.auth or how
    name, value = ("authorization", f"Bearer {target.key}") if how == "bearer" else (how, target.key)
    if not target.key or any(given.lower() == name for given, _ in target.headers):
        return target.headers
    return (*target.headers, (name, value))


def get(target: Target, url: str, headers: tuple[tuple[str, str], ...]) -> Call:
    """Build the call that reads *url*."""
    return Call(
        method="GET",
        url=url,
        headers=(("accept", "application/json"), *headers),
        timeouts=target.timeouts,
        verify_tls=target.verify_tls,
    )


def post(
    target: Target,
    url: str,
    headers: tuple[tuple[str, str], ...],
    body: dict[str, Any],
    framing: str = "json",
) -> Call:
    """Build the call that sends *body* as JSON; *framing* is how the answer will come."""
    accepted = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}.get(framing, "application/json")
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Call(
        method="POST",
        url=url,
        headers=(("content-type", "application/json"), ("accept", accepted), *headers),
        body=encoded.encode("utf-8", "replace"),
        framing=framing,
        timeouts=target.timeouts,
        verify_tls=target.verify_tls,
    )


def join_url(base: str, path: str) -> str:
    """Append *path* to *base*, ahead of the query that *base* may have."""
    head, mark, query = base.partition("?")
    return head.rstrip("/") + path + mark + query


def with_query(url: str, query: str) -> str:
    """Append *query* to the one that *url* may have."""
    return f"{url}{'&' if '?' in url else '?'}{query}"


def usable_name(name: object) -> bool:
    """Whether *name* can name a model: text, not blank, at most 512 characters, none of them unprintable."""
    return (
        isinstance(name, str)
        and bool(name.strip())
        and len(name) <= MAX_NAME
        and UNPRINTABLE.search(name) is None
    )


def count(value: object, most: int = MOST) -> int:
    """Return *value* when it is a whole number that counts something, below *most*, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < most else 0


def mapping(value: object) -> dict[str, Any]:
    """Return *value* when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def yes_or_no(value: object) -> bool | None:
    """Return *value* when it is true or false, else None: unknown."""
    return value if isinstance(value, bool) else None


def word(value: object) -> str:
    """Return *value* when it is text, as a message may show it, else nothing."""
    return shown(value, MAX_WORD) if isinstance(value, str) else ""


def words(value: object) -> frozenset[str]:
    """Return the texts of *value* when it is a list, else none."""
    return frozenset(v for v in value if isinstance(v, str)) if isinstance(value, list) else frozenset()


def text_of(value: object) -> str:
    """Return *value* when it is text; of a list of content parts, their texts joined; else nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(
            part if isinstance(part, str) else text_of(mapping(part).get("text")) for part in value
        )
    return ""
