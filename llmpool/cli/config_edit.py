"""`llmpool config get`, `set`, `unset`, `edit` and `export`: one key of the owner's file, or all of it."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.cli.output import plural
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.errors import ConfigInvalid
    from llmpool.setup import usage_export
    from llmpool.setup.export import Exported, KeyPlace
    from llmpool.setup.settings import Change, Setting


def _keys(incomplete: str) -> list[str]:
    """Complete a key as far as it has no names in it, then providers."""
    from llmpool.cli import complete
    from llmpool.config import keypath
    from llmpool.config.schema import PROVIDER

    head, dot, rest = incomplete.partition(".")
    if head != "providers" or not dot:
        return keypath.known(incomplete)
    found = [f"providers.{name}." for name in complete.providers(rest.partition(".")[0])]
    found += [start + key for start in found for key in PROVIDER if "." in rest]
    return [key for key in found if key.startswith(incomplete)]


KeyArgument = Annotated[
    str,
    Argument(metavar="KEY", autocompletion=_keys, help="Such as routing.mode or providers.den.url."),
]

GET_EXAMPLES = (
    "llmpool config get routing.mode",
    "llmpool config get providers.den.url --json",
    "llmpool config get models.den/qwen3:8b.quality",
)
SET_EXAMPLES = (
    "llmpool config set routing.mode local",
    "llmpool config set routing.fallbacks openai/gpt-5-mini den/qwen3:8b",
    "llmpool config set providers.work.key env=WORK_KEY",
    "llmpool config set budgets.daily limit=5.00 per=day",
)
UNSET_EXAMPLES = ("llmpool config unset routing.mode", "llmpool config unset groups.family --yes")
EDIT_EXAMPLES = ("llmpool config edit", 'EDITOR="code --wait" llmpool config edit')
EXPORT_EXAMPLES = (
    "llmpool config export pool.llmpool",
    "llmpool config export pool.llmpool --keys",
    "llmpool config export | ssh new llmpool init --from -",
    "llmpool config export --usage | ssh new llmpool init --from - --yes",
)


def get(ctx: Context, key: KeyArgument, as_json: JsonFlag = False) -> int:
    """Print the value of a key that is in force: the config's, the preset's or the default.

    An array is printed an item a line. Names with dots in them go into quotes: `templates.'my.own'`.
    """
    from llmpool.setup import settings

    terminal: Terminal = ctx.obj
    found = settings.look(terminal.pool, key)
    if as_json:
        terminal.json(_document(found))
    elif found.value is None:
        terminal.say(f"{found.key} is not set")
    elif found.value not in ([], {}):
        terminal.out(_lines(found.value))
    return Exit.OK


def set_(
    ctx: Context,
    key: KeyArgument,
    value: Annotated[
        list[str], Argument(metavar="VALUE...", help="An array takes several, a table KEY=VALUE.")
    ],
    as_json: JsonFlag = False,
) -> int:
    """Set a key of the config; comments and layout stay, and what would not load is not written.

    Values are written as they are, without quotes: `true`, `10m`; the size of a context window also as `32k`,
    other figures in digits. Arrays and tables may also be given
    as TOML in one word: `'["a", "b"]'`, `'{ env = "NAME" }'`. Keys of providers are never given here: name
    the place that holds them.
    """
    from llmpool.setup import settings

    terminal: Terminal = ctx.obj
    return _told(terminal, settings.put(terminal.pool, key, value), as_json=as_json)


def unset(ctx: Context, key: KeyArgument, yes: YesFlag = False, as_json: JsonFlag = False) -> int:
    """Take a key out of the config, or after a question a whole table; its comments stay."""
    from llmpool.cli.confirm import confirm
    from llmpool.setup import settings

    terminal: Terminal = ctx.obj
    if lines := settings.lines_of_table(terminal.pool, key):
        confirm(terminal, f"Take {key} out of {terminal.pool.paths.config}, {lines} lines?", yes=yes)
    return _told(terminal, settings.take(terminal.pool, key), as_json=as_json)


def edit(
    ctx: Context,
    source: Annotated[str, Option("--from", metavar="FILE", help="Begin with this text.")] = "",
) -> int:
    """Open the config in $VISUAL or $EDITOR; what you save comes into force only when it loads.

    The editor works on a copy. After mistakes it opens again if you like; otherwise, and whenever something
    goes wrong, your text stays in a file that the message names.
    """
    from llmpool.setup import editing

    terminal: Terminal = ctx.obj
    if not (terminal.in_is_terminal and terminal.is_terminal):
        raise Misuse("an editor needs a terminal", hint="scripts use: llmpool config set KEY VALUE")
    path = terminal.pool.paths.config
    command = editing.editor(terminal.pool.env)
    written = editing.edit(
        terminal.pool,
        command,
        again=lambda problem: _again(terminal, problem),
        broken_off=lambda copy: _broken_off(terminal, copy),
        source=source,
    )
    terminal.say(f"wrote {path}" if written else f"{path} is as it was")
    return Exit.OK


def export(
    ctx: Context,
    file: Annotated[str, Argument(metavar="[FILE]", help="Where to; without it, stdout.")] = "",
    output: Annotated[str, Option("-o", "--output", metavar="FILE", help="The same.")] = "",
    keys: Annotated[
        bool, Option("--keys", help="Seal the keys that llmpool keeps into it, with a passphrase.")
    ] = False,
    passphrase_file: Annotated[
        str,
        Option("--passphrase-file", metavar="FILE", help="Read the passphrase from it; - is stdin."),
    ] = "",
    usage: Annotated[bool, Option("--usage", help="Add the records of what was used.")] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Write config and policies as one file that `llmpool init --from` takes in on another machine.

    Comments travel too. Keys stay here: a variable or a command has to be there on the other machine as well,
    and keys in the keyring or in secrets.json travel only with `--keys`, sealed with a passphrase. With
    `--usage` the records of what was used travel too, and are added to those of the other machine, each once;
    of pruned days only sums are left, which stay here.
    """
    from llmpool.cli import passphrase
    from llmpool.cli.confirm import confirm
    from llmpool.setup import export as exporting

    terminal: Terminal = ctx.obj
    target = _target(file, output)
    if passphrase_file and not keys:
        raise Misuse("--passphrase-file goes with --keys")
    if usage and as_json and not target:
        raise Misuse("stdout has the usage records; --json tells of a file", hint="name FILE, or drop --json")
    exporting.check(terminal.pool, target)
    if keys and not exporting.can_seal(terminal.pool):
        terminal.say("there is no key to seal: the config names only variables and commands")
        keys = False
    words = passphrase.chosen(terminal, passphrase_file) if keys else None
    done = exporting.export(terminal.pool, words, usage=usage)
    if target and not yes and not exporting.is_free(target):
        confirm(terminal, f"Replace {target}? It is no export of llmpool.", yes=False)
    carried = None if as_json and not target else _write(terminal, done, target)
    if as_json:
        terminal.json(_export_json(done, target, carried))
    _tell_export(terminal, done, target, carried, sealed=keys)
    return Exit.OK


