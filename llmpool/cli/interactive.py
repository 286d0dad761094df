"""`chat -i`: a conversation at the terminal, from the first prompt to Ctrl-D."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from llmpool.cli import conversing_commands as commands
from llmpool.cli import orders
from llmpool.cli.conversing import Conversing
from llmpool.cli.conversing_words import completion
from llmpool.cli.line_editor import LineEditor
from llmpool.errors import Exit, LlmpoolError, Misuse
from llmpool.state import history

if TYPE_CHECKING:
    from llmpool.chat.question import Question
    from llmpool.cli.asking import How
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions


def run(terminal: Terminal, question: Question, routing: RoutingOptions, how: How, *, stats: bool) -> int:
    """Converse until its owner leaves; raises Misuse where nobody types.

    What one question ends with is told and not the end: the exit code is 0, or a signal's.
    """
    if not terminal.in_is_terminal:
        raise Misuse(
            "-i talks with a person, and stdin is no terminal",
            hint='one question at a time, in one conversation: llmpool chat --session NAME "..."',
        )
    gc.enable()  # a long run, unlike all others
    with Conversing(terminal, question, routing, how, stats=stats) as talk:
        _converse(talk, question.prompt)
    return Exit.OK


def _converse(talk: Conversing, first: str) -> None:
    """Take what is typed, one after the other; the *first* was typed behind the command."""
    editor = LineEditor(talk.terminal, lambda line, start: completion(talk, line, start))
    editor.know(history.read(talk.state))
    talk.greet()
    if first:
        _taken(talk, editor, first, as_it_is=True)
    stopped = False
    while True:
        try:
            typed = editor.read(talk.prompt)
        except EOFError:
            talk.terminal.end_line()
            return
        except KeyboardInterrupt:
            talk.terminal.end_line()
            if stopped:
                talk.terminal.say("Ctrl-D or /exit leaves", dim=True)
            stopped = True
            continue
        stopped = False
        if typed.strip() and not _taken(talk, editor, typed):
            return


def _taken(talk: Conversing, editor: LineEditor, typed: str, *, as_it_is: bool = False) -> bool:
    """Do what was typed, and tell what went wrong; False when it was to leave."""
    try:
        if history.is_wanted(typed):
            editor.know([typed])
            talk.remember(typed)
        order = typed if as_it_is else orders.read(typed, commands.COMMANDS)
        if isinstance(order, str):
            talk.ask(order.strip())
        elif order.name == "exit":
            return False
        else:
            commands.COMMANDS[order.name].do(talk, order.rest)
    except KeyboardInterrupt:
        talk.terminal.end_line()
    except LlmpoolError as error:
        talk.terminal.flush_warnings()
        talk.terminal.error(error.message, error.lines, error.hint)
    talk.terminal.flush_warnings()
    return True
