"""The format `cloudcode`: Gemini's protocol in the envelope of Google Cloud Code Assist. Experimental.

Google publishes no description of it, and its terms tie it to its own programs; it is tested against
documented shapes only. No client id, secret or header of those programs ships: the token is the owner's, the
project the account's, both from the target.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from llmpool import __version__
from llmpool.core.chat import ChatRequest
from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats.answer import lacks
from llmpool.formats.base import (
    Listing,
    count,
    join_url,
    mapping,
    post,
    with_key,
    with_query,
    words,
    yes_or_no,
)
from llmpool.formats.collect import NO_CHAT, Collected, Line
from llmpool.formats.google import Google
from llmpool.formats.google_request import body_of
from llmpool.formats.urls import without

VERSION = "v1internal"
USER_AGENT = f"llmpool/{__version__}"  # who asks, in the envelope: nobody else's name
METHODS = ("loadCodeAssist", "fetchAvailableModels", "generateContent", "streamGenerateContent")
SUFFIXES = (*(f"/{VERSION}:{method.lower()}" for method in METHODS), f"/{VERSION}")
# Where an account may not list: what serves both kinds of account (pool-routing-formats 3.2), then what
# Google's own command line offers.
BUILT_IN = (
    ("gemini-2.0-flash", 1_000_000, 8_192, False),
    ("gemini-2.5-pro", 1_048_576, 65_536, True),
    ("gemini-2.5-flash", 1_048_576, 65_536, True),
    ("gemini-2.5-flash-lite", 1_048_576, 65_536, True),
)
EDITORS_OWN = ("chat_", "tab_")  # models for an editor's completions, not for conversations


class CloudCode(Google):
    """The protocol of Google Cloud Code Assist (Gemini CLI, Antigravity). Experimental."""

    name = "cloudcode"

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """Ask whether the account works, then for its models; where it may not list, built-in rows."""
        account = mapping(self._good((yield asked(target, "loadCodeAssist", {}))))
        project = target.project or project_of(account)
        answer = yield asked(target, "fetchAvailableModels", {"project": project} if project else {})
        if answer.status in (403, 404, 405, 501):
            return Listing(tuple(_built_in(*row) for row in BUILT_IN), 0)
        return _listing(mapping(self._good(answer)))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call: Gemini's own body, in the envelope of pool-ledger-credentials 5.6."""
        name = model.removeprefix("models/")
        project = {"project": target.project} if target.project else {}
        inner = body_of(name, request, self.name, target.without)
        method = "streamGenerateContent" if request.stream else "generateContent"
        around = (
            {"model": name} | project | {"request": inner, "userAgent": USER_AGENT, "requestType": "agent"}
        )
        return asked(target, method, around, stream=request.stream)

    def _inner(self, payload: object) -> object:
        """Take the answer out of its envelope; what has none, such as an error, is left as it is."""
        if isinstance(payload, list):
            return [self._inner(piece) for piece in payload if not isinstance(piece, list)]
        inside = mapping(payload).get("response")
        return inside if isinstance(inside, dict) else payload


def project_of(account: dict[str, Any]) -> str:
    """Return the project of an account, which is a name or an object with its id."""
    for field in ("managedProjectId", "projectId", "cloudaicompanionProject"):
        value = account.get(field)
        value = mapping(value).get("id") if isinstance(value, dict) else value
        if isinstance(value, str) and value:
            return value
    return ""


def asked(target: Target, method: str, body: dict[str, Any], *, stream: bool = False) -> Call:
    """Build the call of one of this protocol's methods."""
    url = join_url(without(target.url, *SUFFIXES), f"/{VERSION}:{method}")
    headers = with_key(target)
    if stream:
        return post(target, with_query(url, "alt=sse"), headers, body, "sse")
    return post(target, url, headers, body)


def _listing(payload: dict[str, Any]) -> Listing:
    """Read the models of an account: objects by name, or a list of them in older answers."""
    models, collected = payload.get("models"), Collected()
    if isinstance(models, dict):
        pairs: list[tuple[object, object]] = list(models.items())
    elif isinstance(models, list):
        pairs = [(mapping(line).get("model"), line) for line in models]
    else:
        raise lacks(payload, "the listing has no `models`")
    not_for_chat = words(payload.get("tabModelIds")) | words(payload.get("imageGenerationModelIds"))

    def read(name: str, line: Line) -> ObservedModel:
        chats = name not in not_for_chat and not name.startswith(EDITORS_OWN)
        return _observed(name, line, chats=chats)

    collected.take(((name, mapping(line)) for name, line in pairs), read)
    return collected.listing()


def _observed(name: str, fields: Line, *, chats: bool) -> ObservedModel:
    capabilities = Capabilities(
        chat=True,
        streaming=True,
        images=yes_or_no(fields.get("supportsImages")),
        thinking=yes_or_no(fields.get("supportsThinking")),
    )
    context = count(fields.get("maxTokens"))
    return ObservedModel(
        name=name,
        capabilities=capabilities if chats else NO_CHAT,
        context_window=context,
        max_context=context,
        max_output=count(fields.get("maxOutputTokens")),
    )


def _built_in(name: str, context: int, output: int, thinks: bool) -> ObservedModel:
    return ObservedModel(
        name=name,
        capabilities=Capabilities(
            chat=True, streaming=True, tools=True, images=True, thinking=thinks, json=True
        ),
        context_window=context,
        max_context=context,
        max_output=output,
    )
