"""`llmpool policy simulate`: what another policy, config or strategy would have come to."""

from decimal import Decimal
from typing import Annotated, Any

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import money, percent, plural, seconds
from llmpool.cli.spans import Since, Until, span
from llmpool.errors import Exit

EXAMPLES = (
    "llmpool policy simulate --strategy cost",
    "llmpool policy simulate --strategy score,value,cost",
    "llmpool policy simulate --strategy value --set routing.quality_target=0.9",
    "llmpool policy simulate --set routing.mode=local --since 7d",
    "llmpool policy simulate --set providers.den.enabled=false",
    "llmpool policy simulate --policy p.json --since 7d",
)


def _strategies(incomplete: str) -> list[str]:
    """Complete the last of a comma-separated list of strategies."""
    from llmpool.core.config import STRATEGIES

    return complete.last_of(STRATEGIES, incomplete)


def simulate(
    ctx: Context,
    policy: Annotated[
        str, Option("--policy", metavar="FILE", help="Policies as `export` prints them; - is stdin.")
    ] = "",
    keys: Annotated[
        list[str] | None,
        Option("--set", metavar="KEY=VALUE", help="A key of the config; may be repeated."),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        Option(
            "--strategy",
            metavar="NAME",
            autocompletion=_strategies,
            help="Short for --set routing.strategy=NAME; several, score,value, are compared in one table.",
        ),
    ] = None,
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
    names = _named(strategy or [])
    policies = policyfile.load(policy) if policy else None
    settings = simulating.settings(policies, simulating.pairs(keys or []), names)
    first, last = span(terminal, since, until)
    with Progress(terminal) as progress:
        found = simulating.simulate(
            terminal.pool, settings, first, last, lambda done: progress.line(f"  {plural(done, 'decision')}")
        )
    tried: dict[str, Any] = {"policies": None if policies is None else len(policies)}
    document: dict[str, Any] = {"since": first, "until": last}
    if len(names) > 1:
        tried |= {"keys": dict(simulating.pairs(keys or [])), "strategies": names}
        now = terminal.pool.config.routing.strategy
        document |= {"tried": tried} | found.side_by_side(now, names)
    else:
        tried["keys"] = dict(settings[0].keys)
        document |= {"tried": tried} | found.as_json()
    if as_json:
        terminal.json(document)
    elif len(names) > 1:
        _show_several(terminal, document)
    else:
        _show(terminal, document)
    return Exit.OK


def _named(given: list[str]) -> list[str]:
    """Read `--strategy score,value`, repeated or not; raises Misuse for what is none."""
    from llmpool.cli.requests import one_of
    from llmpool.core.config import STRATEGIES

    words = [name.strip() for each in given for name in each.split(",")]
    return list(dict.fromkeys(one_of(name, STRATEGIES, "--strategy") for name in words if name))


def _show(terminal: Terminal, told: dict[str, Any]) -> None:
    """Show a comparison: how many change, from whom to whom, and what that comes to."""
    from llmpool.cli.tables import show

    share = f" ({percent(told['changed'] / told['decisions'])})" if told["decisions"] else ""
    terminal.out(
        f"{plural(told['decisions'], 'decision')} since {told['since'][:10]}; "
        f"{told['changed']} would be made otherwise{share}"
    )
    rows = [[str(m["decisions"]), m["from"] or "nobody", m["to"] or "nobody"] for m in told["moves"]]
    if rows:
        show(terminal, [">decisions", "=from", "=to"], rows)
    if told["moves_total"] > len(rows):
        terminal.out(f"and {told['moves_total'] - len(rows)} other moves")
    nobody = told["not_eligible"]
    if nobody["became"]:
        terminal.out(f"{plural(nobody['became'], 'decision')} would find nobody:")
        for each in nobody["reasons"]:
            terminal.out(f"  {each['decisions']}   {each['reason']}")
    if told["decisions"]:
        _sums(terminal, told)
    _notes(terminal, told)


def _show_several(terminal: Terminal, told: dict[str, Any]) -> None:
    """Show strategies side by side, today's first, and of how many decisions each figure is."""
    from llmpool.cli.tables import show

    now, tried = told["today"]["strategy"], told["tried"]
    terminal.out(f"{plural(told['decisions'], 'decision')} since {told['since'][:10]}")
    if not told["decisions"]:
        return _notes(terminal, told)
    is_bare = tried["policies"] is None and not tried["keys"]
    others = [each for each in told["strategies"] if not (is_bare and each["strategy"] == now)]
    rows = [_row(told["today"], "today"), *(_row(each, str(each["changed"])) for each in others)]
    headings = ["strategy", ">otherwise", ">cost", ">latency", ">quality", ">expected", ">nobody"]
    show(terminal, headings, rows)
    over = told["over"]
    parts = [f"{name} over {over[key]}" for key, name in _FIGURES.items() if over[key] != told["decisions"]]
    if facts := [*parts, *_left_out(over), *_guessed(told)]:
        terminal.say(f"note: {'; '.join(facts)}")
    return _notes(terminal, told)


_FIGURES = {"cost": "cost", "latency_ms": "latency", "quality": "quality", "expected_quality": "expected"}


def _row(figures: dict[str, Any], otherwise: str) -> list[str]:
    cost, latency = figures["cost"], figures["latency_ms"]
    return [
        figures["strategy"],
        otherwise,
        "unknown" if cost is None else _money(cost),
        "unknown" if latency is None else seconds(latency),
        "unknown" if figures["quality"] is None else str(figures["quality"]),
        "unknown" if figures["expected_quality"] is None else _chance(figures["expected_quality"]),
        str(figures["nobody"]),
    ]


def _notes(terminal: Terminal, told: dict[str, Any]) -> None:
    """Say what has changed in any case, and what was left out."""
    if told["since_recorded"]:
        drifted = plural(told["since_recorded"], "decision")
        terminal.say(f"note: {drifted} would be made otherwise than recorded even without this change")
    for reason, lines in told["skipped"].items():
        terminal.say(f"note: {plural(lines, 'line')} left out: {reason}")


def _left_out(counts: dict[str, Any]) -> list[str]:
    names = {"unpriced": "without a price", "uncounted": "without counted tokens"}
    return [f"{counts[key]} {words}" for key, words in names.items() if counts[key]]


def _sums(terminal: Terminal, told: dict[str, Any]) -> None:
    """Show the differences in cost, latency and quality, each with how much of it is known."""
    from llmpool.cli.tables import show

    cost, latency, quality = told["cost"], told["latency_ms"], told["quality"]
    chance = told["expected_quality"]
    rows = [
        ["cost", *_three(cost, _money, _money_moved), _over(cost, *_left_out(cost))],
        ["latency", *_three(latency, seconds, _seconds_moved), _over(latency)],
        ["quality", *_three(quality, str, "{:+}".format), _over(quality)],
        ["expected", *_three(chance, _chance, "{:+.2f}".format), _over(chance, *_guessed(told))],
    ]
    show(terminal, ["", ">today", ">otherwise", ">difference", ""], rows)


def _guessed(told: dict[str, Any]) -> list[str]:
    count = told["guessed_difficulty"]
    return [f"difficulty of {count} taken from the complexity"] if count else []


def _over(told: dict[str, Any], *more: str) -> str:
    known = [f"over {plural(told['decisions'], 'decision')}"] if told["decisions"] else []
    return "; ".join([*known, *more])


def _three(told: dict[str, Any], value: Any, moved: Any) -> list[str]:
    if told["today"] is None:
        return ["unknown", "unknown", ""]
    return [value(told["today"]), value(told["other"]), moved(told["difference"])]


def _chance(value: float) -> str:
    return f"{value:.2f}"


def _money(amount: str) -> str:
    return money(amount) if Decimal(amount) else "$0.00"


def _money_moved(amount: str) -> str:
    value = Decimal(amount)
    return f"{'-' if value < 0 else '+'}{_money(str(abs(value)))}"


def _seconds_moved(milliseconds: float) -> str:
    return f"{milliseconds / 1000:+.1f} s"
