"""`llmpool completion SHELL`: the script a shell sources."""

from typing import Annotated

import typer

from llmpool.cli.app import examples, single
from llmpool.cli.context import Terminal
from llmpool.errors import Exit, Misuse

app = single()
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


@app.command(
    short_help="Print the completion script of a shell.",
    epilog=examples(
        "llmpool completion bash > ~/.local/share/bash-completion/completions/llmpool",
        "llmpool completion fish > ~/.config/fish/completions/llmpool.fish",
        'eval "$(llmpool completion zsh)"',
        "llmpool completion pwsh | Out-String | Invoke-Expression",
    ),
)
def completion(
    ctx: typer.Context, shell: Annotated[str, typer.Argument(metavar="SHELL", help=", ".join(SHELLS))]
) -> int:
    """Print the completion script of a shell; nothing is installed or edited.

    Write it where the shell looks for such scripts, or have it evaluated at the start of each session.
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
