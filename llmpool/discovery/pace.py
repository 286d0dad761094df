"""How fast a transfer goes and how long it will take: smoothed, so that a figure can be read."""

from __future__ import annotations

HALF = 4.0  # seconds after which what was measured counts half
LEAST = 0.2  # seconds between two measurements: bytes come in bursts


class Pace:
    """The speed of one transfer, of its bytes as they are told.

    What is there when it begins was not fetched just now, and neither was what a new total brings along.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self._at = 0.0
        self._done = 0
        self._total = -1

    def note(self, now: float, done: int, total: int) -> None:
        """Take up how much is there *now*, in seconds of a clock that only goes forward."""
        if total != self._total:
            self._at, self._done, self._total = now, done, total
            return
        passed = now - self._at
        if passed < LEAST or not total:
            return
        speed = max(0.0, (done - self._done) / passed)  # a part that is fetched again makes it less
        old = 0.5 ** (passed / HALF)
        self.rate = speed if self.rate is None else self.rate * old + speed * (1 - old)
        self._at, self._done = now, done

    def left(self) -> float | None:
        """Return the seconds that are left at this pace, None while nobody can say."""
        missing = self._total - self._done
        return missing / self.rate if self.rate and self.rate >= 1 and missing > 0 else None
