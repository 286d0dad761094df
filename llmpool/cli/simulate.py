"""`llmpool policy simulate`: what another policy, config or strategy would have come to."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import money, percent, plural, seconds
from llmpool.cli.spans import Since, Until, span
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.compared import Comparison

EXAMPLES = (
    "llmpool policy simulate --strategy cost",
    "llmpool policy simulate --set routing.mode=local --since 7d",
    "llmpool policy simulate --set providers.den.enabled=false",
    "llmpool policy simulate --policy p.json --since 7d",
)


def simulate(
    ctx: typer.Context,
    policy: Annotated[
        str, typer.Option("--policy", metavar="FILE", help="Policies as `export` prints them; - is stdin.")
    ] = "",
    keys: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the config; may be repeated."),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            metavar="NAME",
            autocompletion=complete.strategies,
            help="Short for --set routing.strategy=NAME.",
        ),
    ] = "",
    since: Since = "30d",
    until: Until = "",
    as_json: JsonFlag = False,
) -> int:
    """Route the recorded decisions again under another policy, config or strategy, and compare.

    Both sides are replays, so that what differs is due to the change alone. What a request asked for itself
    stays. Nothing is called, and nothing is changed.
    """
    from llmpool.cli.progress import Progress
    from llmpool.setup import policyfile
    from llmpool.setup import simulate as simulating

    terminal: Terminal = ctx.obj
    words = [*(keys or ()), *([f"routing.strategy={strategy}"] if strategy else ())]
    policies = policyfile.load(policy) if policy else None
    setting = simulating.Setting(policies, simulating.pairs(words))
    first, last = span(terminal, since, until)
    with Progress(terminal) as progress:
        found = simulating.simulate(
            terminal.pool, setting, first, last, lambda done: progress.line(f"  {plural(done, 'decision')}")
        )
    tried = {"policies": None if policies is None else len(policies), "keys": dict(setting.keys)}
    document = {"since": first, "until": last, "tried": tried} | found.as_json()
    if as_json:
        terminal.json(document)
    else:
        _show(terminal, found, document)
    return Exit.OK


def _show(terminal: Terminal, found: "Comparison", told: dict[str, Any]) -> None:
    """Show a comparison: how many change, from whom to whom, and what that comes to."""
    from llmpool.cli.tables import show

    share = f" ({percent(found.changed / found.decisions)})" if found.decisions else ""
    terminal.out(
        f"{plural(found.decisions, 'decision')} since {told['since'][:10]}; "
        f"{found.changed} would be made otherwise{share}"
    )
    rows = [[str(m["decisions"]), m["from"] or "nobody", m["to"] or "nobody"] for m in told["moves"]]
    if rows:
        show(terminal, [">decisions", "from", "to"], rows)
    if told["moves_total"] > len(rows):
        terminal.out(f"and {told['moves_total'] - len(rows)} other moves")
    nobody = told["not_eligible"]
    if nobody["became"]:
        terminal.out(f"{plural(nobody['became'], 'decision')} would find nobody:")
        for each in nobody["reasons"]:
            terminal.out(f"  {each['decisions']}   {each['reason']}")
    if found.decisions:
        _sums(terminal, told)
    for reason, lines in told["skipped"].items():
        terminal.say(f"note: {plural(lines, 'line')} left out: {reason}")


def _sums(terminal: Terminal, told: dict[str, Any]) -> None:
    """Show the differences in cost, latency and quality, each with how much of it is known."""
    cost, latency, quality = told["cost"], told["latency_ms"], told["quality"]
    left_out = [
        f"{cost['unpriced']} without a price" if cost["unpriced"] else "",
        f"{cost['uncounted']} without counted tokens" if cost["uncounted"] else "",
    ]
    rest = "; ".join(filter(None, (_over(cost), *left_out)))
    rows = [
        ["cost", *_three(cost, _money, _money_moved), rest],
        ["latency", *_three(latency, seconds, _seconds_moved), _over(latency)],
        ["quality", *_three(quality, str, "{:+}".format), _over(quality)],
    ]
    from llmpool.cli.tables import show

    show(terminal, ["", ">today", ">otherwise", ">difference", ""], rows)
    if told["since_recorded"]:
        drifted = plural(told["since_recorded"], "decision")
        terminal.say(f"note: {drifted} would be made otherwise than recorded even without this change")


def _over(told: dict[str, Any]) -> str:
    return f"over {plural(told['decisions'], 'decision')}" if told["decisions"] else ""


def _three(told: dict[str, Any], value: Any, moved: Any) -> list[str]:
    if told["today"] is None:
        return ["unknown", "unknown", ""]
    return [value(told["today"]), value(told["other"]), moved(told["difference"])]


def _money(amount: str) -> str:
    return money(amount) if Decimal(amount) else "$0.00"


def _money_moved(amount: str) -> str:
    value = Decimal(amount)
    return f"{'-' if value < 0 else '+'}{_money(str(abs(value)))}"


def _seconds_moved(milliseconds: float) -> str:
    return f"{milliseconds / 1000:+.1f} s"
