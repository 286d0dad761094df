"""`llmpool models load`, `unload` and `ps`: what is in the memory of servers."""

import typer

from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, RefArgument
from llmpool.errors import Exit

PS_EXAMPLES = ("llmpool models ps",)
UNLOAD_EXAMPLES = ("llmpool models unload embedded/smollm2-135m",)


def ps(ctx: typer.Context, as_json: JsonFlag = False) -> int:
    """Show the embedded models that are loaded now."""
    from llmpool.cli.tables import show as table
    from llmpool.embedded import server

    terminal: Terminal = ctx.obj
    running = server.running(terminal.pool.paths.state)
    if as_json:
        terminal.json({"models": [r._asdict() for r in running]})
    else:
        table(
            terminal,
            ["model", ">pid", ">port"],
            [[f"embedded/{r.name}", str(r.pid), str(r.port)] for r in running],
        )
    return Exit.OK


def unload(ctx: typer.Context, ref: RefArgument) -> int:
    """Stop an embedded model's server; the next chat starts it again."""
    from llmpool.embedded import server
    from llmpool.setup import models

    terminal: Terminal = ctx.obj
    stopped = server.stop(terminal.pool.paths.state, models.embedded_name(terminal.pool, ref))
    terminal.say(f"{ref} is stopped" if stopped else f"{ref} was not loaded")
    return Exit.OK
