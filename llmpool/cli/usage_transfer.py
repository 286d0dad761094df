"""`llmpool usage export` and `usage import`: records on their way to elsewhere and back."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli import complete
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.cli.output import plural
from llmpool.cli.spans import Since, Until, bounds
from llmpool.core.text import shown
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmpool.setup.usage_export import Exported
    from llmpool.setup.usage_import import Taken

EXPORT_EXAMPLES = (
    "llmpool usage export -o usage.csv",
    "llmpool usage export --since 30d > usage.jsonl",
    "llmpool usage export --format otlp --since yesterday -o spans.jsonl",
)
IMPORT_EXAMPLES = (
    "llmpool usage import usage.jsonl",
    "llmpool usage import --from zimaos --dry-run /mnt/zimaos/state",
    "ssh laptop llmpool usage export | llmpool usage import -",
)
_FEW = 5  # broken lines that are named to a person


def _forms(incomplete: str) -> list[str]:
    return complete.starting(("jsonl", "csv", "otlp"), incomplete)


def _tools(incomplete: str) -> list[str]:
    return complete.starting(("zimaos", "llmpool"), incomplete)


def export_records(
    ctx: Context,
    form: Annotated[
        str,
        Option(
            "--format",
            metavar="FORMAT",
            autocompletion=_forms,
            help="jsonl, csv or otlp; else by FILE's name.",
        ),
    ] = "",
    output: Annotated[
        str, Option("-o", "--output", metavar="FILE", help="Where to; - or nothing is stdout.")
    ] = "",
    since: Since = "",
    until: Until = "",
    force: Annotated[bool, Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Write out usage records: all there are, or those of a time.

    jsonl is one record a line, the form that `usage import` takes in on another machine. csv is for
    spreadsheets: the columns keep their order, and text that a spreadsheet would take for a formula gets an
    apostrophe in front. otlp is OpenTelemetry's JSON, a span a request with the names of its GenAI
    conventions: each line is one body for a collector's POST /v1/traces. No prompt and no key is in any.
    """
    from llmpool.cli.progress import Progress
    from llmpool.setup import usage_export

    terminal: Terminal = ctx.obj
    to_file = output not in ("", "-")
    if as_json and not to_file:
        raise Misuse("stdout has the records; --json tells of a file", hint="add -o FILE, or drop --json")
    form, when = usage_export.chosen(form, output), bounds(terminal, since, until).span
    when = when if until else when._replace(end="")
    with Progress(terminal) as progress:

        def tell(count: int) -> None:
            progress.line(f"  {plural(count, 'record')}")

        if to_file:
            done = usage_export.save(terminal.pool, form, when, output, replace=force, tell=tell)
        elif terminal.is_terminal:  # which shows the records themselves
            done = usage_export.export(terminal.pool, form, when, writer(terminal))
        else:
            done = usage_export.export(terminal.pool, form, when, writer(terminal), tell)
    if as_json:
        told = {"file": output, "format": form, "records": done.records, "bad_lines": done.bad}
        terminal.json(told | {"pruned_days": done.pruned})
    _tell_export(terminal, done, output if to_file else "")
    return Exit.OK


def writer(terminal: Terminal) -> "Callable[[str], object]":
    """Write an export as it is; only a terminal gets it made harmless."""
    return (lambda text: terminal.write(shown(text))) if terminal.is_terminal else sys.stdout.write


def _tell_export(terminal: Terminal, done: "Exported", target: str) -> None:
    if target:
        terminal.say(f"wrote {plural(done.records, 'record')} to {target}")
    elif not done.records:
        terminal.say("no records in that time")
    tell_missing(terminal, done)


def tell_missing(terminal: Terminal, done: "Exported") -> None:
    """Say which records did not go out."""
    if done.pruned:
        terminal.say(f"{plural(done.pruned, 'day')} left out: pruned, so that only sums are left")
    if done.bad:
        terminal.warn(f"{plural(done.bad, 'line')} of the usage log could not be read")


def import_records(
    ctx: Context,
    source: Annotated[
        str, Argument(metavar="FILE_OR_DIR", help="JSONL, SQLite, or a directory of them; - is stdin.")
    ],
    tool: Annotated[
        str,
        Option("--from", metavar="TOOL", autocompletion=_tools, help="zimaos or llmpool; else by looks."),
    ] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would be taken.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Take in usage records of another machine or of ZimaOS, each once.

    It reads what `usage export` writes as jsonl, and the daily JSONL files and the SQLite database of ZimaOS,
    which it leaves as they are. Records that are there already are skipped, so twice is as good as once.
    Costs stay as they were reckoned there. With lines that are no records the exit code is 9.
    """
    from llmpool.cli.progress import Progress
    from llmpool.setup.usage_import import take_in

    terminal: Terminal = ctx.obj
    with Progress(terminal) as progress:
        done = take_in(terminal.pool, source, tool, progress.line, dry_run=dry_run)
    if as_json:
        terminal.json(_import_json(done, dry_run=dry_run))
    else:
        tell_taken(terminal, done, dry_run=dry_run)
    return Exit.PARTLY if done.broken else Exit.OK


def _import_json(done: "Taken", *, dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run, "files": done.files} | taken_json(done)


def taken_json(done: "Taken") -> dict[str, Any]:
    """Show what came of taking records in as JSON has it."""
    return {
        "taken": done.taken,
        "skipped": done.there,
        "pruned": done.pruned,
        "broken": done.broken,
        "reasons": done.reasons,
        "broken_lines": [fault._asdict() for fault in done.faults],
        "days": done.days,
    }


def tell_taken(terminal: Terminal, done: "Taken", *, dry_run: bool = False) -> None:
    """Say what came of taking records in."""
    days = f" on {plural(len(done.days), 'day')}" if done.days else ""
    there = f", {done.there} there already" if done.there else ""
    terminal.say(f"{'would take' if dry_run else 'took'} {plural(done.taken, 'record')}{days}{there}")
    if done.pruned:
        left = plural(sum(done.pruned.values()), "record")
        days = plural(len(done.pruned), "day")
        terminal.warn(
            f"{left} left out, of {days} whose records were pruned here: they may be counted already"
        )
    for fault in done.faults[:_FEW]:
        terminal.warn(f"{fault.file}, {fault.place}: {fault.reason}")
    if done.broken > _FEW:
        counts = ", ".join(f"{number} x {reason}" for reason, number in done.reasons.items())
        terminal.warn(f"{done.broken} lines are no records: {counts}")
