"""`llmpool providers`: who there is."""

from typing import Annotated, Any

from llmpool.cli import (
    dedupe,
    env_exports,
    given_key,
    imports,
    keys,
    limits,
    login,
    provider_set,
    trial,
    verify,
)
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, ProviderArgument, YesFlag
from llmpool.cli.output import plural
from llmpool.core.text import few
from llmpool.errors import Exit, Misuse

_NAMED = 5  # so many names a line, the rest is counted

app = verbs("List, add and examine providers.")


@app.command(
    "list",
    epilog=examples(
        "llmpool providers",
        "llmpool providers list --json | jq -r '.providers[].id'",
    ),
)
def list_providers(ctx: Context, as_json: JsonFlag = False) -> int:
    """List the providers with their state; no network."""
    from llmpool.cli import provider_view
    from llmpool.setup import roster

    terminal: Terminal = ctx.obj
    seen = roster.view(terminal.pool)
    if as_json:
        issues = [issue._asdict() for issue in seen.issues]
        terminal.json({"providers": seen.rows, "counts": seen.counts, "issues": issues}, entries="providers")
    elif not seen.rows:
        terminal.say("no provider is configured.  run: llmpool init")
    else:
        provider_view.table(terminal, seen)
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers show openai",
    )
)
def show(ctx: Context, provider: ProviderArgument, as_json: JsonFlag = False) -> int:
    """Show one provider: where it is, where its key comes from, what it last said."""
    from llmpool.cli import provider_view

    terminal: Terminal = ctx.obj
    shown = provider_view.whole(terminal.pool, provider)
    if as_json:
        terminal.json({"provider": shown})
    else:
        for line in provider_view.lines(terminal, shown):
            terminal.out(line, hang=17)
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers add openai",
        "llmpool providers add http://den.lan:11434",
        "llmpool providers add work --url https://gw.example/v1 --key-env WORK_KEY",
        "pass show groq | llmpool providers add groq --key-stdin",
    )
)
def add(
    ctx: Context,
    what: Annotated[str, Argument(metavar="PRESET|URL|ID", help="A vendor, an address, or a new id.")],
    url: Annotated[str, Option("--url", metavar="URL", help="Where it is.")] = "",
    wire: Annotated[str, Option("--format", metavar="FORMAT", help="The protocol it speaks.")] = "",
    key_env: Annotated[str, Option("--key-env", metavar="VAR", help="The variable with its key.")] = "",
    location: Annotated[str, Option("--location", metavar="WHERE", help="local or cloud.")] = "",
    key_stdin: given_key.KeyStdin = False,
    key_file: given_key.KeyFile = "",
    keep: given_key.Keep = "",
    plaintext: given_key.Plaintext = False,
    force: Annotated[
        bool,
        Option("--force", help="Add it although nothing answers, or it is there under another id."),
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Add a provider; one argument is enough: `add openai`, `add http://den.lan:11434`.

    A key that comes with it is kept as `providers keys add` keeps it.
    """
    from llmpool.cli import provider_ways
    from llmpool.discovery.refresh import refresh
    from llmpool.setup import providers

    terminal: Terminal = ctx.obj
    key = given_key.taken(terminal, stdin=key_stdin, file=key_file, keep=keep, plaintext=plaintext)
    wish = providers.Wish(what, url, wire, key_env, location, force, key, keep, plaintext)
    name, kept = providers.add_with_key(terminal.pool, wish)
    given_key.tell(terminal, name, kept)
    provider = terminal.pool.provider(name)
    facts: dict[str, Any] = {"id": name, "location": provider.location, "models": None, "error": None}
    if terminal.pool.offline:
        terminal.say(f"{name} is added; --offline, so nobody was asked what it has")
        if as_json:
            terminal.json({"provider": facts})
        return Exit.OK
    report = refresh(terminal.pool, (name,))
    entry = report.observed[0]
    if as_json:
        terminal.json({"provider": facts | {"models": len(entry.models), "error": entry.error or None}})
    elif entry.error:
        terminal.say(f"{name} is added, but cannot be listed: {entry.error}")
        if provider.needs_key and not provider.keys:
            terminal.say(f"give it a key: llmpool providers keys add {name}")
    else:
        other = "cloud" if provider.location == "local" else "local"
        mine = f"  Not so? llmpool providers set {name} --location {other}" if not location else ""
        speaks = provider_ways.kind(terminal.pool, provider)
        told = f"{speaks}, {plural(len(entry.models), 'model')}, {provider.location}"
        terminal.say(f"{name}: {told}.{mine}")
    if report.failed:
        return Exit.CREDENTIALS if entry.error_kind in ("auth", "unusable_key") else Exit.PARTLY
    return Exit.OK


app.command("set", epilog=examples(*provider_set.SET_EXAMPLES))(provider_set.set_)
app.command(epilog=examples(*provider_set.ENABLE_EXAMPLES))(provider_set.enable)
app.command(epilog=examples(*provider_set.DISABLE_EXAMPLES))(provider_set.disable)


@app.command(
    epilog=examples(
        "llmpool providers remove den",
        "llmpool providers remove den --yes",
    )
)
def remove(ctx: Context, provider: ProviderArgument, yes: YesFlag = False, as_json: JsonFlag = False) -> int:
    """Take a provider out of the config, and with it every line that names it or a model of it.

    They are listed before you are asked. Keys that llmpool keeps for it are deleted too, and its accounts are
    logged out. Usage records, decisions and policies stay.
    """
    from llmpool.auth.secrets import describe
    from llmpool.cli.confirm import confirm
    from llmpool.setup import key_changes, leaving, providers

    terminal: Terminal = ctx.obj
    pool = terminal.pool
    pool.provider(provider)
    named = leaving.ties(pool, provider)
    for tie in named:
        terminal.say(f"{'goes too' if tie.cut else 'names it, and stays'}: {tie.words}")
    stored = [f'key "{ref.label}" in {describe(ref)}' for ref in key_changes.stored(pool, provider)]
    if stored:
        terminal.say(f"deleted for good: {', '.join(stored)}")
    accounts = providers.logged_in(pool, provider)
    if accounts:
        terminal.say(f"logged out here: {', '.join(accounts)}")
    lines = sum(tie.cut is not None for tie in named)
    more = f" and the {plural(lines, 'place')} that {'names' if lines == 1 else 'name'} it" if lines else ""
    confirm(terminal, f"remove {provider}{more} from {pool.paths.config}?", yes=yes)
    left = providers.remove(pool, provider)
    for fact in left:
        terminal.warn(fact)
    if as_json:
        gone = [tie.words for tie in named if tie.cut]
        kept = [tie.words for tie in named if not tie.cut]
        found = {"removed": provider, "taken_out": gone, "still_named": kept}
        terminal.json(found | {"keys_deleted": stored, "logged_out": accounts, "left": left})
        return Exit.PARTLY if left else Exit.OK
    terminal.say(f"{provider} is removed; its usage records stay")
    return Exit.PARTLY if left else Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers clear den",
        "llmpool providers clear --all",
    )
)
def clear(
    ctx: Context,
    provider: Annotated[
        str, Argument(metavar="[PROVIDER]", autocompletion="providers", help="The one.")
    ] = "",
    every: Annotated[bool, Option("--all", help="All providers.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Forget errors, cooldowns and what was learnt of how it wants to be asked."""
    from llmpool.setup import leaving

    terminal: Terminal = ctx.obj
    if bool(provider) == every:
        raise Misuse("name a provider, or --all")
    names = (
        [entry["id"] for entry in terminal.pool.routing["providers"]]
        if every
        else [terminal.pool.provider(provider).id]
    )
    leaving.forget(terminal.pool, names)
    if as_json:
        terminal.json({"cleared": names})
        return Exit.OK
    terminal.say(f"{few(names, _NAMED) or 'nobody'}: errors and cooldowns forgotten")
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers presets",
        "llmpool providers presets gemini",
        "llmpool providers presets --json | jq -r '.presets[].id'",
    )
)
def presets(
    ctx: Context,
    search: Annotated[
        str, Argument(metavar="[TEXT]", help="Only those whose id, name, variable or URL has it.")
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """List the vendors llmpool knows, with their key variables."""
    from llmpool.cli.tables import show as table
    from llmpool.core.record import plain
    from llmpool.setup.providers import matching_presets

    terminal: Terminal = ctx.obj
    found: list[dict[str, Any]] = [plain(row) | {"supported": True} for row in matching_presets(search)]
    if as_json:
        from llmpool.cli.known import known

        terminal.json({"presets": [known(row, ("priority",)) for row in found]})
        return Exit.OK
    if not found:
        terminal.say(f'no preset has "{search}"; any server can be added: llmpool providers add ID --url URL')
    lines = [[row["id"], row["name"], row["format"], *row["env"][:1]] for row in found]
    with terminal.paged():
        rows = [line + [""] * (4 - len(line)) for line in lines]
        table(terminal, ["preset", "vendor", "~format", "~~key"], rows)
    return Exit.OK


app.command(epilog=examples(*verify.EXAMPLES))(verify.verify)
app.command(epilog=examples(*limits.EXAMPLES))(limits.limits)
app.command(epilog=examples(*dedupe.EXAMPLES))(dedupe.dedupe)
app.command("import", epilog=examples(*imports.EXAMPLES))(imports.import_)
app.command(epilog=examples(*env_exports.EXAMPLES))(env_exports.env)
app.command(epilog=examples(*login.LOGIN_EXAMPLES))(login.login)
app.command(epilog=examples(*login.LOGOUT_EXAMPLES))(login.logout)
app.add_group(keys.app, name="keys")
app.add_group(trial.app, name="trial")
