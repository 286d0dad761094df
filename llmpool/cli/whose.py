"""The options of `usage` that say whose records are wanted; empty takes any."""

from typing import Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Option

Provider = Annotated[
    str,
    Option("--provider", metavar="ID", autocompletion="providers", help="Only this provider."),
]
Deployment = Annotated[
    str,
    Option("--deployment", metavar="ID", autocompletion="models", help="Only this deployment."),
]
Model = Annotated[str, Option("--model", metavar="NAME", help="Only this model, at any provider.")]
Key = Annotated[str, Option("--key", metavar="LABEL", help="Only with this key.")]
Tag = Annotated[str, Option("--tag", metavar="TAG", help="Only with this tag.")]
Session = Annotated[str, Option("--session", metavar="NAME", help="Only of this session.")]


def tell_unknown(terminal: Terminal, filters: dict[str, str]) -> None:
    """Say of a provider, deployment or model that nothing was found for whether its name is known at all."""
    if not any(filters.get(name) for name in ("provider", "deployment", "model")):
        return
    from llmpool.setup.unheard import unheard

    for name, value, near in unheard(terminal.pool, filters):
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        terminal.say(f'note: no {name} "{value}" is in the config or in any record{meant}')
