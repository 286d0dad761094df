"""`llmpool init`: from nothing to a first answer."""

from typing import Annotated, Any

import typer

from llmpool.cli.app import examples, single
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit

app = single()


@app.command(
    short_help="Find keys and local servers, write a config, spend no tokens.",
    epilog=examples(
        "llmpool init",
        "llmpool init --yes --no-embedded",
    ),
)
def init(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Ask nothing; take what is sensible.")] = False,
    no_embedded: Annotated[bool, typer.Option("--no-embedded", help="Do not offer the small model.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Find keys and local servers, write a commented config, list their models; spends no tokens.

    Safe to run twice: what is configured stays, what is new is added. With nothing found it offers a small
    model that runs inside llmpool (98 MB, toy quality); `--yes` takes it.
    """
    from llmpool.cli import welcome

    terminal: Terminal = ctx.obj
    outcome: dict[str, Any] = welcome.run(terminal, yes=yes, embedded=not no_embedded)
    if as_json:
        terminal.json(outcome)
    if not outcome["providers"]:
        return Exit.NOTHING_ELIGIBLE
    return Exit.OK if any(entry["models"] for entry in outcome["providers"]) else Exit.PARTLY
