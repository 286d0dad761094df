"""Recorded decisions: find them, say what they came to, and ask them again of today's registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmpool import decide
from llmpool.core.ids import split_ref
from llmpool.core.record import Record
from llmpool.core.routing import Decision, RouteRequest, RoutingTable
from llmpool.errors import AmbiguousName, LlmpoolError, Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.router import replay
from llmpool.state import ledger
from llmpool.usage.span import between

PREFIX, LAST = "d-", "last"
NAMED = 5  # ids that an error lists
RECENT = 50  # decisions whose ids a mistyped one is compared with


class Wanted(Record):
    """Which decisions are wanted; empty takes any. Times are RFC 3339 UTC, both included."""

    since: str
    until: str
    provider: str = ""
    deployment: str = ""
    model: str = ""
    strategy: str = ""
    complexity: str = ""
    served_by: str = ""
    reason: str = ""
    failed: bool = False

    def takes(self, line: Mapping[str, Any]) -> bool:
        """Say whether a recorded decision is one of them."""
        outcome = line.get("outcome") or {}
        served = outcome.get("served_by", "")
        met = [split_ref(ref) for ref in (line["selected"] or "", served) if ref]
        return (
            between(self.since, line["at"], self.until)
            and (not self.failed or (bool(outcome) and not outcome["success"]))
            and self.strategy in ("", line["strategy"])
            and self.complexity in ("", line["complexity"])
            and (not self.served_by or self.served_by in (served, split_ref(served)[0]))
            and (not self.provider or any(provider == self.provider for provider, _ in met))
            and (not self.model or any(model == self.model for _, model in met))
            and (not self.deployment or any(f"{p}/{m}" == self.deployment for p, m in met))
            and (not self.reason or self.reason.lower() in _reasons(line, outcome))
        )


def _reasons(line: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """Join all that a decision says of why, in lower case."""
    said = [line.get("reasoning", ""), *line.get("notes", ())]
    said += [reason for rejection in line["rejections"] for reason in rejection["reasons"]]
    for attempt in outcome.get("attempts", ()):
        said += [attempt.get("kind", ""), attempt.get("message", "")]
    return "\n".join(map(str, said)).lower()


class Listing:
    """The recorded decisions that are wanted, the newest first; *bad* counts the lines that are none."""

    def __init__(self, pool: Pool, wanted: Wanted) -> None:
        self.wanted = wanted
        self._reading = ledger.Reading(
            pool.paths.state,
            ledger.DECISIONS,
            wanted.since[:10],
            wanted.until[:10],
            newest_first=True,
            tell=pool.tell,
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (line for line in self._reading if self.wanted.takes(line))

    @property
    def bad(self) -> int:
        """Count the lines, of those read by now, that were no decisions."""
        return self._reading.bad


def find(pool: Pool, ref: str) -> dict[str, Any]:
    """Find the decision that *ref* names, by its id or how that begins; `last` and nothing are the newest.

    Raises UnknownName, or AmbiguousName where several begin like it.
    """
    if ref in ("", LAST):
        found = ledger.newest(pool.paths.state, ledger.DECISIONS)
        if not found:
            raise _unknown("no decision is recorded yet")
        return found[0]
    if not ref.isascii():  # no id is: nothing needs to be looked for, and bytes that are no text cannot be
        raise _unknown(f'no decision "{ref}" is recorded')
    begun = ref if ref.startswith(PREFIX) else PREFIX + ref
    others: dict[str, dict[str, Any]] = {}
    reading = ledger.Reading(
        pool.paths.state, ledger.DECISIONS, newest_first=True, holding=begun, tell=pool.tell
    )
    for line in reading:
        if line["id"] in (ref, begun):
            return line
        if line["id"].startswith(begun):
            others.setdefault(line["id"], line)
    if len(others) > 1:
        raise _ambiguous(ref, list(others))
    if not others:
        raise _unknown(f'no decision "{ref}" is recorded', _nearest(pool, begun))
    return next(iter(others.values()))


def _unknown(message: str, near: Sequence[str] = ()) -> UnknownName:
    hint = f"did you mean {near[0]}?   " if near else ""
    hint += "llmpool usage decisions lists them; chat records one each time"
    return UnknownName(message, hint=hint, details={"candidates": list(near)})


def _nearest(pool: Pool, ref: str) -> list[str]:
    """Return the id of a recent decision that is like *ref* but for a slip of the finger."""
    from llmpool.core.near import near

    recent = ledger.newest(pool.paths.state, ledger.DECISIONS, limit=RECENT)
    return near(ref, (line["id"] for line in recent), most=1, alike=0.75)


def _ambiguous(ref: str, ids: list[str]) -> AmbiguousName:
    more = (f"and {len(ids) - NAMED} more",) if len(ids) > NAMED else ()
    return AmbiguousName(
        f'"{ref}" begins the ids of {len(ids)} decisions',
        lines=(*ids[:NAMED], *more),
        hint="type more of it",
        details={"candidates": ids[:NAMED]},
    )


def used(pool: Pool, line: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find the usage record of a decision, which has its tokens and its cost; None where there is none."""
    ref = (line.get("outcome") or {}).get("usage_id")
    if not isinstance(ref, str) or not ref:
        return None
    day = line["at"][:10]  # an answer may have ended a day later than it was asked for
    reading = ledger.Reading(
        pool.paths.state, ledger.USAGE, day, _day_after(day), newest_first=True, holding=ref
    )
    return next((record for record in reading if record["id"] == ref), None)


