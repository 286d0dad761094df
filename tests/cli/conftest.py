"""Every JSON document that a test of the command line sees is held to its committed schema (DESIGN 3.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llmpool.router import failure
from tests import schemas
from tests.support import Home, Result

MOST = 100  # documents of one run: the next thousand are of the same kind


@pytest.fixture(autouse=True)
def documents_seen(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Check the documents of each run in this process, and name those that came by."""
    seen: set[str] = set()
    here = Home.here

    def checked(self: Home, *args: str, **more: Any) -> Result:
        result = here(self, *args, **more)
        if "--json" in args and "--jsonl" not in args:
            seen.update(_checked(args, result))
        return result

    monkeypatch.setattr(Home, "here", checked)
    return seen


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run in this process wait a tenth as long before it asks the same server again."""
    monkeypatch.setattr(failure, "FIRST_WAIT", failure.FIRST_WAIT / 10)


def _checked(args: tuple[str, ...], result: Result) -> Iterator[str]:
    for document in _documents(result.out)[:MOST]:
        schemas.check(args, document)
        yield schemas.document_of(args)
    last = result.err.splitlines()[-1:]
    if result.code and not result.out and "--json" in args and last[0].startswith("{"):
        schemas.check_error(json.loads(last[0]))
        yield "error"


def _documents(out: str) -> list[Any]:
    """Read what was printed: one document, or one a line; what an export prints is no document of ours."""
    try:
        found = [json.loads(out)] if out.strip() else []
    except ValueError:
        found = [json.loads(line) for line in out.splitlines() if line.startswith('{"schema"')]
    return [each for each in found if isinstance(each, dict) and "schema" in each]
