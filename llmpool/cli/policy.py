"""`llmpool policy`: what the owner decided."""

from typing import Annotated

import typer

from llmpool.cli import complete
from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        autocompletion=complete.targets,
        help="A provider, or a deployment by any of its names.",
    ),
]

app = verbs("Show what you decided about providers and models.")


@app.callback()
def policy() -> None:
    """Show what you decided about providers and models."""


@app.command(
    epilog=examples(
        "llmpool policy",
        "llmpool policy show --json",
    )
)
def show(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """Show policies, groups and budgets as they stand."""
    from llmpool.cli.tables import show as table
    from llmpool.core.record import plain
    from llmpool.state import policy as stored

    terminal: Terminal = ctx.obj
    policies, config = stored.read(terminal.pool.paths.state), terminal.pool.config
    if as_json:
        shown = [{"target": target} | entry.as_dict() for target, entry in sorted(policies.items())]
        terminal.json({"policies": shown, "groups": plain(config.groups), "budgets": plain(config.budgets)})
        return Exit.OK
    rows = [
        [target, entry.effective_state, {True: "yes", False: "no", None: ""}[entry.routable], entry.reason]
        for target, entry in sorted(policies.items())
    ]
    rows += [[f"budget {b.name}", f"${b.limit} a {b.per}", b.on_exceed, b.scope] for b in config.budgets]
    rows += [
        [
            f"group {g.name}",
            ", ".join(g.providers or ("all providers",)),
            ", ".join(g.models or ("all models",)),
            "",
        ]
        for g in config.groups
    ]
    if rows:
        table(terminal, ["target", "state", "routable", "reason"], rows)
    else:
        terminal.say("nothing is decided: every provider and model is active")
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool policy set den --state inactive --reason 'moving house'",
        "llmpool policy set openai/gpt-5 --no-routable",
    ),
)
def set_(
    ctx: typer.Context,
    target: TargetArgument,
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="active, inactive or flagged.")] = "",
    routable: Annotated[
        bool | None, typer.Option("--routable/--no-routable", help="Whether it may be chosen automatically.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown with rejections.")] = "",
    as_json: JsonFlag = False,
) -> int:
    """Decide about a provider or a deployment; what is not said stays as it is."""
    from llmpool.setup import policies

    terminal: Terminal = ctx.obj
    name, decided = policies.decide(terminal.pool, target, state, routable, reason)
    if as_json:
        terminal.json({"policy": {"target": name} | decided.as_dict()})
        return Exit.OK
    words = {True: ", chosen automatically", False: ", only by name", None: ""}[decided.routable]
    terminal.say(f"{name}: {decided.effective_state}{words}    undo: llmpool policy clear {name}")
    return Exit.OK


@app.command(epilog=examples("llmpool policy clear den"))
def clear(ctx: typer.Context, target: TargetArgument) -> int:
    """Forget what was decided about a provider or a deployment, gone ones included."""
    from llmpool.setup import policies

    terminal: Terminal = ctx.obj
    terminal.say(f"{policies.clear(terminal.pool, target)}: nothing is decided about it any more")
    return Exit.OK
