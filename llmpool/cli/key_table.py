"""Keys as a person sees them listed: masked, with what became of them."""

from typing import Any

from llmpool.cli.context import Terminal


def show(terminal: Terminal, rows: list[dict[str, Any]]) -> None:
    """Show keys as a table: where from, in what state, how often used, and what was there before."""
    from llmpool.cli import tables

    lines = [
        [
            row["provider"],
            row["label"],
            row["from"],
            row["reason"] or row["state"],
            row["mask"] or "-",
            str(row["usage_count"]),
            terminal.when(row["last_used"] or ""),
            ", ".join(f"{past['mask']} until {past['until'][:10]}" for past in row["replaced"][:2]),
        ]
        for row in rows
    ]
    headings = ["provider", "=key", "~from", "!state", "~~~mask", ">~~uses", "~used", "~~~~before"]
    with terminal.paged():
        tables.show(terminal, headings, lines)
