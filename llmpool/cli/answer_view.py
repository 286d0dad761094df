"""What is shown of an answer besides its text: the line that ends it, and who else answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmpool.chat.journey import Journey
from llmpool.cli.output import count, money, seconds
from llmpool.core.outcome import TokenUsage

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_BETWEEN = " · "
LEAST_TIMED = 50  # milliseconds from the first token to the last below which a speed says nothing


def foreign(model: str, served: str) -> bool:
    """Say whether a server names quite another model than the one asked for; dated names are the same."""
    if not served:
        return False
    a, b = (name.lower().rpartition("/")[2].removesuffix(":latest") for name in (model, served))
    return a not in b and b not in a


def footer(journey: Journey) -> str:
    """Write the line that ends an answer: who, tokens, cost, times."""
    usage = journey.usage or TokenUsage()
    about = "about " if usage.estimated else ""
    parts = [
        journey.deployment,
        f"{about}{count(usage.input)} in, {count(usage.output)} out",
        money(journey.cost),
    ]
    first = f"first token {seconds(journey.ttft_ms)}, " if journey.ttft_ms is not None else ""
    return _BETWEEN.join([*parts, f"{first}total {seconds(journey.latency_ms)}"])


def fitted(terminal: Terminal, line: str) -> str:
    """Break such a line between its parts where a terminal is too narrow for it."""
    if not terminal.for_people or len(line) <= terminal.width:
        return line
    lines = [""]
    for part in line.split(_BETWEEN):
        longer = f"{lines[-1]}{_BETWEEN}{part}" if lines[-1] else part
        if len(longer) <= terminal.width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def one_document(terminal: Terminal, document: dict[str, Any]) -> None:
    """Print an answer's document: it is one thing, and with `--jsonl` one line, whatever lists it has."""
    if terminal.options.jsonl:
        terminal.write(json.dumps({"schema": 1} | document) + "\n")
    else:
        terminal.json(document)


def speed(journey: Journey) -> str:
    """Tell how fast the answer came once it had begun; empty where that cannot be said."""
    usage = journey.usage or TokenUsage()
    streamed = journey.latency_ms - (journey.ttft_ms or journey.latency_ms)
    if not usage.output or streamed < LEAST_TIMED:
        return ""
    return f"{'about ' if usage.estimated else ''}{1000 * usage.output / streamed:.0f} tokens a second"
