"""The options of `usage` that say whose records are wanted; empty takes any."""

from typing import Annotated

import typer

from llmpool.cli import complete

Provider = Annotated[
    str, typer.Option("--provider", metavar="ID", autocompletion=complete.providers, help="Only of it.")
]
Deployment = Annotated[
    str, typer.Option("--deployment", metavar="ID", autocompletion=complete.models, help="Only of it.")
]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="Only of it, wherever.")]
Key = Annotated[str, typer.Option("--key", metavar="LABEL", help="Only with this key.")]
Tag = Annotated[str, typer.Option("--tag", metavar="TAG", help="Only with this tag.")]
Session = Annotated[str, typer.Option("--session", metavar="NAME", help="Only of this session.")]
