"""Many processes at once, one provider of five that works: every prompt is answered, nobody is stormed."""

from __future__ import annotations

import os

import pytest

from tests.chaos import storm, weather
from tests.chaos.storm import Storm
from tests.chaos.weather import Weather
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
# Some minutes each on two cores, which every change need not wait for: LONG=1 pytest -m slow tests/chaos
for_long = pytest.mark.skipif("LONG" not in os.environ, reason="LONG is not set")


def blown_over(home: Home, world: Weather, *, prompts: int, workers: int) -> Storm:
    """Run it, print its figures, and check what holds in any weather."""
    came = storm.run(home, world, prompts=prompts, workers=workers)
    print("\n".join(came.figures()))
    assert came.failures() == []
    assert came.recorded_once() == []
    assert weather.unsound(came.health["cooldowns"]) == []
    assert list(home.state.glob("*.corrupt-*")) == []
    assert max(came.attempts) <= world.most_attempts()
    return came


@for_long
def test_500_prompts_by_20_at_a_time_are_all_answered(home: Home) -> None:
    """Each is answered whole and recorded once; who fails rests, who works does not; there is no storm."""
    with Weather(1) as world:
        came = blown_over(home, world, prompts=500, workers=20)
        rests = came.health["cooldowns"]
        assert weather.scopes(rests, world.good) == {}
        assert [name for name in world.bad if not weather.scopes(rests, name)] == []
        assert len(came.requests(world.good)) == 500
        assert came.storms() == []


@pytest.mark.parametrize("seed", [2, 3])
def test_it_holds_whoever_is_the_good_one(home: Home, seed: int) -> None:
    """Another provider in another format, other faults."""
    with Weather(seed) as world:
        came = blown_over(home, world, prompts=60, workers=8)
        assert weather.scopes(came.health["cooldowns"], world.good) == {}
        assert came.storms() == []


@for_long
def test_even_the_good_one_may_stumble(home: Home) -> None:
    """One answer in twenty of the only one that works is a 503: prompts are answered all the same.

    But for those whose single try at it, while it rests, is that one in twenty.
    """
    with Weather(4, hiccup=0.05) as world:
        came = blown_over(home, world, prompts=200, workers=20)
        hiccups = weather.kinds(world.played[world.good])["hiccup"]
        assert len(came.unlucky()) <= hiccups


def test_turns_are_shared_by_20_processes(home: Home) -> None:
    """Round robin over five providers: twenty that start together are four for each."""
    names = ("a", "b", "c", "d", "e")
    servers = {name: FakeServer() for name in names}
    home.write_config(
        '[routing]\nstrategy = "round_robin"',
        *(provider(name, server.url) for name, server in servers.items()),
        *(model(f"{name}/m") for name in names),
    )
    chats = [home.start("chat", "--json", "-m", "m", f"question {number}") for number in range(20)]
    assert [(child.wait(120), child.returncode) for child in chats] == [(0, 0)] * 20
    assert [len(server.chats) for server in servers.values()] == [4] * 5
    for server in servers.values():
        server.close()
