"""Waiting for a better moment: which deployments may be asked again, when, and how long that may take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from llmpool.chat.journey import Notice
from llmpool.router import failure as rules

if TYPE_CHECKING:
    from llmpool.chat.manners import Pace
    from llmpool.core.outcome import Failure
    from llmpool.core.provider import KeyRef
    from llmpool.pool import Pool


class _Again(NamedTuple):
    """When a deployment may be asked again: not before *least*, best at *at*, which chance has spread."""

    least: float
    at: float


class Waits:
    """The waiting of one request: *left* seconds that it may take, *retries* that a deployment may have.

    Those in *once* may have none: they are resting. Only one of them, where nobody else is left, is asked a
    second time after what passes by itself.
    """

    def __init__(
        self, pace: Pace, left: float, retries: int, ends: float | None, once: Iterable[str] = ()
    ) -> None:
        self._pace = pace
        self._left = left
        self._retries = retries
        self._once = set(once)
        self._was_last = False  # whether one of these was asked a second time
        self._ends = ends
        self._done: dict[str, int] = {}  # repetitions of each deployment, and
        self._here: dict[str, float] = {}  # the seconds they were to wait for at least
        self._again: dict[str, _Again] = {}

    def in_line(self, *, hurries: bool) -> float:
        """Return the seconds worth waiting in line for a limit: few where others are ready or sooner free."""
        if hurries:
            return min(self.patience, rules.QUICKLY)
        sooner = min((again.least for again in self._again.values()), default=inf) - self._pace.now()
        return min(self.patience, max(0.0, sooner) + rules.QUICKLY)

    @property
    def patience(self) -> float:
        """The seconds that may be waited now."""
        return self._left if self._ends is None else min(self._left, self._ends - self._pace.now())

    def wait(self, seconds: float, words: str) -> Iterator[Notice]:
        """Wait, and say so; a longer wait says how to have none."""
        if seconds:
            long = f"{seconds:.0f} s (Ctrl-C, or --max-wait 0)"
            words += f" in {long if seconds > rules.QUICKLY else f'{seconds:.1f} s'}"
        yield Notice(words)
        self.spend(seconds)

    def tired(self, ref: str, keys: list[KeyRef], *, hurries: bool) -> list[KeyRef]:
        """Return which of the *keys* that rest are asked with now: none while others are ready (*hurries*).

        When nobody else is left, who has such a key is asked again.
        """
        if not (keys and hurries):
            return keys
        self._again[ref] = _Again(self._pace.now(), self._pace.now())
        return []

    def spend(self, seconds: float) -> None:
        """Wait."""
        self._pace.sleep(seconds)
        self.count(seconds)

    def count(self, seconds: float) -> None:
        """Count what was waited already, in line for a rate limit."""
        self._left -= seconds

    def before_the_same(self, ref: str, failure: Failure, *, hurries: bool) -> float:
        """Return the seconds to wait here before the same again; 0 where others go first or it is no use.

        While others are ready (*hurries*) the waits for this one add up to two seconds at most, what chance
        adds apart. Else it is noted when it may be asked again: another that failed may be free earlier.
        """
        done, now = self._done.get(ref, 0), self._pace.now()
        if failure.code == rules.OWN_LIMIT and (hurries or self._again):
            self._again[ref] = _Again(now + (failure.retry_after or 0.0), now)  # it waits in line by itself
        retries = self._retries_of(ref, failure, hurries=hurries)
        if done >= retries or not rules.same_again_may_help(failure, done):
            return 0.0
        self._was_last |= ref in self._once
        least, wait = rules.pause(failure, done), rules.backoff(failure, done, self._pace.chance())
        self._done[ref] = done + 1
        here = self._here[ref] = self._here.get(ref, 0.0) + least
        if hurries and here <= rules.QUICKLY and rules.same_again_may_help(failure, done, ready=True):
            return min(wait, self.patience) if least <= self.patience else 0.0
        self._again[ref] = _Again(now + least, now + wait)
        return 0.0

    def _retries_of(self, ref: str, failure: Failure, *, hurries: bool) -> int:
        if ref not in self._once:
            return self._retries
        is_last = not hurries and not self._was_last and rules.passes_by_itself(failure)
        return min(1, self._retries) if is_last else 0

    def awake_first(self, pool: Pool, rest: list[str], strategy: str) -> list[str]:
        """Put those behind who rest by now, and forward who is awake again: others found that out meanwhile.

        Whose vendor named a time is left alone until then, unless nobody else is left.
        """
        from llmpool.router import rests

        rows = [row for row in pool.table.rows if row.id in rest]
        parted = rests.parted(rows, pool.table, pool.facts(), scored=strategy == "score")
        tired = rests.in_turn(parted[1], rest)
        resting = {each.row.id for each in tired}
        self._once = (self._once - set(rest)) | {each.row.id for each in tired if not each.held}
        awake = [ref for ref in rest if ref not in resting]
        return [*awake, *(each.row.id for each in tired if not each.told)] or [tired[0].row.id]

    def soonest(self) -> tuple[str, float] | None:
        """Take out whoever may be asked again first, with the seconds until then; None: nobody in reach."""
        now, patience = self._pace.now(), self.patience
        reach = {ref: again for ref, again in self._again.items() if again.least - now <= patience}
        if not reach:
            return None
        ref = min(reach, key=lambda each: reach[each].least)
        return ref, max(0.0, min(self._again.pop(ref).at - now, patience))
