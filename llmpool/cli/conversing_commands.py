"""The commands of an interactive session: what each does, and what Tab offers behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.cli import requests
from llmpool.cli.conversing import File
from llmpool.cli.conversing_words import LEVELS
from llmpool.cli.output import plural
from llmpool.core.text import beginning
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.cli.conversing import Conversing

_MODES = ("cloud", "local")


class Command(NamedTuple):
    """A command: what it does, what it *takes*, what it is for, and what Tab *offers* behind it."""

    do: Callable[[Conversing, str], None]
    takes: str
    about: str
    offers: str = ""


def model(talk: Conversing, ref: str) -> None:
    """Let REF answer from now on, or whoever routing decides for; without one say who it is."""
    if not ref:
        talk.terminal.out(_who(talk))
        return
    if ref == "auto":
        talk.routing = talk.routing.replace(model="")
    else:
        chosen = talk.routing.replace(model=ref)
        _check(talk, chosen)
        talk.routing = chosen
    talk.terminal.say(_who(talk), dim=True)


def _who(talk: Conversing) -> str:
    """Say who answers."""
    chosen = talk.routing.model
    last = f"; {talk.served} answered last" if talk.served else ""
    if mode := _mode(chosen):
        kept = talk.routing.local_only or talk.routing.mode == "local"
        return f"routing decides, among what is {'local' if kept else mode}{last}"
    return f"{chosen} answers; whoever is best: /model auto" if chosen else f"routing decides{last}"


def _mode(ref: str) -> str:
    """Return the word for a mode that stands where a model may; empty where it is one, or none."""
    word = ref.strip().lower()
    return word if word in _MODES else ""


def _check(talk: Conversing, routing: Any) -> None:
    """Raise what a question would end with for the name of a model."""
    from llmpool import decide

    terminal = talk.terminal
    terminal.pool.forget()
    wanted = requests.route_request(routing, "", "", terminal)
    decide.understand(terminal.pool, wanted, profile=routing.profile, force=routing.force)


def route(talk: Conversing, text: str) -> None:
    """Show why the last answer came from there, then who would be asked next; TEXT is what would be asked."""
    from llmpool.cli import explain
    from llmpool.cli.conversing_view import next_decision

    if talk.decision and not text:
        why(talk, "")
        talk.terminal.out("")
    line, what_if = next_decision(talk, text)
    talk.terminal.out(f"next{' the like of it' if talk.decision and not text else ''}:")
    explain.show(talk.terminal, line, what_if)


def why(talk: Conversing, _rest: str) -> None:
    """Show the decision of the last answer."""
    from llmpool.cli.conversing_view import last_decision

    last_decision(talk)


def system(talk: Conversing, text: str) -> None:
    """Tell the system TEXT from the next question on; `off` takes it back, nothing shows it."""
    if not text:
        talk.terminal.out(talk.holds or "the system is told nothing", prose=True)
        return
    talk.tell_system("" if text == "off" else text)
    said = "the system is told nothing" if text == "off" else "holds from the next question on"
    talk.terminal.say(said, dim=True)


def attach(talk: Conversing, name: str) -> None:
    """Let a file or an address go along with the next question; without one list them."""
    if not name:
        _list_files(talk)
        return
    from llmpool.chat import attached

    for each in _paths(name):
        talk.files.append(File(each, attached.attach([each])))
    talk.terminal.say(f"{plural(len(talk.files), 'file')} with the next question", dim=True)


def _list_files(talk: Conversing) -> None:
    for file in talk.files:
        talk.terminal.out(file.name)
    if not talk.files:
        talk.terminal.say("nothing is attached; /attach FILE, or an address", dim=True)


def _paths(typed: str) -> list[str]:
    """Split what names files: a path with blanks that exists is one, else words as a shell has them."""
    import shlex
    from pathlib import Path

    def own(path: str) -> str:
        return str(Path(path).expanduser()) if path.startswith("~") else path

    try:
        return [own(typed)] if Path(own(typed)).exists() else [own(word) for word in shlex.split(typed)]
    except (OSError, ValueError, RuntimeError):
        return [typed]  # no path at all; who reads it says why


def detach(talk: Conversing, name: str) -> None:
    """Take a file back, or all of them."""
    rest = [file for file in talk.files if name and file.name != name]
    if len(rest) == len(talk.files):
        raise Misuse(f"{name or 'nothing'} is {'not ' * bool(name)}attached", hint="/attach lists what is")
    talk.files = rest
    talk.terminal.say(f"{plural(len(rest), 'file')} with the next question", dim=True)


def save(talk: Conversing, name: str) -> None:
    """Keep the conversation under NAME, and go on there."""
    if not name:
        raise Misuse("/save wants a name", hint="such as /save trip")
    talk.save(name)
    talk.terminal.say(f"kept as {name} from now on", dim=True)


def undo(talk: Conversing, _rest: str) -> None:
    """Take back the last question and its answer; what they cost stays counted."""
    turns = talk.take_back()
    asked = next((turn["text"] for turn in turns if turn["role"] == "user"), "")
    if not turns:
        raise Misuse("there is nothing to take back")
    talk.terminal.say(f"took back: {beginning(asked)}", dim=True)


def retry(talk: Conversing, ref: str) -> None:
    """Ask the last question again: of whoever is best now, of REF, or `elsewhere`."""
    routing = talk.routing
    if ref == "elsewhere":
        if not talk.served:
            raise Misuse("nobody has answered yet", hint="/retry, or /retry REF")
        talk.terminal.pool.forget()  # what is called as it stands is in the table of its run alone
        known = any(row.id == talk.served for row in talk.terminal.pool.table.rows)
        routing = routing.replace(
            model=_mode(routing.model), exclude=[*routing.exclude, *([talk.served] if known else [])]
        )
    elif ref:
        routing = routing.replace(model=ref)
        _check(talk, routing)
    talk.again(routing)


def usage(talk: Conversing, _rest: str) -> None:
    """Show what this conversation and today came to."""
    from llmpool.cli.conversing_view import usage as shown

    shown(talk)


def think(talk: Conversing, level: str) -> None:
    """Set how much the model thinks."""
    if level and level not in LEVELS and not level.isdecimal():
        raise Misuse(f"/think {level!r} is not known", hint="off, low, medium, high, or a number of tokens")
    if level:
        talk.question = talk.question.replace(thinking=level)
    talk.terminal.say(f"thinking: {talk.question.thinking or 'as the config says'}", dim=True)


def tag(talk: Conversing, name: str) -> None:
    """Mark usage records from now on; `off` ends it."""
    if name:
        talk.question = talk.question.replace(tag="" if name == "off" else name)
    talk.terminal.say(f"tag: {talk.question.tag or 'none'}", dim=True)


def edit(talk: Conversing, text: str) -> None:
    """Write the question in $VISUAL or $EDITOR; an empty one is not sent."""
    from llmpool.cli.conversing_view import edited

    question = edited(text)
    if question:
        talk.terminal.say(f"asked: {beginning(question)}", dim=True)
        talk.remember(question)
        talk.ask(question)
    else:
        talk.terminal.say("nothing was written, so nothing was sent", dim=True)


def show(talk: Conversing, _rest: str) -> None:
    """Show the conversation so far."""
    from llmpool.cli.sessions import show_turns

    turns = talk.turns()
    if not turns:
        talk.terminal.say("nothing was said yet", dim=True)
    with talk.terminal.paged():
        show_turns(talk.terminal, turns)


def listed(talk: Conversing, name: str) -> None:
    """List the conversations that are kept, or go on with one of them."""
    from llmpool.cli import sessions

    if name:
        talk.open(name)
        talk.greet()
    else:
        sessions.listed(talk.terminal)


def new(talk: Conversing, _rest: str) -> None:
    """Begin another conversation."""
    talk.begin()
    talk.terminal.say("a new conversation", dim=True)


def show_help(talk: Conversing, _rest: str) -> None:
    """List the commands."""
    from llmpool.cli.conversing_view import help_page

    help_page(talk.terminal, COMMANDS)


def _leave(_talk: Conversing, _rest: str) -> None:
    """Do nothing: whoever reads the order leaves."""


COMMANDS = {
    "help": Command(show_help, "", "this list"),
    "model": Command(model, "[REF]", "who answers: a model, cloud, local, or auto", "models"),
    "route": Command(route, "[TEXT]", "why the last answer came from there, and who is next"),
    "why": Command(why, "", "the decision of the last answer"),
    "retry": Command(retry, "[REF]", "ask again: of the best, of REF, or elsewhere", "others"),
    "undo": Command(undo, "", "take back the last question and its answer"),
    "edit": Command(edit, "[TEXT]", "write the question in $VISUAL or $EDITOR"),
    "attach": Command(attach, "[FILE|URL]", "a picture or text for the next question; list them", "files"),
    "detach": Command(detach, "[FILE]", "take one back, or all", "attached"),
    "system": Command(system, "[TEXT|off]", "what the model is told beforehand"),
    "think": Command(think, "[LEVEL]", "off, low, medium, high, or tokens", "levels"),
    "usage": Command(usage, "", "tokens and cost of this conversation, and of today"),
    "tag": Command(tag, "[NAME|off]", "mark what is spent from now on"),
    "save": Command(save, "NAME", "keep the conversation under this name"),
    "new": Command(new, "", "begin another conversation (also /clear)"),
    "sessions": Command(listed, "[NAME]", "list what is kept, or go on with one of them", "sessions"),
    "show": Command(show, "", "the conversation so far"),
    "exit": Command(_leave, "", "leave (also /quit, Ctrl-D)"),
}
