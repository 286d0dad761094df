"""The lines of `route --batch`: each is a request over the options of the command line, and is decided."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpool.chat.batch_lines import TYPES, checked, laid_over, objects
from llmpool.core.text import tokens
from llmpool.decide import decide, understand
from llmpool.errors import LlmpoolError, Misuse
from llmpool.judging import difficulty
from llmpool.router.explain import decision_json

if TYPE_CHECKING:
    from llmpool.core.routing import RouteRequest
    from llmpool.pool import Pool

LONGEST = 16 << 20  # bytes of a line
_KNOWN = (
    *("query", "context_size", "needs_tools", "needs_streaming", "needs_images", "tool_count"),
    *("priority", "hints"),
)
_TYPES = {name: TYPES[name] for name in _KNOWN}


def decided(
    pool: Pool, source: str, common: RouteRequest, *, profile: str, force: bool, detail: int
) -> Iterator[dict[str, Any]]:
    """Decide each line of *source*, `-` for stdin; what is wrong with one stands in its place as its error.

    The best *detail* candidates and rejections of each, all of them with 0. A mistake in the options is no
    fault of a line, and raises, as a file does that cannot be read.
    """
    understand(pool, common, profile=profile, force=force)
    for number, text in _lines(source):
        try:
            request = _request(common, text)
            request = request.replace(difficulty=difficulty(request.query).value)
            choice = decide(pool, request, profile=profile, force=force, detail=detail)
            decision = decision_json(choice.decision, detail) | {"difficulty": request.difficulty}
            yield {"schema": 1, "decision": decision}
        except LlmpoolError as error:
            yield {"schema": 1, "line": number, "error": error.as_json()["error"]}


def _lines(source: str) -> Iterator[tuple[int, bytes]]:
    """Yield the non-empty lines with their numbers; raises Misuse when the file cannot be read."""
    with ExitStack() as stack:
        try:
            file = sys.stdin.buffer if source == "-" else stack.enter_context(Path(source).open("rb"))
            for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
                if len(line) == LONGEST and line[-1:] != b"\n":
                    raise Misuse(f"{source}, line {number}: longer than any request")
                if line.strip():
                    yield number, line
        except OSError as error:
            raise Misuse(
                f"{source} cannot be read: {error.strerror}", hint="a file, or - for stdin"
            ) from None


def _request(common: RouteRequest, text: bytes) -> RouteRequest:
    """Read one line over the options of the command line; raises Misuse naming what is wrong with it."""
    line = objects(text)
    if not isinstance(line, dict):
        raise Misuse('not an object with a text "query"')
    checked(line, _TYPES)
    if "query" not in line:
        raise Misuse('not an object with a text "query"')
    request = laid_over(common, line).replace(query=line["query"])
    return request if request.stated else request.replace(context_size=tokens(request.query))
