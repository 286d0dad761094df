"""The same weather in one process and with a clock of its own: days go by, rests end, trouble comes again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.chat.journey import Done
from llmpool.chat.run import Manners, Pace, chat
from llmpool.core.chat import ChatRequest, Message
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from tests.chaos import weather
from tests.chaos.weather import Weather
from tests.edges.failing import Bench

PROMPTS = 30
WAITED_FOR = ("stall", "late", "halting")  # they take real time: the slow test has them
RUNS = [(1, "score"), (2, "priority"), (3, "latency"), (4, "cost"), (5, "round_robin")]


class Days(Bench):
    """Asks one prompt after the other; minutes or hours pass in between, and sometimes a clock is set."""

    def __init__(self, directory: Path, world: Weather, strategy: str) -> None:
        super().__init__(directory)
        self.world = world
        self.env = dict(world.env)
        self.config.write_text(world.config(f'strategy = "{strategy}"', seconds=30))

    def prompt(self, number: int) -> str:
        """Ask prompt *number* as a run of its own and return the answer."""
        random = self.world.random
        pool, self.chance = self.pool(), random.random()
        choice = decide(pool, RouteRequest(query=weather.prompt(number)))
        message = Message(role="user", text=weather.prompt(number))
        request = ChatRequest(messages=(message,), stream=bool(number % 2))
        pace = Pace(now=lambda: self.now, sleep=self.sleep, chance=lambda: self.chance)
        said: Any = None
        for event in chat(pool, request, choice, Manners(shows=False), pace):
            said = event
        assert isinstance(said, Done)
        self.now += random.choice((0.5, 30, 90, 600, 4000))
        if random.random() < 0.03:
            self.now += random.choice((-7200, 86_400))
        return said.journey.answer


@pytest.mark.parametrize("hiccup", [pytest.param(0.0, marks=pytest.mark.slow), 0.05])
@pytest.mark.parametrize(("seed", "strategy"), RUNS)
def test_every_prompt_is_answered_in_any_weather(
    tmp_path: Path, seed: int, strategy: str, hiccup: float
) -> None:
    """One provider of five works: it answers, whole, each prompt is recorded once, and rests stay sane."""
    with Weather(seed, hiccup=hiccup, skip=WAITED_FOR) as world, Days(tmp_path, world, strategy) as days:
        answers = [days.prompt(number) for number in range(PROMPTS)]
        assert answers == [weather.answer(number) for number in range(PROMPTS)]
        usage, decisions = days.usage(), days.decisions()
        assert [line["decision_id"] for line in usage] == [line["id"] for line in decisions]
        assert len({line["id"] for line in usage}) == PROMPTS
        assert {line["provider"] for line in usage if line["success"]} == {world.good}
        rests = days.health().cooldowns
        assert weather.unsound(rests) == []
        if not hiccup:
            assert weather.scopes(rests, world.good) == {}
        asked = [len(line["outcome"]["attempts"]) for line in decisions]
        assert max(asked) <= world.most_attempts()
