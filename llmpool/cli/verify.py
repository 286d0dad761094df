"""`llmpool providers verify`: what answers at an address, and whether the key works."""

import json
import shlex
from typing import Annotated, Any
from urllib.parse import urlsplit

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit, Misuse

EXAMPLES = (
    "llmpool providers verify work",
    "llmpool providers verify work --apply",
    "llmpool providers verify work --key second",
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
    ctx: Context,
    provider: Annotated[
        str, Argument(metavar="[PROVIDER]", autocompletion="providers", help="A configured one.")
    ] = "",
    url: Annotated[str, Option("--url", metavar="URL", help="An address instead.")] = "",
    key: Annotated[str, Option("--key", metavar="LABEL", help="Only this one of the provider's keys.")] = "",
    key_env: Annotated[str, Option("--key-env", metavar="VAR", help="The variable with its key.")] = "",
    model: Annotated[str, Option("-m", "--model", metavar="NAME", help="The model to ask with.")] = "",
    no_verify_tls: Annotated[
        bool, Option("--no-verify-tls", help="With --url: do not look at its TLS certificate.")
    ] = False,
    apply_: Annotated[bool, Option("--apply", help="Write what is recommended into the config.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Ask an address what it speaks and whether the key works; a few tokens at most.

    Tells which endpoints answer, and which format and URL to use. The exit code is 0 when it is ready, 5 when
    the key is refused wherever something answers, 7 when nothing does.
    """
    from llmpool.cli.progress import Progress
    from llmpool.discovery.verify import candidate_at
    from llmpool.discovery.verify_ways import verify_provider
    from llmpool.setup import verify as setup

    terminal: Terminal = ctx.obj
    _check(provider, url, key, key_env, no_verify_tls, apply_)
    asked = candidate_at(url) if url else terminal.pool.provider(provider)
    asked = asked.replace(verify_tls=False) if no_verify_tls else asked
    with Progress(terminal) as progress:
        found = verify_provider(
            terminal.pool,
            asked,
            model=model,
            key=key,
            key_env=key_env,
            progress=lambda text: progress.line(f"  {text}"),
        )
    changes = setup.apply(terminal.pool, asked, found) if apply_ else setup.changes(asked, found)
    if as_json:
        terminal.json({"verification": found.as_json() | _changes(changes, apply_)})
    else:
        _tell(terminal, found, provider)
        moved = setup.elsewhere(asked, found)
        if url and found.ready:
            _tell_how_to_keep(terminal, found, key_env, no_verify_tls)
        elif provider and not found.refused:
            _tell_changes(terminal, changes, provider, moved, apply_)
    return Exit.OK if found.ready else Exit.CREDENTIALS if found.refused else Exit.FAILED


def _check(provider: str, url: str, key: str, key_env: str, no_verify_tls: bool, apply_: bool) -> None:
    """Raise Misuse for options that do not go together."""
    if provider and url:
        raise Misuse(
            "a configured provider or an address, not both", hint="llmpool providers verify PROVIDER"
        )
    if not provider and not url:
        raise Misuse("name a provider, or give an address with --url", hint="llmpool providers verify -h")
    if url and apply_:
        raise Misuse("--apply needs a configured provider", hint=f"llmpool providers add ID --url {url}")
    if key and (url or key_env):
        raise Misuse(
            "--key names a key of a configured provider", hint="a variable with another: --key-env VAR"
        )
    if no_verify_tls and not url:
        raise Misuse("--no-verify-tls goes with --url", hint="verify_tls = false in the provider's table")


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
        way = f"llmpool providers keys replace {name} {shlex.quote(found.key)}"
        once = f"{way}    once you have another;  " if found.key and name else ""
        hint = f"{once}to try one: --key-env VAR"
        terminal.error(f"{key} is refused by every endpoint that answers", hint=hint)
        return  # behind a closed door any format is a guess
    if found.misfit:
        terminal.say(f'the preset "{found.misfit}" does not fit what is there')
    terminal.out(f"recommended: format {found.recommended} at {found.recommended_url}", hang=2)
    if found.works:
        terminal.out(f'key OK: "{found.key}"' if found.key else "no key needed")
    elif found.shut:
        terminal.say(
            "models are listed, but questions are refused "
            + (f'with the key "{found.key}"' if found.key else "without a key")
        )
        _tell_of_tokens(terminal, found, name)
    if found.chat_error and not found.ready:
        terminal.say(f"it says: {found.chat_error}", dim=True)


def _tell_of_tokens(terminal: Terminal, found: Any, name: str) -> None:
    """Tell of the other way to send a key, where Anthropic's own was tried at a gateway."""
    if found.recommended == "anthropic" and found.key and name and not terminal.pool.provider(name).auth:
        terminal.say(f"should it be a token, as gateways give: llmpool providers set {name} --auth bearer")


def _tell_how_to_keep(terminal: Terminal, found: Any, key_env: str, no_verify_tls: bool) -> None:
    """Tell the command that makes a provider of an address nobody configured."""
    from shlex import join

    name = _name_for(terminal, found.recommended_url)
    words = ["llmpool", "providers", "add", name, "--url", found.recommended_url]
    words += ["--format", found.recommended, *(["--key-env", key_env] if key_env else [])]
    terminal.say(f"to keep it: {join(words)}")
    if no_verify_tls:
        terminal.say(f"then put verify_tls = false into [providers.{name}]")


def _name_for(terminal: Terminal, url: str) -> str:
    """Name a provider after its host as `providers add URL` does, unless another goes by that name."""
    from llmpool.setup.providers import host_name

    name = host_name(url, "")
    return "ID" if any(table.id == name for table in terminal.pool.config.providers) else name


def _tell_changes(terminal: Terminal, changes: Any, name: str, moved: str, applied: bool) -> None:
    """Tell what was changed in the config, or would be, and which alternate address is used from now on."""
    told = [f"{change.key} = {json.dumps(change.after)}" for change in changes]
    words = ", ".join([*told, *([f"{moved} is asked first"] if moved else [])])
    if applied:
        terminal.say(f"{name}: {words or 'nothing to change'}")
    elif told:
        terminal.say(f"--apply would set {words}")
    elif moved:
        terminal.say(f"--apply would remember that {words}")


def _answer(probe: Any) -> str:
    """Say in a few words what an endpoint answered."""
    if not probe.status:
        return str(probe.error)
    if probe.refused:
        return f"{probe.status} key refused"
    return f"{probe.status} {probe.error}".rstrip()
