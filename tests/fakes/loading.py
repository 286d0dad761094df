"""Fakes with a memory: what they have loaded changes as they are told, and each order is kept.

    memory = LMStudioMemory({"big": 131072}, loaded={"big": 4096})
    with FakeServer(["big"], speaks=["lmstudio"], routes=memory.routes, behave=memory.chat) as server:
        ...  # memory.orders has what was ordered, in order: ("unload", "big"), ("load", "big", 9096)

*refuse* may fail an order: it is given the model and the window, and returns a behaviour or None.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.speak import object_of

Refuse = Callable[[str, int], Behaviour | None]
Order = tuple[Any, ...]

TOO_SMALL = (
    "The number of tokens to keep from the initial prompt is greater than the context length ({kept}). "
    "Try to load the model with a larger context length, or provide a shorter input"
)
ROUTER_ARGS = ["llama-server", "--ctx-size", "2048"]


def nothing(_model: str, _window: int) -> Behaviour | None:
    """Refuse nothing."""
    return None


def tokens_of(request: Request) -> int:
    """Count what a chat sends as a model would that takes four bytes for a token."""
    turns = json.loads(request.body)["messages"]
    return sum(len(str(turn["content"]).encode()) for turn in turns) // 4


def counting(request: Request) -> Behaviour:
    """Answer, and count the prompt as it came."""
    sent = tokens_of(request) + 5
    return faults.ok(usage={"prompt_tokens": sent, "completion_tokens": 2, "total_tokens": sent + 2})


class LMStudioMemory:
    """LM Studio of 0.4: models with the largest window of each, and the instances that are loaded.

    *enough* is the window below which it finds every prompt too long, whatever it was loaded with.
    """

    def __init__(
        self,
        models: Mapping[str, int],
        loaded: Mapping[str, int] | None = None,
        *,
        refuse: Refuse = nothing,
        default: int = 4096,
        delay: float = 0,
        enough: int = 0,
    ) -> None:
        self.models = dict(models)
        self.instances = {name: (name, window) for name, window in (loaded or {}).items()}
        self.refuse, self.default, self.delay, self.enough = refuse, default, delay, enough
        self.orders: list[Order] = []
        self.routes: dict[str, Behaviour] = {
            "/api/v1/models": self._list,
            "/api/v1/models/load": self._load,
            "/api/v1/models/unload": self._unload,
        }

    @property
    def windows(self) -> dict[str, int]:
        """The window of each instance."""
        return {instance: window for instance, (_, window) in self.instances.items()}

    def chat(self, _number: int, request: Request) -> Behaviour | None:
        """Refuse a prompt that is too long for the window of the instance it names, else answer."""
        model, sent = object_of(request)["model"], tokens_of(request)
        window = max((w for name, (key, w) in self.instances.items() if model in (name, key)), default=0)
        if window and (sent > window or window < self.enough):
            kept = f"n_keep: {sent}>= n_ctx: {window}"
            return faults.status(400, body={"error": TOO_SMALL.format(kept=kept)})
        return counting(request)

    def _list(self, exchange: Exchange) -> None:
        exchange.send(200, {"models": [self._row(name) for name in self.models]})

    def _row(self, name: str) -> dict[str, Any]:
        instances = [
            {"id": instance, "config": {"context_length": window}}
            for instance, (key, window) in self.instances.items()
            if key == name
        ]
        return {
            "type": "llm",
            "key": name,
            "size_bytes": 1_000_000_000,
            "loaded_instances": instances,
            "max_context_length": self.models[name],
            "capabilities": {"vision": False, "trained_for_tool_use": True},
        }

    def _load(self, exchange: Exchange) -> None:
        body = object_of(exchange.record)
        name, window = body.get("model", ""), body.get("context_length", self.default)
        self.orders.append(("load", name, body.get("context_length")))
        exchange.sleep(self.delay)
        if refused := self.refuse(name, window):
            refused(exchange)
            return
        if name not in self.models:
            error = {"type": "model_not_found", "message": f"Model '{name}' not found"}
            exchange.send(404, {"error": error})
            return
        taken = sum(key == name for key, _ in self.instances.values())
        instance = name if name not in self.instances else f"{name}:{taken + 1}"
        self.instances[instance] = (name, window)
        echo = {"load_config": {"context_length": window}} if body.get("echo_load_config") else {}
        told = {"type": "llm", "instance_id": instance, "load_time_seconds": 0.1, "status": "loaded"}
        exchange.send(200, told | echo)

    def _unload(self, exchange: Exchange) -> None:
        instance = object_of(exchange.record).get("instance_id", "")
        self.orders.append(("unload", instance))
        if refused := self.refuse(instance, 0):
            refused(exchange)
        elif self.instances.pop(instance, None) is None:
            error = {"type": "model_not_found", "message": f"Model '{instance}' not found"}
            exchange.send(404, {"error": error})
        else:
            exchange.send(200, {"instance_id": instance})


class OllamaMemory:
    """Ollama: one window for each loaded model, as the last request named it, else the server's default."""

    def __init__(
        self,
        loaded: Mapping[str, int] | None = None,
        *,
        most: int = 131072,
        default: int = 4096,
        refuse: Refuse = nothing,
        until: str = "2026-01-01T00:00:00.123456789+02:00",
    ) -> None:
        self.loaded = dict(loaded or {})
        self.most, self.default, self.refuse, self.until = most, default, refuse, until
        self.orders: list[Order] = []
        self.routes: dict[str, Behaviour] = {
            "/api/generate": self._generate,
            "/api/embed": self._embed,
            "/api/ps": self._ps,
            "/api/show": self._show,
        }

    def chat(self, _number: int, request: Request) -> Behaviour | None:
        """Load what a chat asks for, then answer."""
        body = object_of(request)
        self._take(body["model"], body.get("options", {}).get("num_ctx", self.default))
        return counting(request)

    def _take(self, model: str, window: int) -> None:
        if self.loaded.get(model) != window:
            self.orders.append(("load", model, window))
        self.loaded[model] = min(window, self.most)

    def _generate(self, exchange: Exchange) -> None:
        body = object_of(exchange.record)
        model, keep = body.get("model", ""), body.get("keep_alive")
        if keep == 0:
            self.loaded.pop(model, None)
            self.orders.append(("unload", model))
            exchange.send(200, {"model": model, "response": "", "done": True, "done_reason": "unload"})
            return
        window = body.get("options", {}).get("num_ctx", self.default)
        if refused := self.refuse(model, window):
            refused(exchange)
        elif "embed" in model:
            exchange.send(400, {"error": f'"{model}" does not support generate'})
        else:
            self._take(model, window)
            exchange.send(200, {"model": model, "response": "", "done": True, "done_reason": "load"})

    def _embed(self, exchange: Exchange) -> None:
        body = object_of(exchange.record)
        self._take(body["model"], body.get("options", {}).get("num_ctx", self.default))
        exchange.send(200, {"model": body["model"], "embeddings": []})

    def _ps(self, exchange: Exchange) -> None:
        rows = [
            {
                "name": name,
                "model": name,
                "size": 2_000_000_000,
                "size_vram": 1_500_000_000,
                "expires_at": self.until,
                "context_length": window,
            }
            for name, window in self.loaded.items()
        ]
        exchange.send(200, {"models": rows})

    def _show(self, exchange: Exchange) -> None:
        embeds = "embed" in object_of(exchange.record).get("model", "")
        info = {"general.architecture": "fake", "fake.context_length": self.most}
        able = ["embedding"] if embeds else ["completion", "tools"]
        exchange.send(200, {"model_info": info, "capabilities": able})


