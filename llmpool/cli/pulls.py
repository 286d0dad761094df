"""`llmpool models pull` and `remove`: what is on the disks of servers."""

from typing import Annotated

import typer

from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, RefArgument, YesFlag
from llmpool.errors import Exit

SHORT = "Fetch a model for the embedded provider."
PULL_EXAMPLES = (
    "llmpool models pull embedded/smollm2-135m",
    "llmpool models pull embedded/mine --from ./mine.gguf",
)
REMOVE_EXAMPLES = ("llmpool models remove embedded/smollm2-135m",)


def pull(
    ctx: typer.Context,
    ref: RefArgument,
    source: Annotated[str, typer.Option("--from", metavar="URL_OR_FILE", help="Any GGUF, from here.")] = "",
    sha256: Annotated[str, typer.Option("--sha256", metavar="HEX", help="What --from must be.")] = "",
    as_json: JsonFlag = False,
) -> int:
    """Fetch a model for the embedded provider: `embedded/smollm2-135m` (98 MB, a toy), or any GGUF.

    What is fetched is verified by size and SHA-256 before it gets its name; an interrupted pull goes on
    where it stopped.
    """
    from llmpool.cli.progress import Progress
    from llmpool.setup import models

    terminal: Terminal = ctx.obj
    with Progress(terminal) as progress:
        pulled = models.pull(terminal.pool, ref, source, sha256, progress.bytes)
    if as_json:
        terminal.json(
            {"model": {"id": ref, "size": pulled.size, "sha256": pulled.sha256, "licence": pulled.licence}}
        )
    else:
        terminal.say(f"{ref}: {pulled.size / 1e6:.0f} MB, verified; {pulled.licence or 'licence unknown'}")
    return Exit.OK


def remove(ctx: typer.Context, ref: RefArgument, yes: YesFlag = False) -> int:
    """Delete a model of the embedded provider from this machine's disk."""
    from llmpool.cli.confirm import confirm
    from llmpool.setup import models

    terminal: Terminal = ctx.obj
    models.embedded_name(terminal.pool, ref)
    confirm(terminal, f"delete {ref} from this machine's disk?", yes=yes)
    models.remove(terminal.pool, ref)
    terminal.say(f"{ref} is deleted; again: llmpool models pull {ref}")
    return Exit.OK
