"""`llmpool refresh`: ask every provider what it has."""

from typing import Annotated, Any

import typer

from llmpool.cli.app import examples, single
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, seconds
from llmpool.cli.output import plural
from llmpool.errors import Exit

app = single()


@app.command(
    epilog=examples(
        "llmpool refresh",
        "llmpool refresh openai den --timeout 10s",
        "llmpool refresh --json | jq -r '.failed[]'",
    )
)
def refresh(
    ctx: typer.Context,
    providers: Annotated[
        list[str] | None, typer.Argument(metavar="[PROVIDER]...", help="Only these.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, max=256, help="Side by side.")] = 32,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="For each provider.")] = "30s",
    as_json: JsonFlag = False,
) -> int:
    """Ask providers what they have, and save it; spends no tokens.

    A provider that fails keeps its last good models, marked stale, and the exit code is 9.
    """
    from llmpool.cli.progress import Progress
    from llmpool.decide import nothing_configured
    from llmpool.discovery.refresh import refresh as observe_all

    terminal: Terminal = ctx.obj
    if not terminal.pool.catalog.providers:
        raise nothing_configured(terminal.pool)
    with Progress(terminal) as progress:
        report = observe_all(
            terminal.pool,
            tuple(providers) if providers else None,
            jobs=jobs,
            timeout=seconds(timeout),
            progress=lambda done, total, name: progress.line(f"  {done} of {total}   {name}"),
        )
    _tell(terminal, report, as_json)
    return Exit.PARTLY if report.failed else Exit.OK


def _tell(terminal: Terminal, report: Any, as_json: bool) -> None:
    if as_json:
        terminal.json(_document(report))
        return
    for entry in report.observed:
        facts = entry.error or plural(len(entry.models), "model")
        stale = (
            f"; {plural(len(entry.models), 'model')} kept from before" if entry.error and entry.models else ""
        )
        odd = f", {plural(entry.skipped, 'unusable line')} skipped" if entry.skipped else ""
        terminal.say(f"{entry.provider}   {facts}{stale}{odd}   ({entry.latency_ms} ms)")
    for name, why in report.skipped:
        terminal.say(f"{name}   skipped, {why}")
    for change in report.changes:
        for word in ("added", "gone", "loaded", "unloaded"):
            names = getattr(change, word)
            if names:
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                terminal.out(f"{change.provider}: {word} {', '.join(names[:5])}{more}")


def _document(report: Any) -> dict[str, Any]:
    return {
        "providers": [
            {
                "id": e.provider,
                "ok": not e.error,
                "models": len(e.models),
                "error": e.error or None,
                "error_kind": e.error_kind or None,
                "stale_since": e.stale_since or None,
                "latency_ms": e.latency_ms,
                "skipped_lines": e.skipped,
            }
            for e in report.observed
        ],
        "changes": [
            {k: list(v) if isinstance(v, tuple) else v for k, v in c._asdict().items()}
            for c in report.changes
        ],
        "failed": list(report.failed),
        "skipped": [{"id": name, "reason": why} for name, why in report.skipped],
    }