class RouterMemory:
    """llama.cpp as a router: an order is answered at once, and carried out after so many *looks*."""

    def __init__(self, models: Mapping[str, str], *, looks: int = 2, broken: tuple[str, ...] = ()) -> None:
        self.states = dict(models)
        self.looks, self.broken = looks, broken
        self.orders: list[Order] = []
        self._pending: dict[str, int] = {}
        self.routes: dict[str, Behaviour] = {
            "/v1/models": self._list,
            "/models/load": self._load,
            "/models/unload": self._unload,
        }

    def _list(self, exchange: Exchange) -> None:
        for name in list(self._pending):
            self._pending[name] -= 1
            if self._pending[name] <= 0:
                del self._pending[name]
                self.states[name] = "failed" if name in self.broken else "loaded"
        exchange.send(200, {"object": "list", "data": [self._row(name) for name in self.states]})

    def _row(self, name: str) -> dict[str, Any]:
        state = self.states[name]
        failed = {"failed": True, "exit_code": 1} if state == "failed" else {}
        status = {"value": "unloaded" if failed else state, "args": ROUTER_ARGS} | failed
        meta = {"meta": {"n_ctx": 2048, "n_ctx_train": 8192, "size": 755456}} if state == "loaded" else {}
        return {"id": name, "object": "model", "owned_by": "llamacpp", "status": status} | meta

    def _load(self, exchange: Exchange) -> None:
        name = object_of(exchange.record).get("model", "")
        self.orders.append(("load", name))
        if self.states.get(name) in ("loaded", "loading"):
            self._refuse(exchange, "model is already running")
            return
        self.states[name], self._pending[name] = "loading", self.looks
        exchange.send(200, {"success": True})

    def _unload(self, exchange: Exchange) -> None:
        name = object_of(exchange.record).get("model", "")
        self.orders.append(("unload", name))
        if self.states.get(name) != "loaded":
            self._refuse(exchange, "model is not running")
            return
        self.states[name] = "unloaded"
        exchange.send(200, {"success": True})

    @staticmethod
    def _refuse(exchange: Exchange, message: str) -> None:
        error = {"code": 400, "message": message, "type": "invalid_request_error"}
        exchange.send(400, {"error": error})
