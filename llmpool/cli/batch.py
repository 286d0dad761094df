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
_WORDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}
LONGEST = 16 << 20  # bytes of a line
_MOST = 1 << 53  # tokens or tools: beyond it JSON's readers disagree about a number


def route_batch(terminal: Terminal, source: str, routing: RoutingOptions, *, every: bool = False) -> int:
    """Decide each line of *source*; exit 2 when a line was bad, whose place then holds the error.

    *every*: with all candidates and rejections. A mistake in the options is no fault of a line, and raises.
    """
    from llmpool.decide import decide, understand
    from llmpool.judging import difficulty
    from llmpool.router.explain import SHOWN, decision_json

    common, detail = requests.route_request(routing, "", "", terminal), 0 if every else SHOWN
    understand(terminal.pool, common, profile=routing.profile, force=routing.force)
    code = Exit.OK
    for number, text in _lines(source):
        try:
            request = _request(common, text, given=bool(routing.context_size))
            request = request.replace(difficulty=difficulty(request.query).value)
            choice = decide(
                terminal.pool, request, profile=routing.profile, force=routing.force, detail=detail
            )
            decision = decision_json(choice.decision, detail) | {"difficulty": request.difficulty}
            document: dict[str, Any] = {"schema": 1, "decision": decision}
        except LlmpoolError as error:
            document = {"schema": 1, "line": number, "error": error.as_json()["error"]}
            code = Exit.USAGE
        sys.stdout.write(json.dumps(document) + "\n")
    return code


def _lines(source: str) -> Iterator[tuple[int, bytes]]:
    """Yield the non-empty lines with their numbers; raises Misuse when the file cannot be read."""
    with contextlib.ExitStack() as stack:
        try:
            handle = sys.stdin.buffer if source == "-" else stack.enter_context(Path(source).open("rb"))
            for number, line in enumerate(iter(lambda: handle.readline(LONGEST), b""), 1):
                if len(line) == LONGEST and line[-1:] != b"\n":
                    raise Misuse(f"{source}, line {number}: longer than any request")
                if line.strip():
                    yield number, line
        except OSError as error:
            raise Misuse(
                f"{source} cannot be read: {error.strerror}", hint="a file, or - for stdin"
            ) from None


def _request(common: RouteRequest, text: bytes, *, given: bool) -> RouteRequest:
    """Read one line over the options of the command line; raises Misuse naming what is wrong with it."""
    line = _object(text)
    for name, value in line.items():
        _check(name, value)
    if "query" not in line:
        raise Misuse('not an object with a text "query"')
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


def _object(text: bytes) -> dict[str, Any]:
    """Read a line as a JSON object; raises Misuse."""
    try:
        line = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Misuse(f"not UTF-8 (byte {error.start} of the line)") from None
    except (ValueError, RecursionError):
        raise Misuse("not JSON") from None
    if not isinstance(line, dict):
        raise Misuse('not an object with a text "query"')
    return line


def _check(name: str, value: Any) -> None:
    """Check one field; raises Misuse."""
    wanted = _TYPES.get(name)
    if wanted is None:
        raise Misuse(f'"{name[:40]}" is not known', hint=f"known: {', '.join(_TYPES)}")
    if type(value) is not wanted:
        raise Misuse(f'"{name}" is not {_WORDS[wanted]}')
    if isinstance(value, int) and not 0 <= value <= _MOST:
        raise Misuse(f'"{name}" is {"negative" if value < 0 else "too large"}')
