"""A decision for a person: who leads by how much, what each rule gave, who is out and why."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import count, money, seconds
from llmpool.cli.tables import show as table

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.routing import Decision
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


def show(
    terminal: Terminal,
    line: dict[str, Any],
    what_if: list[str],
    *,
    every: bool = False,
    recorded: bool = False,
    usage: dict[str, Any] | None = None,
) -> None:
    """Show a decision line, live or recorded, on the terminal or as plain lines in a pipe.

    It comes with *what_if*, which would change it. *every*: all candidates and rejections that the line has;
    *usage* is the record of what a recorded one came to.
    """
    with terminal.paged() if every else nullcontext():
        _decision(terminal, line, every=every, recorded=recorded)
        if outcome := line.get("outcome"):
            _attempts(terminal, outcome)
            _answered(terminal, line, outcome, usage or {})
        for text in _packed([_margin(line), *what_if], terminal):
            terminal.out(text, hang=0)


def _decision(terminal: Terminal, line: dict[str, Any], *, every: bool, recorded: bool) -> None:
    """Show who was chosen, and the candidates and rejections."""
    when = f"{terminal.when(line['at'])}, " if recorded else ""
    hard = "" if line["strategy"] == "value" else f"{line['complexity']}, "  # the difficulty says it better
    judged = f"{when}{hard}{line['intent']}, strategy {line['strategy']}, mode {line['mode']}"
    terminal.out(f"{line['selected'] or 'nothing eligible'}   {judged}   {line['id']}", hang=0)
    if "difficulty" in line:
        terminal.out(_hardness(line), hang=0)
    for note in line.get("notes", ()) if recorded else ():  # of a live one they are said as it is made
        terminal.out(f"note: {note}", hang=0)
    most = None if every else ROWS
    rows = [_candidate(c, line) for c in line["candidates"][:most]]
    rows += [_rejection(rejection) for rejection in line["rejections"][:most]]
    table(terminal, ["!", ">score", "=deployment", "why"], rows)
    hidden = line["candidates_total"] + line.get("rejections_total", len(line["rejections"])) - len(rows)
    if hidden > 0:
        terminal.out(f"and {hidden} more{'' if recorded else ': --all'}")


def _hardness(line: dict[str, Any]) -> str:
    """Say how hard the query was judged to be, and what made it so where the query is at hand."""
    moved = [f"{each['name']} {each['points']:+.2f}" for each in line.get("difficulty_from", ())]
    return f"difficulty {line['difficulty']:.2f}" + (f"   {', '.join(moved)}" if moved else "")


def words_of(rule: str) -> str:
    """Return a rule in the words that a person is shown."""
    return _WORDS.get(rule, rule.replace("_", " "))


def _candidate(candidate: dict[str, Any], line: dict[str, Any]) -> list[str]:
    mark = ">" if candidate["deployment"] == line["selected"] else ""
    weak = "last resort" if candidate.get("last_resort") else ""
    asked = line.get("request") or {}
    stays = mark and asked.get("warm") and asked.get("continues") == line["selected"]
    warm = "kept: its prompt cache is warm" if stays else ""
    why = ", ".join(filter(None, [weak, warm, *_why(candidate, line["strategy"])]))
    return [mark, f"{candidate['score']:g}", candidate["deployment"], why]


def _rejection(rejection: dict[str, Any]) -> list[str]:
    from llmpool.router.obstacle import in_figures

    needed, window = rejection.get("needed", 0), rejection.get("window", 0)
    return ["no", "", rejection["deployment"], in_figures(rejection["reasons"], needed, window)]


def _why(candidate: dict[str, Any], strategy: str) -> list[str]:
    """Say what gave a candidate its place: points in `score`, else the figures that the strategy went by."""
    if strategy == "value":
        return _worth(candidate)
    sign = "+" if strategy == "score" else ""
    hits = [f"{words_of(hit['rule'])} {hit['points']:{sign}}" for hit in candidate["hits"]]
    return [*hits, _FIGURES[strategy](candidate["score"])] if strategy in _FIGURES else hits


def _price(score: float) -> str:
    """Read a price back from the score it made: one over what a million tokens in and another out cost."""
    from llmpool.router.strategy import FREE

    if not score:
        return "price unknown"
    return "free" if score == FREE else f"{1 / score:.4g} USD for 1 M in and 1 M out"


def _latency(score: float) -> str:
    """Read milliseconds back from the score they made."""
    return f"{round(1 / score)} ms" if score else "latency unknown"


def _worth(candidate: dict[str, Any]) -> list[str]:
    """Say how likely a good answer is, by which rating, and what it is paid with."""
    from llmpool.router.value import PRICE

    hits = {hit["rule"]: hit["points"] for hit in candidate["hits"]}
    rated = [f"quality {hits['quality']}"] if "quality" in hits else []
    price = hits.get(PRICE)
    paid = "price unknown" if price is None else f"{price / 1000:.4g} USD per M in + out" if price else "free"
    return [f"good at {100 * candidate['score']:.1f} %", *rated, paid] if rated else []


_FIGURES = {"cost": _price, "latency": _latency}


def _attempts(terminal: Terminal, outcome: dict[str, Any]) -> None:
    from llmpool.router import summary

    for attempt in outcome["attempts"]:
        fact = "answered" if attempt["ok"] else f"{attempt['kind']}: {attempt['message']}"
        terminal.out(f"  {attempt['deployment']}  {fact}  ({seconds(attempt['latency_ms'])})", hang=4)
    if len(outcome["attempts"]) > 1:
        terminal.out(f"  {summary.summary(summary.read(outcome['attempts']))}", hang=2)


def _answered(
    terminal: Terminal, line: dict[str, Any], outcome: dict[str, Any], usage: dict[str, Any]
) -> None:
    """Say who answered, how much, for what and how soon, as far as it is known."""
    served = outcome["served_by"]
    if not outcome["success"]:
        who = "nobody answered"
    else:
        who = f"{served} answered" + (f" instead of {line['selected']}" if served != line["selected"] else "")
    tokens = (usage.get("input_tokens"), usage.get("output_tokens"))
    sent = any(number is not None for number in tokens)
    figures = [f"{count(tokens[0])} in, {count(tokens[1])} out", money(usage.get("cost"))] if sent else []
    first = outcome.get("ttft_ms")
    soon = f"first token {seconds(first)}" if isinstance(first, int) else ""
    terminal.out(" · ".join(filter(None, [who, *figures, soon, str(outcome.get("usage_id") or "")])), hang=0)


def _margin(line: dict[str, Any]) -> str:
    """Say how far ahead the first is: of points, and where it leads by them."""
    scores = [c["score"] for c in line["candidates"][:2]]
    leads = len(scores) == 2 and scores[0] >= scores[1] and line["strategy"] == "score"
    return f"ahead by {scores[0] - scores[1]:g}." if leads else ""


def _packed(parts: list[str], terminal: Terminal) -> list[str]:
    """Put sentences on as few lines as the terminal has room for; in a pipe on one."""
    width = terminal.width if terminal.for_people else 0
    lines: list[str] = []
    for part in filter(None, parts):
        if lines and (not width or len(lines[-1]) + 3 + len(part) <= width):
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return lines


def alternatives(pool: Pool, asked: Asked, decision: Decision) -> list[str]:
    """Say what one more option, or another moment, would change: each is decided anew, nothing is guessed."""
    from llmpool import budgets
    from llmpool.router import whatif

    facts = budgets.world(pool)
    if asked.named:
        facts = facts.replace(affinity=pool.affinity(row.id for row in asked.named))
    found = whatif.changes(asked.request, pool.table, facts, decision, asked.named)
    scores = [f" ({each.score:g})" if each.score is not None else "" for each in found]
    return [f"{c.what}: {c.selected or 'nothing'}{score}." for c, score in zip(found, scores, strict=True)]


def alternatives_now(pool: Pool, line: dict[str, Any]) -> list[str]:
    """Say what would change a recorded decision, as far as it would be made alike today."""
    from llmpool.setup import decisions

    asked, now = decisions.asked_now(pool, line)
    if asked is None or now is None:
        return []
    if now.selected != (line["selected"] or ""):
        return [f"today {now.selected or 'nobody'}; why: llmpool route --replay {line['id']}"]
    return alternatives(pool, asked, now)
