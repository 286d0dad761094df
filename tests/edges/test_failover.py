"""The failover loop: who is asked, how often, after how long (rulings 8 and 10, failover-cooldown 10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.chat.run import Manners
from llmpool.errors import Busy, Exit, NoCredential, UpstreamFailed
from llmpool.router.failure import MOST_AT_ONE
from tests.edges.failing import Bench, failing
from tests.fakes import faults
from tests.support import closed_port

DOWN = faults.status(503)
NOWHERE = f"http://127.0.0.1:{closed_port()}/v1"


def limited(seconds: float) -> faults.Behaviour:
    """Refuse for a while."""
    return faults.status(429, {"Retry-After": str(seconds)})


def test_g12_what_passes_is_repeated_and_leaves_no_rest(tmp_path: Path) -> None:
    """G12: twice 502, then ok: 3 calls, 2 waits, success, no cooldown entry."""
    with Bench(tmp_path, a=[faults.status(502)] * 2) as bench:
        came = bench.ask()
        assert (came.text, bench.calls(), came.waits) == ("by a", [3], [0.5, 1.0])
        assert came.notices == [
            "a/m: scripted 502; again in 0.5 s",
            "a/m: scripted 502; again in 1.0 s",
        ]
        assert bench.health().cooldowns == {}


def test_g12_what_is_final_is_not_repeated(tmp_path: Path) -> None:
    """G12: an invalid key is one call and no wait; always 429 is three calls, and a failure."""
    with Bench(tmp_path, a=failing(faults.status(401)), b=failing(faults.status(429))) as bench:
        refused = bench.ask("a/m")
        assert (bench.calls("a"), refused.waits) == ([1], [])
        assert isinstance(refused.error, NoCredential)
        busy = bench.ask("b/m")
        assert (bench.calls("b"), busy.waits) == ([3], [0.5, 1.0])
        assert isinstance(busy.error, Busy)


def test_g13_failover_cooldown_and_the_next_rung(tmp_path: Path) -> None:
    """G13: a three times, b once; at +10 s a is passed over; at +60.001 s it is tried, then rests 300 s."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        bench.configure(models=("a/p", "b/f"))
        first = bench.ask()
        ended = bench.now
        assert (first.by, bench.calls()) == ("b/f", [3, 1])
        assert bench.servers["b"].chats[0].json["model"] == "f"
        assert bench.rest("deployment:a/p") == 60
        assert first.notices[-1] == "a/p: scripted 503; rests 1 min; b/f is asked next"
        bench.now = ended + 10
        assert bench.ask().tried == ["b/f"]
        assert bench.calls() == [3, 2]
        bench.now = ended + 60.001
        assert bench.ask().tried == ["a/p"] * 3 + ["b/f"]
        assert bench.rest("deployment:a/p") == 300


def test_g13_a_refused_key_rests_with_ruling_10(tmp_path: Path) -> None:
    """G13 has a 401 tried again by every later call; ruling 10 lets its key rest an hour instead."""
    with Bench(tmp_path, a=failing(faults.status(401)), b=()) as bench:
        assert bench.ask().tried == ["a/m", "b/m"]
        assert bench.rest("key:a/none") == 3600
        assert bench.rest("deployment:a/m") == 0
        assert bench.ask().tried == ["b/m"]
        bench.now += 3601
        assert bench.ask().tried == ["a/m", "b/m"]


def test_g14_all_cooling_tries_each_once_the_soonest_first(tmp_path: Path) -> None:
    """G14 gives up without a call when all rest; by ruling 10 each is tried, the last once more."""
    with Bench(tmp_path, a=failing(faults.status(429)), b=failing(faults.status(429))) as bench:
        assert isinstance(bench.ask().error, Busy)
        before = bench.calls()
        again = bench.ask()
        assert [now - then for now, then in zip(bench.calls(), before, strict=True)] == [1, 2]
        assert (again.tried, again.waits) == (["a/m", "b/m", "b/m"], [0.5])
        assert isinstance(again.error, Busy)
        assert again.error.details["retry_at"] == "2026-11-18T11:11:43Z"  # 300 s, the second rung


