"""Who comes, who goes and who waits: whatever happens, no minute and no day holds more than its limit."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.provider import RateLimit
from llmpool.usage import line, rates
from llmpool.usage.line import Granted, Refused
from llmpool.usage.rates import DAY, MINUTE, QUARTER, Entry, Hold, Log, Scope, Told

NOW = 1_790_000_000.0
RPM2 = (Scope("p", RateLimit(rpm=2)),)


def empty() -> Log:
    """Build a log of nothing."""
    return Log([], [], {}, {})


def request(name: str, tokens: int = 1, deployment: str = "p/m", at: float = NOW, **fields: object) -> Entry:
    """Build a request that nobody has looked at."""
    return Entry(at, tokens, deployment, "k", name, 0, at, "p", f"owner of {name}")._replace(**fields)


def everybody(_owner: str) -> bool:
    """Say that everybody is alive."""
    return True


def come(log: Log, *names: str, max_wait: float = 600) -> list[Granted | Refused]:
    """Let requests come at once, in order."""
    return [line.seek(log, request(name), RPM2, now=NOW, max_wait=max_wait) for name in names]


def test_two_go_at_once_the_others_stand_in_line() -> None:
    """Of five at two a minute two are sent, two wait a minute, one waits two; turns are in order."""
    log = empty()
    got = come(log, "a", "b", "c", "d", "e")
    assert [g.waits for g in got] == [False, False, True, True, True]
    assert [e.at - NOW for e in log.waiting] == [MINUTE, MINUTE, 2 * MINUTE]
    assert [e.turn for e in log.waiting] == [1, 2, 3]
    assert got[2].hold == Hold("p", "rpm", 2, 2)
    assert log.days == {"p/m": {int(NOW // QUARTER): [2, 2]}}


def test_g21_five_at_once_and_the_sixth_when_the_first_has_left() -> None:
    """Ruling 12 replaces the token bucket of failover-cooldown G21: nothing trickles in, a minute is one.

    Of rate 5 a minute five go at once and the sixth waits for the first of them, not for a fifth of a minute;
    a wait that its deadline has no room for is refused at once, whichever model of the provider it is.
    """
    scopes, log = (Scope("p", RateLimit(rpm=5)),), empty()
    got = [line.seek(log, request(str(n)), scopes, now=NOW + n, max_wait=600) for n in range(6)]
    assert [g.waits for g in got] == [False] * 5 + [True]
    assert log.waiting[0].at == NOW + MINUTE
    late = line.seek(log, request("late"), scopes, now=NOW + 6, max_wait=0.05)
    assert late == Refused(NOW + 1 + MINUTE, Hold("p", "rpm", 5, 5))
    of_p = line.seek(log, request("n", deployment="p/n"), scopes, now=NOW + 6, max_wait=0.05)
    assert isinstance(of_p, Refused)


def test_who_would_wait_too_long_is_refused_and_not_in_line() -> None:
    """A refusal says when it would be free, and why; a wait of just that length is granted."""
    log = empty()
    refused = come(log, "a", "b", "c", max_wait=MINUTE - 1)[2]
    assert refused == Refused(NOW + MINUTE, Hold("p", "rpm", 2, 2))
    assert log.waiting == []
    assert come(log, "d", max_wait=MINUTE)[0].waits
    huge = line.seek(log, request("x", 9), (Scope("p", RateLimit(tpm=8)),), now=NOW, max_wait=1e12)
    assert huge == Refused(inf, Hold("p", "tpm", 2, 8, 9))


def test_looking_again_keeps_the_turn_and_goes_when_it_is_time() -> None:
    """A place in line is kept while it waits, and becomes a request with the real time when it goes."""
    log = empty()
    *_, third, fourth = come(log, "a", "b", "c", "d")
    again = line.seek(log, third.entry, RPM2, now=NOW + 5, max_wait=600)
    assert again.entry == third.entry
    gone = line.seek(log, fourth.entry, RPM2, now=NOW + MINUTE + 3, max_wait=0)
    assert (gone.waits, gone.entry.at) == (False, NOW + MINUTE + 3)
    assert [e.id for e in log.waiting] == ["c"]


def test_who_wakes_late_makes_those_behind_wait_for_it() -> None:
    """A request that left three seconds late leaves its minute three seconds late as well."""
    log = empty()
    third, fourth, fifth = come(log, "a", "b", "c", "d", "e")[2:]
    for late in (third, fourth):
        assert not line.seek(log, late.entry, RPM2, now=NOW + MINUTE + 3, max_wait=0).waits
    moved = line.seek(log, fifth.entry, RPM2, now=NOW + 2 * MINUTE, max_wait=600)
    assert moved.entry.at == NOW + 2 * MINUTE + 3


def test_who_wakes_very_late_still_has_its_turn() -> None:
    """A process that slept through its minute is not behind those who came after it."""
    log = empty()
    third = come(log, "a", "b", "c", "d", "e")[2]
    line.tidy(log, NOW + 5 * MINUTE, everybody, mine="c")
    assert [entry.id for entry in log.waiting] == ["c"]
    assert line.seek(log, third.entry, RPM2, now=NOW + 5 * MINUTE, max_wait=0).entry.turn == 1


def test_a_place_given_up_moves_the_others_forward() -> None:
    """When one in line leaves, or its process dies, the next look finds an earlier time."""
    log = empty()
    *_, third, fourth, fifth = come(log, "a", "b", "c", "d", "e")
    line.release(log, third.entry)
    assert line.seek(log, fifth.entry, RPM2, now=NOW + 1, max_wait=600).entry.at == NOW + MINUTE
    line.tidy(log, NOW + 1, lambda owner: owner != "owner of d")
    assert [e.id for e in log.waiting] == ["e"]
    assert line.seek(log, fourth.entry, RPM2, now=NOW + 1, max_wait=600).entry.turn > fifth.entry.turn


def test_what_was_never_sent_leaves_no_count() -> None:
    """A request that never arrived is taken out of the minute and of the day."""
    log = empty()
    first = come(log, "a")[0]
    line.release(log, first.entry)
    assert log.sent == []
    assert log.days["p/m"] == {int(NOW // QUARTER): [0, 0]}


def test_the_real_tokens_replace_the_reckoned() -> None:
    """What an answer really had counts for those who come next, in the minute and on the day."""
    log = empty()
    tokens = (Scope("p", RateLimit(tpm=100, tpd=1000)),)
    first = line.seek(log, request("a", 90), tokens, now=NOW, max_wait=0)
    assert isinstance(line.seek(log, request("b", 20), tokens, now=NOW, max_wait=0), Refused)
    line.settle(log, first.entry, 30)
    assert isinstance(line.seek(log, request("b", 20), tokens, now=NOW, max_wait=0), Granted)
    assert rates.used(log, tokens[0], NOW) == {"tpm": 50, "tpd": 50}
    line.tidy(log, NOW + 100, everybody)
    line.settle(log, first.entry._replace(tokens=30), 40)
    assert rates.used(log, tokens[0], NOW + 100) == {"tpm": 0, "tpd": 60}


def test_old_things_go() -> None:
    """A minute, two days and the end of what was told: nothing is kept beyond what it may count for."""
    log = empty()
    come(log, "a", "b", "c")
    line.hear(log, "p/m", "k", [Told(NOW, "requests", 0, NOW + 70)])
    line.tidy(log, NOW + MINUTE - 1, everybody)
    assert (len(log.sent), len(log.waiting), len(log.told)) == (2, 1, 1)
    line.tidy(log, NOW + MINUTE + 1, everybody)
    assert (len(log.sent), len(log.waiting), len(log.told)) == (0, 1, 1)
    line.tidy(log, NOW + 2 * MINUTE, everybody)
    assert log == Log([], [], {"p/m": {int(NOW // QUARTER): [2, 2]}}, {})
    line.tidy(log, NOW + 3 * DAY, everybody)
    assert log == empty()


def test_the_word_of_a_later_request_counts() -> None:
    """A long answer that ends late does not bring back what was told before."""
    log = empty()
    line.hear(log, "p/m", "k", [Told(NOW, "requests", 5, NOW + 60)])
    line.hear(log, "p/m", "k", [Told(NOW - 9, "requests", 9, NOW + 60)])
    line.hear(log, "p/m", "k", [])
    assert log.told["p/m"]["k"][0].left == 5
    line.hear(log, "p/m", "k", [Told(NOW + 1, "requests", 4, NOW + 60)])
    assert log.told["p/m"]["k"][0].left == 4


def test_a_clock_set_back_costs_a_minute_at_most() -> None:
    """What was sent ahead of the clock counts as sent now; it is counted so once, then it ages."""
    log = empty()
    come(log, "a", "b", "c")
    before = NOW - 7200
    assert line.tidy(log, before, everybody)
    assert [e.at for e in log.sent] == [before, before]
    assert log.waiting[0].at == before + MINUTE
    assert isinstance(line.seek(log, request("d"), RPM2, now=before, max_wait=30), Refused)
    assert not line.tidy(log, before + MINUTE + 1, everybody)
    assert log.sent == []


def test_who_only_looks_is_not_fooled_by_a_clock_set_back() -> None:
    """For the router nothing stays full because it was sent in the future: nobody would send and clear it."""
    log = empty()
    come(log, "a", "b")
    line.tidy(log, NOW - 7200, everybody, looking=True)
    assert line.full(log, "p", RPM2, (), NOW - 7200) == {}


def test_a_clock_set_forward_frees_everything() -> None:
    """What is long ago counts for nothing, and who waits goes at its next look."""
    log = empty()
    *_, third = come(log, "a", "b", "c")
    assert not line.tidy(log, NOW + 7200, everybody)
    assert not line.seek(log, third.entry, RPM2, now=NOW + 7200, max_wait=0).waits


def test_whoever_is_full_is_found() -> None:
    """A provider is named as a whole; a deployment by itself where it is full for longer."""
    log = empty()
    scopes = (Scope("p", RateLimit(rpm=3)), Scope("p/m", RateLimit(rpd=2)))
    come(log, "a", "b")
    assert {name: place.hold for name, place in line.full(log, "p", scopes, ("k",), NOW).items()} == {
        "p/m": Hold("p/m", "rpd", 2, 2)
    }
    line.seek(log, request("x", deployment="p/x"), scopes[:1], now=NOW, max_wait=0)
    found = line.full(log, "p", scopes, ("k",), NOW)
    assert {name: (place.at - NOW, place.hold) for name, place in found.items()} == {
        "p": (MINUTE, Hold("p", "rpm", 3, 3)),
        "p/m": (NOW // DAY * DAY + DAY - NOW, Hold("p/m", "rpd", 2, 2)),
    }


def test_one_key_that_is_free_is_enough() -> None:
    """A vendor's word about one key of two keeps nobody from asking with the other."""
    log = empty()
    line.hear(log, "p/m", "a", [Told(NOW, "requests", 0, NOW + 60)])
    assert line.full(log, "p", (), ("a", "b"), NOW) == {}
    assert list(line.full(log, "p", (), ("a",), NOW)) == ["p/m"]


