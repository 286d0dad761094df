"""`llmpool route`: the decision without the call."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli import requests
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, single
from llmpool.cli.options import JsonFlag, RoutingOptions, typed, with_routing
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.core.routing import RouteRequest

app = single()

EXAMPLES = examples(
    'llmpool route "Compare rsync and restic"',
    'llmpool route --needs tools --min-quality 7 "Plan my week"',
    'llmpool chat -m "$(llmpool route "$q")" "$q"',
    "llmpool route --last",
    "llmpool route --replay last",
)


@app.command(epilog=EXAMPLES, short_help="Show which deployment would answer, and why.")
@with_routing
def route(
    ctx: Context,
    query: Annotated[str, Argument(metavar="[QUERY]", help="The prompt to decide for.")] = "",
    last: Annotated[bool, Option("--last", help="Show the last recorded decision.")] = False,
    ref: Annotated[
        str | None,
        Option(
            "--id",
            metavar="ID",
            autocompletion="decisions",
            help="Show this decision; a part will do.",
        ),
    ] = None,
    replay: Annotated[
        str | None,
        Option(
            "--replay",
            metavar="ID",
            autocompletion="decisions",
            help="Decide it again, as things are today.",
        ),
    ] = None,
    batch: Annotated[
        str | None, Option("--batch", metavar="FILE", help="One JSON request a line; - is stdin.")
    ] = None,
    every: Annotated[bool, Option("--all", help="Show all candidates, not the best 50.")] = False,
    record: Annotated[bool, Option("--record", help="Keep the decision in the log.")] = False,
    tag: Annotated[
        str | None, Option("--tag", metavar="NAME", help="As `chat --tag`: budgets may go by it.")
    ] = None,
    no_stdin: Annotated[bool, Option("--no-stdin", help="Do not read stdin.")] = False,
    as_json: JsonFlag = False,
    *,
    routing: RoutingOptions,
) -> int:
    """Show which deployment would answer, and why; no network, nothing recorded.

    On a terminal a table of candidates, in a pipe the selected id alone.
    """
    terminal: Terminal = ctx.obj
    if sum(map(bool, (last, ref, replay, batch))) > 1:
        raise Misuse("--last, --id, --replay and --batch exclude one another", hint="give one of them")
    if "" in (ref, replay, batch):  # a script's empty variable must not pass for a question
        raise Misuse(
            "--id, --replay and --batch want a value", hint="the last decision: llmpool route --last"
        )
    if last or ref or replay:
        _refuse_new([query and "QUERY", record and "--record", tag and "--tag", *typed(ctx)])
    if replay:
        from llmpool.cli import replay as replays

        return replays.show_replay(terminal, replay, as_json)
    if last or ref:
        return _recorded(terminal, ref or "", as_json, every=every)
    if batch:
        if query or record:
            raise Misuse(
                "--batch takes no QUERY and records nothing", hint="each line of the file has its own query"
            )
        return _batch(terminal, batch, routing, tag=tag or "", every=every)
    piped = requests.piped_input(terminal, not no_stdin)
    text = "\n\n".join(part for part in (query, piped) if part)
    request = requests.route_request(routing, query or piped, text, terminal).replace(tag=tag or "")
    return _decide(terminal, request, routing, as_json=as_json, every=every, record=record)


def _decide(
    terminal: Terminal,
    request: "RouteRequest",
    routing: RoutingOptions,
    *,
    as_json: bool,
    every: bool,
    record: bool,
) -> int:
    from llmpool.decide import choose, understand
    from llmpool.router.explain import SHOWN, decision_json

    detail = 0 if every else SHOWN
    asked = understand(terminal.pool, request, profile=routing.profile, force=routing.force)
    judged = None
    if (terminal.for_people and not as_json) or terminal.pool.table.judges(asked.request.strategy):
        from llmpool.judging import difficulty

        judged = difficulty(request.query)
        asked = asked._replace(request=asked.request.replace(difficulty=judged.value))
    choice = choose(terminal.pool, asked, detail)
    line = decision_json(choice.decision, detail)
    if record:
        from llmpool.state import ledger

        ledger.append(terminal.pool.paths.state, ledger.DECISIONS, decision_json(choice.decision))
    if judged is not None:
        line |= {"difficulty": judged.value, "difficulty_from": [each._asdict() for each in judged.moved]}
    if as_json:
        terminal.json({"decision": line})
        return Exit.NOTHING_ELIGIBLE if choice.decision.no_eligible else Exit.OK
    if routing.needs or routing.model or routing.context_size or routing.hint or terminal.for_people:
        for note in choice.decision.notes:
            terminal.say(f"note: {note}")
    if choice.decision.no_eligible:
        from llmpool.cli import refusal

        raise refusal.nothing_eligible(terminal.pool, choice.decision)
    if terminal.for_people:
        from llmpool.cli import explain

        what_if = explain.alternatives(terminal.pool, asked, choice.decision)
        explain.show(terminal, line, what_if, every=every)
    else:
        terminal.out(choice.decision.selected)
    return Exit.OK


def _batch(terminal: Terminal, source: str, routing: RoutingOptions, *, tag: str, every: bool) -> int:
    """Print a decision for each line of *source*; 2 when a line was bad, whose place then holds the error."""
    import json

    from llmpool.chat.batch_routes import decided
    from llmpool.router.explain import SHOWN

    common, code = requests.route_request(routing, "", "", terminal).replace(tag=tag), Exit.OK
    asked = (terminal.pool, source, common)
    detail = 0 if every else SHOWN
    for document in decided(*asked, profile=routing.profile, force=routing.force, detail=detail):
        terminal.write(json.dumps(document) + "\n")
        code = Exit.USAGE if "error" in document else code
    return code


def _refuse_new(given: list[str | bool | None]) -> None:
    """Raise Misuse for what would change a decision that was recorded already."""
    for name in filter(None, given):
        raise Misuse(
            f"--last, --id and --replay take a recorded request as it was, so {name} has no place",
            hint="what another config would change: llmpool policy simulate",
        )


def _recorded(terminal: Terminal, ref: str, as_json: bool, *, every: bool) -> int:
    """Show a recorded decision with its attempts."""
    from llmpool.cli import explain
    from llmpool.setup import decisions

    line = decisions.find(terminal.pool, ref)
    usage = decisions.used(terminal.pool, line)
    if as_json:
        terminal.json({"decision": line, "usage": usage})
    else:
        what_if = explain.alternatives_now(terminal.pool, line)
        explain.show(terminal, line, what_if, every=every, recorded=True, usage=usage)
    return Exit.OK
