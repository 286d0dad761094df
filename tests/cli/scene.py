"""The pool that the transcripts and the README tell of: a cloud, a box in the cellar, a gateway at work.

Addresses are theirs (`den.lan`, `gateway.lan`); names are looked up here and lead to fakes on loopback.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from llmpool.cli import context
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.loading import OllamaMemory
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import Home, Result, closed_port, model, provider
from tests.ttys import terminals

OPENAI_KEY = "sk-secret-0123456789-12345"
_WIPED = re.compile(r"(?:^|(?<=\n))(?:[^\n\r]*\r\x1b\[K)+")  # what progress wrote and took back
ANSWER = "Rsync copies files; restic keeps encrypted snapshots, and removes doubles."


class Scene:
    """The home, its three servers, and where their names lead."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self.memory = OllamaMemory({"qwen3:8b": 32768}, most=40960)
        self.library = OllamaLibrary({"qwen3:14b": 9_300_000_000})
        self.openai = stack.enter_context(
            FakeServer(["gpt-5", "gpt-5-mini", "gpt-4.1"], key=OPENAI_KEY, behave=faults.always(answer()))
        )
        self.den = stack.enter_context(
            FakeServer(
                [{"name": "qwen3:8b", "details": {"family": "qwen3", "parameter_size": "8.2B"}}],
                speaks=("ollama", "openai"),
                routes=self.memory.routes | self.library.routes(),
                behave=self.memory.chat,
            )
        )
        self.work = stack.enter_context(FakeServer(["gpt-5"]))
        names = "den.lan,gateway.lan,127.0.0.1"
        self.home.env |= {"OPENAI_API_KEY": OPENAI_KEY, "WORK_KEY": "planted-work-key-0123456789"}
        self.home.env |= {"NO_PROXY": names, "no_proxy": names}
        self.where = {"den.lan": self.den.port, "gateway.lan": self.work.port}
        stack.enter_context(mock.patch.object(socket, "getaddrinfo", self._look_up))
        stack.callback(home.close)

    def tables(self, **den: Any) -> tuple[str, ...]:
        """Write the tables of the cloud and of the box."""
        return (
            provider("openai", self.openai.url, format=None, location="cloud", key={"env": "OPENAI_API_KEY"}),
            provider("den", "http://den.lan:11434", preset="ollama", format=None, location=None, **den),
        )

    def at_work(self, **fields: Any) -> str:
        """Write the table of the gateway."""
        given: dict[str, Any] = {"location": "cloud", "key": {"env": "WORK_KEY"}}
        return provider("work", "http://gateway.lan:4000/v1", **(given | fields))

    def close_den(self) -> None:
        """Let nothing listen where the box was."""
        self.where["den.lan"] = closed_port()

    def seen(
        self, *args: str, typed: str | None = None, columns: int = 110, env: Mapping[str, str] | None = None
    ) -> Result:
        """Run a command on a terminal of this process, where *typed* is what a person would answer."""
        variables = {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm", "PAGER": "cat"}
        with terminals(), mock.patch.object(context, "_is_terminal", bool):
            shown = self.home.here(*args, stdin=typed, env=variables | dict(env or {}))
        return shown._replace(err=_WIPED.sub("", shown.err))

    def _look_up(self, host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host in self.where:
            host, port = "127.0.0.1", self.where[host]
        return LOOK_UP(host, port, *rest, **more)


LOOK_UP: Callable[..., Any] = socket.getaddrinfo


def answer(text: str = ANSWER, tokens_in: int = 31, tokens_out: int = 412) -> Behaviour:
    """Answer with so many tokens."""
    counted = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    return faults.ok(text, usage=counted | {"total_tokens": tokens_in + tokens_out})


@contextmanager
def scene(home: Home) -> Iterator[Scene]:
    """Set the scene in *home*, with a config of the cloud and the box, not refreshed yet."""
    with ExitStack() as stack:
        made = Scene(home, stack)
        home.write_config("local_first = true", *made.tables(), model("den/qwen3:8b", quality=6))
        yield made


__all__ = ["ANSWER", "OPENAI_KEY", "Request", "Scene", "answer", "scene"]
