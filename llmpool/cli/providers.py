"""`llmpool providers`: who there is."""

import functools
from typing import Annotated, Any

import typer

from llmpool.cli import complete, limits, verify
from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, ProviderArgument, YesFlag
from llmpool.cli.output import plural
from llmpool.errors import Exit, Misuse

app = verbs("List, add and examine providers.")


@app.command(
    "list",
    epilog=examples(
        "llmpool providers",
        "llmpool providers list --json | jq -r '.providers[].id'",
    ),
)
def list_providers(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """List the providers with their state; no network."""
    from llmpool.cli import provider_view

    terminal: Terminal = ctx.obj
    rows = provider_view.every(terminal.pool)
    if as_json:
        terminal.json({"providers": rows})
    elif not rows:
        terminal.say("no provider is configured.  run: llmpool init")
    else:
        provider_view.table(terminal, rows)
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers show openai",
    )
)
def show(ctx: typer.Context, provider: ProviderArgument, as_json: JsonFlag = False) -> int:
    """Show one provider: where it is, where its key comes from, what it last said."""
    from llmpool.cli import provider_view

    terminal: Terminal = ctx.obj
    shown = provider_view.one(terminal.pool, provider)
    if as_json:
        terminal.json({"provider": shown})
    else:
        for name, value in shown.items():
            if value not in (None, "", [], {}):
                terminal.out(f"{name.replace('_', ' '):16} {provider_view.words(value)}")
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers add openai",
        "llmpool providers add http://den.lan:11434",
        "llmpool providers add work --url https://gw.example/v1 --key-env WORK_KEY",
    )
)
def add(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="PRESET|URL|ID", help="A vendor, an address, or a new id.")],
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where it is.")] = "",
    wire: Annotated[str, typer.Option("--format", metavar="FORMAT", help="The protocol it speaks.")] = "",
    key_env: Annotated[str, typer.Option("--key-env", metavar="VAR", help="The variable with its key.")] = "",
    location: Annotated[str, typer.Option("--location", metavar="WHERE", help="local or cloud.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Add it although nothing answers.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Add a provider; one argument is enough: `add openai`, `add http://den.lan:11434`."""
    from llmpool.cli import provider_view
    from llmpool.discovery.refresh import refresh
    from llmpool.setup import providers

    terminal: Terminal = ctx.obj
    wish = providers.Wish(what, url, wire, key_env, location, force)
    name = providers.add(terminal.pool, wish)
    if terminal.pool.offline:
        terminal.say(f"{name} is added; --offline, so nobody was asked what it has")
        return Exit.OK
    report = refresh(terminal.pool, (name,))
    entry, provider = report.observed[0], terminal.pool.provider(name)
    if as_json:
        facts = {
            "id": name,
            "location": provider.location,
            "models": len(entry.models),
            "error": entry.error or None,
        }
        terminal.json({"provider": facts})
    elif entry.error:
        terminal.say(f"{name} is added, but cannot be listed: {entry.error}")
    else:
        other = "cloud" if provider.location == "local" else "local"
        mine = f"  Not so? llmpool providers set {name} --location {other}" if not location else ""
        speaks = provider_view.kind(terminal.pool, provider)
        told = f"{speaks}, {plural(len(entry.models), 'model')}, {provider.location}"
        terminal.say(f"{name}: {told}.{mine}")
    if report.failed:
        return Exit.CREDENTIALS if entry.error_kind in ("auth", "unusable_key") else Exit.PARTLY
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool providers set den --location cloud",
        "llmpool providers set work --key-env WORK_KEY --priority 60",
    ),
)
def set_(
    ctx: typer.Context,
    provider: ProviderArgument,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where it is.")] = "",
    wire: Annotated[str, typer.Option("--format", metavar="FORMAT", help="The protocol it speaks.")] = "",
    key_env: Annotated[str, typer.Option("--key-env", metavar="VAR", help="The variable with its key.")] = "",
    location: Annotated[str, typer.Option("--location", metavar="WHERE", help="local or cloud.")] = "",
    priority: Annotated[
        int | None, typer.Option("--priority", metavar="N", help="Higher is asked first.")
    ] = None,
) -> int:
    """Change a provider in the config; comments and layout stay."""
    fields: dict[str, Any] = {"url": url, "format": wire, "location": location, "priority": priority}
    fields = {name: value for name, value in fields.items() if value not in ("", None)}
    from llmpool.setup import providers

    providers.check(fields, key_env)
    if key_env:
        fields["key"] = {"env": key_env}
    return _change(ctx.obj, provider, fields)


