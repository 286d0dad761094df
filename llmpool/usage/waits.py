"""How it is told what a rate limit has a request wait for."""

from __future__ import annotations

from llmpool.core.times import rfc3339
from llmpool.usage.rates import TOLD, Hold

SOON = 100  # seconds that are told as such; what is later is told by the clock
_WINDOWS = {
    "rpm": ("requests", "this minute"),
    "tpm": ("tokens", "this minute"),
    "rpd": ("requests", "today"),
    "tpd": ("tokens", "today"),
}


def fact(hold: Hold) -> str:
    """Tell what is used up: `60 of 60 requests this minute`; of tokens, how many are needed besides."""
    if hold.limit == "queue":
        return f"{hold.used} waiting ahead"
    if hold.need > 1:
        return f"{fact(hold._replace(need=0))}, about {_figure(hold.need)} more needed"
    if hold.limit in TOLD:
        since = f", {_figure(hold.used)} used since" if hold.used else ""
        return f"{_figure(hold.most)} {hold.limit} left by its own word{since}"
    what, when = _WINDOWS[hold.limit]
    # Those who wait already are counted as they will be sent: of 3 requests a minute that would be 4.
    used = min(hold.used, hold.most) if what == "requests" else hold.used
    return f"{_figure(used)} of {_figure(hold.most)} {what} {when}"


def never(hold: Hold) -> str:
    """Tell that a request is larger than a limit is altogether."""
    per = "a minute" if hold.limit == "tpm" else "a day"
    return f"about {_figure(hold.need)} tokens are more than its limit of {_figure(hold.most)} {per}"


def free(at: float, now: float) -> str:
    """Tell when it is over: `free in 12 s`, `free at 2026-11-22T08:00:00Z`."""
    return f"free in {seconds(at - now)} s" if at - now <= SOON else f"free at {rfc3339(at)}"


def seconds(left: float) -> int:
    """Round a wait up, so that whoever comes after it is not early."""
    return max(1, int(-(-left // 1)))


def _figure(number: int) -> str:
    """Write a count as people read it: 90 000."""
    return f"{number:,}".replace(",", " ")
