"""A decision for a person: who leads by how much, what each rule gave, who is out and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.output import ago, seconds
from llmpool.cli.tables import show as table

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.decide import Asked
    from llmpool.pool import Pool

_WORDS = {
    "speed_bonus": "fast",
    "quality_bonus": "quality",
    "cost_penalty_simple": "cost",
    "cost_penalty_moderate": "cost",
    "cost_penalty_complex": "cost",
    "free_model_bonus": "free",
    "context_penalty": "context tight or unknown",
    "experience_reliability_bonus": "reliable",
    "experience_reliability_penalty": "unreliable",
    "experience_latency_fast": "answers fast",
    "experience_latency_ok": "answers soon",
    "experience_latency_slow": "answers late",
    "experience_latency_sluggish": "answers slowly",
    "context_bonus": "takes the context",
    "interactive_speed": "quick to talk to",
    "below_quality_floor": "below the floor",
    "resource_cooldown": "resting",
    "resource_unreachable": "unreachable",
}
ROWS = 15  # candidates and rejections a person is shown; --json and --all have the rest


def show(terminal: Terminal, line: dict[str, Any], alternatives: str) -> None:
    """Show a decision line, live or recorded, on the terminal or as plain lines in a pipe."""
    now = terminal.pool.clock()
    when = f"{ago(line['at'], now)} ago, " if "outcome" in line else ""
    judged = f"{when}{line['complexity']}, {line['intent']}, strategy {line['strategy']}, mode {line['mode']}"
    terminal.out(f"{line['selected'] or 'nothing eligible'}   {judged}   {line['id']}")
    rows = [_candidate(c, c["deployment"] == line["selected"]) for c in line["candidates"][:ROWS]]
    rows += [["no", "", r["deployment"], "; ".join(r["reasons"])] for r in line["rejections"][:ROWS]]
    table(terminal, ["", ">score", "deployment", "why"], rows)
    hidden = line["candidates_total"] + len(line["rejections"]) - len(rows)
    if hidden > 0:
        terminal.out(f"and {hidden} more: --json --all")
    if outcome := line.get("outcome"):
        _attempts(terminal, outcome)
    summary = "   ".join(filter(None, (_margin(line), alternatives)))
    if summary:
        terminal.out(summary)


def _candidate(candidate: dict[str, Any], selected: bool) -> list[str]:
    hits = ", ".join(
        f"{_WORDS.get(h['rule'], h['rule'].replace('_', ' '))} {h['points']:+}" for h in candidate["hits"]
    )
    extra = "last resort" if candidate.get("last_resort") else ""
    return [">" if selected else "", f"{candidate['score']:g}", candidate["deployment"], hits or extra]


def _attempts(terminal: Terminal, outcome: dict[str, Any]) -> None:
    for attempt in outcome["attempts"]:
        fact = "answered" if attempt["ok"] else f"{attempt['kind']}: {attempt['message']}"
        terminal.out(f"  {attempt['deployment']}  {fact}  ({seconds(attempt['latency_ms'])})")


def _margin(line: dict[str, Any]) -> str:
    scores = [c["score"] for c in line["candidates"][:2]]
    return f"ahead by {scores[0] - scores[1]:g}." if len(scores) == 2 else ""


def alternatives(pool: Pool, asked: Asked) -> str:
    """Say what one more option would change: each is decided anew, nothing is guessed."""
    from llmpool.router.route import route

    request, facts = asked.request, pool.facts()
    first = route(request, pool.table, facts, named=asked.named).decision.selected
    quality = next((row.quality for row in pool.table.rows if row.id == first), 10)
    options = {
        "--local-only": request.replace(local_only=True),
        "--hint prefer_speed=true": request.replace(hints=(*request.hints, ("prefer_speed", "true"))),
    }
    if quality < 10:
        options[f"--min-quality {quality + 1}"] = request.replace(min_quality=quality + 1)
    changes = []
    for option, changed in options.items():
        other = route(changed, pool.table, facts, named=asked.named).decision.selected
        if other != first:
            changes.append(f"{option}: {other or 'nothing'}.")
    return "   ".join(changes)