def test_g15_a_name_is_a_pin_and_fallback_lifts_it(tmp_path: Path) -> None:
    """G15: without a model all of the plan; one that is named is asked alone, unless --fallback is given."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        assert bench.ask("a/m").tried == ["a/m"] * 3
        bench.now += 3700
        assert bench.ask("a/m", fallback=True).by == "b/m"
        assert bench.ask("b/m").tried == ["b/m"]


def test_g16_a_time_out_moves_on_at_once(tmp_path: Path) -> None:
    """G16: one call, then the fallback. The source starts no cooldown; by ruling 8 each time-out does."""
    with Bench(tmp_path, a=failing(faults.hang(30)), b=()) as bench:
        bench.configure(a={"first_token_timeout": "200ms"})
        came = bench.ask()
        assert (came.tried, bench.calls(), came.waits) == (["a/m", "b/m"], [1, 1], [])
        assert bench.rest("deployment:a/m") == 60
        assert came.journey is not None
        assert came.journey.because.endswith("no answer within 0.2 s")


def test_g16_silence_in_the_middle_is_a_time_out_too(tmp_path: Path) -> None:
    """Ruling 8: the read time-out cools and moves on, where nothing was shown."""
    with Bench(tmp_path, a=failing(faults.slow(between=30)), b=()) as bench:
        bench.configure(a={"read_timeout": "200ms"})
        came = bench.ask(manners=Manners(shows=False))
        assert (came.tried, bench.rest("deployment:a/m")) == (["a/m", "b/m"], 60)


def test_g16_the_callers_deadline_stops_everything(tmp_path: Path) -> None:
    """G16 and ruling 8: when the caller's time is up nobody else is asked, and nobody is blamed for it."""
    with Bench(tmp_path, a=failing(faults.hang(30)), b=()) as bench:
        came = bench.ask(manners=Manners(deadline=0.0))
        assert (came.tried, bench.calls("b")) == (["a/m"], [0])
        assert isinstance(came.error, UpstreamFailed)
        assert bench.health().as_data() == {
            "cooldowns": {}, "contact": {}, "experience": {}, "latency": {}, "cursors": {}
        }  # fmt: skip


def test_g17_the_connect_limit_is_the_same_for_all(tmp_path: Path) -> None:
    """Ruling 8 replaces G17's limits by place in the list: connect, first token, read, for everybody."""
    with Bench(tmp_path, a=failing(faults.hang(30)), b=failing(faults.hang(30))) as bench:
        bench.configure('[routing]\nstrategy = "priority"\nfirst_token_timeout = "150ms"')
        came = bench.ask()
        assert came.tried == ["a/m", "b/m"]
        assert isinstance(came.error, UpstreamFailed)
        assert came.error.lines[0].endswith("no answer within 0.1 s")


def test_29_the_same_provider_again_when_that_is_quick(tmp_path: Path) -> None:
    """Row 29: one 503, or one empty stream, then success: both calls are the first one's, no failover."""
    for fault in (DOWN, faults.empty()):
        with Bench(tmp_path, a=[fault], b=()) as bench:
            came = bench.ask()
            assert (came.by, bench.calls()) == ("a/m", [2, 0])


def test_29_an_empty_answer_is_repeated_once_only(tmp_path: Path) -> None:
    """11.2: an empty stream is worth one more try, not two; nobody rests for it."""
    with Bench(tmp_path, a=failing(faults.empty()), b=()) as bench:
        assert bench.ask().tried == ["a/m", "a/m", "b/m"]
        assert bench.health().cooldowns == {}


