"""Reads the recorded exchanges beside it; SOURCE.md says where they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.wire import Answer

HERE = Path(__file__).parent


class Exchange(NamedTuple):
    """What was asked and what was answered."""

    request: dict[str, Any]
    answer: Answer


def exchange(name: str) -> Exchange:
    """Return the exchange recorded as *name*, such as `claude/schema`."""
    text = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    asked, _, rest = text.partition("\n< ")
    head, _, body = rest.partition("\n\n")
    status, *fields = head.split("\n")
    pairs = (field[2:].split(": ", 1) for field in fields if not field.startswith("< ("))
    headers = {name.lower(): value for name, value in pairs}
    request = json.loads(asked.split("\n> ", 1)[1])
    return Exchange(request, Answer(status=int(status.split()[0]), headers=headers, body=body.encode()))


def recorded(name: str) -> Answer:
    """Return the answer recorded as *name*."""
    return exchange(name).answer


def usages() -> list[dict[str, Any]]:
    """Return recorded `usage` blocks with what genai-prices reads from each."""
    rows: list[dict[str, Any]] = json.loads((HERE / "usages.json").read_text(encoding="utf-8"))
    return rows
