"""How finds of other tools are shown: keys masked, the way to each; and what became of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import plural
from llmpool.config.paths import from_home
from llmpool.core.ids import mask_shortly
from llmpool.core.text import one_line
from llmpool.core.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmpool.cli.context import Terminal
    from llmpool.importers.found import Found, Wanted
    from llmpool.setup.bringing import Step
    from llmpool.setup.import_survey import Account, Entry, Seen, Survey
    from llmpool.setup.imports import Plan

_TOOL = len("claude-code")  # cells of a tool's name
_DONE = {
    "added": "added",
    "key": "one more key",
    "present": "there already",
    "skipped": "left out",
    "failed": "failed",
    "login": "login used",
}
_WOULD = _DONE | {
    "added": "would be added",
    "key": "one more key it would have",
    "login": "login would be used",
}


def show(terminal: Terminal, seen: Survey) -> None:
    """Show what was found as a table, then logins, files at fault and the variables that tools read."""
    from llmpool.cli.tables import show as table

    rows = [_row(entry) for entry in seen.entries if not entry.repeats]
    wide = not terminal.for_people  # there the files are told below, with the variables
    headings = ["tool", "=becomes", "~key", "address", "!state", *(["where"] if wide else [])]
    table(terminal, headings, [row if wide else row[:-1] for row in rows])
    if not rows:
        terminal.say("no other tool here has a key or an address that could be taken over")
    for account in seen.accounts:
        login, who = account.login, f" as {one_line(account.login.email)}" if account.login.email else ""
        terminal.say(f"{login.name} is logged in{who}: llmpool providers import {login.tool} --logins")
    for text in [each.error for each in seen.tools if each.error] + list(seen.problems):
        terminal.say(f"note: {text}")
    _show_tools(terminal, seen.tools)
    if any(entry.importable for entry in seen.entries):
        terminal.say("to take over: llmpool providers import TOOL, or all")


def _show_tools(terminal: Terminal, tools: Iterable[Seen]) -> None:
    """Show the file of each tool, where it is there, and which of its variables are set."""
    from llmpool.cli.layout import hung

    terminal.say("what tools read; + is set, - is not:")
    for each in tools:
        file = [from_home(each.path, os.environ)] if each.path else []
        named = "  ".join([*file, *(f"{'+' if on else '-'}{name}" for name, on in each.variables)])
        used = bool(file) or any(on for _, on in each.variables)
        line = f"  {each.tool.id:{_TOOL}}  {named}"
        terminal.say(
            hung(line, terminal.width, _TOOL + 4) if terminal.err_is_terminal else line, dim=not used
        )


def _row(entry: Entry) -> list[str]:
    found, aim = entry.found, entry.target
    state = "here already" if entry.imported else entry.why or "new"
    url = dict(aim.fields).get("url", "")
    place = from_home(Path(found.path), os.environ) if found.path else "variables"
    return [found.tool, aim.provider or "-", _key(found, "-"), url or "-", state, place]


def _key(found: Found | Wanted, nothing: str) -> str:
    """Show the mask of a key, or the variable that has it."""
    return mask_shortly(found.key) if found.key else f"${found.key_env}" if found.key_env else nothing


def listing(seen: Survey) -> dict[str, Any]:
    """Write the document of what was found."""
    return {
        "found": [_found(entry) for entry in seen.entries],
        "logins": [_login(account) for account in seen.accounts],
        "tools": [_tool(each) for each in seen.tools],
        "problems": list(seen.problems),
    }


def _found(entry: Entry) -> dict[str, Any]:
    found = entry.found
    return {
        "tool": found.tool,
        "name": found.name,
        "source": found.source,
        "path": found.path or None,
        "provider": found.provider or None,
        "becomes": entry.target.provider or None,
        "url": entry.target.url or None,
        "key": mask_shortly(found.key) if found.key else None,
        "variable": found.key_env or None,
        "label": found.label or None,
        "importable": entry.importable,
        "imported": entry.imported,
        "reason": entry.why or None,
        "repeats": entry.repeats or None,
    }


def _login(account: Account) -> dict[str, Any]:
    login = account.login
    return {
        "tool": login.tool,
        "name": login.name,
        "type": login.type,
        "path": login.path,
        "email": login.email or None,
        "provider": account.provider,
        "expires_at": rfc3339(login.expires) if login.expires else None,
    }


def _tool(seen: Seen) -> dict[str, Any]:
    return {
        "id": seen.tool.id,
        "name": seen.tool.name,
        "provider": seen.tool.provider,
        "found": seen.path is not None,
        "path": str(seen.path) if seen.path else None,
        "searched": [str(path) for path in seen.searched],
        "error": seen.error or None,
        "variables": [{"name": name, "set": on} for name, on in seen.variables],
        "detected": any(on for name, on in seen.variables if name in seen.tool.key_env),
    }


def announce(terminal: Terminal, made: Plan) -> None:
    """Say what is about to be taken over, before anybody is asked."""
    for order in made.orders:
        url = dict(order.fields).get("url", "")
        terminal.say(f"  {order.provider}   {_key(order, 'no key')}{f'   {url}' if url else ''}")
    for account in made.accounts:
        terminal.say(f"  {account.provider}   the login of {account.login.name}")


def told(terminal: Terminal, steps: Iterable[Step], *, dry_run: bool = False) -> None:
    """Say what became of each find."""
    words = _WOULD if dry_run else _DONE
    notes: dict[str, bool] = {}
    for step in steps:
        key = f"  {step.mask}" if step.mask else ""
        kept = f" ({step.stored})" if step.stored and not dry_run else ""
        done = step.action in ("added", "key", "login")
        said = "for the same reason" if step.action == "failed" and step.why in notes else step.why
        why = f": {said}" if step.why and not done else ""
        notes |= dict.fromkeys([step.why] if step.why else [], done)
        terminal.say(f"{step.provider}{key}  {words[step.action]}{kept}{why}")
    for note in (text for text, unsaid in notes.items() if unsaid):  # what is true of several is said once
        terminal.say(f"note: {note}")


def next_of(terminal: Terminal, steps: Iterable[Step], made: Plan, *, dry_run: bool) -> None:
    """Say what else is worth knowing, and what comes next."""
    new = [step.provider for step in steps if step.action in ("added", "key", "login")]
    for note in made.notes:
        terminal.say(f"note: {note}")
    if new and not dry_run:
        names = " ".join(dict.fromkeys(new))
        terminal.say(f"{plural(len(set(new)), 'provider')} changed; next: llmpool refresh {names}")
    elif new:
        terminal.say("nothing was changed; to do it: --yes")


def document(source: str, steps: Iterable[Step], made: Plan, *, dry_run: bool) -> dict[str, Any]:
    """Write the document of what became of a source."""
    return {
        "source": source,
        "dry_run": dry_run,
        "steps": [
            {
                "provider": step.provider,
                "label": step.label or None,
                "action": step.action,
                "reason": step.why or None,
                "key": step.mask or None,
                "stored": step.stored or None,
            }
            for step in steps
        ],
        "notes": list(made.notes),
    }
