"""`llmpool usage summary`: totals of what was used, as a table with bars, a chart, JSON or CSV."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli import complete, whose
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import count, money, percent, plural, seconds
from llmpool.cli.spans import Bounds, Limit, Since, Until, bounds, last_day, local_day, month_start
from llmpool.core.money import usd
from llmpool.core.text import shown
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.setup.summary import Report, Wanted
    from llmpool.usage.summary import Summary

EXAMPLES = (
    "llmpool usage",
    "llmpool usage summary --by day --since 7d",
    "llmpool usage summary --by model --since week --provider openai",
    "llmpool usage summary --plot",
    "llmpool usage summary --by month,tag --since all --csv > usage.csv",
    "llmpool usage --json | jq -r .total.cost",
)
_BAR = 10  # cells of a bar in the table
_BARS = "~~~~"  # the heading of their column
_FEW = 3  # models without a price that are named
_MOST_DAYS = 62  # lines of a chart by day


def groupings(incomplete: str) -> list[str]:
    """Complete the last of a comma-separated list of groupings."""
    from llmpool.usage.summary import BY

    return complete.last_of(BY, incomplete)


def summary(
    ctx: Context,
    by: Annotated[
        str,
        Option(
            "--by",
            metavar="GROUP,...",
            autocompletion=groupings,
            help="day, week, month, provider, model, deployment, key, tag, session; several with commas.",
        ),
    ] = "",
    since: Since = "",
    until: Until = "",
    provider: whose.Provider = "",
    deployment: whose.Deployment = "",
    model: whose.Model = "",
    key: whose.Key = "",
    tag: whose.Tag = "",
    session: whose.Session = "",
    limit: Limit = 0,
    plot: Annotated[bool, Option("--plot", help="Draw a chart by day.")] = False,
    as_csv: Annotated[bool, Option("--csv", help="Print the groups as CSV.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Show this month's totals in local time, by deployment or by other groups.

    Costs are sums of what each request cost at its time; calls without a price are counted, never as 0. The
    best model is the best-rated deployment that has a price. `--by deployment --json` has what the router
    counts as well, as `stats`.
    """
    from llmpool.setup import summary as work

    terminal: Terminal = ctx.obj
    span = bounds(terminal, since or month_start(terminal), until)
    names = (_scale(span),) if plot and not by else _grouping(by or "deployment")
    filters = {"provider": provider, "deployment": deployment, "model": model}
    filters |= {"key": key, "tag": tag, "session": session}
    wanted = work.Wanted(span=span.span, by=names, **filters)
    report = work.summary(terminal.pool, wanted)
    if limit:
        report = report._replace(groups=report.groups[:limit])
    if as_json:
        document = _document(terminal, span, wanted, report, router=by == "deployment")
        terminal.json(document, entries="groups")
    elif as_csv:
        told = _csv(report, names)
        terminal.write(shown(told) if terminal.is_terminal else told)
    elif plot:
        _plot(terminal, span, report)
    else:
        _show(terminal, span, report)
    if not report.total.requests:
        whose.tell_unknown(terminal, wanted.filters)
    _tell(terminal, report)
    return Exit.OK


def _grouping(by: str) -> tuple[str, ...]:
    """Read the groupings; raises Misuse for one that is not known, or named twice."""
    from llmpool.usage.summary import BY

    names = tuple(by.split(","))
    for name in names:
        if name not in BY:
            from llmpool.cli.requests import near_to

            near = near_to(name, BY)
            meant = f"did you mean {near}?    " if near else ""
            raise Misuse(f"--by {name!r} is not known", hint=f"{meant}one or several of: {','.join(BY)}")
    return tuple(dict.fromkeys(names))


def _scale(span: Bounds) -> str:
    """Return what a chart has a line for, so that a person sees all of it: a day, a week, a month."""
    from datetime import date

    if not span.span.first:
        return "month"
    days = (date.fromisoformat(last_day(span)) - date.fromisoformat(local_day(span.since))).days
    return "day" if days <= _MOST_DAYS else "week" if days <= 7 * _MOST_DAYS else "month"


def _document(
    terminal: Terminal, span: Bounds, wanted: "Wanted", report: "Report", *, router: bool
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "since": span.since,
        "until": span.until,
        "by": ",".join(wanted.by),
        "filters": wanted.filters,
        "total": report.total.as_json(),
        "today": report.today.as_json() if report.today else None,
        "groups": [group.as_json() for group in report.groups],
        "best": report.best._asdict() if report.best else None,
        "budgets": list(report.budget_documents),
        "bad_lines": report.bad,
        "whole_days": report.rounded,
        "lost_days": report.lost,
    }
    if router:
        from llmpool.setup.statistics import recorded

        document["stats"] = recorded(terminal.pool, wanted.span)
    return document


def _csv(report: "Report", names: tuple[str, ...]) -> str:
    """Write the groups as CSV: what each is, and every figure of it."""
    from llmpool.usage.table import row

    figures = [name for name in report.total.as_json() if name not in ("group", "keys")]
    rows = [(group.keys, group.as_json()) for group in report.groups]
    lines = [row([value for _, value in keys] + [told[name] for name in figures]) for keys, told in rows]
    return row([*names, *figures]) + "".join(lines)


