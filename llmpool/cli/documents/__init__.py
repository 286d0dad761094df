"""The JSON schemas of every document that `--json` prints; `llmpool/data/schemas/` has them as files.

A document is named for the words of its command; where an option makes another document of it, for that
option too: `models-list.json`, `models-list-registry.json`.
"""

from __future__ import annotations

import json

from llmpool.cli.documents import asking, imports, keys, models, others, providers, usage
from llmpool.cli.documents.shape import DRAFT, Shape

DOCUMENTS: dict[str, Shape] = {
    **asking.DOCUMENTS,
    **models.DOCUMENTS,
    **providers.DOCUMENTS,
    **keys.DOCUMENTS,
    **imports.DOCUMENTS,
    **usage.DOCUMENTS,
    **others.DOCUMENTS,
}
# options that make another document of a command's
VARIANTS: dict[str, tuple[str, ...]] = {
    "chat": ("--batch", "--list", "--show", "--export"),
    "route": ("--batch", "--replay"),
    "models-list": ("--registry",),
    "models-pull": ("--list",),
    "usage-prices-list": ("--own",),
}


def schema(name: str) -> Shape:
    """Return the schema of one document."""
    return {"$schema": DRAFT, "title": name} | DOCUMENTS[name]


def files() -> dict[str, str]:
    """Return the schemas as files: their names, and what stands in them."""
    return {
        f"{name}.json": json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n" for name in DOCUMENTS
    }
