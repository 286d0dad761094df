"""`llmpool providers env`: what another tool must find in its environment to use one of these providers."""

import os
from typing import Annotated

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option
from llmpool.cli.options import ProviderArgument
from llmpool.errors import Exit, Misuse

EXAMPLES = (
    'eval "$(llmpool providers env anthropic --for claude-code)"',
    "llmpool providers env den --for aider -m qwen3:8b --shell fish | source",
    "llmpool providers env openai --reveal",
)


def _tools(incomplete: str) -> list[str]:
    from llmpool.setup.env_tools import TOOLS

    return complete.starting(TOOLS, incomplete)


def env(
    ctx: Context,
    provider: ProviderArgument,
    tool: Annotated[
        str,
        Option(
            "--for",
            metavar="TOOL",
            autocompletion=_tools,
            help="claude-code, codex, aider, goose, opencode, gemini-cli, qwen-code, aichat, litellm, "
            "ollama, or sdk: what clients of the vendors read.",
        ),
    ] = "sdk",
    shell: Annotated[
        str, Option("--shell", metavar="SHELL", help="bash (zsh too), fish, powershell; else yours.")
    ] = "",
    model: Annotated[
        str,
        Option("-m", "--model", metavar="REF", autocompletion="models", help="Name a model as well."),
    ] = "",
    reveal: Annotated[bool, Option("--reveal", help="Print it on a terminal, key and all.")] = False,
) -> int:
    """Print the variables with which another tool uses a provider, for a shell to take up.

    The key is among them, so nothing is printed on a terminal unless asked for.
    """
    from llmpool.cli.requests import one_of
    from llmpool.setup import env_exports
    from llmpool.setup.env_tools import TOOLS

    terminal: Terminal = ctx.obj
    one_of(tool, tuple(TOOLS), "--for")
    if terminal.is_terminal and not reveal:
        way = f'eval "$(llmpool providers env {provider}{f" --for {tool}" if tool != "sdk" else ""})"'
        raise Misuse("this would show the key on the screen", hint=f"{way}   or: --reveal")
    pool = terminal.pool
    found = env_exports.exports(pool, pool.provider(provider), tool, model)
    for line in env_exports.lines(found.exports, shell or env_exports.shell_of(os.environ.get("SHELL", ""))):
        terminal.out(line)
    for text in found.notes:
        terminal.say(f"note: {text}")
    return Exit.OK
