"""`route --batch`: one JSON request a line in, one decision a line out."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpool.cli import requests
from llmpool.cli.options import RoutingOptions
from llmpool.core.text import tokens
from llmpool.errors import Exit, LlmpoolError, Misuse

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.routing import RouteRequest

_TYPES: dict[str, type] = {
    "query": str,
    "context_size": int,
    "needs_tools": bool,
    "needs_streaming": bool,
    "needs_images": bool,
    "tool_count": int,
    "priority": str,
    "hints": dict,
}


def route_batch(terminal: Terminal, source: str, routing: RoutingOptions) -> int:
    """Decide each line of *source*; exit 2 when a line was bad, whose place then holds the error."""
    from llmpool.decide import decide
    from llmpool.router.explain import decision_json

    common = requests.route_request(routing, "", "", terminal)
    code = Exit.OK
    for number, text in _lines(source):
        try:
            request = _request(common, text, given=bool(routing.context_size))
            choice = decide(terminal.pool, request, profile=routing.profile, force=routing.force)
            decision = decision_json(choice.decision) | {"difficulty": None}  # not judged by this version
            document: dict[str, Any] = {"schema": 1, "decision": decision}
        except LlmpoolError as error:
            document = {"schema": 1, "line": number, "error": error.as_json()["error"]}
            code = Exit.USAGE
        sys.stdout.write(json.dumps(document) + "\n")
    return code


def _lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield the non-empty lines with their numbers; raises Misuse when the file cannot be read."""
    with contextlib.ExitStack() as stack:
        try:
            handle = sys.stdin if source == "-" else stack.enter_context(Path(source).open(encoding="utf-8"))
            for number, text in enumerate(handle, 1):
                if text.strip():
                    yield number, text
        except (OSError, UnicodeDecodeError) as error:
            raise Misuse(f"{source} cannot be read: {error}", hint="a UTF-8 file, or - for stdin") from None


def _request(common: RouteRequest, text: str, *, given: bool) -> RouteRequest:
    """Read one line over the options of the command line; raises Misuse naming what is wrong with it."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        raise Misuse("not JSON") from None
    if not isinstance(line, dict) or not isinstance(line.get("query"), str):
        raise Misuse('not an object with a text "query"')
    fields: dict[str, Any] = line
    for name, value in fields.items():
        wanted = _TYPES.get(name)
        if wanted is None:
            raise Misuse(f'"{name}" is not known', hint=f"known: {', '.join(_TYPES)}")
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int):
            raise Misuse(f'"{name}" has the wrong type')
        if isinstance(value, int) and value < 0:
            raise Misuse(f'"{name}" is negative')
    if line.get("priority", "interactive") not in ("interactive", "background"):
        raise Misuse('"priority" is interactive or background')
    needs = [name for name in ("tools", "streaming", "images") if line.get(f"needs_{name}")]
    estimate = common.context_size if given else tokens(line["query"])
    hints = {
        **dict(common.hints),
        **{k: v if isinstance(v, str) else json.dumps(v) for k, v in line.get("hints", {}).items()},
    }
    return common.replace(
        query=line["query"],
        context_size=line.get("context_size", estimate),
        stated=given or "context_size" in line,
        needs=tuple(dict.fromkeys((*common.needs, *needs))),
        tool_count=line.get("tool_count", common.tool_count),
        priority=line.get("priority", common.priority),
        hints=tuple(hints.items()),
    )