def _day_after(day: str) -> str:
    from datetime import date, timedelta

    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return day


class Replay(Record):
    """A recorded decision and today's: *now* is None where *refused* says that it cannot be asked today."""

    then: dict[str, Any]
    now: Decision | None
    refused: LlmpoolError | None
    differences: dict[str, Any]


def replayed(pool: Pool, line: dict[str, Any]) -> Replay:
    """Ask a recorded decision of today's registry; nothing is recorded. Raises Misuse where it cannot be.

    What was left to the config is left to today's; a name that is gone is part of the answer.
    """
    try:
        features = replay.recorded(line)
    except ValueError as error:
        raise Misuse(
            f"decision {line['id']} cannot be replayed: {error}", hint="it was written by another version"
        ) from None
    try:
        now = replay.as_recorded(again(pool, features, detail=0), line)
    except LlmpoolError as error:
        return Replay(then=line, now=None, refused=error, differences=_nothing(pool, line))
    known = {row.id for row in pool.table.rows}
    return Replay(then=line, now=now, refused=None, differences=replay.differences(line, now, known))


def _nothing(pool: Pool, line: dict[str, Any]) -> dict[str, Any]:
    """Say how a decision that nobody can make today differs from the recorded one."""
    return {
        "same": not line["selected"],
        "selected": {"then": line["selected"], "now": None},
        "generation": {"then": line.get("generation"), "now": pool.table.generation},
        "winners": [],
        "rules": [],
        "came": None,
        "went": None,
    }


def understood(pool: Pool, features: replay.Recorded) -> decide.Asked:
    """Resolve the names of a recorded request; raises what deciding raises, for those nobody has today."""
    request = _with_names_of_today(features.request, pool.table)
    return decide.understand(pool, request, force=features.force)


def again(pool: Pool, features: replay.Recorded, detail: int = 1) -> Decision:
    """Decide a recorded request anew; raises what `understood` raises."""
    return decide.choose(pool, understood(pool, features), detail).decision


def asked_now(pool: Pool, line: Mapping[str, Any]) -> tuple[decide.Asked, Decision] | tuple[None, None]:
    """Ask a recorded decision of today's registry once more; nothing where it cannot be asked any more."""
    try:
        asked = understood(pool, replay.recorded(line))
        return asked, decide.choose(pool, asked, 0).decision
    except (ValueError, LlmpoolError):
        return None, None


def _with_names_of_today(request: RouteRequest, table: RoutingTable) -> RouteRequest:
    """Leave out exclusions and wishes about what is gone; they mean nothing any more."""
    if not request.exclude and not request.prefer:
        return request
    return request.replace(
        exclude=tuple(ref for ref in request.exclude if _means(ref, table)),
        prefer=request.prefer if request.prefer and _means(request.prefer, table) else "",
    )


def _means(ref: str, table: RoutingTable) -> bool:
    """Say whether a name or a pattern means anything that is there."""
    if any(entry["id"] == ref for entry in table.providers) or resolve.find(ref, table):
        return True
    try:
        return bool(resolve.matching(ref, table))
    except UnknownName:
        return False
