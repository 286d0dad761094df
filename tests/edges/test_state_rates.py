"""What all processes share of rate limits: reserved once, given back, and never trusted when foreign."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.limits import Headroom
from llmpool.core.provider import RateLimit
from llmpool.core.record import plain
from llmpool.core.routing import Rest
from llmpool.state import alive, jsonfile, rates
from llmpool.state.rates import Wish
from llmpool.usage.line import Granted, Refused
from llmpool.usage.rates import MINUTE, Hold, Log, Scope
from tests.support import CODE

NOW = 1_790_000_000.0
EMPTY = Log([], [], {}, {})
SPENT = Headroom(what="requests", limit=60, remaining=0, resets_at=NOW + 40)


def wish(tokens: int = 1, key: str = "k", deployment: str = "work/m", **limits: int) -> Wish:
    """Build a wish at the provider `work`, with *limits* of that provider."""
    scopes = (Scope("work", RateLimit(**limits)),) if limits else ()
    return Wish("work", deployment, key, tokens, scopes)


def ask(state: Path, asked: Wish, now: float = NOW, max_wait: float = 0) -> Granted | Refused | None:
    """Reserve, at a time."""
    return rates.reserve(state, asked, at(now), max_wait)


def at(now: float) -> rates.Clock:
    """Build a clock that stands."""
    return lambda: now


def test_what_is_sent_is_kept_for_others(tmp_path: Path) -> None:
    """The second process sees what the first has sent; the file is its owner's alone."""
    first = ask(tmp_path, wish(rpm=1))
    assert isinstance(first, Granted)
    assert not first.waits
    assert ask(tmp_path, wish(rpm=1), NOW + 1) == Refused(NOW + MINUTE, Hold("work", "rpm", 1, 1))
    path = rates.path_of(tmp_path, "work")
    assert path == tmp_path / "rates" / "work.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_refusal_leaves_no_trace(tmp_path: Path) -> None:
    """Whoever is not let in has nothing written for them."""
    ask(tmp_path, wish(rpm=1))
    before = rates.path_of(tmp_path, "work").read_bytes()
    assert isinstance(ask(tmp_path, wish(rpm=1)), Refused)
    assert rates.path_of(tmp_path, "work").read_bytes() == before


def test_without_limits_nothing_is_written(tmp_path: Path) -> None:
    """Where nobody set a limit, and no vendor told of one, there is nothing to reserve."""
    assert ask(tmp_path, wish()) is None
    assert not (tmp_path / "rates").exists()


def test_waiting_looking_again_and_going(tmp_path: Path) -> None:
    """A place in line is found again, given up when it is too far away, and gone once it was used."""
    asked = wish(rpm=1)
    ask(tmp_path, asked)
    place = ask(tmp_path, asked, NOW + 1, 100)
    assert isinstance(place, Granted)
    assert place.waits
    assert rates.read(tmp_path, "work").waiting == [place.entry]
    assert rates.advance(tmp_path, asked, place.entry, at(NOW + 30), 100) == place
    assert isinstance(rates.advance(tmp_path, asked, place.entry, at(NOW + 31), 1), Refused)
    assert rates.read(tmp_path, "work").waiting == []
    again = rates.advance(tmp_path, asked, place.entry, at(NOW + MINUTE), 0)
    assert isinstance(again, Granted)
    assert not again.waits


def test_what_was_never_sent_is_given_back(tmp_path: Path) -> None:
    """A call that could not connect, or was interrupted in line, frees its room."""
    asked = wish(rpm=1)
    for now in (NOW, NOW + 1):
        granted = ask(tmp_path, asked, now)
        assert isinstance(granted, Granted)
        rates.release(tmp_path, granted.entry, at(now))
    log = rates.read(tmp_path, "work")
    assert (log.sent, log.waiting) == ([], [])


def test_an_answer_corrects_the_tokens(tmp_path: Path) -> None:
    """What was reckoned is replaced by what the server counted; counting nothing writes nothing."""
    granted = ask(tmp_path, wish(90, tpm=100))
    assert isinstance(granted, Granted)
    before = rates.path_of(tmp_path, "work").stat().st_mtime_ns
    rates.settle(tmp_path, granted.entry, None, [], at(NOW))
    rates.settle(tmp_path, granted.entry, 90, [], at(NOW))
    assert rates.path_of(tmp_path, "work").stat().st_mtime_ns == before
    rates.settle(tmp_path, granted.entry, 20, [], at(NOW))
    assert isinstance(ask(tmp_path, wish(80, tpm=100)), Granted)


