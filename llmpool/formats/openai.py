"""The format `openai`: `/chat/completions` and `/models`, as OpenAI defined and everybody else bends them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Followed, Frame, Target
from llmpool.formats import errors, urls
from llmpool.formats.answer import CUT_OFF, behind, ending, good, in_one_piece, paid
from llmpool.formats.base import Listing, post, with_key
from llmpool.formats.openai_answer import Reading, usage_in
from llmpool.formats.openai_body import body

ENDPOINT = "/chat/completions"


class OpenAI:
    """The protocol of OpenAI's chat completions; `responses` is another format."""

    name = "openai"
    takes_image_urls = True  # a server of one's own is sent the picture all the same: the caller sees to it
    droppable = frozenset(
        {
            *("stream_options", "temperature", "top_p", "frequency_penalty", "presence_penalty"),
            *("thinking", "max_tokens", "stop", "tool_choice", "stream"),
        }
    )

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List `/models`, under `/v1` first where the address carries no version; all pages of it."""
        from llmpool.formats.openai_listing import list_models

        return (yield from list_models(target))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/chat/completions`; an address that ends in it is used as it is."""
        url = urls.openai_endpoint(target.url, ENDPOINT, exact=target.exact)
        request = request.replace(stream=False) if "stream" in target.without else request
        framing = "sse" if request.stream else "json"
        return post(target, url, with_key(target), body(target, model, request), framing)

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each frame carries, at once; raise UpstreamError when the answer is not a whole one.

        Texts that came together are yielded together: one of them is shown as soon as the other. Behind the
        finish come usage and `[DONE]`, each for three seconds of silence at most: not all servers end.
        """
        reading, held = Reading(), ""
        try:
            for frame in frames:
                if text := reading.text(frame):
                    held += text
                    if type(frame) is Followed:
                        continue
                if held:
                    yield Delta(held)
                    held = ""
                if text:
                    continue
                if frame.data == "[DONE]":
                    reading.done = True
                    break
                if frame.event == "json":
                    yield from self.read_reply(in_one_piece(frame.data))
                    return
                delta = reading.frame(frame)
                if delta is not None:
                    yield delta
                behind(reading.finish, frames, frame, anew=delta is not None)
        except UpstreamError as error:
            if not reading.finish or error.failure.kind not in CUT_OFF:
                yield from paid(reading)
                raise  # cut off behind its finish an answer is still whole; only its usage is lost
        if held:
            yield Delta(held)
        yield from ending(reading)

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream."""
        reading = Reading()
        try:
            delta = reading.whole(good(answer))
        except UpstreamError:
            yield from paid(reading)
            raise
        if delta is not None:
            yield delta
        yield from ending(reading)

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means; Google's own door has Google's errors."""
        if b"RESOURCE_EXHAUSTED" in answer.body:
            from llmpool.formats import google_errors

            return google_errors.read_error(answer)
        return errors.read_error(answer)

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer; cached tokens are part of the input here already."""
        return usage_in(payload) or TokenUsage()
