"""The conversation of `llmpool init --from`: a pool that moves to this machine."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.cli import passphrase
from llmpool.cli.confirm import confirm
from llmpool.cli.output import plural
from llmpool.cli.progress import Progress
from llmpool.config.paths import from_home
from llmpool.discovery.refresh import refresh
from llmpool.errors import Misuse
from llmpool.setup import restore

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.inventory import ProviderInventory
    from llmpool.setup.export import KeyPlace
    from llmpool.setup.keystore import Keys
    from llmpool.setup.usage_import import Intake, Taken


class Wishes(NamedTuple):
    """What the command line says of a move."""

    source: str
    yes: bool = False
    keys: bool = True
    passphrase: str = ""
    plaintext: bool = False


def run(terminal: Terminal, wishes: Wishes) -> dict[str, Any]:
    """Read, check, ask, write, list the models, say what is still missing; returns what `--json` prints."""
    pool = terminal.pool
    with ExitStack() as stack:
        plan, intake = _plan(terminal, wishes, stack)
        if plan.replaces:
            question = f"Replace {pool.paths.config}? What it says now is kept beside it."
            confirm(terminal, question, yes=wishes.yes)
        if plan.over:
            names = ", ".join(f'"{label}" of {provider}' for provider, label in plan.over)
            question = f"Another key is kept here: {names}. Write the one of the export over it?"
            confirm(terminal, question, yes=wishes.yes)
        done = restore.carry_out(pool, plan)
        _tell(terminal, plan, done)
        taken = _added(terminal, intake) if intake else None
    seen = () if pool.offline else _listed(terminal, {place.provider for place in done.missing})
    told = {
        "config": str(pool.paths.config),
        "written": done.written,
        "backup": str(done.backup) if done.backup else None,
        "policies": done.policies,
        "keys_stored": [{"provider": provider, "label": label} for provider, label in done.stored],
        "keys_missing": [place_json(place) for place in done.missing],
        "providers": [
            {"id": each.provider, "models": len(each.models), "error": each.error or None} for each in seen
        ],
    }
    return told | _usage_json(taken)


def place_json(place: KeyPlace) -> dict[str, Any]:
    """Show where a key comes from as JSON has it."""
    shown = {"provider": place.provider, "label": place.label, "source": place.source}
    return shown | {name: value for name, value in (("env", place.env), ("error", place.why)) if value}


def _usage_json(taken: Taken | None) -> dict[str, Any]:
    """Show which usage records came along; nothing for an export without any."""
    if taken is None:
        return {}
    from llmpool.cli.usage_transfer import taken_json

    return {"usage": taken_json(taken)}


def _plan(terminal: Terminal, wishes: Wishes, stack: ExitStack) -> tuple[restore.Plan, Intake | None]:
    """Check all of the export before anybody is asked for anything, and open its keys.

    Its usage records wait in a temporary file, which the *stack* lets go.
    """
    if wishes.source == wishes.passphrase == "-":
        raise Misuse("stdin cannot be both the export and the passphrase", hint="--passphrase-file FILE")
    with restore.opened(wishes.source) as export:
        restore.check(terminal.pool, export)
        intake = _intake(terminal, export, stack) if export.usage else None
    keys: Keys = {}
    if export.sealed and wishes.keys:
        keys = restore.unsealed(export, passphrase.known(terminal, wishes.passphrase))
    return restore.plan(terminal.pool, export, keys, plaintext=wishes.plaintext), intake


def _intake(terminal: Terminal, export: restore.Export, stack: ExitStack) -> Intake:
    """Read the usage records to their end, where it shows whether they are whole."""
    from llmpool.setup.usage_import import Intake

    intake = stack.enter_context(closing(Intake(terminal.pool, "llmpool")))
    with Progress(terminal) as progress:
        intake.read(export.name, export.usage or iter(()), progress.line)
    return intake


def _added(terminal: Terminal, intake: Intake) -> Taken:
    """Add the usage records, each once, and say how many."""
    from llmpool.cli import usage_transfer

    with Progress(terminal) as progress:
        taken = intake.add(progress.line)
    usage_transfer.tell_taken(terminal, taken)
    return taken


def _tell(terminal: Terminal, plan: restore.Plan, done: restore.Restored) -> None:
    env = terminal.pool.env
    path = from_home(terminal.pool.paths.config, env)
    if done.backup:
        terminal.say(f"{path} as it was is kept in {from_home(done.backup, env)}")
    came = plural(len(terminal.pool.catalog.providers), "provider")
    came += f", {plural(done.policies, 'policy', 'policies')}" if done.policies else ""
    terminal.say(f"{'wrote' if done.written else 'nothing to change in'} {path}: {came}")
    if plan.into_keyring:
        terminal.say(f"{plural(len(plan.into_keyring), 'key')} stored in the keyring")
    if plan.into_file:
        from llmpool.setup import keystore

        where, sealed = terminal.pool.paths.secrets, keystore.state_box(terminal.pool) is not None
        how = "encrypted with the state key" if sealed else "in the clear, for you alone (0600)"
        terminal.say(f"{plural(len(plan.into_file), 'key')} stored in {where}: {how}")
    if plan.export.sealed and not done.stored:
        terminal.say("the sealed keys were left in the export")
    for place in done.missing:
        terminal.say(f"{place.provider}: {_way(place)}")


def _way(place: KeyPlace) -> str:
    """Say how a key that is not here gets here."""
    if place.source == "env":
        return f"set {place.env}" + ("" if place.label == "default" else f" ({place.label})")
    where = "the keyring" if place.source == "keyring" else "secrets.json"
    return f'key "{place.label}" is not in {where} here; over there, seal it in: llmpool config export --keys'


def _listed(terminal: Terminal, missing: set[str]) -> tuple[ProviderInventory, ...]:
    """Ask every provider what it has, and say so; of those whose key is missing that was said already."""
    pool = terminal.pool
    with Progress(terminal) as progress:
        progress.line("  asking the providers what they have")
        report = refresh(pool, tuple(p.id for p in pool.catalog.providers if p.enabled))
    for each in sorted(report.observed, key=lambda entry: entry.provider):
        if not (each.error and each.provider in missing):
            terminal.say(f"{each.provider}: {each.error or plural(len(each.models), 'model')}")
    return report.observed
