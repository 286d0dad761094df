"""A pool of fake servers, asked in this process: time is the test's, so that nothing really waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from llmpool.chat.journey import Done, Journey, Notice, Seam
from llmpool.chat.run import Manners, Pace, chat
from llmpool.config.paths import find_paths
from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.router.cooldown import Cooldown, read
from llmpool.state import health, ledger
from tests.fakes import faults
from tests.fakes.server import Behave, FakeServer
from tests.support import model, provider

NOW = 1_795_000_000.0


class Came(NamedTuple):
    """What came of one request: what was shown and said, how it ended, how long was waited."""

    shown: list[str]
    notices: list[str]
    warnings: list[str]
    waits: list[float]
    seams: int
    journey: Journey | None
    error: LlmpoolError | None

    @property
    def text(self) -> str:
        """All that was shown, the abandoned included."""
        return "".join(self.shown)

    @property
    def by(self) -> str:
        """Who answered."""
        assert self.journey is not None, self.error
        return self.journey.deployment

    @property
    def tried(self) -> list[str]:
        """The deployments that were asked, repetitions included."""
        if self.journey is not None:
            return [attempt.deployment for attempt in self.journey.attempts]
        assert self.error is not None
        return [attempt["deployment"] for attempt in self.error.details["attempts"]]


class Bench:
    """Providers by name, first come first chosen; each a server with what it does, or a URL."""

    def __init__(self, directory: Path, *top: str, **servers: Behave | str) -> None:
        self.now, self.waits, self.chance = NOW, list[float](), 0.5
        self.env: dict[str, str] = {}
        self.config, self.state = directory / "config.toml", directory / "state"
        self._open = ExitStack()
        self.servers: dict[str, FakeServer] = {}
        self._urls: dict[str, str] = {}
        for name, does in servers.items():
            if isinstance(does, str):
                self._urls[name] = does
                continue
            self.servers[name] = server = self._open.enter_context(FakeServer(behave=does, text=f"by {name}"))
            self._urls[name] = server.url
        self.configure(*top)

    def configure(self, *top: str, models: tuple[str, ...] = (), **fields: dict[str, Any]) -> None:
        """Write the config: *top* first, each provider with its *fields* and a model `m`, or *models*."""
        tables = [
            provider(name, url, **({"priority": 99 - n} | fields.get(name, {})))
            for n, (name, url) in enumerate(self._urls.items())
        ]
        named = models or tuple(f"{name}/m" for name in self._urls)
        strategy = '[routing]\nstrategy = "priority"'
        lines = [*([] if any("[routing]" in part for part in top) else [strategy])]
        self.config.write_text("\n".join([*top, *lines, *tables, *map(model, named)]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def pool(self) -> Pool:
        """Open the pool as a new run does."""
        env = {"LLMPOOL_CONFIG": str(self.config), "LLMPOOL_STATE_DIR": str(self.state), "HOME": "/nowhere"}
        return Pool(find_paths(env), env | self.env, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass, as far as llmpool can tell."""
        self.waits.append(seconds)
        self.now += seconds

    def ask(
        self, ref: str = "", *, manners: Manners | None = None, stream: bool = True, **wanted: Any
    ) -> Came:
        """Ask one question as a run of its own."""
        pool, self.waits = self.pool(), []
        choice = decide(pool, RouteRequest(query="hi", model=ref, **wanted))
        request = ChatRequest(messages=(Message(role="user", text="hi"),), stream=stream)
        pace = Pace(now=lambda: self.now, sleep=self.sleep, chance=lambda: self.chance)
        shown: list[str] = []
        said: list[Notice] = []
        seams, journey, error = 0, None, None
        try:
            for event in chat(pool, request, choice, manners or Manners(), pace):
                if isinstance(event, Delta):
                    shown.append(event.text)
                elif isinstance(event, Notice):
                    said.append(event)
                elif isinstance(event, Seam):
                    seams += 1
                elif isinstance(event, Done):
                    journey = event.journey
        except LlmpoolError as failed:
            error = failed
        told = [notice.text for notice in said if not notice.warning]
        warned = [notice.text for notice in said if notice.warning] + pool.warnings
        return Came(shown, told, warned, self.waits, seams, journey, error)

    def calls(self, *names: str) -> list[int]:
        """Count the chats that reached each server, or the named ones."""
        return [len(self.servers[name].chats) for name in names or self.servers]

    def health(self) -> health.Health:
        """Read the health as another run would."""
        return health.read(self.state)

    def rest(self, scope: str) -> float:
        """Return the seconds a scope rests yet."""
        entry = self.health().cooldowns.get(scope)
        return round((read(entry) if entry else Cooldown()).left(self.now), 3)

    def usage(self) -> list[dict[str, Any]]:
        """List the usage records, oldest first."""
        return list(ledger.Reading(self.state, ledger.USAGE))

    def decisions(self) -> list[dict[str, Any]]:
        """List the recorded decisions, oldest first."""
        return list(ledger.Reading(self.state, ledger.DECISIONS))


def failing(behaviour: faults.Behaviour) -> Callable[..., faults.Behaviour]:
    """Make a script of a server that always does the same."""
    return faults.always(behaviour)