@app.command(epilog=examples("llmpool providers enable den"))
def enable(ctx: typer.Context, provider: ProviderArgument) -> int:
    """Let a provider take part again."""
    return _change(ctx.obj, provider, {"enabled": True})


@app.command(epilog=examples("llmpool providers disable den"))
def disable(ctx: typer.Context, provider: ProviderArgument) -> int:
    """Leave a provider out: it is neither asked nor routed to."""
    return _change(ctx.obj, provider, {"enabled": False})


def _change(terminal: Terminal, name: str, fields: dict[str, Any]) -> int:
    from llmpool.config import edit
    from llmpool.setup import configfile

    terminal.pool.provider(name)
    if not fields:
        raise Misuse("nothing to change", hint="llmpool providers set -h")
    configfile.change(terminal.pool, lambda text: edit.with_provider(text, name, fields))
    terminal.say(f"{name}: " + ", ".join(f"{field} is {value}" for field, value in fields.items()))
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers remove den",
        "llmpool providers remove den --yes",
    )
)
def remove(ctx: typer.Context, provider: ProviderArgument, yes: YesFlag = False) -> int:
    """Take a provider out of the config; its usage records stay."""
    from llmpool.cli.confirm import confirm
    from llmpool.config import edit
    from llmpool.setup import configfile
    from llmpool.state import inventory

    terminal: Terminal = ctx.obj
    terminal.pool.provider(provider)
    confirm(terminal, f"remove {provider} from {terminal.pool.paths.config}?", yes=yes)
    configfile.change(terminal.pool, lambda text: edit.without_provider(text, provider))
    terminal.pool.learn(functools.partial(_forget, name=provider))
    terminal.pool.keep_lessons()
    inventory.update(terminal.pool.paths.state, (), gone=[provider])
    terminal.say(f"{provider} is removed")
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers clear den",
        "llmpool providers clear --all",
    )
)
def clear(
    ctx: typer.Context,
    provider: Annotated[
        str, typer.Argument(metavar="[PROVIDER]", autocompletion=complete.providers, help="The one.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="All providers.")] = False,
) -> int:
    """Forget errors, cooldowns and what was learnt of how it wants to be asked."""
    from llmpool.state import health

    terminal: Terminal = ctx.obj
    if bool(provider) == every:
        raise Misuse("name a provider, or --all")
    names = (
        [e["id"] for e in terminal.pool.routing["providers"]]
        if every
        else [terminal.pool.provider(provider).id]
    )

    def change(state: health.Health) -> None:
        for name in names:
            state.contact.pop(name, None)
            state.cooldowns.pop(f"provider:{name}", None)

    health.update(terminal.pool.paths.state, change)
    for name in names:
        terminal.pool.learn(functools.partial(_forget, name=name))
    terminal.pool.keep_lessons()
    terminal.say(f"{', '.join(names)}: errors and cooldowns forgotten")
    return Exit.OK


def _forget(memories: Any, name: str) -> None:
    from llmpool.state import formats

    formats.forget(memories, name)


@app.command(
    epilog=examples(
        "llmpool providers presets",
        "llmpool providers presets --json | jq -r '.presets[].id'",
    )
)
def presets(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """List the vendors llmpool knows, with their key variables."""
    from llmpool.cli.tables import show as table
    from llmpool.config.presets import presets as rows
    from llmpool.core.record import plain

    terminal: Terminal = ctx.obj
    known: list[dict[str, Any]] = [plain(row) | {"supported": True} for row in rows().values()]
    if as_json:
        terminal.json({"presets": known})
        return Exit.OK
    lines = [
        [
            row["id"],
            row["name"],
            row["format"],
            *row["env"][:1],
        ]
        for row in known
    ]
    table(terminal, ["preset", "vendor", "format", "key"], [line + [""] * (4 - len(line)) for line in lines])
    return Exit.OK


app.command(epilog=examples(*verify.EXAMPLES))(verify.verify)
app.command(epilog=examples(*limits.EXAMPLES))(limits.limits)
