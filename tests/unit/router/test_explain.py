"""router.explain: a line of the log has a bound, however large the registry."""

from __future__ import annotations

import json

from llmpool.core.routing import Decision, RouteRequest
from llmpool.router.explain import decision_json
from llmpool.router.route import route
from tests.builders import facts, row, table

COUNT = 10_000


def large() -> Decision:
    """Decide among so many, half of which may not answer, two of these for reasons of their own."""
    rows = [row(f"p{n % 20:02}/m{n:05}", images=bool(n % 2), quality=n % 11) for n in range(COUNT)]
    rows[4000] = rows[4000]._replace(blocked="inactive by policy")
    rows[5000] = rows[5000]._replace(blocked="provider disabled")
    return route(RouteRequest(query="hi", needs=("images",)), table(rows), facts(), detail=50).decision


def test_a_line_has_a_bound() -> None:
    """50 candidates with their hits, 50 rejections, and how many there were of each: well under 64 kB."""
    line = decision_json(large())
    assert (len(line["candidates"]), line["candidates_total"]) == (50, 5000)
    assert (len(line["rejections"]), line["rejections_total"]) == (50, 5000)
    assert len(json.dumps(line)) < 65_536


def test_each_reason_is_among_the_rejections_that_are_kept() -> None:
    """One rejection of each kind is kept, in the order of the table, and the kinds are counted."""
    line = decision_json(large())
    kept = [each["deployment"] for each in line["rejections"]]
    assert {"p00/m04000", "p00/m05000"} <= set(kept)
    assert kept == sorted(kept, key=lambda ref: ref[-5:])
    assert line["rejected_for"] == [
        {"reasons": ["missing image support"], "count": 4998},
        {"reasons": ["missing image support", "inactive by policy"], "count": 1},
        {"reasons": ["missing image support", "provider disabled"], "count": 1},
    ]


def test_all_means_all() -> None:
    """Without a limit everything is there, and nothing has to be counted."""
    line = decision_json(large(), 0)
    assert (len(line["candidates"]), len(line["rejections"])) == (5000, 5000)
    assert "rejected_for" not in line


def test_a_decision_for_one_who_rests_says_so() -> None:
    """`once` is there where all who may answer rest, and only there."""
    pool = table([row("a/m")])
    tired = route(RouteRequest(), pool, facts(resting={"a/m": (9.0, "rests")})).decision
    assert decision_json(tired)["once"] is True
    assert "once" not in decision_json(route(RouteRequest(), pool, facts()).decision)
