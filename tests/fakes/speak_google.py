"""Google's generateContent, and Cloud Code Assist, which puts the same into an envelope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.fakes.answers import Reply, counts, split
from tests.fakes.speak import (
    Asked,
    Said,
    Speaker,
    number,
    page_of,
    parsed,
    path_of,
    query_of,
    rows_of,
)
from tests.fakes.speak_openai import CONTEXT

if TYPE_CHECKING:
    from tests.fakes.exchange import Request
    from tests.fakes.server import FakeServer

CHAT = re.compile(r"/v1(?:beta)?/models/(?P<model>.+):(?P<verb>generateContent|streamGenerateContent)")
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
KNOWN = {  # Google refuses any other name; camel case and underscores are the same to it
    "contents",
    "systemInstruction",
    "system_instruction",
    "generationConfig",
    "generation_config",
    "tools",
    "toolConfig",
    "tool_config",
    "safetySettings",
    "cachedContent",
}
PAGE = "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title><p>That is an error.</html>\n"


class Google(Speaker):
    """`/v1beta/models` and what hangs below it; the model is part of the path."""

    name = "google"
    listing_paths = ("/v1beta/models", "/v1/models")

    def role(self, path: str, server: FakeServer) -> str:
        """Tell a chat by the verb at the end of its path."""
        return "chat" if CHAT.fullmatch(path) else super().role(path, server)

    def addressed(self, headers: Any) -> bool:
        """Tell by the header of the key."""
        return "x-goog-api-key" in headers

    def admits(self, request: Request, key: str) -> bool:
        """Take the key in Google's own header only; in a URL it would end in somebody's log."""
        return request.headers.get("x-goog-api-key") == key

    def refusal(self, request: Request) -> Said:
        """Refuse a key with a 400, as Google does; without any it is a 403."""
        if "x-goog-api-key" not in request.headers:
            return 403, self.error("Method doesn't allow unregistered callers.", 403)
        refused = self.error("API key not valid. Please pass a valid API key.", 400)
        reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return 400, {"error": refused["error"] | {"details": [reason]}}

    def _asked(self, asked: Asked) -> Asked:
        found = CHAT.fullmatch(asked.path)
        streams = bool(found) and found["verb"] == "streamGenerateContent"
        model = found["model"] if found else ""
        return asked._replace(model=model, stream=streams, tools=bool(asked.body.get("tools")))

    def complaint(self, asked: Asked) -> str:
        """Refuse unknown names, roles and empty parts."""
        unknown = sorted(set(asked.body) - KNOWN)
        if unknown:
            return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
        turns = asked.body.get("contents")
        if not turns:
            return "* GenerateContentRequest.contents: contents is not specified"
        if any(turn.get("role") not in ("user", "model") for turn in turns):
            return "Please use a valid role: user, model."
        if any(not part for turn in turns for part in turn.get("parts") or [None]):
            return "Unable to submit request because it must have a text parameter."
        return ""

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List a page, from the token named; 50 models at a time unless asked for more."""
        asked = query_of(request)
        size = min(number(asked.get("pageSize"), 50), most or 1000, 1000)
        page = page_of(rows_of(models, _row), number(asked.get("pageToken"), 0), size)
        following = {"nextPageToken": str(page.following)} if page.following else {}
        return {"models": page.rows, **following}

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build a whole answer."""
        return self._chunk(reply, asked, list(_parts(reply)), finish=reply.finish, usage=True)

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build the chunks: nothing opens them, and the last has the finish reason and all tokens."""
        yield b""
        for part in _parts(reply, pieces=True):
            yield self.frame(self._chunk(reply, asked, [part]))
        if reply.finish:
            closing = self._chunk(reply, asked, [{"text": ""}], finish=reply.finish, usage=True)
            yield self.frame(closing)

    def _chunk(
        self,
        reply: Reply,
        asked: Asked,
        parts: list[dict[str, Any]],
        finish: str = "",
        *,
        usage: bool = False,
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = FINISHES.get(finish, finish)
        counted = {"usageMetadata": _usage(reply)} if usage and reply.usage is not None else {}
        said = {"modelVersion": reply.served_as or asked.model, "responseId": "fake"}
        return {"candidates": [candidate], **counted, **said}

    def error(self, message: str, status: int, *, code: str = "", param: str = "") -> dict[str, Any]:
        """Build the error envelope; a parameter is named in the message alone."""
        words = f'Invalid value at "{param}": {message}' if param else message
        named = code or STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
        return {"error": {"code": status, "message": words, "status": named}}

    def error_event(self, message: str, code: str | int) -> dict[str, Any]:
        """Build the error that takes the place of a chunk; Google knows no 529."""
        named = {"code": code} if isinstance(code, str) else {}
        status = code if isinstance(code, int) else 500
        return self.error(message, 503 if status == 529 else status, **named)

    def unknown_model(self, model: str) -> Said:
        """Refuse a model that is not listed."""
        words = (
            f"models/{model} is not found for API version v1beta, or is not supported for generateContent."
        )
        return 404, self.error(words, 404)

    def nowhere(self, request: Request) -> Said:
        """Answer a path that is not there with a page, as Google does."""
        return 404, PAGE


class CloudCode(Google):
    """`/v1internal:...`: model and project are beside the request, the answer is inside `response`."""

    name = "cloudcode"
    listing_paths = ("/v1internal:fetchAvailableModels",)
    listing_method = "POST"

    def role(self, path: str, server: FakeServer) -> str:
        """Tell the verbs apart."""
        verb = path.removeprefix("/v1internal:")
        if verb in ("generateContent", "streamGenerateContent"):
            return "chat"
        return (
            "more"
            if verb in ("loadCodeAssist", "onboardUser")
            else "listing"
            if path in self.listing_paths
            else ""
        )

    def addressed(self, headers: Any) -> bool:
        """Share no path with anybody."""
        return False

    def admits(self, request: Request, key: str) -> bool:
        """Take an access token."""
        return request.headers.get("authorization") == f"Bearer {key}"

    def refusal(self, request: Request) -> Said:
        """Refuse a token."""
        return 401, self.error("Request had invalid authentication credentials.", 401)

    def _asked(self, asked: Asked) -> Asked:
        inside = asked.body.get("request") or {}
        streams = asked.path.endswith(":streamGenerateContent")
        return asked._replace(
            model=str(asked.body.get("model", "")), stream=streams, tools=bool(inside.get("tools"))
        )

    def complaint(self, asked: Asked) -> str:
        """Want the envelope, and in it what Google wants."""
        if not asked.body.get("model") or not isinstance(asked.body.get("request"), dict):
            return "Request contains an invalid argument."
        inside = {key: value for key, value in asked.body["request"].items() if key != "session_id"}
        return super().complaint(asked._replace(body=inside))

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """Name the models a project may use, each with its quota; what has no name has no place here."""
        quota = {"quotaInfo": {"remainingFraction": 1}}
        rows = rows_of(models, lambda name, extras: (name, {"displayName": name, **quota, **extras}))
        named = [row for row in rows if isinstance(row, tuple) and isinstance(row[0], str)]
        return {"models": dict(named)}

    def more(self, server: FakeServer, request: Request) -> Said:
        """Say which project and tier the account has."""
        tier = {"id": "free-tier", "name": "Free"}
        if path_of(request).endswith("onboardUser"):
            return 200, {"done": True, "response": {"cloudaicompanionProject": {"id": "fake-project"}}}
        return 200, {"cloudaicompanionProject": "fake-project", "currentTier": tier, "allowedTiers": [tier]}

    def _chunk(self, *args: Any, **named: Any) -> dict[str, Any]:
        return {"response": super()._chunk(*args, **named), "traceId": "fake"}

    def unknown_model(self, model: str) -> Said:
        """Refuse a model without naming it."""
        return 404, self.error("Requested entity was not found.", 404)


def _row(model: str, extras: dict[str, Any]) -> dict[str, Any]:
    short = model.removeprefix("models/") if isinstance(model, str) else model
    return {
        "name": f"models/{short}" if isinstance(model, str) else model,
        "displayName": short,
        "inputTokenLimit": CONTEXT,
        "outputTokenLimit": 4096,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        **{key: value for key, value in extras.items() if key != "name"},
    }


def _parts(reply: Reply, *, pieces: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the parts of an answer, its words one by one in *pieces*; a call is always whole."""
    thoughts = split(reply.thinking) if pieces else (reply.thinking,) * bool(reply.thinking)
    yield from ({"text": word, "thought": True} for word in thoughts)
    words = reply.words() if pieces else ("".join(reply.words()),) * bool(reply.words())
    yield from ({"text": word} for word in words)
    for name, arguments in reply.tool_calls:
        yield {"functionCall": {"name": name, "args": parsed(arguments)}}


def _usage(reply: Reply) -> dict[str, Any]:
    """Count: cached tokens are in the prompt's here, thoughts are beside the answer's."""
    told = counts(reply.usage or {})
    cached = {"cachedContentTokenCount": told.cached} if told.cached else {}
    thought = {"thoughtsTokenCount": told.reasoning} if told.reasoning else {}
    return {
        "promptTokenCount": told.input,
        **cached,
        "candidatesTokenCount": told.output - told.reasoning,
        **thought,
        "totalTokenCount": told.input + told.output,
    }