def _show(terminal: Terminal, span: Bounds, report: "Report") -> None:
    from llmpool.cli.tables import show

    shares = [_weight(group, report.total) for group in report.groups]
    names = [f"={name}" for name, _ in report.groups[0].keys] if report.groups else [""]
    headings = [*names, ">calls", ">in", ">~~~cached", ">out"]
    headings += [">cost", ">~~share", _BARS, ">~~~median", ">~ok"]
    bars = terminal.for_people
    most = max(shares, default=Decimal(0)) if bars else None
    rows = [_row(group, share, most) for group, share in zip(report.groups, shares, strict=True)]
    with terminal.paged():
        _headline(terminal, span, report)
        show(terminal, headings if bars else [name for name in headings if name != _BARS], rows)


def _headline(terminal: Terminal, span: Bounds, report: "Report") -> None:
    total, today = report.total, report.today
    unpriced = f", and {plural(total.unpriced, 'call')} without a price" if total.unpriced else ""
    said = f"{_dates(span)}, local time: {usd(total.cost)}{unpriced}."
    line = report.budgets
    spent = f"   Today {usd(today.cost)}." if today and not line.startswith("Today") else ""
    terminal.out(said + spent + (f"   {line}" if line else ""), hang=0)
    if not total.successful + total.failed:
        return
    parts = [plural(total.requests, "call"), f"{total.failed} failed"]
    parts += [f"{percent(total.failover_rate)} failed over"] if total.failovers else []
    parts += [f"{_rate(total.tokens_per_second)} tokens/s"] if total.tokens_per_second else []
    terminal.out(", ".join(parts), hang=0)
    times = (("latency", "latency_ms"), ("first token", "ttft_ms"))
    for name, field in times:
        figures = {
            what: getattr(total, f"{what}_{field}") for what in ("avg", "min", "max", "p50", "p95", "p99")
        }
        if figures["avg"] is not None:
            terminal.out(
                f"{name}: " + ", ".join(f"{what} {_time(ms)}" for what, ms in figures.items()), hang=0
            )
    if report.best and total.best_cost is not None and total.best_cost != total.cost:
        terminal.out(
            f"had {report.best.deployment} (quality {report.best.quality}) answered it all: "
            f"{money(total.best_cost)}",
            hang=0,
        )


def _dates(span: Bounds) -> str:
    """Name the local dates of a span, both ends included."""
    first, last = (local_day(span.since) if span.span.first else ""), last_day(span)
    return last if first == last else f"{first} to {last}" if first else f"until {last}"


def _told_cost(group: "Summary") -> str:
    """Write the cost of a group; a question mark is what its calls without a price cost as well."""
    if not group.is_priced:
        return "unknown"
    if group.failed == group.requests and not (group.cost or group.input_tokens or group.output_tokens):
        return "-"  # nothing came of it, which says nothing about its price
    return f"{usd(group.cost)} + ?" if group.unpriced else money(group.cost)


def _rate(speed: float) -> str:
    return f"{speed:g}" if speed < 1000 else f"{round(speed):,}"


def _time(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else seconds(milliseconds)


def _weight(group: "Summary", total: "Summary") -> Decimal:
    """Return a group's part of the cost, of the calls where nothing cost anything."""
    if total.cost:
        return group.cost / total.cost
    return Decimal(group.requests) / Decimal(max(1, total.requests))


def _row(group: "Summary", share: Decimal, most: Decimal | None) -> list[str]:
    """Show a group; its bar, where there is one, is against the largest share."""
    from llmpool.cli.plot import bar, is_utf8

    cached = (group.cache_read_tokens or 0) / group.input_tokens if group.input_tokens else 0
    row = [
        *(value for _, value in group.keys),
        str(group.requests),
        count(group.input_tokens),
        percent(cached) if cached >= 0.005 else "",
        count(group.output_tokens),
        _told_cost(group),
        percent(share) if group.is_priced else "",
    ]
    row += [] if most is None else [bar(share, most, _BAR, ascii_only=not is_utf8())]
    return [*row, seconds(group.p50_latency_ms), percent(group.success_rate)]


def _plot(terminal: Terminal, span: Bounds, report: "Report") -> None:
    """Draw cost by group, or calls where nothing cost anything."""
    from llmpool.cli.plot import chart, is_utf8

    _headline(terminal, span, report)
    by_cost = bool(report.total.cost)
    rows: list[tuple[str, Decimal | int, str]] = [
        (each.group, each.cost, _told_cost(each))
        if by_cost
        else (each.group, each.requests, plural(each.requests, "call"))
        for each in report.groups
    ]
    width = terminal.width if terminal.for_people else 80
    for line in chart(rows, width, ascii_only=not is_utf8()):
        terminal.out(line)


def _tell(terminal: Terminal, report: "Report") -> None:
    """Say what the figures leave out, and how to mend it."""
    if report.bad:
        terminal.warn(f"{plural(report.bad, 'line')} of the usage log could not be read")
    if report.lost:
        terminal.warn(f"the sums of pruned days cannot be read: {', '.join(report.lost)}")
    if report.rounded:
        terminal.say(f"pruned days count as a whole: {', '.join(report.rounded)}")
    unknown = [group for group in report.groups if not group.is_priced and dict(group.keys).get("deployment")]
    for group in unknown[:_FEW] if terminal.err_is_terminal else []:
        from llmpool.core.word import word

        ref = word(dict(group.keys)["deployment"])
        terminal.say(f"price it: llmpool usage prices set {ref} --input USD --output USD", dim=True)
