"""`llmpool usage decisions`: which decisions were recorded, and what they came to."""

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import ago
from llmpool.cli.spans import Limit, Since, Until, span
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.decisions import Listing

EXAMPLES = (
    "llmpool usage decisions --limit 10",
    "llmpool usage decisions --failed --since 24h",
    "llmpool usage decisions --provider den --reason timeout",
    "llmpool usage decisions --json | jq -r '.decisions[0].id'",
    "llmpool usage decisions --jsonl --limit 0 | jq -r .decision.selected",
)
OFFERED = 20  # ids that a shell is offered


def ids(incomplete: str) -> list[str]:
    """Complete the id of a decision, the newest first."""
    import os

    from llmpool.config.paths import find_paths
    from llmpool.state import ledger

    newest = ledger.newest(find_paths(os.environ).state, ledger.DECISIONS, limit=OFFERED)
    return [line["id"] for line in newest if line["id"].startswith(incomplete)]


def _complexities(incomplete: str) -> list[str]:
    from llmpool.core.deployment import COMPLEXITIES

    return complete.starting(COMPLEXITIES, incomplete)


def list_decisions(
    ctx: typer.Context,
    since: Since = "",
    until: Until = "",
    provider: Annotated[
        str,
        typer.Option(
            "--provider",
            metavar="ID",
            autocompletion=complete.providers,
            help="Chosen or answered by this provider.",
        ),
    ] = "",
    deployment: Annotated[
        str,
        typer.Option(
            "--deployment",
            metavar="ID",
            autocompletion=complete.models,
            help="Chosen or answered by this deployment.",
        ),
    ] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Chosen or answered by this model, wherever.")
    ] = "",
    served_by: Annotated[
        str,
        typer.Option(
            "--served-by",
            metavar="ID",
            autocompletion=complete.targets,
            help="Answered by this provider or deployment.",
        ),
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            metavar="NAME",
            autocompletion=complete.strategies,
            help="Ranked by this strategy.",
        ),
    ] = "",
    complexity: Annotated[
        str,
        typer.Option(
            "--complexity",
            metavar="LEVEL",
            autocompletion=_complexities,
            help="simple, moderate or complex.",
        ),
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Has this in its reasons or failures.")
    ] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only those nobody answered.")] = False,
    limit: Limit = 50,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one JSON document a decision.")] = False,
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
    _show(terminal, decisions.Listing(terminal.pool, wanted), limit or None, jsonl=jsonl, as_json=as_json)
    return Exit.OK


def _show(terminal: Terminal, listing: "Listing", limit: int | None, *, jsonl: bool, as_json: bool) -> None:
    from llmpool.cli.tables import show

    lines = islice(listing, limit)
    if jsonl:
        for line in lines:
            sys.stdout.write(json.dumps({"schema": 1, "decision": line}) + "\n")
    elif as_json:
        found = list(lines)
        terminal.json({"decisions": found, "bad_lines": listing.bad})
        return
    else:
        now = terminal.pool.clock()
        headings = [">ago", "id", "selected", "complexity", "strategy", "answered by", ""]
        show(terminal, headings, [_row(line, now) for line in lines])
    if listing.bad:
        terminal.warn(f"{listing.bad} lines of the decision log could not be read")


def _row(line: dict[str, Any], now: float) -> list[str]:
    outcome = line.get("outcome") or {}
    served = outcome.get("served_by", "")
    ended = "ok" if outcome.get("success") else "failed" if outcome else ""
    return [
        ago(line["at"], now),
        line["id"],
        line["selected"] or "nothing",
        line["complexity"],
        line["strategy"],
        ("the same" if served == line["selected"] else served) if outcome else "not sent",
        ended,
    ]
