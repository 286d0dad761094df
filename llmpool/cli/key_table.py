"""Keys as a person sees them listed: masked, with what became of them."""

from typing import Any

from llmpool.cli.context import Terminal


def show(terminal: Terminal, rows: list[dict[str, Any]]) -> None:
    """Show keys as a table: where from, in what state, how often used, and what was there before."""
    from llmpool.cli import tables
    from llmpool.cli.output import ago

    now = terminal.pool.clock()
    lines = [
        [
            row["provider"],
            row["label"],
            row["from"],
            row["reason"] or row["state"],
            row["mask"] or "-",
            str(row["usage_count"]),
            ago(row["last_used"] or "", now),
            ", ".join(f"{past['mask']} until {past['until'][:10]}" for past in row["replaced"][:2]),
        ]
        for row in rows
    ]
    tables.show(terminal, ["provider", "key", "from", "state", "mask", ">uses", "used", "before"], lines)
