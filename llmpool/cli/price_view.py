"""Prices as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import dollars, plural
from llmpool.cli.tables import show as show_table
from llmpool.core.money import usd
from llmpool.core.text import few
from llmpool.core.word import word

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.cli.spans import Bounds
    from llmpool.pricing.lookup import Own
    from llmpool.setup.prices import Entry, Put, Shown
    from llmpool.setup.reprice import Report, Sums

NAMED = 5  # deployments that are told one by one
_ALL = "all that has no price"
_SAID = {
    "custom": "set by you",
    "default": "your default",
    "book": "price book",
    "listed": "listed by the provider",
    "family": "a guess by its family",
    "local": "runs on your own machines",
    "plan": "paid by your plan",
    "trial": "free while the trial lasts",
}


def table(terminal: Terminal, entries: Sequence[Entry]) -> None:
    """Show the prices of deployments, and say how many have none."""
    from llmpool.setup import prices

    rows = []
    for entry in entries:
        known = prices.as_json(terminal.pool, entry.priced) or {}
        *rates, valid = _cells(known or None)
        source = f"{known.get('source', '')} {known.get('matched') or ''}".strip()
        if valid and terminal.for_people:  # few prices have a date
            source, valid = f"{source}, from {valid}", ""
        rows.append([entry.ref, *rates, valid, source])
    if rows:
        with terminal.paged():
            show_table(terminal, ["deployment", ">in", ">out", ">~cached", "~from", ""], rows)
        terminal.say(f"USD per million tokens; price book: {terminal.pool.prices.book.version}")
    unpriced = sum(entry.priced is None for entry in entries)
    if unpriced:
        terminal.say(
            f"{plural(unpriced, 'deployment')} without a price; set one: llmpool usage prices set ..."
        )
    elif not rows:
        listed = bool(terminal.pool.table.rows)
        terminal.say(
            "every deployment has a price" if listed else "no deployment is known; see: llmpool init"
        )


def document(terminal: Terminal, entries: Sequence[Entry]) -> dict[str, Any]:
    """Write the document of `list --json`."""
    from llmpool.setup import prices

    return {
        "prices": [{"deployment": e.ref, "price": prices.as_json(terminal.pool, e.priced)} for e in entries],
        "unpriced": sum(entry.priced is None for entry in entries),
        "book": prices.book(terminal.pool),
    }


def own(terminal: Terminal, known: Own, *, as_json: bool) -> None:
    """Show the prices that the owner set."""
    if as_json:
        default = None if known.default is None else dict(known.default)
        custom = [{"target": key, **entry} for key, entry in sorted(known.custom.items())]
        terminal.json({"custom": custom, "default": default})
        return
    entries = [*sorted(known.custom.items()), *([(_ALL, known.default)] if known.default else [])]
    rows = [[key, *_cells(entry), f"set {str(entry.get('set_at', ''))[:10]}"] for key, entry in entries]
    if rows:
        show_table(terminal, ["for", ">in", ">out", ">~cached", ""], [[*r[:4], r[5]] for r in rows])
    else:
        terminal.say("no price is set; set one: llmpool usage prices set PROVIDER/MODEL INPUT OUTPUT")


def show(terminal: Terminal, found: Shown) -> None:
    """Show one price in full."""
    from llmpool.setup import prices

    known = prices.as_json(terminal.pool, found.entry.priced)
    ref = found.entry.ref
    if known is None:
        terminal.out(f"{ref}   no price is known")
        terminal.say(f"set one: llmpool usage prices set {word(ref)} --input 1.25 --output 10")
        return
    terminal.out(f"{ref}   {_pair(known)} per million tokens", hang=2)
    for line in _lines(known):
        terminal.out(f"  {line}", hang=20)
    if found.otherwise is not None:
        other = prices.as_json(terminal.pool, found.otherwise) or {}
        terminal.out(f"  {'otherwise':17} {_pair(other)}   {_source(other)}", hang=20)


def put(terminal: Terminal, done: Put, *, as_json: bool) -> None:
    """Tell what was set, and for what it counts."""
    if as_json:
        terminal.json(_put_document(done))
        return
    terminal.say(f"{done.key or _ALL}: {_pair(done.rates)} per million tokens; {_counts(done)}")


def dropped(terminal: Terminal, gone: Sequence[Put], *, as_json: bool) -> None:
    """Tell what was taken back."""
    if as_json:
        terminal.json({"unset": [_put_document(each) for each in gone]})
        return
    for each in gone:
        terminal.say(f"{each.key or _ALL}: {_pair(each.rates)} no longer; it counted for {_some(each)}")


def repriced(terminal: Terminal, span: Bounds, report: Report) -> None:
    """Show old and new cost with the difference, a line for each deployment and one for all."""
    from llmpool.cli.spans import last_day, local_day

    total = report.total
    days = f"{local_day(span.since)} to" if span.span.first else "until"
    told = f"{days} {last_day(span)}: {plural(total.records, 'request')}"
    terminal.out(
        f"{told}, {usd(total.old)} recorded, {usd(total.new)} at today's prices ({_moved(total)})", hang=0
    )
    rows = [_sums_row(each) for each in report.deployments if each.changed or each.unknown]
    if rows:
        show_table(terminal, ["deployment", ">~requests", ">old", ">new", ">difference", ""], rows)
    if report.bad:
        terminal.warn(f"{plural(report.bad, 'line')} of the usage log could not be read")


def applied(terminal: Terminal, report: Report) -> None:
    """Say what was written, or how to."""
    if report.applied is not None:
        terminal.say(f"{plural(report.applied, 'record')} rewritten; what they had before is kept in each")
    elif report.total.changed:
        terminal.say(f"nothing is changed; to write {plural(report.total.changed, 'new cost')}: --apply")


def _sums_row(sums: Sums) -> list[str]:
    remarks = []
    if sums.unpriced > sums.unknown:
        remarks.append(f"{sums.unpriced - sums.unknown} had no price")
    if sums.unknown:
        remarks.append(f"{sums.unknown} without a price")
    if sums.kept:
        remarks.append(f"{sums.kept} kept")
    old = "unknown" if sums.unpriced == sums.records else usd(sums.old)
    new = "unknown" if sums.unknown == sums.records else usd(sums.new)
    return [sums.deployment, str(sums.records), old, new, _moved(sums), ", ".join(remarks)]


def _moved(sums: Sums) -> str:
    """Write by how much the cost moves; of what has no price, then or now, nobody knows."""
    if sums.records and sums.unknown == sums.records:
        return "unknown"
    difference = sums.new - sums.old
    return f"{'+' if difference > 0 else '-' if difference < 0 else ''}{usd(abs(difference))}"


def _lines(known: Mapping[str, Any]) -> Iterator[str]:
    """Write what a price has beside input and output, and who says so."""
    for name in ("cache_read", "cache_write", "cache_write_1h", "reasoning", "per_request"):
        if name in known:
            each = " each" if name == "per_request" else ""
            yield f"{name.replace('_', ' '):17} ${known[name]}{each}"
    for unit, amount in known.get("other", {}).items():
        yield _of_unit(unit, amount)
    for tier in known.get("tiers", ()):
        rates = [f"{name.replace('_', ' ')} ${rate}" for name, rate in tier.items() if name != "above"]
        yield f"{'prompts above':17} {tier['above']:,} tokens: {', '.join(rates)}"
    for step in known.get("steps", ()):
        when = f"from {step['from']}" if step["from"] else "else" if "hours" not in step else ""
        yield f"{' '.join([when, *_hours(step)]).strip():17} {_pair(step)}"
    yield f"{'source':17} {_source(known)}"
    if known.get("valid_from"):
        yield f"{'valid from':17} {known['valid_from']}"


def _hours(step: Mapping[str, Any]) -> list[str]:
    return [f"{'-'.join(step['hours'])} UTC"] if "hours" in step else []


def _of_unit(unit: str, amount: str) -> str:
    """Write what something else than tokens costs: searches by the thousand, audio by the million tokens."""
    name, _, per = unit.rpartition("_")
    words = {"kcount": "per 1,000", "mtok": "per million tokens"}
    return f"{(name if per in words else unit).replace('_', ' '):17} ${amount} {words.get(per, 'each')}"


def _source(known: Mapping[str, Any] | None) -> str:
    """Say whose word a price is: the rule, what matched, and of when."""
    if known is None:
        return ""
    version = str(known["version"] or "")
    dated = f"on {version[:10]}" if known["source"] in ("custom", "default") and version else version
    return ", ".join(filter(None, (_SAID.get(known["source"], known["source"]), known["matched"], dated)))


def _cells(known: Mapping[str, Any] | None) -> list[str]:
    """Write input, output and cached input, and from when they hold."""
    if known is None:
        return ["unknown", "", "", ""]
    return [
        *(_rate(known, name) for name in ("input", "output", "cache_read")),
        known.get("valid_from") or "",
    ]


def _rate(known: Mapping[str, Any], name: str) -> str:
    return dollars(known[name]) if known.get(name) is not None else ""


def _pair(known: Mapping[str, Any]) -> str:
    if known.get("input") is None and known.get("output") is None:
        return "nothing"
    return f"{_rate(known, 'input') or '$0'} in, {_rate(known, 'output') or '$0'} out"


def _counts(done: Put) -> str:
    if done.local:
        return "but it runs on your own machines, and those stay free"
    return f"it counts for {_some(done)}" if done.deployments else "no deployment goes by it now"


def _some(done: Put) -> str:
    return few(done.deployments, NAMED) or "no deployment"


def _put_document(done: Put) -> dict[str, Any]:
    return {
        "target": done.key or None,
        "default": not done.key,
        "price": dict(done.rates),
        "deployments": list(done.deployments),
    }