def _write(terminal: Terminal, done: "Exported", target: str) -> "usage_export.Exported | None":
    """Write an export as it is; only a terminal gets it made harmless. Returns what came of the records."""
    from llmpool.cli.progress import Progress
    from llmpool.cli.usage_transfer import writer
    from llmpool.setup import export as exporting

    if not target and terminal.is_terminal:  # which shows the records themselves
        return exporting.pour(terminal.pool, done, writer(terminal))
    with Progress(terminal) as progress:

        def tell(count: int) -> None:
            progress.line(f"  {plural(count, 'usage record')}")

        if target:
            return exporting.save(terminal.pool, done, target, tell)
        return exporting.pour(terminal.pool, done, writer(terminal), tell)


def _told(terminal: Terminal, change: "Change", *, as_json: bool) -> int:
    """Say what a key was and is."""
    before, after = change.before, change.after
    for note in () if as_json else change.notes:
        terminal.say(f"note: {note}")
    if as_json:
        shown = {"changed": change.changed, "before": _document(before), "after": _document(after)}
        terminal.json(shown | ({"notes": list(change.notes)} if change.notes else {}))
    elif change.changed:
        terminal.say(f"{after.key}: {_shown(before)} -> {_shown(after)}")
    elif after.source == "config":
        terminal.say(f"{after.key} is {_shown(after)} already")
    else:
        terminal.say(f"{after.key} is not in the config")
    return Exit.OK


