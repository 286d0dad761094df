"""What vendors say of accounts: what is fresh is told again, the rest is asked for side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from llmpool.discovery.workers import side_by_side
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state.recent import Dated

Pair = tuple[str, str]  # a provider's id, and a key or an account there

T = TypeVar("T", bound=Dated)


class Subject(NamedTuple, Generic[T]):
    """What is asked for: what of it is *known*, how to *ask* for one and to *keep* those that were.

    An answer is fresh for *seconds*; *jobs* are asked at a time.
    """

    known: Mapping[Pair, T]
    ask: Callable[[Pair, Client], T]
    keep: Callable[[Iterable[T]], None]
    seconds: float
    jobs: int


def of_each(
    pool: Pool, wanted: Iterable[Pair], subject: Subject[T], *, refresh: bool, heard: Callable[[T], None]
) -> list[T]:
    """Return what is told of each of *wanted*, in their order.

    What is fresh is not asked for again unless *refresh*; offline, only what is known is told, however old.
    """
    pairs, now, known = list(dict.fromkeys(wanted)), pool.clock(), subject.known
    told = {
        pair: known[pair]
        for pair in pairs
        if pair in known and (pool.offline or (not refresh and 0 <= now - known[pair].at < subject.seconds))
    }
    missing = [pair for pair in pairs if pair not in told and not pool.offline]
    if missing:
        asked = _asked(pool, missing, subject, heard)
        subject.keep(asked.values())
        told |= asked
    return [told[pair] for pair in pairs if pair in told]


def _asked(pool: Pool, pairs: list[Pair], subject: Subject[T], heard: Callable[[T], None]) -> dict[Pair, T]:
    """Ask for every one side by side; a slow vendor never delays another's answer."""
    asked: dict[Pair, T] = {}

    def take(answer: tuple[Pair, T]) -> None:
        pair, found = answer
        asked[pair] = found
        heard(found)

    _ = pool.routing, pool.config, pool.memories  # read once here, not once a thread
    with Client(offline=pool.offline) as client:
        side_by_side(
            pairs,
            lambda pair: (pair, subject.ask(pair, client)),
            jobs=subject.jobs,
            heard=take,
            stop=client.close,
        )
    return asked
