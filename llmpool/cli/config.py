"""`llmpool config`: the owner's file, as it is read."""

from typing import Annotated, Any

from llmpool.cli import config_edit
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import plural
from llmpool.errors import Exit, Misuse

app = verbs("Show, check and change the config.")
_DURATIONS = ("stale_after", "retention", "idle_ttl")  # and every timeout
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


@app.command(
    epilog=examples(
        "llmpool config",
        "llmpool config show --json | jq .config.routing",
    )
)
def show(ctx: Context, as_json: JsonFlag = False) -> int:
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
    terminal.out(tomli_w.dumps(_as_written(shown)).rstrip())
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool config path",
        '"${EDITOR:-vi}" "$(llmpool config path)"',
        "llmpool config path --schema",
        'ls "$(llmpool config path --schemas)"',
    )
)
def path(
    ctx: Context,
    schema: Annotated[bool, Option("--schema", help="Its JSON schema instead, for editors.")] = False,
    schemas: Annotated[
        bool, Option("--schemas", help="The directory with the schemas of --json documents instead.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Print where the config file is, or would be."""
    from llmpool.data.schemas import config_schema, output_schemas

    terminal: Terminal = ctx.obj
    paths = terminal.pool.paths
    more = {"schema_file": str(config_schema()), "schemas": str(output_schemas())}
    if schema and schemas:
        raise Misuse("--schema and --schemas are two places", hint="llmpool config path --json prints all")
    if as_json:
        found = {"config": str(paths.config), "state": str(paths.state), "secrets": str(paths.secrets)}
        terminal.json(found | more)
    elif schema or schemas:
        terminal.out(more["schema_file" if schema else "schemas"])
    else:
        terminal.out(str(paths.config))
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool config check",
        "llmpool config check --config ./draft.toml",
    )
)
def check(ctx: Context, as_json: JsonFlag = False) -> int:
    """Check the config; every problem is listed, and the exit code is 4."""
    terminal: Terminal = ctx.obj
    catalog = terminal.pool.catalog
    if as_json:
        terminal.json({"ok": True, "providers": len(catalog.providers), "models": len(catalog.models)})
        return Exit.OK
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


def _as_written(value: Any, name: str = "") -> Any:
    """Write values as a config has them: durations with their unit, and nothing for what is not set."""
    if isinstance(value, dict):
        return {name: _as_written(item, name) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_as_written(item) for item in value if item is not None]
    is_duration = isinstance(value, float) and (name in _DURATIONS or name.endswith("timeout"))
    return _duration(value) if is_duration else value


def _duration(seconds: float) -> str:
    """Write a duration in the largest unit that it is a whole number of."""
    unit, length = next(((u, n) for u, n in _UNITS if seconds and not seconds % n), ("s", 1))
    return f"{seconds / length:.0f}{unit}" if not seconds % length else f"{seconds * 1000:.0f}ms"