def test_the_real_time_of_sending_counts(tmp_path: Path) -> None:
    """A call that needed long to connect leaves the minute that much later."""
    granted = ask(tmp_path, wish(rpm=1))
    assert isinstance(granted, Granted)
    late = rates.stamp(tmp_path, granted.entry, at(NOW + 3))
    assert ask(tmp_path, wish(rpm=1), NOW + MINUTE + 1) == Refused(
        NOW + 3 + MINUTE, Hold("work", "rpm", 1, 1)
    )
    rates.settle(tmp_path, late, 9, [], at(NOW + 4))
    assert rates.read(tmp_path, "work").sent[0].tokens == 9


def test_a_vendors_word_is_kept_by_key_and_deployment(tmp_path: Path) -> None:
    """What an answer told binds the next request with that key to that deployment, until it is over."""
    rates.hear(tmp_path, "work/m", "k", [SPENT], at(NOW))
    assert isinstance(ask(tmp_path, wish()), Refused)
    assert ask(tmp_path, wish(key="other")) is None
    assert ask(tmp_path, wish(deployment="work/n")) is None
    free = ask(tmp_path, wish(), NOW + 40)
    assert isinstance(free, Granted)
    assert not free.waits
    rates.hear(tmp_path, "work/m", "k", [Headroom(what="requests", remaining=9)], at(NOW + 41))
    assert rates.read(tmp_path, "work").told == {}


def test_a_vendors_word_can_be_forgotten(tmp_path: Path) -> None:
    """Cleared, a provider is asked as if it had said nothing; what was sent still counts."""
    rates.forget(tmp_path, "work", at(NOW))
    assert not (tmp_path / "rates").exists()
    ask(tmp_path, wish(rpm=2))
    rates.hear(tmp_path, "work/m", "k", [SPENT], at(NOW))
    rates.forget(tmp_path, "work", at(NOW))
    assert rates.read(tmp_path, "work").told == {}
    assert len(rates.read(tmp_path, "work").sent) == 1


def test_a_vendors_word_is_looked_for_for_an_hour(tmp_path: Path) -> None:
    """One look at the time of the file says whether anything in it may bind."""
    assert not rates.is_told(tmp_path, "work", NOW)
    rates.hear(tmp_path, "work/m", "k", [SPENT], at(NOW))
    os.utime(rates.path_of(tmp_path, "work"), (NOW, NOW))
    assert rates.is_told(tmp_path, "work", NOW + 3599)
    assert not rates.is_told(tmp_path, "work", NOW + 3600)


def test_whoever_is_held_up_is_told_without_writing(tmp_path: Path) -> None:
    """The router is told of providers and deployments that are full now; looking changes nothing."""
    ask(tmp_path, wish(rpm=1))
    own = Wish("den", "den/m", "none", 1, (Scope("den/m", RateLimit(rpd=1)),))
    ask(tmp_path, own)
    rates.hear(tmp_path, "sky/m", "k", [SPENT], at(NOW))
    os.utime(rates.path_of(tmp_path, "sky"), (NOW, NOW))
    providers = [{"id": name, "rate_limit": None} for name in ("work", "den", "sky", "new")]
    providers[0]["rate_limit"] = plain(RateLimit(rpm=1))
    limits = {"den/m": plain(RateLimit(rpd=1)), "other/m": plain(RateLimit(rpd=1))}
    before = {path.name: path.read_bytes() for path in (tmp_path / "rates").iterdir()}
    assert rates.held(tmp_path, providers, limits, {"sky": ["k"]}, NOW + 1) == {
        "work": Rest(NOW + MINUTE, "1 of 1 requests this minute, free in 60 s", held=True),
        "den/m": Rest(1_790_035_200, "1 of 1 requests today, free at 2026-09-22T00:00:00Z", held=True),
        "sky/m": Rest(NOW + 40, "0 requests left by its own word, free in 39 s", held=True),
    }
    assert {path.name: path.read_bytes() for path in (tmp_path / "rates").iterdir()} == before
    assert list(rates.held(tmp_path, providers, limits, {}, NOW + MINUTE - 2)) == ["den/m"]
    assert rates.held(tmp_path / "nothing", providers, limits, {}, NOW) == {}


