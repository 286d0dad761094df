"""`chat --list`, `--show`, `--delete`: conversations that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmpool.cli.output import ago
from llmpool.cli.tables import show as table
from llmpool.errors import Exit
from llmpool.state import sessions

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal


def run(terminal: Terminal, *, show: str, delete: str, as_json: bool) -> int:
    """Show or delete one conversation, or list them all."""
    state = terminal.pool.paths.state
    if delete:
        sessions.delete(state, delete)
        terminal.say(f"deleted {delete}")
    elif show:
        turns = sessions.read(state, show)
        if as_json:
            terminal.json({"session": show, "turns": turns})
        for turn in () if as_json else turns:
            pictures = " ".join("[picture]" for _ in turn.get("images") or ())
            ends = "[broke off]" if turn.get("partial") is True else ""
            terminal.out(
                " ".join(filter(None, [f"{turn.get('role', '?')}:", pictures, turn.get("text", ""), ends]))
            )
    elif as_json:
        terminal.json({"sessions": [kept._asdict() for kept in sessions.every(state)]})
    else:
        now = terminal.pool.clock()
        rows = [[kept.name, str(kept.turns), ago(kept.updated_at, now)] for kept in sessions.every(state)]
        table(terminal, ["session", ">turns", "last"], rows)
    return Exit.OK
