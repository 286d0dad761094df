"""When a request may be sent: strict at the limit, in order, and never a wait that is not needed."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from math import inf
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.limits import Headroom
from llmpool.core.provider import RateLimit
from llmpool.usage import rates, waits
from llmpool.usage.rates import DAY, MINUTE, QUARTER, Entry, Hold, Log, Place, Scope, Told

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
ZONES = (
    "UTC",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
)


def log(*sent: tuple[float, int], waiting: tuple[Entry, ...] = (), told: tuple[Told, ...] = ()) -> Log:
    """Build the log of the provider `p`: requests to `p/m`, *sent* as seconds from now and tokens."""
    entries = [Entry(NOW + at, tokens, "p/m", "k", f"s{n}") for n, (at, tokens) in enumerate(sorted(sent))]
    days: rates.Days = {}
    for entry in entries:
        counts = days.setdefault("p/m", {}).setdefault(int(entry.at // QUARTER), [0, 0])
        counts[:] = [counts[0] + 1, counts[1] + entry.tokens]
    return Log(entries, list(waiting), days, {"p/m": {"k": list(told)}} if told else {})


def wish(tokens: int = 1, **fields: object) -> Entry:
    """Build a request to `p/m` that comes last."""
    return Entry(NOW, tokens, "p/m", "k", "new", 99, NOW, "p", "me")._replace(**fields)


def waiter(at: float, tokens: int = 1, **fields: object) -> Entry:
    """Build one who waits in line until *at* seconds from now."""
    return Entry(NOW + at, tokens, "p/m", "k", f"w{at}", 1, NOW, "p", "them")._replace(**fields)


def p(**limits: int | str) -> Scope:
    """Build the limits of the provider `p`."""
    return Scope("p", RateLimit(**limits))


def wait(known: Log, request: Entry, *scopes: Scope) -> tuple[float, str]:
    """Return the seconds to wait, and what for."""
    place = rates.place(known, request, scopes, NOW)
    return place.at - NOW, place.hold.limit if place.hold else ""


def test_the_limit_itself_is_allowed_and_one_more_waits() -> None:
    """Of 60 a minute the sixtieth goes at once, the next when the first has left the minute (demand C14)."""
    many = [(-40.0 + n / 10, 1) for n in range(60)]
    assert wait(log(*many[1:]), wish(), p(rpm=60)) == (0, "")
    assert wait(log(*many), wish(), p(rpm=60)) == (MINUTE - 40, "rpm")
    assert rates.place(log(*many), wish(), [p(rpm=60)], NOW).hold == Hold("p", "rpm", 60, 60)


def test_an_entry_leaves_the_minute_at_its_end() -> None:
    """At 61 seconds an entry no longer counts, the instant before it does."""
    assert wait(log((-MINUTE, 1)), wish(), p(rpm=1)) == (0, "")
    assert wait(log((-MINUTE + 0.5, 1)), wish(), p(rpm=1)) == (0.5, "rpm")


def test_tokens_wait_until_enough_of_them_have_left() -> None:
    """A large request waits for several small ones to leave, a small one for the first."""
    known = log((-50, 30), (-40, 30), (-30, 30))
    assert wait(known, wish(10), p(tpm=100)) == (0, "")
    assert wait(known, wish(11), p(tpm=100)) == (MINUTE - 50, "tpm")
    assert wait(known, wish(41), p(tpm=100)) == (MINUTE - 40, "tpm")
    assert wait(known, wish(100), p(tpm=100)) == (MINUTE - 30, "tpm")


@pytest.mark.parametrize("limit", ["tpm", "tpd"])
def test_what_never_fits_is_told_at_once(limit: str) -> None:
    """A request larger than a limit gets no place on any day."""
    place = rates.place(log(), wish(101), [p(**{limit: 100})], NOW)
    assert place == Place(inf, Hold("p", limit, 0, 100, 101))
    assert rates.place(log(), wish(100), [p(**{limit: 100})], NOW).at == NOW


def test_the_later_of_two_limits_counts() -> None:
    """Provider and deployment must both have room; what is told is the limit that is waited for last."""
    known = log((-50, 1), (-10, 1))
    own = Scope("p/m", RateLimit(rpm=1))
    assert wait(known, wish(), p(rpm=2)) == (MINUTE - 50, "rpm")
    place = rates.place(known, wish(), [p(rpm=2), own], NOW)
    assert (place.at - NOW, place.hold) == (MINUTE - 10, Hold("p/m", "rpm", 1, 1))


def test_others_deployments_count_for_the_provider_alone() -> None:
    """A deployment's limit counts its own requests, the provider's those of all; names only begin alike."""
    known = log((-50, 1))
    own = Scope("p/other", RateLimit(rpm=1))
    other = wish(deployment="p/other")
    assert rates.place(known, other, [own], NOW).at == NOW
    assert rates.place(known, other, [p(rpm=1), own], NOW).at == NOW - 50 + MINUTE
    assert rates.place(known, wish(deployment="pp/m"), [Scope("pp", RateLimit(rpm=1))], NOW).at == NOW


def test_a_day_ends_at_midnight_in_its_zone() -> None:
    """With rpd used up the wait lasts until the vendor's midnight (demand C15)."""
    known = log((-3600, 5), (-60, 5))
    midnight = datetime(2026, 9, 22, tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()
    assert wait(known, wish(), p(rpd=3)) == (0, "")
    assert wait(known, wish(), p(rpd=2)) == (1_790_035_200 - NOW, "rpd")
    assert wait(known, wish(), p(rpd=2, reset_tz="America/Los_Angeles")) == (midnight - NOW, "rpd")
    assert wait(known, wish(90), p(tpd=100)) == (0, "")
    assert wait(known, wish(91), p(tpd=100)) == (1_790_035_200 - NOW, "tpd")


def test_yesterday_does_not_count_today() -> None:
    """What was sent before midnight is another day's."""
    today = NOW // DAY * DAY - NOW
    assert wait(log((today - 1, 1)), wish(), p(rpd=1)) == (0, "")
    assert wait(log((today, 1)), wish(), p(rpd=1))[1] == "rpd"


def test_a_day_that_is_booked_out_is_passed_over() -> None:
    """Who waits for tomorrow takes tomorrow's room."""
    tomorrow = 1_790_035_200 - NOW
    known = log((-60, 1), waiting=(waiter(tomorrow, queue=""),))
    assert wait(known, wish(), p(rpd=1)) == (tomorrow + DAY, "rpd")


def test_nobody_goes_ahead_of_the_line() -> None:
    """A small request does not pass a large one that waits for the same limit."""
    known = log((-50, 90), waiting=(waiter(11, 50),))
    assert wait(known, wish(5), p(tpm=100)) == (11, "queue")
    assert wait(log((-50, 90)), wish(5), p(tpm=100)) == (0, "")


def test_who_waits_for_other_limits_holds_up_nobody() -> None:
    """The line of one deployment does not stop another, nor does who waits for tomorrow."""
    for queue in ("p/slow", ""):
        known = log((-50, 1), waiting=(waiter(30, deployment="p/slow", queue=queue),))
        assert wait(known, wish(), p(rpm=3)) == (0, "")


def test_nobody_is_delayed_by_who_comes_later() -> None:
    """One that is bound by fewer limits may go first only where the place of those before it stays good."""
    slow = waiter(30, deployment="p/slow", queue="p/slow")
    assert wait(log((-20, 1), waiting=(slow,)), wish(), p(rpm=2)) == (MINUTE - 20, "rpm")
    assert wait(log((-40, 1), waiting=(slow,)), wish(), p(rpm=2)) == (0, "")


def test_who_came_later_is_not_counted() -> None:
    """Looking again, a place in line gives way to what came before it, never to what came after."""
    known = log((-50, 1), waiting=(waiter(5, turn=7), waiter(11, turn=3)))
    assert wait(known, wish(turn=5), p(rpm=2)) == (11, "queue")
    assert wait(known, wish(turn=2), p(rpm=2)) == (0, "")


def test_who_is_late_still_counts_as_about_to_go() -> None:
    """One whose time has come, but who has not sent yet, takes its room now."""
    assert wait(log(waiting=(waiter(-5),)), wish(), p(rpm=1)) == (MINUTE, "rpm")


def test_a_vendors_word_lowers_what_is_left() -> None:
    """Nothing left: wait until it starts anew. A few left: that many, those sent since taken off."""
    none = Told(NOW - 5, "requests", 0, NOW + 20)
    two = Told(NOW - 5, "requests", 2, NOW + 20)
    some = Told(NOW - 5, "tokens", 100, NOW + 20)
    assert wait(log(told=(none,)), wish()) == (20, "requests")
    assert wait(log((-9, 1), (-4, 1), told=(two,)), wish()) == (0, "")
    assert wait(log((-4, 1), (-3, 1), told=(two,)), wish(), p(rpm=60)) == (20, "requests")
    assert wait(log((-4, 40), told=(some,)), wish(60)) == (0, "")
    assert wait(log((-4, 40), told=(some,)), wish(61)) == (20, "tokens")


def test_a_vendors_word_is_one_keys_and_one_deployments() -> None:
    """Vendors count per key and model: others are not held up by what was said of one."""
    known = log(told=(Told(NOW, "requests", 0, NOW + 20),))
    assert wait(known, wish(key="b")) == (0, "")
    assert wait(known, wish(deployment="p/other")) == (0, "")


def test_headers_become_words() -> None:
    """An end is told or a minute's, at most an hour is believed; limits of nothing tell nothing."""
    told = rates.told_of(
        [
            Headroom(what="requests", per="minute", limit=60, remaining=3),
            Headroom(what="tokens", limit=1000, remaining=0, resets_at=NOW + 7200),
            Headroom(what="requests", limit=0, remaining=0, resets_at=NOW + 9),
            Headroom(what="requests", per="day", limit=9, remaining=0),
            Headroom(what="requests", limit=9, resets_at=NOW + 9),
            Headroom(what="tokens", limit=9, remaining=3, resets_at=NOW - 1),
            Headroom(what="output_tokens", limit=9, remaining=0, resets_at=NOW + 9),
            Headroom(what="input_tokens", limit=9, remaining=1, resets_at=NOW + 9),
        ],
        NOW,
    )
    assert told == [
        Told(NOW, "requests", 3, NOW + MINUTE),
        Told(NOW, "tokens", 0, NOW + rates.BELIEVED),
        Told(NOW, "tokens", 0, NOW + 9),
    ]


@pytest.mark.parametrize(
    ("remaining", "limit", "spent"),
    [(0, 100, True), (5, 100, True), (6, 100, False), (0, None, True), (1, None, False), (0, 0, False)],
)
def test_the_last_twentieth_is_nearly_spent(remaining: int, limit: int | None, spent: bool) -> None:
    """A provider without limits of its own is watched only once its headers say that little is left."""
    assert rates.is_nearly_spent([Headroom(what="requests", limit=limit, remaining=remaining)]) is spent


def test_what_is_used_is_counted_for_showing() -> None:
    """Each limit that is set has its count of what was sent."""
    known = log((-3600, 5), (-30, 7))
    assert rates.used(known, p(rpm=9, tpm=9, rpd=9, tpd=9), NOW) == {"rpm": 1, "tpm": 7, "rpd": 2, "tpd": 12}
    assert rates.used(known, Scope("p/other", RateLimit(rpm=9)), NOW) == {"rpm": 0}


@pytest.mark.parametrize(
    ("hold", "text"),
    [
        (Hold("p", "rpm", 60, 60), "60 of 60 requests this minute"),
        (Hold("p", "rpm", 4, 3), "3 of 3 requests this minute"),
        (Hold("p", "tpd", 1_999_000, 2_000_000), "1 999 000 of 2 000 000 tokens today"),
        (Hold("p", "tpm", 27, 3000, 2996), "27 of 3 000 tokens this minute, about 2 996 more needed"),
        (Hold("p", "queue", 3), "3 waiting ahead"),
        (Hold("p/m", "requests", 0, 0), "0 requests left by its own word"),
        (Hold("p/m", "tokens", 40, 100), "100 tokens left by its own word, 40 used since"),
    ],
)
def test_a_wait_is_told_in_a_few_words(hold: Hold, text: str) -> None:
    """What is used up is told with its figures."""
    assert waits.fact(hold) == text


def test_the_end_of_a_wait_is_told() -> None:
    """A wait is rounded up, and beyond 100 seconds told by the clock; what never fits has figures."""
    assert waits.free(NOW + 11.2, NOW) == "free in 12 s"
    assert waits.free(NOW, NOW) == "free in 1 s"
    assert waits.free(NOW + 3600, NOW) == "free at 2026-09-21T15:13:20Z"
    assert waits.never(Hold("p", "tpm", 0, 90_000, 95_000)) == (
        "about 95 000 tokens are more than its limit of 90 000 a minute"
    )


@given(st.floats(0, 4e9), st.sampled_from(ZONES))
def test_days_follow_one_another(at: float, zone: str) -> None:
    """Every instant is in one day, which begins where the last ended and has about 24 hours."""
    start, end = rates.day_of(at, zone)
    assert start <= at < end
    assert rates.day_of(end, zone)[0] == end
    assert rates.day_of(start - 1, zone)[1] == start
    assert end - start in {DAY + hours * 3600 for hours in (-1, -0.5, 0, 0.5, 1)}
    assert start % QUARTER == 0


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-07-01", 24)])
def test_a_day_of_summer_time_is_as_long_as_it_is(day: str, hours: int) -> None:
    """A day in Los Angeles has 23 hours when the clock goes forward, 25 when it goes back."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("America/Los_Angeles"))
    start, end = rates.day_of(noon.timestamp(), "America/Los_Angeles")
    assert end - start == hours * 3600


def test_a_zone_nobody_knows_here_counts_as_utc() -> None:
    """A state directory may come from a machine that knows more zones; that stops no request."""
    assert rates.day_of(NOW, "Mars/Olympus") == rates.day_of(NOW, "UTC")


sent = st.lists(st.tuples(st.integers(-61, 0), st.integers(0, 6)), max_size=12)
in_line = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 6), st.sampled_from(["p", ""])), max_size=5)
limits = st.tuples(st.integers(1, 6), st.integers(6, 20))


def feasible(known: Log, at: float, tokens: int, rpm: int, tpm: int) -> bool:
    """Say, from the definition, whether a request at *at* leaves every minute it is in within its limits."""
    events = [(e.at, e.tokens) for e in known.sent] + [(max(e.at, NOW), e.tokens) for e in known.waiting]
    for end in [at, *(time for time, _ in events if at <= time < at + MINUTE)]:
        inside = [size for time, size in events if time <= end < time + MINUTE]
        if len(inside) + 1 > rpm or sum(inside) + tokens > tpm:
            return False
    return True


@given(sent, in_line, limits, st.integers(0, 6))
def test_the_place_is_the_first_that_fits(
    past: list[tuple[int, int]], line: list[tuple[int, int, str]], limit: tuple[int, int], tokens: int
) -> None:
    """No minute holds too much with it, no earlier time would do, and nobody in its line is passed."""
    known = log(*past, waiting=tuple(waiter(at, n, queue=q, id=f"{i}") for i, (at, n, q) in enumerate(line)))
    rpm, tpm = limit
    place = rates.place(known, wish(tokens), [p(rpm=rpm, tpm=tpm)], NOW)
    floor = max([NOW, *(e.at for e in known.waiting if e.queue == "p")])
    assert place.at >= floor
    assert feasible(known, place.at, tokens, rpm, tpm)
    marks = sorted(
        {floor, *(e.at for e in known.waiting), *(e.at + MINUTE for e in known.sent + known.waiting)}
    )
    tried = [mark for mark in marks if floor <= mark < place.at]
    tried += [(a + b) / 2 for a, b in pairwise([*tried, place.at])]
    assert not any(feasible(known, mark, tokens, rpm, tpm) for mark in tried)
    assert (place.hold is None) == (place.at == NOW)


@given(sent, in_line, limits, limits, st.integers(0, 6), st.sampled_from(["rpm", "tpm", "rpd", "tpd"]))
def test_another_limit_never_makes_it_earlier(
    past: list[tuple[int, int]],
    line: list[tuple[int, int, str]],
    limit: tuple[int, int],
    more: tuple[int, int],
    tokens: int,
    kind: str,
) -> None:
    """With one limit more a request waits as long, or longer."""
    known = log(*past, waiting=tuple(waiter(at, n, queue=q, id=f"{i}") for i, (at, n, q) in enumerate(line)))
    few = [p(rpm=limit[0], tpm=limit[1])]
    extra = Scope("p/m", RateLimit(**{kind: more[kind[0] == "t"]}))
    assert (
        rates.place(known, wish(tokens), [*few, extra], NOW).at
        >= rates.place(known, wish(tokens), few, NOW).at
    )


def test_ten_thousand_entries_are_few_steps() -> None:
    """A crowded minute is searched, not walked: the counts are looked up a few times, however many it has."""
    looks = 0

    class Counting(rates._Minute):
        def used(self, at: float) -> int:
            nonlocal looks
            looks += 1
            return super().used(at)

    many = [Entry(NOW - 50 + n / 1000, 1, "p/m", "k", str(n)) for n in range(10_000)]
    rule = Counting("p", ("tpm", 10_000), many, 5_000)
    assert rule.earliest(NOW) == many[4_999].at + MINUTE
    assert looks == 2
