"""Ollama's own API: JSON lines, an error is a sentence, and a listing takes two questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.fakes.answers import Reply, counts, split
from tests.fakes.speak import Asked, Said, Speaker, as_text, name_of, object_of, parsed, path_of, rows_of
from tests.fakes.speak_openai import CONTEXT

if TYPE_CHECKING:
    from tests.fakes.exchange import Request
    from tests.fakes.server import FakeServer

AT = "2026-01-01T00:00:00Z"
DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "fake",
    "families": ["fake"],
    "parameter_size": "1B",
    "quantization_level": "Q4_K_M",
}
ASIDE = ("show", "ps")  # what a model given as a mapping says in `/api/show` and, loaded, in `/api/ps`


class Ollama(Speaker):
    """`/api/chat`, `/api/tags`, `/api/show`, `/api/ps` and `/api/version`."""

    name = "ollama"
    chat_paths = ("/api/chat",)
    listing_paths = ("/api/tags",)
    stream_kind = "application/x-ndjson"
    line_start = b'{"'

    def role(self, path: str, server: FakeServer) -> str:
        """Know the further paths as well, the root among them."""
        return "more" if path in ("", "/api/show", "/api/ps", "/api/version") else super().role(path, server)

    def refusal(self, request: Request) -> Said:
        """Refuse a key, as Ollama's cloud does."""
        return 401, {"error": "unauthorized"}

    def _asked(self, asked: Asked) -> Asked:
        return super()._asked(asked)._replace(stream=asked.body.get("stream", True) is not False)

    def complaint(self, asked: Asked) -> str:
        """Want a model, and images as bare base64 and roles as they are here."""
        if not asked.model:
            return "model is required"
        turns = asked.body.get("messages") or []
        if any(not isinstance(turn.get("content", ""), str) for turn in turns):
            return "json: cannot unmarshal array into Go struct field ChatRequest.messages.content"
        if any(image.startswith("data:") for turn in turns for image in turn.get("images") or ()):
            return "illegal base64 data at input byte 4"
        return ""

    def listing(self, models: list[Any], request: Request, most: int) -> dict[str, Any]:
        """List what is pulled; its abilities are another question."""
        return {"models": rows_of(models, _row)}

    def more(self, server: FakeServer, request: Request) -> Said:
        """Tell the version, what is loaded, or all about one model."""
        path = path_of(request)
        if not path:
            return 200, "Ollama is running"
        if path == "/api/version":
            return 200, {"version": "0.9.7"}
        if path == "/api/ps":
            return 200, {"models": [_loaded(model) for model in server.models if _is_loaded(model)]}
        wanted = str(object_of(request).get("model", ""))
        found = [model for model in server.models if wanted in (name_of(model), f"{name_of(model)}:latest")]
        return (200, _shown(found[0])) if found else self.unknown_model(wanted)

    def document(self, reply: Reply, asked: Asked) -> dict[str, Any]:
        """Build a whole answer."""
        message = {"role": "assistant", "content": "".join(reply.words())}
        if reply.thinking:
            message["thinking"] = reply.thinking
        return self._line(reply, asked, message | _calls(reply)) | _last(reply)

    def events(self, reply: Reply, asked: Asked) -> Iterator[bytes]:
        """Build the lines up to the last: nothing opens them."""
        yield b""
        said = [{"content": "", "thinking": word} for word in split(reply.thinking)]
        said += [{"content": word} for word in reply.words()]
        said += [{"content": "", **_calls(reply)}] if reply.tool_calls else []
        for message in said:
            yield self.frame(self._line(reply, asked, {"role": "assistant", **message}))

    def end(self, reply: Reply, asked: Asked) -> bytes:
        """Say that it is done, why, and what was counted."""
        return self.frame(self._line(reply, asked, {"role": "assistant", "content": ""}) | _last(reply))

    def frame(self, event: Any) -> bytes:
        """Make a line of it."""
        return f"{as_text(event)}\n".encode()

    def error(self, message: str, status: int, *, code: str = "", param: str = "") -> dict[str, Any]:
        """Build an error: one sentence, whatever it is about."""
        return {"error": f"{param}: {message}" if param else message}

    def error_event(self, message: str, code: str | int) -> dict[str, Any]:
        """Build the line with which a stream fails."""
        return {"error": message}

    def unknown_model(self, model: str) -> Said:
        """Refuse a model that is not pulled."""
        return 404, {"error": f"model '{model}' not found"}

    def nowhere(self, request: Request) -> Said:
        """Answer a path that is not there in plain words."""
        return 404, "404 page not found"

    @staticmethod
    def _line(reply: Reply, asked: Asked, message: dict[str, Any]) -> dict[str, Any]:
        return {"model": reply.served_as or asked.model, "created_at": AT, "message": message, "done": False}


def _row(model: str, extras: dict[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in extras.items() if key not in ASIDE}
    return {
        "name": model,
        "model": model,
        "modified_at": AT,
        "size": 1,
        "digest": "f" * 64,
        "details": DETAILS,
    } | said


def _shown(model: Any) -> dict[str, Any]:
    info = {"general.architecture": "fake", "fake.context_length": CONTEXT}
    said = {
        "details": DETAILS,
        "model_info": info,
        "capabilities": ["completion", "tools"],
        "modified_at": AT,
    }
    return said | (model.get("show", {}) if isinstance(model, dict) else {})


def _is_loaded(model: Any) -> bool:
    return isinstance(model, dict) and "ps" in model


def _loaded(model: dict[str, Any]) -> dict[str, Any]:
    named = {"name": name_of(model), "model": name_of(model)}
    return named | {"size": 1, "size_vram": 1, "details": DETAILS, "expires_at": AT} | model["ps"]


def _calls(reply: Reply) -> dict[str, Any]:
    calls = [
        {"id": f"call_{n + 1}", "function": {"index": n, "name": name, "arguments": parsed(arguments)}}
        for n, (name, arguments) in enumerate(reply.tool_calls)
    ]
    return {"tool_calls": calls} if calls else {}


def _last(reply: Reply) -> dict[str, Any]:
    told = counts(reply.usage or {})
    spent = {"total_duration": 3_000_000, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 1}
    counted = {"prompt_eval_count": told.input, "eval_count": told.output} if reply.usage is not None else {}
    why = "length" if reply.finish == "length" else "stop"
    return {"done": True, "done_reason": why, **spent, **counted}
