"""`llmpool models probe`: which models really answer, and what they can do."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, YesFlag, seconds
from llmpool.cli.output import plural
from llmpool.core.text import few
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.discovery.probe import Found, Report
    from llmpool.discovery.probe_plan import Plan

EXAMPLES = (
    "llmpool models probe work",
    "llmpool models probe -m den/qwen3:8b --capabilities",
    "llmpool models probe --yes --json | jq '.models[] | {id, available}'",
)
"""Of `probe`, for whoever registers it."""

UNASKED_CALLS = 20  # so many calls nobody is asked about
SHOWN_NAMES = 5
_WORDS = {True: "yes", False: "no", None: "?"}


app = verbs("Ask models for a token.")


@app.command(epilog=examples(*EXAMPLES))
def probe(
    ctx: Context,
    providers: Annotated[
        list[str] | None,
        Argument(metavar="[PROVIDER]...", autocompletion="providers", help="Only these."),
    ] = None,
    models: Annotated[
        list[str] | None,
        Option(
            "-m",
            "--model",
            metavar="REF",
            autocompletion="models",
            help="Only these; * is a wildcard.",
        ),
    ] = None,
    capabilities: Annotated[
        bool, Option("--capabilities", help="Try a tool call, a JSON schema and an image too.")
    ] = False,
    jobs: Annotated[int, Option("--jobs", metavar="N", help="Side by side; 0 is all.")] = 5,
    timeout: Annotated[str, Option("--timeout", metavar="TIME", help="For each call.")] = "10s",
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Ask every chat model for one token, and keep which of them answer; this spends tokens.

    What a provider says it does not have is left out of routing until the next probe, for 7 days at most.
    Above 20 calls you are asked first.
    """
    from llmpool.cli.confirm import confirm
    from llmpool.decide import nothing_configured
    from llmpool.discovery import probe as probing
    from llmpool.discovery.probe_plan import choose

    terminal: Terminal = ctx.obj
    if not terminal.pool.routing["providers"]:
        raise nothing_configured(terminal.pool)
    plan = choose(terminal.pool, providers or (), models or ())
    probing.check(plan)
    calls = plan.calls(capabilities=capabilities)
    if calls > UNASKED_CALLS:
        confirm(terminal, question(plan, calls), yes=yes)
    report = _probed(terminal, plan, jobs=jobs, timeout=seconds(timeout), capabilities=capabilities)
    probing.check(plan, report)
    if as_json:
        terminal.json(document(report, plan), entries="models")
    else:
        _show(terminal, report, plan, capabilities=capabilities)
    return Exit.PARTLY if report.unasked else Exit.OK


def _probed(terminal: Terminal, plan: "Plan", *, jobs: int, timeout: float, capabilities: bool) -> "Report":
    """Probe, and show how far it has come; after Ctrl-C say how much of it is kept."""
    from llmpool.cli.progress import Progress
    from llmpool.discovery.probe import Interrupted
    from llmpool.discovery.probe import probe as run

    pool = terminal.pool
    try:
        with Progress(terminal) as progress:

            def drawn(done: int, total: int, name: str) -> None:
                progress.bar(done, total, name)

            return run(pool, plan, jobs=jobs, timeout=timeout, capabilities=capabilities, progress=drawn)
    except Interrupted as interrupt:
        terminal.say(f"interrupted; {interrupt.kept} of {plural(interrupt.models, 'verdict')} kept")
        raise


def question(plan: "Plan", calls: int) -> str:
    """Ask whether so many calls may be made, and say to whom."""
    who = ", ".join(f"{name} {plural(count, 'model')}" for name, count in plan.by_provider().items())
    return f"make {calls} calls, which spend tokens ({who})?"


def document(report: "Report", plan: "Plan") -> dict[str, Any]:
    """Write the document of `--json`."""
    return {
        "models": [_entry(found) for found in report.found],
        "unasked": [unasked._asdict() for unasked in report.unasked],
        "skipped": [{"id": name, "reason": why} for name, why in plan.skipped],
    }


def _entry(found: "Found") -> dict[str, Any]:
    probed = found.probe
    can = probed.capabilities
    return {
        "id": f"{found.provider}/{probed.model}",
        "provider": found.provider,
        "model": probed.model,
        "available": probed.available,
        "status": probed.status or None,
        "error": probed.error or None,
        "latency_ms": probed.latency_ms,
        "at": probed.at,
        "capabilities": {"tools": can.tools, "json": can.json, "images": can.images},
    }


def _show(terminal: Terminal, report: "Report", plan: "Plan", *, capabilities: bool) -> None:
    from llmpool.cli.tables import show

    tried = ["!~tools", "!~json", "!~images"] if capabilities else []
    headings = ["model", "!answers", *tried, ">~~latency", ""]
    show(terminal, headings, [_row(found, capabilities=capabilities) for found in report.found])
    for unasked in report.unasked:
        terminal.say(f"{unasked.provider}: {unasked.message}; {plural(unasked.models, 'model')} not tried")
    reasons: dict[str, list[str]] = {}
    for name, why in plan.skipped:
        reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        terminal.say(f"skipped {few(names, SHOWN_NAMES)}: {why}")
    verdicts = [found.probe.available for found in report.found]
    told = [f"{verdicts.count(True)} of {plural(len(verdicts), 'model')} answered"]
    told += [f"{verdicts.count(False)} not there"] if False in verdicts else []
    told += [f"{verdicts.count(None)} could not be told"] if None in verdicts else []
    terminal.say(", ".join(told))


def _row(found: "Found", *, capabilities: bool) -> list[str]:
    probed = found.probe
    can = probed.capabilities
    tried = [_WORDS[value] for value in (can.tools, can.json, can.images)] if capabilities else []
    status = f"{probed.status}: " if probed.status and probed.error else ""
    row = [f"{found.provider}/{probed.model}", _WORDS[probed.available], *tried]
    return [*row, f"{probed.latency_ms} ms", status + probed.error]
