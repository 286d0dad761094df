"""`llmpool doctor`: what is wrong, and the command that mends each of it."""

import os
from typing import TYPE_CHECKING, Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option, examples, single
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.doctor import Examination

app = single()


@app.command(
    epilog=examples(
        "llmpool doctor",
        "llmpool doctor --offline",
        "llmpool doctor --cron",
        "llmpool doctor --json | jq -r '.findings[] | select(.command) | .command'",
    )
)
def doctor(
    ctx: Context,
    cron: Annotated[
        bool, Option("--cron", help="Ask for keys as in cron: no desktop, a short PATH.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Say what is wrong, each finding with the command that mends it.

    Looks at config, keys, permissions, state, clock, models, locks and the installation, and asks each
    provider for its list of models, which spends no tokens; --offline leaves that out. Nothing is changed.
    The exit code is 9 when there is an error or a warning.
    """
    from llmpool.cli.cronpage import CRONTAB
    from llmpool.cli.progress import Progress
    from llmpool.config.paths import find_paths
    from llmpool.setup.doctor import examine

    terminal: Terminal = ctx.obj
    options = terminal.options
    paths = find_paths(os.environ, options.config or None, options.state or None)
    with Progress(terminal) as progress:
        found = examine(
            paths,
            os.environ,
            offline=options.offline,
            cron=CRONTAB if cron else "",
            progress=lambda text: progress.line(f"  {text}"),
        )
    if as_json:
        terminal.json(found.as_json(), entries="findings")
    else:
        _tell(terminal, found)
    counts = found.counts
    return Exit.PARTLY if counts["error"] or counts["warning"] else Exit.OK


def _tell(terminal: Terminal, found: "Examination") -> None:
    from llmpool.cli import doctor_view

    doctor_view.show(terminal, found)
