"""`llmpool refresh`: ask every provider what it has, and keep machines in the declared state."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, single
from llmpool.cli.options import JsonFlag, YesFlag, seconds
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.upkeep import Round, Wish

app = single()


@app.command(
    epilog=examples(
        "llmpool refresh",
        "llmpool refresh openai den --timeout 10s",
        "llmpool refresh --if-stale 5h --jitter 10m --quiet",
        "llmpool refresh --json | jq -r '.failed[]'",
    )
)
def refresh(
    ctx: Context,
    providers: Annotated[
        list[str] | None,
        Argument(metavar="[PROVIDER]...", autocompletion="providers", help="Only these."),
    ] = None,
    if_stale: Annotated[
        str,
        Option("--if-stale", metavar="TIME", help="Only those that have not answered for so long."),
    ] = "",
    jitter: Annotated[
        str, Option("--jitter", metavar="TIME", help="First wait for a random time up to this.")
    ] = "",
    jobs: Annotated[int, Option("--jobs", metavar="N", min=1, max=256, help="Side by side.")] = 32,
    timeout: Annotated[str, Option("--timeout", metavar="TIME", help="For each provider.")] = "30s",
    catalog: Annotated[bool, Option("--catalog", help="Look for a newer catalog of models too.")] = False,
    prices: Annotated[bool, Option("--prices", help="Look for newer prices too.")] = False,
    accounts: Annotated[bool, Option("--accounts", help="Ask for balances and credits too.")] = False,
    pull: Annotated[bool, Option("--pull", help="Then pull the models declared with pull = true.")] = False,
    remove: Annotated[
        bool,
        Option(
            "--remove-undeclared", help="Then remove undeclared models where the provider has prune = true."
        ),
    ] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Ask providers what they have, and save it; spends no tokens.

    What changed goes to stdout, all else to stderr; with `--quiet` only what changed is printed. A provider
    that fails keeps its last good models, marked stale, and the exit code is 9; it is 75 while another
    refresh of all providers runs.

    With `--if-stale` a provider is asked when its last answer is that old or its last attempt failed, unless
    it was asked in the last 15 seconds; where none is, the run ends at once, without the wait of `--jitter`.

    `--pull` and `--remove-undeclared` are for the named providers alone, or for all; what would be removed is
    shown first, and off a terminal that wants `--yes` beforehand.
    """
    from llmpool.cli import refresh_view
    from llmpool.setup.upkeep import Wish

    wish = Wish(
        names=tuple(providers) if providers else None,
        if_stale=seconds(if_stale) if if_stale else None,
        jitter=seconds(jitter) if jitter else 0.0,
        jobs=jobs,
        timeout=seconds(timeout),
        catalog=catalog,
        prices=prices,
        accounts=accounts,
        pull=pull,
        remove=remove,
    )
    terminal: Terminal = ctx.obj
    if remove:
        refresh_view.check_can_ask(terminal, yes=yes)
    done = _run(terminal, wish, yes=yes, as_json=as_json)
    if as_json:
        terminal.json(refresh_view.document(done))
    else:
        refresh_view.tell_reconciled(terminal, done)
    if done.broken:
        raise done.broken
    return Exit.PARTLY if done.partly else Exit.OK


def _run(terminal: Terminal, wish: "Wish", *, yes: bool, as_json: bool) -> "Round":
    """Do it all, and show on a terminal how it goes."""
    from llmpool.cli import refresh_view
    from llmpool.cli.transfer import moving
    from llmpool.cli.waiting import Waiting
    from llmpool.decide import nothing_configured
    from llmpool.setup import upkeep

    if not terminal.pool.catalog.providers:
        raise nothing_configured(terminal.pool)
    with Waiting(terminal) as waiting:
        told = upkeep.Told(
            waits=lambda pause: refresh_view.pausing(terminal, pause),
            observes=waiting.heard,
            pulls=lambda event: waiting.line(moving(event)),
            may_remove=lambda refs: refresh_view.may_remove(terminal, waiting, refs, yes=yes),
            reports=lambda seen: None if as_json else refresh_view.tell(terminal, waiting, seen),
        )
        return upkeep.run(terminal.pool, wish, told)
