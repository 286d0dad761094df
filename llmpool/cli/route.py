"""`llmpool route`: the decision without the call."""

import os
from typing import Annotated, Any

import typer

from llmpool.cli import requests
from llmpool.cli.app import examples, single
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, RoutingOptions, with_routing
from llmpool.errors import Exit, LlmpoolError, NoCredential, NothingEligible, Refused

app = single()

EXAMPLES = examples(
    'llmpool route "Compare rsync and restic"',
    'llmpool route --needs tools --min-quality 7 "Plan my week"',
    'llmpool chat -m "$(llmpool route "$q")" "$q"',
    "llmpool route --last",
)


@app.command(epilog=EXAMPLES, short_help="Show which deployment would answer, and why.")
@with_routing
def route(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(metavar="[QUERY]", help="The prompt to decide for.")] = "",
    last: Annotated[bool, typer.Option("--last", help="Show the last recorded decision.")] = False,
    ref: Annotated[str, typer.Option("--id", metavar="ID", help="Show this recorded decision.")] = "",
    batch: Annotated[
        str, typer.Option("--batch", metavar="FILE", help="One JSON request a line; - is stdin.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Show all candidates, not the best 50.")] = False,
    record: Annotated[bool, typer.Option("--record", help="Keep the decision in the log.")] = False,
    no_stdin: Annotated[bool, typer.Option("--no-stdin", help="Do not read stdin.")] = False,
    as_json: JsonFlag = False,
    *,
    routing: RoutingOptions,
) -> int:
    """Show which deployment would answer, and why; no network, nothing recorded.

    On a terminal a table of candidates, in a pipe the selected id alone.
    """
    terminal: Terminal = ctx.obj
    if last or ref:
        return _recorded(terminal, ref, as_json)
    if batch:
        from llmpool.cli import batch as lines

        return lines.route_batch(terminal, batch, routing)
    return _decide(terminal, query, routing, as_json=as_json, every=every, record=record, stdin=not no_stdin)


def _decide(
    terminal: Terminal,
    query: str,
    routing: RoutingOptions,
    *,
    as_json: bool,
    every: bool,
    record: bool,
    stdin: bool,
) -> int:
    from llmpool.decide import choose, understand
    from llmpool.router.explain import SHOWN, decision_json

    piped = requests.piped_input(terminal, stdin)
    text = "\n\n".join(part for part in (query, piped) if part)
    request = requests.route_request(routing, query or piped, text, terminal)
    detail = 0 if every else SHOWN
    asked = understand(terminal.pool, request, profile=routing.profile, force=routing.force)
    choice = choose(terminal.pool, asked, detail)
    line = decision_json(choice.decision, detail)
    if record:
        from llmpool.state import ledger

        ledger.append(terminal.pool.paths.state, ledger.DECISIONS, line)
    if as_json:
        terminal.json({"decision": line})
        return Exit.NOTHING_ELIGIBLE if choice.decision.no_eligible else Exit.OK
    if routing.needs or routing.model or terminal.is_terminal:
        for note in choice.decision.notes:
            terminal.say(f"note: {note}")
    if choice.decision.no_eligible:
        raise nothing_eligible(line)
    if terminal.is_terminal:
        from llmpool.cli import explain

        explain.show(terminal, line, explain.alternatives(terminal.pool, asked))
    else:
        terminal.out(choice.decision.selected)
    return Exit.OK


def _recorded(terminal: Terminal, ref: str, as_json: bool) -> int:
    """Show a recorded decision with its attempts."""
    from llmpool.cli import explain
    from llmpool.errors import UnknownName
    from llmpool.state import ledger

    found = ledger.newest(terminal.pool.paths.state, ledger.DECISIONS, ref=ref)
    if not found:
        message = f'no decision "{ref}" is recorded' if ref else "no decision is recorded yet"
        raise UnknownName(message, hint="llmpool usage decisions lists them; chat records one each time")
    if as_json:
        terminal.json({"decision": found[0]})
    else:
        explain.show(terminal, found[0], "")
    return Exit.OK


def nothing_eligible(line: dict[str, Any]) -> LlmpoolError:
    """Build the error of a request nobody may answer: who was rejected, grouped by the same reasons.

    It is one about credentials when a missing key is all that stands in the way of somebody.
    """
    grouped: dict[str, list[str]] = {}
    for rejection in line["rejections"]:
        reasons = "; ".join(rejection["reasons"])
        if os.environ.get("LLMPOOL_LOCAL_ONLY"):
            reasons = reasons.replace("not local", "excluded by LLMPOOL_LOCAL_ONLY")
        grouped.setdefault(reasons, []).append(rejection["deployment"])
    width = max((len(ids[0]) for ids in grouped.values()), default=0)
    shown = [
        f"{ids[0] if len(ids) == 1 else f'{len(ids)} deployments':{width}}   {reason}"
        for reason, ids in list(grouped.items())[:12]
    ]
    message = (
        "nothing may answer this; nothing was sent" if shown else "no model is known yet; nothing was sent"
    )
    details = {"rejections": line["rejections"]}
    lines = tuple(shown)
    if "offline" in grouped:
        return Refused(message, hint="run it without --offline", lines=lines, details=details)
    keyless = [reason for reason in grouped if reason.startswith("no key: ") and ";" not in reason]
    if keyless:
        variable = keyless[0].removeprefix("no key: ").partition(" ")[0]
        hint = f"export {variable}=..., or: llmpool providers list"
        return NoCredential(message, hint=hint, lines=lines, details=details)
    hint = "loosen a requirement, or: llmpool models list" if shown else "run: llmpool refresh"
    if any("missing image support" in reason for reason in grouped):
        ref = next(ids[0] for reason, ids in grouped.items() if "missing image support" in reason)
        hint = f"does it see? llmpool models probe -m {ref} --capabilities   or set: --supports images=yes"
    return NothingEligible(message, hint=hint, lines=lines, details=details)
