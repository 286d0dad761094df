"""`llmpool providers import`: what other tools on this machine have, and taking it over."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

from llmpool.cli import complete, given_key
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.cli.output import plural
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.setup.imports import Plan, Wish

EXAMPLES = (
    "llmpool providers import",
    "llmpool providers import claude-code --dry-run",
    "llmpool providers import all --yes",
    "llmpool providers import .env --keep file --plaintext",
    "pbpaste | llmpool providers import cc-switch --yes",
    "llmpool providers import zimaos /var/lib/zima --dry-run",
)
SOURCES = (
    "vscode", "cursor", "windsurf", "claude-code", "codex", "antigravity", "qoder", "trae", "kiro", "copilot",
    "aichat", "llm", "gemini-cli", "dotenv", "cc-switch", "all", "zimaos", "gopherclaw", "thane",
    "undo",
)  # fmt: skip
"""What can be named, for completion; the last four move whole pools. A test holds it to what there is."""


def _completed(incomplete: str) -> list[str]:
    return complete.starting(SOURCES, incomplete)


def import_(
    ctx: Context,
    source: Annotated[
        str,
        Argument(
            metavar="[SOURCE]", autocompletion=_completed, help="A tool, all, cc-switch, or a .env file."
        ),
    ] = "",
    path: Annotated[
        str,
        Argument(
            metavar="[PATH]",
            help="Where it is, for what has no fixed place; after undo the name of a backup.",
        ),
    ] = "",
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Only show what would be done.")] = False,
    yes: YesFlag = False,
    proxy: Annotated[
        bool, Option("--proxy", help="Use the proxy that the tool runs on this machine.")
    ] = False,
    label: Annotated[str, Option("--label", metavar="TEXT", help="Call the keys so.")] = "",
    keep: given_key.Keep = "",
    plaintext: given_key.Plaintext = False,
    logins: Annotated[bool, Option("--logins", help="Use the tool's logins too; experimental.")] = False,
    take_over: Annotated[
        bool, Option("--take-over", help="Renew these logins here; the tool may be logged out.")
    ] = False,
    state_key: Annotated[
        str, Option("--state-key", metavar="FILE", help="What opens the old system's keys; zimaos.")
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """List the keys and addresses that other tools have, or take over those of one of them.

    Without a source nothing is changed: each find is listed with its key masked, what it would become, and
    whether it is here already; so are the variables each tool reads. With one, providers are added to the
    config and keys are kept in the keyring or the key file; a key in a variable is referred to, not copied.
    Nothing that is configured is overwritten, and the files of other tools are only read. zimaos, gopherclaw
    and thane move in whole, as one change; `undo` takes that back.
    """
    from llmpool.setup.imports import Wish

    terminal: Terminal = ctx.obj
    given_key.refuse_typed([], source, path, label)
    given_key.check_place(keep, plaintext)
    if source in SOURCES[-4:]:
        from llmpool.cli import moving_in

        return moving_in.run(
            terminal, source, path, dry_run=dry_run, yes=yes, as_json=as_json,
            key_file=state_key, plaintext=plaintext, where=keep,
            take_over=take_over,
        )  # fmt: skip
    _check(source, path, state_key, changes=proxy or logins or take_over or bool(label))
    if not source:
        return _listed(terminal, as_json=as_json)
    wish = Wish(source, path, label, proxy, logins or take_over, take_over)
    return _brought(terminal, wish, _Manner(dry_run, yes, keep, plaintext, as_json))


class _Manner(NamedTuple):
    """How it is to be done."""

    dry_run: bool
    yes: bool
    keep: str
    plaintext: bool
    as_json: bool


def _check(source: str, path: str, state_key: str, *, changes: bool) -> None:
    """Refuse options that belong to something else."""
    if changes and not source:
        raise Misuse("name what to import", hint="llmpool providers import    lists what there is")
    if path and source != "dotenv":
        raise Misuse(f"{source} is looked for where it always is, so no path goes with it")
    if state_key:
        raise Misuse("--state-key goes with zimaos")


def _listed(terminal: Terminal, *, as_json: bool) -> int:
    from llmpool.cli import import_view
    from llmpool.setup import imports

    seen = imports.listed(terminal.pool)
    if as_json:
        terminal.json(import_view.listing(seen))
    else:
        import_view.show(terminal, seen)
    return Exit.OK


def _brought(terminal: Terminal, wish: "Wish", manner: _Manner) -> int:
    from llmpool.cli import import_view
    from llmpool.setup import imports
    from llmpool.setup.bringing import Keeping

    made = imports.plan(terminal.pool, wish, _text(wish))
    dry_run = manner.dry_run or (wish.source == imports.CC_SWITCH and not manner.yes)  # nobody can be asked
    if not dry_run and (made.orders or made.accounts):
        import_view.announce(terminal, made)
        _confirm(terminal, made, yes=manner.yes)
    keeping = Keeping(manner.keep, manner.plaintext)
    steps = imports.carry_out(terminal.pool, made, keeping, wish=wish, dry_run=dry_run)
    if manner.as_json:
        terminal.json(import_view.document(wish.source, steps, made, dry_run=dry_run))
    else:
        import_view.told(terminal, steps, dry_run=dry_run)
        import_view.next_of(terminal, steps, made, dry_run=dry_run)
    return Exit.PARTLY if imports.failed(steps) else Exit.OK


def _confirm(terminal: Terminal, made: "Plan", *, yes: bool) -> None:
    from llmpool.cli.confirm import confirm

    count = len(made.orders) + len(made.accounts)
    confirm(terminal, f"take over {plural(count, 'find')}?", yes=yes)


def _text(wish: "Wish") -> str:
    """Read what is piped in, where the source is that."""
    if wish.source != "cc-switch":
        return ""
    import sys

    if sys.stdin is None or sys.stdin.isatty():
        raise Misuse(
            "cc-switch is read from standard input", hint="pbpaste | llmpool providers import cc-switch"
        )
    return sys.stdin.buffer.read(1 << 20).decode("utf-8-sig", "replace")
