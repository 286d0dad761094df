"""`llmpool providers trial`: a licence that pays for some tokens."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.trial import Stands

app = verbs("Use a trial: a licence that pays for some tokens.")


@app.callback()
def trial_() -> None:
    """Use a trial: a licence that pays for some tokens."""


@app.command(
    epilog=examples(
        "llmpool providers trial",
        "llmpool providers trial status --json | jq .trial.tokens_remaining",
    )
)
def status(ctx: Context, as_json: JsonFlag = False) -> int:
    """Show how much of the trial is left, and why it is over if it is; no network."""
    from llmpool.setup import trial

    terminal: Terminal = ctx.obj
    stands = trial.status(terminal.pool)
    shown = trial.document(stands, terminal.pool.clock())
    if as_json:
        terminal.json({"trial": shown})
        return Exit.OK
    for name in ("provider", "model", "tokens_used", "tokens_remaining", "token_limit", "expires_at"):
        if stands.terms and shown[name] is not None:
            terminal.out(f"{name.replace('_', ' '):16} {shown[name]}", hang=17)
    if stands.quota.exhausted:
        terminal.say(f"{shown['message']}\n  {shown['next']}")
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool providers trial install licence.txt",
        "pass show trial | llmpool providers trial install -",
        "LLMPOOL_TRIAL_LICENSE=$(cat licence.txt) llmpool providers trial install",
    )
)
def install(
    ctx: Context,
    source: Annotated[
        str,
        Argument(metavar="[FILE]", help="The file with the licence; - is stdin. Left out: see above."),
    ] = "",
    plaintext: Annotated[
        bool, Option("--plaintext", help="Keep it in secrets.json (0600) instead of the keyring.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Install the licence of a trial, or a newer one in its place, as the provider `trial`.

    It must be signed with one of the keys in `[trial.keys]` of the config; no such key is built in. Address,
    format and model are those of the licence. It contains an API key, so it is kept where keys are: in the
    keyring, else encrypted in secrets.json; with `--plaintext` as it is in that file, whose mode protects it
    from other users only.

    Without FILE it is taken from the variable LLMPOOL_TRIAL_LICENSE, and stays there: the variable must be
    set whenever the trial is used. Where that is not set either, it is the one that the config points at.
    """
    from llmpool.setup import trial

    terminal: Terminal = ctx.obj
    stands = trial.install(terminal.pool, source, plaintext=plaintext)
    if as_json:
        terminal.json({"trial": trial.document(stands, terminal.pool.clock())})
    else:
        terminal.say(_installed(stands))
    return Exit.OK


def _installed(stands: "Stands") -> str:
    from llmpool.core.times import rfc3339

    terms, quota = stands.terms, stands.quota
    if terms is None:
        return ""
    left = max(0, terms.limit - quota.tokens_used)
    ends = f"until {rfc3339(terms.expires)}" if terms.expires else "without an end date"
    return f"the trial is installed: {left} tokens of {terms.model} {ends}.  -m trial/{terms.model}"


@app.command(epilog=examples("llmpool providers trial remove", "llmpool providers trial remove --yes"))
def remove(ctx: Context, yes: YesFlag = False) -> int:
    """Take the trial out of the config, and its licence out of the keyring or secrets.json.

    What was used stays counted: the same licence goes on where it was.
    """
    from llmpool.cli.confirm import confirm
    from llmpool.setup import trial

    terminal: Terminal = ctx.obj
    confirm(terminal, "remove the trial and its licence?", yes=yes)
    for line in trial.remove(terminal.pool):
        terminal.say(line)
    terminal.say("the trial is removed; what was used of it stays counted")
    return Exit.OK
