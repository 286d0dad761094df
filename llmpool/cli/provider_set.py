"""`llmpool providers set`, `enable` and `disable`: every field of a provider, by command."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from llmpool.cli import given_key
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option, Parameter, parameters
from llmpool.cli.options import JsonFlag, ProviderArgument
from llmpool.cli.output import plural
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.provider_edit import Changed

SET_EXAMPLES = (
    "llmpool providers set den --location cloud --optional",
    "llmpool providers set work --key-env WORK_KEY --rpm 60 --timeout 90s",
    "pass show work | llmpool providers set work --key-stdin",
    "llmpool providers set work --allow 'gpt-5*' --header-env X-Org=ORG --dry-run",
    "llmpool providers set work --unset rpm --unset headers.X-Tenant",
)
ENABLE_EXAMPLES = ("llmpool providers enable den",)
DISABLE_EXAMPLES = ("llmpool providers disable den", "llmpool providers disable den --dry-run")

DryRun = Annotated[bool, Option("--dry-run", help="Show what would change, and write nothing.")]


class _Field(NamedTuple):
    """An option that sets one field of the config: its type, its metavar and its help."""

    kind: Any
    metavar: str
    help: str


# fmt: off
_FIELDS = {
    "url": _Field(str, "URL", "Where it is."),
    "name": _Field(str, "TEXT", "How to show it."),
    "preset": _Field(str, "PRESET", "The known vendor it is."),
    "format": _Field(str, "FORMAT", "The protocol it speaks."),
    "format_mode": _Field(str, "MODE", "auto or pinned: whether other formats are tried."),
    "location": _Field(str, "WHERE", "local or cloud."),
    "priority": _Field(int, "N", "Higher is asked first."),
    "optional": _Field(bool, "", "Its absence is no failure of a refresh."),
    "key_rotation": _Field(str, "HOW", "Of several keys: first, round_robin or least_used."),
    "auth": _Field(str, "HOW", "How its key is sent: bearer or x-api-key; else as its format does."),
    "api_version": _Field(str, "VERSION", "The API version to ask for."),
    "metadata": _Field(str, "HOW", "dynamic, or catalog: never list over the network."),
    "verify_tls": _Field(bool, "", "Whether its certificate has to be trusted."),
    "project": _Field(str, "ID", "The project a Cloud Code call is made for."),
    "idle_ttl": _Field(str, "TIME", "How long a loaded model stays."),
    "prune": _Field(bool, "", "Whether refresh --remove-undeclared may remove models."),
    "timeout": _Field(str, "TIME", "To the first token and between reads."),
    "connect_timeout": _Field(str, "TIME", "To connect."),
    "first_token_timeout": _Field(str, "TIME", "To the first token."),
    "read_timeout": _Field(str, "TIME", "Between two pieces of an answer."),
    "total_timeout": _Field(str, "TIME", "For a whole call."),
    "rpm": _Field(int, "N", "Requests a minute."),
    "tpm": _Field(int, "N", "Tokens a minute."),
    "rpd": _Field(int, "N", "Requests a day."),
    "tpd": _Field(int, "N", "Tokens a day."),
    "reset_tz": _Field(str, "ZONE", "The time zone in which a day ends."),
    "temperature": _Field(float, "X", "Of calls that do not set it."),
    "top_p": _Field(float, "X", "Of calls that do not set it."),
    "frequency_penalty": _Field(float, "X", "Of calls that do not set it."),
    "presence_penalty": _Field(float, "X", "Of calls that do not set it."),
    "max_tokens": _Field(int, "N", "Of calls that do not set it."),
    "thinking": _Field(str, "LEVEL", "Of calls that do not set it."),
    "supports_tools": _Field(bool, "", "Whether its models take tools."),
    "supports_streaming": _Field(bool, "", "Whether its models stream."),
    "supports_images": _Field(bool, "", "Whether its models see images."),
}
# fmt: on


def _with_fields(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace the parameter `fields` of a command by an option for every field."""

    @wraps(command)
    def packed(*arguments: Any, **values: Any) -> Any:
        given = {name: values.pop(name) for name in _FIELDS}
        said = {name: value for name, value in given.items() if value is not None}
        return command(*arguments, fields=said, **values)

    own = [p for p in parameters(command) if p.name != "fields"]
    fields = [_parameter(name, field) for name, field in _FIELDS.items()]
    packed.parameters = [*own, *fields]  # type: ignore[attr-defined]
    return packed


def _parameter(name: str, field: _Field) -> Parameter:
    long = f"--{name.replace('_', '-')}"
    names = [f"{long}/--no-{long[2:]}"] if field.kind is bool else [long]
    option = Option(*names, metavar=field.metavar or None, help=field.help, show_default=False)
    return Parameter(name, field.kind | None, None, option)


