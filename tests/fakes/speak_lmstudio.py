"""LM Studio: its own listings (v1, and v0 before 0.4), its own chat, and OpenAI's chat beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.fakes.answers import Reply, counts, split
from tests.fakes.speak import Asked, Said, path_of, rows_of, typed, wrapped
from tests.fakes.speak_openai import CONTEXT, OpenAI

if TYPE_CHECKING:
    from tests.fakes.exchange import Request
    from tests.fakes.server import FakeServer

NATIVE = "/api/v1/chat"


class LMStudio(OpenAI):
    """Lists at `/api/v1/models`, `/api/v0/models` and `/v1/models`; chats in OpenAI's way or its own."""

    name = "lmstudio"
    chat_paths = (NATIVE, "/v1/chat/completions", "/api/v0/chat/completions")
    listing_paths = ("/api/v1/models", "/api/v0/models", "/v1/models")

    def role(self, path: str, server: FakeServer) -> str:
        """Know nothing of v1 where the server is an old one."""
        return "" if path.startswith("/api/v1/") and not server.lmstudio_v1 else super().role(path, server)

    def complaint(self, asked: Asked) -> str:
        """Want the native chat's words there."""
        return "" if asked.path != NATIVE or asked.body.get("input") else "'input' is required"

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List as the version asked for does."""
        path = path_of(request)
        if path == "/api/v1/models":
            return {"models": rows_of(models, _row_v1)}
        if path == "/api/v0/models":
            return {"object": "list", "data": rows_of(models, _row_v0)}
        return super().listing(models, request, most)

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build a whole answer, in OpenAI's shape unless asked natively."""
        return _result(reply, asked.model) if asked.path == NATIVE else super().document(reply, asked)

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build the events up to the end mark."""
        if asked.path != NATIVE:
            yield from super().events(reply, asked)
            return
        yield typed({"type": "chat.start", "model_instance_id": asked.model}) + typed(
            {"type": "prompt_processing.end"}
        )
        for kind, pieces in (("reasoning", split(reply.thinking)), ("message", reply.words())):
            deltas = [typed({"type": f"{kind}.delta", "content": piece}) for piece in pieces]
            if deltas:
                yield from wrapped(typed({"type": f"{kind}.start"}), deltas, typed({"type": f"{kind}.end"}))

    def end(self, reply: Reply, asked: Asked) -> bytes:
        """Say that it is done; natively with the whole result."""
        if asked.path != NATIVE:
            return super().end(reply, asked)
        return typed({"type": "chat.end", "result": _result(reply, asked.model)})

    def nowhere(self, request: Request) -> Said:
        """Answer a path that is not there with a 200, as LM Studio does."""
        return 200, {"error": f"Unexpected endpoint or method. ({request.method} {request.path})"}


def _row_v1(model: str, extras: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "llm",
        "publisher": "fake",
        "key": model,
        "display_name": model,
        "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
        "size_bytes": 1,
        "params_string": "1B",
        "loaded_instances": [],
        "max_context_length": CONTEXT,
        "format": "gguf",
        "capabilities": {"vision": False, "trained_for_tool_use": True},
        **extras,
    }


def _row_v0(model: str, extras: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": model,
        "object": "model",
        "type": "llm",
        "publisher": "fake",
        "arch": "fake",
        "compatibility_type": "gguf",
        "quantization": "Q4_K_M",
        "state": "not-loaded",
        "max_context_length": CONTEXT,
        **extras,
    }


def _result(reply: Reply, model: str) -> dict[str, Any]:
    output = [{"type": "reasoning", "content": reply.thinking}] if reply.thinking else []
    output += [{"type": "message", "content": "".join(reply.words())}] if reply.words() else []
    told = counts(reply.usage or {})
    stats = {
        "input_tokens": told.input,
        "total_output_tokens": told.output,
        "reasoning_output_tokens": told.reasoning,
        "tokens_per_second": 50.0,
        "time_to_first_token_seconds": 0.1,
    }
    counted = {"stats": stats} if reply.usage is not None else {}
    return {
        "model_instance_id": reply.served_as or model,
        "output": output,
        **counted,
        "response_id": "resp_fake",
    }
