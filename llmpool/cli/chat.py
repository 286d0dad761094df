"""`llmpool chat`: one answer, streamed."""

from typing import Annotated

import typer

from llmpool.cli import requests
from llmpool.cli.app import examples, single
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, RoutingOptions, seconds, with_routing
from llmpool.errors import Misuse

app = single()

EXAMPLES = examples(
    'git diff --staged | llmpool chat "Write a commit message"',
    'llmpool chat -c "and shorter?"',
    'llmpool chat -a photo.png "What is on this picture?"',
    'llmpool chat --json "Name a colour" | jq -r .text',
)


@app.command(epilog=EXAMPLES, short_help="Ask; the best deployment answers, or the next one that can.")
@with_routing
def chat(
    ctx: typer.Context,
    prompt: Annotated[
        str, typer.Argument(metavar="[PROMPT]", help="What to ask; stdin is joined to it.")
    ] = "",
    system: Annotated[str, typer.Option("-s", "--system", metavar="TEXT", help="The system prompt.")] = "",
    attach: Annotated[
        list[str] | None,
        typer.Option("-a", "--attach", metavar="FILE|URL", help="A picture or a text file; may be repeated."),
    ] = None,
    schema: Annotated[str, typer.Option("--schema", metavar="FILE", help="Answer as this JSON schema.")] = "",
    tools: Annotated[str, typer.Option("--tools", metavar="FILE", help="Tools the model may call.")] = "",
    go_on: Annotated[bool, typer.Option("-c", "--continue", help="Continue the last conversation.")] = False,
    session: Annotated[str, typer.Option("--session", metavar="NAME", help="Keep it under this name.")] = "",
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=1, help="The longest answer.")] = None,
    temperature: Annotated[float | None, typer.Option("--temperature", min=0, max=2, help="0 to 2.")] = None,
    think: Annotated[
        str, typer.Option("--think", metavar="LEVEL", help="off, low, medium, high, or tokens.")
    ] = "",
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Show the answer when it is whole.")] = False,
    on_break: Annotated[
        str, typer.Option("--on-break", metavar="HOW", help="stop, or restart elsewhere.")
    ] = "stop",
    max_wait: Annotated[
        str, typer.Option("--max-wait", metavar="TIME", help="Longest wait to retry.")
    ] = "20s",
    tag: Annotated[str, typer.Option("--tag", metavar="NAME", help="Mark the usage record.")] = "",
    stats: Annotated[bool, typer.Option("--stats", help="Say more about the answer on stderr.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but the call.")] = False,
    no_log: Annotated[bool, typer.Option("--no-log", help="Keep no prompt and no answer.")] = False,
    no_stdin: Annotated[bool, typer.Option("--no-stdin", help="Do not read stdin.")] = False,
    list_sessions: Annotated[bool, typer.Option("--list", help="List kept conversations.")] = False,
    show: Annotated[str, typer.Option("--show", metavar="NAME", help="Show a kept conversation.")] = "",
    delete: Annotated[str, typer.Option("--delete", metavar="NAME", help="Delete a kept conversation.")] = "",
    as_json: JsonFlag = False,
    *,
    routing: RoutingOptions,
) -> int:
    """Ask, and print the answer as it comes; the best deployment answers, or the next one that can.

    What is piped in is joined to the prompt. On a terminal the exchange is kept as the session `last`.
    """
    terminal: Terminal = ctx.obj
    if list_sessions or show or delete:
        from llmpool.cli import sessions

        return sessions.run(terminal, show=show, delete=delete, as_json=as_json)
    from llmpool.cli import asking

    files = attach or []
    asked = asking.Asked(
        prompt=prompt,
        piped=requests.piped_input(terminal, wanted=not no_stdin and "-" not in (*files, schema, tools)),
        system=system,
        session=session or ("last" if go_on else ""),
        go_on=go_on,
        max_tokens=max_tokens,
        temperature=temperature,
        think=_level(think),
        stream=not no_stream and not as_json,
        on_break=_either(on_break),
        max_wait=seconds(max_wait),
        tag=tag,
        no_log=no_log,
    )
    if files or schema or tools:
        from llmpool.chat import attached

        asked = asked.replace(
            attached=attached.attach(files),
            schema=attached.schema(schema) if schema else None,
            tools=attached.tools(tools) if tools else (),
        )
    ask = asking.Asking(terminal, asked, routing)
    if dry_run:
        return ask.preview(as_json)
    return ask.answer_json() if as_json else ask.answer(stats=stats)


def _level(text: str) -> str | None:
    if text and text not in ("off", "low", "medium", "high") and not text.isdigit():
        raise Misuse(f"--think {text!r} is not known", hint="off, low, medium, high, or a number of tokens")
    return text or None


def _either(text: str) -> str:
    if text not in ("stop", "restart"):
        raise Misuse(f"--on-break {text!r} is not known", hint="stop or restart")
    return text
