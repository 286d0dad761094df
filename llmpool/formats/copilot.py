"""The format `copilot`: chat completions as GitHub Copilot serves them. Experimental, tried on fakes only.

The key is the short-lived token of an OAuth login, and the address is the one that login named: its paths
begin there, without `/v1`. What a client must say of itself (`Editor-Version`, `Copilot-Integration-Id` and
the like) is the owner's to set in the provider's `headers`: llmpool ships nobody's identity.
"""

from __future__ import annotations

from collections.abc import Generator

from llmpool.core.chat import ChatRequest
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats.base import Listing
from llmpool.formats.openai import OpenAI


class Copilot(OpenAI):
    """The protocol `openai` at an address that is taken as it is."""

    name = "copilot"

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List `/models`: those that are offered for choice, with their limits and what they support."""
        return (yield from super().list_models(target.replace(exact=True)))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/chat/completions`."""
        return super().chat_call(target.replace(exact=True), model, request)
