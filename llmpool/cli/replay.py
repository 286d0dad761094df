"""`route --replay`: a recorded decision beside today's, and why they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.explain import words_of
from llmpool.cli.tables import show as table
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.setup.decisions import Replay


def show_replay(terminal: Terminal, ref: str, as_json: bool) -> int:
    """Decide a recorded decision's request again, as things are today, and show both; nothing is recorded."""
    from llmpool.router.explain import decision_json
    from llmpool.setup import decisions

    found = decisions.replayed(terminal.pool, decisions.find(terminal.pool, ref))
    if as_json:
        now = decision_json(found.now) if found.now else None
        refused = found.refused.as_json()["error"] if found.refused else None
        document = {"then": found.then, "now": now, "differences": found.differences}
        terminal.json(document | ({"refused": refused} if refused else {}))
    else:
        _show(terminal, found)
    return Exit.OK


def _show(terminal: Terminal, found: Replay) -> None:
    then, told = found.then, found.differences
    today = found.now.selected if found.now else ""
    same = "   the same" if told["same"] else ""
    chosen = then["selected"] or "nobody"
    terminal.out(
        f"{terminal.when(then['at'])}: {chosen}   today: {today or 'nobody'}{same}   {then['id']}", hang=2
    )
    if found.refused:
        terminal.out(f"today: {found.refused.message}", hang=2)
    for line in _changes(told):
        terminal.out(line, hang=2)
    rows = [_winner(each, told["rules"]) for each in told["winners"]]
    if rows:
        table(terminal, ["deployment", "then", "today", ""], rows)
    for name, verb in (("came", "new since"), ("went", "gone since")):
        if told[name] and told[name]["total"]:
            terminal.out(f"{verb}: {_some(told[name])}")


def _changes(told: dict[str, Any]) -> list[str]:
    """Say what of the setting is another than then."""
    names = {"generation": "the registry has changed: generation", "strategy": "strategy", "mode": "mode"}
    return [
        f"{words} {told[name]['then']} then, {told[name]['now']} today"
        for name, words in names.items()
        if name in told and told[name]["then"] != told[name]["now"]
    ]


def _winner(each: dict[str, Any], rules: list[dict[str, Any]]) -> list[str]:
    own = [rule for rule in rules if rule["deployment"] == each["deployment"]]
    moved = [f"{words_of(rule['rule'])} {rule['then']:+} > {rule['now']:+}" for rule in own]
    return [each["deployment"], _standing(each["then"]), _standing(each["now"]), ", ".join(moved)]


def _standing(told: dict[str, Any]) -> str:
    """Write where a deployment stands or stood."""
    if told["state"] == "candidate":
        return f"{_place(told['place'])}, {told['score']:g}"
    if told["state"] == "rejected":
        return f"no: {'; '.join(told['reasons'])}"
    return "as a fallback" if told["state"] == "fallback" else str(told["state"])


def _place(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"place {number}")


def _some(told: dict[str, Any]) -> str:
    names = told["deployments"][:5]
    more = told["total"] - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
