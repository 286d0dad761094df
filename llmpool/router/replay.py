"""Recorded decisions, asked again: their features as a request, and how two answers differ (ruling 22)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from llmpool.core.deployment import COMPLEXITIES
from llmpool.core.routing import Candidate, Decision, RouteRequest
from llmpool.router.analyze import CUTS

# The text is gone, and nothing but its complexity counts for a choice: a word that is judged the same.
_STANDS_FOR = dict(zip(COMPLEXITIES, ("list ", "", "why"), strict=True))
_MIDDLE = (CUTS[0] / 2, sum(CUTS) / 2, (1 + CUTS[1]) / 2)  # of each complexity, as a difficulty
GUESSED = "how hard it was is not recorded; it is taken from its complexity"
LISTED = 20  # deployments that came or went which are named


class Recorded(NamedTuple):
    """What a line of the log says was asked: the request, and whether an unlisted model was insisted on.

    Not *judged*: the line does not say how hard it was; the request has the middle of its complexity.
    """

    request: RouteRequest
    force: bool
    judged: bool = False


def recorded(line: Mapping[str, Any]) -> Recorded:
    """Read the features of a recorded decision as a request; raises ValueError where they are not all there.

    What the caller left to the config (mode, strategy) is left to it again.
    """
    told, complexity = line.get("request"), line.get("complexity")
    if not isinstance(told, dict) or complexity not in COMPLEXITIES:
        raise ValueError("its features are not recorded")
    found: dict[str, Any] = {"query": _STANDS_FOR[complexity], "stated": False}
    defaults = RouteRequest.__record_defaults__
    for name, value in told.items():
        if name in defaults and name != "query":
            found[name] = _value(name, value, defaults[name])
    if "context_size" not in found:
        raise ValueError("its features are not all recorded")
    hard = _difficulty(line)
    found["difficulty"] = _MIDDLE[COMPLEXITIES.index(complexity)] if hard is None else hard
    return Recorded(RouteRequest(**found), told.get("force") is True, judged=hard is not None)


def _difficulty(line: Mapping[str, Any]) -> float | None:
    """Read how hard the query was judged to be; None of a line that does not say."""
    told = line.get("difficulty")
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= 1:
        return float(told)
    return None


def _value(name: str, value: Any, default: Any) -> Any:
    """Read one feature as the request has it; raises ValueError for another type."""
    if name == "hints":
        if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
            return tuple(value.items())
    elif isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
    elif name == "max_cost" and value is not None:
        if isinstance(value, str) and _AMOUNT.fullmatch(value):
            return value
    elif type(value) in _TYPES.get(name, (type(default),)) and (type(value) is not int or value >= 0):
        return value
    raise ValueError(f"{name} is not what it should be")


_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,40})?(E[+-]?[0-9]{1,2})?")  # as a limit on the cost is recorded
_TYPES: dict[str, tuple[type, ...]] = {
    "min_quality": (int, type(None)),
    "max_tokens": (int, type(None)),
    "max_cost": (type(None),),
    "fallback": (bool, type(None)),
    "quality_target": (float, int, type(None)),
}


def as_recorded(now: Decision, line: Mapping[str, Any]) -> Decision:
    """Give a decision made anew what only the text could have told: its intent and its length."""
    told = line["request"]
    length = told.get("query_length")
    guessed = now.difficulty is not None and _difficulty(line) is None
    words, same = f"{now.complexity}/{now.intent}", f"{now.complexity}/{line['intent']}"
    return now.replace(
        id=line["id"],
        intent=line["intent"],
        query_length=length if isinstance(length, int) else 0,
        reasoning=now.reasoning.replace(words, same),
        notes=(*now.notes, GUESSED) if guessed else now.notes,
    )


def differences(line: Mapping[str, Any], now: Decision, known: Collection[str]) -> dict[str, Any]:
    """Say how today's decision differs from the recorded one, and why; *known* are today's deployments.

    `came` and `went` are null where the line does not hold enough to tell.
    """
    then = _Then(line)
    winners = dict.fromkeys(ref for ref in (then.selected, now.selected) if ref)
    compared = winners if line["strategy"] == now.strategy else ()  # what others go by are no points
    found: dict[str, Any] = {
        "same": then.selected == now.selected,
        "selected": {"then": then.selected or None, "now": now.selected or None},
        "generation": {"then": line.get("generation"), "now": now.generation},
        **{
            name: {"then": line[name], "now": getattr(now, name)}
            for name in ("strategy", "mode")
            if line[name] != getattr(now, name)
        },
        "winners": [
            {"deployment": ref, "then": then.standing(ref), "now": _standing(ref, now, known)}
            for ref in winners
        ],
        "rules": [change for ref in compared for change in _rules(ref, then, now)],
    }
    here = [*(c.deployment for c in now.candidates), *(r.deployment for r in now.rejections)]
    came = [ref for ref in here if ref not in then.seen] if then.is_whole else None
    went = [ref for ref in then.seen if ref not in known]
    return found | {"came": _some(came), "went": _some(went)}


class _Then:
    """A recorded decision, as far as its line has it."""

    def __init__(self, line: Mapping[str, Any]) -> None:
        self.selected: str = line["selected"] or ""
        self.candidates = {each["deployment"]: each for each in line["candidates"]}
        self.places = {ref: place for place, ref in enumerate(self.candidates, 1)}
        self.rejections = {each["deployment"]: each["reasons"] for each in line["rejections"]}
        self.seen = {**self.candidates, **self.rejections}
        told = line.get("rejections_total", len(self.rejections))
        self.is_whole = len(self.seen) >= line["candidates_total"] + (told if isinstance(told, int) else 0)

    def standing(self, ref: str) -> dict[str, Any]:
        """Say where a deployment stood: a candidate, rejected, not there, or not in what was kept."""
        if ref in self.candidates:
            score = self.candidates[ref]["score"]
            return {"state": "candidate", "place": self.places[ref], "score": score}
        if ref in self.rejections:
            return {"state": "rejected", "reasons": self.rejections[ref]}
        if ref == self.selected:
            return {"state": "fallback"}
        return {"state": "not there" if self.is_whole else "not recorded"}

    def points(self, ref: str) -> dict[str, int] | None:
        """Return the points each rule gave; None where they are not recorded."""
        hits = self.candidates.get(ref, {}).get("hits")
        return {hit["rule"]: hit["points"] for hit in hits} if hits else None


def _standing(ref: str, now: Decision, known: Collection[str]) -> dict[str, Any]:
    """Say where a deployment stands in a decision of today."""
    for place, candidate in enumerate(now.candidates, 1):
        if candidate.deployment == ref:
            return {"state": "candidate", "place": place, "score": candidate.score}
    for rejection in now.rejections:
        if rejection.deployment == ref:
            return {"state": "rejected", "reasons": list(rejection.reasons)}
    if ref == now.selected:
        return {"state": "fallback"}
    return {"state": "not asked for" if ref in known else "gone"}


def _rules(ref: str, then: _Then, now: Decision) -> list[dict[str, Any]]:
    """List the rules that give a deployment other points today than they did."""
    before, after = then.points(ref), _points(ref, now.candidates)
    if before is None or after is None:
        return []
    return [
        {"deployment": ref, "rule": rule, "then": before.get(rule, 0), "now": after.get(rule, 0)}
        for rule in dict.fromkeys([*before, *after])
        if before.get(rule, 0) != after.get(rule, 0)
    ]


def _points(ref: str, candidates: tuple[Candidate, ...]) -> dict[str, int] | None:
    hits = next((each.hits for each in candidates if each.deployment == ref), ())
    return {hit.rule: hit.points for hit in hits} if hits else None


def _some(refs: list[str] | None) -> dict[str, Any] | None:
    return None if refs is None else {"total": len(refs), "deployments": refs[:LISTED]}
