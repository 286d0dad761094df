"""What the commands of an interactive session show: decisions, usage, help; and the editor they open."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import count, money, plural
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.cli.conversing import Conversing
    from llmpool.cli.conversing_commands import Command
    from llmpool.usage.summary import Summary

_KEYS = (
    ('"""', "begins and ends several lines; so does \\ at the end of each"),
    ("Alt-Enter", "a new line; a paste of several lines is one anyhow"),
    ("Ctrl-C", "stops the answer, not the session; what was shown is kept"),
    ("//text", "sends a text that begins with a slash"),
)


def help_page(terminal: Terminal, commands: Mapping[str, Command]) -> None:
    """List the commands and the keys."""
    rows = [(f"/{name} {each.takes}".rstrip(), each.about) for name, each in commands.items()]
    wide = max(len(left) for left, _ in rows)
    for left, right in (*rows, *_KEYS):
        terminal.out(f"{left:{wide}}  {right}")


def last_decision(talk: Conversing) -> None:
    """Show the decision of the last answer, as `route --last` does; raises Misuse without one."""
    from llmpool.cli import explain
    from llmpool.setup import decisions

    if not talk.decision:
        raise Misuse("nothing was asked yet", hint="who would be asked: /route")
    terminal = talk.terminal
    terminal.pool.forget()
    line = decisions.find(terminal.pool, talk.decision)
    used, what_if = decisions.used(terminal.pool, line), explain.alternatives_now(terminal.pool, line)
    explain.show(terminal, line, what_if, recorded=True, usage=used)


def next_decision(talk: Conversing, text: str) -> tuple[dict[str, Any], list[str]]:
    """Decide who would be asked *text* next, or the like of the last question; and what would change it."""
    from llmpool import decide
    from llmpool.chat import question as questions
    from llmpool.cli import explain, requests
    from llmpool.core.chat import Message
    from llmpool.router.explain import decision_json

    terminal, routing = talk.terminal, talk.routing
    pool = terminal.pool
    pool.forget()
    like = text or next((turn["text"] for turn in reversed(talk.turns()) if turn["role"] == "user"), "")
    spoken = questions.conversation(pool, talk.question)
    wanted = requests.route_request(routing, like, "", terminal)
    said = (Message(role="user", text=like),)
    wanted = questions.both(pool, talk.question, spoken, said, wanted)[1]
    asked = decide.understand(pool, wanted, profile=routing.profile, force=routing.force)
    decision = decide.choose(pool, asked).decision
    return decision_json(decision), explain.alternatives(pool, asked, decision)


def usage(talk: Conversing) -> None:
    """Show what the conversation came to under all its names, and what today did."""
    from llmpool.cli.spans import bounds
    from llmpool.setup import summary

    terminal = talk.terminal
    terminal.pool.forget()
    every, today = bounds(terminal, talk.since or "all", ""), bounds(terminal, "today", "")
    sums = [
        summary.summary(terminal.pool, summary.Wanted(span=every.span, by=(), session=name)).total
        for name in dict.fromkeys(talk.names)
    ]
    terminal.out(f"this conversation: {_told(sums)}")
    report = summary.summary(terminal.pool, summary.Wanted(span=today.span, by=()))
    budgets = f"   {report.budgets}" if report.budgets else ""
    terminal.out(f"today, all of it: {_told([report.total])}{budgets}")


def _told(sums: list[Summary]) -> str:
    """Tell calls, tokens and cost of several summaries together."""
    calls, unpriced = sum(each.requests for each in sums), sum(each.unpriced for each in sums)
    if not calls:
        return "nothing yet"
    got, given = (sum(getattr(each, f"{way}_tokens") or 0 for each in sums) for way in ("input", "output"))
    cost = money(sum((each.cost for each in sums), Decimal())) if unpriced < calls else "cost unknown"
    plus = f" and {plural(unpriced, 'call')} without a price" if 0 < unpriced < calls else ""
    return f"{plural(calls, 'call')} · {count(got)} in, {count(given)} out · {cost}{plus}"


def edited(text: str) -> str:
    """Let the owner write a text in an editor, in a file that is gone afterwards; raises Misuse."""
    import os
    import tempfile
    from pathlib import Path

    from llmpool.setup.editing import editor

    command = editor(os.environ)
    with tempfile.TemporaryDirectory(prefix="llmpool-") as folder:
        path = Path(folder, "question.md")
        path.write_text(text, encoding="utf-8")
        code = _run([*command, str(path)])
        if code:
            raise Misuse(f"{command[0]} ended with {code}, so nothing was sent")
        return path.read_text(encoding="utf-8", errors="replace").strip()


def _run(command: list[str]) -> int:
    """Run the editor to its end; Ctrl-C is the editor's alone meanwhile."""
    import os
    import signal
    import subprocess

    from llmpool.auth.program import for_others

    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(command, env=for_others(os.environ), check=False).returncode
    except OSError as error:
        raise Misuse(f"{command[0]} cannot be run: {error.strerror}", hint="set VISUAL or EDITOR") from None
    finally:
        signal.signal(signal.SIGINT, before)