def _document(found: "Setting") -> dict[str, Any]:
    """Show a key as JSON has it."""
    shown = {"key": found.key, "value": found.value, "source": found.source}
    more = (("line", found.line), ("via", found.via))
    return shown | {name: value for name, value in more if value}


def _shown(found: "Setting") -> str:
    """Show a value on one line, and say when the config does not name it."""
    from llmpool.config.written import value_text

    if found.value is None or (found.value == [] and found.source == "default"):
        return "not set"
    plain = isinstance(found.value, str) and found.value.isprintable()
    text = found.value if plain else value_text(found.value)
    text = text if len(text) <= 100 else f"{text[:97]}..."
    return text if found.source == "config" else f"{text} ({found.source})"


def _lines(value: Any) -> str:
    """Write a value for a person and a pipe: text as it is, a table as TOML."""
    from llmpool.config.written import value_text

    if isinstance(value, dict):
        import tomli_w

        return tomli_w.dumps(value).rstrip()
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return "\n".join(map(_lines, value))
    if isinstance(value, list):
        return "\n".join(map(value_text, value))
    return value if isinstance(value, str) else value_text(value)


def _again(terminal: Terminal, problem: "ConfigInvalid") -> bool:
    """List the mistakes and ask whether to go on."""
    from llmpool.cli.confirm import ask

    terminal.error(problem.message, problem.lines)
    return ask(terminal, "Edit it again? [Y/n] ", at_end="n").strip().lower() in ("", "y", "yes")


def _broken_off(terminal: Terminal, copy: str) -> None:
    """Say where the text is of an edit that a signal has ended."""
    terminal.end_line()
    terminal.say(f"your text is kept in {copy}")
    terminal.say(f"go on with it: llmpool config edit --from {copy}")


def _target(file: str, output: str) -> str:
    """Return the one file that is named; `-` is stdout."""
    if file and output and file != output:
        raise Misuse("two files are named", hint="llmpool config export FILE")
    return "" if (file or output) == "-" else file or output


def _export_json(done: "Exported", target: str, carried: "usage_export.Exported | None") -> dict[str, Any]:
    """Show an export as JSON has it; its text only where no file holds it."""
    from llmpool.cli.arrival import place_json

    facts: dict[str, Any] = {"file": target or None, "providers": done.providers, "policies": done.policies}
    facts |= {"keys_sealed": list(map(place_json, done.carried))}
    facts |= {"keys_staying": list(map(place_json, done.staying)), "hidden": done.hidden}
    if carried:
        told = {"records": carried.records, "bad_lines": carried.bad, "pruned_days": carried.pruned}
        facts |= {"usage": told}
    return facts if target else facts | {"text": done.text}


def _tell_export(
    terminal: Terminal,
    done: "Exported",
    target: str,
    carried: "usage_export.Exported | None",
    *,
    sealed: bool,
) -> None:
    """Say what travels and what stays."""
    from llmpool.cli.usage_transfer import tell_missing

    if target:
        told = [plural(done.providers, "provider"), plural(done.policies, "policy", "policies")]
        told += [plural(carried.records, "usage record")] if carried else []
        terminal.say(f"wrote {target}: {', '.join(told)}")
    if carried:
        tell_missing(terminal, carried)
    if done.hidden:
        terminal.warn(f"{plural(done.hidden, 'text')} shaped like a key left out, as <hidden>")
    if done.carried:
        terminal.say("sealed in it: " + ", ".join(map(_named, done.carried)))
    if done.staying:
        terminal.say("keys stay here: " + ", ".join(map(_named, done.staying)))
    if not sealed and any(place.source in ("keyring", "file") for place in done.staying):
        terminal.say("carry them sealed: --keys (asks for a passphrase)")
    terminal.say(f"on the other machine: llmpool init --from {target or 'FILE'}", dim=True)


def _named(place: "KeyPlace") -> str:
    """Name a key: whose, its label unless it is the only one, and where it comes from."""
    name = place.provider if place.label == "default" else f"{place.provider} {place.label}"
    return f"{name} ({place.why or place.env or place.source})"
