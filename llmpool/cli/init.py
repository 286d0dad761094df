"""`llmpool init`: from nothing to a first answer."""

from typing import Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option, examples, single
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit, Misuse

app = single()


@app.command(
    short_help="Find keys and local servers, write a config, spend no tokens.",
    epilog=examples(
        "llmpool init",
        "llmpool init --yes --no-embedded",
        "llmpool init --from pool.llmpool",
        "ssh old llmpool config export | llmpool init --from - --yes",
    ),
)
def init(
    ctx: Context,
    yes: Annotated[bool, Option("-y", "--yes", help="Ask nothing; take what is sensible.")] = False,
    no_embedded: Annotated[bool, Option("--no-embedded", help="Do not offer the small model.")] = False,
    source: Annotated[
        str, Option("--from", metavar="FILE", help="Take in what config export wrote; - is stdin.")
    ] = "",
    passphrase_file: Annotated[
        str,
        Option("--passphrase-file", metavar="FILE", help="What opens the keys sealed in it; - is stdin."),
    ] = "",
    no_keys: Annotated[bool, Option("--no-keys", help="Leave the sealed keys in the export.")] = False,
    plaintext: Annotated[
        bool,
        Option("--plaintext", help="Store the keys in secrets.json (0600) instead of the keyring."),
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Find keys and local servers, write a commented config, list their models; spends no tokens.

    Safe to run twice: what is configured stays, what is new is added. With nothing found it offers a small
    model that runs inside llmpool (98 MB, toy quality); `--yes` takes it.

    With `--from` it takes in the config and the policies of another machine, all or nothing, and says what
    is missing here; usage records that came along are added to those that are here, each once. A config that
    is here already is kept beside the new one. Sealed keys go where the config looks for them: the keyring,
    or with `--plaintext` secrets.json, which protects them from other users only.
    """
    terminal: Terminal = ctx.obj
    if not source and (passphrase_file or no_keys or plaintext):
        raise Misuse("--passphrase-file, --no-keys and --plaintext go with --from")
    if source:
        from llmpool.cli import arrival

        wishes = arrival.Wishes(source, yes, not no_keys, passphrase_file, plaintext)
        outcome: dict[str, Any] = arrival.run(terminal, wishes)
    else:
        from llmpool.cli import welcome

        outcome = welcome.run(terminal, yes=yes, embedded=not no_embedded)
    if as_json:
        terminal.json(outcome)
    return _code(outcome, offline=bool(source) and terminal.pool.offline)


def _code(outcome: dict[str, Any], *, offline: bool) -> int:
    """Return 6 without a provider, 9 when none has a model, or where usage records could not be read."""
    providers = outcome["providers"]
    if not providers and not offline:
        return Exit.NOTHING_ELIGIBLE
    listed = not providers or any(entry["models"] for entry in providers)
    return Exit.PARTLY if outcome.get("usage", {}).get("broken") or not listed else Exit.OK
