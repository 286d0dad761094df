"""`llmpool` alone: how things stand in one line, and what to type first; the help is `--help`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from llmpool.cli import complete
from llmpool.cli.output import ago, plural
from llmpool.config.paths import Paths, find_paths, from_home
from llmpool.core.times import rfc3339
from llmpool.errors import Exit, LlmpoolError

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_STALE = 7 * 86_400  # seconds after which looking anew is the first thing to do
_ASK = ('llmpool chat "Why is the sky blue?"', "ask; the best deployment answers")
_WHY = ('llmpool route "Plan my week"', "which one would answer, and why")
_COST = ("llmpool usage", "what was used, and what it cost")
_LOOK = ("llmpool refresh", "ask them what they have; no tokens")
_INIT = ("llmpool init", "find keys and servers, write a config")
_CHECK = ("llmpool config check", "each problem, with its line")
_EDIT = ("llmpool config edit", "mend it, in your editor")
_DOCTOR = ("llmpool doctor", "what is wrong, and what mends it")
_WHO = ("llmpool providers list", "who answers, and who rests until when")
_ADD = ("llmpool providers add openai", "or name one: a vendor, or an address")


def greet(terminal: Terminal) -> int:
    """Tell on stderr what to do first; it is a usage error all the same, for a script that lost its words."""
    paths = find_paths(os.environ, terminal.options.config or None, terminal.options.state or None)
    standing, lines = _situation(paths, time.time())
    width = max(len(command) for command, _ in lines)
    terminal.say(f"llmpool: {standing}\n")
    for command, about in lines:
        terminal.say(f"  {command:{width}}   {about}")
    terminal.say("\nall commands: llmpool --help")
    return Exit.USAGE


def _situation(paths: Paths, now: float) -> tuple[str, list[tuple[str, str]]]:
    """Return how things stand, and the lines to type, the first thing first."""
    wrong = _wrong(paths)
    if wrong:
        return wrong, [_CHECK, _EDIT, _DOCTOR]
    providers, ids = complete.known(paths)
    if not providers:
        where = (
            f"no {from_home(paths.config, os.environ)}"
            if not paths.config.exists()
            else f"no provider in {from_home(paths.config, os.environ)}"
        )
        return f"nothing is configured yet ({where})", [_INIT, _ADD, _ASK]
    counted = plural(providers, "provider")
    if _are_down(paths.state):
        return f"{counted}, and none could be reached at the last try", [_WHO, _LOOK, _DOCTOR]
    seen = _changed(paths.state / "inventory.json")
    if not ids:
        return f"{counted}, and no model is known yet", [_LOOK, _ASK, _DOCTOR]
    if not seen:
        return f"{counted}, {plural(ids, 'model')}; never refreshed", [_LOOK, _ASK, _WHY]
    standing = f"{counted}, {plural(ids, 'model')}; refreshed {ago(rfc3339(seen), now)} ago"
    return standing, [_LOOK, _ASK, _WHY] if now - seen > _STALE else [_ASK, _WHY, _COST]


def _wrong(paths: Paths) -> str:
    """Say what keeps everything else from running: a config that is none."""
    from llmpool.config.load import load

    try:
        load(paths.config)
    except LlmpoolError as error:
        return error.message
    return ""


def _are_down(state: Path) -> bool:
    """Say whether nobody could be reached when they were asked last; what cannot be read says nothing."""
    from llmpool.state import health

    try:
        contact = health.read(state).contact.values()
    except LlmpoolError:
        return False
    return bool(contact) and all(each["kind"] == "connect" for each in contact)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