@_with_fields
def set_(
    ctx: Context,
    provider: ProviderArgument,
    fields: dict[str, Any],
    key_env: Annotated[str, Option("--key-env", metavar="VAR", help="The variable with its key.")] = "",
    key_stdin: given_key.KeyStdin = False,
    key_file: given_key.KeyFile = "",
    keep: given_key.Keep = "",
    plaintext: given_key.Plaintext = False,
    allow: Annotated[
        list[str] | None,
        Option("--allow", metavar="PATTERN", help="A model to allow; with one, others are not used."),
    ] = None,
    disallow: Annotated[
        list[str] | None,
        Option("--disallow", metavar="PATTERN", help="Take it from the allowed models."),
    ] = None,
    alternate_url: Annotated[
        list[str] | None,
        Option("--alternate-url", metavar="URL", help="Another address of the same server."),
    ] = None,
    no_alternate_url: Annotated[
        list[str] | None, Option("--no-alternate-url", metavar="URL", help="Take the address out.")
    ] = None,
    header: Annotated[
        list[str] | None,
        Option("--header", metavar="NAME=VALUE", help="A header every call gets; no secret."),
    ] = None,
    header_env: Annotated[
        list[str] | None,
        Option("--header-env", metavar="NAME=VAR", help="A header whose value is in a variable."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        Option("--unset", metavar="FIELD", help="Take a field out: url, rpm, headers.X-Team."),
    ] = None,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> int:
    """Change a provider in the config; comments and layout stay.

    Every field of its table can be set; `--unset` takes one out, so that the preset or the default counts.
    """
    from llmpool.setup import provider_edit, providers

    lists = provider_edit.Lists(
        *(tuple(each or ()) for each in (allow, disallow, alternate_url, no_alternate_url))
    )
    wish = provider_edit.Wish(
        fields=fields,
        key_env=key_env,
        headers=tuple(header or ()),
        header_envs=tuple(header_env or ()),
        lists=lists,
        unset=tuple(unset or ()),
    )
    terminal: Terminal = ctx.obj
    key = given_key.taken(terminal, stdin=key_stdin, file=key_file, keep=keep, plaintext=plaintext)
    changed, kept = providers.change(
        terminal.pool, provider, wish, key, keep=keep, plaintext=plaintext, dry_run=dry_run
    )
    if as_json:
        shown = _document(provider, changed, dry_run=dry_run)
        terminal.json({"provider": shown | ({"key": given_key.document(provider, kept)} if kept else {})})
        return Exit.OK
    if changed.steps or not kept:
        _tell(terminal, provider, changed, dry_run=dry_run)
    given_key.tell(terminal, provider, kept)
    touched = {step.path[0] for step in changed.steps} | ({"key"} if kept else set())
    if not dry_run and touched & {"url", "format", "preset", "key"}:
        terminal.say(f"see whether it answers: llmpool refresh {provider}")
    return Exit.OK


def enable(
    ctx: Context, provider: ProviderArgument, dry_run: DryRun = False, as_json: JsonFlag = False
) -> int:
    """Let a provider take part again."""
    return _switch(ctx.obj, provider, on=True, dry_run=dry_run, as_json=as_json)


def disable(
    ctx: Context, provider: ProviderArgument, dry_run: DryRun = False, as_json: JsonFlag = False
) -> int:
    """Leave a provider out: it is neither asked nor routed to; what names it in the config is told."""
    return _switch(ctx.obj, provider, on=False, dry_run=dry_run, as_json=as_json)


def _switch(terminal: Terminal, name: str, *, on: bool, dry_run: bool, as_json: bool) -> int:
    from llmpool.setup import leaving
    from llmpool.setup.provider_edit import Step, apply

    pool = terminal.pool
    pool.provider(name)
    models, named = leaving.models_of(pool, name), leaving.ties(pool, name)
    changed = apply(pool, name, (Step(("enabled",), on),), dry_run=dry_run)
    if as_json:
        ties = {"named_by": [] if on else [tie.words for tie in named]}
        shown = _document(name, changed, dry_run=dry_run)
        terminal.json({"provider": shown | {"enabled": on, "models": models} | ties})
        return Exit.OK
    _tell(terminal, name, changed, dry_run=dry_run, said="enabled" if on else "disabled")
    part = "take part" if on else "take no part"
    terminal.say(f"{plural(models, 'model')} {part if models != 1 else part.replace('take', 'takes')}")
    for tie in () if on else named:
        terminal.say(f"names it: {tie.words}")
    return Exit.OK


def _document(name: str, changed: "Changed", *, dry_run: bool) -> dict[str, Any]:
    """Show a change: each key below the provider's table with its value, null where it was taken out."""
    from llmpool.core.record import plain

    return {
        "id": name,
        "set": {".".join(step.path): plain(step.value) for step in changed.steps},
        "changed": bool(changed.difference),
        "dry_run": dry_run,
    }


def _tell(terminal: Terminal, name: str, changed: "Changed", *, dry_run: bool, said: str = "") -> None:
    if dry_run:
        for line in changed.difference:
            terminal.out(line)
        terminal.say("nothing is written (--dry-run)")
        return
    same = "" if changed.difference else "  (as it was)"
    terminal.say(f"{name}: {said or ', '.join(map(str, changed.steps))}{same}")
