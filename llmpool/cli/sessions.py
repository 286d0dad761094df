"""`chat --list`, `--show`, `--export`, `--delete`: conversations that were kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmpool.chat.session import pictures
from llmpool.core.text import beginning, one_line, shown
from llmpool.errors import Exit, Misuse
from llmpool.state import sessions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmpool.cli.context import Terminal
    from llmpool.state.sessions import Turn

_SPEAKERS = {"user": "you", "system": "system"}
_TITLES = {"user": "You", "system": "System"}


def check(prompt: str, *, listed: bool, show: str, export: str, delete: str) -> None:
    """Raise Misuse where more than one thing is wanted of kept conversations, or an answer as well."""
    wanted = {"--list": listed, "--show": show, "--export": export, "--delete": delete}
    given = [option for option, value in wanted.items() if value]
    if len(given) > 1:
        raise Misuse(f"{' and '.join(given)} do not go together", hint="one at a time")
    if prompt:
        raise Misuse(
            f"{given[0]} asks nothing, so the prompt is one too many",
            hint="to go on with a conversation: llmpool chat --session NAME PROMPT",
        )


def run(terminal: Terminal, *, show: str, export: str, delete: str, as_json: bool, yes: bool = False) -> int:
    """Show, export or delete one conversation, or list them all."""
    state = terminal.pool.paths.state
    if delete:
        _delete(terminal, delete, yes=yes)
    elif show or export:
        name = show or export
        turns = sessions.read(state, name)
        if as_json:
            terminal.json({"session": name, "turns": turns})
        elif export:
            for line in document(name, turns):
                terminal.out(line, prose=True)
        else:
            with terminal.paged():
                show_turns(terminal, turns)
    elif as_json:
        terminal.json({"sessions": [kept._asdict() for kept in sessions.every(state)]})
    else:
        listed(terminal)
    return Exit.OK


def listed(terminal: Terminal) -> None:
    """List the conversations, the newest first: how many turns, when it grew, who answered last, of what."""
    from llmpool.cli.tables import show as table

    kept = sorted(sessions.every(terminal.pool.paths.state), key=lambda s: s.updated_at, reverse=True)
    rows = [
        [each.name, str(each.turns), terminal.when(each.updated_at), each.deployment, beginning(each.first)]
        for each in kept
    ]
    table(terminal, ["session", ">turns", "last", "~=answered by", "~begins"], rows)
    if not rows:
        terminal.say("no conversation is kept; llmpool chat -i begins one")


def show_turns(terminal: Terminal, turns: Iterable[Turn]) -> None:
    """Show what was said: on a terminal as it was when it was said, in a pipe a line for each turn."""
    for turn in turns:
        ends = "[broke off]" if turn.get("partial") is True else ""
        seen = " ".join(["[picture]"] * len(pictures(turn)))
        if not terminal.for_people:
            said = filter(None, [f"{turn['role']}:", seen, turn["text"], ends])
            terminal.out(" ".join(said), prose=True)
            continue
        when = terminal.when(turn.get("at", ""), never="")
        head = shown("  ".join(filter(None, [speaker(turn), when])))
        terminal.write(terminal.paint(head, "head") + "\n")
        _said(terminal, "\n".join(filter(None, [seen, turn["text"], ends])), turn["role"])


def _said(terminal: Terminal, text: str, role: str) -> None:
    """Write what was said, and a blank line; answers are Markdown."""
    if role != "assistant" or os.environ.get("TERM") == "dumb":
        terminal.out(f"{text}\n", prose=True)
        return
    from llmpool.cli.markdown import Markdown
    from llmpool.cli.plot import is_utf8

    markdown = Markdown(terminal.width, color=terminal.use_color, unicode=is_utf8())
    set_out = markdown.feed(text) + markdown.end()
    terminal.write(set_out.rstrip("\n") + "\n\n")


def document(name: str, turns: Iterable[Turn]) -> Iterable[str]:
    """Yield a conversation as a Markdown document: who spoke, when, and what."""
    yield f"# {name}"
    for turn in turns:
        at = turn.get("at", "")
        when = f" · {at[:10]} {at[11:16]} UTC" if at else ""
        yield f"\n## {_TITLES.get(turn['role']) or speaker(turn)}{when}\n"
        for url in pictures(turn):
            yield f"![picture]({url})\n"
        yield turn["text"].strip("\n")
        if turn.get("partial") is True:
            yield "\n*(broke off)*"


def speaker(turn: Turn) -> str:
    """Name who speaks: an answer is its deployment's."""
    role = str(turn["role"])
    if role == "assistant":
        return one_line(turn.get("deployment", "")) or role
    return _SPEAKERS.get(role, role)


def _delete(terminal: Terminal, name: str, *, yes: bool) -> None:
    """Delete a conversation and what was typed in it; a person at a terminal is asked first."""
    from llmpool.cli.confirm import confirm
    from llmpool.cli.output import plural
    from llmpool.state import history

    state = terminal.pool.paths.state
    turns = sessions.read(state, name)
    if terminal.in_is_terminal:
        confirm(terminal, f"delete {name}, {plural(len(turns), 'turn')}? It cannot be undone.", yes=yes)
    history.forget(state, name)  # first: a run that is stopped in between can be done again
    sessions.delete(state, name)
    terminal.say(f"deleted {name}")
