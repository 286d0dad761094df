"""`llmpool policy`: what the owner decided."""

import typer

from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit

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