class Arrival(NamedTuple):
    """A request of the simulation: after so many seconds, and what becomes of it."""

    after: float
    tokens: int
    deployment: str
    late: float  # seconds that it wakes late
    dies: bool  # it is killed while it waits
    real: int  # tokens that it really had


class Limits(NamedTuple):
    """The limits of the simulation."""

    rpm: int
    tpm: int
    rpd: int
    own: int

    def scopes(self, deployment: str) -> tuple[Scope, ...]:
        """Return those of one deployment."""
        shared = Scope("p", RateLimit(rpm=self.rpm, tpm=self.tpm, rpd=self.rpd))
        return (shared, Scope("p/own", RateLimit(rpm=self.own))) if deployment == "p/own" else (shared,)


class Simulation:
    """Requests that come, wait, wake late, die: what is sent when."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.log = empty()
        self.sent: list[Entry] = []
        self.dead: set[str] = set()
        self.waiting: dict[str, tuple[Entry, Arrival]] = {}

    def run(self, arrivals: list[Arrival]) -> list[Entry]:
        """Play all arrivals to the end; return what was sent, in order."""
        now = NOW
        for number, arrival in enumerate(arrivals):
            now += arrival.after
            self._wake(now)
            owner = "" if not arrival.dies else f"d{number}"
            entry = request(f"r{number}", arrival.tokens, arrival.deployment, now, owner=owner or "alive")
            if arrival.deployment == "p/own":
                entry = entry._replace(queue="p/own")
            self._seek(entry, arrival, now)
        self._wake(inf)
        return sorted(self.sent, key=lambda entry: entry.at)

    def _wake(self, until: float) -> None:
        """Let those go whose time has come, each as late as it is."""
        for _ in range(1000):
            if not self.waiting:
                return
            name = min(self.waiting, key=self._due)
            if self._due(name) > until:
                return
            entry, arrival = self.waiting.pop(name)
            if arrival.dies:
                self.dead.add(entry.owner)
            else:
                self._seek(entry, arrival, entry.at + arrival.late)
        raise AssertionError("those who wait come to no end")

    def _due(self, name: str) -> float:
        entry, arrival = self.waiting[name]
        return entry.at + arrival.late

    def _seek(self, entry: Entry, arrival: Arrival, now: float) -> None:
        line.tidy(self.log, now, lambda owner: owner not in self.dead, mine=entry.id)
        got = line.seek(self.log, entry, self.limits.scopes(entry.deployment), now=now, max_wait=3 * DAY)
        if isinstance(got, Refused):
            return
        if got.waits:
            self.waiting[entry.id] = (got.entry, arrival)
        else:
            self.sent.append(got.entry)


arrivals = st.lists(
    st.builds(
        Arrival,
        st.sampled_from([0, 0, 0.3, 1, 7, 30, 61, 20_000]),
        st.integers(0, 5),
        st.sampled_from(["p/m", "p/m", "p/own"]),
        st.sampled_from([0, 0, 0, 0.2, 5, 100]),
        st.sampled_from([False, False, False, True]),
        st.integers(0, 5),
    ),
    max_size=40,
)
some_limits = st.builds(Limits, st.integers(1, 4), st.integers(5, 12), st.integers(3, 30), st.integers(1, 3))


@given(arrivals, some_limits)
def test_no_window_ever_holds_more_than_its_limit(coming: list[Arrival], limits: Limits) -> None:
    """However requests come, wake late and die: at most so many in any minute and on any day."""
    sent = Simulation(limits).run(coming)
    for entry in sent:
        minute = [e for e in sent if entry.at <= e.at < entry.at + MINUTE]
        assert len(minute) <= limits.rpm
        assert sum(e.tokens for e in minute) <= limits.tpm
        assert sum(e.deployment == "p/own" for e in minute) <= limits.own
        assert sum(e.at // DAY == entry.at // DAY for e in sent) <= limits.rpd


@given(arrivals, some_limits)
def test_all_who_live_are_sent_in_order(coming: list[Arrival], limits: Limits) -> None:
    """Nobody starves; of those bound by the same limits none overtakes another, unless days part them."""
    awake = [arrival._replace(late=0, dies=False) for arrival in coming]
    sent = Simulation(limits._replace(rpd=1000)).run(awake)
    assert len(sent) == len(coming)
    for deployment in ("p/m", "p/own"):
        order = [int(entry.id[1:]) for entry in sent if entry.deployment == deployment]
        assert order == sorted(order)
