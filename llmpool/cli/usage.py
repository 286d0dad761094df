"""`llmpool usage`: what was used."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli import decisions, prices, summary, usage_transfer, whose
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.cli.output import count, money, plural, seconds
from llmpool.cli.spans import Limit, Since, Until, bounds
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.prune import Plan

app = verbs("Show what was used: tokens, costs, decisions.")
app.command("summary", epilog=examples(*summary.EXAMPLES))(summary.summary)


@app.command(
    "list",
    epilog=examples(
        "llmpool usage list --limit 20",
        "llmpool usage list --failed --since 24h",
        "llmpool usage list --provider den --tag batch --json | jq '.records[].cost'",
    ),
)
def list_records(
    ctx: Context,
    since: Since = "",
    until: Until = "",
    provider: whose.Provider = "",
    deployment: whose.Deployment = "",
    model: whose.Model = "",
    key: whose.Key = "",
    tag: whose.Tag = "",
    session: whose.Session = "",
    failed: Annotated[bool, Option("--failed", help="Only failed requests.")] = False,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> int:
    """List usage records, the newest first."""
    from llmpool.cli import usage_flow
    from llmpool.setup import records

    terminal: Terminal = ctx.obj
    filters = {"provider": provider, "deployment": deployment, "model": model}
    filters |= {"key": key, "tag": tag, "session": session}
    wanted = records.Wanted(span=bounds(terminal, since, until).span, failed=failed, **filters)
    listing = records.Listing(terminal.pool, wanted)
    headings = [">when", "=deployment", "!result", ">~in", ">~out", ">cost", ">~~time", "~~~decision"]
    found = usage_flow.show(terminal, "records", listing, limit, table=(headings, _row), as_json=as_json)
    if not found and not as_json:
        narrowed = since or until or failed or wanted.filters
        terminal.say("no recorded request matches" if narrowed else "no request is recorded yet")
    if not found:
        whose.tell_unknown(terminal, wanted.filters)
    if listing.bad and not as_json:
        terminal.warn(f"{plural(listing.bad, 'line')} of the usage log could not be read")
    return Exit.OK


def _row(terminal: Terminal, record: dict[str, Any]) -> list[str]:
    return [
        terminal.when(record["at"]),
        str(record.get("deployment")),
        "ok" if record.get("success") else str(record.get("error", "failed")),
        count(record.get("input_tokens")),
        count(record.get("output_tokens")),
        _cost(record),
        seconds(record.get("latency_ms")),
        str(record.get("decision_id", "")),
    ]


def _cost(record: dict[str, Any]) -> str:
    """Write what a request cost; one that failed before anything was counted is not free, but nothing."""
    came = record.get("success", True) or record.get("input_tokens") or record.get("output_tokens")
    cost = record.get("cost")
    return money(cost).removeprefix("cost ") if came or Decimal(cost or 0) else "-"


app.command("decisions", epilog=examples(*decisions.EXAMPLES))(decisions.list_decisions)


@app.command(
    "prune",
    epilog=examples(
        "llmpool usage prune --dry-run",
        "llmpool usage prune --keep 90d",
        "llmpool usage prune --before 2026-01-01 --yes",
    ),
)
def prune(
    ctx: Context,
    before: Annotated[
        str, Option("--before", metavar="DATE", help="Days before this one, in UTC: 2026-01-01.")
    ] = "",
    keep: Annotated[
        str, Option("--keep", metavar="TIME", help="Days older than this: 90d. Else [usage] retention.")
    ] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would go.")] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Remove old usage records and decisions; what they add up to stays.

    Summaries of pruned days are exact to the local day; sessions and single records are gone. The same
    happens by itself once a day, by [usage] retention (30d unless set, 0d keeps everything).
    """
    from llmpool.cli.confirm import confirm
    from llmpool.cli.progress import Progress
    from llmpool.setup import prune as work

    terminal: Terminal = ctx.obj
    plan = work.plan(terminal.pool, before, keep)
    if not as_json:
        _tell_plan(terminal, plan)
    if plan.days and not dry_run:
        confirm(terminal, f"remove {plural(len(plan.days), 'day')} before {plan.before}?", yes=yes)
        with Progress(terminal) as progress:
            work.prune(terminal.pool, plan.before, lambda done, total: progress.bar(done, total, unit="days"))
    if as_json:
        terminal.json(plan.as_json() | {"dry_run": dry_run})
    return Exit.OK


def _tell_plan(terminal: Terminal, plan: "Plan") -> None:
    from llmpool.core.text import size

    if not plan.days:
        terminal.say(f"nothing is older than {plan.before}" if plan.before else "everything is kept")
        return
    terminal.say(
        f"before {plan.before}: {plural(plan.usage_files, 'file')} of usage, "
        f"{plural(plan.decision_files, 'file')} of decisions, {size(plan.bytes)}"
    )


app.add_group(prices.app, name="prices")
app.command("reprice", epilog=examples(*prices.REPRICE_EXAMPLES))(prices.reprice)
app.command("export", epilog=examples(*usage_transfer.EXPORT_EXAMPLES))(usage_transfer.export_records)
app.command("import", epilog=examples(*usage_transfer.IMPORT_EXAMPLES))(usage_transfer.import_records)
