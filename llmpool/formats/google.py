"""The format `google`: `models/x:generateContent` and its stream, as the Gemini API has them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import google_errors
from llmpool.formats.answer import CUT_OFF, behind, ending, good, in_one_piece, paid
from llmpool.formats.base import Listing, get, join_url, parse_json, post, with_key, with_query
from llmpool.formats.collect import Collected, is_last
from llmpool.formats.google_answer import Reading, usage_in
from llmpool.formats.google_listing import take_page
from llmpool.formats.google_request import body_of
from llmpool.formats.urls import without

PAGE_SIZE = 1000
SILENCE = 10.0  # seconds behind a finish, which may not be the last
VERSION = "v1beta"
KEY_HEADER = "x-goog-api-key"
SUFFIXES = (
    "/v1beta/openai/chat/completions",
    "/v1beta/openai/models",
    "/v1beta/openai",
    "/v1beta/models",
    "/v1/models",
    "/v1beta",
    "/v1",
)
FOLDERS = ("models", "tunedModels")


class Google:
    """The protocol of Google's Gemini API. The key goes in a header, never in the address."""

    name = "google"
    takes_image_urls = False
    droppable = frozenset(
        {
            *("thinking", "temperature", "top_p", "frequency_penalty", "presence_penalty"),
            *("stop", "tool_choice"),
        }
    )

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List `/v1beta/models`, page by page to the last."""
        url = with_query(_address(target, "models"), f"pageSize={PAGE_SIZE}")
        headers, collected = with_key(target, KEY_HEADER), Collected()
        token, asked = "", {""}
        while True:
            page = with_query(url, f"pageToken={quote(token, safe='', errors='replace')}") if token else url
            answer = yield get(target, page, headers)
            token = take_page(collected, self._good(answer), first=not token)
            if is_last(token, asked):
                return collected.listing()

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `:generateContent`, or to its stream; what is not set is not sent."""
        body = body_of(model, request, self.name, target.without)
        method = "streamGenerateContent" if request.stream else "generateContent"
        url = _address(target, f"{_path(model)}:{method}")
        headers = with_key(target, KEY_HEADER)
        if request.stream:
            return post(target, with_query(url, "alt=sse"), headers, body, "sse")
        return post(target, url, headers, body)

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each frame carries, at once; raise UpstreamError when the answer is not a whole one.

        Nothing marks the end, and some servers name a finish in every frame: an answer that has one is over
        after ten seconds of silence.
        """
        reading = Reading(self.name)
        try:
            for frame in frames:
                event, data = frame
                if event == "json":
                    yield from self.read_reply(in_one_piece(data))
                    return
                if data and data != "[DONE]":
                    payload = self._inner(parse_json(data, "a piece of the stream"))
                    yield from reading.chunk(payload, event)
                behind(reading.finish, frames, frame, anew=bool(data), silence=SILENCE)
        except UpstreamError as error:
            if not reading.finish or error.failure.kind not in CUT_OFF:
                yield from paid(reading)
                raise  # cut off behind its finish an answer is still whole; only its usage is lost
        yield from ending(reading)

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream; a list of chunks is one too."""
        reading = Reading(self.name)
        try:
            yield from reading.whole(self._good(answer))
        except UpstreamError:
            yield from paid(reading)
            raise
        yield from ending(reading)

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""
        return google_errors.read_error(answer)

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer; cached tokens are part of the input here already."""
        return usage_in(self._inner(payload)) or TokenUsage()

    def _inner(self, payload: object) -> object:
        """Return the answer proper of a piece: here it comes unwrapped."""
        return payload

    def _good(self, answer: Answer) -> Any:
        """Return the JSON of a good answer; raise for any other."""
        return self._inner(good(answer, self.read_error, google_errors.failure_in))


def _address(target: Target, path: str) -> str:
    version = quote(target.api_version.strip("/") or VERSION, safe="", errors="replace")
    return join_url(without(target.url, *SUFFIXES), f"/{version}/{path}")


def _path(model: str) -> str:
    """Return the path of a model; one in another folder keeps it."""
    folder, mark, name = model.partition("/")
    if not mark or folder not in FOLDERS:
        folder, name = "models", model
    return f"{folder}/{quote(name, safe='', errors='replace')}"