def test_what_is_used_is_told_with_its_end(tmp_path: Path) -> None:
    """For showing it: the requests of the minute and of the day, and when there is room again."""
    scope = Scope("work", RateLimit(rpm=1, rpd=9))
    assert rates.spent(tmp_path, scope, NOW) == {"rpm": (0, None), "rpd": (0, None)}
    ask(tmp_path, wish(rpm=1))
    assert rates.spent(tmp_path, scope, NOW + 1) == {"rpm": (1, NOW + MINUTE), "rpd": (1, None)}
    assert rates.spent(tmp_path, scope, NOW + 70) == {"rpm": (0, None), "rpd": (1, None)}


def test_a_process_is_told_from_another(tmp_path: Path) -> None:
    """A process that runs is alive, one that has ended is not, and of those elsewhere nobody knows."""
    name = alive.myself()
    assert alive.is_alive(name)
    script = "from llmpool.state.alive import myself; print(myself(), flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CODE)},
    )
    assert child.stdout is not None
    other = child.stdout.readline().strip()
    running = alive.is_alive(other)
    child.communicate("\n", timeout=20)
    assert running
    if sys.platform == "linux":
        assert not alive.is_alive(other)
        assert not alive.is_alive(" ".join([*name.split()[:2], "1"]))
    for unknown in (
        "",
        "elsewhere 1 2",
        f"{name.split()[0]} 1 ",
        f"{name.split()[0]} x 5",
        f"{name.split()[0]} {'9' * 5000} 5",
    ):
        assert alive.is_alive(unknown)


FOREIGN = [
    [],
    {"sent": {}},
    {"sent": [[]]},
    {"sent": 1},
    {"sent": [[NOW], [1], ["work/m"], ["k"]]},
    {"sent": [[NOW], [1], ["work/m"], ["k"], "id"]},
    {"sent": [[NOW], [1], ["work/m"], ["k"], [1]]},
    {"sent": [["now"], [1], ["work/m"], ["k"], ["id"]]},
    {"sent": [[float("nan")], [1], ["work/m"], ["k"], ["id"]]},
    {"sent": [[-1], [1], ["work/m"], ["k"], ["id"]]},
    {"sent": [[NOW], [-1], ["work/m"], ["k"], ["id"]]},
    {"sent": [[NOW, NOW], [1], ["work/m"], ["k"], ["id"]]},
    {"waiting": [[NOW, 1, "work/m", "k", "id"]]},
    {"days": []},
    {"days": {"work/m": 1}},
    {"days": {"work/m": [[1, 2]]}},
    {"days": {"work/m": [[1, 2, 1.5]]}},
    {"told": {"work/m": []}},
    {"told": {"work/m": {"k": [[NOW, "requests", None, NOW]]}}},
]


def plant(state: Path, data: Any) -> None:
    """Write foreign data into an envelope."""
    path = rates.path_of(state, "work")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 1, "written_at": "", "data": data}))


@pytest.mark.parametrize("data", FOREIGN, ids=str)
def test_a_foreign_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    """A log of other fields or types costs a warning, and counting begins anew."""
    warnings: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [warnings.append])
    plant(tmp_path, data)
    assert rates.read(tmp_path, "work") == EMPTY
    assert len(warnings) == len(list((tmp_path / "rates").glob("work.json.corrupt-*"))) == 1
    assert isinstance(ask(tmp_path, wish(rpm=1)), Granted)


NAMES = st.sampled_from(("sent", "waiting", "days", "told", "work/m")) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_no_log_whatever_breaks_a_run(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Whatever the file holds, a request gets its grant."""
    state = tmp_path_factory.getbasetemp() / "any-rates"
    plant(state, data)
    with pytest.MonkeyPatch.context() as quiet:
        quiet.setattr(jsonfile, "_warning_hooks", [str])
        assert isinstance(ask(state, wish(rpm=1)), Granted)


def test_a_log_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """What is sent, who waits, the days and what was told survive the disk."""
    ask(tmp_path, wish(7, rpm=1))
    place = ask(tmp_path, wish(8, rpm=1), NOW + 1, 100)
    rates.hear(tmp_path, "work/m", "k", [SPENT], at(NOW + 1))
    assert isinstance(place, Granted)
    log = rates.read(tmp_path, "work")
    assert [(e.at, e.tokens, e.deployment, e.key) for e in log.sent] == [(NOW, 7, "work/m", "k")]
    assert log.waiting == [place.entry]
    assert log.days == {"work/m": {int(NOW // 900): [1, 7]}}
    assert [(t.what, t.left, t.until) for t in log.told["work/m"]["k"]] == [("requests", 0, NOW + 40)]
