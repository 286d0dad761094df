"""`llmpool usage decisions`: which decisions were recorded, and what they came to."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli import complete, whose
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import plural
from llmpool.cli.spans import Limit, Since, Until, span
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.decisions import Listing

EXAMPLES = (
    "llmpool usage decisions --limit 10",
    "llmpool usage decisions --failed --since 24h",
    "llmpool usage decisions --provider den --reason timeout",
    "llmpool usage decisions --json | jq -r '.decisions[0].id'",
    "llmpool usage decisions --jsonl --limit 0 | jq -r .selected",
)


def _complexities(incomplete: str) -> list[str]:
    from llmpool.core.deployment import COMPLEXITIES

    return complete.starting(COMPLEXITIES, incomplete)


def list_decisions(
    ctx: Context,
    since: Since = "",
    until: Until = "",
    provider: Annotated[
        str,
        Option(
            "--provider",
            metavar="ID",
            autocompletion="providers",
            help="Chosen or answered by this provider.",
        ),
    ] = "",
    deployment: Annotated[
        str,
        Option(
            "--deployment",
            metavar="ID",
            autocompletion="models",
            help="Chosen or answered by this deployment.",
        ),
    ] = "",
    model: Annotated[
        str, Option("--model", metavar="NAME", help="Chosen or answered by this model, wherever.")
    ] = "",
    served_by: Annotated[
        str,
        Option(
            "--served-by",
            metavar="ID",
            autocompletion="targets",
            help="Answered by this provider or deployment.",
        ),
    ] = "",
    strategy: Annotated[
        str,
        Option(
            "--strategy",
            metavar="NAME",
            autocompletion="strategies",
            help="Ranked by this strategy.",
        ),
    ] = "",
    complexity: Annotated[
        str,
        Option(
            "--complexity",
            metavar="LEVEL",
            autocompletion=_complexities,
            help="simple, moderate or complex.",
        ),
    ] = "",
    reason: Annotated[
        str, Option("--reason", metavar="TEXT", help="Has this in its reasons or failures.")
    ] = "",
    failed: Annotated[bool, Option("--failed", help="Only those nobody answered.")] = False,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> int:
    """List recorded decisions, the newest first; `route --id` shows one.

    A decision has the features of its request, never the text.
    """
    from llmpool.cli import requests
    from llmpool.core.config import STRATEGIES
    from llmpool.core.deployment import COMPLEXITIES
    from llmpool.setup import decisions

    terminal: Terminal = ctx.obj
    requests.one_of(strategy, ("", *STRATEGIES), "--strategy")
    requests.one_of(complexity, ("", *COMPLEXITIES), "--complexity")
    first, last = span(terminal, since, until)
    wanted = decisions.Wanted(
        since=first,
        until=last,
        provider=provider,
        deployment=deployment,
        model=model,
        strategy=strategy,
        complexity=complexity,
        served_by=served_by,
        reason=reason,
        failed=failed,
    )
    if not _show(terminal, decisions.Listing(terminal.pool, wanted), limit, as_json=as_json):
        whose.tell_unknown(terminal, {"provider": provider, "deployment": deployment, "model": model})
    return Exit.OK


def _show(terminal: Terminal, listing: "Listing", limit: int, *, as_json: bool) -> bool:
    """Show the decisions, and say whether there were any."""
    from llmpool.cli import usage_flow

    headings = [">when", "=id", "=selected", "~complexity", "~~strategy", "!result", ""]
    table = (headings, _row)
    found = usage_flow.show(terminal, "decisions", listing, limit, table=table, as_json=as_json)
    if not found and not as_json:
        terminal.say("no recorded decision matches")
    if listing.bad and not as_json:
        terminal.warn(f"{plural(listing.bad, 'line')} of the decision log could not be read")
    return found


def _row(terminal: Terminal, line: dict[str, Any]) -> list[str]:
    outcome = line.get("outcome") or {}
    served = outcome.get("served_by", "")
    ended = "ok" if outcome.get("success") else "failed" if outcome else "not sent"
    return [
        terminal.when(line["at"]),
        line["id"],
        line["selected"] or "nothing",
        line["complexity"],
        line["strategy"],
        ended,
        f"{served} answered" if served and served != line["selected"] else "",
    ]
