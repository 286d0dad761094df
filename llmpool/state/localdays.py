"""Local days over UTC moments: where in each UTC day another local day begins, in this time zone."""

from __future__ import annotations

import time
from bisect import bisect_right

from llmpool.core.times import rfc3339

_DAY = 86400
_STEP = 6 * 3600  # no local day is shorter, whatever a zone does to its clocks

Cuts = list[list[str]]  # for each local day in order: the moment it begins at, without the Z, and its date


def today(now: float) -> str:
    """Return the local date of a moment."""
    return _date(now)


def start(day: str) -> float:
    """Return when a local day begins, in seconds since the epoch; raises ValueError where it is no date."""
    return time.mktime(time.strptime(day, "%Y-%m-%d"))


def moment(seconds: float) -> str:
    """Write seconds since the epoch as a moment: RFC 3339 UTC without the Z, milliseconds where there are."""
    whole = rfc3339(seconds)[:-1]
    fraction = round(1000 * (seconds % 1))
    return f"{whole}.{fraction:03}".rstrip("0") if 0 < fraction < 1000 else whole


def zone() -> list[object]:
    """Name the time zone as far as it can be told: what is cut into local days holds in this one."""
    return [*time.tzname, time.timezone, time.altzone]


class Calendar:
    """The local days of moments; a UTC day is worked out once."""

    def __init__(self) -> None:
        self._cuts: dict[str, tuple[list[str], list[str]]] = {}

    def cuts(self, day: str) -> Cuts:
        """Return where in a UTC day each of its local days begins."""
        return [list(each) for each in zip(*self._of(day), strict=True)]

    def label(self, moment: str) -> str:
        """Return the local date of a moment, RFC 3339 UTC without the Z, as text."""
        moments, dates = self._of(moment[:10])
        return dates[bisect_right(moments, moment) - 1]

    def around(self, moment: str) -> tuple[str, str, str]:
        """Return where the local day of a moment begins and ends within its UTC day, and its date."""
        moments, dates = self._of(moment[:10])
        place = bisect_right(moments, moment) - 1
        end = moments[place + 1] if place + 1 < len(moments) else f"{moment[:10]}U"  # U comes after T
        return moments[place], end, dates[place]

    def _of(self, day: str) -> tuple[list[str], list[str]]:
        found = self._cuts.get(day)
        if found is None:
            found = self._cuts[day] = _cuts(day)
        return found


def _cuts(day: str) -> tuple[list[str], list[str]]:
    from datetime import date

    try:
        begin = (date.fromisoformat(day).toordinal() - 719_163) * _DAY
        _date(begin), _date(begin + _DAY)
    except (ValueError, OverflowError, OSError):  # before or after what the clock can say
        return [day], [day]
    moments, dates = [f"{day}T00:00:00"], [_date(begin)]
    for low in range(begin, begin + _DAY, _STEP):
        high = min(low + _STEP, begin + _DAY - 1)
        if _date(high) != dates[-1]:
            at = _change(low, high, dates[-1])
            moments.append(rfc3339(at)[:-1])
            dates.append(_date(high))
    return moments, dates


def _change(low: int, high: int, before: str) -> int:
    """Return the first second at which the local date is another than *before*; that is midnight mostly."""
    local = time.localtime(high)
    midnight = high - 3600 * local.tm_hour - 60 * local.tm_min - local.tm_sec
    if low < midnight and _date(midnight - 1) == before != _date(midnight):
        return midnight
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _date(middle) == before else (low, middle)
    return high


def _date(seconds: float) -> str:
    local = time.localtime(seconds)
    return f"{local.tm_year:04}-{local.tm_mon:02}-{local.tm_mday:02}"
