"""Make llmpool's built-in catalog out of the rows of the specification (pool-routing-formats 3.2 and 3.3).

    python -m tests.tools.make_catalog llmpool/data/catalog.json

The rows are those of `model_rows`; here are the local models that only a catalog may tell of, and the rows
that are no product of their own. Prices are not in it: they are the price book's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.tools.model_rows import OWN_ROWS, Row, rows

LOCAL = rows(
    "ollama",
    """
    llama3.3 128000 4096 B
    qwen2.5 32000 4096 B
    deepseek-r1 64000 8192 BT
    """,
)
# An older catalog's, which the newer one lists no more; and names of vendors that are no preset.
NOT_SOLD = {"codex-MiniMax-M2.5"}
WORDS = {
    "chat": "chat",
    "images": "vision",
    "tools": "function_call",
    "streaming": "streaming",
    "thinking": "thinking",
    "json": "json",
}
NOTE = "made by tests/tools/make_catalog.py from llmpool's own specification; do not edit"


def document() -> dict[str, Any]:
    """Build the catalog, its models by preset."""
    models: dict[str, list[dict[str, Any]]] = {}
    for preset, name, row in (*OWN_ROWS, *LOCAL):
        if preset and name not in NOT_SOLD:
            models.setdefault(preset, []).append(dict(line(name, row)))
    return {"note": NOTE, "models": dict(sorted(models.items()))}


def line(name: str, row: Row) -> Iterator[tuple[str, Any]]:
    """Yield the fields of one model, without what is not known."""
    yield "id", name
    if row.context:
        yield "context_window", row.context
        yield "max_output", row.output
    yield "capabilities", [word for ours, word in WORDS.items() if ours in row.yes]


def text_of(made: dict[str, Any]) -> str:
    """Write the catalog with one model a line, so that a change shows where it is."""
    vendors = [
        f"{json.dumps(vendor)}: [\n" + ",\n".join(json.dumps(each) for each in models) + "\n]"
        for vendor, models in made["models"].items()
    ]
    return f'{{"note": {json.dumps(made["note"])},\n"models": {{\n' + ",\n".join(vendors) + "\n}}\n"


def main(arguments: list[str]) -> None:
    """Write the catalog to the file that *arguments* name."""
    (target,) = arguments
    Path(target).write_text(text_of(document()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