def test_30_all_failed_is_told_with_every_attempt(tmp_path: Path) -> None:
    """Row 30 returns the last error; here all are listed, repetitions in one line, with the way out."""
    with Bench(tmp_path, a=failing(faults.status(400)), b=failing(DOWN)) as bench:
        error = bench.ask().error
        assert isinstance(error, UpstreamFailed)
        assert error.message == "all 4 attempts failed"
        assert error.lines == ("a/m   scripted 400", "b/m   scripted 503 (3 times)")
        assert [attempt["reason"] for attempt in error.details["attempts"]] == ["api_error"] * 4
        assert [attempt.get("next") for attempt in error.details["attempts"]] == ["b/m", None, None, None]
        assert error.hint == "ask again later; who rests, and until when: llmpool providers list"


def test_31_what_failed_and_what_helped_are_recorded(tmp_path: Path) -> None:
    """Row 31: two attempts, one an auth_error. 5.7's advice: a failure of the first, the second's success."""
    with Bench(tmp_path, a=failing(faults.status(401)), b=()) as bench:
        bench.ask()
        outcome = bench.decisions()[0]["outcome"]
        assert [(a["deployment"], a["ok"], a.get("reason"), a.get("next")) for a in outcome["attempts"]] == [
            ("a/m", False, "auth_error", "b/m"),
            ("b/m", True, None, None),
        ]
        seen = bench.health().experience
        assert (seen["a/m"].failures, seen["a/m"].successes) == (1, 0)
        assert (seen["b/m"].failures, seen["b/m"].successes) == (0, 1)
        record = bench.usage()[0]
        assert (record["selected"], record["deployment"], record["attempts"]) == ("a/m", "b/m", 2)
        assert record["reason"] == "a/m: scripted 401"


def test_a_long_wait_goes_to_others_at_once(tmp_path: Path) -> None:
    """Ruling 8: over 2 s with another candidate ready there is no wait; the one who asked for it rests."""
    with Bench(tmp_path, a=failing(limited(90)), b=()) as bench:
        came = bench.ask()
        assert (came.tried, came.waits) == (["a/m", "b/m"], [])
        assert came.notices == ["a/m: scripted 429; rests 2 min; b/m is asked next"]
        assert bench.rest("deployment:a/m") == 90


@pytest.mark.parametrize(
    ("hint", "waits", "calls"), [(1, [1.125, 1.125], [3, 1]), (2, [2.25], [2, 1]), (2.1, [], [1, 1])]
)
def test_quick_waits_add_up_to_two_seconds(
    tmp_path: Path, hint: float, waits: list[float], calls: list[int]
) -> None:
    """Ruling 8: while another is ready the waits asked for here may add up to 2 s, what chance adds apart."""
    with Bench(tmp_path, a=failing(limited(hint)), b=()) as bench:
        assert (bench.ask().waits, bench.calls()) == (waits, calls)


def test_alone_it_waits_as_long_as_asked_and_says_so(tmp_path: Path) -> None:
    """Ruling 8: with nobody else ready it waits, up to --max-wait, saying so."""
    with Bench(tmp_path, a=[limited(12)]) as bench:
        came = bench.ask()
        assert (came.text, came.waits) == ("by a", [13.25])
        assert came.notices == ["a/m: scripted 429; again in 13 s (Ctrl-C, or --max-wait 0)"]


def test_max_wait_bounds_all_waits_together(tmp_path: Path) -> None:
    """Ruling 8: 20 s for the whole request; what chance adds never costs a wait that would just fit."""
    with Bench(tmp_path, a=[limited(12), limited(12), limited(20)]) as bench:
        came = bench.ask()
        assert (came.waits, bench.calls()) == ([13.25], [2])
        assert isinstance(came.error, Busy)
        assert came.error.exit_code == Exit.BUSY
        assert came.error.hint == "wait: --max-wait 12s"
        bench.now += 3700
        assert bench.ask().waits == [20.0]


def test_max_wait_zero_asks_everybody_once(tmp_path: Path) -> None:
    """Without patience there is no repetition, only failover."""
    with Bench(tmp_path, a=failing(DOWN), b=failing(DOWN)) as bench:
        came = bench.ask(manners=Manners(max_wait=0.0))
        assert (came.tried, came.waits) == (["a/m", "b/m"], [])


