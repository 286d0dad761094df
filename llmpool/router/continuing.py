"""A conversation that goes on stays where its prompt cache is likely warm (DESIGN 2; demand A5.15).

While it is warm the deployment that answered last goes first, whatever the strategy says, unless it may not
answer now. Once it has gone cold it only wins among equals. What the caller prefers comes before both.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from llmpool.core.routing import Candidate, Rejection, RouteRequest, RoutingRow


def first_of_equals(rows: list[RoutingRow], request: RouteRequest) -> list[RoutingRow]:
    """Put the deployment that answered last in front: what ranks as high as others stays in this order."""
    last = [row for row in rows if row.id == request.continues]
    return last + [row for row in rows if row.id != request.continues]


class Kept(NamedTuple):
    """Candidates, rejections and notes, with a conversation that stays where it is."""

    ranked: list[Candidate]
    rejections: list[Rejection]
    notes: list[str]


def kept(
    ranked: list[Candidate],
    rows: Iterable[RoutingRow],
    rejections: list[Rejection],
    request: RouteRequest,
    avoided: Container[str],
) -> Kept:
    """Move the deployment that answered last to the front while it is warm; else say why it cannot stay.

    *rows* are all that may answer: it need not be on its provider's shortlist, for it was chosen before. Not
    one of a provider that is to be left alone: no saved token is worth waiting for a dead server.
    """
    ref = request.continues
    if not ranked or not request.warm or request.prefer:
        return Kept(ranked, rejections, [])
    if ref.partition("/")[0] in avoided:
        return Kept(ranked, rejections, [f"{ref} answered last, but its provider rests"])
    if any(row.id == ref for row in rows):
        found = next((each for each in ranked if each.deployment == ref), Candidate(ref, 0.0, ()))
        others = [each for each in ranked if each.deployment != ref]
        return Kept([found, *others], [each for each in rejections if each.deployment != ref], [])
    why = next((", ".join(each.reasons) for each in rejections if each.deployment == ref), "")
    return Kept(ranked, rejections, [f"{ref} answered last, but may not now: {why}"] if why else [])
