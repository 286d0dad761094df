"""`llmpool chat`: one answer, streamed; a conversation; a file of prompts."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from llmpool.cli import requests
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, single
from llmpool.cli.options import JsonFlag, RoutingOptions, YesFlag, seconds, with_routing
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.chat.question import Question

app = single()
MOST_TOKENS = 1 << 40  # no answer has as many, and no sum of money is made of more
JOBS = 4  # of a batch at once, where its owner does not say

EXAMPLES = examples(
    'git diff --staged | llmpool chat "Write a commit message"',
    'llmpool chat -c "and shorter?"',
    'llmpool chat -a photo.png "What is on this picture?"',
    'llmpool chat -x "A Python function that reverses a string" > reverse.py',
    "llmpool chat -i --session trip",
    "llmpool chat --batch prompts.jsonl --jobs 8 -o answers.jsonl",
    'llmpool chat --json "Name a colour" | jq -r .text',
)


@app.command(epilog=EXAMPLES, short_help="Ask; the best deployment answers, or the next one that can.")
@with_routing
def chat(
    ctx: Context,
    prompt: Annotated[str, Argument(metavar="[PROMPT]", help="What to ask; stdin is joined to it.")] = "",
    system: Annotated[str | None, Option("-s", "--system", metavar="TEXT", help="The system prompt.")] = None,
    attach: Annotated[
        list[str] | None,
        Option("-a", "--attach", metavar="FILE|URL", help="A picture or a text file; may be repeated."),
    ] = None,
    template: Annotated[
        str,
        Option(
            "-t",
            "--template",
            metavar="NAME",
            autocompletion="templates",
            help="A prompt of the config's [templates].",
        ),
    ] = "",
    var: Annotated[
        list[str] | None,
        Option("--var", metavar="NAME=TEXT", help="What stands for {NAME} in the template."),
    ] = None,
    extract: Annotated[
        bool, Option("-x", "--extract", help="Print only the first code block of the answer.")
    ] = False,
    schema: Annotated[
        str, Option("--schema", metavar="FILE", help="Answer as this JSON schema; it is checked.")
    ] = "",
    tools: Annotated[str, Option("--tools", metavar="FILE", help="Tools the model may call.")] = "",
    interactive: Annotated[
        bool, Option("-i", "--interactive", help="Converse; /help tells the commands.")
    ] = False,
    go_on: Annotated[bool, Option("-c", "--continue", help="Continue the last conversation.")] = False,
    session: Annotated[
        str,
        Option("--session", metavar="NAME", autocompletion="sessions", help="Keep it under this name."),
    ] = "",
    batch: Annotated[
        str,
        Option(
            "--batch",
            metavar="FILE|-",
            help="Answer every line of a file: JSON with a prompt each, or plain lines of a .txt.",
        ),
    ] = "",
    jobs: Annotated[
        int | None,
        Option("--jobs", metavar="N", min=1, max=64, help="How many of a batch at once; else 4."),
    ] = None,
    output: Annotated[
        str,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A batch's answers; the same command goes on where it ended.",
        ),
    ] = "",
    max_tokens: Annotated[
        int | None, Option("--max-tokens", metavar="N", min=1, help="The longest answer.")
    ] = None,
    temperature: Annotated[
        float | None, Option("--temperature", metavar="N", min=0, max=2, help="0 to 2.")
    ] = None,
    think: Annotated[str, Option("--think", metavar="LEVEL", help="off, low, medium, high, or tokens.")] = "",
    no_stream: Annotated[bool, Option("--no-stream", help="Show the answer when it is whole.")] = False,
    raw: Annotated[
        bool, Option("--raw", help="Into a pipe, exactly what the model wrote, control codes and all.")
    ] = False,
    on_break: Annotated[
        str, Option("--on-break", metavar="HOW", help="stop, or restart elsewhere.")
    ] = "stop",
    max_wait: Annotated[
        str,
        Option("--max-wait", metavar="TIME", help="Longest wait to retry: 20s, in a batch 10m."),
    ] = "",
    tag: Annotated[str | None, Option("--tag", metavar="NAME", help="Mark the usage record.")] = None,
    stats: Annotated[bool, Option("--stats", help="Say more about the answer on stderr.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Do everything but the call.")] = False,
    no_log: Annotated[bool, Option("--no-log", help="Keep no prompt and no answer.")] = False,
    no_stdin: Annotated[bool, Option("--no-stdin", help="Do not read stdin.")] = False,
    list_sessions: Annotated[bool, Option("--list", help="List kept conversations.")] = False,
    show: Annotated[
        str,
        Option("--show", metavar="NAME", autocompletion="sessions", help="Show a kept conversation."),
    ] = "",
    export: Annotated[
        str,
        Option(
            "--export",
            metavar="NAME",
            autocompletion="sessions",
            help="Print one as Markdown.",
        ),
    ] = "",
    delete: Annotated[
        str,
        Option("--delete", metavar="NAME", autocompletion="sessions", help="Delete a kept conversation."),
    ] = "",
    yes: YesFlag = False,
    as_json: JsonFlag = False,
    *,
    routing: RoutingOptions,
) -> int:
    """Ask, and print the answer as it comes; the best deployment answers, or the next one that can.

    What is piped in is joined to the prompt. On a terminal the exchange is kept as the session `last`.

    With --tools the calls a model wants are printed as JSON, one a line. Calls that it wrote as text, as many
    small models do, are taken as such where they name a tool that was offered.
    """
    terminal: Terminal = ctx.obj
    if list_sessions or show or export or delete:
        from llmpool.cli import sessions

        sessions.check(prompt, listed=list_sessions, show=show, export=export, delete=delete)
        return sessions.run(terminal, show=show, export=export, delete=delete, as_json=as_json, yes=yes)
    from llmpool.chat.question import Question
    from llmpool.cli import asking

    if interactive and (as_json or dry_run or batch):
        raise Misuse(
            "-i is for a terminal, not with --json, --dry-run or --batch", hint="leave one of them out"
        )
    if jobs and not batch:
        raise Misuse("--jobs is for --batch", hint="one prompt is one call")
    if output and not batch:
        raise Misuse("-o is for --batch", hint="one answer goes to stdout: llmpool chat ... > FILE")
    if raw and terminal.is_terminal:
        raise Misuse("--raw is for pipes and files, not for a terminal", hint="add: > FILE")
    if not output:
        terminal.need_output()
    files = attach or []
    _check_stdin(*files, schema, tools, batch)
    reads = not (no_stdin or interactive or batch) and "-" not in (*files, schema, tools)
    question = Question(
        prompt=prompt,
        piped=requests.piped_input(terminal, wanted=reads),
        system=system or "",
        session=session or (_newest(terminal) if go_on else ""),
        goes_on=go_on,
        max_tokens=_length(max_tokens),
        temperature=temperature,
        thinking=_level(think),
        stream=not no_stream and not as_json,
        tag=tag or "",
    )
    if files or schema or tools:
        question = _with_files(question, files, schema, tools)
    if (template or var) and not batch:
        question = _filled(terminal, question, template, var or [])
    how = asking.How(
        on_break=_either(on_break),
        max_wait=seconds(max_wait or ("10m" if batch else "20s")),
        no_log=no_log,
        extract=extract,
        raw=raw,
    )
    if batch:
        from llmpool.cli import batch_chat

        return batch_chat.run(
            terminal,
            batch,
            question,
            routing,
            how,
            jobs=jobs or JOBS,
            output=output,
            dry_run=dry_run,
            as_json=as_json,
            fill=partial(_filled, terminal, template=template, given=var or []) if template or var else None,
        )
    if interactive:
        from llmpool.cli import interactive as conversing

        return conversing.run(terminal, question, routing, how, stats=stats)
    ask = asking.Asking(terminal, question, routing, how)
    if dry_run:
        return ask.preview(as_json)
    return ask.answer_json() if as_json else ask.answer(stats=stats)


def _check_stdin(*sources: str) -> None:
    """Refuse to read stdin for two things: the second would have nothing of it."""
    if sources.count("-") > 1:
        raise Misuse("- is stdin, which is read once", hint="name files for the others")


def _newest(terminal: Terminal) -> str:
    from llmpool.chat.session import to_go_on

    return to_go_on(terminal.pool.paths.state)


def _with_files(question: "Question", files: list[str], schema: str, tools: str) -> "Question":
    """Read what goes along with the prompt; everything is checked before anything is sent."""
    from llmpool.chat import attached

    return question.replace(
        attached=attached.attach(files),
        schema=attached.schema(schema) if schema else None,
        tools=attached.tools(tools) if tools else (),
    )


def _filled(terminal: Terminal, question: "Question", template: str, given: list[str]) -> "Question":
    """Put prompt and stdin into the template's places."""
    from llmpool.chat import templates

    if not template:
        raise Misuse("--var is for a template", hint="name it: -t NAME")
    values = dict(_pair(each) for each in given)
    kept = terminal.pool.config.templates
    filled = templates.fill(kept, template, question.prompt, question.piped, values)
    return question.replace(prompt=filled.prompt, piped="", query=filled.query)


def _pair(given: str) -> tuple[str, str]:
    name, equals, text = given.partition("=")
    if not equals or not name:
        raise Misuse(f"--var {given!r} has no value", hint="write --var language=German")
    return name, text


def _length(tokens: int | None) -> int | None:
    if tokens is not None and tokens > MOST_TOKENS:
        raise Misuse("--max-tokens is more than any answer has", hint="leave it out: the model's own limit")
    return tokens


def _level(text: str) -> str | None:
    if text and text not in ("off", "low", "medium", "high") and not text.isdecimal():
        raise Misuse(f"--think {text!r} is not known", hint="off, low, medium, high, or a number of tokens")
    if len(text) > len(str(MOST_TOKENS)):
        raise Misuse("--think is more tokens than any model thinks", hint="off, low, medium or high")
    return text or None


def _either(text: str) -> str:
    if text not in ("stop", "restart"):
        raise Misuse(f"--on-break {text!r} is not known", hint="stop or restart")
    return text
