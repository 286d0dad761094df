"""`llmpool providers keys`: the keys of a provider."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli import given_key, key_table
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, ProviderArgument, YesFlag
from llmpool.cli.output import plural
from llmpool.core.word import word
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.key_changes import Replaced

app = verbs("List, add, replace and remove keys of providers.")

OneLabel = Annotated[
    str,
    Argument(
        metavar="[LABEL]",
        autocompletion="key_labels",
        help="Which of its keys; left out: the only one.",
    ),
]
NewLabel = Annotated[str, Option("--label", metavar="NAME", help="What to call it.")]
_OPEN = {"allow_extra_args": True}  # a key that is typed is refused here, and not repeated


@app.callback()
def keys_() -> None:
    """List, add, replace and remove keys of providers."""


@app.command(
    "list",
    context_settings=_OPEN,
    epilog=examples(
        "llmpool providers keys",
        "llmpool providers keys list work",
        "llmpool providers keys list --json | jq '.keys[] | {label, last_used}'",
    ),
)
def list_(
    ctx: Context,
    provider: Annotated[
        str,
        Argument(metavar="[PROVIDER]", autocompletion="providers", help="Only this one's."),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """List the keys: where each comes from, its mask, how often it was used; no network, no key."""
    from llmpool.setup import key_view

    terminal: Terminal = ctx.obj
    given_key.refuse_typed(ctx.args, provider)
    rows, loose = key_view.rows(terminal.pool, provider), key_view.loose(terminal.pool, provider)
    if as_json:
        unused = [{"provider": name, "label": label} for name, label in loose]
        terminal.json({"keys": rows, "unused": unused}, entries="keys")
        return Exit.OK
    if rows:
        key_table.show(terminal, rows)
    else:
        terminal.say(f"no key is configured.  run: llmpool providers keys add {provider or 'PROVIDER'}")
    for name, label in loose:
        way = f"llmpool providers keys remove {name} {word(label)}"
        fact = f'secrets.json holds key "{label}" of {name}, which this config does not name'
        terminal.say(f"{fact}.  if no other beside it does: {way}")
    return Exit.OK


@app.command(
    context_settings=_OPEN,
    epilog=examples(
        "llmpool providers keys add openai",
        "pass show ai | llmpool providers keys add openai --key-stdin --label a",
        "llmpool providers keys add openai --env OPENAI_API_KEY",
        "llmpool providers keys add openai --command 'pass show openai/key'",
        "llmpool providers keys add openai --key-file key.txt --plaintext",
    ),
)
def add(
    ctx: Context,
    provider: ProviderArgument,
    label: NewLabel = "",
    key_stdin: given_key.KeyStdin = False,
    key_file: given_key.KeyFile = "",
    env: given_key.KeyEnv = "",
    command: given_key.KeyCommand = "",
    keep: given_key.Keep = "",
    plaintext: given_key.Plaintext = False,
    as_json: JsonFlag = False,
) -> int:
    """Add a key to a provider. On a terminal you are asked for it, and it is not shown.

    It is kept in the keyring where one is usable, else in secrets.json beside the config, which only you can
    read (0600): encrypted with a state key (`providers keys encrypt`), or as it is once you said
    `--plaintext`. That protects it from other users of this machine, and from nobody who runs programs as
    you, is root, or has the disk or a backup of it. With `--env` and `--command` nothing is stored but where
    to look.

    A key that the provider has already is named, and nothing is changed.
    """
    from llmpool.setup import keys, keystore

    terminal: Terminal = ctx.obj
    given_key.refuse_typed(ctx.args, provider, label)
    given_key.check_place(keep, plaintext)
    keys.provider_of(terminal.pool, provider)  # before anybody is asked for a key of nobody
    given = given_key.read(
        terminal,
        stdin=key_stdin,
        file=key_file,
        env=env,
        command=command,
        ready=lambda: keystore.settle(
            terminal.pool,
            provider,
            label or "default",
            where=keep or ("file" if plaintext else ""),
            plaintext=plaintext,
        ),
    )
    stored = keys.add(terminal.pool, provider, given, label=label, where=keep, plaintext=plaintext)
    if as_json:
        terminal.json({"key": given_key.document(provider, stored)})
        return Exit.OK
    given_key.tell(terminal, provider, stored)
    if not stored.existing:
        way = f"llmpool providers verify {provider} --key {word(stored.label)}"
        terminal.say(f"see whether it works: {way}")
        _tell_turn(terminal, provider)
    return Exit.OK


@app.command(
    context_settings=_OPEN,
    epilog=examples(
        "llmpool providers keys replace openai",
        "pass show ai2 | llmpool providers keys replace openai work --key-stdin",
        "llmpool providers keys replace openai work --env NEW_OPENAI_KEY --no-verify",
    ),
)
def replace(
    ctx: Context,
    provider: ProviderArgument,
    label: OneLabel = "",
    key_stdin: given_key.KeyStdin = False,
    key_file: given_key.KeyFile = "",
    env: given_key.KeyEnv = "",
    command: given_key.KeyCommand = "",
    keep: given_key.Keep = "",
    plaintext: given_key.Plaintext = False,
    verify: Annotated[
        bool, Option("--verify/--no-verify", help="Ask the provider with the new key first.")
    ] = True,
    as_json: JsonFlag = False,
) -> int:
    """Put a new key in the place of one: asked whether it works first, and only then swapped.

    The provider is asked as `providers verify` does. When it refuses the new key (5), or does not answer (7),
    the old one stays. The label stays, and with it budgets and counts; `providers keys list` shows the masks
    of those it had before.
    """
    from llmpool.cli.progress import Progress
    from llmpool.setup import key_changes

    terminal: Terminal = ctx.obj
    given_key.refuse_typed(ctx.args, provider, label)
    given_key.check_place(keep, plaintext)
    ref = key_changes.the_one(terminal.pool, provider, label)
    given = given_key.read(
        terminal, stdin=key_stdin, file=key_file, env=env, command=command, what=f'new key "{ref.label}"'
    )
    with Progress(terminal) as progress:
        done = key_changes.replace(
            terminal.pool,
            provider,
            ref.label,
            given,
            where=keep,
            plaintext=plaintext,
            verify=verify,
            progress=lambda text: progress.line(f"  {text}"),
        )
    if done.left:
        terminal.warn(done.left)
    if as_json:
        more = {"before": done.before or None, "verified": done.verified, "left": done.left or None}
        terminal.json({"key": given_key.document(provider, done.stored) | more})
    else:
        _tell_replaced(terminal, provider, done)
    return Exit.PARTLY if done.left else Exit.OK


def _tell_turn(terminal: Terminal, provider: str) -> None:
    """Say when one key of several is used, where that is not spread over them."""
    found = terminal.pool.provider(provider)
    if len(found.keys) > 1 and found.key_rotation == "first":
        terminal.say(f'used only when "{found.keys[0].label}" is limited or refused')
        terminal.say(f"  share the load: llmpool config set providers.{provider}.key_rotation least_used")


def _tell_replaced(terminal: Terminal, provider: str, done: "Replaced") -> None:
    if done.stored.existing:
        given_key.tell(terminal, provider, done.stored)
        return
    for line in done.stored.notes:
        terminal.say(line)
    was = f", was {done.before}" if done.before else ""
    works = "it works; " if done.verified else ""
    mask = done.stored.mask or "not read yet"
    terminal.say(
        f'{provider}: key "{done.stored.label}" is replaced ({mask}{was}); '
        f"{works}it comes from {given_key.PLACES[done.stored.where]}; its history is kept"
    )
    if page := terminal.pool.provider(provider).key_page:
        terminal.say(f"revoke the old one: {page}")


@app.command(
    context_settings=_OPEN,
    epilog=examples(
        "llmpool providers keys remove openai work",
        "llmpool providers keys remove openai work --yes",
    ),
)
def remove(
    ctx: Context,
    provider: ProviderArgument,
    label: OneLabel = "",
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Take a key out of the config, and out of the keyring or secrets.json where llmpool put it.

    What hangs on it is told before you are asked. A key in a variable or a password manager stays there.
    """
    from llmpool.cli.confirm import confirm
    from llmpool.setup import key_changes

    terminal: Terminal = ctx.obj
    given_key.refuse_typed(ctx.args, provider, label)
    pool = terminal.pool
    ref = key_changes.to_remove(pool, provider, label)
    told = key_changes.hangs_on(pool, provider, ref)
    for line in told:
        terminal.say(line)
    confirm(terminal, f'remove key "{ref.label}" of {provider}?', yes=yes)
    left = key_changes.remove(pool, provider, ref)
    if left:
        terminal.warn(left)
    if as_json:
        gone = {"provider": provider, "label": ref.label, "told": told, "left": left or None}
        terminal.json({"removed": gone})
    else:
        terminal.say(f'{provider}: key "{ref.label}" is removed')
    return Exit.PARTLY if left else Exit.OK


