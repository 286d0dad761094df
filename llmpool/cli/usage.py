"""`llmpool usage`: what was used."""

import time
from typing import Annotated, Any

import typer

from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import ago, count, money, plural, seconds
from llmpool.core.times import rfc3339
from llmpool.errors import Exit, Misuse

app = verbs("Show what was used: tokens, costs, decisions.")

Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="A date, or how long ago: 2026-11-01, 7d.")
]
Until = Annotated[str, typer.Option("--until", metavar="WHEN", help="Up to here, likewise.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most so many; 0 is all.")]
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
    span = _span(terminal, since or _month_start(terminal), until)
    reading = ledger.Reading(terminal.pool.paths.state, ledger.USAGE, span[0][:10], span[1][:10])
    total, groups = summarize(
        (r for r in reading if span[0] <= r["at"] <= span[1]), _grouping(by or "deployment")
    )
    groups = groups[:limit] if limit else groups
    if as_json:
        document = {"since": span[0], "until": span[1], "by": by or "deployment", "bad_lines": reading.bad}
        terminal.json(document | {"total": total.as_json(), "groups": [g.as_json() for g in groups]})
        return Exit.OK
    _show_summary(terminal, span, total, groups)
    if reading.bad:
        terminal.warn(f"{reading.bad} lines of the usage log could not be read")
    return Exit.OK


def _show_summary(terminal: Terminal, span: tuple[str, str], total: Any, groups: list[Any]) -> None:
    from llmpool.cli.tables import show

    first, last = _local_day(span[0]), _local_day(span[1])
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
            GROUPINGS[n](record) if n in GROUPINGS else _local_day(record["at"])[: _PERIODS[n]] for n in names
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


@app.command(
    epilog=examples(
        "llmpool usage decisions --limit 10",
        "llmpool usage decisions --json | jq -r '.decisions[-1].id'",
    )
)
def decisions(
    ctx: typer.Context, since: Since = "", until: Until = "", limit: Limit = 50, as_json: JsonFlag = False
) -> int:
    """List recorded decisions, the newest last; `route --id` shows one."""
    from llmpool.cli.tables import show
    from llmpool.state import ledger

    terminal: Terminal = ctx.obj
    records, bad = _records(terminal, ledger.DECISIONS, since, until)
    records = records[-limit:] if limit else records
    if as_json:
        terminal.json({"decisions": records, "bad_lines": bad})
        return Exit.OK
    now = terminal.pool.clock()
    rows = [
        [
            ago(r["at"], now),
            str(r.get("id")),
            str(r.get("selected") or "nothing"),
            str(r.get("complexity", "")),
            str(r.get("strategy", "")),
            str(r.get("outcome", {}).get("served_by", "not sent")),
            "ok" if r.get("outcome", {}).get("success") else "failed" if "outcome" in r else "",
        ]
        for r in records
    ]
    show(terminal, [">ago", "id", "selected", "complexity", "strategy", "answered by", ""], rows)
    return Exit.OK


def _records(terminal: Terminal, kind: str, since: str, until: str) -> tuple[list[dict[str, Any]], int]:
    from llmpool.state import ledger

    span = _span(terminal, since, until)
    reading = ledger.Reading(terminal.pool.paths.state, kind, span[0][:10], span[1][:10])
    return [r for r in reading if span[0] <= r.get("at", "") <= span[1]], reading.bad


def _span(terminal: Terminal, since: str, until: str) -> tuple[str, str]:
    """Read both ends as RFC 3339 UTC; an open start is the beginning, an open end is now."""
    now = terminal.pool.clock()
    return _moment(since, now, 0.0), _moment(until, now, now + 1, end=True)


def _moment(text: str, now: float, default: float, *, end: bool = False) -> str:
    """Read a local date or a duration back from now; raises Misuse."""
    if not text:
        return rfc3339(default)
    days = {"today": 0, "yesterday": 1}
    if text in days:
        text = time.strftime("%Y-%m-%d", time.localtime(now - 86400 * days[text]))
    try:
        day = time.mktime(time.strptime(text, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return rfc3339(max(0.0, now - _back(text)))
    return rfc3339(day + (86400 if end else 0))


def _back(text: str) -> float:
    """Read how long ago something was, in seconds; raises Misuse in the words of a calendar."""
    from llmpool.cli.options import seconds as duration

    try:
        return duration(text)
    except Misuse:
        raise Misuse(
            f"{text!r} is no time", hint="a date (2026-11-01), today, yesterday, or how long ago: 7d"
        ) from None


def _month_start(terminal: Terminal) -> str:
    return time.strftime("%Y-%m-01", time.localtime(terminal.pool.clock()))


def _local_day(at: str) -> str:
    """Return the local calendar day of an RFC 3339 UTC time."""
    import calendar

    moment = calendar.timegm(time.strptime(at[:19].rstrip("Z"), "%Y-%m-%dT%H:%M:%S"))
    return time.strftime("%Y-%m-%d", time.localtime(moment))
