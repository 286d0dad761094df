"""What a detection sends: the smallest question of each protocol, and where (pool-routing-formats 7).

Nothing but `ping` is ever sent, for one token. A key for Google goes into a header beside the usual one, not
into the URL as in the source: logs keep URLs.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llmpool.core.wire import Call, Target, Timeouts
from llmpool.credentials import takes_bearer
from llmpool.formats import anthropic, lmstudio, ollama
from llmpool.formats.base import get, post, with_key
from llmpool.formats.urls import without

SECONDS = 4.0
LIMITS = Timeouts(connect=SECONDS, first_token=SECONDS, read=SECONDS, total=SECONDS + 1)  # a trickle ends too
MOST_OF_A_PING = 256 * 1024  # no API answers one token with more; a page may
MOST_OF_A_LISTING = 4 * 1024 * 1024
CODEX_PATH = "/backend-api/codex/responses"
MODELS = {"openai": "gpt-4o-mini", "responses": "o4-mini", "anthropic": "claude-3-5-haiku-20241022"}
NATIVE_ROOTS = {"ollama": ollama.root_of, "lmstudio": lmstudio.root_of}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4//8/AAX+Av4zEpUUAAAAAElFTkSuQmCC"  # 1 x 1
_IMAGE = f"data:image/png;base64,{PNG}"
_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}


class Candidate(NamedTuple):
    """A format that may be spoken, and the paths that would show it; *feature* is put behind them to ask."""

    format: str
    paths: tuple[str, ...]
    method: str = "POST"
    feature: str = ""


# In the order that settles a tie.
CANDIDATES = (
    Candidate("openai", ("/v1/chat/completions", "/chat/completions")),
    Candidate("responses", (CODEX_PATH, "/v1/responses", "/responses")),
    Candidate("anthropic", ("/v1/messages", "/messages")),
    Candidate("google", ("/v1beta/models", "/v1/models"), "GET", "/gemini-1.5-flash:generateContent"),
)


def call(target: Target, candidate: Candidate, path: str, kind: str = "ping") -> Call:
    """Build the probe of one *path*; *kind* is `ping`, or the feature asked about: `tool`, `image`."""
    headers = headers_for(target, candidate.format)
    if kind == "ping" and candidate.method == "GET":
        return get(target, joined(target.url, path), headers).replace(
            timeouts=LIMITS, max_bytes=MOST_OF_A_LISTING
        )
    suffix = "" if kind == "ping" else candidate.feature
    body = _BODIES[candidate.format](kind)
    return ask(target, joined(target.url, path) + suffix, headers, body)


def ask(target: Target, url: str, headers: tuple[tuple[str, str], ...], body: dict[str, Any]) -> Call:
    """Build a small question."""
    return post(target, url, headers, body).replace(timeouts=LIMITS, max_bytes=MOST_OF_A_PING)


def look(target: Target, url: str) -> Call:
    """Build the call that reads a listing at *url*, with the key as most servers take it."""
    return get(target, url, with_key(target)).replace(timeouts=LIMITS, max_bytes=MOST_OF_A_LISTING)


def joined(base: str, path: str) -> str:
    """Put *path* behind *base*, unless it begins with the path that *base* has already.

    An endpoint at the end of *base* gives way to *path*, and a version is never doubled (DESIGN ruling 14).
    """
    parts = urlsplit(base)
    own = parts.path.rstrip("/")
    if own and (path == own or path.startswith(own + "/")):
        own = ""
    own = without(own, "/chat/completions", "/responses", "/messages", "/models")
    if path.startswith("/v1/"):
        own = without(own, "/v1")
    return f"{parts.scheme}://{parts.netloc}{own}{path}"


def headers_for(target: Target, name: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a call in the format *name*: the owner's and the key, the format's own way."""
    if name == "google":  # relays take either, and some of them look at a key before they look at a path
        return with_key(target.replace(headers=with_key(target, "x-goog-api-key"), auth=""))
    if name != "anthropic":
        return with_key(target)
    return anthropic.headers_of(target, "bearer" if takes_bearer(target.url) else "x-api-key")


def _openai(kind: str) -> dict[str, Any]:
    picture = [{"type": "text", "text": "ping"}, {"type": "image_url", "image_url": {"url": _IMAGE}}]
    content = picture if kind == "image" else "ping"
    body: dict[str, Any] = {
        "model": MODELS["openai"],
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 1,
    }
    function = {"name": "ping", "description": "ping", "parameters": _NO_ARGUMENTS}
    return body | ({"tools": [{"type": "function", "function": function}]} if kind == "tool" else {})


def _responses(kind: str) -> dict[str, Any]:
    picture = [{"type": "input_text", "text": "ping"}, {"type": "input_image", "image_url": _IMAGE}]
    given = [{"role": "user", "content": picture}] if kind == "image" else "ping"
    body: dict[str, Any] = {"model": MODELS["responses"], "input": given, "max_output_tokens": 1}
    tool = {"type": "function", "name": "ping", "description": "ping", "parameters": _NO_ARGUMENTS}
    return body | ({"tools": [tool]} if kind == "tool" else {})


def _anthropic(kind: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    picture = [{"type": "image", "source": source}, {"type": "text", "text": "ping"}]
    content = picture if kind == "image" else "ping"
    body: dict[str, Any] = {
        "model": MODELS["anthropic"],
        "max_tokens": 1,
        "messages": [{"role": "user", "content": content}],
    }
    tool = {"name": "ping", "description": "ping", "input_schema": _NO_ARGUMENTS}
    return body | ({"tools": [tool]} if kind == "tool" else {})


def _google(kind: str) -> dict[str, Any]:
    picture = [{"inlineData": {"mimeType": "image/png", "data": PNG}}] if kind == "image" else []
    body: dict[str, Any] = {
        "contents": [{"role": "user", "parts": [{"text": "ping"}, *picture]}],
        "generationConfig": {"maxOutputTokens": 1},
    }
    tool = {"functionDeclarations": [{"name": "ping", "description": "ping"}]}
    return body | ({"tools": [tool]} if kind == "tool" else {})


_BODIES = {"openai": _openai, "responses": _responses, "anthropic": _anthropic, "google": _google}
