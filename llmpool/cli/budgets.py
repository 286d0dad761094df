"""`llmpool policy budget`: what may be spent, and what is."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.usage.budgets import Standing

ABOUT = """Show and change budgets: what may be spent in a day, a week, a month or in all.

Before a call is sent its worst case is reserved, and what it cost is counted when it has ended; all processes
share the count. A call that a budget forbids ends with exit code 8. What costs nothing is never refused.
"""
BAR = 8  # characters of the bar that shows how much is spent
_ON_EXCEED = {
    "deny": "requests refused (--on-exceed local: own machines answer)",
    "local": "own machines answer",
    "warn": "a warning, and nothing else",
}

app = verbs(ABOUT)


def _on_exceed(incomplete: str) -> list[str]:
    return complete.starting(_ON_EXCEED, incomplete)


@app.callback(help=ABOUT)
def budget() -> None:
    """Show and change budgets."""


@app.command(
    "list",
    epilog=examples(
        "llmpool policy budget list",
        "llmpool policy budget list daily",
        "llmpool policy budget list --json | jq '.budgets[] | {name, spent, left}'",
    ),
)
def list_budgets(
    ctx: Context,
    name: Annotated[str, Argument(metavar="[NAME]", autocompletion="budgets", help="Only this one.")] = "",
    as_json: JsonFlag = False,
) -> int:
    """List budgets: what is spent, reserved by calls under way and left, and when each begins anew."""
    from llmpool.budgets import document, unpriced
    from llmpool.setup import budgets

    terminal: Terminal = ctx.obj
    found = budgets.survey(terminal.pool, name)
    if as_json:
        rule = unpriced(terminal.pool) or ("deny" if found else "allow")
        terminal.json({"budgets": [document(each) for each in found], "unpriced": rule})
    else:
        _show(terminal, found)
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool policy budget set 5/day",
        "llmpool policy budget set 20/month --scope openai --on-exceed local",
        "llmpool policy budget set 1/day --tag batch --unpriced allow",
    ),
)
def set_(
    ctx: Context,
    amount: Annotated[
        str, Argument(metavar="AMOUNT/PERIOD", help="USD per day, week, month or total: 5/day.")
    ],
    scope: Annotated[
        str,
        Option(
            "--scope",
            metavar="SCOPE",
            autocompletion="targets",
            help="A provider, a deployment, or a key: work:spare. Else everything.",
        ),
    ] = "",
    tag: Annotated[str, Option("--tag", metavar="TAG", help="Only calls with this tag.")] = "",
    on_exceed: Annotated[
        str,
        Option(
            "--on-exceed",
            metavar="WHAT",
            autocompletion=_on_exceed,
            help="At the limit: deny (refuse), local (own machines answer) or warn.",
        ),
    ] = "",
    name: Annotated[
        str, Option("--name", metavar="NAME", autocompletion="budgets", help="What to call it.")
    ] = "",
    unpriced: Annotated[
        str,
        Option("--unpriced", metavar="RULE", help="Calls of unknown price under any budget: allow or deny."),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """Set a budget in the config, whose comments stay; what was spent of its period already counts.

    Local time decides when a period begins. At the limit what would be paid for is refused, even where own
    machines could answer: --local-only asks them, and with --on-exceed local they step in by themselves.
    """
    from llmpool.budgets import document
    from llmpool.setup import budgets

    terminal: Terminal = ctx.obj
    saved = budgets.save(terminal.pool, budgets.Wish(amount, scope, tag, on_exceed, name, unpriced))
    if as_json:
        terminal.json({"budget": document(saved), "notes": budgets.notes(terminal.pool, saved)})
    else:
        _said(terminal, saved)
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool policy budget clear daily",
        "llmpool policy budget clear daily batch-daily --yes",
        "llmpool policy budget clear --all --yes",
    )
)
def clear(
    ctx: Context,
    name: Annotated[
        list[str] | None,
        Argument(metavar="[NAME...]", autocompletion="budgets", help="The budgets to take away."),
    ] = None,
    every: Annotated[bool, Option("--all", help="All of them.")] = False,
    yes: YesFlag = False,
) -> int:
    """Take budgets out of the config; what was spent stays in the usage records."""
    from llmpool.cli.confirm import confirm
    from llmpool.errors import Misuse
    from llmpool.setup import budgets

    terminal: Terminal = ctx.obj
    if every == bool(name):
        raise Misuse("name the budgets to clear, or say --all", hint="llmpool policy budget list")
    wanted = budgets.names(terminal.pool) if every else budgets.known(terminal.pool, name or [])
    if wanted:
        confirm(terminal, f"clear {', '.join(wanted)} from {terminal.pool.paths.config}?", yes=yes)
        budgets.clear(terminal.pool, wanted)
    terminal.say(f"{', '.join(wanted)}: no limit any more" if wanted else "there is no budget")
    return Exit.OK


def _said(terminal: Terminal, saved: "Standing") -> None:
    """Say what a budget is now, since when it counts, and what is spent of it already."""
    from llmpool.core.money import usd
    from llmpool.setup import budgets

    each = saved.budget
    about, begins = budgets.about(each), budgets.begins(saved)
    at_cap = _ON_EXCEED[each.on_exceed]
    terminal.say(f"[budgets.{each.name}] {usd(saved.limit)}, {about}, {begins}. At the cap: {at_cap}")
    if saved.spent:
        terminal.say(f"{usd(saved.spent)} of it is spent already ({budgets.percent(saved)})")
    for note in budgets.notes(terminal.pool, saved):
        terminal.say(f"note: {note}")


def _show(terminal: Terminal, found: "list[Standing]") -> None:
    from llmpool.cli.tables import show as table
    from llmpool.core.money import usd
    from llmpool.setup import budgets
    from llmpool.usage.budgets import reset

    now = terminal.pool.clock()
    rows = [
        [
            each.budget.name,
            "all" if (about := budgets.about(each.budget)) == "everything" else about,
            f"{usd(each.spent)} of {usd(each.limit)}",
            usd(each.left),
            _bar(each),
            reset(each, now).removeprefix("resets "),
            each.budget.on_exceed,
            usd(each.reserved) if each.reserved else "",
        ]
        for each in found
    ]
    if rows:
        headings = ["budget", "scope", ">spent", ">left", ">~~", "resets", "~at the cap", ">~reserved"]
        shown = len(headings) if any(each.reserved for each in found) else -1
        table(terminal, headings[:shown], [row[:shown] for row in rows])
        for note in dict.fromkeys(note for each in found for note in budgets.notes(terminal.pool, each)):
            terminal.say(f"note: {note}")
    else:
        terminal.say("no budget is set.  set one: llmpool policy budget set 5/day")


def _bar(each: "Standing") -> str:
    from llmpool.cli.plot import gauge, is_utf8
    from llmpool.setup.budgets import percent

    return f"{gauge(each.share, 1, BAR, '█·' if is_utf8() else '#.')} {percent(each)}"
