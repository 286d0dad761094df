"""`llmpool providers dedupe`: one server under several ids becomes one provider."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.cli.output import plural
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.dedupe import Merge

EXAMPLES = ("llmpool providers dedupe --dry-run", "llmpool providers dedupe --yes")


def dedupe(
    ctx: Context,
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Only show what would be merged.")] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Merge providers that are the same server with the same key, under one id.

    The one that stays is in use, is local, has the higher priority, or stands first in the config. Models,
    groups, fallbacks and policies that name another one name it afterwards; of two policies of one model the
    stricter holds. Keys that it lacks move along, those in the keyring and the key file too, labelled with
    where they come from. Usage records keep the old ids, and the old config is kept beside the new one.
    """
    from llmpool.cli.confirm import confirm
    from llmpool.setup import dedupe as merging

    terminal: Terminal = ctx.obj
    plan = merging.plan(terminal.pool)
    _tell(terminal, plan.merges)
    backup = None
    if plan.merges and not dry_run:
        confirm(terminal, f"Merge {plural(sum(len(m.gone) for m in plan.merges), 'provider')}?", yes=yes)
        backup = merging.carry_out(terminal.pool, plan)
        terminal.say(f"done; {terminal.pool.paths.config} as it was is kept in {backup}")
    if as_json:
        terminal.json(
            {"merges": list(map(_document, plan.merges)), "backup": str(backup) if backup else None}
        )
    return Exit.OK


def _tell(terminal: Terminal, merges: "tuple[Merge, ...]") -> None:
    if not merges:
        terminal.say("no two providers are the same server with the same key")
    for merge in merges:
        terminal.say(f"{', '.join(merge.gone)} -> {merge.kept}   ({merge.server})")
        for text in merge.moved:
            terminal.say(f"  moves    {text}")
        for text in merge.dropped:
            terminal.say(f"  dropped  {text}")


def _document(merge: "Merge") -> dict[str, Any]:
    return {
        "kept": merge.kept,
        "removed": list(merge.gone),
        "server": merge.server,
        "moved": list(merge.moved),
        "dropped": list(merge.dropped),
    }