@app.command(context_settings=_OPEN, epilog=examples("llmpool providers keys enable openai work"))
def enable(
    ctx: Context,
    provider: ProviderArgument,
    label: OneLabel = "",
    as_json: JsonFlag = False,
) -> int:
    """Let a key be used again."""
    return _switch(ctx, provider, label, on=True, as_json=as_json)


@app.command(context_settings=_OPEN, epilog=examples("llmpool providers keys disable openai work"))
def disable(
    ctx: Context,
    provider: ProviderArgument,
    label: OneLabel = "",
    as_json: JsonFlag = False,
) -> int:
    """Keep a key, but never use it."""
    return _switch(ctx, provider, label, on=False, as_json=as_json)


@app.command(
    context_settings=_OPEN,
    epilog=examples(
        "llmpool providers keys encrypt",
        "llmpool providers keys encrypt --state-key-file /mnt/usb/llmpool.key",
    ),
)
def encrypt(
    ctx: Context,
    key_file: Annotated[
        str,
        Option(
            "--state-key-file", metavar="FILE", help="Keep the state key in this file; made if it is missing."
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """Encrypt secrets.json with a state key, which is made where there is none.

    It is the one of LLMPOOL_STATE_KEY, of the file LLMPOOL_STATE_KEY_FILE names, or of the keyring. Who has
    secrets.json without it has nothing: a backup, a copied directory. Programs that you run can still read
    both, and a state key beside secrets.json protects nothing. Without it the keys are lost: keep a copy.
    """
    from llmpool.setup import keystore

    terminal: Terminal = ctx.obj
    given_key.refuse_typed(ctx.args, key_file)
    done = keystore.encrypt(terminal.pool, key_file)
    if done.shut:
        terminal.warn(f"another state key is needed for: {', '.join(done.shut)}")
    if as_json:
        terminal.json({"encrypted": done._asdict()})
        return Exit.OK
    new = done.keys - done.before
    told = f"{plural(new, 'key')} encrypted" if new else "nothing was left to encrypt"
    terminal.say(f"{terminal.pool.paths.secrets}: {told}; it holds {plural(done.keys, 'key')}")
    terminal.say(
        f"the state key is {'made, ' if done.made else ''}in {done.state_key}; without it they are lost"
    )
    return Exit.OK


def _switch(ctx: Context, name: str, label: str, *, on: bool, as_json: bool) -> int:
    from llmpool.setup import key_changes

    terminal: Terminal = ctx.obj
    given_key.refuse_typed(ctx.args, name, label)
    pool = terminal.pool
    ref = key_changes.the_one(pool, name, label)
    told = [] if on else key_changes.hangs_on(pool, name, ref, gone=False)
    changed = key_changes.switch(pool, name, ref.label, on=on)
    if as_json:
        shown = {"provider": name, "label": ref.label, "enabled": on, "changed": changed, "told": told}
        terminal.json({"key": shown})
        return Exit.OK
    for line in told:
        terminal.say(line)
    terminal.say(
        f'{name}: key "{ref.label}" is {"enabled" if on else "disabled"}{"" if changed else " already"}'
    )
    return Exit.OK
