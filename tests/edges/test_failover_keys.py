"""Keys in turn: which failures go to the next one, how long each rests (ruling 10, pool-routing 11.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import NoCredential, UpstreamFailed
from llmpool.router.cooldown import Cooldown
from llmpool.state import health
from llmpool.state import keys as known_keys
from tests.edges.failing import NOW, Bench, failing
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour

TWO = {"keys": [{"label": "x", "env": "KEY_X"}, {"label": "y", "env": "KEY_Y"}]}


def by_key(**says: Behaviour) -> Any:
    """Make a script by the key that a request carries: `x` does, anybody else is answered."""

    def behave(_number: int, request: Request) -> Behaviour | None:
        return says.get(request.headers["authorization"].removeprefix("Bearer secret-"))

    return behave


def two_keys(directory: Path, does: Any, **more: Any) -> Bench:
    """Build a pool whose first provider has keys x and y."""
    bench = Bench(directory, a=does, **more)
    bench.env = {"KEY_X": "secret-x", "KEY_Y": "secret-y"}
    bench.configure(a=TWO)
    return bench


def asked_with(bench: Bench) -> list[str]:
    """Return the keys that reached the first server, in order."""
    return [r.headers["authorization"].removeprefix("Bearer secret-") for r in bench.servers["a"].chats]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (faults.status(401), 3600),
        (faults.status(403), 3600),
        (faults.status(402), 3600),
        (faults.status(429, {"Retry-After": "30"}), 60),
        (faults.status(429, {"Retry-After": "300"}), 300),
    ],
    ids=["refused", "forbidden", "used up", "throttled", "throttled for long"],
)
def test_28_the_next_key_at_once(tmp_path: Path, fault: Behaviour, seconds: float) -> None:
    """Rows 27 and 28: k-bad, then k-good, no wait between them; the first rests, its deployment does not."""
    with two_keys(tmp_path, by_key(x=fault)) as bench:
        came = bench.ask()
        assert (asked_with(bench), came.waits, came.text) == (["x", "y"], [], "by a")
        assert bench.rest("key:a/x") == seconds
        assert [scope for scope in bench.health().cooldowns if not scope.startswith("key:")] == []
        assert came.notices == [f"a/m: {came.journey.attempts[0].failure.told}; key y is asked with next"]


def test_28_a_servers_own_trouble_is_not_tried_with_other_keys(tmp_path: Path) -> None:
    """Row 28: `upstream 500` goes to no second key; the source makes 1 call, by ruling 8 it is repeated."""
    with two_keys(tmp_path, by_key(x=faults.status(500), y=faults.status(500))) as bench:
        came = bench.ask()
        assert asked_with(bench) == ["x", "x", "x"]
        assert isinstance(came.error, UpstreamFailed)


def test_all_keys_refused_ends_with_5_and_lists_each(tmp_path: Path) -> None:
    """Every key is named with what was said to it; other deployments of the provider are not asked."""
    with two_keys(tmp_path, failing(faults.status(401))) as bench:
        bench.configure(models=("a/m", "a/n"), a=TWO)
        error = bench.ask().error
        assert isinstance(error, NoCredential)
        assert error.lines == (
            "a/n with key x   scripted 401",
            "a/n with key y   scripted 401",
        )
        assert bench.calls() == [2]


def test_with_every_key_resting_others_answer_until_the_first_is_free(tmp_path: Path) -> None:
    """A provider without a key awake is passed over; an hour later it is asked again."""
    with two_keys(tmp_path, failing(faults.status(401)), b=()) as bench:
        assert bench.ask().by == "b/m"
        assert bench.ask().tried == ["b/m"]
        reasons = {r["deployment"]: r["reasons"] for r in bench.decisions()[-1]["rejections"]}
        assert reasons["a/m"][0].startswith("key x was refused, again at ")
        bench.now += 3601
        assert bench.ask().tried == ["a/m", "a/m", "b/m"]


def test_a_key_that_works_again_is_forgiven(tmp_path: Path) -> None:
    """Success clears key, deployment and provider; the counts go with them."""
    with two_keys(tmp_path, by_key(x=faults.status(401))) as bench:
        bench.ask()
        bench.servers["a"].behave([])
        bench.now += 3601
        bench.ask()
        assert asked_with(bench) == ["x", "y", "x"]
        assert bench.health().cooldowns == {}


def test_when_all_are_throttled_the_soonest_key_is_waited_for(tmp_path: Path) -> None:
    """Of two throttled keys the one that is free first is asked again."""
    script = [
        faults.status(429, {"Retry-After": "4"}),
        faults.status(429, {"Retry-After": "9"}),
    ]
    with two_keys(tmp_path, script) as bench:
        came = bench.ask()
        assert came.waits == [4.5]
        assert asked_with(bench)[:2] == ["x", "y"]
        assert came.text == "by a"


def test_a_missing_key_blames_nobody(tmp_path: Path) -> None:
    """A variable that is not set never reached a server: no rest, no experience, no contact."""
    with two_keys(tmp_path, ()) as bench:
        bench.env = {"KEY_Y": "secret-y"}
        came = bench.ask()
        assert (came.text, asked_with(bench)) == ("by a", ["y"])
        assert bench.health().cooldowns == {}
        assert bench.health().experience["a/m"].failures == 0


def test_a_server_that_wants_a_key_none_has_rests(tmp_path: Path) -> None:
    """401 without a key is a refusal too: nobody knocks each time; one configured later is not held back."""
    with Bench(tmp_path, a=failing(faults.status(401)), b=()) as bench:
        bench.ask()
        assert bench.rest("key:a/none") == 3600
        assert bench.ask().tried == ["b/m"]
        bench.env = {"KEY_X": "secret-x", "KEY_Y": "secret-y"}
        bench.servers["a"].behave([])
        bench.configure(a=TWO)
        assert bench.ask().by == "a/m"


def test_rests_end_at_their_time(tmp_path: Path) -> None:
    """What is stored is what holds: nothing before, nothing after."""
    with two_keys(tmp_path, ()) as bench:
        rest = Cooldown(NOW + 100, 3600, "auth", 1, 0, NOW)
        for label in ("x", "y"):
            health.update(
                bench.state, lambda s, at=label: s.cooldowns.update({f"key:a/{at}": rest._asdict()})
            )
        bench.ask()
        assert bench.decisions()[-1]["notes"] == [
            (
                "nobody else may answer; a/m is tried all the same "
                "(key x was refused, again at 2026-11-18T11:08:20Z)"
            )
        ]
        bench.now = NOW + 101
        bench.ask()
        assert "notes" not in bench.decisions()[-1]


def resting_y(bench: Bench, seconds: float = 100, reason: str = "rate_limit") -> None:
    """Let key y rest, as a throttled request before this one has left it."""
    rest = Cooldown(NOW + seconds, seconds, reason, 1, 0, NOW)
    health.update(bench.state, lambda s: s.cooldowns.update({"key:a/y": rest._asdict()}))


@pytest.mark.parametrize(
    ("rotation", "reason"), [("first", "rate_limit"), ("first", "quota"), ("round_robin", "rate_limit")]
)
def test_a_key_that_rests_is_tried_where_nobody_else_is_left(
    tmp_path: Path, rotation: str, reason: str
) -> None:
    """With all others refused, a provider is where one is whose keys all rest: the soonest is tried."""
    with two_keys(tmp_path, by_key(x=faults.status(401))) as bench:
        bench.configure(a=TWO | {"key_rotation": rotation})
        resting_y(bench, reason=reason)
        came = bench.ask()
        assert (came.text, asked_with(bench), came.waits) == ("by a", ["x", "y"], [])
        assert came.notices == ["a/m: scripted 401; key y is asked with next"]
        used = {label: use.times for label, use in known_keys.read(bench.state).uses["a"].items()}
        assert used == {"x": 1, "y": 1}


def test_while_others_answer_a_key_that_rests_is_left_alone(tmp_path: Path) -> None:
    """The next deployment goes first; only when nobody else has answered is it asked with."""
    with two_keys(tmp_path, by_key(x=faults.status(401)), b=()) as bench:
        resting_y(bench)
        assert bench.ask().by == "b/m"
        assert asked_with(bench) == ["x"]
    (tmp_path / "again").mkdir()
    with two_keys(tmp_path / "again", by_key(x=faults.status(401)), b=failing(faults.status(400))) as bench:
        resting_y(bench)
        came = bench.ask()
        assert (came.by, asked_with(bench)) == ("a/m", ["x", "y"])
        assert came.tried == ["a/m", "b/m", "a/m"]


def test_a_key_that_rests_and_is_refused_ends_it(tmp_path: Path) -> None:
    """Each key is asked with once, and what was said to each is told."""
    with two_keys(tmp_path, failing(faults.status(401))) as bench:
        resting_y(bench)
        error = bench.ask().error
        assert isinstance(error, NoCredential)
        assert asked_with(bench) == ["x", "y"]
        assert bench.rest("key:a/y") == 3600


def test_what_is_too_much_for_the_minute_of_one_plan_is_asked_with_the_next_key(tmp_path: Path) -> None:
    """A prompt of more tokens than one account may send in a minute: the other has a larger plan."""
    words = "Request too large for m on tokens per min (TPM): Limit 30000, Requested 50000."
    refusal = faults.status(429, body={"error": {"message": words, "code": "rate_limit_exceeded"}})
    with two_keys(tmp_path, by_key(x=refusal)) as bench:
        came = bench.ask()
        assert (came.by, asked_with(bench), came.waits) == ("a/m", ["x", "y"], [])
        assert bench.health().cooldowns == {}
    (tmp_path / "both").mkdir()
    with two_keys(tmp_path / "both", by_key(x=refusal, y=refusal), b=()) as bench:
        assert (bench.ask().by, asked_with(bench)) == ("b/m", ["x", "y"])


def test_a_firewall_is_asked_once(tmp_path: Path) -> None:
    """What it did not like it will not like again: the next deployment is asked at once, and no key rests."""
    wall = faults.status(403, body="<html><title>Attention Required! | Cloudflare</title></html>")
    with two_keys(tmp_path, failing(wall), b=()) as bench:
        came = bench.ask()
        assert (came.by, asked_with(bench), came.waits) == ("b/m", ["x"], [])
        assert not [scope for scope in bench.health().cooldowns if scope.startswith("key:")]