def test_when_nobody_is_left_the_soonest_is_waited_for(tmp_path: Path) -> None:
    """Of those that are only too busy the first to be free is asked again, whoever came last."""
    with Bench(tmp_path, a=[limited(4)], b=[limited(9)]) as bench:
        came = bench.ask()
        assert (came.tried, came.waits) == (["a/m", "b/m", "a/m"], [4.5])
        assert came.by == "a/m"
        assert came.notices[-1] == "b/m: scripted 429; a/m is asked again in 4 s (Ctrl-C, or --max-wait 0)"
        assert "deployment:a/m" not in bench.health().cooldowns
        assert bench.rest("deployment:b/m") == pytest.approx(60, abs=0.1)


def test_x_should_retry_has_the_last_word(tmp_path: Path) -> None:
    """Ruling 8: `x-should-retry: false` forbids what would be repeated, `true` repeats what would not."""
    no, yes = ({"x-should-retry": word} for word in ("false", "true"))
    with Bench(tmp_path, a=failing(faults.status(503, no)), b=failing(faults.status(400, yes))) as bench:
        assert bench.ask().tried == ["a/m", "b/m", "b/m", "b/m"]


def test_a_wait_in_milliseconds_counts_first(tmp_path: Path) -> None:
    """Ruling 8: `retry-after-ms` before `retry-after`."""
    said = {"retry-after-ms": "1500", "retry-after": "90"}
    with Bench(tmp_path, a=[faults.status(429, said)]) as bench:
        assert bench.ask().waits == [1.5 * 1.125]


def test_a_server_that_is_not_there_costs_one_attempt(tmp_path: Path) -> None:
    """Others of its models are not asked; the provider counts as unreachable, its model rests."""
    with Bench(tmp_path, away=NOWHERE, b=()) as bench:
        bench.configure(models=("away/x", "away/y", "b/m"))
        came = bench.ask()
        assert came.tried == ["away/y", "b/m"]
        assert bench.health().contact["away"]["kind"] == "connect"
        assert bench.rest("deployment:away/y") == 60
        assert bench.ask().tried == ["b/m"]


@pytest.mark.parametrize("fault", [faults.status(400), faults.status(413, body="<html>nginx</html>")])
def test_one_provider_does_not_take_all_the_attempts(tmp_path: Path, fault: faults.Behaviour) -> None:
    """No request storm: after five failed deployments of a provider its others are left out."""
    with Bench(tmp_path, a=failing(fault), b=()) as bench:
        bench.configure(models=(*(f"a/m{n}" for n in range(30)), "b/m"))
        came = bench.ask()
        assert came.by == "b/m"
        assert bench.calls() == [MOST_AT_ONE, 1]


def test_models_that_are_not_there_do_not_count_against_the_others(tmp_path: Path) -> None:
    """A prompt is answered whenever an eligible one works, be it the eighth of a provider."""
    gone = faults.status(404, body={"error": {"message": "model not found", "code": "model_not_found"}})
    with Bench(tmp_path, a=[gone] * 7) as bench:
        bench.configure(models=tuple(f"a/m{n}" for n in range(8)))
        came = bench.ask()
        assert (len(set(came.tried)), bench.rest(f"deployment:{came.tried[0]}")) == (8, 3600)
        assert bench.ask().tried == [came.by]


def test_fallbacks_and_the_recovery_model_come_last(tmp_path: Path) -> None:
    """The plan is ranked candidates, configured fallbacks, recovery model; who stepped in is told."""
    top = 'recovery_model = "c/m"\n[routing]\nstrategy = "priority"\nfallbacks = ["b/m"]'
    with Bench(tmp_path, a=failing(DOWN), b=failing(DOWN), c=()) as bench:
        bench.configure(top)
        came = bench.ask()
        assert list(dict.fromkeys(came.tried)) == ["a/m", "b/m", "c/m"]
        assert came.journey is not None
        assert came.journey.instead == "c/m answered instead of a/m (a/m: scripted 503)"
