"""The chat completions of OpenAI, and of GitHub Copilot, whose paths have no version in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.fakes import answers
from tests.fakes.answers import Reply
from tests.fakes.speak import Asked, Speaker, behind, name_of, number, page_of, query_of, rows_of

if TYPE_CHECKING:
    from tests.fakes.exchange import Request

CONTEXT = 8192  # of a model whose test says nothing of it, where the format always names one


class OpenAI(Speaker):
    """`/v1/chat/completions` and `/v1/models`, the version may be missing."""

    name = "openai"
    chat_paths = ("/v1/chat/completions", "/chat/completions")
    listing_paths = ("/v1/models", "/models")

    def _asked(self, asked: Asked) -> Asked:
        options = asked.body.get("stream_options") or {}
        return super()._asked(asked)._replace(usage=bool(options.get("include_usage")))

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List all models, or in pages with `after` as OpenAI documents it."""
        rows = answers.listing(models)["data"]
        start = behind(rows, query_of(request).get("after"))
        page = page_of(rows, start, most and number(query_of(request).get("limit"), most))
        listed = answers.listing([]) | {"data": page.rows}
        return listed | {"has_more": True, "last_id": name_of(page.rows[-1])} if page.following else listed

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build a chat completion."""
        return answers.document(reply, asked.model)

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build its chunks; the first gives the role."""
        for event in answers.events(reply, asked.model, with_usage=asked.usage):
            yield self.frame(event)

    def end(self, reply: Reply, asked: Asked) -> bytes:
        """Say that it is done."""
        return self.frame("[DONE]")


class Copilot(OpenAI):
    """The same at the root of a host of its own; its listing knows what a model can do."""

    name = "copilot"
    chat_paths = ("/chat/completions",)
    listing_paths = ("/models",)

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List with limits and abilities, all at once."""
        return {"object": "list", "data": rows_of(models, self._row)}

    @staticmethod
    def _row(model: str, extras: dict[str, Any]) -> dict[str, Any]:
        able = {
            "family": "fake",
            "type": "chat",
            "object": "model_capabilities",
            "limits": {"max_context_window_tokens": CONTEXT, "max_output_tokens": 4096},
            "supports": {"streaming": True, "tool_calls": True},
        }
        common = {"object": "model", "vendor": "fake", "model_picker_enabled": True, "preview": False}
        return {"id": model, "name": model, **common, "capabilities": able, **extras}
