"""The format `openai`: `/chat/completions` and `/models`, as OpenAI defined and everybody else bends them."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import errors
from llmpool.formats.base import (
    Listing,
    join_url,
    mapping,
    parse_body,
    parse_json,
    wrong_format,
)
from llmpool.formats.listing import Collected
from llmpool.formats.openai_answer import Reading, usage_in

MAX_PAGES = 100
VERSIONED = re.compile(r"/v\d+(beta\d*)?/?(\?|$)")
EFFORTS = ("minimal", "low", "medium", "high")


class OpenAI:
    """The protocol of OpenAI's chat completions; `responses` is another format."""

    name = "openai"

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List `/models`, and `/v1/models` where that is not found; pages are followed to the last."""
        url = join_url(target.url, "/models")
        answer = yield _get(target, url)
        if _nothing_there(answer) and not VERSIONED.search(target.url):
            url = join_url(target.url, "/v1/models")
            answer = yield _get(target, url)
        collected, asked = Collected(), {""}
        for _ in range(MAX_PAGES):
            payload = _good(answer)
            collected.take(_lines(payload))
            following = _next_page(payload, url)
            if following in asked:
                break
            asked.add(following)
            answer = yield _get(target, following)
        return collected.listing()

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/chat/completions`; what is not set is not sent."""
        accept = "text/event-stream" if request.stream else "application/json"
        body = json.dumps(_body(target, model, request), ensure_ascii=False, separators=(",", ":"))
        return Call(
            method="POST",
            url=join_url(target.url, "/chat/completions"),
            headers=(("content-type", "application/json"), ("accept", accept), *target.headers),
            body=body.encode("utf-8", "replace"),
            framing="sse" if request.stream else "json",
            timeouts=target.timeouts,
            verify_tls=target.verify_tls,
        )

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each frame carries, at once; raise UpstreamError when the answer is not a whole one."""
        reading = Reading()
        try:
            for event, data in frames:
                if data == "[DONE]":
                    reading.done = True
                    break
                if event == "json":
                    body = data.encode("utf-8", "replace")
                    yield from self.read_reply(Answer(status=200, headers={}, body=body))
                    return
                if not data:
                    continue
                delta = reading.chunk(event, parse_json(data, "a piece of the stream"))
                if delta is not None:
                    yield delta
        except UpstreamError as error:
            if not reading.finish or error.failure.kind not in {"broken", "timeout"}:
                raise  # cut off behind its finish an answer is still whole; only its usage is lost
        yield reading.last()

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream."""
        payload = _good(answer)
        reading = Reading()
        delta = reading.whole(payload)
        if delta is not None:
            yield delta
        yield reading.last()

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""
        return errors.read_error(answer)

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer; cached tokens are part of the input here already."""
        return usage_in(payload) or TokenUsage()


def _get(target: Target, url: str) -> Call:
    return Call(
        method="GET",
        url=url,
        headers=(("accept", "application/json"), *target.headers),
        timeouts=target.timeouts,
        verify_tls=target.verify_tls,
    )


def _nothing_there(answer: Answer) -> bool:
    """Whether the address does not exist; some servers say so with a page, LM Studio with a 200."""
    start = answer.body[:200].lstrip()
    return answer.status in {404, 405} or start.startswith(b"<") or b"Unexpected endpoint" in start


def _good(answer: Answer) -> Any:
    """Return the JSON of a good answer; raise for any other, and for an error that hides in a 200."""
    if not 200 <= answer.status < 300:
        raise UpstreamError(errors.read_error(answer))
    payload = parse_body(answer)
    if isinstance(payload, dict) and (payload.get("error") or payload.get("object") == "error"):
        raise UpstreamError(errors.failure_in(payload))
    return payload


def _lines(payload: object) -> list[Any]:
    """Return the lines of a listing: `data`, or the answer itself where a vendor sends a bare list."""
    lines = payload if isinstance(payload, list) else mapping(payload).get("data")
    if not isinstance(lines, list):
        raise wrong_format("the listing has no list of models in `data`")
    return lines


def _next_page(payload: object, url: str) -> str:
    """Return the address of the next page, or nothing; never another host's, for the key goes along."""
    fields = mapping(payload)
    last = fields.get("last_id")
    if fields.get("has_more") is True and isinstance(last, str) and last:
        from urllib.parse import quote

        return f"{url}{'&' if '?' in url else '?'}after={quote(last, safe='')}"
    following = mapping(fields.get("links")).get("next")
    origin = "/".join(url.split("/", 3)[:3]) + "/"
    if not isinstance(following, str):
        return ""
    if following.startswith("/") and not following.startswith("//"):
        following = origin + following[1:]
    return following if following.startswith(origin) else ""


def _body(target: Target, model: str, request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": [_message(m) for m in request.messages]}
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    optional = {
        target.max_tokens_field: request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "response_format": _schema(request.schema),
        "reasoning_effort": _effort(request.thinking),
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def _message(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        text = [{"type": "text", "text": message.text}] if message.text else []
        turn["content"] = text + [{"type": "image_url", "image_url": {"url": i.url}} for i in message.images]
    if message.tool_calls:
        turn["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    if message.tool_call_id:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """Return *tool* as the API wants it; a bare function is wrapped."""
    return tool if "function" in tool or "type" in tool else {"type": "function", "function": tool}


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    if "function" in call:
        return {"type": "function"} | call
    function = {"name": call.get("name", ""), "arguments": call.get("arguments", "")}
    return {"type": "function", "id": call.get("id", ""), "function": function}


def _schema(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Ask for JSON of this schema; strictly where the schema is closed, as strictness demands."""
    if schema is None:
        return None
    strict = {"strict": True} if schema.get("additionalProperties") is False else {}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema} | strict}


def _effort(thinking: str | None) -> str | None:
    """Return the effort by name; a budget in tokens becomes the nearest name, for it has no field here."""
    if thinking is None or thinking in EFFORTS or not thinking.isdecimal():
        return thinking if thinking in EFFORTS else None
    budget = int(thinking)
    return None if budget == 0 else "low" if budget <= 2048 else "medium" if budget <= 8192 else "high"
