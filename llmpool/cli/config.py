"""`llmpool config`: the owner's file, as it is read."""

from typing import Any

import typer

from llmpool.cli import config_edit
from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import plural
from llmpool.errors import Exit

app = verbs("Show, check and change the config.")


@app.command(
    epilog=examples(
        "llmpool config",
        "llmpool config show --json | jq .config.routing",
    )
)
def show(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """Show the config as it was read, defaults included."""
    from llmpool.config.show import as_json as document

    terminal: Terminal = ctx.obj
    shown = document(terminal.pool.config)
    if as_json:
        terminal.json({"config": shown})
        return Exit.OK
    import tomli_w

    if not terminal.pool.config.exists:
        terminal.say(f"note: {terminal.pool.paths.config} does not exist; these are the defaults")
    terminal.out(tomli_w.dumps(_without_none(shown)).rstrip())
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool config path",
        '"${EDITOR:-vi}" "$(llmpool config path)"',
    )
)
def path(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """Print where the config file is, or would be."""
    terminal: Terminal = ctx.obj
    paths = terminal.pool.paths
    if as_json:
        terminal.json({"config": str(paths.config), "state": str(paths.state), "secrets": str(paths.secrets)})
    else:
        terminal.out(str(paths.config))
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool config check",
        "llmpool config check --config ./draft.toml",
    )
)
def check(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """Check the config; every problem is listed, and the exit code is 4."""
    from llmpool.config.later import not_yet

    terminal: Terminal = ctx.obj
    catalog = terminal.pool.catalog
    pending = not_yet(terminal.pool.config)
    if as_json:
        facts = {"ok": True, "providers": len(catalog.providers), "models": len(catalog.models)}
        terminal.json(facts | {"not_yet": pending})
        return Exit.OK
    for text in pending:
        terminal.warn(f"not in force in this version: {text}")
    if not terminal.pool.config.exists:
        terminal.say(f"{terminal.pool.paths.config} does not exist; make one: llmpool init")
    else:
        terminal.say(f"{terminal.pool.paths.config} is fine: {plural(len(catalog.providers), 'provider')}")
    return Exit.OK


app.command(epilog=examples(*config_edit.GET_EXAMPLES))(config_edit.get)
app.command(  # a value may be a negative number
    "set",
    epilog=examples(*config_edit.SET_EXAMPLES),
    context_settings={"ignore_unknown_options": True},
)(config_edit.set_)
app.command(epilog=examples(*config_edit.UNSET_EXAMPLES))(config_edit.unset)
app.command(epilog=examples(*config_edit.EDIT_EXAMPLES))(config_edit.edit)
app.command(epilog=examples(*config_edit.EXPORT_EXAMPLES))(config_edit.export)


def _without_none(value: Any) -> Any:
    """Drop what is not set; TOML has no word for it."""
    if isinstance(value, dict):
        return {name: _without_none(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value if item is not None]
    return value
