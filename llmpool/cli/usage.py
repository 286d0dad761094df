"""`llmpool usage`: what was used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmpool.cli import decisions
from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import ago, count, money, plural, seconds
from llmpool.cli.spans import Limit, Since, Until, local_day, month_start, span
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.usage.stats import Stats

app = verbs("Show what was used: tokens, costs, decisions.")

_PERIODS = {"day": 10, "month": 7}


@app.command(
    epilog=examples(
        "llmpool usage",
        "llmpool usage summary --by day --since 7d",
        "llmpool usage summary --by provider,model --since 2026-11-01",
    )
)
def summary(
    ctx: typer.Context,
    by: Annotated[
        str, typer.Option("--by", metavar="GROUP", help="day,month,provider,model,deployment,...")
    ] = "",
    since: Since = "",
    until: Until = "",
    limit: Limit = 0,
    as_json: JsonFlag = False,
) -> int:
    """Show this month's totals in local time, by deployment or by another group."""
    from llmpool.state import ledger
    from llmpool.usage.summary import summarize

    terminal: Terminal = ctx.obj
    first, last = span(terminal, since or month_start(terminal), until)
    reading = ledger.Reading(terminal.pool.paths.state, ledger.USAGE, first[:10], last[:10])
    records: Iterator[dict[str, Any]] = (r for r in reading if first <= r["at"] <= last)
    stats = _stats() if as_json and by in ("", "deployment") else None
    if stats:
        records = stats.watching(records)
    total, groups = summarize(records, _grouping(by or "deployment"))
    groups = groups[:limit] if limit else groups
    if as_json:
        document = {"since": first, "until": last, "by": by or "deployment", "bad_lines": reading.bad}
        document |= {"total": total.as_json(), "groups": [g.as_json() for g in groups]}
        terminal.json(document | (_router(terminal, stats) if stats else {}))
        return Exit.OK
    _show_summary(terminal, (first, last), total, groups)
    if reading.bad:
        terminal.warn(f"{reading.bad} lines of the usage log could not be read")
    return Exit.OK


def _stats() -> "Stats":
    from llmpool.usage.stats import Stats

    return Stats()


def _router(terminal: Terminal, stats: "Stats") -> dict[str, Any]:
    from llmpool.setup.statistics import statistics

    return {"stats": statistics(terminal.pool, stats)}


def _show_summary(terminal: Terminal, span: tuple[str, str], total: Any, groups: list[Any]) -> None:
    from llmpool.cli.tables import show

    first, last = local_day(span[0]), local_day(span[1])
    unpriced = f", and {plural(total.unpriced, 'call')} without a price" if total.unpriced else ""
    cost = "$0.00" if not total.cost else money(total.cost)
    calls = f"{plural(total.requests, 'call')}, {total.failed} failed"
    terminal.out(f"{first} to {last}, local time: {cost}{unpriced}   {calls}")
    rows = [
        [
            g.group,
            str(g.requests),
            count(g.input_tokens),
            count(g.output_tokens),
            "unknown" if g.unpriced == g.requests else money(g.cost),
            seconds(g.p50_latency_ms),
            f"{100 * g.successful // max(1, g.successful + g.failed)} %",
        ]
        for g in groups
    ]
    show(terminal, ["", ">calls", ">in", ">out", ">cost", ">median", ">ok"], rows)


def _grouping(by: str) -> Any:
    from llmpool.usage.summary import GROUPINGS

    names = by.split(",")
    for name in names:
        if name not in GROUPINGS and name not in _PERIODS:
            known = ", ".join([*_PERIODS, *GROUPINGS])
            raise Misuse(f"--by {name!r} is not known", hint=f"one or several of: {known}")

    def key(record: dict[str, Any]) -> str:
        parts = (
            GROUPINGS[n](record) if n in GROUPINGS else local_day(record["at"])[: _PERIODS[n]] for n in names
        )
        return " ".join(parts)

    return key


@app.command(
    "list",
    epilog=examples(
        "llmpool usage list --limit 20",
        "llmpool usage list --failed --since 24h",
    ),
)
def list_records(
    ctx: typer.Context,
    since: Since = "",
    until: Until = "",
    deployment: Annotated[str, typer.Option("--deployment", metavar="ID", help="Only this deployment.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only failed requests.")] = False,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> int:
    """List usage records, the newest last."""
    from llmpool.cli.tables import show
    from llmpool.state import ledger

    terminal: Terminal = ctx.obj
    records, bad = _records(terminal, ledger.USAGE, since, until)
    records = [
        r
        for r in records
        if (not deployment or r.get("deployment") == deployment) and not (failed and r.get("success"))
    ]
    records = records[-limit:] if limit else records
    if as_json:
        terminal.json({"records": records, "bad_lines": bad})
        return Exit.OK
    now = terminal.pool.clock()
    rows = [
        [
            ago(r["at"], now),
            str(r.get("deployment")),
            "ok" if r.get("success") else str(r.get("error", "failed")),
            count(r.get("input_tokens")),
            count(r.get("output_tokens")),
            money(r.get("cost")),
            seconds(r.get("latency_ms")),
            str(r.get("decision_id", "")),
        ]
        for r in records
    ]
    show(terminal, [">ago", "deployment", "", ">in", ">out", ">cost", ">time", "decision"], rows)
    return Exit.OK


app.command("decisions", epilog=examples(*decisions.EXAMPLES))(decisions.list_decisions)


def _records(terminal: Terminal, kind: str, since: str, until: str) -> tuple[list[dict[str, Any]], int]:
    from llmpool.state import ledger

    first, last = span(terminal, since, until)
    reading = ledger.Reading(terminal.pool.paths.state, kind, first[:10], last[:10])
    return [r for r in reading if first <= r.get("at", "") <= last], reading.bad
