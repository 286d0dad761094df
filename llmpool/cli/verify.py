"""`llmpool providers verify`: what answers at an address, and whether the key works."""

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit, Misuse

EXAMPLES = (
    "llmpool providers verify work",
    "llmpool providers verify work --apply",
    "llmpool providers verify --url https://gw.example/v1 --key-env GW_KEY",
)
_NAMES = {
    "listing": "own listing",
    "models": "models",
    "chat_completions": "chat",
    "responses_v1": "responses",
    "responses_plain": "responses, no /v1",
    "anthropic_messages": "messages",
}


def verify(
    ctx: typer.Context,
    provider: Annotated[
        str, typer.Argument(metavar="[PROVIDER]", autocompletion=complete.providers, help="A configured one.")
    ] = "",
    url: Annotated[str, typer.Option("--url", metavar="URL", help="An address instead.")] = "",
    key_env: Annotated[str, typer.Option("--key-env", metavar="VAR", help="The variable with its key.")] = "",
    model: Annotated[str, typer.Option("-m", "--model", metavar="NAME", help="The model to ask with.")] = "",
    apply_: Annotated[
        bool, typer.Option("--apply", help="Write what is recommended into the config.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Ask an address what it speaks and whether the key works; a few tokens at most.

    Tells which endpoints answer, and which format and URL to use. The exit code is 0 when it is ready, 5 when
    the key is refused wherever something answers, 7 when nothing does.
    """
    from llmpool.cli.progress import Progress
    from llmpool.discovery import verify as verifying
    from llmpool.setup import verify as setup

    terminal: Terminal = ctx.obj
    if bool(provider) == bool(url):
        raise Misuse("name a provider, or give an address with --url", hint="llmpool providers verify -h")
    if url and apply_:
        raise Misuse("--apply needs a configured provider", hint=f"llmpool providers add ID --url {url}")
    asked = verifying.candidate_at(url) if url else terminal.pool.provider(provider)
    with Progress(terminal) as progress:
        found = verifying.verify_provider(
            terminal.pool,
            asked,
            model=model,
            key_env=key_env,
            progress=lambda text: progress.line(f"  {text}"),
        )
    changes = setup.apply(terminal.pool, asked, found) if apply_ else setup.changes(asked, found)
    if as_json:
        terminal.json({"verification": found.as_json() | _changes(changes, apply_)})
    else:
        _tell(terminal, found, provider)
        _tell_changes(terminal, changes, provider, apply_)
    return Exit.OK if found.ready else Exit.CREDENTIALS if found.refused else Exit.FAILED


def _changes(changes: Any, applied: bool) -> dict[str, Any]:
    return {"applied": applied, "changes": [change._asdict() for change in changes]}


def _tell(terminal: Terminal, found: Any, name: str) -> None:
    """Tell a person: a line for each endpoint, and what follows from them."""
    from llmpool.cli import tables

    rows = [[_NAMES[what], urlsplit(probe.url).path or "/", _answer(probe)] for what, probe in found.probes]
    tables.show(terminal, ["endpoint", "path", "answer"], rows)
    if not found.there:
        terminal.error(
            "nothing that could be used answers there", hint="is the address right? is it running?"
        )
        return
    if found.refused:
        key = f'the key "{found.key}"' if found.key else "a call without a key"
        shown = f"llmpool providers show {name} says where it is from; " if found.key and name else ""
        terminal.error(
            f"{key} is refused by every endpoint that answers", hint=f"{shown}another: --key-env VAR"
        )
    terminal.out(f"recommended: format {found.recommended} at {found.recommended_url}")
    if found.chat_error:
        terminal.say(f"it says: {found.chat_error}", dim=True)


def _tell_changes(terminal: Terminal, changes: Any, name: str, applied: bool) -> None:
    """Tell what was changed in the config, or would be; an address nobody configured is not in it."""
    words = ", ".join(f"{change.key} = {json.dumps(change.after)}" for change in changes)
    if applied:
        terminal.say(f"{name}: {words or 'nothing to change'}")
    elif words and name:
        terminal.say(f"--apply would set {words}")


def _answer(probe: Any) -> str:
    """Say in a few words what an endpoint answered."""
    if not probe.status:
        return str(probe.error)
    if probe.refused:
        return f"{probe.status} key refused"
    return f"{probe.status} {probe.error}".rstrip() if probe.status >= 300 else str(probe.status)
