"""`llmpool policy group`: named providers and models that a request can be held to."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.setup.groups import Membership

NameArgument = Annotated[str, Argument(metavar="NAME", autocompletion="groups", help="The group.")]

ABOUT = """Show and change groups: named providers and models for --group.

Members are the providers of a group times its models; an absent list means all. A request with --group is
answered by a member or not at all: fallbacks outside of it do not count.
"""

app = verbs(ABOUT)


@app.callback(help=ABOUT)
def group() -> None:
    """Show and change groups."""


@app.command(
    "list",
    epilog=examples(
        "llmpool policy group list",
        "llmpool policy group list family",
        "llmpool policy group list --json | jq '.groups[].members'",
    ),
)
def list_groups(
    ctx: Context,
    name: Annotated[
        str,
        Argument(metavar="[NAME]", autocompletion="groups", help="Only this one, with its members."),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """List groups, how many deployments each has, and what it counts on that is not there."""
    from llmpool.setup import groups

    terminal: Terminal = ctx.obj
    found = groups.survey(terminal.pool, name)
    if as_json:
        terminal.json({"groups": list(map(_document, found))})
    elif name:
        _show_one(terminal, found[0])
    else:
        _show_all(terminal, found)
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool policy group set family --provider den --model 'qwen*'",
        "llmpool policy group set family --add-provider work",
        "llmpool policy group set family --all-models",
    ),
)
def set_(
    ctx: Context,
    name: NameArgument,
    provider: Annotated[
        list[str] | None,
        Option("--provider", metavar="ID", autocompletion="providers", help="Exactly these providers."),
    ] = None,
    model: Annotated[
        list[str] | None,
        Option("--model", metavar="PATTERN", help="Exactly these models: names, or 'qwen*'."),
    ] = None,
    add_provider: Annotated[
        list[str] | None,
        Option("--add-provider", metavar="ID", autocompletion="providers", help="One more."),
    ] = None,
    add_model: Annotated[list[str] | None, Option("--add-model", metavar="PATTERN", help="One more.")] = None,
    drop_provider: Annotated[
        list[str] | None, Option("--drop-provider", metavar="ID", help="One less.")
    ] = None,
    drop_model: Annotated[
        list[str] | None, Option("--drop-model", metavar="PATTERN", help="One less.")
    ] = None,
    all_providers: Annotated[bool, Option("--all-providers", help="No list: all of them.")] = False,
    all_models: Annotated[bool, Option("--all-models", help="No list: all of them.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Make a group, or change its lists, in the config; its comments stay."""
    from llmpool.setup import groups

    terminal: Terminal = ctx.obj
    saved = groups.save(
        terminal.pool,
        name,
        groups.Wish(_each(provider), _each(add_provider), _each(drop_provider), all_providers),
        groups.Wish(_each(model), _each(add_model), _each(drop_model), all_models),
    )
    if as_json:
        terminal.json({"group": _document(saved)})
        return Exit.OK
    _notes(terminal, saved)
    terminal.say(f"{name}: {_members(saved)}    use it: llmpool chat --group {name}")
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool policy group remove family",
        "llmpool policy group remove family --yes",
    )
)
def remove(ctx: Context, name: NameArgument, yes: YesFlag = False, as_json: JsonFlag = False) -> int:
    """Take a group out of the config; one that a profile stays in is refused."""
    from llmpool.cli.confirm import confirm
    from llmpool.setup import groups

    terminal: Terminal = ctx.obj
    groups.removable(terminal.pool, name)
    confirm(terminal, f"remove group {name} from {terminal.pool.paths.config}?", yes=yes)
    groups.remove(terminal.pool, name)
    if as_json:
        terminal.json({"removed": name})
    else:
        terminal.say(f"{name} is removed")
    return Exit.OK


def _each(given: list[str] | None) -> tuple[str, ...]:
    """Read an option that may be repeated, or hold several separated by commas; raises Misuse for none."""
    if given and not all(text.strip(" ,") for text in given):  # a script's empty variable must not mean all
        raise Misuse("a list of a group wants a value", hint="all of them: --all-providers, --all-models")
    return tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())


def _document(found: "Membership") -> dict[str, Any]:
    from llmpool.core.record import plain

    group: dict[str, Any] = plain(found.group)
    return group | {
        "members": list(found.members),
        "missing": list(found.missing),
        "profiles": list(found.profiles),
    }


def _members(found: "Membership") -> str:
    from llmpool.cli.output import plural

    shown = ", ".join(found.members[:3]) + (", ..." if len(found.members) > 3 else "")
    return plural(len(found.members), "deployment") + (f" ({shown})" if shown else "")


def _notes(terminal: Terminal, found: "Membership") -> None:
    for fact in found.missing:
        terminal.say(f"note: {fact}")


def _show_one(terminal: Terminal, found: "Membership") -> None:
    """Show the members of a group, one a line."""
    _notes(terminal, found)
    for ref in found.members:
        terminal.out(ref)
    if not found.members:
        terminal.say(f"group {found.group.name} has no deployment now")


def _show_all(terminal: Terminal, found: "list[Membership]") -> None:
    from llmpool.cli.tables import show as table

    rows = [
        [
            each.group.name,
            "all" if each.group.providers is None else ", ".join(each.group.providers),
            "all" if each.group.models is None else ", ".join(each.group.models),
            str(len(each.members)),
            "; ".join(each.missing),
        ]
        for each in found
    ]
    if rows:
        table(terminal, ["group", "providers", "models", ">members", ""], rows)
    else:
        terminal.say("no group is configured.  make one: llmpool policy group set NAME --provider ID")
