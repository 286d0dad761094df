"""Thousands of prompts by one batch, while nearly all fail: answered whole, billed once, few in vain."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmpool.embedded import is_available
from tests.chaos import flood, relay, weather
from tests.chaos.flood import Account, Asked
from tests.chaos.weather import Weather
from tests.support import Home

for_long = pytest.mark.skipif("LONG" not in os.environ, reason="LONG is not set")
JOBS = 8


def blown(home: Home, count: int, seed: int) -> None:
    """Ask so many prompts in the weather of five formats, and check what came of it."""
    with Weather(seed) as world:
        home.write_config(world.config())
        prompts = [weather.prompt(number) for number in range(count)]
        came = flood.ask(home, prompts, jobs=JOBS, env=dict(world.env))
        asked = flood.asked_of(world)
        print("\n".join(came.figures(asked)))
        assert came.wrong({number: weather.answer(number) for number in range(count)}) == []
        assert len(world.played[world.good]) == count  # nobody answered twice
        pages = sum(each.kind == "page" for each in asked)  # after one an attempt tries another address
        assert came.attempts <= count + len(asked) <= came.attempts + pages
        bounded(flood.account(asked), len({each.ref for each in asked}))


def relayed(home: Home, count: int, seed: int, hiccup: float) -> None:
    """Ask so many prompts of a real llama.cpp by ways of which one works, and check what came of it."""
    with relay.llama_of(home.dir / "llama") as llama, relay.Ways(llama, seed, hiccup=hiccup) as ways:
        home.write_config(ways.config())
        prompts = [weather.prompt(number) for number in range(count)]
        with ThreadPoolExecutor(2) as threads:
            told = list(threads.map(llama.answer, prompts))
        texts = {number: each["choices"][0]["message"]["content"] for number, each in enumerate(told)}
        likeliest = ("--temperature", "0", "--max-tokens", str(relay.TOKENS))
        came = flood.ask(home, prompts, *likeliest, jobs=JOBS)
        print("\n".join(came.figures(ways.failing())))
        assert came.wrong(texts) == []
        assert set(ways.let_through.values()) == {1}
        least = {number: each["usage"]["completion_tokens"] for number, each in enumerate(told)}
        by_id = {each["usage_id"]: number for number, each in came.answers.items()}
        assert [r["id"] for r in came.usage if r["output_tokens"] < least[by_id[r["id"]]]] == []
        bounded(flood.account(ways.failing()), len(ways.names) - 1)


def bounded(told: Account, failing: int) -> None:
    """Check that who fails was asked in vain by no more than those under way, and as often as is retried."""
    assert told.again + told.under_way <= (told.found + told.keys + failing * JOBS) * 3 * len(weather.KEYS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_flood_is_answered(home: Home) -> None:
    """Three hundred prompts while four of five providers fail in every way."""
    blown(home, 300, 11)


@for_long
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [12, 13])
def test_thousands_are_answered(home: Home, seed: int) -> None:
    """Three thousand of them: LONG=1 pytest -m slow tests/chaos."""
    blown(home, 3000, seed)


@pytest.mark.skipif(not is_available(), reason="the extra 'embedded' is not installed")
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_server_behind_broken_ways_answers_all(home: Home) -> None:
    """Forty prompts of a real llama.cpp, three of four ways to which break answers off or say nonsense."""
    relayed(home, 40, 21, 0.0)


@for_long
@pytest.mark.skipif(not is_available(), reason="the extra 'embedded' is not installed")
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_real_server_answers_a_thousand_though_every_way_stumbles(home: Home) -> None:
    """A thousand of them, and in one of fifty the way that works breaks off as well."""
    relayed(home, 1000, 22, 0.02)


def test_why_somebody_is_asked_is_told_apart() -> None:
    """Finding out, finding a refused key out, asking again, having been under way, and the next rest."""
    asked = [
        Asked(0.0, "a/m", "k1", 1, "503"),
        Asked(0.3, "a/m", "k1", 1, "503"),
        Asked(0.4, "a/m", "k1", 2, "503"),
        Asked(1.0, "b/m", "k1", 3, "expired"),
        Asked(1.1, "b/m", "k2", 3, "expired"),
        Asked(61.0, "a/m", "k1", 4, "503"),
        Asked(130.0, "a/m", "k1", 5, "503"),
    ]
    assert flood.account(asked) == Account(found=2, keys=2, again=1, under_way=2)
