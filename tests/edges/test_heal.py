"""Looking around where too little is known: who is asked, when, and to what end (reconcile-resolve 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.policy import Policy
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.discovery.heal import around, heal
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.state import policy
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import closed_port, provider

NOW = 1_790_000_000.0
ANY = RouteRequest(query="hi")


class Run:
    """One process after the other over the same state: a pool each, a clock, and what was said."""

    def __init__(self, directory: Path, *tables: str, offline: bool = False) -> None:
        self.config = directory / "config.toml"
        self.config.write_text("\n".join(tables))
        self.state = directory / "state"
        self.now, self.offline = NOW, offline
        self.said: list[str] = []

    @property
    def pool(self) -> Pool:
        """Open the pool anew, as the next command would."""
        paths = find_paths({}, str(self.config), str(self.state))
        return Pool(paths, {}, lambda: self.now, offline=self.offline)

    def decide(self, request: RouteRequest = ANY) -> str:
        """Decide as `chat` does and return who was selected."""
        pool = self.pool
        return decide(
            pool, request, heal=lambda wanted: heal(pool, wanted, self.said.append)
        ).decision.selected

    def due(self, request: RouteRequest) -> tuple[str, ...]:
        """Return who would be asked."""
        return around(self.pool, request).due


@pytest.fixture
def den() -> Iterator[FakeServer]:
    """Give a server with one model."""
    with FakeServer(["qwen3:8b"]) as server:
        yield server


def listings(server: FakeServer) -> int:
    """Count how often a server was asked what it has."""
    return sum("/models" in request.path for request in server.requests)


def test_golden_c9_an_empty_state_heals_itself(tmp_path: Path, den: FakeServer) -> None:
    """C9: resolving on an empty state asks once, then resolves again; by name and without one."""
    run = Run(tmp_path, provider("den", den.url))
    assert run.decide() == "den/qwen3:8b"
    assert (listings(den), run.said) == (1, ["note: asking what they have: den"])
    (tmp_path / "named").mkdir()
    again = Run(tmp_path / "named", provider("den", den.url))
    assert again.decide(RouteRequest(model="qwen3:8b")) == "den/qwen3:8b"
    assert listings(den) == 2


def test_golden_c9_a_second_failure_within_5_s_asks_nobody(tmp_path: Path, den: FakeServer) -> None:
    """C9: inside the debounce nobody is asked, but it is resolved again: another process may have asked."""
    run = Run(tmp_path, provider("den", den.url))
    with pytest.raises(UnknownName):
        run.decide(RouteRequest(model="llama3"))
    den.models.append("llama3")
    run.now += 4.9
    with pytest.raises(UnknownName):
        run.decide(RouteRequest(model="llama3"))
    assert listings(den) == 1
    run.now += 0.2
    assert run.decide(RouteRequest(model="llama3")) == "den/llama3"
    assert listings(den) == 2


def test_golden_c9_the_retry_sees_what_another_process_heard(tmp_path: Path, den: FakeServer) -> None:
    """C9: nobody is asked a second time, and the answer of the first is used all the same."""
    run = Run(tmp_path, provider("den", den.url))
    pool, other = run.pool, run.pool
    assert pool.table.rows == []
    assert heal(other, RouteRequest(model="qwen3:8b"), run.said.append)
    asked = decide(pool, RouteRequest(model="qwen3:8b"), heal=lambda w: heal(pool, w, run.said.append))
    assert (asked.decision.selected, listings(den)) == ("den/qwen3:8b", 1)


def test_golden_c9_other_errors_never_ask(tmp_path: Path, den: FakeServer) -> None:
    """C9: an error `boom` heals nothing; a group or an exclusion nobody has is such an error."""
    run = Run(tmp_path, provider("den", den.url))
    for request in (
        RouteRequest(group="nosuch"),
        RouteRequest(exclude=("x",)),
    ):
        with pytest.raises((UnknownName, Misuse)):
            run.decide(request)
    assert (listings(den), run.said) == (0, [])


def test_a_failing_look_around_leaves_the_first_error(tmp_path: Path) -> None:
    """8: a failing cycle is not followed by another try; the reason of the failure is said."""
    run = Run(tmp_path, provider("den", f"http://127.0.0.1:{closed_port()}/v1"))
    with pytest.raises(UnknownName, match="qwen3:8b"):
        run.decide(RouteRequest(model="qwen3:8b"))
    assert len(run.said) == 2
    assert "refused" in run.said[1]
    run.now += 6
    assert run.decide() == ""  # nothing eligible is the first error here, and no exception


def test_one_that_fails_does_not_hide_another(tmp_path: Path, den: FakeServer) -> None:
    """Where somebody answers it is decided again, and who did not answer is told."""
    with FakeServer(behave_listing=[faults.status(500)] * 9) as broken:
        run = Run(tmp_path, provider("bad", broken.url), provider("den", den.url))
        assert run.decide() == "den/qwen3:8b"
    assert run.said[0] == "note: asking what they have: bad, den"
    assert run.said[1].startswith("note: bad did not tell: ")


def test_offline_nobody_is_asked(tmp_path: Path, den: FakeServer) -> None:
    """--offline forbids it: the first error stands."""
    run = Run(tmp_path, provider("den", den.url), offline=True)
    with pytest.raises(UnknownName):
        run.decide(RouteRequest(model="qwen3:8b"))
    assert (listings(den), run.said) == (0, [])


def test_without_a_heal_nobody_is_asked(tmp_path: Path, den: FakeServer) -> None:
    """`route` stays off the network and says which command would help."""
    run = Run(tmp_path, provider("den", den.url))
    with pytest.raises(UnknownName) as caught:
        decide(run.pool, RouteRequest(model="qwen3:8b"))
    assert caught.value.lines == ("what den may have is not known: llmpool refresh",)
    assert decide(run.pool, ANY).decision.no_eligible
    assert listings(den) == 0


def test_a_request_that_is_answered_asks_nobody(tmp_path: Path, den: FakeServer) -> None:
    """What is eligible is chosen, however old its listing is or whoever else was never listed."""
    run = Run(tmp_path, provider("den", den.url))
    run.decide()
    run.config.write_text(provider("den", den.url) + provider("new", den.url))
    run.now += 3 * 86400
    assert run.decide() == "den/qwen3:8b"
    assert listings(den) == 1


def test_who_is_asked_for_a_name_that_nobody_carries(tmp_path: Path, den: FakeServer) -> None:
    """A vendor's good listing is trusted for an hour (8: the cache), one's own server for 5 s.

    Where nothing is eligible though all is listed, the listings are not what is missing.
    """
    run = Run(tmp_path, provider("den", den.url), provider("sky", den.url, location="cloud"))
    named = RouteRequest(model="llama3")
    assert run.due(named) == run.due(ANY) == ("den", "sky")
    run.decide()
    run.now += 5
    assert (run.due(named), run.due(ANY)) == (("den",), ())
    run.now += 3595
    assert run.due(named) == ("den", "sky")
    run.now -= 7200  # a clock set back: what was heard lies in the time to come
    assert run.due(named) == ("den", "sky")


def test_who_could_not_answer_is_not_asked(tmp_path: Path, den: FakeServer) -> None:
    """Disabled, inactive, keyless, excluded, beyond a pin, a group or --local-only: left in peace."""
    tables = [provider(name, den.url, location="cloud") for name in ("a", "b", "c")]
    run = Run(tmp_path, *tables, provider("den", den.url), "[groups.two]\nproviders = ['a', 'b']")
    assert run.due(RouteRequest(model="b/llama3")) == ("b",)
    assert run.due(ANY.replace(exclude=("a", "b"))) == ("c", "den")
    assert run.due(ANY.replace(local_only=True)) == run.due(ANY.replace(mode="local")) == ("den",)
    assert run.due(ANY.replace(group="two")) == ("a", "b")
    policy.update(run.state, lambda _: {"a": Policy(state="inactive")})
    assert run.due(ANY.replace(group="two")) == ("b",)
    run.config.write_text(
        provider("a", den.url, enabled=False) + provider("b", den.url, key={"env": "NO_SUCH_KEY"})
    )
    assert run.due(ANY) == ()
