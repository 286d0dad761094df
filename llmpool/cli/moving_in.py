"""`llmpool providers import zimaos|gopherclaw|thane PATH`: everything another pool has, as one change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.context import Terminal
from llmpool.cli.output import plural
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.moving_in import Done
    from llmpool.setup.moving_plan import Plan

_VERBS = {
    "provider": "adds", "key": "key", "setting": "sets", "model": "declares", "policy": "policy",
    "price": "price", "login": "login", "present": "is here", "left": "leaves",
}  # fmt: skip


def run(
    terminal: Terminal,
    source: str,
    path: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    key_file: str = "",
    plaintext: bool = False,
    where: str = "",
    take_over: bool = False,
) -> int:
    """Show what moves in and write it, or take back what did."""
    from llmpool.cli.confirm import confirm
    from llmpool.setup import moving_in
    from llmpool.setup.moving_logins import Manner

    if source == "undo":
        return _undo(terminal, path, dry_run=dry_run, yes=yes, as_json=as_json)
    made = moving_in.plan(terminal.pool, source, path, key_file)
    _tell(terminal, made)
    done = None
    if made.changes and not dry_run:
        confirm(terminal, f"Take over {plural(len(made.migrated), 'provider')} and the rest?", yes=yes)
        manner = Manner(where, plaintext, take_over)
        done = moving_in.carry_out(terminal.pool, made, manner)
        _told(terminal, done)
    elif made.changes:
        terminal.say("nothing was written; without --dry-run it would be")
    else:
        terminal.say("nothing to do: all that can come along is here already")
    if as_json:
        terminal.json(_document(made, done, dry_run=dry_run))
    return Exit.PARTLY if done and done.failed else Exit.OK


def _undo(terminal: Terminal, name: str, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    from llmpool.cli.confirm import confirm
    from llmpool.setup import moving_back

    record = moving_back.find(terminal.pool, name)
    parts = (
        plural(len(record.keys), "key"),
        plural(len(record.policies), "policy", "policies"),
        plural(len(record.prices), "price"),
        plural(len(record.accounts), "login"),
    )
    terminal.say(f"takes back {record.name}: the config as it was, {', '.join(parts)}")
    if moving_back.is_changed(terminal.pool, record):
        terminal.warn("the config was changed since; these changes go too, and are kept in its backup")
    for provider, label, where in moving_back.replaced_since(terminal.pool, record):
        place = "the keyring" if where == "keyring" else "secrets.json"
        terminal.warn(f'key "{label}" of {provider} was replaced since; the new one stays in {place}')
    if not dry_run:
        confirm(terminal, "Take it back?", yes=yes)
        moving_back.undo(terminal.pool, record)
        terminal.say("done")
    if as_json:
        terminal.json({"source": record.source, "undone": not dry_run, "backup": record.name})
    return Exit.OK


def _tell(terminal: Terminal, made: Plan) -> None:
    for file in made.moved.files:
        terminal.say(f"read {file}")
    for step in made.steps:
        why = f"   {step.why}" if step.why else ""
        terminal.say(f"  {_VERBS[step.action]:9}{step.what}{why}")


def _told(terminal: Terminal, done: Done) -> None:
    for text in done.failed:
        terminal.warn(text)
    if done.doubles:
        terminal.say(
            f"{plural(done.doubles, 'server')} under several ids: llmpool providers dedupe --dry-run"
        )
    terminal.say(f"done; what was here before is kept: {done.backup}")
    terminal.say(f"to take it back: llmpool providers import undo {done.backup}")


def _document(made: Plan, done: Done | None, *, dry_run: bool) -> dict[str, Any]:
    return {
        "source": made.moved.source,
        "dry_run": dry_run,
        "files": list(made.moved.files),
        "steps": [{"action": step.action, "what": step.what, "why": step.why or None} for step in made.steps],
        "migrated": len(made.migrated),
        "skipped": len(made.skipped),
        "migrated_names": list(made.migrated),
        "skipped_names": list(made.skipped),
        "failed": list(done.failed) if done else [],
        "backup": done.backup if done else None,
    }
