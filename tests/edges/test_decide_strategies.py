"""What strategies need of the world: the tongues providers speak, and turns that nobody shares."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.pool import Pool
from llmpool.router.route import Choice
from llmpool.state import formats, health
from tests.support import model, provider

NOW = 1_790_000_000.0
ONE, TWO = "https://one.example.com/v1", "https://two.example.com/v1"


class Home:
    """A directory with a config; every pool over it is a process of its own."""

    def __init__(self, directory: Path, *tables: str) -> None:
        self.config, self.state = directory / "config.toml", directory / "state"
        self.config.write_text("\n".join(tables))

    def pool(self) -> Pool:
        """Open the pool as a new process would."""
        return Pool(find_paths({}, str(self.config), str(self.state)), {}, lambda: NOW)

    def look(self, ref: str = "", **request: Any) -> Choice:
        """Decide without calling anybody."""
        return decide(self.pool(), RouteRequest(model=ref, **request))

    def call(self, ref: str = "", **request: Any) -> str:
        """Decide as somebody who calls, and return who is called."""
        return called(self.pool(), RouteRequest(model=ref, **request)).decision.selected


def called(pool: Pool, wanted: RouteRequest) -> Choice:
    """Decide, take the turns that shows, and decide by them, as `chat` does."""
    pool.take_turns(decide(pool, wanted).decision.turns)
    return decide(pool, wanted)


def relays(directory: Path, *, pinned: bool) -> Home:
    """Give two relays of which the second speaks anthropic, to a pinned first one that speaks openai."""
    first = {"format": "openai", "format_mode": "pinned"} if pinned else {"format": "openai"}
    return Home(
        directory,
        provider("one", ONE, priority=100, **first),
        provider("two", TWO, format="anthropic", priority=90),
        *(model(f"{each}/{name}") for each in ("one", "two") for name in ("claude-sonnet-4-5", "gpt-4o")),
    )


@pytest.mark.parametrize("strategy", ["priority", "latency"])
def test_a_claude_model_goes_to_who_speaks_anthropic(tmp_path: Path, strategy: str) -> None:
    """Rows 8 and 9 of pool-routing-formats 15: affinity before priority, for families that have one."""
    for pinned in (False, True):
        home = relays(tmp_path, pinned=pinned)
        chosen = home.look("claude-sonnet-4-5", strategy=strategy).plan
        assert chosen == ("two/claude-sonnet-4-5", "one/claude-sonnet-4-5")
        assert home.look("gpt-4o", strategy=strategy).plan == ("one/gpt-4o", "two/gpt-4o")
        assert home.look("claude-sonnet-4-5", strategy="cost").plan[0] == "one/claude-sonnet-4-5"


def test_affinity_knows_what_was_detected(tmp_path: Path) -> None:
    """5.2: the format that answered counts as the provider's own."""
    both = [model("one/claude-x"), model("two/claude-x")]
    home = Home(tmp_path, provider("one", ONE, format=None), provider("two", TWO, format=None), *both)
    asked = {"strategy": "priority"}
    assert home.look("claude-x", **asked).plan[0] == "one/claude-x"
    two = home.pool().provider("two")
    formats.update(home.state, lambda known: formats.detected(known, two, "anthropic", NOW))
    assert home.look("claude-x", **asked).plan[0] == "two/claude-x"


def test_who_looks_takes_no_turn(tmp_path: Path) -> None:
    """A decision that calls nobody moves nothing, and shows whose turn is next."""
    home = Home(tmp_path, provider("a", ONE), provider("b", TWO), model("a/m"), model("b/m"))
    assert [home.look("m", strategy="round_robin").plan[0] for _ in range(3)] == ["a/m"] * 3
    assert [home.call("m", strategy="round_robin") for _ in range(3)] == ["a/m", "b/m", "a/m"]
    assert home.look("m", strategy="round_robin").plan[0] == "b/m"
    assert health.read(home.state).cursors == {"m": 3}


def test_row_4_over_processes_that_start_together(tmp_path: Path) -> None:
    """Row 4: nine calls at once, none of which sees another's turn, still reach each provider three times."""
    names = ("high", "low", "medium")
    home = Home(
        tmp_path, *(provider(name, f"{ONE}/{name}") for name in names), *(model(f"{n}/m") for n in names)
    )
    home.look("m")  # compiles the registry once
    with ThreadPoolExecutor(9) as crowd:
        answered = list(crowd.map(lambda _: home.call("m", strategy="round_robin"), range(9)))
    assert sorted(answered) == sorted(f"{name}/m" for name in names for _ in range(3))


def test_row_11_over_processes(tmp_path: Path) -> None:
    """Row 11: three requests without a model take the provider's three models in turn."""
    names = ("claude-sonnet-4-5", "gpt-5", "claude-haiku-4-5")
    home = Home(tmp_path, provider("p", ONE, location="cloud"), *(model(f"p/{name}") for name in names))
    answered = [home.call(strategy="priority") for _ in range(3)]
    assert answered == ["p/gpt-5", "p/claude-sonnet-4-5", "p/claude-haiku-4-5"]
    assert health.read(home.state).cursors == {"auto_provider:p": 3}


def test_a_state_directory_that_refuses_costs_a_warning(tmp_path: Path) -> None:
    """Where turns cannot be taken the answer goes on; two may go by the same one then."""
    home = Home(tmp_path, provider("a", ONE), provider("b", TWO), model("a/m"), model("b/m"))
    pool, wanted = home.pool(), RouteRequest(model="m", strategy="round_robin")
    turns = decide(pool, wanted).decision.turns
    (home.state / health.NAME).mkdir()
    pool.take_turns(turns)
    assert decide(pool, wanted).decision.selected == "a/m"
    assert "turns are not kept" in pool.warnings[-1]
