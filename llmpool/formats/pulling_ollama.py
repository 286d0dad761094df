"""Fetches and deletes models at an Ollama server: `/api/pull` and `/api/delete`.

A pull answers in JSON lines: words, and for each layer its digest with `total` and `completed`, which is left
out while it is 0 and may fall when a part is fetched again. Layers are announced one after the other, so the
total grows, by little: the weights come first. Status 200 says nothing: what fails later is a line with
`error`, and only `success` is an end. The server keeps what came of a layer, and goes on there the next time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import ollama_answer
from llmpool.formats.answer import failed
from llmpool.formats.base import count, join_url, parse_json, post, with_key, word, wrong_format
from llmpool.formats.ollama import root_of
from llmpool.formats.pulling import MADE_UP, Moved, in_bounds

MOST_LAYERS = 1000
MOST_ANSWER = 1 << 34  # 60 ms between two lines make 5 MB an hour
_UNKNOWN = re.compile(r"file does not exist|manifest unknown|(model|manifest|repository)\b.* not found")


def pull_call(target: Target, model: str) -> Call:
    """Build the call that fetches *model*; what is there already is fetched again in a moment."""
    body = {"model": model, "stream": True}
    call = post(target, _url(target, "/api/pull"), with_key(target), body, "ndjson")
    return call.replace(max_bytes=MOST_ANSWER)


def read_progress(frames: Iterable[Frame]) -> Iterator[Moved]:
    """Yield what each line tells, `success` as the last; raise UpstreamError for every other end."""
    layers = _Layers()
    for _, data in frames:
        fields = parse_json(data, "a line of the progress")
        if not isinstance(fields, dict):
            raise wrong_format("a line of the progress is not a JSON object")
        if fields.get("error"):
            raise UpstreamError(_missing(ollama_answer.failure_in(fields)))
        layers.take(fields)
        status = word(fields.get("status"))
        yield Moved(status, *layers.bytes(), over=status == "success")
        if status == "success":
            return
    raise failed("broken", "the server ended the pull before it was done")


def remove_call(target: Target, model: str) -> Call:
    """Build the call that deletes *model* from the server's disk."""
    url = _url(target, "/api/delete")
    return post(target, url, with_key(target), {"model": model}).replace(method="DELETE")


def read_removed(answer: Answer) -> None:
    """Raise UpstreamError unless the model is deleted."""
    if not 200 <= answer.status < 300:
        raise UpstreamError(read_error(answer))


def read_error(answer: Answer) -> Failure:
    """Say what an answer that is not 2xx means."""
    return _missing(ollama_answer.read_error(answer))


def _url(target: Target, path: str) -> str:
    return join_url(root_of(target.url), path)


def _missing(failure: Failure) -> Failure:
    """Recognise a model that the library does not have: only the words say so."""
    if failure.kind in ("server", "bad_request") and _UNKNOWN.search(failure.message.lower()):
        return failure.replace(kind="model_not_found")
    return failure


class _Layers:
    """The layers of a pull, and how much of all of them is there."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def take(self, fields: dict[str, Any]) -> None:
        """Note what a line says of its layer; a line without one says nothing."""
        digest, total = word(fields.get("digest")), count(fields.get("total"), MADE_UP)
        if digest and total and (digest in self._known or len(self._known) < MOST_LAYERS):
            self._known[digest] = in_bounds(count(fields.get("completed"), MADE_UP), total)

    def bytes(self) -> tuple[int, int]:
        """Return the bytes done, and in all."""
        done, total = (sum(layer[place] for layer in self._known.values()) for place in (0, 1))
        return in_bounds(done, total)
