"""`llmpool completion SHELL`: the script a shell sources."""

from typing import Annotated

import typer

from llmpool.cli.app import single
from llmpool.cli.context import Terminal
from llmpool.errors import Exit, Misuse

app = single()
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


@app.command()
def completion(
    ctx: typer.Context, shell: Annotated[str, typer.Argument(metavar="SHELL", help=", ".join(SHELLS))]
) -> int:
    """Print the completion script of a shell; nothing is installed or edited.

    For bash: llmpool completion bash > ~/.local/share/bash-completion/completions/llmpool
    """
    if shell not in SHELLS:
        raise Misuse(f"{shell!r} is not a shell this knows", hint=f"one of: {', '.join(SHELLS)}")
    terminal: Terminal = ctx.obj
    terminal.out(script(shell).rstrip("\n"))
    return Exit.OK


def script(shell: str) -> str:
    """Return the completion script of *shell*."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    return str(get_completion_script(prog_name="llmpool", complete_var="_LLMPOOL_COMPLETE", shell=shell))
